"""Counting the values of a key where Qdrant Edge itself is slow: under conditions that name very many ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import qdrant_edge as edge

from services.adapters.edge.edge_filters import edge_filter
from services.points import Condition, Filter, HasId, Matches

_MANY = 500
"""Ids from which reading the points is faster: Edge looks at all ids again for every value, 3 s for 8,000 ids."""
NO_LIMIT = 1_000_000
"""All values of all points are read too, since a value costs as much as four points: ids are as many as memories."""
_PAGE = 5000


def facet(shard: edge.EdgeShard, path: str, where: Filter, limit: int) -> dict[str, int]:
    """Exact number of points by value, most first."""
    flat = Filter(*(tuple(part) for part in _flat(where)))
    unwanted = tuple(one for one in flat.must_not if _names_many(one))
    if unwanted:
        rest = Filter(flat.must, tuple(one for one in flat.must_not if one not in unwanted))
        without = facet(shard, path, Filter((*rest.must, Filter(any_of=unwanted)), rest.must_not), NO_LIMIT)
        counts = Counter(facet(shard, path, rest, NO_LIMIT))
        counts.subtract(without)
        return {value: count for value, count in counts.most_common(limit) if count}
    if any(_names_many(one) for one in flat.must) or (not where and limit >= NO_LIMIT):
        return dict(_read(shard, path, flat).most_common(limit))
    answer = shard.facet(edge.FacetRequest(path, limit=limit, exact=True, filter=edge_filter(where)))
    return {str(hit.value): hit.count for hit in answer.hits if hit.count}  # it knows values of deleted points too


def _flat(where: Filter) -> tuple[list[Condition], list[Condition]]:
    """All that must hold, and all that must not, without filters within the filter that only join conditions."""
    if where.any_of:
        return [where], []
    must: list[Condition] = []
    must_not = list(where.must_not)
    for one in where.must:
        inner = _flat(one) if isinstance(one, Filter) else ([one], [])
        must += inner[0]
        must_not += inner[1]
    return must, must_not


def _names_many(condition: Condition) -> bool:
    match condition:
        case HasId(ids):
            return len(ids) > _MANY
        case Matches(_, values):
            return len(values) > _MANY
        case Filter(must, must_not, any_of):
            return any(_names_many(one) for one in (*must, *must_not, *any_of))
    return False


def _read(shard: edge.EdgeShard, path: str, where: Filter) -> Counter[str]:
    counts: Counter[str] = Counter()
    for record in _records(shard, path, where):
        value = (record.payload or {}).get(path)
        values = value if isinstance(value, list) else [value]
        counts.update({one for one in values if isinstance(one, str)})
    return counts


def _records(shard: edge.EdgeShard, path: str, where: Filter) -> Iterator[edge.Record]:
    condition, following = edge_filter(where), None
    while True:
        page, following = shard.scroll(
            edge.ScrollRequest(offset=following, limit=_PAGE, filter=condition, with_payload=[path], with_vector=False)
        )
        yield from page
        if following is None:
            return
