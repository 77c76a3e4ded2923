"""Counting memories by month, type and tag, on a real store."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from services.acting import Actor, acting_as
from services.model import FacetCount, MemoryChanges, MemoryDraft, MemoryType
from services.records import Records
from services.search.memory_counts import AgentTotal, MemoryCounts
from tests.services.memory_world import World, open_world

_OCTOBER, _NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


async def test_each_memory_counts_once_in_the_month_of_the_writers_zone(records: Records) -> None:
    async with open_world(records) as world:
        for made, kind, text, tags in (
            (datetime(2026, 10, 31, 22, 59, tzinfo=UTC), MemoryType.SEMANTIC, "short", ("auth",)),
            (datetime(2026, 10, 31, 23, 1, tzinfo=UTC), MemoryType.EPISODIC, "a long text " * 30, ("auth", "api")),
            (datetime(2026, 11, 30, 22, 59, tzinfo=UTC), MemoryType.EPISODIC, "the last", ("api", "auth")),
            (datetime(2026, 11, 30, 23, 1, tzinfo=UTC), MemoryType.PROCEDURAL, "too late", ("later",)),
        ):
            await world.service.create(MemoryDraft(text, kind, tags=tags, created_at=made))
        counted = await _counts(world).by_month((_OCTOBER, _NOVEMBER))
    assert [month for month, _ in counted.months] == [_OCTOBER, _NOVEMBER]
    october, november = (dict(counts) for _, counts in counted.months)
    assert {kind: number for kind, number in october.items() if number} == {MemoryType.SEMANTIC: 1}
    assert {kind: number for kind, number in november.items() if number} == {MemoryType.EPISODIC: 2}
    assert counted.tags == (FacetCount("auth", 3), FacetCount("api", 2))


async def test_an_empty_store_and_no_month_count_nothing(records: Records) -> None:
    async with open_world(records) as world:
        empty = await _counts(world).by_month((_NOVEMBER,))
        nothing = await _counts(world).by_month(())
    assert sum(empty.months[0][1].values()) == 0
    assert empty.tags == ()
    assert (nothing.months, nothing.tags) == ((), ())


async def test_what_agents_wrote_counts_once_a_month_and_as_reviewed_once_a_person_did_and_no_earlier(
    records: Records,
) -> None:
    async with open_world(records) as world:
        now = datetime.now(UTC)
        this = now.date().replace(day=1)
        months = ((this - timedelta(days=1)).replace(day=1), this)
        await world.service.create(MemoryDraft("mine"))
        with acting_as(Actor("agent:codex")):
            one, other, _ = [await world.service.create(MemoryDraft(text)) for text in ("a", "b", "c")]
            await world.service.update(one, MemoryChanges(tags=("x",)))
        with acting_as(Actor("agent:cursor")):
            await world.service.create(MemoryDraft("d"))
        await world.service.update(other, MemoryChanges(content="as a person says"))
        await world.service.delete([one.id])
        assert await _counts(world).by_agent(months) == (
            AgentTotal("codex", (0, 3), (0, 2)),
            AgentTotal("cursor", (0, 1), (0, 0)),
        )
        with acting_as(Actor("agent:codex")):
            await world.service.update(await world.service.get(other.id), MemoryChanges(content="once more"))
        assert (await _counts(world).by_agent(months))[0] == AgentTotal("codex", (0, 3), (0, 1))
        assert await _counts(world).by_agent(()) == ()


def _counts(world: World) -> MemoryCounts:
    return MemoryCounts(world.vectors, world.records, world.settings)
