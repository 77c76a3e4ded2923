"""What two memories have to do with each other is read from their words, against pairs labelled by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.graph.inference import infer_relation
from services.model import Memory, MemoryType, RelationType

PAIRS = json.loads((Path(__file__).parents[1] / "data" / "relation_pairs.json").read_text("utf-8"))


def memory(value: dict[str, str]) -> Memory:
    return Memory(
        "", MemoryType(value["type"]), value["content"], datetime.fromisoformat(value["created_at"]).replace(tzinfo=UTC)
    )


def labelled() -> list[tuple[Memory, Memory, RelationType]]:
    return [(memory(pair["source"]), memory(pair["target"]), RelationType(pair["relation"])) for pair in PAIRS]


def test_nine_in_ten_labelled_pairs_get_their_relation_and_direction_whichever_memory_comes_first() -> None:
    right = 0
    for source, target, relation in labelled():
        for first, second, forward in ((source, target, True), (target, source, False)):
            found = infer_relation(first, second)
            right += found.type is relation and (relation is RelationType.RELATED or found.forward is forward)
    assert right >= 0.9 * 2 * len(PAIRS)


@pytest.mark.parametrize("relation", [RelationType.FIXES, RelationType.CAUSES, RelationType.SUPERSEDES])
def test_a_fix_points_to_the_problem_a_cause_to_its_effect_and_the_new_to_the_old(relation: RelationType) -> None:
    for source, target, label in labelled():
        if label is relation and (found := infer_relation(target, source)).type is relation:
            assert not found.forward, source.content


def test_memories_without_any_cue_are_merely_related_with_no_strength() -> None:
    found = infer_relation(Memory("", MemoryType.SEMANTIC, "one thing"), Memory("", MemoryType.SEMANTIC, "another"))
    assert (found.type, found.strength) == (RelationType.RELATED, 0.0)


def test_a_newer_memory_is_never_superseded_by_an_older_one() -> None:
    old = Memory("", MemoryType.SEMANTIC, "From now on we deploy on Fridays.", datetime(2026, 1, 1, tzinfo=UTC))
    new = Memory("", MemoryType.SEMANTIC, "Deploys run on Mondays.", datetime(2026, 2, 1, tzinfo=UTC))
    assert infer_relation(old, new).type is not RelationType.SUPERSEDES


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("1.2.0-alpha.1: no longer drops the cache", "1.4.0: keeps the cache"),
        ("Release v2.9 replaces the parser", "Release v2.10 is out"),
        ("2026-03-14: we switched the queue", "2026-05-01: the queue is slow"),
        ("1.0.0rc1 is deprecated, use the new API", "1.0.0 is out"),
    ],
)
def test_an_earlier_version_or_day_supersedes_no_later_one_whenever_they_were_written(earlier: str, later: str) -> None:
    old, new = (Memory("", MemoryType.SEMANTIC, text) for text in (earlier, later))
    for first, second in ((old, new), (new, old)):
        assert infer_relation(first, second).type is not RelationType.SUPERSEDES


def test_a_later_version_supersedes_an_earlier_one() -> None:
    old, new = (
        Memory("", MemoryType.SEMANTIC, text) for text in ("1.2.0 keeps the cache", "1.4.0 no longer keeps the cache")
    )
    found = infer_relation(old, new)
    assert (found.type, found.forward) == (RelationType.SUPERSEDES, False)


@pytest.mark.parametrize("word", ["replaced", "fix", "no longer", "root cause", "is why"])
def test_a_lone_cue_far_down_in_a_long_text_makes_two_memories_merely_related(word: str) -> None:
    filler = "The service keeps its orders in a queue and sends them on. " * 12
    long = Memory("", MemoryType.SEMANTIC, f"How mobile works\n\n{filler} Batteries are {word} there.\n{filler}")
    other = Memory("", MemoryType.SEMANTIC, "The push messages fail on old phones.")
    for first, second in ((long, other), (other, long)):
        assert infer_relation(first, second).type is RelationType.RELATED


def test_a_cue_in_the_title_of_a_long_text_counts() -> None:
    filler = "The service keeps its orders in a queue and sends them on. " * 12
    fix = Memory("", MemoryType.SEMANTIC, f"Fixed: the push messages\n\n{filler}")
    problem = Memory("", MemoryType.SEMANTIC, "The push messages fail on old phones.")
    assert infer_relation(fix, problem).type is RelationType.FIXES


@pytest.mark.parametrize("text", ["The load is tested against staging.", "Tariq wants a weekly summary by support."])
def test_words_that_mean_something_else_are_no_cues(text: str) -> None:
    other = Memory("", MemoryType.SEMANTIC, "The load is 40 requests a second.")
    assert infer_relation(Memory("", MemoryType.SEMANTIC, text), other).type is RelationType.RELATED
