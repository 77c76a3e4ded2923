"""Conditions on sessions as SQL."""

from __future__ import annotations

import re

from services.adapters.postgres.records.text import storable
from services.work.records import SessionSelection

TOUCHING = """
SELECT {columns} FROM public.work_sessions session
WHERE session.start_time >= :since - interval '1 day' AND session.start_time < :until
  AND (session.start_time >= :since OR session.end_time > :since OR session.end_time IS NULL) AND {conditions}
UNION ALL
SELECT {columns} FROM public.work_sessions session
WHERE session.end_time - session.start_time > interval '1 day' AND session.end_time > :since
  AND session.start_time < :since - interval '1 day' AND {conditions}
UNION ALL
SELECT {columns} FROM public.work_sessions session
WHERE session.end_time IS NULL AND session.start_time < :since - interval '1 day' AND {conditions}
"""
"""Sessions with some time from `since` to `until` (one instant as both: that go on over it); see 005_work.sql."""


def conditions(selection: SessionSelection) -> tuple[str, dict[str, object]]:
    """What follows WHERE, without the conditions on time, and its parameters."""
    clauses, given = ["true"], dict[str, object]()
    for column, ids in (("client_id", selection.client_ids), ("project_id", selection.project_ids)):
        if ids:
            without = f" OR session.{column} IS NULL" if None in ids else ""
            clauses.append(f"(session.{column} = ANY(CAST(:{column}s AS uuid[])){without})")
            given[f"{column}s"] = [id_ for id_ in ids if id_ is not None]
    if selection.categories:
        clauses.append("session.category = ANY(CAST(:categories AS public.session_category[]))")
        given["categories"] = [category.value for category in selection.categories]
    if selection.statuses:
        clauses.append("session.status = ANY(CAST(:statuses AS public.session_status[]))")
        given["statuses"] = [status.value for status in selection.statuses]
    if selection.text:
        clauses.append(
            "(session.description ILIKE :pattern OR session.branch ILIKE :pattern"
            " OR array_to_string(session.notes, E'\\n') ILIKE :pattern)"
        )
        given["pattern"] = "%" + re.sub(r"([\\%_])", r"\\\1", storable(selection.text)) + "%"
    return " AND ".join(clauses), given
