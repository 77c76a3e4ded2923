"""From points that a search or a list found to memories, with what is shown beside them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from services.errors import MemoriaError
from services.memories.reading import fold, memory_id_of, read_stored
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


class HitReader:
    """Reads memories by one point of each."""

    def __init__(self, vectors: VectorStore, records: Records, zone: tzinfo) -> None:
        self._vectors = vectors
        self._records = records
        self._zone = zone

    async def read(
        self, found: Sequence[Found], headless: frozenset[str], embedded: frozenset[str] = frozenset()
    ) -> list[Read]:
        """The memories in the order asked for, without those that are gone meanwhile.

        `headless` are memories known to lack chunk 0, `embedded` are points known to have their vectors.
        """
        by_collection: defaultdict[MemoryType, list[str]] = defaultdict(list)
        for one in found:
            by_collection[one.collection].append(one.point_id)
        parts = await asyncio.gather(*(self._of(kind, ids, headless, embedded) for kind, ids in by_collection.items()))
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

    async def _of(
        self, collection: MemoryType, ids: Sequence[str], headless: frozenset[str], embedded: frozenset[str]
    ) -> dict[str, Read]:
        parts = [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
        waiting, pages = await asyncio.gather(
            self._pending(collection, frozenset(ids) - embedded),
            asyncio.gather(*(self._vectors.retrieve(collection, part) for part in parts)),
        )
        points = [point for page in pages for point in page]
        cut = [memory_id_of(point) for point in points if _lacks_whole_text(point)]
        whole = await read_stored(self._vectors, cut, embeddings=False) if cut else {}
        read = {}
        for point in points:
            stored = (whole.get(memory_id_of(point)) or fold(collection, [point]))[0]
            count = point.payload.get("chunk_count")
            memory = replace(
                stored.memory(self._zone),
                chunk_count=count if isinstance(count, int) else 1,
                headless=stored.id in headless,
                pending=point.id in waiting,
            )
            read[point.id] = Read(memory, str(point.payload.get("content", "")))
        return read

    async def _pending(self, collection: MemoryType, ids: frozenset[str]) -> frozenset[str]:
        if not ids:
            return frozenset()
        where = Filter((HasId(ids),), (HasVector(),))
        points = await self._vectors.scroll(Scroll(collection, len(ids), where, payload_keys=()))
        return frozenset(point.id for point in points)


def _lacks_whole_text(point: Point) -> bool:
    return "chunk_index" in point.payload and "full_content" not in point.payload
