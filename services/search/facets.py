"""Live counts beside a list. Each memory counts once, however many points hold it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from services.model import FacetCount, Facets, Hit
from services.points import DatedBetween, Filter
from services.ports import VectorStore
from services.search.scope import Scope
from services.times import WriterZone, parse_since, to_wall_clock
from services.together import together

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
_OLDER = "older"


async def counted(vectors: VectorStore, heads: Scope, now: datetime, zone: WriterZone, week_begins: int) -> Facets:
    """Exact counts over all memories of a scope; `now` is in the person's zone, `zone` is the writer's."""
    collections = list(heads)
    counts, tags, projects, dates = await together(
        together(*(vectors.count(one, heads[one]) for one in collections)),
        values(vectors, heads, "tags"),
        values(vectors, heads, "project"),
        _dates(vectors, heads, now, zone, week_begins),
    )
    return Facets(
        types=_sorted(Counter(dict(zip(map(str, collections), counts, strict=True)))),
        tags=_sorted(tags),
        projects=_sorted(projects),
        dates=dates,
    )


def of_hits(hits: Sequence[Hit], now: datetime, week_begins: int) -> Facets:
    """Counts over the hits of a ranked search."""
    memories = [hit.memory for hit in hits]
    created = [memory.created_at for memory in memories if memory.created_at]
    starts = {name: parse_since(word, now, week_begins) for name, word in SPANS.items()}
    spans = Counter({name: sum(date >= start for date in created) for name, start in starts.items()})
    spans[_OLDER] = len(created) - spans["this year"]
    return Facets(
        types=_sorted(Counter(str(memory.type) for memory in memories)),
        tags=_sorted(Counter(tag for memory in memories for tag in dict.fromkeys(memory.tags))),
        projects=_sorted(Counter(memory.project for memory in memories if memory.project)),
        dates=_present((name, spans[name]) for name in (*SPANS, _OLDER)),
    )


async def values(vectors: VectorStore, heads: Scope, key: str) -> Counter[str]:
    """Values of a key with the number of memories that have them."""
    found = await together(*(vectors.facet(one, key, where, _MOST_VALUES) for one, where in heads.items()))
    total: Counter[str] = Counter()
    for counts in found:
        total.update(counts)
    return total


async def _dates(
    vectors: VectorStore, heads: Scope, now: datetime, zone: WriterZone, week_begins: int
) -> tuple[FacetCount, ...]:
    starts = {name: to_wall_clock(parse_since(word, now, week_begins), zone) for name, word in SPANS.items()}
    spans = {name: DatedBetween("created_at", gte=start) for name, start in starts.items()}
    spans[_OLDER] = DatedBetween("created_at", lt=starts["this year"])
    counts = await together(*(_count(vectors, heads, span) for span in spans.values()))
    return _present(zip(spans, counts, strict=True))


async def _count(vectors: VectorStore, heads: Scope, span: DatedBetween) -> int:
    return sum(
        await together(
            *(vectors.count(collection, Filter((where, span))) for collection, where in heads.items()),
        )
    )


def _sorted(counts: Counter[str]) -> tuple[FacetCount, ...]:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0].casefold()))
    return _present(ordered[:_SHOWN])


def _present(counts: Iterable[tuple[str, int]]) -> tuple[FacetCount, ...]:
    return tuple(FacetCount(value, count) for value, count in counts if count)
