"""What PostgreSQL is asked every few seconds, in one round trip."""

from __future__ import annotations

from datetime import datetime

from services.model import MOST_UNREVIEWED
from services.ports import Pulse, SqlDatabase
from services.records.reviews import COUNT, REVIEWS
from services.records.stored_sessions import OPEN, stored_session
from services.times import WriterZone

_PULSE = """
SELECT waiting.number AS pending, waiting.due, ({unreviewed}) AS unreviewed, session.*
FROM ({waiting}) AS waiting LEFT JOIN ({open}) AS session ON true
ORDER BY session.start_time, session.id
"""
_WAITING = """
SELECT count(*) AS number, COALESCE(min(next_attempt) <= :now, false) AS due FROM memoria_tui.embedding_schedule
"""
_UNREVIEWED = COUNT.replace("CAST(:most AS bigint)", str(MOST_UNREVIEWED + 1))
_NOTHING_WAITS = "SELECT 0 AS number, false AS due"


async def read_pulse(database: SqlDatabase, zone: WriterZone, now: datetime) -> Pulse:
    """What waits and who works, also in a database without our additions. Raises StoreUnavailable."""
    features = await database.features()
    waiting = _WAITING if features.revision else _NOTHING_WAITS
    unreviewed = _UNREVIEWED if features.since(REVIEWS) else "SELECT 0"
    rows = await database.fetch(_PULSE.format(waiting=waiting, open=OPEN, unreviewed=unreviewed), now=now)
    if not rows:  # a database without any table
        return Pulse(0, False, ())
    sessions = tuple(stored_session(row, zone, now).session for row in rows if row.id is not None)
    return Pulse(rows[0].pending, rows[0].due, sessions, rows[0].unreviewed)
