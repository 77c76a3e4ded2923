"""Live counts beside the list: types, tags, projects, dates; choosing one narrows the query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never, get_args

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from memoria_tui.terminal.textual_internals import StillScrollView, resize_content
from memoria_tui.text import present
from services.model import FacetCount, Facets, MemoryType

FacetKind = Literal["type", "tag", "project", "date"]
KINDS: tuple[FacetKind, ...] = get_args(FacetKind)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the panel: a value with its count, the head of a group (no value), or a blank (no kind)."""

    kind: FacetKind | None = None
    value: str | None = None
    count: int = 0


class FacetPanel(StillScrollView, can_focus=True):
    """Groups of values with their counts; active ones are marked."""

    DEFAULT_CSS = """
    FacetPanel {
        width: 22;
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        & > .facet-panel--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
        }
        & > .facet-panel--hover { background: $foreground 4%; }
    }
    """
    COMPONENT_CLASSES = {"facet-panel--cursor", "facet-panel--hover"}
    BINDINGS = [
        Binding("up,k", "move(-1)", "Up", show=False, id="facets.up", tooltip="Go to the value above"),
        Binding("down,j", "move(1)", "Down", show=False, id="facets.down", tooltip="Go to the value below"),
        Binding("home,g", "move(-100000)", "Top", show=False, id="facets.first", tooltip="Go to the first value"),
        Binding("end,G", "move(100000)", "Bottom", show=False, id="facets.last", tooltip="Go to the last value"),
        Binding(
            "enter,space", "choose", "Narrow", id="facets.toggle", tooltip="Narrow the search to this value, or not"
        ),
    ]

    facets: reactive[Facets] = reactive(Facets)
    active: reactive[frozenset[tuple[FacetKind, str]]] = reactive(frozenset)
    """(kind, value) of what the query already asks for."""
    cursor: reactive[int] = reactive(0)
    """Number of the value under the cursor, heads and blanks not counted."""
    hovered: reactive[int | None] = reactive(None)

    @dataclass
    class Toggled(Message):
        """A value was chosen or taken back."""

        kind: FacetKind
        value: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: list[_Line] = []
        self._places: list[int] = []
        """Line of each value."""

    def watch_facets(self, facets: Facets) -> None:
        """Lays the lines out again and keeps the cursor on its value."""
        under_cursor = self._value_line(self.cursor)
        self._lines = _lay_out(facets, self.active)
        self._places = [place for place, line in enumerate(self._lines) if line.value is not None]
        resize_content(self, Size(0, len(self._lines)))
        if under_cursor is not None:
            same = (under_cursor.kind, under_cursor.value)
            values = [(self._lines[place].kind, self._lines[place].value) for place in self._places]
            self.set_reactive(
                FacetPanel.cursor, values.index(same) if same in values else self.validate_cursor(self.cursor)
            )

    def watch_active(self) -> None:
        self.watch_facets(self.facets)

    def _value_line(self, number: int) -> _Line | None:
        return self._lines[self._places[number]] if 0 <= number < len(self._places) else None

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self._places) - 1))

    def watch_cursor(self, number: int) -> None:
        if number < len(self._places):
            # The head above the first value of a group comes into sight with it.
            line = self._places[number]
            self.scroll_to_region(Region(0, max(0, line - 1), 1, 2), animate=False, force=True, immediate=True)

    def action_move(self, values: int) -> None:
        self.cursor += values

    def action_choose(self) -> None:
        line = self._value_line(self.cursor)
        if line is not None and line.kind is not None and line.value is not None:
            self.post_message(self.Toggled(line.kind, line.value))

    def on_click(self, event: events.Click) -> None:
        place = event.y + self.scroll_offset.y
        if place in self._places:
            self.cursor = self._places.index(place)
            self.action_choose()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.hovered = event.y + self.scroll_offset.y

    def on_leave(self) -> None:
        self.hovered = None

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        place = y + self.scroll_offset.y
        style = self.visual_style
        line = self._lines[place] if place < len(self._lines) else _Line()
        if line.value is not None:
            if self.has_focus and self._places[self.cursor] == place:
                style = self.get_visual_style("facet-panel--cursor")
            elif self.hovered == place:
                style = self.get_visual_style("facet-panel--hover")
        return present.strip(self._draw(line, width), width, style)

    def _draw(self, line: _Line, width: int) -> Content:
        if line.kind is None:
            return Content("")
        if line.value is None:
            return Content.styled(present.clip(f" {line.kind.upper()}", width), "bold $foreground 50%")
        active = (line.kind, line.value) in self.active
        glyph: tuple[str, str] | str = ""
        if line.kind == "type" and line.value in tuple(MemoryType):
            kind = MemoryType(line.value)
            glyph = (f"{present.glyph(kind)} ", present.colour(kind))
        number = f" {present.count(line.count)} "
        room = width - 1 - len(number) - (2 if glyph else 0)
        name = present.fit(present.line(line.value), max(0, room))
        marked = "bold $accent" if active else ""
        return Content.assemble(
            ("✓" if active else " ", "bold $accent"), glyph, (name, marked), (number, "$foreground 55%")
        )


def _counts(facets: Facets, kind: FacetKind) -> tuple[FacetCount, ...]:
    match kind:
        case "type":
            return facets.types
        case "tag":
            return facets.tags
        case "project":
            return facets.projects
        case "date":
            return facets.dates
    assert_never(kind)


def _lay_out(facets: Facets, active: frozenset[tuple[FacetKind, str]]) -> list[_Line]:
    """A head and the values for each group that has any; an active value that no memory has left stays, with 0."""
    lines: list[_Line] = []
    for kind in KINDS:
        counts = _counts(facets, kind)
        counted = {entry.value for entry in counts}
        gone = sorted(value for group, value in active if group == kind and value not in counted)
        if counts or gone:
            lines += [_Line()] if lines else []
            lines.append(_Line(kind))
            lines += [_Line(kind, value) for value in gone]
            lines += [_Line(kind, entry.value, entry.count) for entry in counts]
    return lines
