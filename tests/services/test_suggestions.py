"""Relations are suggested by likeness and cues, never against a person's word, and never drawn unasked."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from services.errors import NotFound
from services.graph.graph_service import GraphService
from services.graph.graph_values import ReviewPlace
from services.graph.suggestions import SuggestionService
from services.memories.chunking import chunk_id
from services.model import MemoryType, RelationCreator, RelationType
from services.points import Point
from services.records import Records
from services.settings import Settings
from tests.services.edge_here import edge_here

NOW = datetime(2026, 5, 1, tzinfo=UTC)
BUG, FIX, OTHER, FAR, LONG, EXPIRED = (str(UUID(int=number)) for number in range(1, 7))


def point(id_: str, text: str, vector: list[float], **payload: object) -> Point:
    return Point(id_, {"content": text, "parent_id": id_, **payload}, vector)


@pytest.fixture
async def suggestions(records: Records, tmp_path: Path) -> AsyncIterator[SuggestionService]:
    """A bug and its fix in one project, a like memory elsewhere, an unlike one, and a long one that ends like them."""
    vectors = edge_here(tmp_path / "qdrant")
    await vectors.ensure(2, "test")
    await vectors.upsert(
        MemoryType.EPISODIC,
        [
            point(BUG, "Tokens die too early, customers are signed out.", [1.0, 0.0], project="api"),
            point(OTHER, "Tokens are coloured by kind in the editor.", [0.99, 0.1], project="editor"),
            point(EXPIRED, "Tokens died too early in April.", [1.0, 0.01], expires_at="2026-04-30T00:00:00"),
            point(FAR, "The plants get water on Mondays.", [0.0, 1.0]),
        ],
    )
    await vectors.upsert(
        MemoryType.SEMANTIC, [point(FIX, "Fixed the token lifetime: 15 minutes.", [0.98, 0.15], project="api")]
    )
    halves = ((0, "plants", [0.0, 1.0]), (1, "tokens", [1.0, 0.05]))
    shared = {"full_content": "plants tokens", "parent_id": LONG, "is_chunk": True, "chunk_count": 2}
    await vectors.upsert(
        MemoryType.PROCEDURAL,
        [Point(chunk_id(LONG, i), {"content": t, "chunk_index": i, **shared}, vector) for i, t, vector in halves],
    )
    graph = GraphService(vectors, records, Settings(home=tmp_path, zone="Europe/Rome"))
    yield SuggestionService(vectors, records, graph, lambda: NOW)
    await vectors.close()


async def test_the_fix_in_the_same_project_is_suggested_first_and_points_to_the_problem(
    suggestions: SuggestionService,
) -> None:
    first = (await suggestions.suggest(BUG))[0]
    assert (first.source.id, first.target.id, first.type) == (FIX, BUG, RelationType.FIXES)
    assert 0.5 < first.confidence <= 1
    assert "both in api" in first.reason


async def test_unlike_and_expired_memories_are_not_suggested_and_each_chunk_of_a_long_one_counts(
    suggestions: SuggestionService,
) -> None:
    assert {one.id for two in await suggestions.suggest(BUG) for one in (two.source, two.target)} == {
        BUG,
        FIX,
        OTHER,
        LONG,
    }
    assert FAR in {one.id for two in await suggestions.suggest(LONG) for one in (two.source, two.target)}


async def test_an_accepted_suggestion_is_a_relation_made_by_suggestion_and_does_not_come_again(
    suggestions: SuggestionService, records: Records
) -> None:
    first = (await suggestions.suggest(BUG))[0]
    (made,) = await suggestions.accept([first])
    assert (made.created_by, made.type) == (RelationCreator.AUTO, RelationType.FIXES)
    assert await records.relations.touching([BUG]) == [made]
    assert FIX not in {one.source.id for one in await suggestions.suggest(BUG)}


async def test_a_suggestion_can_be_accepted_as_another_type(suggestions: SuggestionService) -> None:
    (made,) = await suggestions.accept([(await suggestions.suggest(BUG))[0]], RelationType.CAUSES)
    assert made.type is RelationType.CAUSES


async def test_a_rejected_pair_does_not_come_again_from_either_side_until_it_is_let_in_again(
    suggestions: SuggestionService,
) -> None:
    first = (await suggestions.suggest(BUG))[0]
    await suggestions.reject([first])
    assert first not in await suggestions.suggest(BUG)
    assert first not in await suggestions.suggest(FIX)
    assert await suggestions.unreject(BUG, FIX)
    assert first in await suggestions.suggest(BUG)
    assert not await suggestions.unreject(BUG, FIX)


async def test_a_review_sees_every_memory_once_draws_nothing_and_goes_on_where_it_was_left(
    suggestions: SuggestionService, records: Records
) -> None:
    steps = [step async for step in suggestions.review()]
    assert (steps[-1].done, steps[-1].total, steps[-1].resume_from) == (6, 6, None)
    pairs = [frozenset((one.source.id, one.target.id)) for step in steps for one in step.suggestions]
    assert len(pairs) == len(set(pairs))
    assert frozenset((BUG, FIX)) in pairs
    assert await records.relations.touching([BUG, FIX, OTHER, FAR, LONG]) == []
    rest = [step async for step in suggestions.review(steps[0].resume_from)]
    assert (rest[0].done > steps[0].done, rest[-1].done) == (True, 6)


async def test_a_review_suggests_only_the_surest_few_of_each_memory(records: Records, tmp_path: Path) -> None:
    vectors = edge_here(tmp_path / "alike")
    await vectors.ensure(2, "test")
    ids = [str(UUID(int=number)) for number in range(100, 130)]
    await vectors.upsert(
        MemoryType.SEMANTIC, [point(one, f"alike {place}", [1.0, place / 1000]) for place, one in enumerate(ids)]
    )
    graph = GraphService(vectors, records, Settings(home=tmp_path, zone="Europe/Rome"))
    steps = [step async for step in SuggestionService(vectors, records, graph, lambda: NOW).review()]
    await vectors.close()
    found = [one for step in steps for one in step.suggestions]
    concerned = Counter(end.id for one in found for end in (one.source, one.target))
    assert set(concerned) == set(ids)
    assert max(concerned.values()) == 5


async def test_where_a_review_was_left_is_kept_for_the_next_start(
    suggestions: SuggestionService, records: Records
) -> None:
    assert await suggestions.review_place() == ReviewPlace()
    steps = [step async for step in suggestions.review()]
    left = ReviewPlace(steps[0].resume_from, (BUG, FIX), 0.75, "api")
    await suggestions.keep_review_place(left)
    assert await suggestions.review_place() == left
    await records.user_settings.set("graph_review", {"resume_from": "nonsense", "least": "x", "at": [1], "project": 7})
    assert await suggestions.review_place() == ReviewPlace()


async def test_an_unknown_memory_is_one_clear_line(suggestions: SuggestionService) -> None:
    with pytest.raises(NotFound, match="no memory"):
        await suggestions.suggest(str(UUID(int=77)))
