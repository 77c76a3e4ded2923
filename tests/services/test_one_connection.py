"""Behind a pooler that has one connection, no act asks for a second one while its transaction holds that one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from services.adapters.edge.edge_store import EdgeVectorStore
from services.container import Services, open_services
from services.errors import StoreUnavailable
from services.memories.chunking import chunk_id
from services.model import MemoryChanges, MemoryDraft, MemoryType, RelationType
from services.points import Point
from services.ports import NewRelation
from services.settings import Settings
from tests.services.edge_here import Here
from tests.services.memory_world import WatchedEmbedder
from tests.services.servers import pgbouncer

LONG = "".join(f"Sentence number {number} of a long memory. " for number in range(9))
_PATIENCE = 30
"""Seconds after which an act waits for itself."""


class BreakingStore(EdgeVectorStore):
    """Takes no points while it is broken."""

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


@pytest.fixture
async def store(postgres_url: str, tmp_path: Path) -> AsyncIterator[tuple[Services, BreakingStore]]:
    with pgbouncer(postgres_url, tmp_path) as url:
        settings = Settings(home=tmp_path, database_url=url, chunk_size=60, chunk_overlap=10, zone="UTC", actor="me")
        vectors = BreakingStore(Here(settings.vectors_dir))
        async with open_services(settings, vectors=vectors, embedder=WatchedEmbedder()) as services:
            yield services, vectors


async def test_relations_come_back_with_memories(store: tuple[Services, BreakingStore]) -> None:
    services, _ = store
    one, other = [await services.memories.create(MemoryDraft(text)) for text in (LONG, "other")]
    await services.graph.link(one.id, other.id, RelationType.FIXES)
    for back in (services.memories.undo, lambda: services.memories.restore([one.id])):
        await services.memories.delete([one.id])
        async with asyncio.timeout(_PATIENCE):
            await back()
        assert len(await services.records.relations.touching([one.id])) == 1


async def test_ends_of_relations_are_repaired_with_memories(store: tuple[Services, BreakingStore]) -> None:
    services, _ = store
    one = await services.memories.create(MemoryDraft(LONG))
    other = await services.memories.create(MemoryDraft("other", metadata={"metadata": {"ticket": 7}}))
    async with services.records.transaction() as transaction:
        await transaction.relations.insert([NewRelation(other.id, chunk_id(one.id, 2), RelationType.FIXES)])
    survey = await services.integrity.survey()
    async with asyncio.timeout(_PATIENCE):
        repaired = await services.integrity.repair(survey.repairable())
    assert (repaired.memories, repaired.moved) == (1, 1)


async def test_a_change_is_written_over_one_that_waits(store: tuple[Services, BreakingStore]) -> None:
    services, vectors = store
    memory = await services.memories.create(MemoryDraft("short"))
    vectors.broken = True
    await services.memories.update(memory, MemoryChanges(content=LONG))
    vectors.broken = False
    async with asyncio.timeout(_PATIENCE):
        await services.memories.edit_many([memory.id], add_tags=["new"])
    now = await services.memories.get(memory.id)
    assert (now.content, now.tags) == (LONG, ("new",))
    assert await services.memories.pending_count() == 0
