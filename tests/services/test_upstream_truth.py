"""What MCP Memoria's stores hold, number by number, as the program tells it: memories, chunks, relations, defects."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import pytest
import pytest_asyncio

from services.container import Services
from services.errors import NotFound
from services.integrity import checks
from services.memories.chunking import chunk_id
from services.memories.stored_memories import Stored, owners, read_stored
from services.model import Hit, Memory, Query, Relation, content_hash
from services.search.query import parse_query
from tests.services.servers import create_database, drop_database, restore_upstream
from tests.services.upstream import FOLDER, opened, truth

pytestmark = pytest.mark.asyncio(loop_scope="module")
MONTHS = [date(2026, month, 1) for month in range(1, 13)]


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything that the list of all memories shows, and the points behind it."""

    services: Services
    memories: Mapping[str, Memory]
    stored: Mapping[str, Stored]

    async def listed(self, query: Query) -> list[str]:
        """Ids of all memories that a query finds."""
        return [hit.memory.id for hit in (await self.services.search.search(replace(query, limit=1000))).hits]

    async def asked(self, text: str) -> dict[str, Hit]:
        """Hits by id for what a person types."""
        found = await self.services.search.search(
            parse_query(f"{text} ", now=datetime(2026, 11, 20, tzinfo=UTC), week_begins=0)
        )
        return {hit.memory.id: hit for hit in found.hits}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shown(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shown]:
    """Upstream's points and database, opened as they are; no test writes to them."""
    truth()
    url = create_database(postgres_server, "upstream_truth")
    restore_upstream(url)
    async with opened("edge", url, tmp_path_factory.mktemp("truth")) as services:
        hits = (await services.search.search(Query(limit=1000))).hits
        memories = {hit.memory.id: hit.memory for hit in hits}
        stored = await read_stored(services.vectors, memories)
        yield Shown(services, memories, {id_: states[0] for id_, states in stored.items()})
    drop_database(postgres_server, "upstream_truth")


def described(memory: Memory, stored: Stored) -> dict[str, object]:
    """A memory in the words of `truth.json`."""
    chunked = bool(stored.points[0].payload.get("is_chunk"))
    return {
        "id": memory.id,
        "memory_type": memory.type.value,
        "chunked": chunked,
        "headless": memory.headless,
        "points": memory.chunk_count,
        "chunk_count": stored.points[0].payload["chunk_count"] if chunked else None,
        "chars": len(memory.content),
        "utf8_bytes": len(memory.content.encode()),
        "sha256": content_hash(memory.content),
    }


async def test_every_memory_and_every_text_is_told(shown: Shown) -> None:
    expected, memories, stored = truth()["memories"], shown.memories, shown.stored
    points = {type_.value: info.points for type_, info in (await shown.services.health.collections()).items()}
    assert {**points, "all": sum(points.values())} == expected["points"]
    kinds = {name: [one for one in memories.values() if name in (one.type.value, "all")] for name in expected["points"]}
    headless = {name: sum(one.headless for one in some) for name, some in kinds.items()}
    assert expected["logical"] == {
        name: {"complete": len(some) - headless[name], "headless": headless[name], "total": len(some)}
        for name, some in kinds.items()
    }
    assert expected["chunked"] == {
        name: sum(bool(stored[one.id].points[0].payload.get("is_chunk")) for one in some)
        for name, some in kinds.items()
    }
    assert {id_ for id_, one in stored.items() if "parent_id" not in one.points[0].payload} == set(
        expected["legacy_without_parent_id"]
    )
    for one in (*expected["sample"], *expected["headless"]):
        told = described(memories[one["id"]], stored[one["id"]])
        assert told == {key: one[key] for key in told}, one["why"]
        assert memories[one["id"]] == await shown.services.memories.get(one["id"])
    exported = json.loads((FOLDER / "export.json").read_text("utf-8"))["collections"].values()
    texts = {one["id"]: one["payload"]["content"] for some in exported for one in some}
    assert texts == {id_: one.content for id_, one in memories.items()}
    special = {name: memories[id_] for name, id_ in expected["special_ids"].items()}
    lengths = {"empty": 0, "one-char": 1, "exactly-500": 500, "exactly-501": 501}
    assert {name: len(special[name].content) for name in lengths} == lengths
    for gone in expected["deleted_ids"]:
        with pytest.raises(NotFound):
            await shown.services.memories.get(gone)
    small = truth()["small_store"]
    assert len(memories.keys() & set(small["ids"])) == small["memories"]
    assert sum(len(stored[id_].points) for id_ in small["ids"]) == small["points"]


