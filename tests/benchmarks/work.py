"""Work time in a table of a million sessions over ten years: acts of the timer, reports, pages of the log.

The acts are measured in a small table too: they have to cost the same. A report is compared with what PostgreSQL takes
to add up the minutes of the same sessions into as many rows, and nothing else. A page of the log is 100 sessions: it is
compared with as many rows of the same columns, read by the same driver and made values as they are. The sessions are
made by the database from their number alone, so that every run has the same: one in four has pauses, one in forty goes
over midnight.
"""

from __future__ import annotations

import os
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from dataclasses import make_dataclass
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import LiteralString

import psycopg

from services.adapters.postgres.database import Database
from services.adapters.postgres.embedded import EmbeddedPostgres
from services.adapters.postgres.schema import upgrade
from services.model import ReportBy, SessionDraft
from services.records.stored_sessions import SESSION
from services.times import Period
from services.work.report_values import ReportUnit, SessionFilter
from tests.benchmarks.figures import Figure, compared, percentile
from tests.services.servers import create_database
from tests.services.worktables import Bench, bench

SMALL = 10
PEOPLE = """
INSERT INTO clients (name) SELECT 'client ' || n FROM generate_series(1, 30) n;
INSERT INTO projects (client_id, name)
SELECT id, 'project ' || n FROM clients, generate_series(1, 4) n;
"""
SESSIONS = """
WITH owned AS (
    SELECT array_agg(id ORDER BY name, id) AS ids, array_agg(client_id ORDER BY name, id) AS clients FROM projects
),
made AS (
    SELECT n, timestamptz '2016-11-20 00:00Z' + interval '10 years' * n / %(number)s AS start,
           (300 + abs(hashint4(n)) %% 14000) * interval '1 second' AS length,
           1 + abs(hashint4(n + 1)) %% 120 AS project, abs(hashint4(n + 2)) %% 4 = 0 AS paused
    FROM generate_series(1, %(number)s) n
)
INSERT INTO work_sessions (id, description, category, client_id, project_id, start_time, end_time, status, pauses,
                           total_pause_minutes, notes)
SELECT md5(n::text)::uuid, 'piece of work ' || n, (enum_range(NULL::session_category))[1 + n %% 8], clients[project],
       ids[project], start, start + length, 'completed',
       CASE WHEN paused THEN jsonb_build_array(
           jsonb_build_object('start', pause(start + length * .3), 'end', pause(start + length * .4), 'reason', 'tea'),
           jsonb_build_object('start', pause(start + length * .6), 'end', pause(start + length * .7), 'reason', null))
       ELSE '[]' END,
       CASE WHEN paused THEN 2 * floor(extract(epoch FROM length * 0.1) / 60) ELSE 0 END,
       CASE WHEN n %% 10 = 0 THEN ARRAY['a note'] ELSE '{}' END
FROM made, owned ORDER BY n
"""
PAUSE = """
CREATE FUNCTION pause(timestamptz) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT to_char($1 AT TIME ZONE 'Europe/Rome', 'YYYY-MM-DD"T"HH24:MI:SS.US') $$
"""
_MINUTES = "count(*), sum(duration_minutes) FROM work_sessions"
MONTHS = ("client and day", "project and day", "category and day", "day")
_MONTH = "WHERE start_time >= '2024-03-01' AND start_time < '2024-04-01'"
_DAY = "date_trunc('day', start_time AT TIME ZONE 'Europe/Rome')"
PAGE, YEAR, ALL = "reading 100 rows", "GROUP BY month", "of all sessions"
BARE: dict[str, LiteralString] = {
    "GROUP BY client and day": f"SELECT client_id, {_DAY}, {_MINUTES} {_MONTH} GROUP BY 1, 2",
    "GROUP BY project and day": f"SELECT project_id, {_DAY}, {_MINUTES} {_MONTH} GROUP BY 1, 2",
    "GROUP BY category and day": f"SELECT category, {_DAY}, {_MINUTES} {_MONTH} GROUP BY 1, 2",
    "GROUP BY day": f"SELECT {_DAY}, {_MINUTES} {_MONTH} GROUP BY 1",
    YEAR: f"SELECT client_id, {_MINUTES} WHERE start_time >= '2024-01-01' AND start_time < '2025-01-01' "
    "GROUP BY client_id, date_trunc('month', start_time AT TIME ZONE 'Europe/Rome')",
    ALL: f"SELECT client_id, {_MINUTES} GROUP BY client_id",
}
"""Statements by the name of the baseline."""
ROWS = f"{SESSION} ORDER BY session.start_time DESC, session.id DESC LIMIT 100"
Call = Callable[[], Awaitable[object]]


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)


