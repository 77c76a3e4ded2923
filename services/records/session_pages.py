"""Pages of the log of sessions, each found by where the page before ended."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from services.errors import InvalidInput
from services.model import WorkSession
from services.ports import Clock, SqlDatabase
from services.records.session_conditions import SessionSelection, conditions
from services.records.stored_sessions import (
    NAMED,
    NAMES,
    SESSION,
    TOUCHING,
    StoredSession,
    stored_session,
    stored_sessions,
)
from services.storable_text import quoted
from services.times import WriterZone
from services.work.report_values import LogOrder

_SORTED_BY: Mapping[LogOrder, tuple[str, str]] = {
    LogOrder.START: ("session.start_time", "timestamptz"),
    LogOrder.DURATION: ("session.duration_minutes", "integer"),
    LogOrder.DESCRIPTION: ("session.description", "text"),
}
"""Column and type; only the start has an index, others sort the whole selection. Open sessions have no duration yet."""

_AT_ONCE = f"""
{SESSION} WHERE session.id IN (
    SELECT one.id FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) AS span (start, stop)
    JOIN public.work_sessions one
      ON one.start_time > span.start - interval '1 day' AND one.start_time < span.stop
     AND one.end_time > span.start AND one.status = 'completed')
"""
_OVERLAPPING = f"""
SELECT one.id AS of, beside.* FROM public.work_sessions one
CROSS JOIN LATERAL (
    SELECT {NAMED} FROM (
        SELECT * FROM public.work_sessions other
        WHERE other.start_time >= one.start_time - interval '1 day' AND other.start_time < one.end_time
          AND other.end_time > one.start_time AND other.status = 'completed' AND other.id <> one.id
        UNION ALL
        SELECT * FROM public.work_sessions other
        WHERE other.end_time - other.start_time > interval '1 day' AND other.end_time > one.start_time
          AND other.start_time < one.start_time - interval '1 day' AND other.status = 'completed'
        LIMIT :most
    ) session {NAMES}
) beside
WHERE one.id = ANY(CAST(:ids AS uuid[])) AND one.status = 'completed'
"""


class SessionLog:
    """Pages of `work_sessions`."""

    def __init__(self, database: SqlDatabase, zone: WriterZone, clock: Clock) -> None:
        self._database = database
        self._zone = zone
        self._clock = clock

    async def page(
        self, selection: SessionSelection, order: LogOrder, descending: bool, after: str | None, limit: int
    ) -> tuple[list[StoredSession], str | None]:
        """One page, and where the next begins (None: there is none).

        By start: sessions that began from `since` to `until`; by anything else: those with time between them.
        """
        column, kind = _SORTED_BY[order]
        name = column.partition(".")[2]
        where, given = conditions(selection, await self._database.features())
        if order is LogOrder.DURATION:
            where += " AND session.duration_minutes IS NOT NULL"
        if selection.since is not None:
            touches = "session.start_time >= :since"
            if order is not LogOrder.START:
                touches = f"({touches} OR session.end_time > :since OR session.end_time IS NULL)"
            where, given = f"{where} AND {touches}", {**given, "since": selection.since}
        if selection.until is not None:
            where, given = f"{where} AND session.start_time < :until", {**given, "until": selection.until}
        if after is not None:
            sign = "<" if descending else ">"
            where += f" AND ({column}, session.id) {sign} (CAST(:after AS {kind}), CAST(:after_id AS uuid))"
            given = {**given, **_place(after)}
        way = "DESC" if descending else "ASC"
        rows = await self._database.fetch(
            f"SELECT page.*, page.{name}::text AS place FROM ({SESSION} WHERE {where} "
            f"ORDER BY {column} {way}, session.id {way} LIMIT :limit) page ORDER BY {name} {way}, page.id {way}",
            **given,
            limit=limit + 1,
        )
        page = stored_sessions(rows[:limit], self._zone, self._clock())
        return page, _cursor(rows[limit - 1].place, page[-1].session.id) if len(rows) > limit else None

    async def touching(
        self, selection: SessionSelection, since: datetime, until: datetime, limit: int | None = None
    ) -> list[StoredSession]:
        """Sessions with some time from `since` to `until`, whatever days are selected, see `TOUCHING`."""
        where, given = conditions(selection, await self._database.features())
        touching = TOUCHING.format(columns="session.id", conditions=where)
        rows = await self._database.fetch(
            f"{SESSION} WHERE session.id IN ({touching}) ORDER BY session.start_time, session.id "
            "LIMIT CAST(:limit AS bigint)",
            **given,
            since=since,
            until=until,
            limit=limit,
        )
        return stored_sessions(rows, self._zone, self._clock())

    async def at_once(self, spans: Sequence[tuple[datetime, datetime]]) -> list[WorkSession]:
        """Completed sessions that last in one of the spans, and began at most a day before it."""
        starts, ends = [start for start, _ in spans], [end for _, end in spans]
        rows = await self._database.fetch(_AT_ONCE, starts=starts, ends=ends) if spans else []
        return [one.session for one in stored_sessions(rows, self._zone, self._clock())]

    async def overlapping(self, ids: Sequence[str], most: int) -> Mapping[str, Sequence[WorkSession]]:
        """By the id of a completed session: at most so many other completed ones that last at the same time."""
        rows, now = await self._database.fetch(_OVERLAPPING, ids=list(ids), most=most) if ids else [], self._clock()
        found: dict[str, list[WorkSession]] = {}
        for row in rows:
            found.setdefault(str(row.of), []).append(stored_session(row, self._zone, now).session)
        return found


def _cursor(place: str, session_id: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([place, session_id]).encode()).decode()


def _place(cursor: str) -> dict[str, object]:
    try:
        place, session_id = json.loads(base64.urlsafe_b64decode(cursor))
    except ValueError as error:
        raise InvalidInput(f"{quoted(cursor)} is no place in the log") from error
    return {"after": str(place), "after_id": str(session_id)}
