"""Conditions in the language of Qdrant Edge."""

from __future__ import annotations

from qdrant_edge import (
    FieldCondition,
    HasIdCondition,
    HasVectorCondition,
    IsEmptyCondition,
    IsNullCondition,
    MatchAny,
    MatchPhrase,
    MatchText,
    MatchValue,
    NestedCondition,
    RangeDateTime,
    RangeFloat,
)
from qdrant_edge import Filter as EdgeFilter

from services.adapters.collections import by_type, filter_path, point_ids, storable_text
from services.points import (
    Between,
    Condition,
    Contains,
    DatedBetween,
    Filter,
    HasId,
    HasVector,
    Matches,
    Missing,
)

EdgeCondition = (
    FieldCondition
    | IsEmptyCondition
    | IsNullCondition
    | HasIdCondition
    | HasVectorCondition
    | NestedCondition
    | EdgeFilter
)


def edge_filter(where: Filter) -> EdgeFilter | None:
    """The filter, or None when it lets all through."""
    if not where:
        return None
    return EdgeFilter(
        must=[_condition(condition) for condition in where.must],
        must_not=[_condition(condition) for condition in where.must_not],
        should=[_condition(condition) for condition in where.any_of] or None,
    )


def _condition(condition: Condition) -> EdgeCondition:
    match condition:
        case Matches(key, values):
            return _matches(filter_path(key), values)
        case Between(key, gte, lte):
            return FieldCondition(filter_path(key), range=RangeFloat(gte=gte, lte=lte))
        case DatedBetween(key, gte, lt):
            span = RangeDateTime(gte=gte.isoformat() if gte else None, lt=lt.isoformat() if lt else None)
            return FieldCondition(filter_path(key), range=span)
        case Contains(key, text, phrase):
            words = storable_text(text)
            return FieldCondition(filter_path(key), match=MatchPhrase(words) if phrase else MatchText(words))
        case Missing(key):
            return IsEmptyCondition(filter_path(key))
        case HasId(ids):
            return HasIdCondition(set(point_ids(ids)))
        case HasVector():
            return HasVectorCondition("")
        case Filter():
            return edge_filter(condition) or EdgeFilter()


def _matches(path: str, values: tuple[str | int | bool, ...]) -> EdgeCondition:
    """Edge takes one type of value at a time."""
    words, numbers, truths = by_type(values)
    conditions: list[EdgeCondition] = [FieldCondition(path, match=MatchAny(some)) for some in (words, numbers) if some]
    conditions += [FieldCondition(path, match=_is_truth(one)) for one in truths]
    if len(conditions) > 1:
        return EdgeFilter(should=conditions)
    return conditions[0] if conditions else FieldCondition(path, match=MatchAny([]))


def _is_truth(value: bool) -> MatchValue:
    """Of Python's own bool Edge makes a number, of NumPy's none."""
    import numpy as np

    return MatchValue(np.bool_(value))  # type: ignore[arg-type]
