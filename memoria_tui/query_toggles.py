"""Puts operators into the text of the search box and takes them out, leaving the rest as the person typed it."""

from __future__ import annotations

import re

from services.model import Query

_SPANS = {
    "today": "since:today",
    "this week": "since:this-week",
    "this month": "since:this-month",
    "this year": "since:this-year",
    "older": "before:this-year",
}
_TOKEN = re.compile(r'(?:[^\s":]+:)?"[^"]*"?|\S+')


def toggled(raw: str, kind: str, value: str) -> str:
    """The text with the operator of a facet (type, tag, project or date) added, or without it when it was there."""
    operator = _operator(kind, value)
    tokens = _TOKEN.findall(raw)
    if any(_same(token, operator) for token in tokens):
        return " ".join(token for token in tokens if not _same(token, operator))
    if kind == "date":
        tokens = [token for token in tokens if not token.lower().startswith(("since:", "before:"))]
    return " ".join([*tokens, operator])


def active(query: Query) -> frozenset[tuple[str, str]]:
    """The facets, as (kind, value), that a query asks for."""
    tokens = _TOKEN.findall(query.raw)
    dates = {("date", value) for value, span in _SPANS.items() if any(_same(token, span) for token in tokens)}
    return frozenset(
        {("type", kind.value) for kind in query.types}
        | {("tag", tag) for tag in query.tags}
        | {("project", project) for project in query.projects}
        | dates
    )


def _operator(kind: str, value: str) -> str:
    if kind == "date":
        return _SPANS[value]
    quoted = f'"{value}"' if re.search(r"\s", value) or not value else value
    return f"{kind}:{quoted}"


def _same(token: str, operator: str) -> bool:
    return token.replace('"', "").casefold() == operator.replace('"', "").casefold()
