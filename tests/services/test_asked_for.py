"""What a question's own word asks for."""

from __future__ import annotations

import pytest

from services.search.asked_for import asked_for


@pytest.mark.parametrize(
    ("question", "answer", "other"),
    [
        ("when did Anna call", "She called on Tuesday.", "She called Ben."),
        ("When is the release?", "Released at 14:30", "Released by Ben"),
        ("what day do we meet", "We meet on the 3rd", "We meet in the kitchen"),
        ("how long does the review take", "It took about three whole days.", "It took the reviewer."),
        ("how many workers are there", "There are 12 workers.", "There are workers."),
        ("how large is the index", "a hundred MB", "a fair size"),
        ("who talks to the customer", "On Mondays Élodie talks to them.", "Talks are on Mondays, in writing."),
        ("and whose idea was it", "It was the idea of Ben.", "It was an idea."),
        ("where does she live", "She moved to Lisbon", "She moved to a flat in June"),
    ],
)
def test_a_text_answers_by_what_the_question_word_asks_for(question: str, answer: str, other: str) -> None:
    asked = asked_for(question)
    assert asked is not None
    assert asked.search(answer)
    assert not asked.search(other)


@pytest.mark.parametrize(
    "question",
    [
        "what do I do when the bank rejects it",
        "how do I log in",
        "why is it slow",
        "which one",
        "tokens",
        "",
        "whenever",
    ],
)
def test_any_text_may_answer_other_questions(question: str) -> None:
    assert asked_for(question) is None
