"""How many memories were made when, of which type and under which tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.concurrency import together
from services.model import FacetCount, MemoryType, Query
from services.points import DatedBetween, Filter
from services.ports import VectorStore
from services.records import Records
from services.search.facets import added
from services.search.filters import FilterBuilder
from services.settings import Settings
from services.times import month_end, person_zone, to_wall_clock, writer_zone

_MOST_TAGS = 20


@dataclass(frozen=True, slots=True)
class MemoryMonths:
    """Memories by the month in which they were made; each counts once, however many points hold it."""

    months: tuple[tuple[date, Mapping[MemoryType, int]], ...]
    """First day of each month, in order, and its counts."""
    tags: tuple[FacetCount, ...]
    """Of all these months together, most used first, at most 20."""


@dataclass(frozen=True, slots=True)
class AgentTotal:
    """Memories that an agent made or changed, each once a month."""

    name: str
    months: tuple[int, ...]
    """Written in each month."""
    reviewed: tuple[int, ...]

    @property
    def written(self) -> int:
        return sum(self.months)


class MemoryCounts:
    """Counts over all memories, exact. Months are those of the person's zone."""

    def __init__(self, vectors: VectorStore, records: Records, settings: Settings) -> None:
        self._vectors = vectors
        self._records = records
        self._person_zone, self._writer_zone = person_zone(settings), writer_zone(settings)
        self._filters = FilterBuilder(vectors, records, self._writer_zone)

    async def by_month(self, months: Sequence[date]) -> MemoryMonths:
        """For months that follow each other, given by their first days. Raises StoreUnavailable."""
        if not months:
            return MemoryMonths((), ())
        first_chunks = (await self._filters.first_chunks(await self._filters.points(Query()))).where
        all_of_them, spans = self._span(months[0], months[-1]), [self._span(month, month) for month in months]
        tallies = await together(
            *(
                self._vectors.tally(one, Filter((where, all_of_them)), ("tags",), spans)
                for one, where in first_chunks.items()
            )
        )
        by_type = [
            dict(zip(first_chunks, counts, strict=True)) for counts in zip(*(one.spans for one in tallies), strict=True)
        ]
        tags = added(one.values["tags"] for one in tallies)
        most = sorted(tags.items(), key=lambda one: (-one[1], one[0].casefold()))[:_MOST_TAGS]
        return MemoryMonths(
            tuple(zip(months, by_type, strict=True)), tuple(FacetCount(tag, count) for tag, count in most)
        )

    async def by_agent(self, months: Sequence[date]) -> tuple[AgentTotal, ...]:
        """What agents wrote in months that follow each other, and what of it is reviewed; who wrote most is first."""
        if not months:
            return ()
        starts = [datetime(one.year, one.month, one.day, tzinfo=self._person_zone) for one in months]
        after = month_end(months[-1]) + timedelta(1)
        end = datetime(after.year, after.month, after.day, tzinfo=self._person_zone)
        found: dict[str, tuple[list[int], list[int]]] = {}
        for one in await self._records.reviews.by_agent(starts, end):
            written, reviewed = found.setdefault(one.agent, ([0] * len(months), [0] * len(months)))
            written[one.month], reviewed[one.month] = one.written, one.reviewed
        totals = [AgentTotal(name, tuple(written), tuple(seen)) for name, (written, seen) in found.items()]
        return tuple(sorted(totals, key=lambda one: (-one.written, one.name)))

    def _span(self, first: date, last: date) -> DatedBetween:
        """What was made from the month of the first day to that of the last."""
        start, end = (self._midnight(day) for day in (first, month_end(last) + timedelta(1)))
        return DatedBetween("created_at", gte=start, lt=end)

    def _midnight(self, day: date) -> datetime:
        midnight = datetime(day.year, day.month, day.day, tzinfo=self._person_zone)
        return to_wall_clock(midnight, self._writer_zone)
