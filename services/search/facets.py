"""Live counts beside a list. Each memory counts once, however many points hold it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.concurrency import together
from services.model import FacetCount, Facets, Hit, MemoryType
from services.points import DatedBetween, Filter
from services.ports import VectorStore
from services.search.filters import Filters
from services.times import WriterZone, parse_since, read_stamp, to_wall_clock

_MOST_VALUES = 10_000
_SHOWN = 200
"""Most values of one facet."""
SPANS: Mapping[str, str] = {
    "today": "today",
    "this week": "this-week",
    "this month": "this-month",
    "this year": "this-year",
}
"""Facets of dates, newest first, each with the word of `since:`; each contains those before it. The rest is «older»."""
OLDER = "older"


async def counted(
    vectors: VectorStore, first_chunks: Filters, now: datetime, zone: WriterZone, week_begins: int
) -> Facets:
    """Exact counts over all memories of a scope; `now` is in the person's zone, `zone` is the writer's."""
    starts = {name: parse_since(word, now, week_begins) for name, word in SPANS.items()}
    if first_chunks.among:
        return await _read(vectors, first_chunks, starts, zone)
    spans = {name: DatedBetween("created_at", gte=to_wall_clock(start, zone)) for name, start in starts.items()}
    spans[OLDER] = DatedBetween("created_at", lt=spans["this year"].gte)
    where, dated = first_chunks.where, list(spans.values())
    tallies = await together(
        *(vectors.tally(one, condition, ("tags", "project"), dated) for one, condition in where.items())
    )
    counts = [sum(numbers) for numbers in zip(*(one.spans for one in tallies), strict=True)] or [0] * len(spans)
    return _made(
        types=Counter({str(kind): one.total for kind, one in zip(where, tallies, strict=True)}),
        tags=added(one.values["tags"] for one in tallies),
        projects=added(one.values["project"] for one in tallies),
        spans=Counter(dict(zip(spans, counts, strict=True))),
    )


def of_hits(hits: Sequence[Hit], now: datetime, week_begins: int) -> Facets:
    """Counts over the hits of a ranked search."""
    counting = _Counting({name: parse_since(word, now, week_begins) for name, word in SPANS.items()})
    for memory in (hit.memory for hit in hits):
        counting.add(memory.type, memory.tags, memory.project, memory.created_at)
    return counting.facets()


@dataclass(slots=True)
class _Counting:
    """Counts memory by memory."""

    starts: Mapping[str, datetime]
    """Of the spans, newest first."""
    types: Counter[str] = field(default_factory=Counter)
    tags: Counter[str] = field(default_factory=Counter)
    projects: Counter[str] = field(default_factory=Counter)
    spans: Counter[str] = field(default_factory=Counter)

    def add(self, type_: MemoryType, tags: Iterable[str], project: str | None, created: datetime | None) -> None:
        self.types[str(type_)] += 1
        self.tags.update(set(tags))
        if project:
            self.projects[project] += 1
        if created:
            self.spans.update(name for name, start in self.starts.items() if created >= start)
            self.spans[OLDER] += created < self.starts["this year"]

    def facets(self) -> Facets:
        return _made(types=self.types, tags=self.tags, projects=self.projects, spans=self.spans)


async def _read(
    vectors: VectorStore, first_chunks: Filters, starts: Mapping[str, datetime], zone: WriterZone
) -> Facets:
    """The counts where each memory is tested after it was read."""
    counting = _Counting(starts)

    async def read(collection: MemoryType) -> None:
        async for page in first_chunks.pages(vectors, collection, ("tags", "project", "created_at")):
            for payload in (point.payload for point in page):
                tags, project = payload.get("tags"), payload.get("project")
                counting.add(
                    collection,
                    [tag for tag in (tags if isinstance(tags, list) else [tags]) if isinstance(tag, str)],
                    project if isinstance(project, str) else None,
                    read_stamp(payload.get("created_at"), zone),
                )

    await together(*(read(collection) for collection in first_chunks.where))
    return counting.facets()


async def values(vectors: VectorStore, first_chunks: Mapping[MemoryType, Filter], key: str) -> Counter[str]:
    """Values of a key with the number of memories that have them."""
    return added(await together(*(vectors.facet(one, key, where, _MOST_VALUES) for one, where in first_chunks.items())))


def added(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for some in counts:
        total.update(some)
    return total


def _made(*, types: Counter[str], tags: Counter[str], projects: Counter[str], spans: Counter[str]) -> Facets:
    """All groups, however they were counted."""
    dates = _present((name, spans[name]) for name in (*SPANS, OLDER))
    return Facets(_sorted(types), _sorted(tags), _sorted(projects), dates)


def _sorted(counts: Counter[str]) -> tuple[FacetCount, ...]:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0].casefold()))
    return _present(ordered[:_SHOWN])


def _present(counts: Iterable[tuple[str, int]]) -> tuple[FacetCount, ...]:
    return tuple(FacetCount(value, count) for value, count in counts if count)