async def test_memories_without_a_head_are_marked_wherever_they_are_found(shown: Shown) -> None:
    for one in truth()["memories"]["headless"]:
        stored = shown.stored[one["id"]]
        assert [point.payload["chunk_index"] for point in stored.points] == one["present_indices"]
        assert sorted(shown.memories[one["id"]].tags) == one["tags"]
        words = " ".join(str(stored.points[0].payload["content"]).split()[:20]).replace('"', "").replace(":", "")
        hit = (await shown.asked(words))[one["id"]]
        assert hit.memory == shown.memories[one["id"]]
        around = await shown.services.graph.memories([one["id"]])
        assert around[one["id"]].headless
    split = truth()["memories"]["webui_split_new_id"]
    parents = [one["id"] for one in truth()["memories"]["headless"] if chunk_id(one["id"], 0) == split]
    assert len(parents) == 1  # the edit in the Web UI made a memory of its own, by the id of the chunk that it replaced
    assert shown.memories[split].id == (await shown.services.memories.get(split)).id == split


async def test_tags_and_projects_differ_between_all_and_complete_memories_by_the_headless(shown: Shown) -> None:
    expected = truth()["memories"]
    facets = await shown.services.search.facets(Query())
    tags = Counter({one.value: one.count for one in facets.tags})
    assert len(tags) == expected["distinct_tags"]
    assert [[one.value, one.count] for one in facets.tags[:20]] == expected["tags_top20"]
    months = await shown.services.memory_counts.by_month(MONTHS)
    assert [[one.value, one.count] for one in months.tags] == expected["tags_top20"]
    assert sum(sum(counts.values()) for _, counts in months.months) == expected["logical"]["all"]["total"]
    headless = [one for one in shown.memories.values() if one.headless]
    complete = tags - Counter(tag for one in headless for tag in set(one.tags))
    most = sorted(complete.items(), key=lambda one: (-one[1], one[0]))[:20]
    assert [list(one) for one in most] == expected["tags_top20_complete_only"]
    projects = Counter(one.project or "(none)" for one in shown.memories.values())
    assert projects == expected["projects"]
    assert projects - Counter(one.project or "(none)" for one in headless) == expected["projects_complete_only"]


async def test_what_upstreams_programs_did_to_memories_is_told(shown: Shown) -> None:
    expected, memories = truth()["memories"], shown.memories
    survey = await shown.services.integrity.survey()
    assert [one.id for one in survey.found[checks.NESTED]] == expected["nested_metadata"]
    assert {id_ for id_, one in memories.items() if one.metadata.get("is_observation")} == set(expected["observations"])
    assert {id_ for id_, one in memories.items() if "merged_from" in one.metadata} == set(expected["merged_primaries"])

    (edited,) = expected["webui_metadata_edit_on_chunk_0"]
    assert edited in expected["chunks_disagree_on_tags_importance_or_updated_at"]
    assert list(await shown.asked("tag:webui")) == [edited]
    found = await shown.asked("tooltip Binding")
    assert found[edited].memory == memories[edited] == await shown.services.memories.get(edited)
    assert "css" not in memories[edited].tags  # but the chunks that the edit did not reach still have it
    assert any("css" in point.payload["tags"] for point in shown.stored[edited].points)  # type: ignore[operator]
    assert edited not in await shown.asked("tooltip Binding tag:css")


