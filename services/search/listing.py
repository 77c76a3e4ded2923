"""A plain list of memories that can be read at any place: the order of all ids, and pages of memories."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Mapping

from services.concurrency import together
from services.errors import MemoriaError
from services.model import Hit, MemoryType, Query
from services.points import Filter
from services.ports import RelationSummary, VectorStore
from services.search.hits import Found, HitReader
from services.search.list_order import Order, any_value, sort_key

FIRST_PAGE_SECONDS = 0.5
"""How long work in the background leaves the stores to the first page."""
_NEAR_END = 1000
"""Entries before the end that are read from there."""


class Listing:
    """All memories of a query in its order. Ids are read in the background for as long as somebody holds the list."""

    def __init__(self, total: int, order: Order, end: End, reader: HitReader) -> None:
        """`end` is where the last entries are known before those in between."""
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
            has_value = any_value(self._key)
            counts = await together(
                *(
                    self._vectors.count(one, Filter((where,) if where else (), (has_value,)))
                    for one, where in self.first_chunks.items()
                )
            )
            self._ordered = not any(counts)
        return self._ordered
