"""iCalendar (RFC 5545), as `icalendar` writes it: an event a piece of work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo

from services.transfer.readers.icalendar_file import OURS
from services.transfer.time_writers.writer import TimeWriter, WorkedPiece, tags_of


def _text(pieces: Sequence[WorkedPiece], zone: tzinfo) -> str:
    from icalendar import Calendar, Event

    calendar = Calendar()
    calendar.add("prodid", "-//memoria-tui//work//EN")
    calendar.add("version", "2.0")
    for one in pieces:
        event = Event()
        event.add("uid", f"{one.session.id}{f'/{one.number}' if one.number > 1 else ''}{OURS}")
        event.add("dtstamp", one.end.astimezone(UTC))
        event.add("dtstart", one.start.astimezone(UTC))
        event.add("dtend", one.end.astimezone(UTC))
        event.add("summary", one.description)
        if tags := tags_of(one.session):
            event.add("categories", tags)
        if one.session.notes and one.number == 1:
            event.add("description", "\n".join(one.session.notes))
        calendar.add_component(event)
    return str(calendar.to_ical(), "utf-8")


WRITER = TimeWriter(
    "description, notes; tags as categories, with client, project and kind as `client:acme` and so on",
    "reasons of pauses, issues, branches, what was billed",
    _text,
)
