"""A list of memories of any length: draws only what is seen, asks for pages as they come near."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.timer import Timer

from memoria_tui.terminal.textual_internals import resize_content, sure
from memoria_tui.text import present
from memoria_tui.widgets.loaded_rows import Anchor, LoadedRows
from memoria_tui.widgets.memory_row import ROW_LINES, RowLayout, draw_gap, draw_row
from memoria_tui.widgets.row_list import RowList
from services.model import Hit, Query
from services.ports import Clock

AGES = 30.0
"""Seconds after which the ages of the rows are drawn again."""
_KEPT = 200
"""Rows whose drawing is kept."""
_SETTLE = 0.02
"""Seconds of rest before pages are asked for: a held key does not ask for all it passes."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A row as it was drawn: each of its lines is asked for by itself."""

    hit: Hit
    look: tuple[RowLayout, bool, tuple[str, str]]
    lines: tuple[Content, Content]


class MemoryList(RowList):
    """Two lines a memory, ranked or paged, with a cursor and marks."""

    DEFAULT_CSS = """
    MemoryList { scrollbar-gutter: stable; }
    """
    LINES = ROW_LINES
    BINDINGS = [
        Binding("up,k", "move(-1)", "Up", show=False, id="list.up", tooltip="Go to the memory above"),
        Binding("down,j", "move(1)", "Down", show=False, id="list.down", tooltip="Go to the memory below"),
        Binding("ctrl+u", "move_pages(-0.5)", "Half page up", show=False, id="list.half_up", tooltip="Half a page up"),
        Binding(
            "ctrl+d", "move_pages(0.5)", "Half page down", show=False, id="list.half_down", tooltip="Half a page down"
        ),
        Binding("pageup", "move_pages(-1)", "Page up", show=False, id="list.page_up", tooltip="A page up"),
        Binding("pagedown", "move_pages(1)", "Page down", show=False, id="list.page_down", tooltip="A page down"),
        Binding("home,g", "first", "Top", show=False, id="list.first", tooltip="Go to the first memory"),
        Binding("end,G", "last", "Bottom", show=False, id="list.last", tooltip="Go to the last memory"),
        Binding(
            "apostrophe",
            "find",
            "Find letter",
            show=False,
            id="list.find",
            tooltip="Then a letter: the next title that begins with it",
        ),
        Binding("enter", "select", "Open", show=False, id="list.select", tooltip="Open this memory"),
        Binding("space", "mark", "Mark", show=False, id="list.mark", tooltip="Mark this memory and go on"),
    ]

    marked: reactive[frozenset[str]] = reactive(frozenset, init=False)

    @dataclass
    class PageWanted(Message):
        """These rows will be seen soon; answer with `put_page`."""

        offset: int
        limit: int

    @dataclass
    class Highlighted(Message):
        """The cursor stands on another memory, or on none, or the memory under it is told again."""

        hit: Hit | None

    @dataclass
    class Selected(Message):
        """Enter, or a click on the current memory."""

        hit: Hit

    @dataclass
    class Gone(Message):
        """A refresh lacks the memory under the cursor, which stands on another one now."""

        hit: Hit
        elsewhere: bool
        """It may be in the list, far from where it was."""

    @dataclass
    class MarksChanged(Message):
        """Other memories are marked."""

        marked: frozenset[str]

    def __init__(self, clock: Clock, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._clock = clock
        self._query = Query()
        self._rows = LoadedRows()
        self._aim: str | None = None
        """A memory that is coming, for the cursor."""
        self._has_place = False
        """Whether a refresh keeps the cursor where it is."""
        self._anchor: Anchor | None = None
        """What a refresh puts the cursor on."""
        self._stood_on: Hit | None = None
        """The memory under the cursor before it."""
        self._finding = False
        self._settling: Timer | None = None
        self._layout: RowLayout | None = None
        self._drawn: dict[int, _Drawn] = {}

    @property
    def total(self) -> int:
        """Rows, loaded or not."""
        return self._rows.total

    @property
    def current(self) -> Hit | None:
        """The memory under the cursor; None while it is not loaded. While a refresh looks for it: the one before it."""
        return self._stood_on if self._looks_for_its_place else self._rows.get(self.cursor)

    @property
    def _looks_for_its_place(self) -> bool:
        return self._anchor is not None and self._aim is None and self._stood_on is not None

    def hits(self) -> tuple[Hit, ...]:
        """All loaded rows in order."""
        return tuple(hit for _, hit in self._rows)

    def show_listing(self, total: int, query: Query, *, first: Sequence[Hit] = ()) -> None:
        """Shows a list of `total` rows, whose first rows may be given at once; the others are asked for.

        The same query again is a refresh: the cursor stays on its memory and the memory on its line.
        """
        refresh = self._has_place and _question(query) == _question(self._query)
        moved, before = 0, self._anchor if self._looks_for_its_place else None
        self._stood_on = self.current if refresh and total else None
        self._anchor = None
        if self._stood_on is not None:
            self._anchor = before or self._anchor_on(self._stood_on)
            # Where there are more now, they mostly came above; a page near the guess shows the true place.
            here = self._anchor.at_top and self._anchor.place([hit.memory.id for hit in first], 0, total) is not None
            moved = 0 if here else total - self.total
        if self._aim is not None:
            self._anchor, moved = Anchor(self._aim, None, None, 0, at_top=True), 0
        cursor, top = self.cursor + moved, self.scroll_offset.y + moved * ROW_LINES
        self._query, self._layout, self._has_place = query, None, True
        self._rows.begin(total, keep=refresh, moved=moved)
        resize_content(self, Size(0, total * ROW_LINES))
        if not refresh or moved:
            self._scroll_to_line(top if refresh else 0)
        self.set_reactive(MemoryList.cursor, max(0, min(cursor if refresh else 0, total - 1)))
        self.put_page(0, first)
        self.refresh()

    def _anchor_on(self, current: Hit) -> Anchor:
        beside = [self._rows.get(self.cursor + step) for step in (1, -1)]
        following, preceding = (hit.memory.id if hit is not None else None for hit in beside)
        top = self.scroll_offset.y
        return Anchor(current.memory.id, following, preceding, self.cursor * ROW_LINES - top, not top)

    def put_page(self, offset: int, hits: Sequence[Hit]) -> None:
        """Fills rows from `offset` on."""
        before = self.current
        self._rows.put(offset, hits)
        self._follow_anchor(offset, hits)
        stood_on = self._stood_on
        if stood_on is not None and self._looks_for_its_place and self._rows.has_near(self._top, self._visible):
            self._anchor = None
            self.post_message(self.Gone(stood_on, elsewhere=True))
        self._rows.forget_far(self._top, keep=self.cursor)
        if not self._rows.has_near(self._top, self._visible):
            self._ask_soon()
        if offset <= self._top + self._visible and offset + len(hits) > self._top:
            self.refresh()
        if self.current is not before or not self.total:
            self.post_message(self.Highlighted(self.current))

    def aim_at(self, memory_id: str) -> None:
        """Puts the cursor on this memory once it is among the rows, unless a person moves the cursor first."""
        self._aim = memory_id

    def forget_place(self) -> None:
        """Lets the next listing begin at its first row, also one of the same query."""
        self._has_place = False

    def mark_all(self, ids: Iterable[str]) -> None:
        """Marks exactly these."""
        self.marked = frozenset(ids)

    def _follow_anchor(self, offset: int, hits: Sequence[Hit]) -> None:
        """Puts the cursor on the memory it stood on, at the height it had on the screen.

        Who looks at the top sees what comes in there, and the cursor goes down with its memory.
        """
        if self._anchor is None:
            return
        index = self._anchor.place([hit.memory.id for hit in hits], offset, self.total)
        if index is None:
            return
        if self._stood_on is not None and self._aim is None and hits[index - offset].memory.id != self._anchor.wanted:
            self.post_message(self.Gone(self._stood_on, elsewhere=False))
        self._aim = None
        at_top = self._anchor.at_top and index < self._visible
        top = 0 if at_top else index * ROW_LINES - self._anchor.height
        self._anchor = None
        self.set_reactive(MemoryList.cursor, index)
        self._scroll_to_line(top)

    # pages

    def _ask_soon(self) -> None:
        if self._settling is not None:
            self._settling.stop()
        if self.is_attached:
            self._settling = sure(self.set_timer(_SETTLE, self._ask))

    def _ask(self) -> None:
        if wanted := self._rows.wanted(self._top, self._visible):
            self.post_message(self.PageWanted(wanted.start, len(wanted)))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._ask_soon()

    def on_resize(self) -> None:
        self._draw_anew()
        self._ask_soon()

    # drawing

    def _draw_anew(self) -> None:
        """As wide as the list is now, with the ages of now."""
        self._layout = None
        self.refresh()

    def _row_layout(self) -> RowLayout:
        if self._layout is None:
            width, query = self.scrollable_content_region.width, self._query
            self._layout = RowLayout(width, query.ranked, query.judged, present.sought(query), self._clock())
        return self._layout

    def on_mount(self) -> None:
        self.set_interval(AGES, self._draw_anew, name="ages")

    def render_line(self, y: int) -> Strip:
        width = self._row_layout().width
        index, part = divmod(y + self.scroll_offset.y, ROW_LINES)
        style = self.visual_style
        if index >= self.total:
            text = "" if self.total or y != 1 else "No results."
            content = Content.assemble("  ", (present.clip(text, width - 2), "$foreground 60%"))
        else:
            style = self._row_style(index)
            content = self._row(index)[part]
        return present.strip(content, width, style)

    def _row(self, index: int) -> tuple[Content, Content]:
        bar = self._bar(index)
        hit = self._rows.get(index)
        if hit is None:
            return draw_gap(self._row_layout(), bar=bar)
        layout, marked = self._row_layout(), hit.memory.id in self.marked
        known = self._drawn.get(index)
        if known is None or known.hit is not hit or known.look != (layout, marked, bar):
            known = _Drawn(hit, (layout, marked, bar), draw_row(hit, layout, marked=marked, bar=bar))
            if len(self._drawn) > _KEPT:
                self._drawn.clear()
            self._drawn[index] = known
        return known.lines

    # cursor and marks

    def watch_cursor(self, old: int, new: int) -> None:
        self._anchor = None
        super().watch_cursor(old, new)
        self.post_message(self.Highlighted(self.current))

    def watch_marked(self, marked: frozenset[str]) -> None:
        self.post_message(self.MarksChanged(marked))

    def action_find(self) -> None:
        self._finding = True

    def action_select(self) -> None:
        if self.current is not None:
            self.post_message(self.Selected(self.current))

    def action_mark(self) -> None:
        if self.current is not None:
            self.marked ^= {self.current.memory.id}
            self.cursor += 1

    def on_key(self, event: events.Key) -> None:
        """Takes the key after `f` as the letter to go to."""
        if not self._finding:
            return
        self._finding = False
        if event.character is not None and event.is_printable:
            event.stop()
            event.prevent_default()
            self._go_to_letter(event.character.casefold())

    def _go_to_letter(self, letter: str) -> None:
        """Goes to the next row here whose title begins with the letter, from the top again after the last."""
        fitting = [index for index, hit in self._rows if present.title(hit.memory).casefold().startswith(letter)]
        if fitting:
            self.cursor = next((index for index in fitting if index > self.cursor), fitting[0])

    def on_click(self, event: events.Click) -> None:
        index = self._row_at(event.y)
        if index is None:
            return
        if index == self.cursor:
            self.action_select()
        self.cursor = index


def _question(query: Query) -> tuple[object, ...]:
    """What makes two queries the same for the eye; spans such as since:today move with the clock."""
    return query.raw, query.mode, query.sort, query.descending, query.like
