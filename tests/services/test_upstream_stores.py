"""The stores that MCP Memoria made, opened as they are: every number of their known truth, and not one write."""

from __future__ import annotations

import hashlib
import subprocess
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from services.adapters.postgres.postgres_binaries import binaries
from services.container import Services, open_services
from services.errors import SchemaMissing
from services.memories.stored_memories import owners, read_stored
from services.model import MemoryChanges, MemoryDraft, MemoryType, Query, ReportBy
from services.model.database import UpgradePlan
from services.points import EVERYTHING
from services.search.query import parse_query
from services.settings import Settings
from services.times import Period
from services.work.report_values import ReportUnit
from tests.qdrant_server import running_qdrant
from tests.services.edge_here import services_here
from tests.services.memory_world import WatchedEmbedder
from tests.services.servers import query, restore_upstream
from tests.services.upstream import KEPT, everything, opened, truth

YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize("kind", ["edge", *KEPT])
async def test_raw_points_are_the_memories_that_truth_names(kind: str, empty_url: str, tmp_path: Path) -> None:
    expected = truth()["memories"]
    restore_upstream(empty_url)
    async with opened(kind, empty_url, tmp_path) as services:
        (qdrant, _, _) = await services.health.status()
        totals = {name: of["total"] for name, of in expected["logical"].items()}
        totals["memories"] = totals.pop("all")
        assert qdrant.counts == {**totals, "points": expected["points"]["all"]}

        facets = await services.search.facets(Query())
        listing = await services.search.listing(Query())
        memories = {hit.memory.id: hit.memory for hit in await listing.page(0, 1000)}
        stored = {one.id: one for states in (await read_stored(services.vectors, memories)).values() for one in states}
        assert len(memories) == expected["logical"]["all"]["total"]
        assert sum(len(one.points) for one in stored.values()) == expected["points"]["all"]
        assert {id_ for id_, one in memories.items() if one.headless} == {one["id"] for one in expected["headless"]}
        chunked = {id_ for id_, one in stored.items() if one.points[0].payload.get("is_chunk")}
        assert Counter(memories[id_].type.value for id_ in chunked) == {
            kind: count for kind, count in expected["chunked"].items() if kind != "all"
        }
        assert sum(len(one.content) > 500 for one in memories.values()) == expected["longer_than_500"]
        assert sum(len(one.points) > 10 for one in stored.values()) == expected["groups_over_10_chunks"]
        assert max(len(one.points) for one in stored.values()) == expected["max_chunks"]
        assert {id_ for id_ in chunked if len(stored[id_].points) == 1 and not memories[id_].headless} == set(
            expected["single_chunk_groups"]
        )
        for one in (*expected["sample"], *expected["headless"]):
            memory = memories[one["id"]]
            assert hashlib.sha256(memory.content.encode()).hexdigest() == one["sha256"]
            assert (memory.type, memory.chunk_count) == (one["memory_type"], one["points"])
        for one in (expected["sample"][0], *expected["headless"]):
            assert await services.memories.get(one["id"]) == memories[one["id"]]
        assert not set(memories) & set(expected["deleted_ids"])

        assert {one.value: one.count for one in facets.tags} == expected["tags_all"]
        projects = dict(expected["projects"])
        without = projects.pop("(none)")
        assert {one.value: one.count for one in facets.projects} == projects
        assert sum(one.project is None for one in memories.values()) == without
        assert sum(not one.tags for one in memories.values()) == expected["untagged"]
        problems = await services.health.problems()
        assert f"{len(expected['nested_metadata'])} memories with metadata nested" in "\n".join(problems)


