"""The pauses of a session as a person types them: `12:00..12:45 lunch`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

from services.errors import InvalidInput, Malformed
from services.model import Pause, SessionDraft, WorkSession
from services.storable_text import quoted
from services.times import offset_if_twice, parse_past
from services.work.rules import with_hours

Span = tuple[datetime, datetime]
Session = WorkSession | SessionDraft
_FORM = "12:00..12:45 lunch"
_DAY = timedelta(days=1)
_CLOCK = re.compile(r"\d:\d")
_DIVIDER = re.compile(
    r"\.\.|((?<=:\d\d)|(?<=\d[ap]m)|(?<=\d [ap]m))\s*[-–]\s*(?!\d\d:\d\d\s*\.\.)", re.ASCII | re.IGNORECASE
)
"""Between start and end. A dash is one behind a time of day, where it does not begin the time's offset from UTC."""


def pauses_typed(session: Session, texts: Iterable[str], span: Span, now: datetime, zone: tzinfo) -> tuple[Pause, ...]:
    """The pauses that are typed, in the order of time; `span` is from the start of a session to its end, or to now.

    Raises InvalidInput for what is no pause.
    """
    typed = (_typed(session, text, span, now, zone) for text in texts)
    return tuple(sorted(typed, key=lambda one: one.start))


def pauses_at(session: WorkSession, texts: Iterable[str], span: Span, now: datetime, zone: tzinfo) -> tuple[Pause, ...]:
    """The session's pauses that begin at the times that are typed. Raises InvalidInput where none begins."""
    left, found = list(session.pauses), list[Pause]()
    for text in texts:
        found.append(_beginning(left, text, span, now, zone))
        left.remove(found[-1])
    return tuple(found)


def require_inside(session: Session, pauses: Sequence[Pause], span: Span, zone: tzinfo) -> None:
    """Raises InvalidInput naming a pause that a session of that span could not have, or two at once."""
    start, end = span
    for one in pauses:
        if one.start < start or (one.end or end) > end:
            out = f"--remove-pause {_clock_time(one.start, zone)} takes it out"
            raise InvalidInput(
                f"the pause {_shown(one, zone)} would be outside {with_hours(session, span, zone)}; {out}"
            )
    for before, after in pairwise(sorted(pauses, key=lambda one: one.start)):
        if (before.end or end) > after.start:
            raise InvalidInput(f"the pauses {_shown(before, zone)} and {_shown(after, zone)} overlap")


def _typed(session: Session, text: str, span: Span, now: datetime, zone: tzinfo) -> Pause:
    """A pause that is over, with its reason where one is given. Raises InvalidInput."""
    divider = _DIVIDER.search(text)
    begin, rest = (text[: divider.start()].strip(), text[divider.end() :].strip()) if divider else ("", "")
    if not begin or not rest:
        raise Malformed(f"{quoted(text)} is no pause; write {_FORM}")
    words = rest.split()
    until = 2 if len(words) > 1 and not _CLOCK.search(words[0]) and _CLOCK.search(words[1]) else 1
    begun = parse_past(begin, now, zone, span)
    ended = parse_past(" ".join(words[:until]), now, zone, (begun, max(begun, min(span[1], begun + _DAY))))
    if ended <= begun:
        raise Malformed(f"{quoted(text)} ends before it begins")
    if begun < span[0] or ended > span[1]:
        raise InvalidInput(f"{quoted(text)} is outside {with_hours(session, span, zone)}")
    return Pause(begun, ended, " ".join(words[until:]) or None)


def _beginning(pauses: Sequence[Pause], text: str, span: Span, now: datetime, zone: tzinfo) -> Pause:
    when = parse_past(text, now, zone, span)
    exact = timedelta(seconds=1 if text.count(":") > 1 else 60)
    found = next((one for one in pauses if timedelta() <= one.start - when < exact), None)
    if found is None:
        known = ", ".join(_shown(one, zone) for one in pauses)
        raise InvalidInput(f"no pause begins at {text.strip()}; {f'there are {known}' if known else 'it has none'}")
    if found.end is None:
        raise InvalidInput("that pause has not ended; resume the session, or stop it")
    return found


def _shown(pause: Pause, zone: tzinfo) -> str:
    """«12:00..12:45 lunch»."""
    ended = _clock_time(pause.end, zone) if pause.end else ""
    return f"{_clock_time(pause.start, zone)}..{ended} {pause.reason or ''}".rstrip()


def _clock_time(when: datetime, zone: tzinfo) -> str:
    """As it can be typed."""
    return f"{when.astimezone(zone):%H:%M}{offset_if_twice(when, zone)}"
