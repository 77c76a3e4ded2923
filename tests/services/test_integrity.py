"""Repairs of what upstream left: everything is repaired, and undo gives the very points and relations again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from memoria_tui.dialogs.difference_view import of_chunks
from services.adapters.edge.edge_store import EdgeVectorStore
from services.container import Services
from services.errors import StoreUnavailable
from services.integrity import checks
from services.integrity.checks.nested import flattened_both_kept
from services.integrity.defects import Keep, Survey
from services.memories.stored_memories import fold
from services.model import (
    Entity,
    IfChanged,
    MemoryChanges,
    MemoryDraft,
    MemoryType,
    Progress,
    Query,
    Relation,
    RelationType,
    content_hash,
)
from services.points import EVERYTHING, Point, Scroll
from services.ports import NewRelation
from services.settings import Settings
from tests.services.edge_here import Here, services_here
from tests.services.servers import restore_upstream

UPSTREAM = Path(__file__).parents[2].parent / "shared" / "data" / "upstream-dev"


@pytest.fixture
async def services(tmp_path: Path, postgres_url: str) -> AsyncIterator[Services]:
    settings = Settings(home=tmp_path, database_url=postgres_url, zone="UTC", actor="tester")
    async with services_here(settings) as services:
        yield services


async def copy_points(services: Services) -> None:
    """Points as upstream stored them, with vectors of the bundled model."""
    await services.vectors.ensure(services.embedder.dimensions, services.embedder.model)
    found: dict[MemoryType, list[Point]] = {type_: [] for type_ in MemoryType}
    with (UPSTREAM / "qdrant-points.jsonl").open("rb") as lines:
        for line in lines:
            one = json.loads(line)
            found[MemoryType(one["collection"])].append(Point(one["id"], one["payload"]))
    for type_, points in found.items():
        vectors = await services.embedder.embed_documents([str(point.payload["content"]) for point in points])
        whole = [Point(point.id, point.payload, vector) for point, vector in zip(points, vectors, strict=True)]
        await services.vectors.upsert(type_, whole)


async def everything(services: Services) -> tuple[dict[str, Any], dict[str, Relation]]:
    """All points with the length of their vectors, and all relations."""
    points = {
        point.id: (
            type_,
            dict(point.payload),
            len(point.vector or ()),
        )
        for type_ in MemoryType
        for point in await services.vectors.scroll(Scroll(type_, 10_000, EVERYTHING, with_vectors=True))
    }
    return points, {one.id: one async for batch in services.records.relations.all() for one in batch}


def counts(survey: Survey) -> dict[str, int]:
    return {check.name: len(found) for check, found in survey.found.items()}


@pytest.mark.skipif(not UPSTREAM.exists(), reason="the files that upstream wrote are not here")
async def test_all_that_upstream_left_is_repaired_and_comes_back_exactly(empty_url: str, tmp_path: Path) -> None:
    restore_upstream(empty_url)
    settings = Settings(home=tmp_path, database_url=empty_url, zone="UTC", actor="tester")
    async with services_here(settings) as services:
        await copy_points(services)
        truth: dict[str, Any] = json.loads((UPSTREAM / "truth.json").read_text("utf-8"))
        before = await everything(services)
        survey = await services.integrity.survey()
        assert (survey.memories, survey.relations) == (448, 143)
        uneven = truth["memories"]["chunks_disagree_on_tags_importance_or_updated_at"]
        assert [one.id for one in survey.found[checks.UNEVEN]] == uneven
        assert counts(survey) == {
            "headless": len(truth["memories"]["headless"]),
            "nested": len(truth["memories"]["nested_metadata"]),
            "uneven": len(uneven),
            "stale": 0,
            "chunk-ends": truth["relations"]["chunk_ended"]["count"],
            "orphans": truth["relations"]["orphaned"]["count"],
            "secrets": 0,
            "changed-outside": 0,
        }
        found = await services.integrity.describe(survey.repairable())
        assert all(one.what and one.repair and "in order" not in one.what for one in found)
        loops = {one.defect.id for one in found if one.repair.startswith("removed: link of a memory to itself")}
        # One between a chunk and a chunk that is gone would join a memory with itself as well.
        assert len(loops) == truth["relations"]["self_loops_after_mapping"] + 1
        await services.database.upgrade()

        seen: list[Progress] = []
        repaired = await services.integrity.repair(survey.repairable(), progress=seen.append)
        assert (seen[-1].done, seen[-1].total) == (len({one.id for one in survey.repairable()}),) * 2
        assert repaired.memories == 14
        assert repaired.moved + repaired.removed == len({one.id for one in survey.repairable() if one.relation})
        gone = truth["relations"]["orphaned_if_removed_chunk_ids_are_derived"]
        assert repaired.removed == gone + len(loops)
        assert counts(await services.integrity.survey()) == dict.fromkeys(map(str, checks.CHECKS), 0)
        facets = await services.search.facets(Query())
        projects = {one.value: one.count for one in facets.projects}
        without = survey.memories - sum(projects.values())
        assert projects | {"(none)": without} == truth["memories"]["projects_with_nested_fallback"]
        for headless in truth["memories"]["headless"]:
            memory = await services.memories.get(headless["id"])
            assert not memory.headless
            assert content_hash(memory.content) == headless["sha256"]
        assert (await services.integrity.repair(survey.repairable())).total == 0

        await services.memories.undo()
        assert await everything(services) == before
        await services.memories.redo()
        assert counts(await services.integrity.survey()) == dict.fromkeys(map(str, checks.CHECKS), 0)
        await services.memories.undo()
        assert await everything(services) == before


async def write_uneven(services: Services) -> str:
    """A memory whose second chunk was changed last, and whose third one has no project."""
    memory = await services.memories.create(
        MemoryDraft("words of a long text " * 60, tags=("first",), importance=0.4, project="api")
    )
    points = await services.vectors.scroll(Scroll(MemoryType.SEMANTIC, 100))
    later = sorted((point.payload["chunk_index"], point.id) for point in points)
    newer = {"tags": ["second", "first"], "importance": 0.7, "updated_at": "2040-01-01T10:00:00"}
    await services.vectors.set_payload(MemoryType.SEMANTIC, [later[1][1]], newer | {"has_relations": True})
    await services.vectors.set_payload(MemoryType.SEMANTIC, [later[2][1]], {"importance": 0.9, "only here": 1})
    await services.vectors.delete_payload(MemoryType.SEMANTIC, [later[2][1]], ["project"])
    return memory.id


@pytest.mark.parametrize(
    ("keep", "tags", "importance"),
    [(Keep.FIRST, ["first"], 0.4), (Keep.NEWEST, ["second", "first"], 0.7), (Keep.UNION, ["first", "second"], 0.9)],
)
async def test_the_person_chooses_which_values_win_and_undo_gives_each_chunk_its_own_again(
    services: Services, keep: Keep, tags: list[str], importance: float
) -> None:
    memory_id = await write_uneven(services)
    before = await everything(services)
    survey = await services.integrity.survey()
    (finding,) = await services.integrity.describe(survey.found[checks.UNEVEN])
    assert set(finding.outcomes) == {Keep.FIRST, Keep.NEWEST, Keep.UNION}
    assert finding.outcomes[keep] == f"tags: {', '.join(tags)}; project: api; importance: {importance}"
    await services.integrity.repair(survey.repairable(), keep=keep)
    assert counts(await services.integrity.survey())["uneven"] == 0
    for _, payload, _ in (await everything(services))[0].values():
        assert (payload["tags"], payload["importance"], payload["project"]) == (tags, importance, "api")
    (change, *_) = await services.memories.history(memory_id)
    told = dict(of_chunks(change.before, change.after))
    assert told.get("tags of chunk 2") == (None if keep is Keep.NEWEST else (["second", "first"], tags))
    assert told["project of chunk 3"] == (None, "api")
    await services.memories.undo()
    assert await everything(services) == before
    await services.memories.redo()
    assert counts(await services.integrity.survey())["uneven"] == 0
    await services.memories.undo()
    assert await everything(services) == before


async def test_undo_of_chunks_made_alike_leaves_what_was_changed_since(services: Services) -> None:
    memory_id = await write_uneven(services)
    before = await everything(services)
    survey = await services.integrity.survey()
    await services.integrity.repair(survey.repairable())
    memory = await services.memories.get(memory_id)
    ids = list(before[0])
    await services.vectors.set_payload(MemoryType.SEMANTIC, ids, {"tags": ["theirs"]})
    preview = await services.memories.undo_preview()
    assert [one.what for one in preview.changed] == ["tags"]
    await services.memories.undo(preview.group, IfChanged.FORCE)
    assert await everything(services) == before
    assert (await services.memories.get(memory_id)).tags == memory.tags


async def test_an_undo_that_was_cut_short_still_gives_each_chunk_its_own(tmp_path: Path, postgres_url: str) -> None:
    settings = Settings(home=tmp_path, database_url=postgres_url, zone="UTC", actor="tester")
    store = BreakingStore(Here(settings.vectors_dir))
    async with services_here(settings, vectors=store) as services:
        memory_id = await write_uneven(services)
        before = await everything(services)
        await services.memories.delete([memory_id])
        store.broken = True
        await services.memories.undo()
        store.broken = False
        assert await services.memories.recover() == 1
        assert await everything(services) == before
        survey = await services.integrity.survey()
        await services.integrity.repair(survey.repairable())
        store.broken = True
        await services.memories.undo()
        store.broken = False
        assert await services.memories.recover() == 1
        assert await everything(services) == before


def test_nested_metadata_rises_and_overwrites_nothing() -> None:
    nested = {
        "pr": 7,
        "attendees": 4,
        "project": "api",
        "steps": ["read"],
        "parent_id": "not ours",
        "content": "an old text",
        "metadata": {"pr": 8, "user": "ana"},
    }
    payload = {"content": "text", "attendees": 5, "project": None, "steps": [], "metadata": nested}
    assert flattened_both_kept(payload) == {
        "content": "text",
        "attendees": 5,
        "project": "api",
        "steps": ["read"],
        "pr": 7,
        "metadata_attendees": 4,
        "metadata_parent_id": "not ours",
        "metadata_content": "an old text",
        "metadata_pr": 8,
        "user": "ana",
    }
    assert flattened_both_kept({"metadata": {"a": 1}, "a": 2, "metadata_a": 3}) == {
        "a": 2,
        "metadata_a": 3,
        "metadata_a_2": 1,
    }
    assert flattened_both_kept({"metadata": "a text of ours"}) == {"metadata": "a text of ours"}


async def test_chosen_defects_are_repaired_alone_and_what_changed_meanwhile_is_looked_at_again(
    services: Services,
) -> None:
    one, two = [await services.memories.create(MemoryDraft(f"{name} " * 200)) for name in ("one", "two")]
    chunks = [point.id for point in await services.vectors.scroll(Scroll(MemoryType.SEMANTIC, 100))]
    owner = {chunk: (await services.memories.get(chunk)).id for chunk in chunks}
    of_one = [chunk for chunk in chunks if owner[chunk] == one.id]
    of_two = [chunk for chunk in chunks if owner[chunk] == two.id]
    async with services.records.transaction() as transaction:
        await transaction.relations.insert(
            [
                NewRelation(one.id, two.id, RelationType.FIXES, 0.4),
                NewRelation(of_one[0], two.id, RelationType.FIXES, 0.9),
                NewRelation(of_one[0], of_two[0], RelationType.CAUSES, 0.6),
                NewRelation(one.id, of_two[1], RelationType.CAUSES, 0.2),
                NewRelation(of_one[0], of_one[1], RelationType.RELATED),
            ]
        )
    survey = await services.integrity.survey()
    assert counts(survey)["chunk-ends"] == 4
    alone = [one for one in survey.found[checks.CHUNK_ENDS] if one.relation and one.relation.weight == 0.9]
    assert (await services.integrity.repair(alone)).removed == 1
    rest = await services.integrity.repair(survey.repairable(), progress=lambda _: None)
    assert (rest.moved, rest.removed) == (1, 2)
    left = {
        (one.source_id, one.target_id, one.type) for one in await services.records.relations.touching([one.id, two.id])
    }
    assert left == {(one.id, two.id, RelationType.FIXES), (one.id, two.id, RelationType.CAUSES)}
    await services.memories.undo()
    await services.memories.undo()
    assert counts(await services.integrity.survey())["chunk-ends"] == 4


class BreakingStore(EdgeVectorStore):
    """Takes no points while it is broken, as when the program is killed before it writes them."""

    broken = False

    async def upsert(self, collection: MemoryType, points: Sequence[Point]) -> None:
        if self.broken:
            raise StoreUnavailable("cut off")
        await super().upsert(collection, points)

    async def set_payloads(
        self, collection: MemoryType, changes: Sequence[tuple[Sequence[str], Mapping[str, object]]]
    ) -> None:
        if self.broken:
            raise StoreUnavailable("cut off")
        await super().set_payloads(collection, changes)


async def test_a_repair_that_was_cut_short_is_finished_at_the_next_start(tmp_path: Path, postgres_url: str) -> None:
    settings = Settings(home=tmp_path, database_url=postgres_url, zone="UTC", actor="tester")
    store = BreakingStore(Here(settings.vectors_dir))
    async with services_here(settings, vectors=store) as services:
        memory = await services.memories.create(MemoryDraft("a long text of many words " * 60))
        points = await store.scroll(Scroll(MemoryType.SEMANTIC, 100))
        (first,) = [point.id for point in points if point.payload["chunk_index"] == 0]
        await store.delete_points(MemoryType.SEMANTIC, [first])
        survey = await services.integrity.survey()
        store.broken = True
        await services.integrity.repair(survey.repairable())
        assert (await services.memories.get(memory.id)).headless
        store.broken = False
        assert await services.memories.recover() == 1
        assert counts(await services.integrity.survey()) == dict.fromkeys(map(str, checks.CHECKS), 0)
        await services.memories.undo()
        assert (await services.memories.get(memory.id)).headless
        await services.memories.redo()
        assert not (await services.memories.get(memory.id)).headless
        assert counts(await services.integrity.survey()) == dict.fromkeys(map(str, checks.CHECKS), 0)


async def test_a_text_that_another_program_changed_is_told_and_left_alone(services: Services) -> None:
    memory = await services.memories.create(MemoryDraft("as we saved it"))
    await services.memories.update(memory, MemoryChanges(content="as we saved it again"))
    await services.memories.create(MemoryDraft("another"))
    await services.vectors.set_payload(MemoryType.SEMANTIC, [memory.id], {"content": "as an agent left it"})
    survey = await services.integrity.survey()
    (changed,) = survey.found[checks.CHANGED]
    assert (changed.id, survey.total) == (memory.id, 0)
    assert await services.health.problems() == [
        f"Changed outside: 1 memory whose text another program changed: {memory.id}; "
        "`memoria-tui history ID` shows what it was"
    ]
    (finding,) = await services.integrity.describe([changed])
    assert finding.repair == ""
    assert (await services.integrity.repair([changed])).total == 0
    assert (await services.memories.get(memory.id)).content == "as an agent left it"


@pytest.mark.skipif(not UPSTREAM.exists(), reason="the files that upstream wrote are not here")
async def test_history_and_memories_agree_after_an_import_was_undone(services: Services) -> None:
    await copy_points(services)
    report = await services.importing.import_files([UPSTREAM / "export.json"])
    assert report.memories
    await services.memories.undo()
    for type_ in MemoryType:
        for found in fold(type_, await services.vectors.scroll(Scroll(type_, 10_000))):
            for change in await services.records.history.changes_of(Entity.MEMORY, found.id, limit=1):
                assert change.after is not None
                written = change.after["payload"]
                assert isinstance(written, dict)
                assert {key: (type(value), value) for key, value in found.state.payload.items()} == {
                    key: (type(value), value) for key, value in written.items()
                }