async def test_relations_of_the_dump_are_those_that_truth_names(empty_url: str, tmp_path: Path) -> None:
    expected = truth()["relations"]
    restore_upstream(empty_url)
    async with opened("edge", empty_url, tmp_path) as services:
        relations = [one async for batch in services.records.relations.all() for one in batch]
        ends = {end for one in relations for end in (one.source_id, one.target_id)}
        owner = await owners(services.vectors, sorted(ends))
        assert len(relations) == expected["total"]
        assert Counter(one.type.value for one in relations) == expected["by_type"]
        assert Counter(one.created_by.value for one in relations) == expected["by_creator"]
        orphaned = {one.id for one in relations if not {one.source_id, one.target_id} <= owner.keys()}
        assert orphaned == {one["id"] for one in expected["orphaned"]["relations"]}
        to_chunks = {
            one.id for one in relations for end in (one.source_id, one.target_id) if owner.get(end, end) != end
        }
        assert to_chunks == {one["id"] for one in expected["chunk_ended"]["relations"]}
        mapped = [(owner.get(one.source_id), owner.get(one.target_id), one.type) for one in relations]
        whole = [one for one in mapped if one[0] and one[1]]
        assert sum(source == target for source, target, _ in whole) == expected["self_loops_after_mapping"]
        assert len(whole) - len(set(whole)) == expected["duplicates_after_mapping"]
        kinds = await services.graph.memories(set(owner.values()))
        assert (
            Counter(
                kinds[owner[end]].type.value if end in owner else "missing"
                for one in relations
                for end in (one.source_id, one.target_id)
            )
            == expected["endpoint_memory_types"]
        )
        for one in expected["chunk_ended"]["relations"]:
            for parent in {one["source_parent"], one["target_parent"]} - {None}:
                shown = {related.relation.id: related for related in await services.memories.relations(parent)}
                assert shown[one["id"]].of_chunk
        hub = expected["hub"]
        assert [(one.memory_id, one.degree) for one in await services.graph.overview(1)] == [(hub["id"], hub["degree"])]
        around = await services.graph.neighborhood(hub["id"], 2)
        assert len(around.nodes) > hub["degree"]
        far = around.nodes[-1]
        assert len(await services.graph.path(hub["id"], far.id)) == 3
        rejected = [one async for batch in services.records.rows.of("rejected_suggestions") for one in batch]
        assert len(rejected) == truth()["rejected_suggestions"]


async def test_work_of_the_dump_is_added_up_as_truth_says(empty_url: str, tmp_path: Path) -> None:
    expected = truth()["work"]
    restore_upstream(empty_url)
    async with services_here(Settings(home=tmp_path, database_url=empty_url, zone="UTC")) as services:
        sessions = [row async for batch in services.records.rows.sessions() for row in batch]
        assert len(sessions) == expected["sessions"]
        assert Counter(row["status"] for row in sessions) == expected["by_status"]
        assert Counter(row["category"] for row in sessions) == expected["by_category_all"]
        assert sum(row["client_id"] is None for row in sessions) == expected["without_client"]
        done = [row for row in sessions if row["status"] == "completed"]
        assert sum(int(str(row["duration_minutes"])) for row in done) == expected["completed_minutes"]
        for key, sums in (("category", expected["minutes_by_category"]), ("month", expected["minutes_by_month_utc"])):
            minutes: Counter[str] = Counter()
            for row in done:
                minutes[str(row["start_time"])[:7] if key == "month" else str(row[key])] += int(
                    str(row["duration_minutes"])
                )
            assert minutes == sums
        assert [one.id for one in (await services.work.status()).sessions] == [
            one["id"] for one in expected["open_sessions"]
        ]
        clients, projects = await services.clients.clients(), await services.clients.projects()
        assert {one.client.name: one.minutes for one in clients if one.client} == {
            name: count for name, count in expected["minutes_by_client"].items() if name != "(none)"
        }
        assert sum(one.project is not None for one in projects) == expected["projects"]
        report = await services.reports.report(YEAR, ReportBy.CATEGORY, ReportUnit.MONTH)
        assert report.sessions == expected["by_status"]["completed"]


async def looked_around(services: Services) -> None:
    """What a person looks at, in every mode."""
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    result = await services.search.search(parse_query("widgets that scroll", now=now, week_begins=0))
    assert result.hits
    first = result.hits[0].memory.id
    await services.search.facets(Query())
    await (await services.search.listing(Query())).page(0, 50)
    await services.memories.get(first)
    await services.memories.relations(first)
    assert await services.memories.history(first) == ()
    assert await services.memories.trash() == ()
    hub = truth()["relations"]["hub"]["id"]
    assert len((await services.graph.neighborhood(hub, 3)).nodes) > 1
    await services.suggestions.suggest(hub, 5)
    await services.work.status()
    await services.work.preferences()
    await services.reports.report(YEAR, ReportBy.CLIENT, ReportUnit.MONTH)
    await services.memory_counts.by_month([date(2026, 10, 1), date(2026, 11, 1)])
    await services.health.status()
    await services.health.problems()
    assert await services.memories.recover() == 0
    assert await services.memories.pending_count() == 0
    assert (await services.database.status()).missing
    assert await services.database.upgrade(dry_run=True)


