"""Reports over the database that MCP Memoria wrote, against its known truth."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.adapters.postgres.database import Database
from services.adapters.postgres.schema import upgrade
from services.errors import SchemaMissing
from services.model import Flaw, ReportBy, SessionStatus
from services.times import Period, month_end
from services.work.report_values import ReportUnit, SessionFilter
from tests.services.servers import create_database, drop_database
from tests.services.worktables import Bench, bench

DATA = Path(__file__).parents[2] / "../shared/data/upstream-dev"
pytestmark = pytest.mark.skipif(
    not (DATA / "postgres.sql").exists() or shutil.which("psql") is None, reason="needs upstream's data and psql"
)
ALL = Period(date(2026, 1, 1), date(2026, 12, 31))
AFTER = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)


@pytest.fixture
def truth() -> Any:
    return json.loads((DATA / "truth.json").read_text("utf-8"))["work"]


@pytest.fixture(scope="module")
def restored_url(postgres_server: str) -> Iterator[str]:
    """The restored database with our schema beside upstream's; tests get copies of it."""
    url = create_database(postgres_server, "upstream")
    restore(url)
    asyncio.run(_upgraded(url))
    yield url
    drop_database(postgres_server, "upstream")


def restore(url: str) -> None:
    """Fills an empty database with upstream's."""
    dump = [line for line in (DATA / "postgres.sql").read_text("utf-8").split("\n") if "restrict fixture" not in line]
    psql = ["psql", "-q", "-v", "ON_ERROR_STOP=1", url]
    subprocess.run(psql, input="\n".join(dump), text=True, check=True, capture_output=True)


async def _upgraded(url: str) -> None:
    database = Database(url)
    await upgrade(database)
    await database.close()


