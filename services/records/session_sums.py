"""Sessions of which all is plain, as numbers: PostgreSQL adds those up fast, however many there are.

Plain is what is completed and has closed pauses that lie inside it one after the other, away from the hours that the
clocks skip or repeat, whose instants, where they stand beside, are those of the writer's zone. All times are seconds
since the time that is asked for begins, which is quicker than instants. What is not plain comes out whole, to be judged
by `services.work.worked_time`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

from services.ports import SqlDatabase, SqlFeatures
from services.records.session_conditions import SessionSelection, conditions
from services.records.stored_sessions import FAR, NEAR, SESSION, StoredSession, stored_sessions
from services.times import WriterZone
from services.work.worked_time import transitions

_PAUSE_EDGES = "0016"
"""The revision that added the columns of the next line."""
_PAUSES = "session.memoria_tui_paused AS paused, session.memoria_tui_pause_edges AS edges"
_PAUSES_UNKNOWN = "CASE WHEN session.pauses <> '[]' THEN CAST('{}' AS float8[]) END AS paused, NULL::float8[] AS edges"
"""In a database that was not upgraded: no session with pauses is plain there."""
_BEGINS = "date_part('epoch', session.start_time - :since)"
_WRITTEN = "(CAST(:written AS float8[]))[change + 1]"
# Each OFFSET 0 keeps the planner from evaluating what stands below it again at every use above; one has to follow.
_NEAR = f"""
SELECT id, key, s, e, change, paused[3] AS pause, edges, {_WRITTEN} + :epoch AS base,
       COALESCE(status = 'completed' AND e >= s AND (paused IS NULL OR (
                    COALESCE(paused[4] = {_WRITTEN}, cardinality(paused) > 0)
                    AND paused[1] - {_WRITTEN} - :epoch >= s AND paused[2] - {_WRITTEN} - :epoch <= e
                    AND change = width_bucket(e + :margin, CAST(:changes AS float8[])))), false) AS plain
FROM (
    SELECT session.id, {{key}} AS key, session.status, {{pauses}}, {_BEGINS} AS s,
           date_part('epoch', session.end_time - :since) AS e,
           width_bucket({_BEGINS} - :margin, CAST(:changes AS float8[])) AS change
    FROM public.work_sessions session WHERE {NEAR} AND {{conditions}}
    OFFSET 0
) session
"""
_CHOSEN = f"{SESSION} WHERE session.id = ANY(CAST(:ids AS uuid[])) ORDER BY session.start_time, session.id"
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SessionsOfSpan:
    """Sessions with some time in a span, as parts of a statement."""

    near: str
    """Those that began in the span, or at most a day before: `s` and `e` are where they begin and end, `pause` how long
    all pauses of a plain one last, `edges` less `base` the start of each, then the end of each (022_pause_edges.sql).
    `change`: how many changes of the clocks were before it."""
    unpaused: str
    paused: str
    """The same in two parts: those without pauses, and those with them. In a database that was not upgraded all are in
    the first."""
    far: str
    """The ids of those that began earlier."""
    given: dict[str, object]
    changes: Sequence[datetime]
    """From when on the offset of any of the zones is another one; the first is before the span."""


def sessions_of_span(
    selection: SessionSelection,
    features: SqlFeatures,
    since: datetime,
    until: datetime,
    writer: WriterZone,
    *zones: tzinfo,
    key: str | None = None,
) -> SessionsOfSpan:
    """`key` is a column; no session with pauses is plain near changes of the clocks in the writer's zone or `zones`."""
    where, given = conditions(selection, features)
    beside = timedelta(days=2)
    both = [transitions(since - beside, until + beside, zone) for zone in dict.fromkeys((writer, *zones))]
    jumps = [abs(after - before) for found in both for (_, before), (_, after) in pairwise(found)]
    changes = sorted({instant for found in both for instant, _ in found})
    columns = {
        "key": f"session.{key}" if key else "NULL::text",
        "pauses": _PAUSES if features.since(_PAUSE_EDGES) else _PAUSES_UNKNOWN,
    }
    only = ("paused IS NULL", "paused IS NOT NULL")
    parts = [f"session.memoria_tui_{one}" for one in only] if features.since(_PAUSE_EDGES) else ["true", "false"]
    near, unpaused, paused = (_NEAR.format(**columns, conditions=f"{one} AND {where}") for one in ("true", *parts))
    return SessionsOfSpan(
        near=near,
        unpaused=unpaused,
        paused=paused,
        far=FAR.format(columns="session.id", conditions=where),
        given={
            **given,
            "since": since,
            "until": until,
            "epoch": since.timestamp(),
            "margin": (max(jumps, default=timedelta()) + _HOUR).total_seconds(),
            "changes": [(instant - since).total_seconds() for instant in changes[1:]],
            "written": offsets(changes, writer),
        },
        changes=changes,
    )


def offsets(instants: Sequence[datetime], zone: tzinfo) -> list[float]:
    """Seconds by which the clocks of a zone are ahead of UTC."""
    return [(instant.astimezone(zone).utcoffset() or timedelta()).total_seconds() for instant in instants]


async def whole_sessions(
    database: SqlDatabase, ids: Sequence[str], zone: WriterZone, now: datetime
) -> list[StoredSession]:
    """Those with the ids, oldest first."""
    return stored_sessions(await database.fetch(_CHOSEN, ids=list(ids)), zone, now) if ids else []
