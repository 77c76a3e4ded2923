"""Text of klog: a day a record, an entry a piece of work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, tzinfo
from itertools import groupby

from services.times import calendar_day
from services.transfer.readers.klog import BEGAN
from services.transfer.time_writers.writer import TimeWriter, WorkedPiece, tags_of


def _text(pieces: Sequence[WorkedPiece], zone: tzinfo) -> str:
    days = groupby(pieces, key=lambda one: calendar_day(one.start, zone))
    return "\n".join(f"{day}\n" + "".join(f"    {_entry(one, day, zone)}\n" for one in some) for day, some in days)


def _entry(one: WorkedPiece, day: date, zone: tzinfo) -> str:
    """«9:00 - 10:30 fix login #auth #client=acme»; klog knows whole minutes.

    Where the clocks change, what lies between two times of the clock is not what was worked: there the length is told,
    with the start as a tag for `import`.
    """
    start, end = _minute(one.start).astimezone(zone), _minute(one.end).astimezone(zone)
    lasted = int((_minute(one.end) - _minute(one.start)).total_seconds()) // 60
    span, tags = f"{start:%H:%M} - {end:%H:%M}{'>' if end.date() > day else ''}", tags_of(one.session)
    shown = int((end.replace(tzinfo=None) - start.replace(tzinfo=None)).total_seconds()) // 60
    if shown != lasted or start.fold or end.fold or (end.date() - day).days > 1:
        span, tags = f"{lasted // 60}h{lasted % 60}m", [*tags, f"{BEGAN}:{start.isoformat(timespec='minutes')}"]
    return " ".join([span, one.description, *map(_tag, tags)])


def _minute(moment: datetime) -> datetime:
    """The nearest whole minute, in UTC."""
    return datetime.fromtimestamp(round(moment.timestamp() / 60) * 60, UTC)


def _tag(tag: str) -> str:
    name, colon, value = tag.partition(":")
    plain = "".join(one if one.isalnum() or one in "_-" else "-" for one in name)
    return f'#{plain}="{value.replace(chr(34), chr(39))}"' if colon else f"#{plain}"


WRITER = TimeWriter(
    'description; tags, with client, project and kind as `#client="acme"` and so on',
    "seconds, what rounds to no minute, reasons of pauses, notes, issues, branches, what was billed",
    _text,
    "minute",
    _minute,
)