@pytest.fixture
async def upstream(restored_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    """The restored database, to be read, in the zone its sessions were written in."""
    async with bench(restored_url, tmp_path, zone="UTC") as opened:
        opened.clock.at = AFTER
        yield opened


@pytest.fixture
async def copy(restored_url: str, postgres_server: str, tmp_path: Path) -> AsyncIterator[Bench]:
    """A copy of it, to be written."""
    copied = create_database(postgres_server, "upstream_copy", "upstream")
    async with bench(copied, tmp_path, zone="UTC") as opened:
        opened.clock.at = AFTER
        yield opened
    drop_database(postgres_server, "upstream_copy")


async def test_views_give_every_total(upstream: Bench, truth: Any) -> None:
    assert await upstream.reports.refresh_views()
    by_client = await upstream.sql(
        "SELECT COALESCE(client_name, '(none)') AS name, sum(total_minutes)::int AS minutes, "
        "sum(session_count)::int AS sessions FROM monthly_work_summary GROUP BY 1"
    )
    assert {row.name: row.minutes for row in by_client} == truth["minutes_by_client"]
    assert {row.name: row.sessions for row in by_client} == truth["completed_sessions_by_client"]
    by_month = await upstream.sql(
        "SELECT to_char(month AT TIME ZONE 'UTC', 'YYYY-MM') AS name, sum(total_minutes)::int AS minutes "
        "FROM monthly_work_summary GROUP BY 1"
    )
    assert {row.name: row.minutes for row in by_month} == truth["minutes_by_month_utc"]
    (daily,) = await upstream.sql("SELECT sum(total_minutes)::int AS minutes FROM daily_work_totals")
    assert daily.minutes == truth["completed_minutes"]


async def test_reports_differ_from_the_minutes_only_by_seconds(upstream: Bench, truth: Any) -> None:
    report = await upstream.reports.report(ALL, ReportBy.CLIENT, ReportUnit.MONTH)
    exact: dict[str, float] = {}
    by_category: dict[str, list[float]] = {}
    for row in await upstream.sql(
        "SELECT s.*, COALESCE(c.name, '(none)') AS name FROM work_sessions s LEFT JOIN clients c ON c.id = s.client_id "
        "WHERE status = 'completed'"
    ):
        paused = sum(
            (datetime.fromisoformat(p["end"]) - datetime.fromisoformat(p["start"])).total_seconds() for p in row.pauses
        )
        seconds = max(0.0, (row.end_time - row.start_time).total_seconds() - paused)
        assert -60 * len(row.pauses) - 60 < seconds - row.duration_minutes * 60 < 61, row.id
        exact[row.name] = exact.get(row.name, 0.0) + seconds
        by_category.setdefault(row.category, []).append(seconds - row.duration_minutes * 60)
    groups = {group.name or "(none)": group for group in report.groups}
    assert {name: group.sessions for name, group in groups.items()} == truth["completed_sessions_by_client"]
    assert {name: group.seconds for name, group in groups.items()} == pytest.approx(exact)
    categories = {one.name: one.seconds for one in (await upstream.reports.report(ALL, ReportBy.CATEGORY)).groups}
    assert {name: seconds - sum(by_category[str(name)]) for name, seconds in categories.items()} == pytest.approx(
        {name: minutes * 60 for name, minutes in truth["minutes_by_category"].items()}
    )
    assert report.sessions == truth["by_status"]["completed"]
    assert report.open_sessions == len(truth["open_sessions"])


async def test_months_differ_by_what_crosses_their_ends(upstream: Bench, truth: Any) -> None:
    report = await upstream.reports.report(ALL, ReportBy.CATEGORY, ReportUnit.MONTH)
    months: dict[str, float] = {}
    for cell in report.cells:
        months[f"{cell.start:%Y-%m}"] = months.get(f"{cell.start:%Y-%m}", 0.0) + cell.seconds / 60
    sessions = truth["completed_sessions_by_month_utc"]
    crossing = {
        row.month: row.minutes
        for row in await upstream.sql(
            "SELECT to_char(m, 'YYYY-MM') AS month, sum(extract(epoch FROM end_time - m) / 60)::float8 AS minutes "
            "FROM work_sessions, date_trunc('month', end_time) AS m WHERE start_time < m AND end_time > m GROUP BY 1"
        )
    }
    following = dict(zip(list(months), list(months)[1:], strict=False))
    for month, minutes in truth["minutes_by_month_utc"].items():
        moved = crossing.get(month, 0.0) - crossing.get(following.get(month, ""), 0.0)
        slack = 3 * sessions[month] + 30
        assert abs(months[month] - minutes - moved) < slack, month


async def test_impossible_sessions_are_flagged(upstream: Bench, truth: Any) -> None:
    report = await upstream.reports.report(ALL)
    flagged = dict(report.flawed)
    (backwards,), (overpaused,) = truth["end_before_start"], truth["pauses_exceed_duration"]
    assert flagged[backwards] == (Flaw.ENDS_BEFORE_START,)
    assert flagged[overpaused] == (Flaw.PAUSE_OUTSIDE, Flaw.PAUSES_TOO_LONG)
    assert set(flagged) == {backwards, overpaused}
    page = await upstream.reports.log(limit=1000)
    assert len(page.sessions) == truth["sessions"]
    assert set(page.flaws) == {backwards, overpaused}


async def test_client_totals_are_not_multiplied(upstream: Bench, truth: Any) -> None:
    totals = await upstream.clients.clients()
    assert sum(total.minutes for total in totals) == truth["completed_minutes"]
    assert sum(total.client is not None for total in totals) == truth["clients"]
    assert {total.client.name if total.client else "(none)": total.minutes for total in totals} == truth[
        "minutes_by_client"
    ]
    projects = [total.project for total in await upstream.clients.projects() if total.project]
    assert len(projects) == truth["projects"]
    assert sum(project.client_id is None for project in projects) == truth["projects_without_client"]
    by_project = {
        f"{t.project.name} ({t.project.id})" if t.project else "(none)": t.minutes
        for t in await upstream.clients.projects()
    }
    assert by_project == truth["minutes_by_project"]


async def test_the_log_has_every_session_as_it_is_stored(upstream: Bench, truth: Any) -> None:
    sessions = {one.id: one for one in (await upstream.reports.log(limit=1000)).sessions}
    assert len(sessions) == truth["sessions"]
    assert Counter(one.status.value for one in sessions.values()) == truth["by_status"]
    assert Counter(one.category.value for one in sessions.values()) == truth["by_category_all"]
    assert sum(bool(one.pauses) for one in sessions.values()) == truth["with_pauses"]
    nobody = await upstream.reports.log(SessionFilter(clients=(None,)), limit=1000)
    assert len(nobody.sessions) == truth["without_client"]
    for month, number in truth["completed_sessions_by_month_utc"].items():
        first = date.fromisoformat(f"{month}-01")
        begun = SessionFilter(first, month_end(first), statuses=(SessionStatus.COMPLETED,))
        assert len((await upstream.reports.log(begun, limit=1000)).sessions) == number, month
    ended = [(one.id, one.start, one.end) for one in sessions.values() if one.end and one.end > one.start]
    assert sorted(id_ for id_, start, end in ended if end.date() != start.date()) == truth["crossing_midnight_utc"]
    assert sorted(id_ for id_, start, end in ended if end.month != start.month) == truth["crossing_month_end_utc"]
    for one in truth["open_sessions"]:
        session = sessions[one["id"]]
        pauses = [
            {"start": _written(pause.start), "end": _written(pause.end), "reason": pause.reason}
            for pause in session.pauses
        ]
        whole = sum(int((pause.end - pause.start).total_seconds() / 60) for pause in session.pauses if pause.end)
        assert one == {
            "id": session.id,
            "status": session.status.value,
            "description": session.description,
            "category": session.category.value,
            "client": session.client,
            "project": session.project,
            "start_time": session.start.isoformat(),
            "total_pause_minutes": whole,
            "pauses": pauses,
            "issue_number": session.issue_number,
            "pr_number": session.pr_number,
            "branch": session.branch,
            "notes": list(session.notes),
        }


def _written(instant: datetime | None) -> str | None:
    """As upstream writes the times of pauses."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() if instant else None


async def test_days_and_months_share_sessions_that_cross_their_ends(upstream: Bench, truth: Any) -> None:
    by_day = await upstream.reports.report(ALL, ReportBy.DAY)
    by_month = await upstream.reports.report(ALL, ReportBy.CLIENT, ReportUnit.MONTH)
    crossing, over_months = set(truth["crossing_midnight_utc"]), set(truth["crossing_month_end_utc"])
    ends = {one.id: one.end for one in (await upstream.reports.log(limit=1000)).sessions if one.id in crossing}
    # What ends with the day has nothing in the next one.
    to_midnight = {id_ for id_, end in ends.items() if end and end.time() == time()}
    assert len(to_midnight) == 1
    assert sum(group.sessions for group in by_day.groups) == by_day.sessions + len(crossing - to_midnight)
    started = truth["completed_sessions_by_month_utc"]
    over = Counter(f"{ends[id_]:%Y-%m}" for id_ in over_months - to_midnight)
    assert {f"{unit.start:%Y-%m}": unit.sessions for unit in by_month.units} == Counter(started) + over


async def test_a_stop_leaves_the_views_to_others(copy: Bench) -> None:
    before = await copy.sql("SELECT sum(session_count)::int AS number FROM daily_work_totals")
    for session in (await copy.work.status()).sessions:
        await copy.work.stop(session.id)
    assert await copy.sql("SELECT sum(session_count)::int AS number FROM daily_work_totals") == before


async def test_upstreams_own_stop_refreshes_the_views_as_before(copy: Bench) -> None:
    (before,) = await copy.sql("SELECT sum(session_count)::int AS number FROM daily_work_totals")
    await copy.sql(
        "UPDATE work_sessions SET status = 'completed', end_time = now() WHERE status = 'active' RETURNING id"
    )
    (after,) = await copy.sql("SELECT sum(session_count)::int AS number FROM daily_work_totals")
    assert after.number == before.number + 2


async def test_a_database_of_upstream_is_read_as_it_is(empty_url: str, tmp_path: Path) -> None:
    await asyncio.to_thread(restore, empty_url)
    async with bench(empty_url, tmp_path) as untouched:
        sessions = (await untouched.work.status()).sessions
        assert len(sessions) == 3
        assert (await untouched.reports.report(ALL)).sessions == 157
        assert len(await untouched.clients.clients()) == 6
        assert (await untouched.work.last_activity(sessions[0].id)) >= sessions[0].start
        with pytest.raises(SchemaMissing):
            await untouched.work.note("not asked yet", sessions[0].id)


async def test_status_of_what_runs(upstream: Bench, truth: Any) -> None:
    status = await upstream.work.status()
    assert [s.id for s in status.sessions] == [one["id"] for one in truth["open_sessions"]]
    paused = status.sessions[1]
    before = paused.elapsed_seconds(upstream.clock())
    assert paused.elapsed_seconds(upstream.clock() + timedelta(hours=1)) == before
    assert {warning.kind.value for warning in status.warnings} == {"forgotten", "overlap"}
