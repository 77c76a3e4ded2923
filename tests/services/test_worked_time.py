"""Where worked time falls: any split of any sessions adds up to the whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.model import Flaw, Pause, SessionCategory, SessionStatus, WorkSession
from services.times import WorkZone
from services.work.report_values import ReportUnit
from services.work.worked_time import (
    Span,
    day_starts,
    flaws,
    hours_between,
    merged,
    period,
    spans_of,
    split,
    transitions,
)

ROME = ZoneInfo("Europe/Rome")
ZONES = st.sampled_from(
    [
        "Europe/Rome",
        "America/New_York",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "America/Havana",
        "Asia/Beirut",
        "Pacific/Apia",
        "UTC",
    ]
).map(ZoneInfo)
NOW = datetime(2012, 12, 31, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2009, 1, 1), datetime(2012, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
LENGTHS = st.timedeltas(timedelta(minutes=-10), timedelta(days=60))


@st.composite
def sessions(draw: st.DrawFn) -> WorkSession:
    """Any session, impossible ones too."""
    start = draw(MOMENTS)
    end = draw(st.none() | st.just(start) | LENGTHS.map(lambda length: start + length))
    begins = draw(st.lists(st.timedeltas(timedelta(hours=-30), timedelta(days=3)), max_size=5))
    lengths = [draw(st.none() | LENGTHS) for _ in begins]
    pauses = tuple(
        Pause(start + begin, None if length is None else start + begin + length / 50)
        for begin, length in zip(begins, lengths, strict=True)
    )
    status = SessionStatus.ACTIVE if end is None else SessionStatus.COMPLETED
    return WorkSession("s", "work", SessionCategory.CODING, status, start, end, pauses)


def worked(*pauses: Pause, start: datetime, end: datetime) -> WorkSession:
    return WorkSession("s", "work", SessionCategory.CODING, SessionStatus.COMPLETED, start, end, pauses)


@given(st.lists(sessions(), max_size=6), ZONES)
def test_days_weeks_and_months_add_up_to_the_whole(some: list[WorkSession], zone: ZoneInfo) -> None:
    spans = [span for session in some for span in spans_of(session, NOW)]
    whole = sum(session.elapsed_seconds(NOW) for session in some)
    first, last = date(2008, 12, 1), date(2013, 3, 31)
    bounds = day_starts(first, last, zone)
    by_day = split(spans, bounds)
    assert sum(by_day.values()) == pytest.approx(whole, abs=1e-3)
    for unit in (ReportUnit.WEEK, ReportUnit.MONTH):
        starts = sorted({period(unit, first + timedelta(n)).first for n in range(len(bounds) - 1)})
        by_unit = split(spans, [*(day_starts(day, day, zone)[0] for day in starts), bounds[-1]])
        assert sum(by_unit.values()) == pytest.approx(whole, abs=1e-3)


@given(sessions())
def test_worked_parts_are_apart_and_as_long_as_the_clock_says(session: WorkSession) -> None:
    spans = spans_of(session, NOW)
    assert all(span.seconds > 0 for span in spans)
    assert all(one.end <= following.start for one, following in pairwise(spans))
    assert sum(span.seconds for span in spans) == pytest.approx(session.elapsed_seconds(NOW), abs=1e-3)


@given(MOMENTS, ZONES)
def test_every_instant_lies_in_the_day_that_its_clock_shows(moment: datetime, zone: ZoneInfo) -> None:
    day = moment.astimezone(zone).date()
    begin, end = day_starts(day, day, zone)
    assert begin <= moment < end


def test_a_session_over_midnight_belongs_to_two_days() -> None:
    session = worked(start=datetime(2026, 6, 1, 21, 30, tzinfo=UTC), end=datetime(2026, 6, 1, 22, 10, tzinfo=UTC))
    bounds = day_starts(date(2026, 6, 1), date(2026, 6, 2), ROME)
    assert split(spans_of(session, NOW), bounds) == {0: 1800.0, 1: 600.0}


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_days_around_a_change_of_the_clocks(day: date, hours: int) -> None:
    begin, end = day_starts(day, day, ROME)
    assert end - begin == timedelta(hours=hours)


def test_hours_of_the_night_have_the_weekday_of_the_day_of_work() -> None:
    saturday = date(2026, 10, 24)
    starts, units = hours_between(saturday, saturday, WorkZone(ROME, 4))
    assert units == [5 * 24 + hour for hour in (*range(4, 24), *range(4))]
    assert starts[-1] - starts[0] == timedelta(hours=25), "the clocks go back in the night to Sunday"


def test_a_day_that_begins_where_the_clocks_change_has_a_short_first_hour() -> None:
    sunday = date(2026, 10, 4)
    starts, units = hours_between(sunday, sunday, WorkZone(ZoneInfo("Australia/Lord_Howe"), 2))
    assert (starts[1] - starts[0], units[0]) == (timedelta(minutes=30), 6 * 24 + 2)


def test_a_pause_is_taken_from_the_day_on_which_it_falls() -> None:
    midnight = datetime(2026, 6, 1, 22, tzinfo=UTC)
    pause = Pause(midnight - timedelta(minutes=10), midnight + timedelta(minutes=20))
    session = worked(pause, start=midnight - timedelta(hours=1), end=midnight + timedelta(hours=1))
    bounds = day_starts(date(2026, 6, 1), date(2026, 6, 2), ROME)
    assert split(spans_of(session, NOW), bounds) == {0: 3000.0, 1: 2400.0}


def test_overlapping_pauses_count_once() -> None:
    start = datetime(2026, 6, 1, 8, tzinfo=UTC)
    pauses = [
        Pause(start, start + timedelta(hours=1)),
        Pause(start + timedelta(minutes=30), start + timedelta(hours=2)),
    ]
    assert merged(pauses, NOW) == [Span(start, start + timedelta(hours=2))]
    assert worked(*pauses, start=start, end=start + timedelta(hours=3)).elapsed_seconds(NOW) == 3600


def test_flaws_name_what_cannot_be() -> None:
    start = datetime(2026, 6, 1, 8, tzinfo=UTC)
    hour = timedelta(hours=1)
    assert flaws(worked(start=start, end=start - hour), NOW) == (Flaw.ENDS_BEFORE_START,)
    assert flaws(worked(Pause(start - hour, start), start=start, end=start + 2 * hour), NOW) == (Flaw.PAUSE_OUTSIDE,)
    assert flaws(worked(Pause(start, start + 3 * hour), start=start, end=start + hour), NOW) == (
        Flaw.PAUSE_OUTSIDE,
        Flaw.PAUSES_TOO_LONG,
    )
    assert flaws(worked(Pause(start, None), start=start, end=start + hour), NOW) == (Flaw.PAUSE_OPEN,)
    assert flaws(worked(Pause(start + hour, start), start=start, end=start + 2 * hour), NOW) == (Flaw.PAUSE_REVERSED,)
    assert flaws(worked(Pause(start, start + hour), start=start, end=start + hour), NOW) == ()


def test_transitions_are_found_to_the_second() -> None:
    found = transitions(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC), ROME)
    assert found[1:] == [
        (datetime(2026, 3, 29, 1, tzinfo=UTC), timedelta(hours=2)),
        (datetime(2026, 10, 25, 1, tzinfo=UTC), timedelta(hours=1)),
    ]
