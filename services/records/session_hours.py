"""In which hours of the week work was done, over any number of sessions, added up inside the database.

All times are seconds by the clock on the person's wall since a Monday, when the day of work begins: there an hour is
3600 seconds, and sessions, and pauses, that begin in the same hour of the week and end as many hours later are added up
as one. So nothing has to be cut at an hour. A session near a change of the clocks comes out whole, as does one that
reaches out of the span or that `services.work.timesheet` has to judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from itertools import pairwise

from services.ports import Clock, SqlDatabase
from services.records.session_reports import BEFORE, HOUR, PAUSED, PAUSED_UNKNOWN, chosen_sessions
from services.records.stored_sessions import FAR, NEAR, SessionSelection, StoredSession, conditions
from services.times import WriterZone, day_begins, day_of
from services.work.timesheet import transitions

# Each OFFSET 0 keeps the planner from evaluating what stands below it again at every use above.
_HOURS = f"""
WITH near AS MATERIALIZED (
    SELECT CASE WHEN NOT plain THEN id END AS odd, s + wall AS start, e + wall AS stop, edges,
           cardinality(edges) / 2 AS pauses, wall - written - :epoch AS base
    FROM (
        SELECT *, COALESCE(calm AND (paused IS NULL OR (
                      COALESCE(paused[4] = written, cardinality(paused) > 0)
                      AND paused[1] - written - :epoch >= s AND paused[2] - written - :epoch <= e)), false) AS plain
        FROM (
            SELECT *, (CAST(:walls AS float8[]))[change + 1] AS wall,
                   CASE WHEN paused IS NOT NULL THEN (CAST(:written AS float8[]))[change + 1] END AS written,
                   status = 'completed' AND s >= 0 AND e >= s AND e <= :length
                   AND change = width_bucket(e + :margin, CAST(:changes AS float8[])) AS calm
            FROM (
                SELECT *, width_bucket(s - :margin, CAST(:changes AS float8[])) AS change
                FROM (
                    SELECT session.id, session.status, {{paused}} AS paused, {{edges}} AS edges,
                           date_part('epoch', session.start_time - :since) AS s,
                           date_part('epoch', session.end_time - :since) AS e
                    FROM public.work_sessions session WHERE {NEAR} AND {{conditions}}
                    OFFSET 0
                ) session
                OFFSET 0
            ) session
            OFFSET 0
        ) session
        OFFSET 0
    ) session
),
spans AS (
    SELECT 1 AS sign, start, stop FROM near WHERE odd IS NULL
    UNION ALL
    SELECT -1, unnest(edges[1:pauses]) + base, unnest(edges[pauses + 1:]) + base
    FROM near WHERE odd IS NULL AND edges IS NOT NULL
)
SELECT sign, first % 168 AS hour, last - first AS later, count(*) AS number,
       sum(start - 3600 * first) AS started, sum(stop - 3600 * last) AS stopped, NULL::text AS odd
FROM (
    SELECT sign, start, stop, floor(start / 3600)::int AS first, floor(stop / 3600)::int AS last FROM spans
    OFFSET 0
) span
GROUP BY 1, 2, 3
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, odd::text FROM near WHERE odd IS NOT NULL
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, id::text FROM ({{far}}) long
"""
_WEEK = 7 * 24


class SessionHours:
    """Worked time by weekday and hour."""

    def __init__(self, database: SqlDatabase, zone: WriterZone, clock: Clock) -> None:
        self._database = database
        self._zone = zone
        self._clock = clock

    async def by_hour(
        self, selection: SessionSelection, since: datetime, until: datetime, zone: tzinfo
    ) -> tuple[Sequence[float], list[StoredSession]]:
        """Seconds by 24 times the weekday and the hour on the wall, and the sessions that are not among them.

        `since` and `until` are where days of `zone` begin and end.
        """
        features = await self._database.features()
        where, given = conditions(selection, features)
        statement = _HOURS.format(
            paused=PAUSED if features.pause_edges else PAUSED_UNKNOWN,
            edges="session.memoria_tui_pause_edges" if features.pause_edges else "NULL::float8[]",
            conditions=where,
            far=FAR.format(columns="session.id", conditions=where),
        )
        rows = await self._database.fetch(statement, **given, **self._parameters(since, until, zone))
        seconds, begins = [0.0] * _WEEK, day_begins(zone)
        for sign, hour, later, number, started, stopped, odd in rows:
            if odd is None:
                _add(seconds, sign * number, hour, later, sign * started, sign * stopped)
        placed = (hour - hour % 24 + (hour - begins) % 24 for hour in range(_WEEK))
        odd = [row.odd for row in rows if row.odd is not None]
        others = await chosen_sessions(self._database, odd, self._zone, self._clock())
        return [round(seconds[hour], 6) for hour in placed], others

    def _parameters(self, since: datetime, until: datetime, zone: tzinfo) -> dict[str, object]:
        both = [transitions(since - BEFORE, until + timedelta(days=2), one) for one in (zone, self._zone)]
        changed = [abs(after - before) for found in both for (_, before), (_, after) in pairwise(found)]
        at = sorted({instant for found in both for instant, _ in found})
        day = day_of(since, zone)
        monday = datetime.combine(day - timedelta(day.weekday()), time(day_begins(zone)), UTC)
        return {
            "since": since,
            "until": until,
            "length": (until - since).total_seconds(),
            "epoch": since.timestamp(),
            "margin": (max(changed, default=timedelta()) + HOUR).total_seconds(),
            "changes": [(instant - since).total_seconds() for instant in at[1:]],
            "walls": [(since - monday + _offset(instant, zone)).total_seconds() for instant in at],
            "written": [_offset(instant, self._zone).total_seconds() for instant in at],
        }


def _add(seconds: list[float], number: int, hour: int, later: int, started: float, stopped: float) -> None:
    """Adds spans that begin in an hour of the week and end `later` ones after it.

    `started` and `stopped`: the sums of the seconds from there to the beginnings, and from that last hour to the ends.
    """
    seconds[hour] -= started
    for passed in range(hour, hour + later):
        seconds[passed % _WEEK] += 3600 * number
    seconds[(hour + later) % _WEEK] += stopped


def _offset(instant: datetime, zone: tzinfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()
