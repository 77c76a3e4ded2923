"""A plain list of memories that can be read at any place: the order of all ids, compact, beside pages of memories."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import sys
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from services.concurrency import together
from services.errors import MemoriaError
from services.memories.stored_memories import pages
from services.model import Hit, MemoryType, Query, SortKey
from services.points import Between, Condition, DatedBetween, Filter, Point, Scroll
from services.ports import RelationSummary, VectorStore
from services.search.filters import Filters
from services.search.hits import Found, HitReader

FIRST_PAGE_SECONDS = 0.5
"""How long work in the background leaves the stores to the first page."""
_FIRST_BATCH = 100
_BATCH = 500
_NUMBERS = (SortKey.IMPORTANCE, SortKey.ACCESS_COUNT)
_NEAR_END = 1000
"""Entries before the end that are read from there."""
_ENTRY = 17
"""Bytes an entry takes: 1 for the collection and the kind of id, 16 for the id."""
_NUMBER = 0x80
_COLLECTIONS = tuple(MemoryType)
_UNREADABLE = datetime(1, 1, 2, tzinfo=UTC)


class Listing:
    """All memories of a query in its order. Ids are read in the background for as long as somebody holds the list."""

    def __init__(self, query: Query, total: int, order: Order, end: End, reader: HitReader) -> None:
        """`end` is where the last entries are known before those in between."""
        self.query = query
        self.total = total
        """Memories when the list was opened."""
        self.corrected: Callable[[], None] | None = None
        """Called when a list that was opened in haste has become one of other memories."""
        self._order = order
        self._end = end
        self._reader = reader

    def read_ahead(self, after: float = 0.0) -> None:
        """Starts to read the rest of the order, a batch at a time, `after` seconds from now."""
        self.in_background(_read_all(self._order, after))

    def replace_by(self, exact: Callable[[], Awaitable[Listing]]) -> None:
        """Opens a list with less haste after the first page is shown, and goes on as that where it has more."""
        self.in_background(_replace(weakref.ref(self), exact))

    def in_background(self, work: Coroutine[None, None, None]) -> None:
        """Does work for as long as somebody holds the list."""
        task = asyncio.create_task(work)
        weakref.finalize(self, _cancel, task, asyncio.get_running_loop())

    def _become(self, exact: Listing) -> None:
        if exact.total != self.total or exact._end.first_chunks != self._end.first_chunks:
            self.total, self._order, self._end = exact.total, exact._order, exact._end
            self.read_ahead()
            if self.corrected is not None:
                self.corrected()

    async def page(self, offset: int, limit: int, *, relations: bool = True) -> tuple[Hit, ...]:
        """The hits from `offset` on, at most `limit`; fewer at the end and where memories were deleted meanwhile.

        Waits until the order is known that far, or near the end from there. Without `relations` they are not counted,
        and nothing waits for the database. Raises StoreUnavailable.
        """
        found = None
        if not self._order.knows(offset + limit):
            found = await self._end.slice(self.total - offset, limit)
        if found is None:
            await self._order.reach(offset + limit)
            found = self._order.slice(offset, limit)
        read = await self._reader.read(found)
        ids = [one.memory.id for one in read] if relations else []
        summaries, _ = await self._reader.summaries(ids)
        placed = [(one.memory, summaries.get(one.memory.id, RelationSummary())) for one in read]
        return tuple(Hit(memory, relations=of.relations, superseded=of.superseded) for memory, of in placed)


async def _read_all(order: Order, after: float) -> None:
    await asyncio.sleep(after)
    with contextlib.suppress(MemoriaError):  # whoever asks for a page meets the same error
        while not order.complete:
            await order.step()
            await asyncio.sleep(0)


async def _replace(listing: weakref.ref[Listing], exact: Callable[[], Awaitable[Listing]]) -> None:
    await asyncio.sleep(FIRST_PAGE_SECONDS)
    with contextlib.suppress(MemoriaError):  # the approximate list stays
        found = await exact()
        if (approximate := listing()) is not None:
            approximate._become(found)


def _cancel(task: asyncio.Task[None], loop: asyncio.AbstractEventLoop) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(task.cancel)


class Order:
    """Ids of one point a memory, merged over the collections, as far as they were asked for.

    Memories without a readable value under the sort key come last, in the order of their ids. With `from_end` all that
    have one come in the very reversed order.
    """

    def __init__(
        self,
        vectors: VectorStore,
        first_chunks: Mapping[MemoryType, Filter],
        counts: dict[MemoryType, int],
        query: Query,
        *,
        from_end: bool = False,
    ) -> None:
        self._runs = [
            _Run(vectors, collection, where, sort_key(query), query.descending is not from_end, counts[collection])
            for collection, where in first_chunks.items()
            if counts[collection]
        ]
        self._from_end = from_end
        self._entries = bytearray()
        self._turn = asyncio.Lock()

    async def read_all(self, first_chunks: Filters) -> int:
        """Reads the order at once, of the memories that the scope keeps after they were read; gives their number."""
        pages = await together(*(run.pages(first_chunks) for run in self._runs))
        items = heapq.merge(*(page for some in pages for page in some))
        for number, item in enumerate(items):
            self._entries += item.entry
            if number % _BATCH == 0:
                await asyncio.sleep(0)
        self._runs = []
        return len(self._entries) // _ENTRY

    @property
    def complete(self) -> bool:
        return not self._runs

    def knows(self, length: int) -> bool:
        """Whether so many entries are known, or all."""
        return self.complete or len(self._entries) >= length * _ENTRY

    async def reach(self, length: int) -> None:
        """Goes on until so many entries are known, or all."""
        while not self.knows(length):
            await self.step()

    async def step(self) -> None:
        """Reads one batch where one is needed, and takes over what is certain to come next."""
        async with self._turn:
            await together(*(run.fill() for run in self._runs))
            self._merge()
            self._runs = [run for run in self._runs if run.items or not run.done]

    def slice(self, offset: int, limit: int) -> list[Found]:
        raw = bytes(self._entries[max(0, offset) * _ENTRY : max(0, offset + limit) * _ENTRY])
        return [_found(raw[start : start + _ENTRY]) for start in range(0, len(raw), _ENTRY)]

    def _merge(self) -> None:
        open_ends = [run.items[-1].rank for run in self._runs if not run.done]
        bound = min(open_ends) if open_ends else None
        certain: list[_Item] = []
        for run in self._runs:
            # Ranks grow in the order of the list: what lies before every open end can no longer be overtaken.
            split = len(run.items)
            while bound is not None and split and run.items[split - 1].rank > bound:
                split -= 1
            certain += run.items[:split]
            del run.items[:split]
        certain.sort(key=lambda item: item.entry, reverse=self._from_end)  # the order of equal ones
        certain.sort(key=lambda item: item.rank)
        for item in certain:
            self._entries += item.entry


class End:
    """The last entries of an order, read from its end: to get there through all the others takes long."""

    def __init__(
        self,
        vectors: VectorStore,
        first_chunks: Mapping[MemoryType, Filter],
        counts: dict[MemoryType, int],
        query: Query,
    ) -> None:
        self._vectors = vectors
        self.first_chunks = first_chunks
        self._key = sort_key(query)
        self._order = Order(vectors, first_chunks, counts, query, from_end=True)
        self._ordered: bool | None = None

    async def slice(self, left: int, limit: int) -> list[Found] | None:
        """At most `limit` entries where `left` are left; None where they are to be read from the start."""
        if not 0 < left <= _NEAR_END or not await self._has_order():
            return None
        await self._order.reach(left)
        first = max(0, left - limit)
        return self._order.slice(first, left - first)[::-1]

    async def _has_order(self) -> bool:
        """Whether all entries have a place by their value: what has none comes last, however it is read."""
        if self._ordered is None:
            any_value = _any_value(self._key)
            counts = await together(
                *(
                    self._vectors.count(one, Filter((where,) if where else (), (any_value,)))
                    for one, where in self.first_chunks.items()
                )
            )
            self._ordered = not any(counts)
        return self._ordered


class _Item(NamedTuple):
    rank: tuple[int, float]
    """Place in the order: (0, value, negated when descending), or (1, 0) without a value."""
    entry: bytes


@dataclass(slots=True)
class _Run:
    """The first_chunks of one collection in order, read in batches."""

    vectors: VectorStore
    collection: MemoryType
    where: Filter
    key: SortKey
    descending: bool
    left: int
    """Heads still to come."""
    items: list[_Item] = field(default_factory=list)
    """Read and not yet taken over."""
    done: bool = False
    _last: str | float | None = None
    _after_id: str | None = None
    _unordered: bool = False
    _seen: set[bytes] = field(default_factory=set)

    async def pages(self, first_chunks: Filters) -> list[list[_Item]]:
        """All that the scope keeps, in parts that are each in order."""
        return [
            sorted(self._item(point, _has_place(point, self.key)) for point in page)
            async for page in first_chunks.pages(self.vectors, self.collection, (str(self.key),))
        ]

    async def fill(self) -> None:
        if self.items or self.done:
            return
        if not self._unordered:
            await self._fill_ordered()
        if self._unordered and not self.items:
            await self._fill_unordered()

    async def _fill_ordered(self) -> None:
        limit = _FIRST_BATCH if self._last is None else _BATCH
        where = self.where
        if self._last is not None:
            where = Filter((where,) if where else (), (self._equal(self._last),))
        page = await self.vectors.scroll(self._scroll(where, limit, ordered=True, start_from=self._last))
        if len(page) < limit:
            self._add(page)
            self._finish_order()
            return
        value = _value(page[-1], self.key)
        if value is None or self._equal(value) == self._equal(self._last):
            self._finish_order()
            return
        self._add([point for point in page if _value(point, self.key) != value])
        await self._add_all_equal(value)
        self._last = value

    async def _add_all_equal(self, value: str | float) -> None:
        """Many memories may share a value, more than a batch holds: these come in the order of their ids."""
        where = Filter((*((self.where,) if self.where else ()), self._equal(value)))
        async for page in pages(self.vectors, self._scroll(where, _BATCH)):
            self._add(page)

    def _finish_order(self) -> None:
        self._unordered = self.left > 0
        self.done = not self._unordered
        if not self._unordered:
            self._seen.clear()

    async def _fill_unordered(self) -> None:
        """What the order left out, because its value is missing or cannot be read."""
        while not self.items and not self.done:
            page = await self.vectors.scroll(replace(self._scroll(self.where, _BATCH), after_id=self._after_id))
            self._add([point for point in page if _entry(self.collection, point.id) not in self._seen], ranked=False)
            self._after_id = page[-1].id if page else None
            if len(page) < _BATCH:
                self.done = True
                self._seen.clear()

    def _scroll(
        self, where: Filter, limit: int, *, ordered: bool = False, start_from: str | float | None = None
    ) -> Scroll:
        key = str(self.key) if ordered else None
        return Scroll(self.collection, limit, where, key, self.descending, start_from, payload_keys=(str(self.key),))

    def _add(self, points: Sequence[Point], *, ranked: bool = True) -> None:
        items = [self._item(point, ranked) for point in points]
        self.items += items
        self._seen.update(item.entry for item in items)
        self.left -= len(points)

    def _item(self, point: Point, ranked: bool) -> _Item:
        return _Item(self._rank(point) if ranked else (1, 0.0), _entry(self.collection, point.id))

    def _rank(self, point: Point) -> tuple[int, float]:
        value = _value(point, self.key)
        number = value if isinstance(value, (int, float)) else _instant(value).timestamp()
        return (0, -number if self.descending else number)

    def _equal(self, value: str | float | None) -> Condition:
        if isinstance(value, (int, float)):
            return Between(str(self.key), gte=value, lte=value)
        instant = _instant(value).replace(tzinfo=None)
        return DatedBetween(str(self.key), gte=instant, lt=instant + timedelta(microseconds=1))


def sort_key(query: Query) -> SortKey:
    """What a list is in the order of."""
    return SortKey.CREATED if query.sort is SortKey.RELEVANCE else query.sort


def _any_value(key: SortKey) -> Condition:
    if key in _NUMBERS:
        return Between(str(key), gte=-sys.float_info.max)
    return DatedBetween(str(key), gte=datetime(1, 1, 2))  # noqa: DTZ001 - as payloads have them


def _value(point: Point, key: SortKey) -> str | float | None:
    value = point.payload.get(str(key))
    return value if isinstance(value, (str, int, float)) else None


def _has_place(point: Point, key: SortKey) -> bool:
    value = _value(point, key)
    if key in _NUMBERS:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, str) and _instant(value) > _UNREADABLE


def _instant(value: str | float | None) -> datetime:
    """A date as the store orders it: what has no zone counts as UTC."""
    try:
        date = datetime.fromisoformat(str(value))
    except ValueError:
        return _UNREADABLE
    return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)


def _entry(collection: MemoryType, point_id: str) -> bytes:
    number = point_id.isdigit()
    kind = _COLLECTIONS.index(collection) | (_NUMBER if number else 0)
    return bytes([kind]) + (int(point_id).to_bytes(16) if number else UUID(point_id).bytes)


def _found(entry: bytes) -> Found:
    collection = _COLLECTIONS[entry[0] & ~_NUMBER]
    number = entry[0] & _NUMBER
    return Found(collection, str(int.from_bytes(entry[1:]) if number else UUID(bytes=entry[1:])))