def dumped(url: str) -> str:
    """The whole database as text: schema, data, privileges, sequences."""
    dump = subprocess.run([binaries() / "pg_dump", "-d", url], check=True, capture_output=True, text=True).stdout
    return "\n".join(line for line in dump.splitlines() if "restrict" not in line)


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect")
async def test_looking_writes_nothing_and_the_first_write_asks_for_both_stores(empty_url: str, tmp_path: Path) -> None:
    truth()
    restore_upstream(empty_url)
    asked: list[UpgradePlan] = []
    answers = [False, False, True]

    async def ask(plan: UpgradePlan, upgrade: Callable[[], Awaitable[object]]) -> bool:
        asked.append(plan)
        if yes := answers.pop(0):
            await upgrade()
        return yes

    async with opened("server", empty_url, tmp_path, ask) as services:
        before, points = dumped(empty_url), await everything(services)
        await looked_around(services)
        assert not asked

        memory = await services.memories.get(truth()["relations"]["hub"]["id"])
        with pytest.raises(SchemaMissing, match="nothing was written"):
            await services.memories.update(memory, MemoryChanges(content="changed"))
        with pytest.raises(SchemaMissing, match="nothing was written"):
            await services.clients.create_client("Nobody")
        assert (dumped(empty_url), await everything(services)) == (before, points)
        plan = asked[0]
        assert "table memoria_tui.audit_log" in plan.added
        assert any("client_statistics" in line for line in plan.replaced)
        assert [line.split(":")[0] for line in plan.indexes] == ["episodic", "semantic", "procedural"]
        assert all("created_at" in line for line in plan.indexes)
        assert asked[0] == asked[1]

        saved = await services.memories.update(memory, MemoryChanges(content="changed"))
        assert saved.content == "changed"
        assert len(asked) == 3
        await services.clients.create_client("Somebody")
        await services.memories.undo()
        await services.memories.undo()
        after = await everything(services)
        assert {id_ for id_ in points if after.get(id_) != points[id_]} <= {
            one.id for one in (await read_stored(services.vectors, [memory.id]))[memory.id][0].points
        }
        assert (await services.memories.get(memory.id)).content == memory.content
        assert len(asked) == 3
        assert query(empty_url, "SELECT count(*) FROM _migrations") == [(5,)]


async def test_a_qdrant_without_our_indexes_is_asked_for_alone_and_not_by_recovery(
    postgres_url: str, tmp_path: Path
) -> None:
    truth()
    asked: list[UpgradePlan] = []

    async def refuse(plan: UpgradePlan, upgrade: Callable[[], Awaitable[object]]) -> bool:
        asked.append(plan)
        return False

    async with opened("server", postgres_url, tmp_path, refuse) as services:
        await services.clients.create_client("Somebody")
        assert not asked
        with pytest.raises(SchemaMissing):
            await services.memories.create(MemoryDraft("new"))
        ((added, replaced, indexes),) = [(one.added, one.replaced, one.indexes) for one in asked]
        assert (added, replaced, len(indexes)) == ((), (), 3)
        assert query(postgres_url, "SELECT count(*) FROM memoria_tui.audit_log WHERE entity = 'memory'") == [(0,)]
        memory_id = truth()["relations"]["hub"]["id"]
        change = query(postgres_url, "SELECT id FROM memoria_tui.audit_log")[0][0]
        query(postgres_url, "INSERT INTO memoria_tui.embedding_schedule VALUES (%s, %s)", memory_id, change)
        with pytest.raises(SchemaMissing):
            await services.memories.recover()
        assert len(asked) == 1
        assert await services.vectors.count(next(iter(await services.vectors.info())), EVERYTHING)
        problems = [problem for store in await services.health.status() for problem in store.problems]
        problems += await services.health.problems()
        told = sorted(problem.partition(" lacks indexes")[0] for problem in problems if "lacks indexes" in problem)
        assert told == sorted(MemoryType), "each once"


async def test_an_index_of_our_own_that_is_gone_is_added_by_an_upgrade_and_asked_about_by_no_write(
    postgres_url: str, tmp_path: Path
) -> None:
    async def never(plan: UpgradePlan, upgrade: Callable[[], Awaitable[object]]) -> bool:
        raise AssertionError(f"asked about {plan}")

    with running_qdrant() as qdrant:
        settings = Settings(home=tmp_path, database_url=postgres_url, qdrant_host=qdrant.url)
        async with open_services(settings, embedder=WatchedEmbedder(), ask=never) as services:
            await services.memories.create(MemoryDraft("one"))
            client = qdrant.client()
            await client.delete_payload_index("semantic", "project")
        async with open_services(settings, embedder=WatchedEmbedder(), ask=never) as services:
            assert (await services.database.status()).indexes == ("semantic: project",)
            assert (await services.database.plan()).indexes == ("semantic: project",)
            await services.database.upgrade()
            assert not (await services.database.status()).indexes
            assert "project" in (await client.get_collection("semantic")).payload_schema
            await client.delete_payload_index("semantic", "project")
        async with open_services(settings, embedder=WatchedEmbedder(), ask=never) as services:
            await services.memories.create(MemoryDraft("two"))
            assert "project" in (await client.get_collection("semantic")).payload_schema
        await client.close()
