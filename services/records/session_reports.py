"""Reports over any number of sessions, added up inside the database.

A session counts there when all about it is plain: completed, and with closed pauses that lie inside it one after the
other, away from the hours that the clocks repeat, whose instants, where they stand beside, are those of the writer's
zone. Most are plain and within one day: of their pauses the sum is enough, which a column has (020_paused.sql). The
others are cut pause by pause. The few that are not plain come out whole, to be judged by `services.work.timesheet`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from itertools import pairwise

from services.ports import Clock, SqlDatabase
from services.records.stored_sessions import (
    FAR,
    NEAR,
    SESSION,
    ReportQuestion,
    ReportRow,
    StoredSession,
    conditions,
    stored_sessions,
)
from services.times import WriterZone
from services.work.timesheet import transitions

_COLUMNS = "session.id, {key} AS key, session.status, session.start_time, session.end_time, session.pauses"
_PLAIN_TIME = """
{text} LIKE '____-__-__T__:__:__%' AND substr({text}, 20) COLLATE "C" ~ '^[.0-9]*$'
AND pg_input_is_valid({text}, 'timestamp')
"""
"""Zone-less ISO 8601 that a cast to timestamp is sure to take: one bad text must not fail a whole report."""
_PLAIN_TIME_15 = r"""
{text} ~ '^[12]\d{{3}}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3])(:[0-5]\d){{2}}(\.\d+)?$'
AND CASE WHEN substr({text}, 9, 2) > '28'
    THEN substr({text}, 9, 2)::int <= date_part('day', (left({text}, 7) || '-01')::date + interval '1 month -1 day')
    ELSE true END
"""
"""The same for PostgreSQL 15, which has no pg_input_is_valid()."""
_IS_VALID_SINCE = 160000
_OFFSET = """
CASE WHEN entry.{name}_at IS NULL THEN ''
     WHEN starts_with(entry.{name}_at, entry.{name}) THEN substr(entry.{name}_at, length(entry.{name}) + 1)
     ELSE '?' END
"""
"""What the instant beside a text says more than the text; '' where there is none."""
PAUSED = "session.memoria_tui_paused"
PAUSED_UNKNOWN = "CASE WHEN session.pauses <> '[]' THEN CAST('{}' AS float8[]) END"
"""In a database that was not upgraded."""
_NEAR = f"""
SELECT id, key, status, s, e, paused[3] AS pause, day, reach,
       (CAST(:reaches AS float8[]))[day + 2] AS next_reach,
       paused[1] - shift - :epoch AS pause_start, paused[2] - shift - :epoch AS pause_stop,
       CASE WHEN paused IS NOT NULL THEN
           COALESCE(paused[4] = shift, cardinality(paused) > 0)
           AND width_bucket(s - :margin, CAST(:change_reaches AS float8[]))
             = width_bucket(e + :margin, CAST(:change_reaches AS float8[])) END AS steady
