"""A row of the list, as far as it is drawn by itself."""

from __future__ import annotations

from memoria_tui.text.present import score_bar
from memoria_tui.widgets.memory_row import RowLayout, draw_row
from services.model import Hit, Memory, MemoryType
from tests.tui.fakes import NOW


def test_the_bar_of_a_hit_says_how_relevant_it_is_whatever_else_was_found() -> None:
    layout = RowLayout(80, True, None, NOW)
    best_of_nothing = Hit(Memory("a", MemoryType.SEMANTIC, "text"), score=1.0, relevance=0.1)
    first, _ = draw_row(best_of_nothing, layout, marked=False, bar=(" ", ""))
    assert score_bar(0.1) in first.plain
    assert score_bar(1.0) not in first.plain
