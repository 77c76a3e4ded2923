"""A row of the list, as far as it is drawn by itself."""

from __future__ import annotations

from dataclasses import replace

from memoria_tui.text.present import score_bar, word_pattern
from memoria_tui.widgets.memory_row import RowLayout, draw_row
from services.model import Hit, Memory, MemoryType, Query, SearchMode
from tests.tui.fakes import NOW


def test_the_bar_of_a_hit_says_how_relevant_it_is_whatever_else_was_found() -> None:
    layout = RowLayout(80, True, False, None, NOW)
    best_of_nothing = Hit(Memory("a", MemoryType.SEMANTIC, "text"), score=1.0, relevance=0.1)
    first, _ = draw_row(best_of_nothing, layout, marked=False, bar=(" ", ""))
    assert score_bar(0.1) in first.plain
    assert score_bar(1.0) not in first.plain


def test_a_hit_that_hardly_answers_is_fainter_unless_words_alone_were_asked_for() -> None:
    memory = Memory("a", MemoryType.SEMANTIC, "title")
    weak, good = (Hit(memory, relevance=one, passage="passage") for one in (0.3, 0.4))

    def looks(query: Query, hit: Hit) -> list[object]:
        layout = RowLayout(80, True, query.judged, word_pattern(["else"]), NOW)
        lines = draw_row(hit, layout, marked=False, bar=(" ", ""))
        return [
            {line.plain[one.start : one.end].strip(): one.style for one in line.spans}.get(word, "")
            for line, word in zip(lines, ("title", "passage"), strict=True)
        ]

    asked = Query("text", "text")
    assert all(here != there for here, there in zip(looks(asked, weak), looks(asked, good), strict=True))
    for words_alone in (replace(asked, mode=SearchMode.KEYWORD), replace(asked, phrases=("text",)), Query(like="a")):
        assert looks(words_alone, weak) == looks(words_alone, good)
