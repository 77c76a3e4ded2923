"""Sessions as `work_sessions` holds them: rows as values, which ones are asked for, and what is written to them.

With instants and ids in place of days and names; the stamps without a zone are among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from services.model import (
    SESSION_DETAILS,
    Flaw,
    Pause,
    SessionCategory,
    SessionDetail,
    SessionStatus,
    WorkSession,
)
from services.ports import SqlConnection
from services.records.columns import BILLABLE, BILLED
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
