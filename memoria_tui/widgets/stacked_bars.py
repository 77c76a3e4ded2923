"""A chart of stacked bars over time, with a cursor."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.color import Color
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from memoria_tui.widgets.bar_layout import Bar, Colours, Grid, draw, grid_of, label_width, scale_of

_LEAST_ROWS = 4
_LEAST_COLUMNS = 16


@dataclass(frozen=True, slots=True)
class Chart:
    bars: tuple[Bar, ...] = ()
    colours: tuple[Color, ...] = ()
    """One a series."""
    signs: tuple[str, ...] = ()
    """One a series, in the place of blocks on a terminal without colours."""
    unit: str = ""
    """Behind the numbers of the axis."""
    mark: float | None = None
    """Where a dashed line runs."""
    unmarked: frozenset[int] = frozenset()
    """The bars at which it does not."""


class StackedBars(Widget):
    """Bars of one width on a quiet grid; the label of the one under the cursor is marked."""

    DEFAULT_CSS = """
    StackedBars {
        height: 1fr;
        & > .stacked-bars--axis { color: $foreground 55%; }
        & > .stacked-bars--grid { color: $foreground 14%; }
        & > .stacked-bars--mark { color: $accent 75%; }
        & > .stacked-bars--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: bold;
        }
        & > .stacked-bars--resting { background: $block-cursor-blurred-background; color: $foreground; }
    }
    """
    COMPONENT_CLASSES = {f"stacked-bars--{part}" for part in ("axis", "grid", "mark", "cursor", "resting")}
    BINDINGS = [
        Binding("left,up,k", "move(-1)", "Before", show=False, id="chart.before", tooltip="Go to the bar before"),
        Binding("right,down,j", "move(1)", "After", show=False, id="chart.after", tooltip="Go to the bar after"),
        Binding("home,g", "move(-10000)", "First", show=False, id="chart.first", tooltip="Go to the first bar"),
        Binding("end,G", "move(10000)", "Last", show=False, id="chart.last", tooltip="Go to the last bar"),
        Binding("enter", "open", "Days", id="chart.open", tooltip="Open the month to its days"),
    ]

    chart: reactive[Chart] = reactive(Chart)
    cursor: reactive[int] = reactive(0)
    opens: reactive[bool] = reactive(True, bindings=True)
    """Whether a bar can be opened."""

    @dataclass
    class Moved(Message):
        """The cursor stands on another bar."""

        number: int

    @dataclass
    class Opened(Message):
        """The person wants to see what a bar is made of."""

        number: int

    def __init__(self, *, cursor: bool = True, id: str | None = None) -> None:  # noqa: A002
        """Without `cursor` it only shows."""
        super().__init__(id=id)
        self.can_focus = cursor
        self._drawn: tuple[object, list[Text]] = (None, [])

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self.chart.bars) - 1))

    def watch_chart(self) -> None:
        self.cursor = self.validate_cursor(self.cursor)

    def watch_cursor(self, number: int) -> None:
        self.post_message(self.Moved(number))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.opens and bool(self.chart.bars) if action == "open" else super().check_action(action, parameters)

    def action_move(self, bars: int) -> None:
        self.cursor += bars

    def action_open(self) -> None:
        if self.opens and self.chart.bars:
            self.post_message(self.Opened(self.cursor))

    def on_click(self, event: events.Click) -> None:
        """The first click goes to a bar, the next one opens it."""
        if not self.can_focus or not self._has_room:
            return
        number = self._grid.at(event.x - self._axis)
        if number is None:
            return
        if number == self.cursor:
            self.action_open()
        else:
            self.cursor = number

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if not (self._has_room and self.chart.bars):
            return Strip.blank(width, self.rich_style)
        lines = self._lines()
        if y >= len(lines):
            return Strip.blank(width, self.rich_style)
        line = lines[y].copy()
        if self.can_focus and y == len(lines) - 1:
            self._mark_cursor(line)
        strip = Strip(line.render(self.app.console)).apply_style(self.rich_style)
        return strip.adjust_cell_length(width, self.rich_style)

    @property
    def _has_room(self) -> bool:
        return self.size.height >= _LEAST_ROWS and self.size.width >= _LEAST_COLUMNS

    @property
    def _axis(self) -> int:
        """Columns left of the canvas."""
        rows = self.size.height - 1
        highest = max([bar.total for bar in self.chart.bars] + [self.chart.mark or 0.0])
        return label_width(scale_of(highest, rows), rows, self.chart.unit) + 1

    @property
    def _grid(self) -> Grid:
        return grid_of(len(self.chart.bars), self.size.width - self._axis)

    def _lines(self) -> list[Text]:
        """Drawn once for a chart, a size and a theme."""
        asked = (self.chart, self.size, self.app.theme)
        if self._drawn[0] != asked:
            axis, grid, mark = (self._colour(part) for part in ("axis", "grid", "mark"))
            colours = Colours(self.chart.colours, axis, grid, mark, self.chart.signs if self.app.no_color else ())
            lines = draw(
                self.chart.bars,
                (self.size.width, self.size.height),
                colours,
                unit=self.chart.unit,
                mark=self.chart.mark,
                unmarked=self.chart.unmarked,
            )
            self._drawn = (asked, lines)
        return self._drawn[1]

    def _colour(self, part: str) -> Color:
        style = self.get_visual_style(f"stacked-bars--{part}")
        background = style.background or Color(0, 0, 0)
        return background + (style.foreground or background)

    def _mark_cursor(self, line: Text) -> None:
        grid, label = self._grid, f" {self.chart.bars[self.cursor].label} "
        centre = self._axis + grid.start(self.cursor) + (grid.width - len(label) + 1) // 2
        start = max(self._axis, min(centre, self.size.width - len(label)))
        line.pad_right(max(0, start + len(label) - len(line)))
        style = self.get_component_rich_style(f"stacked-bars--{'cursor' if self.has_focus else 'resting'}")
        end = start + len(label)
        left, right = without_cut_words(line.plain, start, end)
        blanks = " " * (start - left), " " * (right - end)
        marked = Text.assemble(line[:left], blanks[0], (label, style), blanks[1], line[right:])
        line.plain, line.spans = marked.plain, marked.spans


def without_cut_words(text: str, start: int, end: int) -> tuple[int, int]:
    """The part of a line from `start` to `end`, made wider by what it would leave of words at its edges."""
    if text[start : start + 1].strip():
        start = text.rfind(" ", 0, start) + 1
    if text[end - 1 : end].strip():
        end = found if (found := text.find(" ", end)) >= 0 else len(text)
    return start, end
