"""The person's zone and that of zone-less stamps, where they differ: agents in Docker write in UTC."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from services.errors import InvalidInput
from services.memories.memory_service import MemoryService
from services.model import MemoryDraft, MemoryType
from services.points import Point
from services.records import Records
from services.search.memory_counts import MemoryCounts
from services.search.query import parse_query
from services.search.search_service import SearchService
from services.settings import Settings, load_settings
from services.times import WriterZone, person_zone, writer_zone
from tests.services.memory_world import DIMENSIONS, World, open_world

ROME, UTC_ZONE = WriterZone(ZoneInfo("Europe/Rome")), WriterZone(ZoneInfo("UTC"))
MIDNIGHT = datetime(2026, 11, 20, tzinfo=ROME)
MEMORY = "00000000-0000-4000-8000-000000000001"


def test_the_two_zones_are_two_settings() -> None:
    both = load_settings({"MEMORIA_TIMEZONE": "Europe/Rome", "MEMORIA_WRITER_TIMEZONE": "UTC"})
    assert (person_zone(both), writer_zone(both)) == (ROME, UTC_ZONE)
    assert writer_zone(load_settings({"MEMORIA_TIMEZONE": "Europe/Rome"})) == ROME
    with pytest.raises(InvalidInput, match="MEMORIA_WRITER_TIMEZONE"):
        load_settings({"MEMORIA_WRITER_TIMEZONE": "Mars/Base"})


async def test_stamps_are_read_and_written_in_the_writers_zone(records: Records) -> None:
    async with open_world(records) as world:
        service = MemoryService(world.vectors, world.embedder, records, _docker(world), world.clock)
        await world.put(MemoryType.SEMANTIC, _point("2026-11-19T23:30:00"))
        memory = await service.get(MEMORY)
        assert memory.created_at == datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
        made = await service.create(MemoryDraft("ours", created_at=datetime(2026, 7, 15, 12, tzinfo=UTC)))
        ((_, point),) = await world.points(made.id)
    assert point.payload["created_at"] == "2026-07-15T12:00:00"
    assert point.payload["updated_at"] == f"{world.clock.now.replace(tzinfo=None).isoformat()}"


async def test_days_of_a_search_and_of_counts_are_the_persons(records: Records) -> None:
    """Half an hour after midnight in Rome it is half past eleven of the day before in UTC."""
    async with open_world(records) as world:
        settings, now = _docker(world), MIDNIGHT.replace(hour=15)
        await world.put(MemoryType.SEMANTIC, _point("2026-11-19T23:30:00"))
        search = SearchService(world.vectors, world.embedder, records, settings, lambda: now.astimezone(UTC))
        assert [
            hit.memory.id for hit in (await search.search(parse_query("since:today", now=now, week_begins=0))).hits
        ] == [MEMORY]
        assert (await search.search(parse_query("before:today", now=now, week_begins=0))).hits == ()
        assert {count.value for count in (await search.facets(parse_query("", now=now, week_begins=0))).dates} >= {
            "today"
        }
        await world.vectors.delete_points(MemoryType.SEMANTIC, [MEMORY])
        await world.put(MemoryType.SEMANTIC, _point("2026-10-31T23:30:00"))
        counts = MemoryCounts(world.vectors, records, settings)
        made = await counts.by_month((date(2026, 10, 1), date(2026, 11, 1)))
        assert [sum(by_type.values()) for _, by_type in made.months] == [0, 1]


def _docker(world: World) -> Settings:
    return replace(world.settings, writer_zone="UTC")


def _point(created_at: str) -> Point:
    payload = {
        "content": "an agent's memory",
        "memory_type": "semantic",
        "created_at": created_at,
        "updated_at": created_at,
        "parent_id": MEMORY,
        "is_chunk": False,
        "tags": [],
        "importance": 0.5,
    }
    return Point(MEMORY, payload, [1.0] + [0.0] * (DIMENSIONS - 1))
