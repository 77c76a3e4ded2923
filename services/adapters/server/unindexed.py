"""Reading collections that lack an index of ours: what the server refuses is counted, sorted and compared here.

Everything that the condition lets through is read for it, with one key of its payload: some seconds for 100,000 points.
Imports qdrant-client: import this on first use.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from qdrant_client import AsyncQdrantClient, models

from services.adapters.collections import (
    MOST_VALUES,
    OWN_INDEXES,
    TEXT_KEY,
    Index,
    json_path,
    point_ids,
    selected,
    storable_text,
)
from services.adapters.server.bm25 import all_words, is_cut
from services.adapters.server.collection_info import TextIndex
from services.adapters.server.server_filters import server_filter
from services.errors import InvalidInput
from services.points import Condition, Contains, DatedBetween, Filter, HasId, ScoredPoint, Tally, TextSearch

_PAGE = 2000
"""Points that are read at once: under load a server may take seconds for more, and a request has only ten."""


async def counted(
    client: AsyncQdrantClient, name: str, key: str, where: models.Filter | None, limit: int
) -> dict[str, int]:
    """Number of points by value of a key of texts, most first."""
    counts: Counter[str] = Counter()
    async for record in records(client, name, where, key):
        counts.update(_texts((record.payload or {}).get(key)))
    return _most(counts, limit)


async def tallied(
    client: AsyncQdrantClient,
    name: str,
    where: models.Filter | None,
    keys: Sequence[str],
    spans: Sequence[DatedBetween],
) -> Tally:
    """As `VectorStore.tally`, in one pass over the points."""
    total, values, counts = 0, {key: Counter[str]() for key in keys}, [0] * len(spans)
    ends = [(_place(span.gte, dated=True), _place(span.lt, dated=True)) for span in spans]
    async for record in records(client, name, where, *keys, *{span.key for span in spans}):
        total += 1
        payload = record.payload or {}
        for key, found in values.items():
            found.update(_texts(payload.get(key)))
        places = {span.key: _place(payload.get(span.key), dated=True) for span in spans}
        for at, (span, (start, end)) in enumerate(zip(spans, ends, strict=True)):
            place = places[span.key]
            counts[at] += place is not None and (start is None or place >= start) and (end is None or place < end)
    return Tally(total, {key: _most(found, MOST_VALUES) for key, found in values.items()}, tuple(counts))


def _texts(value: object) -> set[str]:
    return {one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)}


def _most(counts: Counter[str], limit: int) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:limit])


async def ordered(
    client: AsyncQdrantClient, name: str, order: models.OrderBy, where: models.Filter | None
) -> list[models.Record]:
    """The points that have a value of the right kind under the key, in its order, from `start_from` on.

    All of them, and of their payload that key alone.
    """
    descending = order.direction is models.Direction.DESC
    dated = OWN_INDEXES.get(order.key) is Index.DATETIME
    start = _place(order.start_from, dated)
    found: list[tuple[float, models.Record]] = []
    async for record in records(client, name, where, order.key):
        place = _place((record.payload or {}).get(order.key), dated)
        if place is not None and (start is None or (place <= start if descending else place >= start)):
            found.append((place, record))
    found.sort(key=lambda one: one[0], reverse=descending)
    return [record for _, record in found]


async def answerable(client: AsyncQdrantClient, name: str, index: TextIndex | None, where: Filter) -> Filter:
    """The same condition, where texts that the server cannot tell apart are named by their ids."""

    async def of(condition: Condition) -> Condition:
        match condition:
            case Contains() if index is None or not index.answers(condition):
                return HasId(await _holding(client, name, index, condition))
            case Filter():
                return await answerable(client, name, index, condition)
        return condition

    return Filter(
        tuple([await of(one) for one in where.must]),
        tuple([await of(one) for one in where.must_not]),
        tuple([await of(one) for one in where.any_of]),
    )


async def _holding(
    client: AsyncQdrantClient, name: str, index: TextIndex | None, condition: Contains
) -> frozenset[str]:
    """Ids of the points with these words; the index narrows down which texts are read."""
    sought = all_words(condition.text)
    if not sought:
        return frozenset()
    known = [word for word in sought if index is not None and index.holds(word)]
    narrowed = Filter((replace(condition, text=" ".join(known), phrase=False),)) if known else Filter()
    found: set[str] = set()
    async for record in records(client, name, server_filter(narrowed), condition.key):
        if _has(all_words(str((record.payload or {}).get(condition.key, ""))), sought, condition.phrase):
            found.add(str(record.id))
    return frozenset(found)


def _has(text: list[str], sought: list[str], phrase: bool) -> bool:
    """A word that is no more than a part of what the tokenizer takes for one is found in it."""
    if not phrase:
        return all(word in text or (is_cut(word) and any(word in one for one in text)) for word in sought)
    return any(
        all(one == word or (is_cut(word) and word in one) for one, word in zip(text[start:], sought, strict=False))
        for start in range(len(text) - len(sought) + 1)
    )


async def with_unindexed_words(
    client: AsyncQdrantClient,
    name: str,
    request: TextSearch,
    where: models.Filter | None,
    index: TextIndex,
    hits: Sequence[ScoredPoint],
) -> list[ScoredPoint]:
    """`hits` with the points that have words which the index does not hold: each gets the weight of those words."""
    sought = [word for word in all_words(storable_text(request.text)) if not index.holds(word)]
    if not sought:
        return list(hits)
    having: dict[str, set[str]] = {word: set() for word in sought}
    total = 0
    async for record in records(client, name, where, TEXT_KEY):
        total += 1
        text = all_words(str((record.payload or {}).get(TEXT_KEY, "")))
        for word in sought:
            if _has(text, [word], phrase=False):
                having[word].add(str(record.id))
    extra: dict[str, float] = {}
    for ids in having.values():
        weight = math.log1p((total - len(ids) + 0.5) / (len(ids) + 0.5))
        extra |= {one: extra.get(one, 0.0) + weight for one in ids}
    known = {hit.id: hit for hit in hits}
    best = sorted(extra, key=lambda one: -extra[one])[: request.limit]
    read = await client.retrieve(name, point_ids(set(best) - known.keys()), selected(request.payload_keys))
    known |= {str(record.id): ScoredPoint(str(record.id), record.payload or {}, 0.0) for record in read}
    added = [replace(hit, score=hit.score + extra.get(hit.id, 0.0)) for hit in known.values()]
    return sorted(added, key=lambda hit: -hit.score)[: request.limit]


async def records(
    client: AsyncQdrantClient, name: str, where: models.Filter | None, *keys: str
) -> AsyncIterator[models.Record]:
    """All points that the condition lets through, with these keys of their payload."""
    paths = []
    for key in keys:
        if (path := json_path(key)) is None:
            raise InvalidInput(f"the payload key {key!r} cannot be read by itself")
        paths.append(path)
    following: models.ExtendedPointId | None = None
    while True:
        page, following = await client.scroll(
            name, where, limit=_PAGE, offset=following, with_payload=paths, with_vectors=False
        )
        for record in page:
            yield record
        if following is None:
            return


def _place(value: object, dated: bool) -> float | None:
    """Where a value stands in an order: a date without a zone counts as UTC; None for what has no place."""
    if not dated:
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    try:
        date = value if isinstance(value, datetime) else datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
