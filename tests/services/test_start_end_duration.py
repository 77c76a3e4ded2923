"""Work that is entered when it is over: the times as they are typed, and what is kept of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.errors import InvalidInput
from services.model import ReportBy, SessionDraft, SessionStatus
from services.times import parse_length
from services.work.report_values import ReportUnit, SessionFilter
from services.work.start_end_duration import typed_span
from tests.services.worktables import NOON, Bench, bench

ROME = ZoneInfo("Europe/Rome")
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=ROME)


@pytest.fixture
async def here(postgres_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(postgres_url, tmp_path, work_max_parallel_sessions=1) as opened:
        yield opened


@pytest.mark.parametrize(
    ("start", "end", "duration", "found"),
    [
        ("9:00", "10:30", "", "2026-11-20 09:00 – 2026-11-20 10:30"),
        ("9:00", "", "1:30", "2026-11-20 09:00 – 2026-11-20 10:30"),
        ("", "10:30", "90m", "2026-11-20 09:00 – 2026-11-20 10:30"),
        ("", "now", "1.5h", "2026-11-20 10:30 – 2026-11-20 12:00"),
        ("-2h", "-30m", "", "2026-11-20 10:00 – 2026-11-20 11:30"),
        ("yesterday 9:00", "10:30", "", "2026-11-19 09:00 – 2026-11-19 10:30"),
        ("yesterday 22:00", "1:30", "", "2026-11-19 22:00 – 2026-11-20 01:30"),
        ("2026-10-24 23:00", "", "6h", "2026-10-24 23:00 – 2026-10-25 04:00"),  # the clocks repeat an hour
    ],
)
def test_two_of_start_end_and_duration_are_a_span(start: str, end: str, duration: str, found: str) -> None:
    span = typed_span({"start": start, "end": end, "duration": duration}, NOW, ROME)
    assert " – ".join(f"{one.astimezone(ROME):%Y-%m-%d %H:%M}" for one in span) == found


@pytest.mark.parametrize(
    ("start", "end", "duration", "why"),
    [
        ("", "", "", "when it began"),
        ("", "10:30", "", "when it began"),
        ("", "", "1:30", "when it began"),
        ("9:00", "", "", "when it ended"),
        ("9:00", "10:30", "1:30", "leave the duration out"),
        ("9:00", "8:00", "", "the end must be after the start"),
        ("9:00", "9:00", "", "the end must be after the start"),
        ("9:00", "12:30", "", "in the future"),
        ("9:00", "", "3:01", "in the future"),
        ("13:00", "", "1:00", "still to come"),
        ("tomorrow 9:00", "", "1:00", "not a day"),
        ("9:00", "", "0m", "nothing"),
        ("9:00", "", "soon", "not a duration"),
        ("9:00", "", "-1h", "not a duration"),
        ("9:00", "", "2d", "not a duration"),
    ],
)
def test_what_is_no_span_is_said_so(start: str, end: str, duration: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        typed_span({"start": start, "end": end, "duration": duration}, NOW, ROME)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1:30", 5400),
        ("0:00:40", 40),
        ("45s", 45),
        ("1h30m", 5400),
        ("1h30", 5400),
        ("1,25h", 4500),
        ("100:00", 360_000),
    ],
)
def test_a_duration_is_what_it_says(text: str, seconds: int) -> None:
    assert parse_length(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["99999999999h", "99999999h", "10000h", "9999h61m"])
def test_a_duration_of_years_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"9,999 hours at most"):
        parse_length(text)


async def test_finished_work_is_entered_while_the_limit_is_reached_and_counts_at_once(here: Bench) -> None:
    await here.work.start(SessionDraft("what runs", start=NOON - timedelta(minutes=30)))
    draft = SessionDraft("fix login", client="acme", start=NOON - timedelta(hours=3), end=NOON - timedelta(minutes=90))
    added, overlaps = await here.work.add(draft)
    assert (added.status, added.client, overlaps) == (SessionStatus.COMPLETED, "acme", ())
    report = await here.reports.report(await here.reports.current(ReportUnit.DAY), ReportBy.CLIENT)
    assert [(group.name, group.seconds) for group in report.groups] == [("acme", 5400)]
    (row,) = await here.sql("SELECT duration_minutes FROM work_sessions WHERE status = 'completed'")
    assert row.duration_minutes == 90


async def test_an_overlap_is_told_and_not_refused(here: Bench) -> None:
    running = await here.work.start(SessionDraft("what runs", start=NOON - timedelta(minutes=30)))
    await here.work.pause(running.id, at=NOON - timedelta(minutes=20))
    past = SessionDraft("review", start=NOON - timedelta(hours=3), end=NOON - timedelta(hours=2))
    await here.work.add(past)
    _, overlaps = await here.work.add(SessionDraft("x", start=NOON - timedelta(minutes=132), end=NOON))
    assert overlaps == ('overlaps "review" by 0:12:00', 'overlaps "what runs" by 0:10:00')
    assert len((await here.reports.log(SessionFilter())).sessions) == 3


async def test_what_cannot_have_been_is_refused(here: Bench) -> None:
    hour = timedelta(hours=1)
    for draft in (
        SessionDraft(" ", start=NOON - hour, end=NOON),
        SessionDraft("x", start=NOON - hour, end=NOON + hour),
        SessionDraft("x", start=NOON, end=NOON - hour),
        SessionDraft("x", start=NOON - hour),
        SessionDraft("x", end=NOON),
        SessionDraft("x", start=NOON - hour, end=NOON, issue_number=-1),
    ):
        with pytest.raises(InvalidInput):
            await here.work.add(draft)
    assert (await here.reports.log()).sessions == ()
    assert await here.clients.clients() == ()


async def test_what_was_entered_is_undone_as_one_with_its_new_client(here: Bench) -> None:
    await here.work.add(SessionDraft("x", client="acme", project="api", start=NOON - timedelta(hours=1), end=NOON))
    assert len(await here.sql("SELECT DISTINCT change_group FROM memoria_tui.audit_log")) == 1


async def test_the_instants_are_those_of_whole_seconds_in_utc(here: Bench) -> None:
    start = NOON - timedelta(hours=1, microseconds=-700)
    added, _ = await here.work.add(SessionDraft("x", start=start.astimezone(ROME), end=NOON))
    assert (added.start, added.end) == (NOON - timedelta(hours=1), NOON)
    assert added.start.tzinfo is UTC
