"""Random work with pauses around everything that is odd about days, in four zones, against a sum made another way.

That sum knows no midnight: it cuts worked time at each quarter of an hour and asks in which local day the piece is.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.model import Entity, Pause, ReportBy, SessionCategory, SessionStatus, WorkSession
from services.times import Period, WorkZone
from services.work.billing_values import Terms, read_rounding
from services.work.report_values import ReportUnit
from services.work.worked_time import parts_of
from tests.services.worktables import Bench, bench

ODD = {
    "Europe/Berlin": ("2026-03-29T01:00", "2026-10-25T01:00", "2026-10-31T23:00", "2025-12-31T23:00"),
    "America/New_York": ("2026-03-08T07:00", "2026-11-01T06:00", "2026-12-01T05:00", "2026-02-28T05:00"),
    "Australia/Lord_Howe": ("2026-04-04T15:00", "2026-10-03T15:30", "2026-10-31T13:00", "2024-02-29T13:00"),
    "Pacific/Apia": ("2011-12-30T10:00", "2011-12-31T10:00", "2011-09-24T14:00", "2012-04-01T14:00"),
}
"""By zone: instants, in UTC, at which the clocks change, a day is left out, or a month or year ends."""
LEFT_OUT = {"Pacific/Apia": date(2011, 12, 30)}
QUARTER = 900
Span = tuple[int, int]
"""Seconds since 1970."""


@dataclass(frozen=True)
class Work:
    """A session, and the pauses in it, at whole seconds."""

    start: int
    end: int
    pauses: tuple[Span, ...]
    client: int

    @property
    def worked(self) -> list[Span]:
        reached, spans = self.start, []
        for begin, end in self.pauses:
            spans.append((reached, begin))
            reached = end
        return [*spans, (reached, self.end)]


def by_day(works: Iterable[Work], zone: ZoneInfo, begins: int = 0) -> Counter[date]:
    """Seconds by local day, which begins at an hour; the night behind a day that was left out is of the one before."""
    seconds: Counter[date] = Counter()
    for begin, end in (span for work in works for span in work.worked):
        while begin < end:
            piece = min(end, (begin // QUARTER + 1) * QUARTER)
            wall = datetime.fromtimestamp(begin, zone).replace(tzinfo=None)
            day = (wall - timedelta(hours=begins)).date()
            seconds[day - timedelta(day == LEFT_OUT.get(zone.key))] += piece - begin
            begin = piece
    return +seconds


def work_at(start: int, cuts: Sequence[int], length: int, client: int) -> Work:
    """A session of that length with pauses between every two of the cuts, as far as they lie in it."""
    inside = sorted({start + cut for cut in cuts if 0 < cut < length})
    pauses = tuple(zip(inside[::2], inside[1::2], strict=False))
    return Work(start, start + length, pauses, client)


def edges(zone: str) -> list[int]:
    return [int(datetime.fromisoformat(edge).replace(tzinfo=UTC).timestamp()) for edge in ODD[zone]]


def some_works(zone: str, number: int) -> list[Work]:
    chance = random.Random(zone)
    works = []
    for _ in range(number):
        start = chance.choice(edges(zone)) + chance.randrange(-40 * 3600, 5 * 3600)
        length = chance.choice([1, 59, 1800, 3601, 9000, 30_000, 90_000, 200_000])
        cuts = [chance.randrange(1, length + 1) for _ in range(chance.choice([0, 0, 2, 4, 7]))]
        works.append(work_at(start, cuts, length, chance.randrange(2)))
    return works


@given(
    zone=st.sampled_from(sorted(ODD)),
    edge=st.integers(0, 3),
    before=st.integers(-150_000, 20_000),
    length=st.integers(1, 300_000),
    cuts=st.lists(st.integers(1, 300_000), max_size=8),
    begins=st.integers(0, 12),
)
def test_a_session_is_cut_into_the_days_of_its_zone(
    zone: str, edge: int, before: int, length: int, cuts: list[int], begins: int
) -> None:
    work, at = work_at(edges(zone)[edge] + before, cuts, length, 0), ZoneInfo(zone)
    start, end = datetime.fromtimestamp(work.start, UTC), datetime.fromtimestamp(work.end, UTC)
    pauses = tuple(
        Pause(datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(stop, UTC)) for begin, stop in work.pauses
    )
    session = WorkSession("", "", SessionCategory.CODING, SessionStatus.COMPLETED, start, end, pauses)
    parts = parts_of(session, end, WorkZone(at, begins) if begins else at)
    assert {part.day: part.seconds for part in parts if part.seconds} == by_day([work], at, begins)


async def fill(here: Bench, works: Sequence[Work], zone: ZoneInfo) -> None:
    clients = [(await here.clients.create_client(name)).id for name in ("acme", "globex")]

    def stamps(name: str, instant: int) -> dict[str, str]:
        local = datetime.fromtimestamp(instant, zone)
        return {name: local.replace(tzinfo=None, fold=0).isoformat(), f"{name}_at": local.isoformat()}

    rows = [
        {
            "client_id": clients[work.client],
            "start_time": work.start,
            "end_time": work.end,
            "pauses": [{**stamps("start", begin), **stamps("end", end), "reason": None} for begin, end in work.pauses],
        }
        for work in works
    ]
    await here.sql(
        "INSERT INTO work_sessions (description, client_id, start_time, end_time, pauses, status) "
        "SELECT 'work', client_id, to_timestamp(start_time), to_timestamp(end_time), pauses, 'completed' "
        "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) "
        "AS row (client_id uuid, start_time bigint, end_time bigint, pauses jsonb) RETURNING id",
        rows=json.dumps(rows),
    )


@pytest.mark.parametrize(("name", "begins"), zip(sorted(ODD), (0, 2, 0, 4), strict=True))
async def test_reports_logs_and_timesheets_are_right_to_the_second(
    postgres_url: str, tmp_path: Path, name: str, begins: int
) -> None:
    zone, works = ZoneInfo(name), some_works(name, 60)
    async with bench(postgres_url, tmp_path, zone=name, day_begins=begins) as here:
        await fill(here, works, zone)
        here.clock.at = datetime(2027, 1, 1, tzinfo=UTC)
        truth = by_day(works, zone, begins)
        span = Period(min(truth), max(truth))
        days = await here.reports.report(span, ReportBy.DAY)
        assert {group.name: group.seconds for group in days.groups if group.seconds} == {
            day.isoformat(): seconds for day, seconds in truth.items()
        }
        assert (days.total_seconds, days.days, days.flawed) == (truth.total(), len(truth), ())
        chosen = random.Random(name).sample(sorted(truth), 5)
        hours = await here.reports.hours(span)
        assert {(day, hour): one for day, row in enumerate(hours) for hour, one in enumerate(row) if one} == by_hour(
            works, zone, begins
        )
        of_acme = by_day([work for work in works if work.client == 0], zone, begins)
        months = await here.reports.report(span, ReportBy.CLIENT, ReportUnit.MONTH)
        acme = {(cell.start.year, cell.start.month): cell.seconds for cell in months.cells if cell.name == "acme"}
        assert acme == by_month(of_acme)
        years = await here.reports.report(span, ReportBy.CLIENT, ReportUnit.YEAR)
        assert {(group.name, group.seconds, group.sessions, group.days) for group in years.groups} == {
            (name, sum(mine.values()), len([one for one in works if one.client == number]), len(mine))
            for number, name in enumerate(("acme", "globex"))
            for mine in (by_day([one for one in works if one.client == number], zone, begins),)
        }
        for first, last in pairwise(sorted(chosen)):
            within = Period(first, last)
            inside = sum(seconds for day, seconds in truth.items() if first <= day <= last)
            assert (await here.reports.report(within, ReportBy.CATEGORY, ReportUnit.WEEK)).total_seconds == inside
            assert sum(map(sum, await here.reports.hours(within))) == inside
        page = await here.reports.log(limit=1000)
        listed: Counter[date] = Counter()
        for part in page.parts:
            listed[part.day] += int(part.seconds)
        assert +listed == truth
        for text in ("", "6 nearest session", "15 up session", "10 nearest day", "15 up day"):
            await here.billing.set_terms(Entity.CLIENT, "acme", Terms(rounding=read_rounding(text)))
            for year, month in acme:
                sheet = await here.billing.timesheet("acme", date(year, month, 1))
                assert sheet.worked == timedelta(seconds=acme[year, month])
                assert sheet.time == timedelta(seconds=billed(works, zone, begins, year, month, text))


def by_hour(works: Iterable[Work], zone: ZoneInfo, begins: int) -> Counter[tuple[int, int]]:
    """Seconds by weekday of the local day, which begins at an hour, and by hour of the clock."""
    seconds: Counter[tuple[int, int]] = Counter()
    for begin, end in (span for work in works for span in work.worked):
        while begin < end:
            piece = min(end, (begin // QUARTER + 1) * QUARTER)
            wall = datetime.fromtimestamp(begin, zone).replace(tzinfo=None)
            day = (wall - timedelta(hours=begins)).date()
            day -= timedelta(day == LEFT_OUT.get(zone.key))
            seconds[day.weekday(), wall.hour] += piece - begin
            begin = piece
    return +seconds


def by_month(days: Counter[date]) -> Counter[tuple[int, int]]:
    months: Counter[tuple[int, int]] = Counter()
    for day, seconds in days.items():
        months[day.year, day.month] += seconds
    return months


def billed(works: Sequence[Work], zone: ZoneInfo, begins: int, year: int, month: int, rounding: str) -> int:
    """Seconds of acme's timesheet: rounded session by session, or day by day."""
    acme = [work for work in works if work.client == 0]
    pieces = [by_month(by_day([work], zone, begins))[year, month] for work in acme]
    if rounding.endswith("day"):
        pieces = [
            seconds for day, seconds in by_day(acme, zone, begins).items() if (day.year, day.month) == (year, month)
        ]
    if not rounding:
        return sum(pieces)
    step = int(rounding.split()[0]) * 60
    if "up" in rounding:
        return sum((seconds + step - 1) // step * step for seconds in pieces)
    return sum((seconds + step // 2) // step * step for seconds in pieces)
