"""iCalendar (RFC 5545): the events of a calendar as sessions, as `icalendar` reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from services.errors import UnreadableFile
from services.memories.stored_memories import canonical
from services.model import Pause
from services.transfer.reader_parts.imported_records import BadRecord, Record, SessionRecord
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.tracked_time import CLIENT, NOT_BILLABLE, TrackedTimes

if TYPE_CHECKING:
    from icalendar import Event

OURS = "@memoria-tui"
"""Ends the UIDs of events that this program wrote; before it stands the id of the session."""
_MOST_BYTES = 64 << 20


def _recognises(opened: Opened) -> bool:
    return bool(re.match(rb"(\xef\xbb\xbf)?\s*BEGIN:VCALENDAR", opened.head, re.IGNORECASE))


def _records(opened: Opened) -> Iterator[Record]:
    from icalendar import Calendar

    raw = opened.stream().read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise UnreadableFile(f"{opened.name}: has more than {_MOST_BYTES >> 20} MB: export fewer days of it")
    times = TrackedTimes("icalendar")
    whole = _whole_events(raw)
    try:
        calendars: list[Any] = list(Calendar.from_ical(whole, multiple=True))
        events: list[Event] = [event for one in calendars for event in one.walk("VEVENT")]
    except Exception as error:  # the library's own errors are of several kinds, none of them public
        raise UnreadableFile(f"{opened.name}: no readable calendar: {error}") from error
    if not calendars:
        raise UnreadableFile(f"{opened.name}: no readable calendar: something in it has a BEGIN without its END")
    ours: dict[str, list[SessionRecord]] = {}
    for number, event in enumerate(events, 1):
        record = _record(times, f"event {number}", event)
        if isinstance(record, SessionRecord) and _text(event, "UID").endswith(OURS):
            ours.setdefault(record.id, []).append(record)
        else:
            yield record
    yield from map(_joined, ours.values())
    if whole is not raw:
        yield BadRecord(f"event {len(events) + 1}", "the file ends before the calendar does", damaged=True)


def _whole_events(raw: bytes) -> bytes:
    """The calendar itself; of one that is cut off what is before its last event that does not end."""
    capitals, end = raw.upper(), b"END:VEVENT"
    if capitals.rfind(b"END:VCALENDAR") > capitals.rfind(b"BEGIN:"):
        return raw
    last = capitals.rfind(end)
    return (raw if last < 0 else raw[: last + len(end)]) + b"\r\nEND:VCALENDAR\r\n"


def _joined(parts: Sequence[SessionRecord]) -> SessionRecord:
    """The session whose pieces this program wrote as events of their own; what is between them are its pauses."""
    parts = sorted(parts, key=lambda one: one.start)
    gaps = [Pause(one.end, two.start) for one, two in pairwise(parts) if two.start > one.end]
    notes = tuple(line for one in parts for note in one.notes for line in note.splitlines())
    return replace(parts[0], end=max(one.end for one in parts), pauses=tuple(gaps), notes=notes)


def _record(times: TrackedTimes, where: str, event: Event) -> Record:
    given: Any = event.get("RECURRENCE-ID")
    try:
        start, end = event.start, event.end
        again = given.to_ical().decode() if given is not None else ""
    except (ValueError, KeyError, AttributeError, TypeError):
        return BadRecord(where, "its times cannot be read")
    except Exception as error:  # the library's own errors are of several kinds, none of them public
        return BadRecord(where, f"its times cannot be read: {error}")
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        return BadRecord(where, f"it lasts all of {_day(start)}: such an event is no work")
    if event.get("RRULE") is not None:
        return BadRecord(where, "it is repeated: export the calendar with its single events")
    if _text(event, "STATUS").upper() == "CANCELLED":
        return BadRecord(where, "it was cancelled")
    uid = _text(event, "UID")
    own = canonical(uid.removesuffix(OURS).partition("/")[0]) if uid.endswith(OURS) else None
    tags = [str(one) for one in event.categories]
    notes = _text(event, "DESCRIPTION").strip()
    return times.record(
        where,
        f"{start.isoformat()}{again}",
        start,
        end,
        _text(event, "SUMMARY"),
        own_id=f"{uid}{again}" if uid else "",
        session_id=own or "",
        tags=tags,
        notes=[notes] if notes else (),
    )


def _text(event: Event, name: str) -> str:
    """A property; the first one where a calendar has several."""
    value = event.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


def _day(day: date | None) -> str:
    return f"{day:%Y-%m-%d}" if day else "a day"


READER = Reader(
    "icalendar",
    "a calendar (`.ics`)",
    f"each event as a work session; categories as tags, of which `{CLIENT}:`, `project:`, `category:` and "
    f"`{NOT_BILLABLE}` say what they name; the description as a note",
    "events of whole days, repeated and cancelled ones (reported), alarms, people, places",
    _recognises,
    _records,
)
