"""A week as its days are seen: pieces, gaps and overlaps."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.model import Pause, SessionCategory, SessionStatus, WorkSession
from services.times import Period
from services.work.week import days_of

ROME = ZoneInfo("Europe/Rome")
NOW = datetime(2026, 11, 22, 12, tzinfo=ROME)


def session(name: str, start: str, hours: float, *pauses: Pause) -> WorkSession:
    begun = datetime.fromisoformat(start).replace(tzinfo=ROME)
    end = begun + timedelta(hours=hours)
    return WorkSession(name, name, SessionCategory.CODING, SessionStatus.COMPLETED, begun, end, pauses)


def test_gaps_and_overlaps_of_a_day_are_seen_and_midnight_cuts() -> None:
    lunch = datetime(2026, 11, 17, 11, tzinfo=ROME)
    works = [
        session("late", "2026-11-16T23:00", 2),
        session("login", "2026-11-17T09:00", 3, Pause(lunch, lunch + timedelta(minutes=30))),
        session("call", "2026-11-17T11:45", 1),
        session("short", "2026-11-17T12:48", 1),
    ]
    monday, tuesday, wednesday = days_of(works, Period(date(2026, 11, 16), date(2026, 11, 18)), ROME, NOW)
    assert [(one.session and one.session.id, f"{one.start.astimezone(ROME):%H:%M}") for one in monday.pieces] == [
        ("late", "23:00")
    ]
    told = [(one.session.id if one.session else "gap", one.overlaps) for one in tuesday.pieces]
    assert told == [
        ("late", False),
        ("gap", False),
        ("login", False),
        ("gap", False),  # the pause
        ("login", False),
        ("call", True),
        ("short", False),
    ]
    assert (tuesday.seconds, wednesday.pieces) == (3600 * (1 + 2.5 + 1 + 1), ())
