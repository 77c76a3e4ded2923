"""Which sessions are meant, as conditions of SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.model import SEARCHED_PARTS
from services.ports import SqlFeatures
from services.records.columns import BILLABLE, TAGS, storable
from services.work.report_values import SessionFilter


@dataclass(frozen=True, slots=True)
class SessionSelection:
    """A filter, with instants and ids in the place of its days and names."""

    where: SessionFilter = field(default_factory=SessionFilter)
    since: datetime | None = None
    until: datetime | None = None
    client_ids: tuple[str | None, ...] = ()
    project_ids: tuple[str | None, ...] = ()


_PARTS: Mapping[str, str] = {
    "description": "session.description ILIKE :pattern",
    "branch": "session.branch ILIKE :pattern",
    "note": r"array_to_string(session.notes, E'\n') ILIKE :pattern",
    "client": "session.client_id IN (SELECT id FROM public.clients WHERE name ILIKE :pattern)",
    "project": "session.project_id IN (SELECT id FROM public.projects WHERE name ILIKE :pattern)",
}
_WITH_TEXT = f"""
({" OR ".join(_PARTS[part] for part in SEARCHED_PARTS)}
 OR CAST(:number AS int) IN (session.issue_number, session.pr_number))
"""
_BILLING = "0011"
"""The revision that added tags, and whether a session is billable."""
_NUMBER = re.compile(r"#\d{1,9}", re.ASCII)
_TOO_LARGE = 2**31
"""For a column of numbers: what is asked for and is none of its."""


def conditions(selection: SessionSelection, features: SqlFeatures) -> tuple[str, dict[str, object]]:
    """What follows WHERE, without the conditions on time, and its parameters."""
    where, clauses, given = selection.where, ["true"], dict[str, object]()
    for column, ids in (("client_id", selection.client_ids), ("project_id", selection.project_ids)):
        if ids:
            without = f" OR session.{column} IS NULL" if None in ids else ""
            clauses.append(f"(session.{column} = ANY(CAST(:{column}s AS uuid[])){without})")
            given[f"{column}s"] = [id_ for id_ in ids if id_ is not None]
    if where.categories:
        clauses.append("session.category = ANY(CAST(:categories AS public.session_category[]))")
        given["categories"] = [category.value for category in where.categories]
    if where.statuses:
        clauses.append("session.status = ANY(CAST(:statuses AS public.session_status[]))")
        given["statuses"] = [status.value for status in where.statuses]
    if where.issues:
        clauses.append("session.issue_number = ANY(CAST(:issues AS int[]))")
        given["issues"] = [number for number in where.issues if number < _TOO_LARGE]
    if where.tags:
        clauses.append(f"{_ours(TAGS, features)} @> to_jsonb(CAST(:tags AS text[]))")
        given["tags"] = [storable(tag) for tag in where.tags]
    if where.billable is not None:
        clauses.append(
            f"COALESCE(NULLIF({_ours(BILLABLE, features)}, 'null'), 'true') = to_jsonb(CAST(:billable AS boolean))"
        )
        given["billable"] = where.billable
    if where.text:
        clauses.append(_WITH_TEXT)
        given["number"] = int(where.text[1:]) if _NUMBER.fullmatch(where.text) else None
        given["pattern"] = "%" + re.sub(r"([\\%_])", r"\\\1", storable(where.text)) + "%"
    return " AND ".join(clauses), given


def _ours(column: str, features: SqlFeatures) -> str:
    """SQL of a column of ours, as jsonb; null in a database that was not upgraded, where the row has to be searched."""
    return f"to_jsonb(session.{column})" if features.since(_BILLING) else f"(to_jsonb(session) -> '{column}')"
