"""From points that a search or a list found to memories; of a ranked search only those that somebody wants to see."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from services.batches import batches
from services.concurrency import together
from services.errors import MemoriaError
from services.memories.chunking import chunk_id
from services.memories.payload import State, read_memory
from services.memories.stored_memories import chunk_index, memory_id_of, read_stored
from services.model import GOOD_RELEVANCE, Hit, Memory, MemoryType, Query
from services.permitted_stores import SeenRelations
from services.points import Condition, Filter, HasId, HasVector, Lookup, Point, ScoredPoint
from services.ports import RelationSummary, VectorStore
from services.records import Records
from services.search import fusion
from services.search.filters import keeps_shown, keeps_text
from services.search.unrelated import Unrelated
from services.storable_text import has_word
from services.times import WriterZone

_AT_ONCE = 100
"""Points read in one call: whole texts come along, and they may be long."""


@dataclass(frozen=True, slots=True)
class Found:
    """A point that stands for its memory."""

    collection: MemoryType
    point_id: str
    memory_id: str | None = None
    """Where the point is known to be a later chunk: the memory's."""

    @classmethod
    def of(cls, collection: MemoryType, point: Point | ScoredPoint) -> Found:
        """By a point with its place in its memory."""
        return cls(collection, point.id, memory_id_of(point) if _is_later(point) else None)


Place = tuple[MemoryType, ScoredPoint]
"""A point that a search found, by its place in its memory."""
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
        self._relations = SeenRelations(vectors, records)
        self._zone = zone

    async def read(self, found: Sequence[Found], embedded: frozenset[str] = frozenset()) -> list[Read]:
        """The memories in the order asked for, without those that are gone meanwhile.

        `embedded` are points known to have their vectors.
        """
        parts = await together(*(self._read(some, embedded) for some in batches(found, _AT_ONCE)))
        read = {point_id: one for part in parts for point_id, one in part.items()}
        return [read[one.point_id] for one in found if one.point_id in read]

    async def summaries(self, memory_ids: Sequence[str]) -> tuple[dict[str, RelationSummary], tuple[str, ...]]:
        """How each memory with relations stands among others, and a notice when that cannot be asked."""
        if not memory_ids:
            return {}, ()
        try:
            return await self._relations.summaries(memory_ids), ()
        except MemoriaError as error:
            return {}, (f"relations are not shown: {error}",)

    async def _read(self, found: Sequence[Found], embedded: frozenset[str]) -> dict[str, Read]:
        """By point. All that is needed is asked for at once."""
        by_collection: defaultdict[MemoryType, list[tuple[Found, str]]] = defaultdict(list)
        for one in found:
            first = chunk_id(one.memory_id, 0) if one.memory_id else one.point_id
            by_collection[one.collection].append((one, first))
        asked = {
            (kind, part): request
            for kind, some in by_collection.items()
            for part, request in enumerate(_lookups(kind, some, embedded))
            if request
        }
        found_by = dict(zip(asked, await self._vectors.search([*asked.values()]), strict=True))
        answers = {which: {hit.id: hit.point for hit in hits} for which, hits in found_by.items()}
        parts = [
            await self._of(kind, some, *(answers.get((kind, part), {}) for part in range(3)))
            for kind, some in by_collection.items()
        ]
        return {point_id: one for part in parts for point_id, one in part.items()}

    async def _of(
        self,
        collection: MemoryType,
        found: Sequence[tuple[Found, str]],
        points: Mapping[str, Point],
        chunks: Mapping[str, Point],
        waiting: Mapping[str, Point],
    ) -> dict[str, Read]:
        """A memory's keys are those of its first chunk, its passage is that of the chunk that was found."""
        pairs = [
            (chunk, points.get(first))
            for one, first in found
            if (chunk := (chunks if one.memory_id else points).get(one.point_id))
        ]
        apart = [memory_id_of(chunk) for chunk, first in pairs if not _tells_all(first, chunk)]
        stored = await read_stored(self._vectors, apart, embeddings=False) if apart else {}
        read = {}
        for chunk, first in pairs:
            if states := stored.get(memory_id_of(chunk)):
                memory = states[0].memory(self._zone)
            elif first:
                memory = read_memory(memory_id_of(first), State(collection, first.payload), self._zone)
                count = chunk.payload.get("chunk_count")
                memory = replace(memory, chunk_count=count if isinstance(count, int) else 1)
            else:
                continue
            if chunk.id in waiting:
                memory = replace(memory, pending=True)
            read[chunk.id] = Read(memory, str(chunk.payload.get("content", "")), _is_later(chunk))
        return read


def _lookups(
    collection: MemoryType, found: Sequence[tuple[Found, str]], embedded: frozenset[str]
) -> list[Lookup | None]:
    """The first points whole, of later chunks the texts without the whole one beside them, and what has no vector.

    None where there is nothing to ask for.
    """
    firsts, ids = frozenset(first for _, first in found), frozenset(one.point_id for one, _ in found)
    later = frozenset(one.point_id for one, _ in found if one.memory_id)
    asked: tuple[tuple[frozenset[str], tuple[Condition, ...], tuple[str, ...] | None], ...] = (
        (firsts, (), None),
        (later, (), _OF_A_CHUNK),
        (ids - embedded, (HasVector(),), ()),
    )
    return [
        Lookup(collection, len(found), Filter((HasId(some),), without), keys) if some else None
        for some, without, keys in asked
    ]


