"""Which points a query is about: its operators as conditions of the vector store, for chunked memories too."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from services.acting import seeing_all
from services.concurrency import together
from services.memories.chunking import chunk_id, is_chunk_id
from services.memories.stored_memories import (
    CHUNKED,
    FIRST_CHUNK,
    NOT_FIRST,
    ONE_EACH,
    chunk_index,
    ids_with_prefix,
    memory_id_of,
    pages,
    present,
)
from services.model import Memory, MemoryType, Query
from services.model.trust_keys import EXPIRES_AT
from services.permitted_stores import SeenRelations
from services.points import (
    Between,
    Condition,
    Contains,
    DatedBetween,
    Filter,
    HasId,
    HasVector,
    Matches,
    Missing,
    Point,
    ScoredPoint,
    Scroll,
)
from services.ports import VectorStore
from services.records import Records
from services.search.query import Known, flags_of, operators
from services.times import WriterZone, to_wall_clock

P = TypeVar("P", Point, ScoredPoint)
MOST_IDS = 500
"""Ids that one request names at most, where their number grows with the store."""
_PAGE = 1000
_MANY = 1_000_000
_MOST_BY_PREFIX = 1000
_SECOND = Between("chunk_index", gte=1, lte=1)


@dataclass(frozen=True, slots=True)
class Among:
    """Memories that PostgreSQL knows, where they are too many to be named in a request."""

    ids: frozenset[str]
    wanted: bool
    """False for all others."""

    def holds(self, point: Point | ScoredPoint) -> bool:
        return (memory_id_of(point) in self.ids) is self.wanted


@dataclass(frozen=True, slots=True)
class Filters:
    """Which memories a query is about."""

    where: Mapping[MemoryType, Filter]
    """The conditions in each collection that is asked; other collections are not."""
    among: tuple[Among, ...] = ()
    """What each point is to be tested for after it was read, with its `parent_id`."""

    def kept(self, points: Sequence[P]) -> Sequence[P]:
        """Those of the points that were read."""
        return [one for one in points if all(among.holds(one) for among in self.among)] if self.among else points

    async def pages(
        self, vectors: VectorStore, collection: MemoryType, keys: tuple[str, ...]
    ) -> AsyncIterator[Sequence[Point]]:
        """All points of a collection that are in the scope, with these keys, in the order of their ids."""
        request = Scroll(collection, _PAGE, self.where[collection], payload_keys=("parent_id", *keys))
        async for page in pages(vectors, request):
            yield self.kept(page)


class _ChunkCounts(NamedTuple):
    """Points by their place in their memory."""

    first: int
    second: int
    later: int


class FilterBuilder:
    """Turns queries into scopes. A condition on the text holds for a memory when it holds for one of its chunks."""

    def __init__(self, vectors: VectorStore, records: Records, zone: WriterZone) -> None:
        self._vectors = vectors
        self._records = records
        self._relations = SeenRelations(vectors, records)
        self._zone = zone
        self._headless: dict[MemoryType, tuple[_ChunkCounts, Mapping[str, str]]] = {}
        """Those found last, for approximate answers: others may have written without changing the numbers."""

    async def points(self, query: Query, texts: Sequence[str] = ()) -> Filters:
        """Conditions that every point of a matching memory meets; with `texts`, all words of one of them occur.

        Raises StoreUnavailable when an operator needs a store that cannot be reached.
        """
        payload = payload_conditions(query, partial(to_wall_clock, zone=self._zone))
        must, must_not = [*payload.must], [*payload.must_not]
        if query.id_prefixes:
            must.append(await self._with_prefixes(query.id_prefixes))
        if query.like:
            must_not.append(memories_of(frozenset({query.like})))
        among = []
        for known in await self._known(query):
            if len(known.ids) > MOST_IDS:
                among.append(known)
            else:
                (must if known.wanted else must_not).append(memories_of(known.ids))
        phrases = await together(*(self._indexed(Contains("content", one, True)) for one in query.phrases))
        needed: list[Condition] = [phrase for phrase in phrases if phrase]
        if texts:
            needed.append(Filter(any_of=tuple(Contains("content", text) for text in texts)))
        excluded = [Contains("content", one, phrase=True) for one in query.excluded_words]
        scope = {}
        for collection in _collections(query):
            present = await together(*(self._of_memory(collection, one) for one in needed))
            absent = await together(*(self._of_memory(collection, one) for one in excluded))
            scope[collection] = Filter((*must, *present), (*must_not, *absent))
        return Filters(scope, tuple(among))

    async def first_chunks(self, scope: Filters, *, approximate: bool = False) -> Filters:
        """The same memories, one point of each: the plain one, or the first chunk that there is.

        An approximate answer supposes that the same first chunks are missing where there are as many chunks, and
        none where there are as many first chunks as second ones.
        """
        headless = await self.headless(approximate=approximate)
        first_chunks = {}
        for collection, where in scope.where.items():
            first: Filter = ONE_EACH
            if points := headless[collection]:
                first = Filter(any_of=(first, HasId(frozenset(points.values()))))
            first_chunks[collection] = Filter((where, first)) if where else first
        return replace(scope, where=first_chunks)

    async def headless(self, *, approximate: bool) -> Mapping[MemoryType, Mapping[str, str]]:
        """Memories without chunk 0 and the point of each with the lowest index; `approximate` as for `first_chunks`."""
        found = await together(*(self._headless_of(collection, approximate) for collection in MemoryType))
        return dict(zip(MemoryType, found, strict=True))

    async def _headless_of(self, collection: MemoryType, approximate: bool) -> Mapping[str, str]:
        spans = (FIRST_CHUNK, _SECOND, NOT_FIRST)
        counts = _ChunkCounts(*await together(*(self._vectors.count(collection, Filter((one,))) for one in spans)))
        if approximate:
            known = self._headless.get(collection)
            if known and known[0] == counts:
                return known[1]
            if counts.first == counts.second:
                return {}
        points = await self._found_headless(collection) if counts.later else {}
        self._headless[collection] = (counts, points)
        return points

    async def _found_headless(self, collection: MemoryType) -> dict[str, str]:
        tails = await self._vectors.facet(collection, "parent_id", Filter((NOT_FIRST,)), _MANY)
        expected = _parts(chunk_id(parent, 0) for parent in tails)
        counts = (self._vectors.count(collection, Filter((HasId(some), FIRST_CHUNK))) for some in expected)
        if sum(await together(*counts)) == len(tails):
            return {}
        first_chunks = await self._vectors.facet(collection, "parent_id", Filter((FIRST_CHUNK,)), _MANY)
        return await self._lowest(collection, tuple(tails.keys() - first_chunks.keys()))

    async def _lowest(self, collection: MemoryType, parents: tuple[str, ...]) -> dict[str, str]:
        if not parents:
            return {}
        where = Filter((Matches("parent_id", parents),))
        keys = ("parent_id", "chunk_index")
        chunks = await self._vectors.scroll(Scroll(collection, _MANY, where, payload_keys=keys))
        chunks.sort(key=lambda point: chunk_index(point) or 0, reverse=True)
        return {memory_id_of(point): point.id for point in chunks}

    async def _known(self, query: Query) -> list[Among]:
        """What the operators ask of PostgreSQL."""
        asked = dict.fromkeys((flag.asks, wanted) for flag, wanted in flags_of(query))
        known = [Among(await self._ids(one, query.at), wanted) for one, wanted in asked if isinstance(one, str)]
        if query.as_of is not None:
            known.append(Among(await self._relations.superseded_ids(query.as_of), wanted=False))
        for names, by_them in ((query.authors, True), (query.excluded_authors, False)):
            if names:
                with seeing_all():
                    known.append(Among(await self._records.history.written_by(names), by_them))
        return known

    async def _ids(self, known: Known, at: datetime | None) -> frozenset[str]:
        match known:
            case "related":
                return await self._related()
            case "superseded":
                return await self._relations.superseded_ids()
            case "contradicting":
                return await self._differing(at)
            case "unreviewed":
                with seeing_all():  # what is found is read from the store of points
                    return await self._records.reviews.unreviewed_ids()

    async def _differing(self, at: datetime | None) -> frozenset[str]:
        """Ids of memories that contradict another one, which who acts sees too, and neither is expired."""
        with seeing_all():
            pairs = await self._records.duplicates.differing()
        expired = (DatedBetween(EXPIRES_AT, lt=at),) if at else ()
        ids = await present(self._vectors, {one for pair in pairs for one in pair}, expired)
        return frozenset(one for pair in pairs if ids.issuperset(pair) for one in pair)

    async def _related(self) -> frozenset[str]:
        """Ids of all memories that have relations, or one of whose chunks has."""
        related = await self._relations.related_ids()
        chunks = [Filter((HasId(some), CHUNKED)) for some in _parts(filter(is_chunk_id, related))]
        owners = (self._vectors.facet(one, "parent_id", where, _MANY) for one in MemoryType for where in chunks)
        return related.union(*await together(*owners))

    async def _with_prefixes(self, prefixes: Sequence[str]) -> Condition:
        found = await together(*(ids_with_prefix(self._vectors, one, _MOST_BY_PREFIX) for one in prefixes))
        return memories_of(frozenset(one for ids in found for one in ids))

    async def _indexed(self, condition: Condition) -> Condition | None:
        """None for a phrase that the index cannot hold (stop words, signs): only the texts themselves can tell."""
        counts = await together(*(self._vectors.count(one, Filter((condition,))) for one in MemoryType))
        return condition if any(counts) else None

    async def _of_memory(self, collection: MemoryType, condition: Condition) -> Condition:
        """The condition, widened to all points of the chunked memories that have a chunk which meets it."""
        parents = await self._vectors.facet(collection, "parent_id", Filter((condition, CHUNKED)), _MANY)
        return Filter(any_of=(condition, Matches("parent_id", tuple(parents)))) if parents else condition


def keeps_text(query: Query, content: str) -> bool:
    """Whether the text has all phrases and no excluded word, as they stand and whatever their case."""
    if not query.asks_texts:
        return True
    text = " ".join(content.casefold().split())
    return all(phrase.casefold() in text for phrase in query.phrases) and not any(
        re.search(rf"(?<!\w){re.escape(word.casefold())}(?!\w)", text) for word in query.excluded_words
    )


def keeps_shown(query: Query, memory: Memory) -> bool:
    """Whether the memory itself meets what the store asked of the chunk that was found."""
    asked = payload_conditions(query, lambda instant: instant)
    of_keys = (tuple(one for one in some if not isinstance(one, HasVector)) for some in (asked.must, asked.must_not))
    return meets(memory, Filter(*of_keys))


def payload_conditions(query: Query, dated: Callable[[datetime], datetime]) -> Filter:
    """What the operators ask of the payload; `dated` makes of an instant what dates are compared with."""
    parts = [operator.conditions(query, dated) for operator in operators()]
    return Filter(
        tuple(one for part in parts for one in part.must), tuple(one for part in parts for one in part.must_not)
    )


def meets(memory: Memory, condition: Condition) -> bool:
    """What the store tells of a point, told of a memory, from its fields and from what is stored in other forms."""
    match condition:
        case Filter(must, must_not, any_of):
            return (
                all(meets(memory, one) for one in must)
                and not any(meets(memory, one) for one in must_not)
                and (not any_of or any(meets(memory, one) for one in any_of))
            )
        case DatedBetween(key, since, before):
            at = getattr(memory, key)
            return at is not None and (since is None or at >= since) and (before is None or at < before)
        case Matches(key, values):
            wanted = {(type(one), one) for one in values}
            return any((type(one), one) in wanted for one in _stored(memory, key) if isinstance(one, (str, int)))
        case Between(key, gte=low, lte=high):
            numbers = [one for one in _stored(memory, key) if type(one) in (int, float)]
            return any((low is None or one >= low) and (high is None or one <= high) for one in numbers)
        case Missing(key):
            return _stored(memory, key) in ((), (None,))
    raise AssertionError(condition)


def _stored(memory: Memory, key: str) -> tuple[Any, ...]:
    """The values under a key, as the store has them."""
    value = memory.metadata[key] if key in memory.metadata else getattr(memory, key, None)
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def memories_of(ids: frozenset[str]) -> Condition:
    """Points of these memories."""
    return Filter(any_of=(HasId(ids), Matches("parent_id", tuple(ids))))


def _parts(ids: Iterable[str]) -> Iterator[frozenset[str]]:
    """All ids, as many at a time as a request names."""
    remaining = iter(ids)
    while some := frozenset(islice(remaining, MOST_IDS)):
        yield some


def _collections(query: Query) -> tuple[MemoryType, ...]:
    return tuple(
        one for one in MemoryType if (not query.types or one in query.types) and one not in query.excluded_types
    )
