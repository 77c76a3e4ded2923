"""From points that a search or a list found to memories, with what is shown beside them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from services.errors import MemoriaError
from services.memories.chunking import chunk_id
from services.memories.reading import chunk_index, fold, memory_id_of, read_stored
from services.model import Memory, MemoryType
from services.points import Filter, HasId, HasVector, Point, Scroll
from services.ports import Records, VectorStore

_AT_ONCE = 100
"""Points read in one call: whole texts come along, and they may be long."""


@dataclass(frozen=True, slots=True)
class Found:
    """A point that stands for its memory."""

    collection: MemoryType
    point_id: str


@dataclass(frozen=True, slots=True)
class Read:
    """A memory and the text of the point by which it was found."""

    memory: Memory
    passage: str
    by_later: bool = False
    """True when another chunk than the first was found: the keys are the memory's, not that chunk's."""


class HitReader:
    """Reads memories by one point of each."""

    def __init__(self, vectors: VectorStore, records: Records, zone: tzinfo) -> None:
        self._vectors = vectors
        self._records = records
        self._zone = zone

    async def read(self, found: Sequence[Found], embedded: frozenset[str] = frozenset()) -> list[Read]:
        """The memories in the order asked for, without those that are gone meanwhile.

        `embedded` are points known to have their vectors.
        """
        by_collection: defaultdict[MemoryType, list[str]] = defaultdict(list)
        for one in found:
            by_collection[one.collection].append(one.point_id)
        parts = await asyncio.gather(*(self._of(kind, ids, embedded) for kind, ids in by_collection.items()))
        read = {point_id: one for part in parts for point_id, one in part.items()}
        return [read[one.point_id] for one in found if one.point_id in read]

    async def relation_counts(self, memory_ids: Sequence[str]) -> tuple[dict[str, int], tuple[str, ...]]:
        """Number of relations of each memory that has any, and a notice when they cannot be asked for."""
        if not memory_ids:
            return {}, ()
        try:
            return await self._records.relation_counts(memory_ids), ()
        except MemoriaError as error:
            return {}, (f"relations are not shown: {error}",)

    async def _of(self, collection: MemoryType, ids: Sequence[str], embedded: frozenset[str]) -> dict[str, Read]:
        parts = [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
        waiting, pages = await asyncio.gather(
            self._pending(collection, frozenset(ids) - embedded),
            asyncio.gather(*(self._vectors.retrieve(collection, part) for part in parts)),
        )
        points = [point for page in pages for point in page]
        heads = await self._heads(collection, points)
        apart = [memory_id_of(point) for point in points if _stands_apart(point, heads)]
        whole = await read_stored(self._vectors, apart, embeddings=False) if apart else {}
        read = {}
        for point in points:
            memory_id = memory_id_of(point)
            if states := whole.get(memory_id):
                memory = states[0].memory(self._zone)
            else:
                (stored,) = fold(collection, [heads.get(memory_id, point)])
                count = point.payload.get("chunk_count")
                memory = replace(stored.memory(self._zone), chunk_count=count if isinstance(count, int) else 1)
            memory = replace(memory, pending=point.id in waiting)
            read[point.id] = Read(memory, str(point.payload.get("content", "")), _is_later(point))
        return read

    async def _heads(self, collection: MemoryType, points: Sequence[Point]) -> dict[str, Point]:
        """The first chunks of memories that were found by a later one: a memory's keys are those of its first chunk."""
        ids = [chunk_id(memory_id_of(point), 0) for point in points if _is_later(point)]
        found = await self._vectors.retrieve(collection, ids) if ids else []
        return {memory_id_of(point): point for point in found if chunk_index(point) == 0}

    async def _pending(self, collection: MemoryType, ids: frozenset[str]) -> frozenset[str]:
        if not ids:
            return frozenset()
        where = Filter((HasId(ids),), (HasVector(),))
        points = await self._vectors.scroll(Scroll(collection, len(ids), where, payload_keys=()))
        return frozenset(point.id for point in points)


def _stands_apart(point: Point, heads: Mapping[str, Point]) -> bool:
    """True when all points of the memory must be read: it lacks the first, or that one does not have the whole text."""
    memory_id = memory_id_of(point)
    if _is_later(point) and memory_id not in heads:
        return True
    return "chunk_index" in point.payload and "full_content" not in heads.get(memory_id, point).payload


def _is_later(point: Point) -> bool:
    return (chunk_index(point) or 0) > 0
