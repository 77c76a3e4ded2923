"""In which hours of the week work was done, over any number of sessions, added up inside the database.

All times are seconds by the clock on the person's wall since a Monday, when the day of work begins: there an hour is
3600 seconds, and what is worked without a pause, begins in the same hour of the week and ends as many hours later is
added up as one. So nothing has to be cut at an hour. A session in which the clocks change, or that
`services.work.worked_time` has to judge, comes out whole, as does one with pauses that reaches out of the span.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo

from services.ports import Clock, SqlDatabase
from services.records.session_conditions import SessionSelection
from services.records.session_sums import offsets, sessions_of_span, whole_sessions
from services.records.stored_sessions import StoredSession
from services.times import WriterZone, day_begins, day_of

_STEADY = "plain AND change = width_bucket(e, CAST(:changes AS float8[]))"
"""Whether the clocks on the wall do not change in a session, or shortly before it."""
_WALL = "(CAST(:walls AS float8[]))[change + 1]"
_HOURS = f"""
SELECT first % 168 AS hour, last - first AS later, count(*) AS number, sum(start - 3600 * first) AS started,
       sum(stop - 3600 * last) AS stopped, odd::text
FROM (
    SELECT floor(start / 3600)::int AS first, floor(stop / 3600) AS last, start, stop, odd
    FROM (
        SELECT GREATEST(s, 0) + {_WALL} AS start, LEAST(e, :length) + {_WALL} AS stop,
               CASE WHEN NOT ({_STEADY}) THEN id END AS odd
        FROM ({{unpaused}}) session
        UNION ALL
        SELECT unnest(starts) + ahead, unnest(ends) + ahead, odd
        FROM (
            SELECT s + base || edges[cardinality(edges) / 2 + 1:] AS starts,
                   edges[1:cardinality(edges) / 2] || e + base AS ends, {_WALL} - base AS ahead,
                   CASE WHEN NOT ({_STEADY} AND s >= 0 AND e <= :length) THEN id END AS odd
            FROM ({{paused}}) session
            OFFSET 0
        ) session
        OFFSET 0
    ) span
    OFFSET 0
) span
GROUP BY 1, 2, odd
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, id::text FROM ({{far}}) long
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
        asked = sessions_of_span(selection, features, since, until, self._zone, zone)
        statement = _HOURS.format(unpaused=asked.unpaused, paused=asked.paused, far=asked.far)
        ahead = (since - _monday(since, zone)).total_seconds()
        walls = [ahead + offset for offset in offsets(asked.changes, zone)]
        length = (until - since).total_seconds()
        rows = await self._database.fetch(statement, **asked.given, walls=walls, length=length)
        seconds, begins = [0.0] * _WEEK, day_begins(zone)
        for hour, later, number, started, stopped, odd in rows:
            if odd is None:
                _add(seconds, number, hour, int(later), started, stopped)
        placed = (hour - hour % 24 + (hour - begins) % 24 for hour in range(_WEEK))
        odd = list(dict.fromkeys(row.odd for row in rows if row.odd is not None))
        others = await whole_sessions(self._database, odd, self._zone, self._clock())
        return [round(seconds[hour], 6) for hour in placed], others


def _monday(since: datetime, zone: tzinfo) -> datetime:
    """When the day of work begins on the Monday before, as if the clocks showed UTC."""
    day = day_of(since, zone)
    return datetime.combine(day - timedelta(day.weekday()), time(day_begins(zone)), UTC)


def _add(seconds: list[float], number: int, hour: int, later: int, started: float, stopped: float) -> None:
    """Adds spans that begin in an hour of the week and end `later` ones after it.

    `started` and `stopped`: the sums of the seconds from there to the beginnings, and from that last hour to the ends.
    """
    seconds[hour] -= started
    for passed in range(hour, hour + later):
        seconds[passed % _WEEK] += 3600 * number
    seconds[(hour + later) % _WEEK] += stopped
