"""Text of klog: a day a record, an entry a piece of work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, tzinfo
from itertools import groupby

from services.model import WorkSession
from services.transfer.time_writers.writer import TimeWriter, WorkedPiece, pieces, tags_of


def _text(sessions: Sequence[WorkSession], zone: tzinfo) -> str:
    days = groupby(pieces(sessions), key=lambda one: one.start.astimezone(zone).date())
    return "\n".join(f"{day}\n" + "".join(f"    {_entry(one, day, zone)}\n" for one in some) for day, some in days)


def _entry(one: WorkedPiece, day: date, zone: tzinfo) -> str:
    """«9:00 - 10:30 fix login #auth #client=acme»; klog knows whole minutes."""
    start, end = _minute(one.start).astimezone(zone), _minute(one.end).astimezone(zone)
    later = ">" if end.date() > day else ""
    span = f"{start:%H:%M} - {end:%H:%M}{later}" if end.replace(tzinfo=None) > start.replace(tzinfo=None) else ""
    lasted = int((_minute(one.end) - _minute(one.start)).total_seconds()) // 60
    if not span or (end.date() - day).days > 1:
        span = f"{lasted // 60}h{lasted % 60}m"
    return " ".join([span, one.description, *map(_tag, tags_of(one.session))])


def _minute(moment: datetime) -> datetime:
    """The nearest whole minute, in UTC."""
    return datetime.fromtimestamp(round(moment.timestamp() / 60) * 60, UTC)


def _tag(tag: str) -> str:
    name, colon, value = tag.partition(":")
    plain = "".join(one if one.isalnum() or one in "_-" else "-" for one in name)
    return f'#{plain}="{value.replace(chr(34), chr(39))}"' if colon else f"#{plain}"


WRITER = TimeWriter(
    'description; tags, with client, project and kind as `#client="acme"` and so on',
    "seconds, reasons of pauses, notes, issues, branches, what was billed",
    _text,
)