FROM (
    SELECT *, (CAST(:reaches AS float8[]))[day + 1] AS reach,
           (CAST(:seconds AS float8[]))[width_bucket(s, CAST(:change_reaches AS float8[])) + 1] AS shift
    FROM (
        SELECT *, width_bucket(s, CAST(:reaches AS float8[])) AS day
        FROM (
            SELECT session.id, {{key}} AS key, session.status, {{paused}} AS paused,
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
"""
"""Sessions by the day that they begin in, all times as seconds since the report begins: quicker than instants.

`reach` is where that day ends, `next_reach` the next one. `steady`: no clocks change in a session with pauses or near
it, so that the sum of its pauses is all that has to be known of them.
"""
_ADDED_UP = """
status = 'completed' AND day > 0 AND e >= s AND e <= CASE WHEN e <= reach THEN reach ELSE next_reach END
AND (steady IS NULL OR (steady AND pause_start >= s AND pause_stop <= e
                        AND (pause_stop <= reach OR pause_start >= reach)))
"""
"""Whether a session lies within one day or over one midnight, with its pauses on one side of that."""
_WORD = 60
"""Days whose bits PostgreSQL puts into one number."""
# Each OFFSET 0 keeps the planner from evaluating what stands below it again at every use above.
_REPORT = f"""
WITH near AS MATERIALIZED (
    SELECT key, day, sum(LEAST(e, reach) - s - CASE WHEN pause_stop > reach THEN 0 ELSE COALESCE(pause, 0) END) AS here,
           sum(GREATEST(e - reach, 0) - CASE WHEN pause_stop > reach THEN pause ELSE 0 END) AS there,
           count(*) AS sessions, count(*) FILTER (WHERE e > reach) AS over, CASE WHEN day IS NULL THEN id END AS id
    FROM (
        SELECT id, key, s, e, reach, pause, pause_stop, CASE WHEN {_ADDED_UP} THEN day END AS day
        FROM ({_NEAR}) session
    ) session
    GROUP BY key, day, CASE WHEN day IS NULL THEN id END
),
touching AS MATERIALIZED (
    SELECT {{columns}} FROM public.work_sessions session
    WHERE session.id = ANY(ARRAY(SELECT id FROM near WHERE day IS NULL))
    UNION ALL {{far}}
),
paused AS MATERIALIZED (
    SELECT id, key, start, stop,
           COALESCE(start <= stop AND start >= start_time AND stop <= end_time AND in_order AND told
                    AND width_bucket(start_time - CAST(:near AS interval), CAST(:changes AS timestamptz[]))
                      = width_bucket(end_time + CAST(:near AS interval), CAST(:changes AS timestamptz[])),
                    false) AS plain
    FROM (
        SELECT id, key, start_time, end_time, in_order,
               start_offset IN ('', (CAST(:suffixes AS text[]))[width_bucket(start, CAST(:locals AS timestamp[]))])
               AND stop_offset IN ('', (CAST(:suffixes AS text[]))[width_bucket(stop, CAST(:locals AS timestamp[]))])
                   AS told,
               (start - (CAST(:offsets AS interval[]))[width_bucket(start, CAST(:locals AS timestamp[]))])
                   AT TIME ZONE 'UTC' AS start,
               (stop - (CAST(:offsets AS interval[]))[width_bucket(stop, CAST(:locals AS timestamp[]))])
                   AT TIME ZONE 'UTC' AS stop
        FROM (
            SELECT t.id, t.key, t.start_time, t.end_time,
                   (n = 1 OR entry.start >= (t.pauses -> (n::int - 2) ->> 'end') COLLATE "C") AS in_order,
                   {{start_offset}} AS start_offset,
                   {{stop_offset}} AS stop_offset,
                   CASE WHEN {{start_plain}} THEN entry.start::timestamp END AS start,
                   CASE WHEN {{stop_plain}} THEN entry.stop::timestamp END AS stop
            FROM touching t
            CROSS JOIN LATERAL ROWS FROM (
                jsonb_to_recordset(
                    CASE WHEN jsonb_typeof(t.pauses) <> 'array' OR t.pauses @? '$[*] ? (@.type() <> "object")'
                    THEN '[{{{{}}}}]' ELSE t.pauses END
                ) AS (start text, "end" text, start_at text, end_at text)
            ) WITH ORDINALITY entry (start, stop, start_at, stop_at, n)
            WHERE t.pauses <> '[]'
            OFFSET 0
        ) written
        OFFSET 0
    ) placed
),
odd AS MATERIALIZED (
    SELECT id FROM touching WHERE (status = 'completed' AND end_time >= start_time) IS NOT TRUE
    UNION
    SELECT id FROM paused WHERE NOT plain
),
spans AS (
    SELECT key, start_time AS start, end_time AS stop, 1 AS sign FROM touching
    WHERE NOT EXISTS (SELECT 1 FROM odd WHERE odd.id = touching.id)
    UNION ALL
    SELECT key, start, stop, -1 FROM paused WHERE NOT EXISTS (SELECT 1 FROM odd WHERE odd.id = paused.id)
),
placed AS (
    SELECT key, start, stop, sign,
           GREATEST(width_bucket(start, CAST(:bounds AS timestamptz[])), 1) AS first,
           LEAST(GREATEST(width_bucket(stop - interval '1 microsecond', CAST(:bounds AS timestamptz[])),
                          width_bucket(start, CAST(:bounds AS timestamptz[]))), :days) AS last
    FROM spans
),
daily AS (
    SELECT key, day,
           sum(sign * date_part('epoch', LEAST(stop, (CAST(:bounds AS timestamptz[]))[day + 1])
                                         - GREATEST(start, (CAST(:bounds AS timestamptz[]))[day]))) AS seconds,
           count(*) FILTER (WHERE sign = 1 AND (day = first OR (CAST(:units AS int[]))[day]
                                                <> (CAST(:units AS int[]))[day - 1])) AS sessions,
           count(*) FILTER (WHERE sign = 1 AND day = first) AS fresh
    FROM placed CROSS JOIN LATERAL generate_series(first, last) AS day
    GROUP BY key, day
)
SELECT key::text AS key, (CAST(:units AS int[]))[day] AS unit, sum(seconds) AS seconds, sum(sessions)::int AS sessions,
       sum(fresh)::int AS fresh, (day - 1) / {_WORD} AS word,
       bit_or(1::bigint << ((day - 1) % {_WORD})) FILTER (WHERE seconds > 0) AS days, NULL::text AS odd
FROM (
    SELECT key, day, seconds, sessions, fresh FROM daily
    UNION ALL
    SELECT key, day, here, sessions, sessions FROM near WHERE day IS NOT NULL
    UNION ALL
    SELECT key, day + 1, there, CASE WHEN (CAST(:units AS int[]))[day + 1] <> (CAST(:units AS int[]))[day] THEN over
                                     ELSE 0 END, 0
    FROM near WHERE over > 0 AND day IS NOT NULL
) added
GROUP BY added.key, unit, word
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, id::text FROM odd
"""
_CHOSEN = f"{SESSION} WHERE session.id = ANY(CAST(:ids AS uuid[])) ORDER BY session.start_time, session.id"
_EXTENT = """
SELECT min(start_time) AS first, max(GREATEST(start_time, end_time)) AS last FROM public.work_sessions
"""
_TAKE_TURN = "SELECT pg_try_advisory_xact_lock(hashtext('memoria_tui.refresh_work_views')) AS taken"
HOUR = timedelta(hours=1)
BEFORE = timedelta(days=40)
"""How long before the period the offsets of the zone are told; sessions with earlier pauses count as odd."""


class SessionReports:
    """Worked time of a period."""

    def __init__(self, database: SqlDatabase, zone: WriterZone, clock: Clock) -> None:
        self._database = database
        self._zone = zone
        self._clock = clock
        self._server: int | None = None
        """Version of the server, once it was asked."""

    async def worked(self, question: ReportQuestion) -> tuple[list[ReportRow], list[StoredSession]]:
        """What is plain, added up, and the sessions that are not: open, impossible, or with pauses hard to place."""
        if self._server is None:
            version = await self._database.fetch("SELECT current_setting('server_version_num')::int AS number")
            if not version:
                return [], []  # a database that is not made yet
            self._server = version[0].number
        plain = _PLAIN_TIME if self._server >= _IS_VALID_SINCE else _PLAIN_TIME_15
        features = await self._database.features()
        where, given = conditions(question.selection, features)
        statement = _statement(question, where, plain, PAUSED if features.paused else PAUSED_UNKNOWN)
        rows = await self._database.fetch(statement, **given, **self._parameters(question))
        odd = [row.odd for row in rows if row.odd is not None]
        added = [
            ReportRow(row.key, row.unit, row.seconds, row.sessions, row.fresh, (row.days or 0) << _WORD * row.word)
            for row in rows
            if row.odd is None
        ]
        return added, await chosen_sessions(self._database, odd, self._zone, self._clock())

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

    def _parameters(self, question: ReportQuestion) -> dict[str, object]:
        since, until = question.bounds[0], question.bounds[-1]
        offsets = transitions(since - BEFORE, until + timedelta(days=2), self._zone)
        changed = [abs(after - before) for (_, before), (_, after) in pairwise(offsets)]
        near = max(changed, default=timedelta()) + HOUR
        return {
            "near": near,
            "margin": near.total_seconds(),
            "since": since,
            "until": until,
            "bounds": list(question.bounds),
            "reaches": [(bound - since).total_seconds() for bound in question.bounds],
            "epoch": since.timestamp(),
            "days": len(question.bounds) - 1,
            "units": list(question.units),
            "changes": [instant for instant, _ in offsets[1:]],
            "change_reaches": [(instant - since).total_seconds() for instant, _ in offsets[1:]],
            "locals": [(instant + offset).replace(tzinfo=None) for instant, offset in offsets],
            "offsets": [offset for _, offset in offsets],
            "seconds": [offset.total_seconds() for _, offset in offsets],
            "suffixes": [_suffix(offset) for _, offset in offsets],
        }


async def chosen_sessions(
    database: SqlDatabase, ids: Sequence[str], zone: WriterZone, now: datetime
) -> list[StoredSession]:
    """Those with the ids, oldest first."""
    return stored_sessions(await database.fetch(_CHOSEN, ids=list(ids)), zone, now) if ids else []


def _statement(question: ReportQuestion, where: str, plain_time: str, paused: str) -> str:
    key = f"session.{question.by.field}" if question.by.field else "NULL::text"
    columns = _COLUMNS.format(key=key)
    return _REPORT.format(
        key=key,
        paused=paused,
        columns=columns,
        conditions=where,
        far=FAR.format(columns=columns, conditions=where),
        start_plain=plain_time.format(text="entry.start"),
        stop_plain=plain_time.format(text="entry.stop"),
        start_offset=_OFFSET.format(name="start"),
        stop_offset=_OFFSET.format(name="stop"),
    )


def _suffix(offset: timedelta) -> str:
    """An offset as ISO 8601 writes it at the end of an instant."""
    return datetime(2000, 1, 1, tzinfo=timezone(offset)).isoformat()[19:]
