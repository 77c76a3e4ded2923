"""The log by day: its rows add up to what the report says of that day, whatever the sessions, the zone and the page."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.errors import InvalidInput
from services.model import Pause, ReportBy, SessionCategory, SessionDraft, SessionStatus, WorkSession
from services.times import Period, WriterZone
from services.work.pauses import encoded
from services.work.report_values import DayPart, LogOrder, SessionFilter
from services.work.worked_time import days, parts_of
from tests.services.worktables import Bench, bench

ZONES = ["Europe/Rome", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]
CHANGES = [  # of the clocks, and the day that Apia left out
    *(datetime(2011, 3, 27, 1), datetime(2011, 10, 30, 1), datetime(2011, 11, 6, 6), datetime(2011, 12, 30, 10)),  # noqa: DTZ001
]
NOW = datetime(2012, 1, 5, 13, 7, 11, tzinfo=UTC)
MOMENTS = st.sampled_from(CHANGES).flatmap(
    lambda change: st.datetimes(change - timedelta(days=3), change + timedelta(days=3), timezones=st.just(UTC))
)
LENGTHS = st.timedeltas(timedelta(0), timedelta(hours=20)) | st.timedeltas(timedelta(0), timedelta(days=9))


@st.composite
def sessions(draw: st.DrawFn, number: int) -> WorkSession:
    start = draw(MOMENTS).replace(microsecond=0)
    length = draw(st.none() | LENGTHS)
    end = None if length is None else start + length
    shares = sorted(draw(st.lists(st.floats(0, 1), max_size=4)))
    whole = (end or NOW) - start
    pauses = tuple(
        Pause(start + whole * one, start + whole * other) for one, other in zip(shares[::2], shares[1::2], strict=False)
    )
    status = SessionStatus.ACTIVE if end is None else SessionStatus.COMPLETED
    return WorkSession(f"{number:032x}", "work", SessionCategory.CODING, status, start, end, pauses)


_PAGES = [((1, True), (100, False)), ((3, False), (100, True))]
"""Sizes and directions of pages, for one example after another."""
MANY = st.integers(1, 6).flatmap(lambda number: st.tuples(*(sessions(one) for one in range(number))))


@pytest.fixture
async def here(postgres_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(postgres_url, tmp_path) as opened:
        yield opened


async def fill(here: Bench, some: Sequence[WorkSession], zone: ZoneInfo) -> None:
    await here.sql("DELETE FROM work_sessions RETURNING id")
    rows = [
        {
            "id": one.id,
            "start_time": one.start.isoformat(),
            "end_time": one.end and one.end.isoformat(),
            "pauses": [_stamped(pause, zone) for pause in one.pauses],
            "status": one.status.value,
        }
        for one in some
    ]
    await here.sql(
        "INSERT INTO work_sessions (id, description, category, start_time, end_time, pauses, status) "
        "SELECT id, 'work', 'coding', start_time, end_time, pauses, status "
        "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row (id uuid, start_time timestamptz, "
        "end_time timestamptz, pauses jsonb, status session_status) RETURNING id",
        rows=json.dumps(rows),
    )


def _stamped(pause: Pause, zone: ZoneInfo) -> dict[str, str | None]:
    return encoded([pause], WriterZone(zone))[0]


async def listed(here: Bench, where: SessionFilter, limit: int, *, descending: bool = True) -> list[DayPart]:
    parts: list[DayPart] = []
    after = None
    while True:
        page = await here.reports.log(where, descending=descending, after=after, limit=limit)
        parts += page.parts
        if (after := page.next) is None:
            return parts


@pytest.mark.parametrize("name", ZONES)
async def test_the_rows_of_each_day_add_up_to_the_report(postgres_url: str, tmp_path: Path, name: str) -> None:
    zone = ZoneInfo(name)
    async with bench(postgres_url, tmp_path, zone=name) as here:
        here.clock.at = NOW
        for number, some in enumerate(_examples()):
            await fill(here, some, zone)
            first = min(one.start for one in some).astimezone(zone).date()
            span = Period(first, NOW.astimezone(zone).date() + timedelta(30))
            report = await here.reports.report(span, ReportBy.DAY, include_open=True)
            for limit, descending in _PAGES[number % len(_PAGES)]:
                parts = await listed(here, SessionFilter(), limit, descending=descending)
                _agree(parts, {group.name: (group.seconds, group.sessions) for group in report.groups})
                starts = [part.start for part in parts]
                assert starts == sorted(starts, reverse=descending)
            for group in report.groups[number::4]:
                if group.name:
                    day = date.fromisoformat(group.name)
                    only = await listed(here, SessionFilter(first=day, last=day), 5)
                    _agree(only, {group.name: (group.seconds, group.sessions)})


def _agree(parts: Sequence[DayPart], expected: dict[str | None, tuple[float, int]]) -> None:
    found: dict[str | None, list[float]] = defaultdict(list)
    for part in parts:
        found[part.day.isoformat()].append(part.seconds_at(NOW))
    assert {day: len(rows) for day, rows in found.items()} == {day: number for day, (_, number) in expected.items()}
    for day, rows in found.items():
        assert sum(rows) == pytest.approx(expected[day][0], abs=1e-3)
    assert len({(part.session.id, part.day) for part in parts}) == len(parts)


def _examples() -> list[tuple[WorkSession, ...]]:
    """What hypothesis draws, taken out of its loop, which would not wait for a database."""
    drawn: list[tuple[WorkSession, ...]] = []

    @settings(max_examples=4, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(MANY)
    def collect(some: tuple[WorkSession, ...]) -> None:
        drawn.append(some)

    collect()
    return drawn


@given(sessions(1), st.sampled_from(ZONES).map(ZoneInfo))
def test_the_parts_of_a_session_are_all_of_it(session: WorkSession, zone: ZoneInfo) -> None:
    parts = parts_of(session, NOW, zone)
    assert sum(part.seconds for part in parts) == pytest.approx(session.elapsed_seconds(NOW), abs=1e-3)
    assert (parts[0].start, parts[-1].end) == (session.start, session.end)
    assert all(one.end == following.start for one, following in pairwise(parts))
    assert {part.day for part in parts} <= set(days(parts[0].day, parts[-1].day))
    assert all(part.start.astimezone(zone).date() == part.day for part in parts)
    assert parts[-1].seconds_at(NOW) == pytest.approx(parts[-1].seconds, abs=1e-3)


async def test_a_day_lists_what_of_an_earlier_session_falls_into_it(here: Bench) -> None:
    here.clock.at = datetime(2026, 11, 20, 22, tzinfo=UTC)
    await here.work.start(SessionDraft("late"))
    here.clock.go(hours=1, minutes=21)
    await here.work.stop()
    for day, seconds in ((20, 3600), (21, 21 * 60)):
        (part,) = await listed(here, SessionFilter(first=date(2026, 11, day), last=date(2026, 11, day)), 10)
        assert (part.day.day, part.seconds, part.is_complete) == (day, seconds, False)
    where = SessionFilter(first=date(2026, 11, 21))
    assert len((await here.reports.log(where, LogOrder.DURATION)).sessions) == 1


async def test_what_is_no_place_in_the_log_is_refused(here: Bench) -> None:
    for after in ("nonsense", "2026-11-20 nonsense"):
        with pytest.raises(InvalidInput, match="place in the log"):
            await here.reports.log(after=after)
