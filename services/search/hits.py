"""From points that a search or a list found to memories, with what is shown beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.errors import MemoriaError
from services.memories.chunking import chunk_id
from services.memories.reading import chunk_index, fold, memory_id_of, read_stored
from services.model import Memory, MemoryType
from services.points import Filter, HasId, HasVector, Point, Scroll
from services.ports import VectorStore
from services.records import Records
from services.times import WriterZone
from services.together import together

_AT_ONCE = 100
"""Points read in one call: whole texts come along, and they may be long."""


@dataclass(frozen=True, slots=True)
class Found:
    """A point that stands for its memory."""

    collection: MemoryType
    point_id: str
    first_id: str | None = None
    """Where the point is known to be a later chunk: the id that the first one should have."""

    @classmethod
    def of(cls, collection: MemoryType, point: Point) -> Found:
        """By a point with its place in its memory."""
        return cls(collection, point.id, chunk_id(memory_id_of(point), 0) if _is_later(point) else None)


_OF_A_CHUNK = ("parent_id", "chunk_index", "chunk_count", "content")


@dataclass(frozen=True, slots=True)
class Read:
    """A memory and the text of the point by which it was found."""

    memory: Memory
    passage: str
    by_later: bool = False
    """True when another chunk than the first was found: the keys are the memory's, not that chunk's."""


class HitReader:
    """Reads memories by one point of each."""

    def __init__(self, vectors: VectorStore, records: Records, zone: WriterZone) -> None:
        self._vectors = vectors
        self._records = records
        self._zone = zone

    async def read(self, found: Sequence[Found], embedded: frozenset[str] = frozenset()) -> list[Read]:
        """The memories in the order asked for, without those that are gone meanwhile.

        `embedded` are points known to have their vectors.
        """
        by_collection: defaultdict[MemoryType, list[Found]] = defaultdict(list)
        for one in found:
            by_collection[one.collection].append(one)
        parts = await together(*(self._of(kind, some, embedded) for kind, some in by_collection.items()))
        read = {point_id: one for part in parts for point_id, one in part.items()}
        return [read[one.point_id] for one in found if one.point_id in read]

    async def relation_counts(self, memory_ids: Sequence[str]) -> tuple[dict[str, int], tuple[str, ...]]:
        """Number of relations of each memory that has any, and a notice when they cannot be asked for."""
        if not memory_ids:
            return {}, ()
        try:
            return await self._records.relations.counts(memory_ids), ()
        except MemoriaError as error:
            return {}, (f"relations are not shown: {error}",)

    async def _of(self, collection: MemoryType, found: Sequence[Found], embedded: frozenset[str]) -> dict[str, Read]:
        """By point. A memory's keys are those of its first chunk, its passage is that of the chunk that was found."""
        later = [one.point_id for one in found if one.first_id]
        waiting, points, chunks = await together(
            self._pending(collection, frozenset(one.point_id for one in found) - embedded),
            self._points(collection, [one.first_id or one.point_id for one in found]),
            self._chunks(collection, later),
        )
        pairs = [
            (chunk, points.get(one.first_id or one.point_id))
            for one in found
            if (chunk := (chunks if one.first_id else points).get(one.point_id))
        ]
        apart = [memory_id_of(chunk) for chunk, first in pairs if not _tells_all(first, chunk)]
        stored = await read_stored(self._vectors, apart, embeddings=False) if apart else {}
        read = {}
        for chunk, first in pairs:
            if states := stored.get(memory_id_of(chunk)):
                memory = states[0].memory(self._zone)
            elif first:
                (state,) = fold(collection, [first])
                count = chunk.payload.get("chunk_count")
                memory = replace(state.memory(self._zone), chunk_count=count if isinstance(count, int) else 1)
            else:
                continue
            memory = replace(memory, pending=chunk.id in waiting)
            read[chunk.id] = Read(memory, str(chunk.payload.get("content", "")), _is_later(chunk))
        return read

    async def _chunks(self, collection: MemoryType, ids: Sequence[str]) -> dict[str, Point]:
        """The texts of chunks and where they belong, without the whole text that each has with it."""
        if not ids:
            return {}
        where = Filter((HasId(frozenset(ids)),))
        points = await self._vectors.scroll(Scroll(collection, len(ids), where, payload_keys=_OF_A_CHUNK))
        return {point.id: point for point in points}

    async def _points(self, collection: MemoryType, ids: Sequence[str]) -> dict[str, Point]:
        parts = [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
        pages = await together(*(self._vectors.retrieve(collection, part) for part in parts))
        return {point.id: point for page in pages for point in page}

    async def _pending(self, collection: MemoryType, ids: frozenset[str]) -> frozenset[str]:
        if not ids:
            return frozenset()
        where = Filter((HasId(ids),), (HasVector(),))
        points = await self._vectors.scroll(Scroll(collection, len(ids), where, payload_keys=()))
        return frozenset(point.id for point in points)


def _tells_all(first: Point | None, chunk: Point) -> bool:
    """Whether a point is the first of the memory that a chunk belongs to, and has its whole text."""
    if first is None or _is_later(first) or memory_id_of(first) != memory_id_of(chunk):
        return False
    return "chunk_index" not in first.payload or "full_content" in first.payload


def _is_later(point: Point) -> bool:
    return (chunk_index(point) or 0) > 0
