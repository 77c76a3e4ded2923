"""When work that is over began and ended, as a person types it: two of start, end and duration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta, tzinfo

from services.errors import Malformed
from services.times import parse_length, parse_past
from services.work.rules import check_past, check_span

At = Callable[[str], AbstractContextManager[object]]
"""Entered with the name of a field around what is read from it."""
_DAY = timedelta(days=1)


def typed_span(
    typed: Mapping[str, str], now: datetime, zone: tzinfo, at: At = nullcontext
) -> tuple[datetime, datetime]:
    """Start and end, in UTC, of two of `start`, `end` and `duration`; an end alone is the first after the start.

        typed_span({"start": "9:00", "duration": "1:30"}, now, zone)

    Raises InvalidInput.
    """
    start, end, duration = (typed.get(field, "") for field in ("start", "end", "duration"))
    with at("end" if start else "start"):
        if not start and not (end and duration):
            raise Malformed("say when it began, or when it ended and how long it took")
        if not end and not duration:
            raise Malformed("say when it ended, or how long it took")
    with at("duration"):
        if start and end and duration:
            raise Malformed("start and end say how long it took: leave the duration out")
        length = parse_length(duration) if duration else timedelta()
        if duration and not length:
            raise Malformed("a duration of nothing is no work")
    begun = _begun(start, end, length, now, zone, at)
    with at("end" if end else "duration"):
        ended = begun + length if length else parse_past(end, now, zone, (begun, max(begun, min(now, begun + _DAY))))
        check_span(begun, ended, now)
    return begun, ended


def _begun(start: str, end: str, length: timedelta, now: datetime, zone: tzinfo, at: At) -> datetime:
    if not start:
        with at("end"):
            return parse_past(end, now, zone) - length
    with at("start"):
        begun = parse_past(start, now, zone)
        check_past(begun, now)
        return begun
