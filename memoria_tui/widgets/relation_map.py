"""A neighbourhood drawn as boxes and labelled arrows, as an overview or a timeline; arrow keys move over it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from textual import events, work
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Offset, Region, Size, Spacing
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.style import Style

from memoria_tui.terminal.textual_internals import StillScrollView, resize_content
from memoria_tui.text import present
from memoria_tui.text.neighbor_tree import Branch, Surroundings
from memoria_tui.widgets.map_canvas import Cell, Tone
from memoria_tui.widgets.map_colours import ColourBy, colouring, legend
from memoria_tui.widgets.map_layout import Box
from memoria_tui.widgets.map_picture import Folds, Picture, View, drawn
from memoria_tui.widgets.map_spots import group_id
from services.graph.graph_values import Neighborhood
from services.model import MemoryType, Relation, RelationType, any_of
from services.ports import Clock

_Look = tuple[ColourBy, Folds, View, Size, Picture | None]
"""What a neighbourhood is drawn by; the last is what is seen before it."""
_VIEWS = tuple(View)
_PAN = (8, 4)
"""Cells and lines by which a key moves the view."""


class RelationMap(StillScrollView, can_focus=True):
    """The map of one neighbourhood, with a selection that the view follows."""

    DEFAULT_CSS = """
    RelationMap {
        height: 1fr;
        overflow: hidden hidden;
    }
    """
    ALLOW_SELECT = False
    BINDINGS = [
        Binding("up,k", "move(0, -1)", "Up", show=False, id="map.up", tooltip="Go to the memory above"),
        Binding("down,j", "move(0, 1)", "Down", show=False, id="map.down", tooltip="Go to the memory below"),
        Binding("left", "move(-1, 0)", "Left", show=False, id="map.left", tooltip="Go to the memory at the left"),
        Binding("right", "move(1, 0)", "Right", show=False, id="map.right", tooltip="Go to the memory at the right"),
        Binding("shift+up", "pan(0, -1)", "Pan up", show=False, id="map.pan_up", tooltip="Move the view up"),
        Binding("shift+down", "pan(0, 1)", "Pan down", show=False, id="map.pan_down", tooltip="Move the view down"),
        Binding("shift+left", "pan(-1, 0)", "Pan left", show=False, id="map.pan_left", tooltip="Move the view left"),
        Binding("shift+right", "pan(1, 0)", "Pan right", show=False, id="map.pan_right", tooltip="Move it right"),
        Binding("home", "center", "Centre", show=False, id="map.center", tooltip="Go to the centre"),
        Binding("enter", "walk", "Walk", id="map.walk", tooltip="Make this memory the centre, or open the group"),
        Binding("less_than_sign", "fold", "Fold", show=False, id="map.fold", tooltip="Fold its group again"),
        Binding("0", "view", "View", id="map.view", tooltip=any_of(View).capitalize()),
        Binding("space", "mark", "Mark", id="map.mark", tooltip="Mark it as where a link starts"),
        Binding("right_square_bracket", "choose(1)", "Relation", id="map.next", tooltip="Choose its next relation"),
        Binding(
            "left_square_bracket", "choose(-1)", "Before", show=False, id="map.before", tooltip="The relation before"
        ),
    ]

    selected: reactive[str] = reactive("", repaint=False)
    """Id of the selected memory, or of a group."""
    marked: reactive[str] = reactive("", repaint=False)
    """Id of the memory where a link starts; "" for none."""
    chosen: reactive[str] = reactive("", repaint=False)
    """Id of the relation that is chosen; "" for none."""

    @dataclass
    class Highlighted(Message):
        """The person moved to another memory, or to a group."""

        memory_id: str

    @dataclass
    class Walked(Message):
        """Enter, or a click on the selected memory."""

        memory_id: str

    @dataclass
    class Chosen(Message):
        """Another relation is chosen, another memory is marked, or none any more."""

    def __init__(self, clock: Clock, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._clock = clock
        self._shown: Surroundings | None = None
        self._picture: Picture | None = None
        self._view = View.BOXES
        self._colour_by = ColourBy.TYPE
        self._folds = Folds()
        self._marks: Mapping[int, Mapping[int, Cell]] = {}
        self._ready: tuple[_Look, Surroundings, Picture] | None = None
        """What was drawn beforehand, and for what."""
        self._styles: dict[tuple[Tone, str, bool], Style] = {}
        self._dragged: Offset | None = None
        """Where the mouse was when it last moved the view."""
        self._panned = False

    def show(self, shown: Surroundings | None, colour_by: ColourBy = ColourBy.TYPE) -> None:
        """Draws a neighbourhood, or nothing."""
        ready, self._ready = self._ready, None
        center = shown.around.center if shown is not None else ""
        fits = ready is not None and ready[1] is shown and ready[0] == self._look(center, colour_by)
        self._folds = self._folds_around(center)
        self._shown, self._colour_by = shown, colour_by
        if self.relation is None:
            self.chosen = ""
        if ready is not None and fits:
            self.workers.cancel_group(self, "map")
            self._take(ready[2])
        else:
            self._draw()

    async def prepare(self, around: Neighborhood, colour_by: ColourBy) -> Surroundings:
        """Gives a neighbourhood its tree and draws it beforehand: `show` shows it in one redraw with the tree."""
        look, now = self._look(around.center, colour_by), self._clock()

        def made() -> tuple[Surroundings, Picture | None]:
            shown = Surroundings.of(around)
            return shown, _drawn(shown, look, now) if look[3].width else None

        shown, picture = await asyncio.to_thread(made)
        self._ready = (look, shown, picture) if picture is not None else None
        return shown

    def _look(self, center: str, colour_by: ColourBy) -> _Look:
        size = self.scrollable_content_region.size
        return colour_by, self._folds_around(center), self._view, size, self._picture

    def _folds_around(self, center: str) -> Folds:
        """Around another centre nothing was opened or folded yet."""
        return self._folds if self._around is not None and self._around.center == center else Folds()

    @property
    def _around(self) -> Neighborhood | None:
        return self._shown.around if self._shown is not None else None

    @property
    def shown(self) -> Neighborhood | None:
        """The neighbourhood that is drawn; an earlier one while the next is being laid out."""
        return self._picture.around if self._picture is not None else None

    @property
    def picture(self) -> Picture | None:
        """What is drawn, with where it is."""
        return self._picture

    @property
    def boxes(self) -> tuple[Box, ...]:
        """What is drawn, the centre first."""
        return self._picture.layout.boxes if self._picture is not None else ()

    @property
    def view(self) -> View:
        return self._view

    @property
    def relation(self) -> Relation | None:
        """The relation that is chosen."""
        return self._relation_of(self.chosen)

    def _relation_of(self, id_: str | None) -> Relation | None:
        """None for one that is drawn, and gone from what is drawn next."""
        edges = self._around.edges if self._around is not None else ()
        return next((one for one in edges if one.id == id_), None)

    @property
    def legend(self) -> list[tuple[str, str]]:
        """What the colours say: names with their styles."""
        if self._around is None:
            return []
        return [(label, self._style(tone)) for label, tone in legend(self._colour_by, self._around)]

    def holds(self, spot_id: str) -> bool:
        """Whether that is a memory or a group on the map."""
        return self._picture is not None and self._picture.box(spot_id) is not None

    @work(exclusive=True, group="map")
    async def _draw(self) -> None:
        if self._shown is None or not self.scrollable_content_region.width:
            self._picture = None
            resize_content(self, Size(0, 0))
            self._mark()
        else:
            look = self._look(self._shown.around.center, self._colour_by)
            self._take(await asyncio.to_thread(_drawn, self._shown, look, self._clock()))

    def _take(self, picture: Picture) -> None:
        before, self._picture = self._picture, picture
        resize_content(self, Size(picture.layout.width, picture.layout.height))
        self._keep_in_place(before)
        self._mark()

    def _keep_in_place(self, before: Picture | None) -> None:
        """What is seen stays where it is on the screen; at another centre the view begins there."""
        assert self._picture is not None
        mine = self._picture
        if before is None or (before.around.center, before.view) != (mine.around.center, mine.view):
            center = mine.layout.boxes[0]
            self.scroll_to_region(_region(center), center=True, animate=False, force=True, immediate=True)
            return
        for anchor in (self.selected, mine.around.center):
            was, now = before.box(anchor), mine.box(anchor)
            if was is not None and now is not None:
                x, y = self.scroll_offset.x + now.x - was.x, self.scroll_offset.y + now.y - was.y
                self.scroll_to(x, y, animate=False, force=True, immediate=True)
                return

    def _mark(self) -> None:
        self._marks = self._picture.marks(self.selected, self.chosen) if self._picture is not None else {}
        self._follow()
        self.refresh()

    def _follow(self) -> None:
        """Brings the selected box into view; what is seen whole already does not move."""
        box = self._picture.box(self.selected) if self._picture is not None else None
        if box is None:
            return
        seen = Region.from_offset(self.scroll_offset, self.scrollable_content_region.size)
        if not seen.contains_region(_region(box)):
            self.scroll_to_region(
                _region(box),
                spacing=Spacing.unpack((1, 2)),
                center=box.id == self.boxes[0].id,
                animate=False,
                force=True,
                immediate=True,
            )

    def watch_selected(self) -> None:
        relation = self.relation
        if relation is not None and self.selected not in (relation.source_id, relation.target_id):
            self.chosen = ""
        self._mark()

    def watch_chosen(self) -> None:
        self._mark()
        self.post_message(self.Chosen())

    def watch_marked(self) -> None:
        self.refresh()
        self.post_message(self.Chosen())

    def on_resize(self) -> None:
        self._draw()

    # drawing

    def _style(self, tone: Tone) -> str:
        if isinstance(tone, MemoryType | RelationType):
            return present.colour(tone)
        if tone.startswith("series-"):
            return f"${tone}"
        strong = "bold $accent" if self.has_focus else "bold $foreground 70%"
        named = {
            "line": "$foreground 35%",
            "quiet": "$foreground 60%",
            "strong": strong,
            "cursor": f"{strong} reverse",
            "warning": "$warning",
        }
        return named.get(tone, "")

    def _parsed(self, tone: Tone) -> Style:
        """Parsed once as long as theme and focus are the same: a map has hundreds of runs."""
        key = (tone, self.app.theme, self.has_focus)
        if (style := self._styles.get(key)) is None:
            style = self._styles[key] = Style.parse(self._style(tone))
        return style

    def render_line(self, y: int) -> Strip:
        left, top = self.scroll_offset
        width = self.scrollable_content_region.width
        line = y + top
        cells: Mapping[int, Cell] = self._picture.canvas.cells.get(line, {}) if self._picture is not None else {}
        if marks := self._marks.get(line):
            cells = {**cells, **marks}
        box = self._picture.box(self.marked) if self._picture is not None and self.marked else None
        if box is not None and line == box.y + (box.height > 1):
            cells = {**cells, box.x + (box.height > 1) + 1: ("✓", "strong")}
        shown = [cells.get(x, (" ", "text")) for x in range(left, left + width)]
        if shown and not shown[0][0]:
            shown[0] = (" ", "text")  # the second half of a wide character cannot be drawn alone
        runs = groupby(shown, key=lambda cell: cell[1])
        content = Content.assemble(*(("".join(text for text, _ in run), self._parsed(tone)) for tone, run in runs))
        return present.strip(content, width, self.visual_style)

    # moving

    def action_move(self, dx: int, dy: int) -> None:
        if self._picture is not None and (found := self._picture.step(self.selected, dx, dy)):
            self._go(found)

    def action_pan(self, dx: int, dy: int) -> None:
        self.scroll_relative(dx * _PAN[0], dy * _PAN[1], animate=False, force=True, immediate=True)

    @property
    def allow_vertical_scroll(self) -> bool:
        return self.max_scroll_y > 0

    @property
    def allow_horizontal_scroll(self) -> bool:
        return self.max_scroll_x > 0

    def action_center(self) -> None:
        if self._around is not None:
            self._go(self._around.center)

    def action_walk(self) -> None:
        box = self._picture.box(self.selected) if self._picture is not None else None
        if box is None:
            return
        if box.spot.is_group:
            self._folds = Folds(self._folds.opened | {box.id}, self._folds.folded - {box.id})
            self._go(box.spot.branch.id if self.selected == box.id else self.selected)
            self._draw()
        else:
            self.post_message(self.Walked(self.selected))

    def action_fold(self) -> None:
        """Folds the group that the selected memory is in, or what is behind its neighbour."""
        box = self._picture.box(self.selected) if self._picture is not None else None
        if box is None or box.spot.is_group or box.spot.parent_id is None:
            return
        parent = self._picture.box(box.spot.parent_id) if self._picture is not None else None
        if parent is None:
            return
        like = [one for one in parent.spot.children if not one.is_group and _kind(one.branch) == _kind(box.spot.branch)]
        folded = group_id(parent.id, [one.branch for one in like], typed=not parent.spot.parent_id)
        self._folds = Folds(self._folds.opened - {folded}, self._folds.folded | {folded})
        self._draw()

    def action_view(self) -> None:
        self._view = _VIEWS[(_VIEWS.index(self._view) + 1) % len(_VIEWS)]
        self._draw()

    def action_mark(self) -> None:
        box = self._picture.box(self.selected) if self._picture is not None else None
        if box is not None and box.spot.is_group:
            self.action_walk()
        elif box is not None:
            self.marked = "" if self.marked == self.selected else self.selected

    def action_choose(self, step: int) -> None:
        """Chooses the next relation of the selected memory, those to the memories that are drawn first."""
        edges = self._around.edges if self._around is not None else ()
        mine = [one for one in edges if self.selected in (one.source_id, one.target_id)]
        if mine:
            place = next((number for number, one in enumerate(mine) if one.id == self.chosen), None)
            self.chosen = mine[(place + step) % len(mine) if place is not None else (0 if step > 0 else -1)].id

    # the mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.button == 1:
            self._dragged, self._panned = event.screen_offset, False

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragged is None or event.button != 1 or event.screen_offset == self._dragged:
            return
        moved, before = self._dragged - event.screen_offset, self.scroll_offset
        self._dragged = event.screen_offset
        self.capture_mouse()
        self.scroll_relative(moved.x, moved.y, animate=False, force=True, immediate=True)
        # A hand that trembles where there is nothing to move still clicks.
        self._panned = self._panned or self.scroll_offset != before

    def on_mouse_up(self) -> None:
        self._dragged = None
        self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        """A click selects, a second one walks or opens; on a line it chooses the relation."""
        if self._panned or self._picture is None:
            self._panned = False
            return
        x, y = event.x + self.scroll_offset.x, event.y + self.scroll_offset.y
        if (box := self._picture.box_at(x, y)) is not None:
            here = self._picture.box(self.selected)
            if here is not None and box.id == here.id:
                self.action_walk()
            else:
                self._go(box.id)
        elif (relation := self._relation_of(self._picture.canvas.relations.get((x, y)))) is not None:
            if self.selected not in (relation.source_id, relation.target_id):
                self._go(relation.source_id)
            self.chosen = relation.id

    def _go(self, memory_id: str) -> None:
        self.selected = memory_id
        self.post_message(self.Highlighted(memory_id))


def _drawn(shown: Surroundings, look: _Look, now: datetime) -> Picture:
    colour_by, folds, view, size, before = look
    return drawn(shown, view, (size.width, size.height), colouring(colour_by, shown.around, now), folds, before)


def _region(box: Box) -> Region:
    return Region(box.x, box.y, box.width, box.height)


def _kind(branch: Branch) -> tuple[RelationType | None, bool]:
    return branch.type, branch.outgoing
