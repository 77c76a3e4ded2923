"""The order of all memories of a list: ids alone, compact, read in batches and merged over the collections."""

from __future__ import annotations

import asyncio
import heapq
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from services.concurrency import together
from services.memories.stored_memories import pages
from services.model import MemoryType, Query, SortKey
from services.points import Between, Condition, DatedBetween, Filter, Point, Scroll
from services.ports import VectorStore
from services.search.filters import Filters
from services.search.hits import Found

_FIRST_BATCH = 100
_BATCH = 500
_ENTRY = 17
"""Bytes an entry takes: 1 for the collection and the kind of id, 16 for the id."""
_NUMBER = 0x80
_COLLECTIONS = tuple(MemoryType)
_UNREADABLE = datetime(1, 1, 2, tzinfo=UTC)


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
            _CollectionOrder(
                vectors, collection, where, sort_key(query), query.descending is not from_end, counts[collection]
            )
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
            # Ranks grow in the order of the list: what comes before every open end can no longer be overtaken.
            split = len(run.items)
            while bound is not None and split and run.items[split - 1].rank > bound:
                split -= 1
            certain += run.items[:split]
            del run.items[:split]
        certain.sort(key=lambda item: item.entry, reverse=self._from_end)  # the order of equal ones
        certain.sort(key=lambda item: item.rank)
        for item in certain:
            self._entries += item.entry


class _Item(NamedTuple):
    rank: tuple[int, float]
    """Place in the order: (0, value, negated when descending), or (1, 0) without a value."""
    entry: bytes


@dataclass(slots=True)
class _CollectionOrder:
    """The memories of one collection in order, a point each, read in batches."""

    vectors: VectorStore
    collection: MemoryType
    where: Filter
    key: SortKey
    descending: bool
    left: int
    """Memories still to come."""
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


def any_value(key: SortKey) -> Condition:
    if key.is_number:
        return Between(str(key), gte=-sys.float_info.max)
    return DatedBetween(str(key), gte=datetime(1, 1, 2))  # noqa: DTZ001 - as payloads have them


def _value(point: Point, key: SortKey) -> str | float | None:
    value = point.payload.get(str(key))
    return value if isinstance(value, (str, int, float)) else None


def _has_place(point: Point, key: SortKey) -> bool:
    value = _value(point, key)
    if key.is_number:
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
