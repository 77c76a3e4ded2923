"""Rows of `work_sessions` as values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from services.model import SessionCategory, SessionStatus, WorkSession
from services.times import WriterZone
from services.work import pauses
from services.work.records import StoredSession

NAMES = """
LEFT JOIN public.clients client ON client.id = session.client_id
LEFT JOIN public.projects project ON project.id = session.project_id
"""
NAMED = "session.*, client.name AS client, project.name AS project"
SESSION = f"SELECT {NAMED} FROM public.work_sessions session {NAMES}"
"""All columns, with the names."""
OPEN = f"{SESSION} WHERE session.status IN ('active', 'paused')"


def stored_session(row: Any, zone: WriterZone, now: datetime) -> StoredSession:
    """A row of `SESSION`; zone-less pauses are read in `zone`. Times come out in UTC."""
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
        issue_number=row.issue_number,
        pr_number=row.pr_number,
        branch=row.branch,
        notes=tuple(note or "" for note in row.notes or ()),
        memory_id=_text(row.memory_id),
    )
    return StoredSession(session, found, row.updated_at and row.updated_at.astimezone(UTC))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
