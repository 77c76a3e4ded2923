"""Charts of stacked bars: every size is filled exactly, all bars are of one width, heights are as the values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.color import Color

from memoria_tui.widgets.bar_layout import Bar, Colours, draw, grid_of, label_width, scale_of
from memoria_tui.widgets.stacked_bars import without_cut_words

_RED, _BLUE, _AXIS = Color(200, 0, 0), Color(0, 0, 200), Color(90, 90, 90)
_COLOURS = Colours((_RED, _BLUE), _AXIS, Color(40, 40, 40), Color(200, 200, 0))
_values = st.floats(0, 1e6, allow_nan=False)


def bars(values: Sequence[tuple[float, float]]) -> list[Bar]:
    return [Bar(f"{number + 1}", parts) for number, parts in enumerate(values)]


def heights(lines: list[str], columns: range) -> list[float]:
    """Filled eighths above the labels in each column, the grid left out."""
    signs = " ▁▂▃▄▅▆▇█"
    found = []
    for column in columns:
        eighths, above = 0, False
        for line in reversed(lines[:-1]):
            sign = line[column]
            if above or sign not in signs[1:]:
                break
            eighths += signs.index(sign)
            above = sign != "█"
        found.append(eighths / 8)
    return found


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.tuples(_values, _values), min_size=1, max_size=31),
    width=st.integers(16, 160),
    height=st.integers(5, 45),
)
def test_any_values_fill_any_size(values: list[tuple[float, float]], width: int, height: int) -> None:
    lines = draw(bars(values), (width, height), _COLOURS, unit=" h", mark=8.0)
    assert len(lines) == height
    assert {cell_len(line.plain) for line in lines} == {width}


def test_without_colours_each_series_has_a_sign() -> None:
    lines = draw(bars([(3, 0.2), (0, 5)]), (30, 10), replace(_COLOURS, signs=("A", "B")))
    text = "\n".join(line.plain for line in lines)
    assert (text.count("A") > 0, text.count("B") > 0, set(text) & set("▂▃▄▅▆▇█")) == (True, True, set())


@given(bars=st.integers(1, 31), columns=st.integers(31, 300))
def test_bars_are_of_one_width_apart_and_inside(bars: int, columns: int) -> None:
    grid = grid_of(bars, columns)
    starts = [grid.start(number) for number in range(bars)]
    assert starts[0] >= 0
    assert starts[-1] + grid.width <= columns
    assert {after - before for before, after in pairwise(starts)} <= {grid.slot}
    assert [grid.at(start) for start in starts] == list(range(bars))


@given(highest=st.floats(0.01, 1e7), rows=st.integers(4, 60))
def test_the_scale_holds_the_highest_and_its_marks_lie_on_rows(highest: float, rows: int) -> None:
    scale = scale_of(highest, rows)
    assert scale.row(highest) <= rows + 1e-6
    assert scale.row(scale.step) == scale.rows


def test_heights_are_as_the_values_to_an_eighth_of_a_row() -> None:
    made = bars([(2.0, 0.0), (4.0, 4.0), (8.0, 8.0), (0.0, 0.0)])
    size = (40, 21)
    lines = [line.plain for line in draw(made, size, _COLOURS)]
    scale = scale_of(16.0, 20)
    left = label_width(scale, 20, "") + 1
    grid = grid_of(4, size[0] - left)
    for number, bar in enumerate(made[:3]):
        columns = range(left + grid.start(number), left + grid.start(number) + grid.width)
        assert heights(lines, columns) == pytest.approx([scale.row(bar.total)] * grid.width, abs=1 / 8)


def test_parts_have_the_colours_of_their_series() -> None:
    (*rows, _) = draw(bars([(3.0, 1.0)]), (20, 9), _COLOURS)
    colours = [span.style for row in rows for span in row.spans]
    reds, blues = (sum(f"#{c.hex[1:].lower()}" in str(style) for style in colours) for c in (_RED, _BLUE))
    assert reds == 3 * blues


def test_a_tiny_part_is_still_seen() -> None:
    lines = draw(bars([(1000.0, 0.0), (0.01, 0.0)]), (30, 10), _COLOURS)
    assert "▁" in lines[-2].plain


@pytest.mark.parametrize(
    ("at", "wider"), [((8, 12), (8, 12)), ((6, 9), (5, 10)), ((10, 14), (10, 14)), ((3, 6), (2, 7))]
)
def test_the_label_of_the_cursor_leaves_no_half_of_another_beside_it(
    at: tuple[int, int], wider: tuple[int, int]
) -> None:
    assert without_cut_words("  22 25 28     ", *at) == wider