async def run(args: Namespace) -> list[Figure]:
    """Milliseconds a call through the services."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)
        server = EmbeddedPostgres(Path(folder) / "postgres")
        url = await server.start()
        try:
            urls = [await filled(url, name, number) for name, number in (("small", SMALL), ("large", args.sessions))]
            async with bench(urls[0], Path(folder)) as small, bench(urls[1], Path(folder)) as large:
                return await measure(small, large, urls[1], args.rounds)
        finally:
            server.close()
            await server.erase()


async def filled(url: str, name: str, number: int) -> str:
    """A new database with that many sessions; gives its URL."""
    made = create_database(url, name)
    database = Database(made)
    await upgrade(database)
    await database.close()
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute(PEOPLE)
        connection.execute(PAUSE)
        connection.execute(SESSIONS, {"number": number})
        connection.execute("VACUUM ANALYZE")
    return made


async def measure(small: Bench, large: Bench, url: str, rounds: int) -> list[Figure]:
    acts = {name: await timer(one, rounds) for name, one in (("small", small), ("large", large))}
    alone = {**await bare(url, rounds), PAGE: await p50(partial(values, large), rounds)}
    began = time.perf_counter()
    await large.reports.refresh_views()
    refresh = (time.perf_counter() - began) * 1000
    figures = [
        compared(f"{act}, p50", taken, "ms", f"the same with {SMALL} sessions", acts["small"][act], 1.5)
        for act, taken in acts["large"].items()
    ]
    figures.append(compared("stop", acts["large"]["stop"], "ms", "refreshing the views on each stop", refresh, 0.1))
    for what, name, at_most, call in reports(large):
        figures.append(compared(f"{what}, p50", await p50(call, rounds), "ms", name, alone[name], at_most))
    return figures


async def bare(url: str, rounds: int) -> dict[str, float]:
    """Milliseconds (p50) of what a report cannot do without, each in PostgreSQL alone."""
    with psycopg.connect(url, autocommit=True) as connection:
        taken = {name: [seconds(connection, statement) for _ in range(rounds + 1)] for name, statement in BARE.items()}
    return {name: percentile(times[1:], 0.5) * 1000 for name, times in taken.items()}


async def values(one: Bench) -> list[object]:
    """100 sessions of the log as they stand in the table."""
    rows = await one.database.read(ROWS)
    return [_value(*rows[0]._fields)(*row) for row in rows]


@cache
def _value(*fields: str) -> type:
    return make_dataclass("value", fields, frozen=True, slots=True)


def seconds(connection: psycopg.Connection[object], statement: LiteralString) -> float:
    began = time.perf_counter()
    connection.execute(statement).fetchall()
    return time.perf_counter() - began


async def timer(one: Bench, rounds: int) -> dict[str, float]:
    """p50 of each act, one session after another."""
    times: dict[str, list[float]] = {}
    for _ in range(rounds + 1):
        session = await one.work.start(SessionDraft("measured", client="client 1", project="project 1"))
        for act, call in (
            ("pause", one.work.pause), ("resume", one.work.resume), ("note", noted(one)), ("status", one.work.status),
            ("stop", one.work.stop),
        ):  # fmt: skip
            one.clock.go(minutes=1)
            times.setdefault(act, []).append(await milliseconds(call))
        await one.work.delete(session.id)
        times.setdefault("start", []).append(await milliseconds(started(one)))
        await one.work.delete((await one.work.status()).sessions[0].id)
    return {act: percentile(measured[1:], 0.5) for act, measured in sorted(times.items())}


def noted(one: Bench) -> Call:
    return lambda: one.work.note("a thought")


def started(one: Bench) -> Call:
    return lambda: one.work.start(SessionDraft("measured"))


def reports(one: Bench) -> list[tuple[str, str, float, Call]]:
    """What is asked, its baseline in `BARE`, its goal as a multiple of that, the call."""
    month, year = Period(date(2024, 3, 1), date(2024, 3, 31)), Period(date(2024, 1, 1), date(2024, 12, 31))
    asked: list[tuple[str, str, float, Call]] = [
        (f"month by {by}", f"GROUP BY {name}", 8, partial(one.reports.report, month, by))
        for by, name in zip(ReportBy, MONTHS, strict=True)
    ]
    asked += [
        (f"year by {by} and month (summary)", YEAR, 3, partial(one.reports.report, year, by, ReportUnit.MONTH))
        for by in (ReportBy.CLIENT, ReportBy.PROJECT, ReportBy.CATEGORY)
    ]
    asked.append(("year by weekday and hour (summary)", YEAR, 3, partial(one.reports.hours, year)))
    middle, day = SessionFilter(last=date(2020, 6, 1)), SessionFilter(first=date(2020, 6, 1), last=date(2020, 6, 1))
    of_client = SessionFilter(clients=("client 7",))
    asked += [
        ("log, newest page", PAGE, 5, lambda: one.reports.log()),
        ("log, page in the middle", PAGE, 5, lambda: one.reports.log(middle)),
        ("log of one client", PAGE, 5, lambda: one.reports.log(of_client)),
        ("log of one day", PAGE, 5, lambda: one.reports.log(day)),
        ("clients with counts", ALL, 2, one.clients.clients),
        ("exact time of every client, ever", ALL, 10, lambda: one.reports.worked(ReportBy.CLIENT)),
    ]
    return asked


async def p50(call: Call, rounds: int) -> float:
    await call()
    return percentile([await milliseconds(call) for _ in range(rounds)], 0.5)


async def milliseconds(call: Call) -> float:
    began = time.perf_counter()
    await call()
    return (time.perf_counter() - began) * 1000
