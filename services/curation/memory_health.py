"""How the memories are as a whole, in numbers of which each is a query that lists what it counts. Looks only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from services.model import AGENT, Query
from services.ports import Clock
from services.records import Records
from services.search.query import parse_query
from services.search.search_service import SearchService
from services.together import together

_QUERIES: Mapping[str, str] = {
    "reviewed": "is:reviewed",
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
    """Memories that each agent made in the last 30 days, most first; the query lists what it ever wrote of them."""

    def share(self, number: HealthNumber) -> float:
        """0..1 of all memories."""
        return number.count / self.total if self.total else 0.0


class MemoryHealthService:
    """Raises StoreUnavailable."""

    def __init__(self, search: SearchService, records: Records, clock: Clock) -> None:
        self._search = search
        self._records = records
        self._clock = clock

    async def look(self) -> MemoryHealth:
        """A count a number; no memory is read."""
        now = self._clock()
        queries = [parse_query(text, now=now) for text in _QUERIES.values()]
        total, *counts = await together(*(self._search.count(query) for query in (Query(), *queries)))
        named = zip(_QUERIES.items(), counts, strict=True)
        made = await self._records.history.made_by_agents(now - _GROWTH)
        names = ((actor.removeprefix(AGENT), number) for actor, number in made.items())
        growth = tuple(HealthNumber(name, f'by:"{name}" since:30d', number) for name, number in names)
        return MemoryHealth(total, tuple(HealthNumber(*one, count) for one, count in named), growth)
