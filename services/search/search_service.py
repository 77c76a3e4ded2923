"""Finds memories: by meaning, by words and by their relations, or as a plain list. Looking writes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from services.model import FacetCount, Facets, Query, SearchResult
from services.ports import Clock, Embedder, VectorStore
from services.records import Records
from services.search import facets as facet_counts
from services.search.filters import FilterBuilder, Filters
from services.search.hits import HitReader, RankedHits
from services.search.listing import FIRST_PAGE_SECONDS, End, Listing, Order
from services.search.query import operators
from services.search.ranking import Ranking
from services.settings import Settings
from services.times import first_weekday, person_zone, writer_zone
from services.together import together

_MOST_COMPLETIONS = 50
_UNHURRIED = 5.0
"""Seconds before a list that replaces another is read to its end: while others write, a newer one comes before."""


class SearchService:
    """All questions to the memories. Each raises StoreUnavailable when what it needs cannot be reached."""

    def __init__(
        self, vectors: VectorStore, embedder: Embedder, records: Records, settings: Settings, clock: Clock
    ) -> None:
        self._vectors = vectors
        self._clock = clock
        self._person_zone, self._writer_zone = person_zone(settings), writer_zone(settings)
        self._week_begins = first_weekday(settings)
        self._filters = FilterBuilder(vectors, records, self._writer_zone)
        self._reader = HitReader(vectors, records, self._writer_zone)
        self._ranking = Ranking(vectors, embedder, records, self._filters, self._reader)
        self._last: RankedHits | None = None
        self._listed: tuple[Query, Filters] | None = None
        """What the last list is of: the counts beside it are of the same, and what that took is not done twice."""

    async def search(self, query: Query) -> SearchResult:
        """Ranked hits, or the first page of a plain list with the number of all; no facets.

        Raises NotFound when the memory that others shall be like does not exist, and what failed when no leg of the
        search could answer; otherwise a leg that failed is told in `notices`.
        """
        start = time.perf_counter()
        if query.ranked:
            ranked = await self.ranked(query)
            hits = await ranked.page(0, query.limit)
            total, notices = len(hits), ranked.notices
        else:
            listing = await self._opened(query)
            hits, total, notices = await listing.page(0, query.limit), listing.total, ()
        return SearchResult(query, hits, total, took_ms=(time.perf_counter() - start) * 1000, notices=notices)

    async def ranked(self, query: Query) -> RankedHits:
        """The hits of a ranked search, read as far as they are wanted. Raises as `search` does."""
        start = time.perf_counter()
        ranked = self._last = await self._ranking.rank(query)
        ranked.took_ms = (time.perf_counter() - start) * 1000
        return ranked

    async def facets(self, query: Query) -> Facets:
        """Exact counts over all memories of a plain list, or over the hits of a ranked search."""
        now = self._clock().astimezone(self._person_zone)
        if query.ranked:
            last = self._last
            ranked = last if last and last.query == query else await self.ranked(query)
            return facet_counts.of_hits(await ranked.page(0, query.limit), now, self._week_begins)
        listed, self._listed = self._listed, None
        points = listed[1] if listed and listed[0] == query else await self._points(query)
        first_chunks = await self._filters.first_chunks(points)
        return await facet_counts.counted(self._vectors, first_chunks, now, self._writer_zone, self._week_begins)

    async def listing(self, query: Query, *, again: bool = False) -> Listing:
        """A plain list that can be read at any place. In another order than relevance, a text must occur.

        `again`: only to see what others changed, perhaps soon once more; where nobody goes, it is not read at once.
        """
        points = await self._points(query)
        approximate = points.linked is None  # otherwise all are read at once
        listing = await self._opened(query, points, approximate=approximate)
        self._listed = (query, points)
        listing.read_ahead(_UNHURRIED if again else 0.0)
        if approximate:
            listing.replace_by(partial(self._opened, query, points))
        listing.in_background(self._ranking.warm_up(after=FIRST_PAGE_SECONDS))
        return listing

    def when_loaded(self, call: Callable[[], object]) -> None:
        """`call` is called once, when all that searches need is in memory."""
        self._ranking.loaded = call

    async def complete(self, operator: str, prefix: str) -> tuple[str, ...]:
        """Values of an operator that begin like `prefix`, most used first; at most 50."""
        known = next((one.values for one in operators() if one.name == operator), None) or ()
        if operator in ("tag", "project"):
            known = tuple(one.value for one in await self.in_use(operator))
        start = prefix.casefold()
        return tuple(value for value in known if value.casefold().startswith(start))[:_MOST_COMPLETIONS]

    async def in_use(self, operator: str) -> tuple[FacetCount, ...]:
        """All tags (`tag`) or projects (`project`) with the number of memories that have them, most used first."""
        first_chunks = await self._filters.first_chunks(await self._points(Query()))
        counts = await facet_counts.values(
            self._vectors, first_chunks.where, "tags" if operator == "tag" else "project"
        )
        values = sorted(counts, key=lambda value: (-counts[value], value.casefold()))
        return tuple(FacetCount(value, counts[value]) for value in values)

    async def _opened(self, query: Query, points: Filters | None = None, *, approximate: bool = False) -> Listing:
        first_chunks = await self._filters.first_chunks(points or await self._points(query), approximate=approximate)
        found = await together(*(self._vectors.count(one, where) for one, where in first_chunks.where.items()))
        counts = dict(zip(first_chunks.where, found, strict=True))
        order, end = (
            Order(self._vectors, first_chunks.where, counts, query),
            End(self._vectors, first_chunks.where, counts, query),
        )
        total = await order.read_all(first_chunks) if first_chunks.linked else sum(found)
        return Listing(query, total, order, end, self._reader)

    async def _points(self, query: Query) -> Filters:
        return await self._filters.points(query, await self._ranking.texts(query.text) if query.text else ())
