"""What PostgreSQL is asked every few seconds, in one round trip."""

from __future__ import annotations

from datetime import datetime

from services.ports import Pulse, SqlDatabase
from services.records.stored_sessions import OPEN, stored_session
from services.times import WriterZone

_PULSE = """
SELECT waiting.number AS pending, waiting.due, session.*
FROM ({waiting}) AS waiting LEFT JOIN ({open}) AS session ON true
ORDER BY session.start_time, session.id
"""
_WAITING = """
SELECT count(*) AS number, COALESCE(min(next_attempt) <= :now, false) AS due FROM memoria_tui.embedding_schedule
"""
_NOTHING_WAITS = "SELECT 0 AS number, false AS due"


async def read_pulse(database: SqlDatabase, zone: WriterZone, now: datetime) -> Pulse:
    """What waits and who works, also in a database without our additions. Raises StoreUnavailable."""
    waiting = _NOTHING_WAITS if (await database.features()).bare else _WAITING
    rows = await database.fetch(_PULSE.format(waiting=waiting, open=OPEN), now=now)
    if not rows:  # a database without any table
        return Pulse(0, False, ())
    sessions = tuple(stored_session(row, zone, now).session for row in rows if row.id is not None)
    return Pulse(rows[0].pending, rows[0].due, sessions)
