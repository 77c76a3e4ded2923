"""A late write of a dead program, which puts an older state over a newer one, is found and repaired."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.container import Services
from services.integrity import checks
from services.integrity.defects import Keep
from services.model import Memory, MemoryChanges, MemoryDraft, MemoryType
from services.points import Point, Scroll
from services.settings import Settings
from tests.services.edge_here import services_here

LONG = "words of the older text " * 60
TYPE = MemoryType.SEMANTIC


@pytest.fixture
async def services(tmp_path: Path, postgres_url: str) -> AsyncIterator[Services]:
    settings = Settings(home=tmp_path, database_url=postgres_url, zone="UTC", actor="tester")
    async with services_here(settings) as services:
        yield services


async def points(services: Services) -> list[Point]:
    return await services.vectors.scroll(Scroll(TYPE, 1000, with_vectors=True))


async def stale(services: Services) -> list[str]:
    survey = await services.integrity.survey()
    assert not survey.found[checks.CHANGED]
    return [one.id for one in survey.found[checks.STALE]]


async def repair(services: Services, keep: Keep = Keep.NEWEST) -> None:
    survey = await services.integrity.survey()
    await services.integrity.repair(survey.found[checks.STALE], keep=keep)


async def written_over(
    services: Services, older: str = "the older text", newer: str = "the newer text"
) -> tuple[Memory, Memory]:
    """A memory after its creation and after an edit, whose points the creation wrote again after the edit."""
    first = await services.memories.create(MemoryDraft(older, tags=("old",)))
    late = await points(services)
    second = await services.memories.update(first, MemoryChanges(content=newer, tags=("new",)))
    await services.vectors.upsert(TYPE, late)
    return first, second


@pytest.mark.parametrize(
    ("older", "newer"),
    [("the older text", "the newer text"), (LONG, "short"), ("short", LONG), (LONG, LONG + "and more")],
    ids=["plain", "long to plain", "plain to long", "long"],
)
async def test_a_late_write_is_found_repaired_and_undone(services: Services, older: str, newer: str) -> None:
    await services.memories.create(MemoryDraft("another"))
    first, second = await written_over(services, older, newer)
    assert await stale(services) == [first.id]
    assert any("older state" in problem and first.id in problem for problem in await services.health.problems())
    survey = await services.integrity.survey()
    (finding,) = await services.integrity.describe(survey.found[checks.STALE])
    assert "text" in finding.what
    assert finding.outcomes.keys() == {Keep.NEWEST, Keep.STORED}

    await repair(services)
    now = await services.memories.get(first.id)
    assert (now.content, now.tags, now.headless) == (second.content, ("new",), False)
    assert all(point.payload["tags"] == ["new"] for point in await points(services) if point.payload["tags"])
    assert (await services.integrity.survey()).total == 0
    await services.memories.undo()
    assert await stale(services) == []
    await services.memories.redo()
    assert (await services.memories.get(first.id)).tags == ("new",)


async def test_a_late_change_of_keys_alone_is_found(services: Services) -> None:
    memory = await services.memories.create(MemoryDraft("text", importance=0.2))
    memory = await services.memories.update(memory, MemoryChanges(tags=("old",)))
    (late,) = await points(services)
    await services.memories.update(memory, MemoryChanges(tags=("new",), importance=0.9))
    keys = {key: late.payload[key] for key in ("tags", "updated_at")}
    await services.vectors.set_payload(TYPE, [memory.id], keys)
    assert await stale(services) == [memory.id]
    await repair(services)
    now = await services.memories.get(memory.id)
    assert (now.tags, now.importance) == (("new",), 0.9)


async def test_what_is_stored_is_accepted(services: Services) -> None:
    first, _ = await written_over(services)
    await repair(services, Keep.STORED)
    assert (await services.memories.get(first.id)).content == "the older text"
    assert await stale(services) == []


async def test_a_deleted_memory_that_a_late_write_brought_back_is_deleted_again_or_accepted(services: Services) -> None:
    memory = await services.memories.create(MemoryDraft("text"))
    late = await points(services)
    await services.memories.delete([memory.id])
    await services.vectors.upsert(TYPE, late)
    assert await stale(services) == [memory.id]
    found = (await services.integrity.survey()).found[checks.STALE]
    assert (await services.integrity.foresee(found)).intent == "delete 1 memory"
    assert (await services.integrity.foresee(found, Keep.STORED)).intent == "repair 1 memory"
    assert (await services.integrity.repair(found)).summary == "deleted 1 memory"
    assert await points(services) == []
    assert [one.memory.id for one in await services.memories.trash()] == [memory.id]
    await services.vectors.upsert(TYPE, late)
    await repair(services, Keep.STORED)
    assert (await services.memories.get(memory.id)).content == "text"
    assert (await stale(services), await services.memories.trash()) == ([], ())


async def test_a_state_that_an_undo_brought_back_is_not_found(services: Services) -> None:
    memory = await services.memories.create(MemoryDraft("text"))
    await services.memories.update(memory, MemoryChanges(tags=("new",)))
    await services.memories.undo()
    assert await stale(services) == []
    await services.memories.redo()
    assert await stale(services) == []


async def test_what_another_program_writes_is_not_found(services: Services) -> None:
    memory = await services.memories.create(MemoryDraft("text", tags=("old",)))
    await services.memories.update(memory, MemoryChanges(tags=("new",), importance=0.9))
    others = {"tags": ["old"], "importance": 0.5, "updated_at": "2026-11-28T10:00:00"}
    await services.vectors.set_payload(TYPE, [memory.id], others)
    assert await stale(services) == []


async def test_a_change_after_the_search_is_not_written_over(services: Services) -> None:
    first, _ = await written_over(services)
    survey = await services.integrity.survey()
    now = await services.memories.get(first.id)
    await services.memories.update(now, MemoryChanges(content="the newest text"))
    assert (await services.integrity.repair(survey.found[checks.STALE])).total == 0
    assert (await services.memories.get(first.id)).content == "the newest text"
