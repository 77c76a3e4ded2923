"""Times as people type them, pauses as programs write them, branches as git names them."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import InvalidInput
from services.model import Flaw, Pause
from services.settings import load_settings
from services.times import (
    SPAN_WORDS,
    Period,
    WriterZone,
    first_weekday,
    parse_day,
    parse_days,
    parse_past,
    parse_since,
    parse_time,
    zone_of,
)
from services.work.pauses import decoded, encoded, minutes, rewritten
from services.work.report_values import ReportUnit
from services.work.worked_time import day_starts, period

ROME = WriterZone(ZoneInfo("Europe/Rome"))
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)
zones = st.sampled_from(["Europe/Rome", "America/New_York", "Australia/Lord_Howe", "UTC"]).map(ZoneInfo)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("now", NOW),
        ("-15m", NOW - timedelta(minutes=15)),
        ("-90", NOW - timedelta(minutes=90)),
        ("-1h30m", NOW - timedelta(minutes=90)),
        ("-2d", NOW - timedelta(days=2)),
        ("9:30", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
        ("9:30 pm", datetime(2026, 11, 20, 20, 30, tzinfo=UTC)),
        ("12am", datetime(2026, 11, 19, 23, 0, tzinfo=UTC)),
        ("yesterday 17:00", datetime(2026, 11, 19, 16, 0, tzinfo=UTC)),
        ("mon 9:00", datetime(2026, 11, 16, 8, 0, tzinfo=UTC)),
        ("2026-07-01 9:00", datetime(2026, 7, 1, 7, 0, tzinfo=UTC)),
        ("2026-07-01T09:00:00-04:00", datetime(2026, 7, 1, 13, 0, tzinfo=UTC)),
        ("1 July 2026 9:00", datetime(2026, 7, 1, 7, 0, tzinfo=UTC)),
    ],
)
def test_times_are_read_in_the_persons_zone(text: str, instant: datetime) -> None:
    assert parse_time(text, NOW, ROME) == instant


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "25:00",
        "9:61",
        "13pm",
        "-",
        "9",
        "2026-13-01 9:00",
        "-5x",
        "9:30 9:30",
        f"-{10**12}d",
        "0001-01-01T00:00",
        "9999-12-31 23:59",
    ],
)
def test_what_is_no_time_is_said_so(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_time(text, NOW, ROME)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_an_error(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert parse_time(text, NOW, ROME).tzinfo is not None


def test_days_and_periods() -> None:
    assert [parse_day(text, TODAY) for text in ("today", "yesterday", "-3d", "friday", "sat", "2026-02-01")] == [
        TODAY,
        date(2026, 11, 19),
        date(2026, 11, 17),
        TODAY,
        date(2026, 11, 14),
        date(2026, 2, 1),
    ]
    assert period(ReportUnit.WEEK, TODAY, 6) == Period(date(2026, 11, 15), date(2026, 11, 21))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("this-week", date(2026, 11, 16), date(2026, 11, 22)),
        ("last week", date(2026, 11, 9), date(2026, 11, 15)),
        ("last-month", date(2026, 10, 1), date(2026, 10, 31)),
        ("this-year", date(2026, 1, 1), date(2026, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2025", date(2025, 1, 1), date(2025, 12, 31)),
        ("2w", date(2026, 11, 6), date(2026, 11, 6)),
        ("monday", date(2026, 11, 16), date(2026, 11, 16)),
    ],
)
def test_spans_of_days(text: str, first: date, last: date) -> None:
    assert parse_days(text, TODAY, 0) == Period(first, last)


@pytest.mark.parametrize(
    "wrong", ["13", "2026-13", "x", "0000", "9:30", "3h", "", "0001-01-01", "9999-12-31", "99999999d"]
)
def test_what_is_no_day_is_said_so(wrong: str) -> None:
    with pytest.raises(InvalidInput):
        parse_days(wrong, TODAY, 0)


@pytest.mark.parametrize(
    ("text", "seconds"), [("-40s", 40), ("-45s", 45), ("-90s", 90), ("-1h30", 5400), ("-2h5s", 7205)]
)
def test_lengths_are_what_they_say(text: str, seconds: int) -> None:
    assert parse_time(text, NOW, ROME) == NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("9:30", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
        ("0:30", datetime(2026, 11, 19, 23, 30, tzinfo=UTC)),
        ("today 17:30", datetime(2026, 11, 20, 16, 30, tzinfo=UTC)),
        ("yesterday 17:30", datetime(2026, 11, 19, 16, 30, tzinfo=UTC)),
    ],
)
def test_a_time_alone_is_one_of_today(text: str, instant: datetime) -> None:
    assert parse_past(text, NOW, ROME) == instant


def test_a_time_alone_that_has_not_come_yet_is_yesterdays_only_in_the_night() -> None:
    night = datetime(2026, 11, 20, 0, 30, tzinfo=ROME)
    assert parse_past("23:50", night, ROME) == night - timedelta(minutes=40)
    assert parse_past("11pm", night, ROME) == night - timedelta(minutes=90)
    for text, now in (("23:50", night + timedelta(hours=20)), ("17:30", NOW), ("13:23", NOW), ("17:30", night)):
        with pytest.raises(InvalidInput, match=f"{text} is still to come; write yesterday {text}"):
            parse_past(text, now, ROME)


@pytest.mark.parametrize(
    ("text", "found"), [("10:30", "20 10:30"), ("22:00", "20 22:00"), ("5:00", "20 05:00"), ("9:30", "20 09:30")]
)
def test_a_time_alone_leaves_a_session_of_the_day_on_that_day(text: str, found: str) -> None:
    """From 9:00 to 10:00 in Rome."""
    span = NOW.replace(hour=8), NOW.replace(hour=9)
    assert f"{parse_past(text, NOW + timedelta(days=2), ROME, span).astimezone(ROME):%d %H:%M}" == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("23:30", "18 22:30"),
        ("2:00", "19 01:00"),
        ("4:00", "19 03:00"),
        ("21:30", "18 20:30"),
        ("today 2:00", "20 01:00"),
    ],
)
def test_a_time_alone_is_one_of_the_session_or_the_nearest_to_it(text: str, found: str) -> None:
    """From 22:00 to 3:00 in Rome."""
    span = datetime(2026, 11, 18, 21, tzinfo=UTC), datetime(2026, 11, 19, 2, tzinfo=UTC)
    assert f"{parse_past(text, NOW, ROME, span):%d %H:%M}" == found


def test_of_a_timer_that_ran_for_days_a_time_alone_is_the_last_such_time_while_it_ran() -> None:
    span = datetime(2026, 11, 15, 8, tzinfo=UTC), datetime(2026, 11, 19, 2, tzinfo=UTC)
    assert parse_past("17:30", NOW, ROME, span) == datetime(2026, 11, 18, 16, 30, tzinfo=UTC)


def test_a_time_that_the_clocks_show_twice_is_told_by_its_offset() -> None:
    """The night in which they go back, in Rome."""
    span = datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 4, tzinfo=UTC)
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    for text, instant in (("02:30+02:00", first), ("2:30 +01:00", second), ("2:30", first)):
        assert parse_past(text, NOW, ROME, span) == instant
    assert parse_time("2026-10-25 02:30:00+01:00", NOW, ROME) == second
    assert parse_time("9:30+00:00", NOW, ROME) == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    with pytest.raises(InvalidInput):
        parse_time("9:30+99:00", NOW, ROME)


@given(st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1)), st.times(), zones)  # noqa: DTZ001
def test_a_time_alone_is_the_last_one_that_has_come(now: datetime, clock: time, zone: ZoneInfo) -> None:
    now = now.replace(tzinfo=UTC)
    try:
        read = parse_past(f"{clock:%H:%M:%S}", now, zone)
    except InvalidInput:
        assert parse_time(f"{clock:%H:%M:%S}", now, zone) > now
        return
    assert read <= now
    assert now - read <= timedelta(hours=6) or read.astimezone(zone).date() == now.astimezone(zone).date()


@given(
    st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001
    st.timedeltas(timedelta(hours=25), timedelta(days=9)),
    st.times(),
    zones,
)
def test_a_session_of_more_than_a_day_has_every_time(
    start: datetime, length: timedelta, clock: time, zone: ZoneInfo
) -> None:
    span = start.replace(tzinfo=UTC), start.replace(tzinfo=UTC) + length
    read = parse_past(f"{clock:%H:%M:%S}", NOW, zone, span)
    assert span[0] - timedelta(hours=1) <= read <= span[1] + timedelta(hours=1)
    assert read > span[1] - timedelta(hours=26)


@pytest.mark.parametrize("text", ["last-week", "2026-10", "yesterday", "monday", "2026-11-03", "2026"])
@pytest.mark.parametrize("week_begins", [0, 5, 6])
def test_a_search_begins_where_a_report_does(text: str, week_begins: int) -> None:
    first = parse_days(text, TODAY, week_begins).first
    assert parse_since(text, NOW.astimezone(ROME), week_begins) == day_starts(first, first, ROME)[0]


def test_a_week_begins_on_the_day_that_the_person_chose() -> None:
    chosen = load_settings({"MEMORIA_FIRST_WEEKDAY": "Sunday"})
    assert parse_days("this-week", TODAY, first_weekday(chosen)).first == date(2026, 11, 15)
    assert first_weekday(load_settings({})) == 0
    with pytest.raises(InvalidInput, match="monday, tuesday"):
        load_settings({"MEMORIA_FIRST_WEEKDAY": "noday"})


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(["UTC", "Europe/Rome", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.sampled_from([*SPAN_WORDS, "3h", "3d", "2w", "6mo", "1y", "monday", "9:30", "yesterday 17:00"]),
)
def test_everything_that_a_search_takes_is_an_instant_at_any_time_in_any_zone(
    now: datetime, zone: str, text: str
) -> None:
    read = parse_since(text, now.astimezone(ZoneInfo(zone)), 0)
    assert read.tzinfo is not None
    assert read == read.astimezone(UTC).astimezone(ZoneInfo(zone))
    if text.startswith(("this", "last", "today", "yesterday ", "3", "2", "6", "1")) and text != "yesterday 17:00":
        assert read <= now


def test_a_zone_has_to_exist() -> None:
    assert zone_of("Europe/Rome") is ROME
    with pytest.raises(InvalidInput):
        zone_of("../etc/passwd")


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**5), st.none() | st.text(max_size=5)), max_size=4))
def test_pauses_come_back_as_they_were_written(given_pauses: list[tuple[int, int, str | None]]) -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    pauses = tuple(
        Pause(start + timedelta(seconds=begin), start + timedelta(seconds=begin + length), reason)
        for begin, length, reason in given_pauses
    )
    end = start + timedelta(days=30)
    assert decoded(encoded(pauses, ROME), ROME, start, end) == (pauses, ())


def test_a_pause_in_the_repeated_hour_is_the_one_inside_the_session() -> None:
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    written = [{"start": "2026-10-25T02:30:00", "end": None, "reason": None}]
    for instant in (first, second):
        around = (instant - timedelta(minutes=10), instant + timedelta(minutes=10))
        assert decoded(written, ROME, *around)[0][0].start == instant


@pytest.mark.parametrize("stored", [{"start": 1}, 7, "x", [None], [{}], [{"start": "0001-01-01T00:00:00"}], [[]]])
def test_what_is_no_pause_is_flagged(stored: object) -> None:
    assert decoded(stored, ROME, NOW, NOW + timedelta(hours=1)) == ((), (Flaw.PAUSE_UNREADABLE,))


def test_minutes_drop_the_seconds_of_each_pause() -> None:
    short = Pause(NOW, NOW + timedelta(seconds=59))
    assert (minutes([short] * 30), minutes([Pause(NOW, NOW + timedelta(seconds=119)), Pause(NOW)])) == (0, 1)


def test_rewriting_ends_and_drops_what_comes_later() -> None:
    stored = encoded([Pause(NOW, NOW + timedelta(hours=1)), Pause(NOW + timedelta(hours=2))], ROME)
    half = NOW + timedelta(minutes=30)
    assert rewritten(stored, ROME, NOW, NOW + timedelta(hours=3), until=half) == encoded([Pause(NOW, half)], ROME)


def test_a_time_that_the_clocks_skip_is_told_instead_of_moved() -> None:
    berlin, now = ZoneInfo("Europe/Berlin"), datetime(2026, 3, 29, 12, tzinfo=UTC)
    for text in ("2:30", "2026-03-29 2:30", "2026-03-29T02:30:00"):
        with pytest.raises(InvalidInput, match="the clocks skip 02:30 on 2026-03-29; it would be 03:30"):
            parse_past(text, now, berlin)
    assert parse_past("2:30", now + timedelta(days=1), berlin) == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)
