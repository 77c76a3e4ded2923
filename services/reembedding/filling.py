"""Writing memories into the next set of collections, cut and embedded again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from services.memories.chunking import chunks
from services.memories.payload import logical
from services.memories.point_layout import keeping, moved, own_keys, points_of
from services.memories.point_vectors import text_of, vectors_for
from services.memories.stored_memories import Stored, memory_id_of, read_stored
from services.model import MemoryType
from services.points import Filter, HasId, Point, Scroll
from services.ports import Embedder, VectorStore
from services.settings import Settings


class Filling:
    """Writes into `draft` what `source` has; each memory whole, so that a killed run leaves only whole ones."""

    def __init__(self, source: VectorStore, draft: VectorStore, embedder: Embedder, settings: Settings) -> None:
        self._source = source
        self._draft = draft
        self.embedder = embedder
        self._settings = settings

    async def write(self, type_: MemoryType, memories: Sequence[Stored], *, there: Iterable[str]) -> None:
        """Writes the memories; of those that are `there` already, what is no longer part of them is deleted.

        Raises EmbeddingFailed or StoreUnavailable.
        """
        laid_out = await asyncio.to_thread(self._laid_out, memories)
        laid_out = await self._placed(type_, laid_out)
        bare = [point for points in laid_out.values() for point in points]
        vectors = await vectors_for(self.embedder, bare)
        points = [Point(point.id, point.payload, vectors[text_of(point)]) for point in bare]
        await self._draft.upsert(type_, points)
        before = await self._points(type_, there)
        if surplus := before - {point.id for point in points}:
            await self._draft.delete_points(type_, sorted(surplus))

    async def delete(self, type_: MemoryType, ids: Iterable[str]) -> None:
        """Deletes memories that the source no longer has."""
        if gone := await self._points(type_, ids):
            await self._draft.delete_points(type_, sorted(gone))

    def _laid_out(self, memories: Sequence[Stored]) -> dict[str, list[Point]]:
        """The points of each memory, without vectors."""
        size, overlap = self._settings.chunk_size, self._settings.chunk_overlap
        laid_out = {}
        for one in memories:
            texts = chunks(one.state.content, size, overlap)
            own = own_keys(one) if texts == one.texts else keeping([one])
            laid_out[one.id] = points_of(one.id, one.state, texts, own)
        return laid_out

    async def _placed(self, type_: MemoryType, laid_out: Mapping[str, list[Point]]) -> dict[str, list[Point]]:
        """Moves a chunk whose id is that of another memory, which is stored under it."""
        owned = {point.id for one, points in laid_out.items() for point in points if point.id != one}
        if not owned:
            return dict(laid_out)
        keys = ("parent_id", "content", "full_content")
        there = await self._source.scroll(
            Scroll(type_, len(owned), Filter((HasId(frozenset(owned)),)), payload_keys=keys)
        )
        taken = {
            point.id
            for point in there
            if memory_id_of(point) == point.id
            and len(str(logical(point.payload).get("content", ""))) <= self._settings.chunk_size
        }
        return {
            one: [moved(point) if point.id in taken and point.id != one else point for point in points]
            for one, points in laid_out.items()
        }

    async def _points(self, type_: MemoryType, ids: Iterable[str]) -> set[str]:
        """Ids of the points that the draft has of these memories."""
        stored = await read_stored(self._draft, ids, embeddings=False)
        states = (state for one in stored.values() for state in one if state.state.type is type_)
        return {point.id for state in states for point in state.points}
