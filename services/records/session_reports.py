"""Reports over any number of sessions, added up inside the database.

Days are gathered in stretches, so that few rows come out: days in a row of one unit, with a bit in one number for each.
A plain session within a stretch adds to it as a whole, one over a midnight between two of them to both. What lasts
longer than over one midnight, and what is not plain, comes out whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from services.model import ReportBy
from services.ports import Clock, SqlDatabase
from services.records.session_conditions import SessionSelection
from services.records.session_sums import sessions_of_span, whole_sessions
from services.records.stored_sessions import StoredSession
from services.times import WriterZone

_MOST_DAYS = 60
"""Of a stretch: their bits fit into a bigint."""
_DAY = 86_400.0
_NOTHING = "0.0000005"
"""Seconds: less than the least time, to tell rounded sums from it."""
_ADDED = "plain AND day > 0 AND e <= next_midnight"
_PAUSED_BEFORE = """
CASE WHEN edges IS NULL THEN 0 ELSE (
    SELECT COALESCE(sum(LEAST(ended - base, midnight) - began + base), 0)
    FROM unnest(edges[1:cardinality(edges) / 2], edges[cardinality(edges) / 2 + 1:]) pause (began, ended)
    WHERE began - base < midnight
) END
"""
# Each OFFSET 0 keeps the planner from evaluating what stands below it again at every use above.
_REPORT = f"""
SELECT key::text AS key, stretch, sum(e - s - pause) AS seconds, sum(behind) FILTER (WHERE midnight = edge) AS behind,
       count(*) AS sessions, count(*) FILTER (WHERE e > edge) AS over,
       bit_or(CASE WHEN e - s - pause - COALESCE(behind, 0) > {_NOTHING} THEN bit ELSE 0 END
              | CASE WHEN behind > {_NOTHING} AND midnight < edge THEN bit << 1 ELSE 0 END) AS days,
       COALESCE(bool_or(behind > {_NOTHING} AND midnight = edge), false) AS day_behind,
       odd::text AS odd
