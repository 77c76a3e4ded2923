"""A neighbourhood drawn as boxes and labelled arrows; arrow keys move over it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from textual import events, work
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Region, Size, Spacing
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from memoria_tui import present
from memoria_tui.neighbor_tree import branch_out
from memoria_tui.widgets.map_canvas import Canvas, Cell, Tone, paint, selection
from memoria_tui.widgets.map_layout import Box, Layout, lay_out, neighbour
from services.graph.graph_values import Neighborhood
from services.model import MemoryType, RelationType

MOST_BOXES = 60
"""Memories that are drawn at most, the nearest first; the tree holds all."""


class RelationMap(ScrollView, can_focus=True):
    """The map of one neighbourhood, with a selection that the view follows."""

    DEFAULT_CSS = """
    RelationMap {
        height: 1fr;
        scrollbar-size: 0 0;
    }
    """
    BINDINGS = [
        Binding("up,k", "move(0, -1)", "Up", show=False, id="map.up", tooltip="Go to the memory above"),
        Binding("down,j", "move(0, 1)", "Down", show=False, id="map.down", tooltip="Go to the memory below"),
        Binding("left", "move(-1, 0)", "Left", show=False, id="map.left", tooltip="Go to the memory at the left"),
        Binding("right", "move(1, 0)", "Right", show=False, id="map.right", tooltip="Go to the memory at the right"),
        Binding("home", "center", "Centre", show=False, id="map.center", tooltip="Go to the centre"),
        Binding("enter", "walk", "Walk", id="map.walk", tooltip="Make this memory the centre"),
    ]

    selected: reactive[str] = reactive("", repaint=False)
    """Id of the selected memory."""

    @dataclass
    class Highlighted(Message):
        """The person moved to another memory."""

        memory_id: str

    @dataclass
    class Walked(Message):
        """Enter, or a click on the selected memory."""

        memory_id: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._around: Neighborhood | None = None
        self._shown: Neighborhood | None = None
        self._layout: Layout | None = None
        self._canvas: Canvas | None = None
        self._fresh = True
        """The centre is another one: the view begins at it."""
        self._marks: Mapping[int, Mapping[int, Cell]] = {}

    def show(self, around: Neighborhood | None) -> None:
        """Draws a neighbourhood, or nothing."""
        if self._around is None or around is None or around.center != self._around.center:
            self._fresh = True
        self._around = around
        self._draw()

    @property
    def left_out(self) -> int:
        """Memories of the neighbourhood that are not drawn."""
        return max(0, len(self._around.nodes) - MOST_BOXES) if self._around is not None else 0

    @property
    def shown(self) -> Neighborhood | None:
        """The neighbourhood that is drawn; an earlier one while the next is being laid out."""
        return self._shown

    @property
    def boxes(self) -> tuple[Box, ...]:
        """What is drawn, the centre first."""
        return self._layout.boxes if self._layout is not None else ()

    @work(exclusive=True, group="map")
    async def _draw(self) -> None:
        size = self.scrollable_content_region.size
        if self._around is None or not size.width:
            self._layout = self._canvas = None
            self.virtual_size = Size(0, 0)
        else:
            layout, self._canvas = await asyncio.to_thread(_drawn, self._around, size)
            self._layout, self.virtual_size = layout, Size(layout.width, layout.height)
        self._shown = self._around
        if self._fresh and self.boxes:
            self._fresh = False
            center = self.boxes[0]
            region = Region(center.x, center.y, center.width, center.height)
            self.scroll_to_region(region, center=True, animate=False, force=True, immediate=True)
        self._mark()

    def _mark(self) -> None:
        if self._layout is None or self._around is None:
            self._marks = {}
        else:
            self._marks = selection(self._layout, self.selected, self._around.edges)
            self._follow()
        self.refresh()

    def _follow(self) -> None:
        """Brings the selected box into view; what is seen whole already does not move."""
        box = self._box(self.selected)
        if box is None:
            return
        region = Region(box.x, box.y, box.width, box.height)
        if not Region.from_offset(self.scroll_offset, self.scrollable_content_region.size).contains_region(region):
            spacing = Spacing.unpack((1, 2))
            self.scroll_to_region(
                region, spacing=spacing, center=not box.column, animate=False, force=True, immediate=True
            )

    def watch_selected(self) -> None:
        self._mark()

    def on_resize(self) -> None:
        self._draw()

    # drawing

    def _style(self, tone: Tone) -> str:
        if isinstance(tone, MemoryType | RelationType):
            return present.colour(tone)
        strong = "bold $accent" if self.has_focus else "bold $foreground 70%"
        return {"line": "$foreground 35%", "strong": strong, "warning": "$warning"}.get(tone, "")

    def render_line(self, y: int) -> Strip:
        left, top = self.scroll_offset
        width = self.scrollable_content_region.width
        line = y + top
        cells: Mapping[int, Cell] = self._canvas.cells.get(line, {}) if self._canvas is not None else {}
        if marks := self._marks.get(line):
            cells = {**cells, **marks}
        shown = [cells.get(x, (" ", "text")) for x in range(left, left + width)]
        if shown and not shown[0][0]:
            shown[0] = (" ", "text")  # the second half of a wide character cannot be drawn alone
        runs = groupby(shown, key=lambda cell: cell[1])
        content = Content.assemble(*(("".join(text for text, _ in run), self._style(tone)) for tone, run in runs))
        return present.strip(content, width, self.visual_style)

    # moving

    def action_move(self, dx: int, dy: int) -> None:
        if self._layout is not None and (found := neighbour(self._layout, self.selected, dx, dy)):
            self._go(found)

    def action_center(self) -> None:
        if self._around is not None:
            self._go(self._around.center)

    def action_walk(self) -> None:
        if self._box(self.selected):
            self.post_message(self.Walked(self.selected))

    def on_click(self, event: events.Click) -> None:
        x, y = event.x + self.scroll_offset.x, event.y + self.scroll_offset.y
        for box in self.boxes:
            if box.x <= x < box.right and box.y <= y < box.y + box.height:
                if box.id == self.selected:
                    self.action_walk()
                else:
                    self._go(box.id)

    def _go(self, memory_id: str) -> None:
        self.selected = memory_id
        self.post_message(self.Highlighted(memory_id))

    def _box(self, memory_id: str) -> Box | None:
        return next((box for box in self.boxes if box.id == memory_id), None)


def _drawn(around: Neighborhood, size: Size) -> tuple[Layout, Canvas]:
    layout = lay_out(branch_out(around, MOST_BOXES), size.width, size.height)
    return layout, paint(layout)
