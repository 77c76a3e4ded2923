"""Sessions as `work_sessions` holds them: rows as values, which ones are asked for, and what is written to them.

With instants and ids in place of days and names; the stamps without a zone are among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.model import (
    SESSION_DETAILS,
    Flaw,
    Pause,
    ReportBy,
    SessionCategory,
    SessionDetail,
    SessionStatus,
    WorkSession,
)
from services.ports import SqlConnection, SqlFeatures
from services.records.columns import BILLABLE, BILLED, TAGS, storable
from services.times import WriterZone, read_iso
from services.work import pauses
from services.work.writer_zone import Stamp

NAMES = """
LEFT JOIN public.clients client ON client.id = session.client_id
LEFT JOIN public.projects project ON project.id = session.project_id
"""
NAMED = "session.*, client.name AS client, project.name AS project"
SESSION = f"SELECT {NAMED} FROM public.work_sessions session {NAMES}"
"""All columns, with the names."""
OPEN = f"{SESSION} WHERE session.status IN ('active', 'paused')"
NEAR = """
session.start_time >= :since - interval '1 day' AND session.start_time < :until
AND (session.start_time >= :since OR session.end_time > :since OR session.end_time IS NULL)
"""
"""Sessions that began in the span, or at most a day before and reach into it."""
FAR = """
SELECT {columns} FROM public.work_sessions session
WHERE session.end_time - session.start_time > interval '1 day' AND session.end_time > :since
  AND session.start_time < :since - interval '1 day' AND {conditions}
UNION ALL
SELECT {columns} FROM public.work_sessions session
WHERE session.end_time IS NULL AND session.start_time < :since - interval '1 day' AND {conditions}
"""
"""Those that began earlier."""
TOUCHING = f"SELECT {{columns}} FROM public.work_sessions session WHERE {NEAR} AND {{conditions}} UNION ALL {FAR}"
"""Sessions with some time from `since` to `until` (one instant as both: that go on over it); see 005_work.sql."""


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session with what was wrong with its pauses when they were read."""

    session: WorkSession
    flaws: tuple[Flaw, ...] = ()
    updated_at: datetime | None = None
    """When some program last wrote it."""


@dataclass(frozen=True, slots=True)
class SessionChange:
    columns: Mapping[str, object] = field(default_factory=dict)
    """Columns of `work_sessions` with their new values."""
    client: str | None = None
    """Name; "" for none."""
    project: str | None = None
    """Name; "" for none."""
    note: str | None = None
    """To be appended."""
    pause: Pause | None = None
    """To be appended."""
    until: datetime | None = None
    """Pauses end here: open ones are closed, later ones go."""
    pauses: tuple[Pause, ...] | None = None
    """To stand in place of all that are there."""


Change = Callable[[StoredSession], SessionChange]
"""Gives what to write for a session as it stands, locked; raises to write nothing."""


@dataclass(frozen=True, slots=True)
class SessionSelection:
    """Which sessions are meant, with instants and ids in place of days and names."""

    since: datetime | None = None
    until: datetime | None = None
    client_ids: tuple[str | None, ...] = ()
    project_ids: tuple[str | None, ...] = ()
    categories: tuple[SessionCategory, ...] = ()
    statuses: tuple[SessionStatus, ...] = ()
    issues: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    billable: bool | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class ReportQuestion:
    """What to add up: sessions by `by`, cut at `bounds`."""

    selection: SessionSelection
    by: ReportBy
    bounds: Sequence[datetime]
    """Starts of days, ascending, and the end of the last."""
    units: Sequence[int]
    """Number of the unit in which each day lies, ascending from 0."""


class ReportRow(NamedTuple):
    """Worked time of one group in one unit."""

    key: str | None
    """Id of a client or project, name of a category; None for those without and for reports by day."""
    unit: int
    seconds: float
    sessions: int
    """Sessions that touch this unit."""
    fresh: int
    """Those of them that touch no earlier unit of the report."""
    days: int
    """A bit for each day with time, numbered as `bounds`."""


