"""Dates as memories hold them: ISO strings without a zone, in the local time of who wrote them."""

from __future__ import annotations

from datetime import datetime

from services.times import WriterZone, to_stamp


def read_date(value: object, zone: WriterZone) -> datetime | None:
    """The instant under a date key, None when it cannot be read. A zone in the text wins over `zone`."""
    try:
        date = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    # The first and the last year cannot be brought into every zone.
    if date is None or not 1 < date.year < 9999:
        return None
    return date if date.tzinfo else date.replace(tzinfo=zone)


def write_date(instant: datetime, zone: WriterZone) -> str:
    """An instant as MCP Memoria writes and can read it."""
    return to_stamp(instant, zone)
