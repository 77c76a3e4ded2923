"""A small table of figures: a name and numbers, with a head, a total and a row that is marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.color import Color
from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

from memoria_tui.text import present

_GAP = 2
_SWATCH = "■"
_TWO_SIDED = 3
"""Lines from which on what has no room is told above and below."""
_HEAD = "bold $foreground 50%"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    name: str
    figures: tuple[str, ...]
    colour: Color | None = None
    """Of the square before the name."""
    sign: str = _SWATCH
    """In the place of that on a terminal without colours."""


@dataclass(frozen=True, slots=True)
class Table:
    head: tuple[str, ...] = ()
    """Over the name and over each figure."""
    rows: tuple[Row, ...] = ()
    total: Row | None = None


class FigureTable(Widget):
    """Numbers right-aligned in columns; where lines have no room, those around the marked one stay in sight."""

    DEFAULT_CSS = """
    FigureTable {
        height: 1fr;
        & > .figure-table--marked { background: $block-cursor-blurred-background; }
    }
    """
    COMPONENT_CLASSES = {"figure-table--marked"}

    table: reactive[Table] = reactive(Table)
    marked: reactive[int | None] = reactive(None)
    more_by: reactive[str] = reactive("")
    """The keys that bring rows into sight for which there is no room."""

    def watch_table(self) -> None:
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self._height(len(self.table.rows)) if self.table.rows else 0

    def _height(self, rows: int) -> int:
        return 1 + rows + (self.table.total is not None)

    def render_line(self, y: int) -> Strip:
        shown, first, above = self._window()
        lines = self._lines(shown, first, above)
        content = lines[y] if y < len(lines) else Content("")
        row = y - 1 - (above > 0)
        marked = self.marked is not None and row + first == self.marked and 0 <= row < len(shown)
        style = self.get_visual_style("figure-table--marked") if marked else self.visual_style
        return present.strip(content, self.size.width, style)

    def _window(self) -> tuple[Sequence[Row], int, int]:
        """The rows for which there is room, the number of the first of them, and how many a line above them tells of.

        What has no room on either side is told where it is, by a line that takes the place of a row.
        """
        rows = self.table.rows
        room = self.size.height - self._height(0)
        if len(rows) <= room:
            return rows, 0, 0
        some, marked = max(0, room - 1), self.marked or 0
        if marked < some or not some:
            return rows[:some], 0, 0
        if marked >= len(rows) - some:
            return rows[len(rows) - some :], len(rows) - some, len(rows) - some
        if room < _TWO_SIDED:
            return rows[marked : marked + some], marked, 0
        first = marked - (some - 1) // 2
        return rows[first : first + some - 1], first, first

    def _lines(self, shown: Sequence[Row], first: int, above: int) -> list[Content]:
        if not self.table.rows:
            return []
        head = Row(self.table.head[0], self.table.head[1:])
        names = present.shortened([present.line(row.name) for row in shown], self._room())
        lines = [self._line(head, _HEAD, _HEAD)]
        below = len(self.table.rows) - len(shown) - above
        if above:
            lines.append(self._more(above, keys=not below))
        lines += [self._line(row, "", "$foreground 85%", name) for row, name in zip(shown, names, strict=True)]
        if below:
            lines.append(self._more(below, keys=True))
        if self.table.total is not None:
            lines.append(self._line(self.table.total, "bold", "bold"))
        return lines

    def _more(self, number: int, *, keys: bool) -> Content:
        """«… 2 more · J K»."""
        by = f" · {self.more_by}" if keys and self.more_by else ""
        return Content.assemble((f" … {number} more", "$foreground 50%"), (by, "$accent"))

    def _has_swatches(self) -> bool:
        return any(one.colour for one in self.table.rows)

    def _room(self) -> int:
        """Cells for a name."""
        figures = sum(width + _GAP for width in self._widths())
        return max(0, self.size.width - 2 - figures - (2 if self._has_swatches() else 0))

    def _line(self, row: Row, name_style: str, figure_style: str, shown: str | None = None) -> Content:
        widths, room, swatches = self._widths(), self._room(), self._has_swatches()
        square = row.sign if self.app.no_color else _SWATCH
        swatch = (f"{square} ", Style(foreground=row.colour)) if row.colour else "  " if swatches else ""
        name = present.fit(row.name if shown is None else shown, room)
        figures = "".join(
            " " * _GAP + present.fit(figure, width, right=True)
            for figure, width in zip(row.figures, widths, strict=False)
        )
        return Content.assemble(
            " ",
            swatch,
            (name, name_style),
            (figures, figure_style),
            " ",
        )

    def _widths(self) -> list[int]:
        """Of the columns of figures; the last ones give way where the name would have no room."""
        lines = [self.table.head[1:], *(row.figures for row in self.table.rows)]
        lines += [self.table.total.figures] if self.table.total else []
        widths = [max(map(len, column)) for column in zip(*lines, strict=False)]
        while len(widths) > 1 and sum(width + _GAP for width in widths) > self.size.width - 12:
            widths.pop()
        return widths