FROM (
    SELECT key, s, e, midnight, COALESCE(pause, 0) AS pause, (CAST(:edges AS float8[]))[day] AS edge,
           (CAST(:bits AS bigint[]))[day] AS bit,
           CASE WHEN {_ADDED} THEN (CAST(:stretches AS int[]))[day] END AS stretch,
           CASE WHEN NOT ({_ADDED}) THEN id END AS odd,
           CASE WHEN e > midnight THEN e - midnight - COALESCE(pause, 0) + {_PAUSED_BEFORE} END AS behind
    FROM (
        SELECT *, (CAST(:midnights AS float8[]))[day + 1] AS midnight,
               (CAST(:midnights AS float8[]))[day + 2] AS next_midnight
        FROM (
            SELECT *, width_bucket(s, CAST(:midnights AS float8[])) AS day
            FROM ({{near}}) session
            OFFSET 0
        ) session
        OFFSET 0
    ) session
    OFFSET 0
) session
GROUP BY session.key, stretch, session.odd
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, id::text FROM ({{far}}) long
"""
"""`edge` is where the stretch ends; `behind`, what is worked behind the midnight after the start. `odd`: an id."""
_EXTENT = """
SELECT min(start_time) AS first, max(GREATEST(start_time, end_time)) AS last FROM public.work_sessions
"""
_TAKE_TURN = "SELECT pg_try_advisory_xact_lock(hashtext('memoria_tui.refresh_work_views')) AS taken"


@dataclass(frozen=True, slots=True)
class ReportQuestion:
    """What to add up: sessions by `by`, cut at `bounds`."""

    selection: SessionSelection
    by: ReportBy
    bounds: Sequence[datetime]
    """Starts of days, ascending, and the end of the last."""
    units: Sequence[int]
    """Number of the unit in which each day lies, ascending from 0."""


class ReportRow(NamedTuple):
    """Worked time of one group in one unit."""

    key: str | None
    """Id of a client or project, name of a category; None for those without and for reports by day."""
    unit: int
    seconds: float
    sessions: int
    """Sessions that touch this unit."""
    fresh: int
    """Those of them that touch no earlier unit of the report."""
    days: int
    """A bit for each day with time, numbered as `bounds`."""


class SessionReports:
    """Worked time of a period."""

    def __init__(self, database: SqlDatabase, zone: WriterZone, clock: Clock) -> None:
        self._database = database
        self._zone = zone
        self._clock = clock

    async def worked(self, question: ReportQuestion) -> tuple[list[ReportRow], list[StoredSession]]:
        """What is plain, added up, and the sessions that are not: open, impossible, of several days, oddly paused."""
        features = await self._database.features()
        bounds, by = question.bounds, question.by
        asked = sessions_of_span(question.selection, features, bounds[0], bounds[-1], self._zone, key=by.field)
        stretches = _Stretches.of(bounds, question.units)
        statement = _REPORT.format(near=asked.near, far=asked.far)
        rows = await self._database.fetch(statement, **asked.given, **stretches.given)
        odd = [row.odd for row in rows if row.odd is not None]
        return list(stretches.parts(rows)), await whole_sessions(self._database, odd, self._zone, self._clock())

    async def extent(self) -> tuple[datetime, datetime] | None:
        """The first start and the last start or end of all sessions; None without any."""
        rows = await self._database.fetch(_EXTENT)
        return (rows[0].first, rows[0].last) if rows and rows[0].first is not None else None

    async def refresh_views(self) -> bool:
        """Brings the views for other programs up to date; False when another program is at it.

        Takes seconds with a million sessions: never awaited by a person.
        """
        async with self._database.transaction() as connection:
            (turn,) = await connection.fetch(_TAKE_TURN)
            if turn.taken:
                await connection.fetch("SELECT public.refresh_work_views()")
            return bool(turn.taken)


@dataclass(frozen=True, slots=True)
class _Stretches:
    """The days of a report in stretches, numbered from 1. The day before the report is stretch 0."""

    given: dict[str, object]
    units: Sequence[int]
    """Unit of each stretch, as of `ReportQuestion`, from stretch 1 on."""
    first_days: Sequence[int]
    """Number of the first day of each."""

    @classmethod
    def of(cls, bounds: Sequence[datetime], units: Sequence[int]) -> _Stretches:
        firsts: list[int] = []
        numbers: list[int] = []
        for day, unit in enumerate(units):
            if not firsts or unit != units[firsts[-1]] or day - firsts[-1] == _MOST_DAYS:
                firsts.append(day)
            numbers.append(len(firsts))
        seconds = [(bound - bounds[0]).total_seconds() for bound in bounds]
        ends = [seconds[first] for first in (*firsts, len(units))]
        given = {
            "midnights": [-_DAY, *seconds, seconds[-1] + _DAY],
            "stretches": [0, *numbers],
            "edges": [0.0, *(ends[number] for number in numbers)],
            "bits": [1, *(1 << day - firsts[number - 1] for day, number in enumerate(numbers))],
        }
        return cls(given, [units[first] for first in firsts], firsts)

    def parts(self, rows: Iterable[Any]) -> Iterator[ReportRow]:
        """What each row adds to its own stretch, and what to the next one."""
        units, first_days, last = self.units, self.first_days, len(self.units)
        for key, stretch, seconds, behind, sessions, over, days, day_behind, odd in rows:
            if odd is not None:
                continue
            if stretch:
                here = round(seconds - (behind or 0.0), 6)
                yield ReportRow(key, units[stretch - 1], here, sessions, sessions, days << first_days[stretch - 1])
            if over and stretch < last:
                is_same, is_fresh = stretch and units[stretch - 1] == units[stretch], not stretch
                day = day_behind << first_days[stretch]
                yield ReportRow(
                    key, units[stretch], round(behind, 6), 0 if is_same else over, over if is_fresh else 0, day
                )
