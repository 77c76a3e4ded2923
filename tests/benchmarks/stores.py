"""Embedded stores for benchmarks, set up as a user's default is, in a folder that is thrown away."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice
from pathlib import Path

from services.adapters.daemon.client import DaemonClient
from services.adapters.edge.edge_store import EdgeVectorStore
from services.adapters.postgres.database import Database
from services.adapters.postgres.schema import upgrade
from services.container import embedder_of, words_of
from services.memories.chunking import chunks
from services.memories.payload import drafted
from services.memories.point_layout import points_of
from services.model import MemoryDraft, MemoryType
from services.points import Point
from services.ports import Clock, Embedder, NewRelation, WordEmbedder
from services.records import Records
from services.search.search_service import SearchService
from services.settings import Settings
from services.times import writer_zone
from tests.services.servers import records_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Stores:
    """The three stores of one person."""

    settings: Settings
    vectors: EdgeVectorStore
    embedder: Embedder
    words: WordEmbedder | None
    records: Records

    def search(self, clock: Clock = lambda: NOW) -> SearchService:
        return SearchService(self.vectors, self.embedder, self.records, self.settings, clock, self.words)

    async def write(self, drafts: Iterable[MemoryDraft]) -> int:
        """Writes memories with their vectors, laid out as a save lays them out; gives how many points they take."""
        remaining, written = iter(drafts), 0
        while batch := list(islice(remaining, _BATCH)):
            points = [(draft.type, point) for draft in batch for point in self._points(draft)]
            vectors = await self.embedder.embed_documents([str(point.payload["content"]) for _, point in points])
            embedded = [
                (kind, Point(point.id, point.payload, vector))
                for (kind, point), vector in zip(points, vectors, strict=True)
            ]
            for kind, group in groupby(sorted(embedded, key=lambda one: one[0]), key=lambda one: one[0]):
                await self.vectors.upsert(MemoryType(kind), [point for _, point in group])
            written += len(points)
        return written

    async def relate(self, relations: Iterable[NewRelation]) -> None:
        remaining = iter(relations)
        while batch := list(islice(remaining, _BATCH)):
            async with self.records.transaction() as transaction:
                await transaction.relations.insert(batch)

    def _points(self, draft: MemoryDraft) -> list[Point]:
        assert draft.id is not None
        state = drafted(draft, draft.id, NOW, writer_zone(self.settings))
        texts = chunks(draft.content, self.settings.chunk_size, self.settings.chunk_overlap)
        return points_of(draft.id, state, texts)


@contextlib.asynccontextmanager
async def empty_stores(home: Path | None = None, model: str = "") -> AsyncIterator[Stores]:
    """New stores, ready to be written to, in `home` or a temporary folder; with `model` as MEMORIA_EMBEDDING_MODEL."""
    with tempfile.TemporaryDirectory(prefix="memoria-benchmark-", ignore_cleanup_errors=True) as folder:
        settings = Settings(home=home or Path(folder), zone="UTC", actor="benchmark", embedding_model=model)
        database = Database.of(settings)
        await upgrade(database)
        await database.close()
        records = records_of(settings)
        vectors = EdgeVectorStore(DaemonClient(settings.home, linger=0))
        daemon = DaemonClient(settings.home, linger=0)
        embedder = embedder_of(settings, daemon)
        await vectors.ensure(embedder.dimensions, embedder.model)
        try:
            yield Stores(settings, vectors, embedder, words_of(settings, daemon), records)
        finally:
            await vectors.close()
            await embedder.close()
            await daemon.close()
            await records.close()
