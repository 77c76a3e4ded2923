"""Stamps without a zone that are stored beside instants."""

from __future__ import annotations

from datetime import datetime

from services.ports import SqlConnection
from services.work.stamps import Stamp

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
    try:
        read = datetime.fromisoformat(str(pause.get("end") or pause.get("start")))
    except ValueError:
        return None
    return read if read.tzinfo is None and 1 < read.year < 9999 else None
