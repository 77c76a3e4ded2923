"""Stacked bars of equal width on a character canvas, drawn with plotext. Knows no widget."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from rich.text import Text
from textual.color import Color

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_STEPS = (1, 2, 4, 5, 8)
"""What lies between two marks of the axis, times a power of ten; halves and quarters below 1."""
_SMALL_STEPS = (0.25, 0.5)
_ROWS_A_MARK = range(3, 7)
_WIDEST_BAR = 9


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its parts from the bottom, one a series."""

    label: str
    parts: tuple[float, ...]

    @property
    def total(self) -> float:
        return sum(self.parts)


@dataclass(frozen=True, slots=True)
class Scale:
    """The vertical axis: `step` lies `rows` rows apart."""

    step: float
    rows: int

    def row(self, value: float) -> float:
        """How many rows above the bottom a value lies."""
        return value / self.step * self.rows


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the bars stand: columns counted from the left edge of the canvas."""

    bars: int
    left: int
    slot: int
    """Columns from one bar to the next."""
    width: int
    """Columns of a bar."""

    def start(self, number: int) -> int:
        """First column of a bar."""
        return self.left + number * self.slot + (self.slot - self.width) // 2

    def at(self, column: int) -> int | None:
        """The bar whose slot holds a column."""
        number = (column - self.left) // self.slot
        return number if 0 <= number < self.bars else None


@dataclass(frozen=True, slots=True)
class Colours:
    series: Sequence[Color]
    axis: Color
    grid: Color
    mark: Color
    signs: Sequence[str] = ()
    """What the series are drawn with where colours do not tell them apart, one each; (): blocks."""


def grid_of(bars: int, columns: int) -> Grid:
    """Bars of one width with equal gaps; never wider than looks well."""
    slot = max(1, min(columns // max(1, bars), _WIDEST_BAR + 3))
    width = max(1, slot - (1 if slot < 5 else 2))
    return Grid(bars, max(0, (columns - slot * bars) // 2), slot, min(width, _WIDEST_BAR))


def scale_of(highest: float, rows: int) -> Scale:
    """The scale that shows `highest` in the least empty room, with marks at round values on whole rows."""
    choices = []
    for apart in _ROWS_A_MARK:
        step = _round_up(highest * apart / rows if highest > 0 else 1.0)
        choices.append((step * rows / apart, -apart, Scale(step, apart)))
    return min(choices, key=lambda choice: choice[:2])[2]


def label_width(scale: Scale, rows: int, unit: str) -> int:
    """Cells of the widest label of the vertical axis."""
    return max(len(_mark(row // scale.rows * scale.step, unit)) for row in range(0, rows, scale.rows))


def draw(
    bars: Sequence[Bar],
    size: tuple[int, int],
    colours: Colours,
    *,
    unit: str = "",
    mark: float | None = None,
    unmarked: Collection[int] = (),
) -> list[Text]:
    """Lines of `size` (cells, lines): axis, bars and, at `mark`, a dashed line; the last line has the labels.

    The line has gaps at the bars with the numbers `unmarked`.
    """
    width, height = size
    rows = height - 1
    scale = scale_of(max([bar.total for bar in bars] + [mark or 0.0]), rows)
    columns = width - label_width(scale, rows, unit) - 1
    grid = grid_of(len(bars), columns)
    figure = _canvas(size, columns, rows, colours)
    for row in range(0, rows, scale.rows):
        _points(figure, colours.grid, "▁" if row else " ", [(column, row) for column in range(columns)])
    if mark is not None:
        place = scale.row(mark)
        dashes = [(at, int(place)) for at in range(0, columns, 2) if grid.at(at) not in unmarked]
        _points(figure, colours.mark, "▁─▔"[int(place % 1 * 3)], dashes)
    for (colour, sign), cells in _cells(bars, grid, scale, colours.signs).items():
        _points(figure, colours.series[colour], sign, cells)
    marks = range(0, rows, scale.rows)
    figure.yticks(list(marks), [_mark(row // scale.rows * scale.step, unit) for row in marks])
    shown = range(0, len(bars), _labels_apart(bars, grid))
    figure.xticks(
        [grid.start(number) + (grid.width - 1) / 2 for number in shown], [bars[number].label for number in shown]
    )
    return list(Text.from_ansi(figure.build().rstrip("\n")).split())


def _canvas(size: tuple[int, int], columns: int, rows: int, colours: Colours) -> Any:
    # plotext offers its figures only through a module-wide one; an own one keeps charts apart.
    from plotext._figure import _figure_class

    figure: Any = _figure_class()  # type: ignore[no-untyped-call]
    figure._limit_size(False, False)  # else to the size of the terminal, which is not the widget's
    figure._set_size(*size)
    figure.plotsize(*size)
    figure.theme("clear")
    figure.ticks_color(colours.axis.rgb)
    figure.xaxes(False, False)
    figure.yaxes(True, False)
    figure.xlim(0, columns - 1)
    figure.ylim(0, rows - 1)
    return figure


def _points(figure: Any, colour: Color, sign: str, cells: Sequence[tuple[int, int]]) -> None:
    if cells:
        columns, rows = zip(*cells, strict=True)
        figure.scatter(list(columns), list(rows), marker=sign, color=colour.rgb)


def _cells(
    bars: Sequence[Bar], grid: Grid, scale: Scale, signs: Sequence[str]
) -> Mapping[tuple[int, str], list[tuple[int, int]]]:
    """Cells by series and sign. Where two series share a cell it belongs to the one that has more of it."""
    cells: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
    for number, bar in enumerate(bars):
        for row, (series, filled) in enumerate(_column(bar, scale)):
            start = grid.start(number)
            cells[series, signs[series] if signs else _EIGHTHS[filled]] += [
                (column, row) for column in range(start, start + grid.width)
            ]
    return cells


def _column(bar: Bar, scale: Scale) -> list[tuple[int, int]]:
    """From the bottom: the series of each row and how many eighths of the row are filled."""
    edges, total = [], 0.0
    for part in bar.parts:
        total += part
        edges.append(max(1 if total > 0 else 0, round(scale.row(total) * 8)))
    rows = []
    for row in range(ceil((edges[-1] if edges else 0) / 8)):
        low, high = row * 8, row * 8 + 8
        shares = [max(0, min(edge, high) - max(before, low)) for before, edge in zip([0, *edges], edges, strict=False)]
        rows.append((shares.index(max(shares)), min(edges[-1], high) - low))
    return rows


def _labels_apart(bars: Sequence[Bar], grid: Grid) -> int:
    """Every how many bars there is room for a label."""
    longest = max((len(bar.label) for bar in bars), default=0)
    return max(1, ceil((longest + 1) / grid.slot))


def _round_up(value: float) -> float:
    for step in _SMALL_STEPS:
        if value <= step:
            return step
    power = 1.0
    while True:
        for step in _STEPS:
            if value <= step * power + 1e-9:
                return step * power
        power *= 10


def _mark(value: float, unit: str) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".") + unit
