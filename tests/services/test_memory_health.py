"""How the memories are as a whole, in numbers that are queries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.acting import Actor, acting_as
from services.curation.memory_health import MemoryHealthService
from services.graph.graph_service import GraphService
from services.model import AGENT, MemoryDraft, RelationType
from services.ports import NewRelation
from services.records import Records
from services.search.query import parse_query
from services.search.search_service import SearchService
from tests.services.memory_world import open_world
from tests.services.test_duplicates import alike, scan_of


async def test_each_number_counts_what_its_query_lists(records: Records) -> None:
    async with open_world(records) as world:
        world.embedder.embed_documents = alike  # type: ignore[method-assign]
        now = datetime.now(UTC)
        create = world.service.create

        def clock() -> datetime:
            return now + timedelta(seconds=1)

        old = await create(MemoryDraft("The port is 5432"))
        new = await create(MemoryDraft("The queue has a limit", tags=("a",)))
        graph = GraphService(world.vectors, world.records, world.settings)
        await graph.link_many([NewRelation(new.id, old.id, RelationType.SUPERSEDES)])
        with acting_as(Actor(f"{AGENT}codex")):
            for seconds in (10, 60):
                ends = {"expires_at": (now + timedelta(days=seconds)).isoformat()}
                await create(MemoryDraft(f"The access token of the api lives for {seconds} seconds", metadata=ends))
            await world.service.edit_many([new.id], importance=0.9)
        async for _ in scan_of(world).scan():
            pass
        with acting_as(Actor(f"{AGENT}cursor")):
            await world.service.delete([(await create(MemoryDraft("The cache was cleared"))).id])
        search = SearchService(world.vectors, world.embedder, world.records, world.settings, clock)
        health = await MemoryHealthService(search, world.records, world.settings, clock).look()
        assert health.total == 4
        counts = {one.name: one.count for one in health.numbers}
        told = {"reviewed": 1, "stale": 0, "orphaned": 2, "superseded": 1, "expired": 0, "expiring": 1}
        assert counts == {**told, "contradicting": 2}
        assert [(one.name, one.count) for one in health.growth] == [("codex", 3)]
        for one in (*health.numbers, *health.growth):
            assert (await search.listing(parse_query(one.query, now=clock(), week_begins=0))).total == one.count
