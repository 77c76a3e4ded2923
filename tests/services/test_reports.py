"""Reports: the database adds up to the second what the pure rules add up session by session."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.errors import NotFound
from services.model import ReportBy, SessionCategory, SessionChanges, SessionDraft, WorkSession
from services.times import Period
from services.work.report_values import LogOrder, ReportUnit, SessionFilter
from services.work.worked_time import day_starts, spans_of, split
from tests.services.worktables import NOON, Bench, bench

ROME = ZoneInfo("Europe/Rome")
YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))


@pytest.fixture
async def here(postgres_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(postgres_url, tmp_path) as opened:
        yield opened


def local(instant: datetime) -> str:
    return instant.astimezone(ROME).replace(tzinfo=None).isoformat()


async def fill(here: Bench, number: int) -> None:
    """Random sessions over a year, many around midnights and changes of the clocks, some impossible."""
    chance = random.Random(26)
    edges = [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]
    rows = []
    for index in range(number):
        start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(365 * 86400))
        if index % 5 == 0:
            start = chance.choice(edges) + timedelta(minutes=chance.randrange(-300, 120))
        end = start + timedelta(seconds=chance.choice([0, 59, 3600.5, 9000, 100_000, 400_000, -60]))
        pauses: list[object] = []
        for _ in range(chance.choice([0, 0, 1, 2, 3])):
            begin = start + (end - start) * chance.uniform(-0.1, 1.0)
            length = (end - start) * chance.uniform(0, 0.3)
            pauses.append({"start": local(begin), "end": local(begin + length), "reason": None})
        if index % 17 == 0:
            pauses.append(
                chance.choice([{"start": "2026-02-30T10:00:00", "end": "2026-02-30T11:00:00"}, 3, {"end": 1}])
            )
        rows.append(
            {
                "category": chance.choice(list(SessionCategory)),
                "start_time": start.isoformat(),
                "end_time": None if index % 40 == 0 else end.isoformat(),
                "pauses": {} if index == 1 else pauses,
                "status": "active" if index % 40 == 0 else "completed",
            }
        )
    await here.sql(
        "INSERT INTO work_sessions (description, category, start_time, end_time, pauses, status) "
        "SELECT 'work', category, start_time, end_time, pauses, status "
        "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row (category session_category, start_time timestamptz, "
        "end_time timestamptz, pauses jsonb, status session_status) RETURNING id",
        rows=json.dumps(rows),
    )


@pytest.mark.parametrize(
    ("pauses", "column"),
    [
        ([], None),
        ([("T10:00:00", "T10:30:00"), ("T11:00:00.5", "T11:00:01")], [36000, 39601, 1800.5, None]),
        ([("T10:00:00", "T10:30:00", "+02:00"), ("T11:00:00", "T11:00:00")], [36000, 39600, 1800, 7200]),
        ([("T10:00:00", "T10:30:00", "-00:30")], [36000, 37800, 1800, -1800]),
        ([("T10:00:00", "T10:30:00", "+02:00"), ("T11:00:00", "T11:10:00", "+01:00")], []),
        ([("T10:00:00", "T10:30:00", " tea")], []),
        ([("T10:30:00", "T10:00:00")], []),
        ([("T10:00:00", "T10:30:00"), ("T10:20:00", "T10:40:00")], []),
        ([("T10:00:00", "T25:30:00")], []),
        ([("-30T10:00:00", "T10:00:00")], []),
        ([("T10:00:00+02:00", "T10:30:00+02:00")], []),
        ([("T10:00:00", None)], []),
        ({}, []),
        ([3], []),
        ("tea", []),
    ],
)
async def test_the_sum_of_plain_pauses_stands_beside_them(here: Bench, pauses: object, column: object) -> None:
    def entry(start: str, end: str | None, offset: str = "") -> dict[str, str | None]:
        begun, ended = (f"1970-01-01{one}" if one else None for one in (start, end))
        beside = {"start_at": f"{begun}{offset}", "end_at": f"{ended}{offset}"} if offset else {}
        return {"start": begun, "end": ended, **beside}

    written = [entry(*one) if isinstance(one, tuple) else one for one in pauses] if isinstance(pauses, list) else pauses
    (row,) = await here.sql("SELECT memoria_tui.paused(CAST(:pauses AS jsonb)) AS sums", pauses=json.dumps(written))
    assert row.sums == column


@pytest.mark.parametrize("include_open", [False, True])
async def test_the_database_adds_up_what_the_rules_add_up(here: Bench, include_open: bool) -> None:
    await fill(here, 400)
    here.clock.at = datetime(2026, 12, 31, 12, tzinfo=UTC)
    page = await here.reports.log(limit=1000)
    span = Period(date(2026, 3, 20), date(2026, 11, 2))
    bounds = day_starts(span.first, span.last, ROME)
    by_day: dict[str, float] = {}
    by_category: dict[str, float] = {}
    for session in page.sessions:
        if session.end is None and not include_open:
            continue
        for day, seconds in split(spans_of(session, here.clock()), bounds).items():
            name = (span.first + timedelta(day)).isoformat()
            by_day[name] = by_day.get(name, 0.0) + seconds
            by_category[session.category] = by_category.get(session.category, 0.0) + seconds
    days = await here.reports.report(span, ReportBy.DAY, include_open=include_open)
    categories = await here.reports.report(span, ReportBy.CATEGORY, ReportUnit.MONTH, include_open=include_open)
    assert {g.name: g.seconds for g in days.groups if g.seconds} == pytest.approx(by_day, abs=1e-4)
    assert {g.name: g.seconds for g in categories.groups} == pytest.approx(by_category, abs=1e-4)
    assert days.total_seconds == pytest.approx(categories.total_seconds)
    assert days.days == len(by_day) == categories.days
    assert days.sessions == categories.sessions == sum(group.sessions for group in categories.groups)
    assert sum(cell.seconds for cell in categories.cells) == pytest.approx(categories.total_seconds)


@pytest.mark.parametrize("unit", [ReportUnit.WEEK, ReportUnit.MONTH, ReportUnit.YEAR])
async def test_parts_of_a_year_add_up_to_it(here: Bench, unit: ReportUnit) -> None:
    await fill(here, 60)
    whole = await here.reports.report(YEAR, ReportBy.CATEGORY, unit)
    parts = 0.0
    for start in sorted({cell.start for cell in whole.cells}):
        following = [day for day in sorted({cell.start for cell in whole.cells}) if day > start]
        last = following[0] - timedelta(1) if following else YEAR.last
        parts += (await here.reports.report(Period(start, last))).total_seconds
    assert parts == pytest.approx(whole.total_seconds)


async def worked(here: Bench, draft: SessionDraft, hours: float) -> None:
    session = await here.work.start(draft)
    here.clock.go(hours=hours)
    await here.work.stop(session.id)


async def test_groups_filters_and_unknown_names(here: Bench) -> None:
    await worked(here, SessionDraft("a", client="Acme", project="web"), 1)
    await worked(here, SessionDraft("b", SessionCategory.MEETING, client="Beta", project="web"), 2)
    await worked(here, SessionDraft("c"), 0.5)
    today = await here.reports.current(ReportUnit.DAY)
    clients = await here.reports.report(today)
    assert [(g.name, g.seconds, g.sessions, g.days) for g in clients.groups] == [
        ("Beta", 7200, 1, 1),
        ("Acme", 3600, 1, 1),
        (None, 1800, 1, 1),
    ]
    assert (clients.total_seconds, clients.sessions, clients.days, clients.zone) == (12600, 3, 1, "Europe/Rome")
    projects = await here.reports.report(today, ReportBy.PROJECT)
    assert [group.name for group in projects.groups] == ["Beta / web", "Acme / web", None]
    for where, seconds in (
        (SessionFilter(clients=("Acme",)), 3600),
        (SessionFilter(clients=("Acme", None)), 5400),
        (SessionFilter(projects=("web",)), 10800),
        (SessionFilter(projects=("Beta / web",)), 7200),
        (SessionFilter(categories=(SessionCategory.MEETING,)), 7200),
        (SessionFilter(text="beT"), 7200),
        (SessionFilter(first=date(2027, 1, 1)), 0),
    ):
        assert (await here.reports.report(today, where=where)).total_seconds == seconds
    for unknown in (SessionFilter(clients=("Acne",)), SessionFilter(projects=("wob",))):
        with pytest.raises(NotFound):
            await here.reports.report(today, where=unknown)


async def test_what_was_chosen_for_summary_and_log_is_kept_and_what_no_program_kept_counts_as_not_set(
    here: Bench,
) -> None:
    assert await here.reports.group_by() is ReportBy.CLIENT
    await here.reports.keep_group_by(ReportBy.PROJECT)
    assert await here.reports.group_by() is ReportBy.PROJECT
    for odd in ("day", ["odd"]):
        await here.records.user_settings.set("summary_group_by", odd)
        assert await here.reports.group_by() is ReportBy.CLIENT
    newest = (LogOrder.START, True)
    assert await here.reports.log_order() == newest
    await here.reports.keep_log_order(LogOrder.DURATION, descending=False)
    assert await here.reports.log_order() == (LogOrder.DURATION, False)
    for unknown in ("start", ["length", True], ["start"]):
        await here.records.user_settings.set("work_log_order", unknown)
        assert await here.reports.log_order() == newest


async def test_running_sessions_count_only_when_asked_for(here: Bench) -> None:
    await here.work.start(SessionDraft("running"))
    here.clock.go(hours=1)
    today = await here.reports.current(ReportUnit.DAY)
    quiet = await here.reports.report(today)
    assert (quiet.total_seconds, quiet.sessions, quiet.open_sessions) == (0, 0, 1)
    assert (await here.reports.report(today, include_open=True)).total_seconds == 3600
    assert quiet.open_line == "1 running"
    await here.work.pause()
    assert (await here.reports.report(today)).open_line == "1 paused"
    await here.work.start(SessionDraft("beside it"))
    assert (await here.reports.report(today)).open_line == "1 running, 1 paused"


async def test_days_are_cut_in_the_persons_zone(postgres_url: str, tmp_path: Path) -> None:
    async with bench(postgres_url, tmp_path, zone="Asia/Tokyo", writer_zone="UTC") as here:
        here.clock.at = datetime(2026, 5, 31, 14, 30, tzinfo=UTC)
        await worked(here, SessionDraft("over midnight in Tokyo"), 1)
        report = await here.reports.report(Period(date(2026, 5, 1), date(2026, 6, 30)), unit=ReportUnit.MONTH)
        assert [(cell.start, cell.seconds) for cell in report.cells] == [
            (date(2026, 5, 1), 1800),
            (date(2026, 6, 1), 1800),
        ]
        assert [(cell.sessions, report.sessions) for cell in report.cells] == [(1, 1), (1, 1)]


@pytest.mark.parametrize("order", LogOrder)
@pytest.mark.parametrize("descending", [True, False])
async def test_pages_of_the_log_show_each_session_once(here: Bench, order: LogOrder, descending: bool) -> None:
    for number in range(7):
        await worked(here, SessionDraft(f"work {number % 3}", start=NOON), 0.25 * (number % 2))
    seen: list[WorkSession] = []
    after = None
    while True:
        page = await here.reports.log(order=order, descending=descending, after=after, limit=3)
        seen += page.sessions
        if (after := page.next) is None:
            break
    assert len({session.id for session in seen}) == len(seen) == 7
    whole = await here.reports.log(order=order, descending=descending)
    assert tuple(seen) == whole.sessions


async def test_the_log_is_filtered_by_days_of_the_zone(here: Bench) -> None:
    here.clock.at = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
    await worked(here, SessionDraft("after midnight in Rome"), 0.1)
    for day, number in ((19, 0), (20, 1)):
        where = SessionFilter(first=date(2026, 11, day), last=date(2026, 11, day))
        assert len((await here.reports.log(where)).sessions) == number


async def test_views_count_what_is_without_a_client(here: Bench) -> None:
    await worked(here, SessionDraft("a", client="Acme", project="web"), 1)
    await worked(here, SessionDraft("b", client="Acme", project="api"), 1)
    await worked(here, SessionDraft("c"), 1)
    assert await here.reports.refresh_views()
    rows = await here.sql(
        "SELECT client_id IS NULL, sum(total_minutes)::int FROM daily_work_totals GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row) for row in rows] == [(False, 120), (True, 60)]
    session = (await here.reports.log()).sessions[0]
    await here.work.edit(session, SessionChanges(client="Beta"))
    await here.reports.refresh_views()
    rows = await here.sql("SELECT client_name, total_minutes::int FROM monthly_work_summary ORDER BY 1, 2")
    assert [tuple(row) for row in rows] == [("Acme", 60), ("Acme", 60), ("Beta", 60)]


@pytest.mark.parametrize("pauses", ["[]", '[{"start": "2011-12-31T12:00:00+14:00", "end": "2011-12-31T13:00:00"}]'])
async def test_a_day_that_a_zone_skipped_counts_nothing(postgres_url: str, tmp_path: Path, pauses: str) -> None:
    """Samoa went from the 29th to the 31st of December 2011; the second session is added up one by one."""
    async with bench(postgres_url, tmp_path, zone="Pacific/Apia") as here:
        await here.sql(
            "INSERT INTO work_sessions (description, start_time, end_time, status, pauses) VALUES ('over the gap', "
            "'2011-12-29T20:00:00-10:00', '2011-12-31T16:00:00+14:00', 'completed', CAST(:pauses AS jsonb))",
            pauses=pauses,
        )
        span = Period(date(2011, 12, 28), date(2012, 1, 1))
        report = await here.reports.report(span, ReportBy.DAY)
        last = 16 * 3600 - 3600 * (pauses != "[]")
        assert [(one.name, one.seconds, one.sessions) for one in report.groups] == [
            ("2011-12-29", 4 * 3600, 1),
            ("2011-12-31", last, 1),
        ]
        assert (report.total_seconds, report.sessions, report.days) == (4 * 3600 + last, 1, 2)
        skipped = await here.reports.report(Period(date(2011, 12, 30), date(2011, 12, 30)))
        assert (skipped.sessions, skipped.groups) == (0, ())


async def test_a_group_keeps_its_number_whatever_is_asked_for(here: Bench) -> None:
    for name, hours in (("Zeta", 1.0), ("Acme", 2.0), ("Mu", 3.0)):
        await worked(here, SessionDraft("a", client=name, project="web"), hours)
    today = await here.reports.current(ReportUnit.DAY)
    everything = await here.reports.report(today)
    assert {group.name: group.number for group in everything.groups} == {"Zeta": 0, "Acme": 1, "Mu": 2}
    some = await here.reports.report(today, where=SessionFilter(clients=("Mu", "Acme")))
    assert {group.name: group.number for group in some.groups} == {"Acme": 1, "Mu": 2}
    projects = await here.reports.report(today, ReportBy.PROJECT)
    assert {group.name: group.number for group in projects.groups} == {"Zeta / web": 0, "Acme / web": 1, "Mu / web": 2}
