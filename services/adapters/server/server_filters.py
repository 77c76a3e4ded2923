"""Conditions in the language of qdrant-client. Imports it, which takes a while: import this on first use."""

from __future__ import annotations

from qdrant_client import models

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


def server_filter(where: Filter) -> models.Filter | None:
    """The filter, or None when it lets all through."""
    if not where:
        return None
    return models.Filter(
        must=[_condition(condition) for condition in where.must],
        must_not=[_condition(condition) for condition in where.must_not],
        should=[_condition(condition) for condition in where.any_of] or None,
    )


def _condition(condition: Condition) -> models.Condition:
    match condition:
        case Matches(key, values):
            return _matches(filter_path(key), values)
        case Between(key, gte, lte):
            return models.FieldCondition(key=filter_path(key), range=models.Range(gte=gte, lte=lte))
        case DatedBetween(key, gte, lt):
            return models.FieldCondition(key=filter_path(key), range=models.DatetimeRange(gte=gte, lt=lt))
        case Contains(key, text, phrase):
            sought = storable_text(text)
            match = models.MatchPhrase(phrase=sought) if phrase else models.MatchText(text=sought)
            return models.FieldCondition(key=filter_path(key), match=match)
        case Missing(key):
            return models.IsEmptyCondition(is_empty=models.PayloadField(key=filter_path(key)))
        case HasId(ids):
            return models.HasIdCondition(has_id=list(point_ids(ids)))
        case HasVector():
            return models.HasVectorCondition(has_vector="")
        case Filter():
            return server_filter(condition) or models.Filter()


def _matches(path: str, values: tuple[str | int | bool, ...]) -> models.Condition:
    """Qdrant takes one type of value at a time."""
    words, numbers, truths = by_type(values)
    conditions: list[models.Condition] = [
        models.FieldCondition(key=path, match=models.MatchAny(any=some)) for some in (words, numbers) if some
    ]
    conditions += [models.FieldCondition(key=path, match=models.MatchValue(value=one)) for one in truths]
    if len(conditions) > 1:
        return models.Filter(should=conditions)
    return conditions[0] if conditions else models.FieldCondition(key=path, match=models.MatchAny(any=[]))
