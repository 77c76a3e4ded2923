"""Pauses of a session as they are typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.errors import InvalidInput
from services.model import Pause, SessionCategory, SessionStatus, WorkSession
from services.work.typed_pauses import pauses_at, pauses_typed

ROME = ZoneInfo("Europe/Rome")
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=ROME)


def at(clock: str, day: int = 19) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 11, day, hour, minute, tzinfo=ROME)


NIGHT = WorkSession(
    "1", "deploy", SessionCategory.CODING, SessionStatus.COMPLETED, at("20:00"), at("4:00", 20),
    pauses=(Pause(at("21:00"), at("21:30"), "dinner"), Pause(at("1:00", 20), None, None)),
)  # fmt: skip


SPAN = (NIGHT.start, NIGHT.end or NOW)


def typed_as(text: str) -> str:
    (one,) = pauses_typed(NIGHT, [text], SPAN, NOW, ROME)
    return f"{one.start.astimezone(ROME):%d %H:%M}..{one.end and one.end.astimezone(ROME):%d %H:%M} {one.reason}"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("22:00..22:15", "19 22:00..19 22:15 None"),
        ("23:50 .. 0:10 tea at 5:00", "19 23:50..20 00:10 tea at 5:00"),
        ("2026-11-20 3:00..2026-11-20 3:15 a walk", "20 03:00..20 03:15 a walk"),
        ("yesterday 22:00..yesterday 22:05", "19 22:00..19 22:05 None"),
        ("22:00-22:15 tea", "19 22:00..19 22:15 tea"),
        ("23:50 – 0:10", "19 23:50..20 00:10 None"),
        ("2026-11-20 3:00-2026-11-20 3:15 a-b..c", "20 03:00..20 03:15 a-b..c"),
        ("10 PM-10:05pm", "19 22:00..19 22:05 None"),
        ("16:00-05:00..16:15-05:00", "19 22:00..19 22:15 None"),
    ],
)
def test_a_pause_is_typed_with_dots_or_a_dash_between_its_times(typed: str, found: str) -> None:
    assert typed_as(typed) == found


@pytest.mark.parametrize(
    ("added", "removed", "told"),
    [
        ("lunch", "", "'lunch' is no pause; write 12:00..12:45 lunch"),
        ("22:00..", "", "'22:00..' is no pause; write 12:00..12:45 lunch"),
        (f"{'x' * 99}..22:00", "", f"'{'x' * 59}…' is not a time; write -15m, 9:30, yesterday 17:00 or "),
        ("23:00..22:00", "", "'23:00..22:00' ends before it begins"),
        ("19:00..20:30", "", "'19:00..20:30' is outside \"deploy\" (2026-11-19 20:00 – 2026-11-20 04:00)"),
        ("", "22:00", "no pause begins at 22:00; there are 21:00..21:30 dinner, 01:00.."),
        ("", "1:00", "that pause has not ended; resume the session, or stop it"),
    ],
)
def test_what_is_no_pause_of_it_is_told(added: str, removed: str, told: str) -> None:
    read, text = (pauses_typed, added) if added else (pauses_at, removed)
    with pytest.raises(InvalidInput) as raised:
        read(NIGHT, [text], SPAN, NOW, ROME)
    assert str(raised.value).startswith(told)


def test_a_pause_that_began_within_the_minute_is_removed() -> None:
    begun = at("21:00") + timedelta(seconds=41)
    session = WorkSession(
        "1", "deploy", SessionCategory.CODING, SessionStatus.COMPLETED, NIGHT.start, NIGHT.end,
        pauses=(Pause(begun.astimezone(UTC), at("21:30"), None),),
    )  # fmt: skip
    span = (at("20:00"), at("4:00", 20))
    assert pauses_at(session, ["21:00"], span, NOW, ROME) == session.pauses
    with pytest.raises(InvalidInput, match=r"no pause begins at 21:00:40"):
        pauses_at(session, ["21:00:40"], span, NOW, ROME)


def test_a_pause_in_the_hour_that_the_clocks_repeat_is_told_as_it_is_typed() -> None:
    first, again = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    span = (first - timedelta(hours=1), again + timedelta(hours=1))
    session = WorkSession(
        "1", "deploy", SessionCategory.CODING, SessionStatus.COMPLETED, *span, pauses=(Pause(first, again, "tea"),)
    )
    with pytest.raises(InvalidInput, match=r"there are 02:30\+02:00\.\.02:30\+01:00 tea"):
        pauses_at(session, ["03:10"], span, NOW, ROME)
    assert pauses_at(session, ["02:30+02:00"], span, NOW, ROME) == session.pauses