async def test_marks_of_relations_are_not_believed(shown: Shown) -> None:
    expected = truth()["memories"]["has_relations_marked_points"]
    marked = dict.fromkeys(expected, 0)
    for one in shown.stored.values():
        marked[one.state.type.value] += sum(bool(point.payload.get("has_relations")) for point in one.points)
    assert marked == expected
    ends = {end for one in await relations(shown.services) for end in (one.source_id, one.target_id)}
    linked = set((await owners(shown.services.vectors, sorted(ends))).values())
    assert set(await shown.listed(Query(flags=(("relations", True),)))) == linked
    assert set(await shown.listed(Query(flags=(("orphan", True),)))) == shown.memories.keys() - linked


async def relations(services: Services) -> list[Relation]:
    return [one async for batch in services.records.relations.all() for one in batch]


async def test_ends_that_are_no_memory_are_told_with_what_they_were(shown: Shown) -> None:
    expected = truth()["relations"]
    survey = await shown.services.integrity.survey()
    orphans = survey.found[checks.ORPHANS]
    findings = await shown.services.integrity.describe(orphans)
    told = {}
    for one in findings:
        assert one.defect.relation
        ends = (one.defect.relation.source_id, one.defect.relation.target_id)
        strangers = [end for end, memory in zip(ends, one.memories, strict=True) if memory is None]
        told[one.defect.id] = (*ends, one.defect.relation.type.value, strangers, dict(one.defect.former))
    assert len(told) == len(orphans) == expected["orphaned"]["count"]
    assert told == {
        one["id"]: (
            one["source_id"],
            one["target_id"],
            one["type"],
            [end["id"] for end in one["missing"] if end["was_chunk"] is None],
            {end["id"]: end["of"] for end in one["missing"] if end["was_chunk"] is not None},
        )
        for one in expected["orphaned"]["relations"]
    }
    for one in (end for relation in expected["orphaned"]["relations"] for end in relation["missing"] if "of" in end):
        assert chunk_id(one["of"], one["was_chunk"]) == one["id"]
        assert (one["of"] in shown.memories) is one["parent_exists"]
    shortened = truth()["memories"]["content_update_left_fewer_chunks"]
    assert any(shortened in former.values() for *_, former in told.values())
    lost = [id_ for id_, (*_, strangers, _) in told.items() if strangers]
    deleted = set(truth()["memories"]["deleted_ids"])
    assert all(deleted.issuperset(strangers) for *_, strangers, _ in told.values())
    assert len(lost) == expected["orphaned_if_removed_chunk_ids_are_derived"]
    headless = [id_ for id_, one in shown.memories.items() if one.headless]
    of_headless = {one.relation.id for id_ in headless for one in await shown.services.memories.relations(id_)}
    assert len(told.keys() | of_headless) == expected["orphaned_if_headless_do_not_count"]


async def test_ends_that_are_chunks_are_told_with_their_memories(shown: Shown) -> None:
    expected = truth()["relations"]["chunk_ended"]
    survey = await shown.services.integrity.survey()
    defects = survey.found[checks.CHUNK_ENDS]
    assert len(defects) == expected["count"]
    creators = Counter(one.relation.created_by.value for one in defects if one.relation)
    assert creators == expected["by_creator"]
    told = {}
    for one in await shown.services.integrity.describe(defects):
        assert one.defect.relation
        ends = (one.defect.relation.source_id, one.defect.relation.target_id)
        memories = [memory and memory.id for memory in one.memories]
        # An end that is a memory needs no mapping, and one that was a chunk once has none.
        parents = [None if end == m or end in one.defect.former else m for end, m in zip(ends, memories, strict=True)]
        kind = (one.defect.relation.type.value, one.defect.relation.created_by.value)
        told[one.defect.id] = (*kind, *ends, *parents, None not in parents and memories[0] == memories[1])
    assert told == {
        one["id"]: (
            one["type"],
            one["created_by"],
            one["source_id"],
            one["target_id"],
            one["source_parent"],
            one["target_parent"],
            one["self_loop_after_mapping"],
        )
        for one in expected["relations"]
    }