def stored_session(row: Any, zone: WriterZone, now: datetime) -> StoredSession:
    """A row of `SESSION`; zone-less pauses are read in `zone`. Times come out in UTC.

    A detail whose column another program's database lacks is not known.
    """
    start, end = row.start_time.astimezone(UTC), row.end_time and row.end_time.astimezone(UTC)
    read, found = pauses.decoded(row.pauses, zone, start, end or now)
    session = WorkSession(
        id=str(row.id),
        description=row.description,
        category=SessionCategory(row.category),
        status=SessionStatus(row.status or SessionStatus.ACTIVE),
        start=start,
        end=end,
        pauses=read,
        client=row.client,
        project=row.project,
        client_id=_text(row.client_id),
        project_id=_text(row.project_id),
        notes=tuple(note or "" for note in row.notes or ()),
        memory_id=_text(row.memory_id),
        billable=getattr(row, BILLABLE, None) is not False,
        billed=tuple(getattr(row, BILLED, None) or ()),
        **{detail.field: _detail(row, detail) for detail in SESSION_DETAILS},
    )
    return StoredSession(session, found, row.updated_at and row.updated_at.astimezone(UTC))


def _detail(row: Any, detail: SessionDetail) -> Any:
    value = getattr(row, detail.column, None)
    return tuple(value or ()) if detail.is_list else value


def stored_sessions(rows: Iterable[Any], zone: WriterZone, now: datetime) -> list[StoredSession]:
    return [stored_session(row, zone, now) for row in rows]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


_WITH_TEXT = r"""
(session.description ILIKE :pattern OR session.branch ILIKE :pattern
 OR array_to_string(session.notes, E'\n') ILIKE :pattern
 OR session.client_id IN (SELECT id FROM public.clients WHERE name ILIKE :pattern)
 OR session.project_id IN (SELECT id FROM public.projects WHERE name ILIKE :pattern)
 OR CAST(:number AS int) IN (session.issue_number, session.pr_number))
"""
_NUMBER = re.compile(r"#\d{1,9}", re.ASCII)
_TOO_LARGE = 2**31
"""For a column of numbers: what is asked for and is none of its."""


def conditions(selection: SessionSelection, features: SqlFeatures) -> tuple[str, dict[str, object]]:
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
    if selection.issues:
        clauses.append("session.issue_number = ANY(CAST(:issues AS int[]))")
        given["issues"] = [number for number in selection.issues if number < _TOO_LARGE]
    if selection.tags:
        clauses.append(f"{_ours(TAGS, features)} @> to_jsonb(CAST(:tags AS text[]))")
        given["tags"] = [storable(tag) for tag in selection.tags]
    if selection.billable is not None:
        clauses.append(
            f"COALESCE(NULLIF({_ours(BILLABLE, features)}, 'null'), 'true') = to_jsonb(CAST(:billable AS boolean))"
        )
        given["billable"] = selection.billable
    if selection.text:
        clauses.append(_WITH_TEXT)
        given["number"] = int(selection.text[1:]) if _NUMBER.fullmatch(selection.text) else None
        given["pattern"] = "%" + re.sub(r"([\\%_])", r"\\\1", storable(selection.text)) + "%"
    return " AND ".join(clauses), given


def _ours(column: str, features: SqlFeatures) -> str:
    """SQL of a column of ours, as jsonb; null in a database that was not upgraded, where the row has to be searched."""
    return f"to_jsonb(session.{column})" if features.billing else f"(to_jsonb(session) -> '{column}')"


_NEWEST_PAUSES = """
SELECT pauses -> -1 AS pause, updated_at, end_time
FROM (SELECT pauses, updated_at, end_time FROM public.work_sessions ORDER BY start_time DESC LIMIT 500) newest
WHERE jsonb_typeof(pauses) = 'array' AND pauses -> -1 ->> 'start' IS NOT NULL LIMIT 50
"""


async def newest_stamps(database: SqlConnection) -> list[Stamp]:
    """The newest pauses that other programs wrote, as evidence of the zone of their stamps."""
    rows = await database.fetch(_NEWEST_PAUSES)
    return [
        Stamp(wall_clock, [instant for instant in (row.updated_at, row.end_time) if instant is not None])
        for row in rows
        if (wall_clock := _last_stamp(row.pause)) is not None
    ]


def _last_stamp(pause: object) -> datetime | None:
    """None for one of ours, which has its instants with it, and for what is no stamp without a zone."""
    if not isinstance(pause, dict) or {"start_at", "end_at"} & pause.keys():
        return None
    read = read_iso(pause.get("end") or pause.get("start"))
    return read if read and read.tzinfo is None else None
