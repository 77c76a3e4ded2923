"""A memory service over real stores, with an embedder and a clock that tests can watch and set."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.adapters.edge.edge_store import EdgeVectorStore
from services.container import Services
from services.errors import EmbeddingFailed
from services.memories.memory_service import MemoryService
from services.memories.storing_many import Incoming, StoredMany
from services.model import Memory, MemoryType, Query, StoreKind, StoreStatus
from services.points import EVERYTHING, Point, Scroll, Vector
from services.records import Records
from services.settings import Settings
from tests.in_memory import memory_root
from tests.services.edge_here import edge_here

DIMENSIONS = 8


class WatchedEmbedder:
    """Vectors that tell texts apart; counts what it embeds, and can be away."""

    model = "watched"
    dimensions = DIMENSIONS

    def __init__(self) -> None:
        self.embedded: list[str] = []
        self.away = False
        self.broken: str | None = None
        """A text for which it gives a vector that no store takes."""
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        self.asked.set()
        await self.may_answer.wait()
        if self.away:
            raise EmbeddingFailed("the embedder is away")
        self.embedded += texts
        return [[float("nan")] * DIMENSIONS if text == self.broken else vector_of(text) for text in texts]

    async def embed_query(self, text: str) -> Vector:
        return vector_of(text)

    async def status(self) -> StoreStatus:
        return StoreStatus(StoreKind.EMBEDDER, ok=not self.away, label="watched")

    async def close(self) -> None:
        """Holds nothing."""


def vector_of(text: str) -> list[float]:
    """A unit vector made of the text's digest."""
    numbers = [byte - 127.5 for byte in hashlib.sha256(text.encode("utf-8", "replace")).digest()[:DIMENSIONS]]
    length = sum(number * number for number in numbers) ** 0.5
    return [number / length for number in numbers]


class TickingClock:
    """Goes on by a second each time it is asked."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@dataclass(slots=True)
class World:
    """The service, and what stands behind it."""

    service: MemoryService
    vectors: EdgeVectorStore
    records: Records
    embedder: WatchedEmbedder
    clock: TickingClock
    settings: Settings

    async def points(self, memory_id: str) -> list[tuple[MemoryType, Point]]:
        """All points that belong to a memory, chunks in order, in every collection."""
        found = [
            (type_, point)
            for type_ in MemoryType
            for point in await self.vectors.scroll(Scroll(type_, 10_000, EVERYTHING, with_vectors=True))
            if memory_id in (point.id, point.payload.get("parent_id"))
        ]
        return sorted(found, key=lambda one: int(str(one[1].payload.get("chunk_index", 0))))

    async def put(self, type_: MemoryType, *points: Point) -> None:
        """Writes points as another program would."""
        await self.vectors.ensure(DIMENSIONS, self.embedder.model)
        await self.vectors.upsert(type_, points)


async def store_many(service: MemoryService, items: Sequence[Incoming]) -> StoredMany:
    """Writes memories as they are given, all in one act."""
    with service.storing() as act:
        await act.take(items)
        await act.write()
        return act.stored


async def all_memories(services: Services) -> list[Memory]:
    """Every memory of a store."""
    listing = await services.search.listing(Query())
    return [hit.memory for hit in await listing.page(0, listing.total)]


def quick_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder in memory where there is room: Qdrant Edge waits for the disk often."""
    return tempfile.TemporaryDirectory(dir=memory_root(), prefix="memoria-tests-")


@contextlib.asynccontextmanager
async def open_world(records: Records) -> AsyncIterator[World]:
    """A world over an empty store; chunks have at most 60 characters."""
    with quick_folder() as name:
        async with _world_in(records, Path(name)) as world:
            yield world


@contextlib.asynccontextmanager
async def _world_in(records: Records, folder: Path) -> AsyncIterator[World]:
    settings = Settings(home=folder, chunk_size=60, chunk_overlap=10, actor="tester", zone="Europe/Rome")
    vectors, embedder, clock = edge_here(folder / "qdrant"), WatchedEmbedder(), TickingClock()
    service = MemoryService(vectors, embedder, records, settings, clock)
    try:
        yield World(service, vectors, records, embedder, clock, settings)
    finally:
        await vectors.close()