def _tells_all(first: Point | None, chunk: Point) -> bool:
    """Whether a point is the first of the memory that a chunk belongs to, and has its whole text."""
    if first is None or _is_later(first) or memory_id_of(first) != memory_id_of(chunk):
        return False
    return "chunk_index" not in first.payload or "full_content" in first.payload


def _is_later(point: Point | ScoredPoint) -> bool:
    return (chunk_index(point) or 0) > 0


FIRST = fusion.CLOSELY_READ
"""Hits that are read at once: their order is final only when their words are compared, and a screen shows fewer."""

Reading = Callable[[Sequence[Read]], Awaitable[dict[str, fusion.Closely]]]
"""What reading them tells, by memory."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What the legs and the relations give each memory, by its id."""

    totals: Mapping[str, float]
    """All of it together, best first."""
    dense: Mapping[str, float]
    keyword: Mapping[str, float]
    graph: Mapping[str, float]
    summaries: Mapping[str, RelationSummary]
    unrelated: Unrelated
    worded: bool
    """Whether words were looked for."""


class RankedHits:
    """At most `query.limit` hits, best first."""

    def __init__(
        self,
        query: Query,
        scores: Scores,
        found: Mapping[str, Place],
        embedded: frozenset[str],
        reader: HitReader,
        reading: Reading,
    ) -> None:
        """`found` has the best point of each memory; `embedded` are points known to have their vectors."""
        self.query = query
        self.notices: tuple[str, ...] = ()
        """One line for each part that could not take part and why."""
        self.took_ms = 0.0
        """Milliseconds until the first ones were read."""
        self.corrected: Callable[[], None] | None = None
        """Called when fewer of the others are hits than `total` told."""
        self.hits: tuple[Hit, ...] = ()
        """Those that were read, in order, without a gap."""
        self._scores = scores
        self._found = found
        self._embedded = embedded
        self._reader = reader
        self._reading = reading
        self._closely: dict[str, fusion.Closely] | None = None
        self._remaining = [one for one in scores.totals if one in found]
        self._kept: list[Read] = []
        self._turn = asyncio.Lock()
        self.total = 0
        """Hits, as far as can be told before all are read: the texts of a few may show that they are none."""

    async def open(self) -> None:
        """Reads the first hits; all, where only the texts tell which memories are hits. Raises StoreUnavailable."""
        await self._reach(self.query.limit if self.query.asks_texts else min(FIRST, self.query.limit))
        self.total = self._expected

    async def page(self, offset: int, limit: int) -> tuple[Hit, ...]:
        """The hits from `offset` on, at most `limit`; fewer at the end. Raises StoreUnavailable."""
        await self._reach(offset + limit)
        if self._expected != self.total:
            self.total = self._expected
            if self.corrected is not None:
                self.corrected()
        return self.hits[offset : offset + limit]

    @property
    def answered(self) -> bool:
        """False where none of those that were read is relevant enough; words alone are what they are."""
        judged = self.query.judged and self._scores.dense
        return not (judged and self.hits) or max(hit.relevance for hit in self.hits) >= GOOD_RELEVANCE

    @property
    def _expected(self) -> int:
        return min(self.query.limit, len(self._kept) + len(self._remaining))

    async def _reach(self, length: int) -> None:
        async with self._turn:
            if self._closely is None:
                await self._read(FIRST)
                self._closely = await self._reading(self._kept[:FIRST])
            await self._read(min(length, self.query.limit))
            if len(self.hits) < min(len(self._kept), self.query.limit):
                self.hits = self._explained(self._closely)

    async def _read(self, length: int) -> None:
        """Reads on until so many are kept: where one turns out to be no hit, the next takes its place."""
        while len(self._kept) < length and self._remaining:
            some = self._remaining[: max(FIRST, length - len(self._kept))]
            read = await self._reader.read([Found.of(*self._found[one]) for one in some], self._embedded)
            self._kept += [one for one in read if self._keeps(one)]
            del self._remaining[: len(some)]

    def _keeps(self, read: Read) -> bool:
        """What the stores could not tell is told by the texts themselves."""
        memory = read.memory
        return (
            keeps_text(self.query, memory.content)
            and (not read.by_later or keeps_shown(self.query, memory))
            and (memory.id in self._scores.keyword or has_word(read.passage))
        )

    def _explained(self, closely: Mapping[str, fusion.Closely]) -> tuple[Hit, ...]:
        """The words of the first ones only raise these, so those that are read later come after them."""
        scores, kept = self._scores, {one.memory.id: one for one in self._kept}
        totals = {one: scores.totals[one] for one in kept}
        legs = (scores.dense, scores.keyword, scores.graph)
        scored = fusion.explained(totals, closely, *legs, scores.unrelated, worded=scores.worded)
        best = islice(scored.items(), self.query.limit)
        return tuple(
            Hit(kept[one].memory, of.score, of.relevance, of.why, kept[one].passage, *scores.summaries.get(one, ()))
            for one, of in best
        )
