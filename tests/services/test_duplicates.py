"""Near-identical memories: found by a scan that can be stopped, told of one that is saved, merged or kept apart."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest

from services.curation.duplicate_scan import DuplicateScan
from services.curation.duplicates import LEAST_UNSEEN, Cluster, DuplicateService, mergeable, one_cluster
from services.curation.text_likeness import Alike, Duplicate, compare, is_in_capitals
from services.errors import EmbeddingFailed
from services.graph.graph_service import GraphService
from services.model import Memory, MemoryChanges, MemoryDraft, MemoryType, RelationType
from services.points import Vector
from services.ports import NewRelation
from services.records import Records
from tests.services.memory_world import DIMENSIONS, World, open_world, vector_of

TOKENS = "The access token of the api lives for sixty seconds since the gateway was moved"
SHORT = "The access token lives for sixty seconds"
LONGER = "The access token of the api now lives for sixty seconds since the gateway was moved"


@pytest.fixture
async def world(records: Records) -> AsyncIterator[World]:
    async with open_world(records) as opened:
        opened.embedder.embed_documents = alike  # type: ignore[method-assign]
        yield opened


async def alike(texts: Sequence[str]) -> list[Vector]:
    """Texts about tokens have one vector, every other text its own."""
    return [[1.0] + [0.0] * (DIMENSIONS - 1) if "token" in text.casefold() else vector_of(text) for text in texts]


@pytest.fixture
def duplicates(world: World) -> DuplicateService:
    graph = GraphService(world.vectors, world.records, world.settings)
    return DuplicateService(world.vectors, world.records, world.service, graph, world.settings)


def scan_of(world: World) -> DuplicateScan:
    return DuplicateScan(world.vectors, world.embedder, world.records, world.settings, lambda: datetime.now(UTC))


async def written(world: World, text: str, **fields: object) -> Memory:
    return await world.service.create(MemoryDraft(text, **fields))  # type: ignore[arg-type]


async def scanned(world: World) -> list[int]:
    """How many memories each step of a scan had looked at."""
    return [step.done async for step in scan_of(world).scan()]


def texts(clusters: Sequence[Cluster]) -> list[list[str]]:
    return [[one.kept.content, *(other.memory.content for other in one.others)] for one in clusters]


@pytest.mark.parametrize(
    ("here", "there", "cosine", "kind"),
    [
        (TOKENS, TOKENS.upper().replace(" ", "\n"), 0.8, Alike.SAME),
        (TOKENS, TOKENS + "!", 0.8, Alike.NEAR),
        (TOKENS, LONGER, 0.9, Alike.NEAR),
        (TOKENS.replace("sixty", "60"), TOKENS.replace("sixty", "90"), 0.9, Alike.DIFFERS),
        (TOKENS, TOKENS.replace("lives", "never lives"), 0.9, Alike.DIFFERS),
        ("Store it at -5 degrees", "Store it at 5 degrees", 0.99, Alike.DIFFERS),
        ("Retry while x > 5", "Retry while x < 5", 0.99, Alike.DIFFERS),
        ("Retry while x <= 5", "Retry while x <5", 0.99, Alike.DIFFERS),
        ("-5", "5", 0.99, Alike.DIFFERS),
        ("The contract ends on 2026-12-31", "The contract ends on 2027-06-30", 0.9, Alike.DIFFERS),
        ("The contract ends on 3 March 2027", "The contract ends on 17 May 2027", 0.9, Alike.DIFFERS),
        ("The token lives twenty minutes", "The token lives thirty minutes", 0.9, Alike.DIFFERS),
        ("the token of the api expires soon", "the token of our api will expire soon", 0.97, Alike.MEANING),
        ("the token of the api expires soon", "the token of our api will expire soon", 0.9, None),
        (TOKENS, "The access token is no longer used", 0.99, None),
    ],
)
def test_pairs_are_told_by_words_facts_and_meaning(here: str, there: str, cosine: float, kind: Alike | None) -> None:
    found = compare(here, there, cosine)
    assert (found[1] if found else None) is kind


async def test_a_scan_finds_what_is_nearly_the_same_also_of_another_type(
    world: World, duplicates: DuplicateService
) -> None:
    await written(world, TOKENS)
    await written(world, LONGER, type=MemoryType.EPISODIC, importance=0.9)
    await written(world, "Nothing about it")
    assert await scanned(world) == [1, 3]
    assert texts(await duplicates.clusters()) == [[LONGER, TOKENS]]
    assert await duplicates.counts() == {Alike.NEAR: 1}


async def test_copies_that_differ_in_case_blanks_or_signs_are_found_though_their_vectors_differ(
    world: World, duplicates: DuplicateService
) -> None:
    first = await written(world, "Deploy on Friday, after lunch", importance=0.9)
    second = await written(world, "DEPLOY  on friday, after lunch", type=MemoryType.PROCEDURAL)
    await written(world, "Deploy on Monday, after lunch")
    await scanned(world)
    assert texts(await duplicates.clusters()) == [[first.content, second.content]]
    third = await written(world, "deploy on friday after lunch!")
    near = await scan_of(world).nearest(third)
    assert near is not None
    assert near.memory.id in (first.id, second.id)
    await scanned(world)
    assert await duplicates.counts() == {Alike.SAME: 1, Alike.NEAR: 2}
    await world.service.update(second, MemoryChanges(content="Deploy on Saturday"))
    await world.service.delete([third.id])
    await scanned(world)
    assert await duplicates.clusters() == ()


def test_of_two_that_are_worth_the_same_the_one_in_capitals_goes() -> None:
    loud, plain = (
        Memory(text, MemoryType.SEMANTIC, text, created_at=datetime(2026, 1, day, tzinfo=UTC))
        for day, text in ((1, TOKENS.upper()), (2, TOKENS))
    )
    assert one_cluster([loud, plain]).kept == plain


async def by_case(texts: Sequence[str]) -> list[Vector]:
    """Capitals have a vector of their own, as by the bundled model."""
    loud = [0.0, 1.0] + [0.0] * (DIMENSIONS - 2)
    return [loud if is_in_capitals(one) else vector for one, vector in zip(texts, await alike(texts), strict=True)]


async def test_a_copy_in_capitals_is_found_also_with_a_word_more_and_stays_found(
    world: World, duplicates: DuplicateService
) -> None:
    world.embedder.embed_documents = by_case  # type: ignore[method-assign]
    first = await written(world, TOKENS, importance=0.9)
    await written(world, "THE ROOF OF THE HUT IS GREEN AND ITS DOOR IS RED")
    loud = await written(world, LONGER.upper())
    await scanned(world)
    assert texts(await duplicates.clusters()) == [[TOKENS, loud.content]]
    await world.service.edit_many([first.id], add_tags=["auth"])
    assert await scanned(world) == [1]
    assert texts(await duplicates.clusters()) == [[TOKENS, loud.content]]
    world.embedder.embed_documents = failing  # type: ignore[method-assign]
    assert [one async for one in scan_of(world).scan(again=True)][-1].found == 0


async def test_what_is_saved_is_told_to_be_nearly_the_same_as_an_older_copy_in_capitals(world: World) -> None:
    world.embedder.embed_documents = by_case  # type: ignore[method-assign]
    loud = await written(world, LONGER.upper(), type=MemoryType.EPISODIC)
    hint = await scan_of(world).hint(await written(world, TOKENS))
    assert hint.startswith(f"nearly the same as {loud.id[:8]}")


@pytest.mark.parametrize("copy", [SHORT, SHORT.upper(), f"{SHORT} "])
async def test_what_was_looked_for_while_a_text_was_saved_gives_the_same_hint(world: World, copy: str) -> None:
    world.embedder.embed_documents = by_case  # type: ignore[method-assign]
    scan, first = scan_of(world), await written(world, SHORT, type=MemoryType.EPISODIC)
    async with scan.looking(copy) as looked:
        found = await looked
        memory = await written(world, copy)
        hint = await scan.hint(memory, looked)
    assert found is not None
    assert first.id in found.near
    assert hint == await scan.hint(memory)
    assert hint.startswith(f"nearly the same as {first.id[:8]}")


async def test_what_was_looked_for_after_it_was_saved_is_not_itself(world: World) -> None:
    scan, memory = scan_of(world), await written(world, SHORT)
    async with scan.looking(SHORT) as looked:
        assert await scan.hint(memory, looked) == ""


async def test_what_is_not_as_it_was_looked_for_is_looked_for_again(world: World) -> None:
    scan, first, memory = scan_of(world), await written(world, SHORT), await written(world, SHORT.upper())
    async with scan.looking("another text") as looked:
        assert (await scan.hint(memory, looked)).startswith(f"nearly the same as {first.id[:8]}")
    async with scan.looking("long " * 1000) as looked:
        assert await looked is None


async def failing(texts: Sequence[str]) -> list[Vector]:
    raise EmbeddingFailed("away")


async def test_a_scan_that_is_stopped_goes_on_and_later_ones_look_at_what_was_changed(
    world: World, duplicates: DuplicateService
) -> None:
    first = await written(world, TOKENS)
    await written(world, "A procedure", type=MemoryType.PROCEDURAL)
    async for _ in scan_of(world).scan():
        break
    assert await scanned(world) == [2]
    assert await scanned(world) == []
    second = await written(world, LONGER)
    assert await scanned(world) == [1]
    assert texts(await duplicates.clusters()) == [[TOKENS, LONGER]]
    await world.service.update(second, MemoryChanges(content="Something else"))
    assert await scanned(world) == [1]
    assert await duplicates.clusters() == ()
    await world.service.delete([first.id])
    assert await scanned(world) == [1]


async def test_what_had_no_vector_is_looked_at_once_it_has(world: World, duplicates: DuplicateService) -> None:
    await written(world, TOKENS)
    world.embedder.embed_documents = away  # type: ignore[method-assign]
    await written(world, LONGER)
    await scanned(world)
    assert await duplicates.clusters() == ()
    world.embedder.embed_documents = alike  # type: ignore[method-assign]
    await world.service.recover()
    await scanned(world)
    assert texts(await duplicates.clusters()) == [[TOKENS, LONGER]]


async def away(texts: Sequence[str]) -> list[Vector]:
    raise EmbeddingFailed("the embedder is away")


async def test_a_merge_brings_tags_relations_and_sessions_along_and_is_undone_as_one(
    world: World, duplicates: DuplicateService
) -> None:
    kept, other = await written(world, TOKENS, tags=("a",)), await written(world, LONGER, tags=("b",))
    third = await written(world, "Nothing about it")
    graph = GraphService(world.vectors, world.records, world.settings)
    await graph.link_many([NewRelation(third.id, other.id, RelationType.FIXES)])
    await session_of(world, other)
    assert await duplicates.merge([(kept, [other])]) == 1
    merged = await world.service.get(kept.id)
    assert (merged.content, merged.tags) == (TOKENS, ("a", "b"))
    assert [one.other and one.other.id for one in await world.service.relations(kept.id)] == [third.id]
    assert await sessions_of(world) == [kept.id]
    await world.service.undo()
    assert (await world.service.get(other.id)).content == LONGER
    assert (await world.service.get(kept.id)).tags == ("a",)
    assert await sessions_of(world) == [other.id]


async def session_of(world: World, memory: Memory) -> None:
    async with world.records.transaction() as transaction:
        await transaction.connection.fetch(
            "INSERT INTO public.work_sessions (description, start_time, status, memory_id) "
            "VALUES ('a review', now(), 'completed', CAST(:id AS uuid))",
            id=memory.id,
        )


async def sessions_of(world: World) -> list[str]:
    async with world.records.transaction() as transaction:
        rows = await transaction.connection.fetch("SELECT memory_id::text AS id FROM public.work_sessions")
    return [row.id for row in rows]


async def test_what_is_kept_apart_or_superseded_does_not_come_again_until_that_is_undone(
    world: World, duplicates: DuplicateService
) -> None:
    one, other = await written(world, TOKENS), await written(world, LONGER)
    await scanned(world)
    assert await duplicates.keep_apart([one, other]) == 1
    assert await duplicates.clusters() == ()
    await world.service.undo()
    assert len(await duplicates.clusters()) == 1
    graph = GraphService(world.vectors, world.records, world.settings)
    await graph.link_many([NewRelation(other.id, one.id, RelationType.SUPERSEDES)])
    assert await duplicates.clusters() == ()


async def test_of_chosen_memories_those_that_are_there_are_compared(world: World, duplicates: DuplicateService) -> None:
    one = await written(world, TOKENS, importance=0.9)
    others = [await written(world, LONGER), await written(world, "Something else"), await written(world, "Gone")]
    ids = [memory.id for memory in (one, *others)]
    await world.service.delete(ids[3:])
    (cluster,) = await duplicates.among(ids)
    assert cluster.kept.id == ids[0]
    assert {other.memory.id for other in cluster.others} == set(ids[1:3])
    assert await duplicates.among([ids[0], ids[3]]) == ()


async def test_only_what_says_the_same_in_one_project_is_merged_unseen(
    world: World, duplicates: DuplicateService
) -> None:
    await written(world, TOKENS, project="api", importance=0.9)
    await written(world, TOKENS + ".", project="api")
    await written(world, LONGER, project="web")
    await written(world, TOKENS.replace("lives", "never lives"), project="api")
    await scanned(world)
    (cluster,) = mergeable(await duplicates.clusters())
    assert texts([cluster]) == [[TOKENS, TOKENS + "."]]


async def test_what_is_related_already_is_kept_apart_too_with_what_its_relation_says(
    world: World, duplicates: DuplicateService
) -> None:
    one, other = await written(world, TOKENS), await written(world, LONGER)
    graph = GraphService(world.vectors, world.records, world.settings)
    (before,) = await graph.link_many([NewRelation(one.id, other.id, RelationType.RELATED, metadata={"a": 1})])
    await scanned(world)
    assert await duplicates.keep_apart([one, other]) == 1
    assert await duplicates.clusters() == ()
    (after,) = await graph.between(one.id, other.id)
    assert (after.id, after.metadata) == (before.id, {"a": 1, "kept_apart": True})
    await world.service.undo()
    assert await graph.between(one.id, other.id) == [before]


async def test_texts_are_compared_and_put_into_clusters_beside_the_event_loop(
    world: World, duplicates: DuplicateService
) -> None:
    for text in (TOKENS, LONGER):
        await written(world, text)
    here: set[str] = set()
    sys.setprofile(lambda frame, *_: here.add(frame.f_code.co_name))
    try:
        await scanned(world)
        clusters = await duplicates.clusters()
    finally:
        sys.setprofile(None)
    assert len(clusters) == 1
    assert not {"differing_facts", "_clusters", "read_memory"} & here


@pytest.mark.parametrize(
    ("here", "there", "merged"),
    [
        ("a word " * 2_000 + "and 5 ends", "a word " * 2_000 + "and 6 ends", False),
        ("This is said. " * 70 + "The port is 5432.", "This is said. " * 70 + "The port is 5433.", False),
        ("a word " * 2_000, "A word  " * 2_000, True),
    ],
    ids=("other end", "other fact behind many", "same"),
)
def test_long_texts_are_merged_unseen_only_where_they_are_the_same(here: str, there: str, merged: bool) -> None:
    pair = [Memory(str(number), MemoryType.SEMANTIC, text) for number, text in enumerate((here, there))]
    assert bool(mergeable([one_cluster(pair)])) is merged


def test_what_was_changed_since_the_scan_is_not_merged_unseen() -> None:
    one, other = (Memory(str(number), MemoryType.SEMANTIC, text) for number, text in enumerate((TOKENS, "5 of them")))
    assert mergeable([Cluster(one, (Duplicate(other, 1.0, 1.0, Alike.SAME),))]) == ()


def test_what_shares_less_than_the_least_share_of_words_is_not_merged_unseen() -> None:
    one, other = (Memory(str(number), MemoryType.SEMANTIC, text) for number, text in enumerate(("Go", "The go")))
    assert mergeable([Cluster(one, (Duplicate(other, 1.0, LEAST_UNSEEN - 0.01, Alike.NEAR),))]) == ()
    assert mergeable([Cluster(one, (Duplicate(other, 1.0, LEAST_UNSEEN, Alike.NEAR),))])


async def test_a_merge_takes_over_no_trust_and_lasts_as_long_as_the_longest(
    world: World, duplicates: DuplicateService
) -> None:
    soon, later = "2027-01-01T00:00:00+00:00", "2028-01-01T00:00:00+00:00"
    trusted = {"expires_at": later, "pinned": True, "last_verified": soon, "confidence": 0.1, "source": "a talk"}
    lasting, ending = [await written(world, TOKENS, metadata=one) for one in ({}, {"expires_at": soon})]
    others = [await written(world, LONGER, metadata=trusted) for _ in range(3)]
    assert await duplicates.merge([(lasting, others[:1]), (ending, others[1:2])]) == 2
    assert (await world.service.get(lasting.id)).metadata.keys() - {"merged_from", *lasting.metadata} == {"source"}
    kept = await world.service.get(ending.id)
    assert (kept.metadata["expires_at"], kept.pinned) == (later, False)
    assert await duplicates.merge([(others[2], [await world.service.get(lasting.id)])]) == 1
    kept = await world.service.get(others[2].id)
    assert (kept.expires_at, kept.pinned) == (None, True)


async def test_what_is_saved_is_told_to_be_nearly_the_same(world: World, duplicates: DuplicateService) -> None:
    first = await written(world, TOKENS)
    assert await scan_of(world).nearest(first) is None
    second = await written(world, LONGER)
    near = await scan_of(world).nearest(second)
    assert near
    assert (near.memory.id, near.kind) == (first.id, Alike.NEAR)
