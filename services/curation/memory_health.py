"""How the memories are as a whole, in numbers of which each is a query that lists what it counts. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from services.concurrency import together
from services.model import AGENT, Query
from services.ports import Clock
from services.records import Records
from services.search.query import in_quotes, parse_query
from services.search.search_service import SearchService
from services.settings import Settings
from services.times import first_weekday, person_zone

_REVIEWED = "reviewed"
_QUERIES: Mapping[str, str] = {
    _REVIEWED: "is:reviewed",
    "stale": "is:stale",
    "orphaned": "is:orphan is:untagged project:none",
    "contradicting": "is:contradicting",
    "superseded": "is:superseded",
    "expired": "is:expired",
    "expiring": "is:expiring",
}
_GROWTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class HealthNumber:
    """So many memories, which the query lists."""

    name: str
    query: str
    count: int


@dataclass(frozen=True, slots=True)
class MemoryHealth:
    total: int
    numbers: tuple[HealthNumber, ...]
    growth: tuple[HealthNumber, ...]
    """Memories that each agent wrote in the last days, most first."""
    growth_days: int = _GROWTH.days

    @property
    def reviewed(self) -> float:
        """0..1 of all memories."""
        return next(self.share(one) for one in self.numbers if one.name == _REVIEWED)

    def share(self, number: HealthNumber) -> float:
        """0..1 of all memories."""
        return number.count / self.total if self.total else 0.0


class MemoryHealthService:
    """Raises StoreUnavailable."""

    def __init__(self, search: SearchService, records: Records, settings: Settings, clock: Clock) -> None:
        self._search = search
        self._records = records
        self._zone, self._week_begins = person_zone(settings), first_weekday(settings)
        self._clock = clock

    async def look(self) -> MemoryHealth:
        """A count a number, and of growth one an agent; no memory is read."""
        now = self._clock().astimezone(self._zone)
        agents = [one.removeprefix(AGENT) for one in await self._records.history.agents_since(now - _GROWTH)]
        named = [*_QUERIES.items(), *((name, f"by:{in_quotes(name)} since:{_GROWTH.days}d") for name in agents)]
        queries = (Query(), *(parse_query(text, now=now, week_begins=self._week_begins) for _, text in named))
        total, *counts = await together(*(self._search.count(query) for query in queries))
        numbers = [HealthNumber(*one, count) for one, count in zip(named, counts, strict=True)]
        growth = sorted((one for one in numbers[len(_QUERIES) :] if one.count), key=lambda one: -one.count)
        return MemoryHealth(total, tuple(numbers[: len(_QUERIES)]), tuple(growth))
