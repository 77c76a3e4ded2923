"""Sessions: read, and changed one at a time under a lock on the row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.errors import Conflict
from services.model import SESSION_DETAILS, DetailValue, Entity, Kind, SessionDraft, SessionStatus, WorkSession
from services.ports import Clock, NewChange, SqlConnection, SqlDatabase
from services.records.clients_and_projects import client_id, project_id
from services.records.columns import BILLABLE, BILLED, SESSION_SET, storable, storable_json
from services.records.stored_sessions import (
    NAMED,
    NAMES,
    OPEN,
    SESSION,
    Change,
    SessionChange,
    StoredSession,
    stored_session,
    stored_sessions,
)
from services.records.unit_of_work import UnitOfWork, unit_of_work
from services.settings import Settings
from services.times import WriterZone
from services.unknown_ids import SESSION_ID, ambiguous_id, is_id_part, unknown_id
from services.work import pauses

_OPEN = f"{OPEN} ORDER BY session.start_time, session.id"
_ENDING_AFTER = f"""
{SESSION}
WHERE session.start_time > :since - interval '1 day' AND session.end_time > :since AND session.status = 'completed'
ORDER BY session.start_time DESC, session.id DESC LIMIT :limit
"""
_BY_PREFIX = f"""
{SESSION} WHERE session.id BETWEEN CAST(:low AS uuid) AND CAST(:high AS uuid) ORDER BY session.id LIMIT 2
"""
_LOCKED = f"""
SELECT {NAMED}, to_jsonb(session) AS state, set_config('memoria_tui.refreshes_later', 'on', true)
FROM public.work_sessions session {NAMES} WHERE session.id = CAST(:id AS uuid) FOR NO KEY UPDATE OF session
"""
"""The setting is for the trigger of 005_work.sql, which then leaves the views to `refresh_work_views()`."""
_WRITTEN = f"""
WITH session AS ({{statement}} RETURNING *) SELECT {NAMED}, to_jsonb(session) AS state FROM session {NAMES}
"""
_INSERT = f"""
INSERT INTO public.work_sessions (description, category, client_id, project_id, start_time, end_time, status,
                                  pauses, total_pause_minutes,
                                  {", ".join(one.column for one in SESSION_DETAILS)}, {BILLABLE})
VALUES (:description, CAST(:category AS public.session_category), CAST(:client_id AS uuid), CAST(:project_id AS uuid),
        :start, CAST(:end AS timestamptz), CAST(:status AS public.session_status),
        CAST(:pauses AS jsonb), :pause_minutes,
        {", ".join(f"CAST(:{one.field} AS {one.column_type})" for one in SESSION_DETAILS)}, CAST(:billable AS boolean))
"""
_OPEN_COUNT = "SELECT count(*) AS number FROM public.work_sessions WHERE status IN ('active', 'paused')"
_STARTING = "SELECT pg_advisory_xact_lock(hashtext('memoria_tui.work_sessions.start'))"
_DELETE = "DELETE FROM public.work_sessions WHERE id = CAST(:id AS uuid)"
_LOCKED_TO_BILL = f"""
SELECT id::text AS id, to_jsonb(session) AS state, set_config('memoria_tui.refreshes_later', 'on', true)
FROM public.work_sessions session
WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'completed'
  AND (:month = ANY(COALESCE({BILLED}, '{{}}'))) <> CAST(:billed AS boolean)
ORDER BY id FOR NO KEY UPDATE
"""
_BILL = f"""
UPDATE public.work_sessions session
SET {BILLED} = CASE WHEN CAST(:billed AS boolean) THEN array_append(COALESCE({BILLED}, '{{}}'), CAST(:month AS text))
                    ELSE NULLIF(array_remove({BILLED}, CAST(:month AS text)), '{{}}') END
WHERE id = ANY(CAST(:ids AS uuid[])) RETURNING id::text AS id, to_jsonb(session) AS state
"""
_LAST_ACTIVITY = """
WITH recent AS MATERIALIZED (
    SELECT entity, action, changed_at, undoes, after FROM memoria_tui.audit_log ORDER BY id DESC LIMIT 10000
)
SELECT max(at) AS at FROM (
    SELECT updated_at AS at FROM public.work_sessions session
    WHERE id = CAST(:id AS uuid) AND NOT EXISTS (
        SELECT FROM recent WHERE (entity IN ('client', 'project') OR undoes IS NOT NULL)
            AND changed_at BETWEEN session.updated_at AND session.updated_at + interval '5 seconds')
        AND NOT EXISTS (SELECT FROM memoria_tui.audit_log
            WHERE entity_id = session.id AND (after ->> 'updated_at')::timestamptz = session.updated_at)
    UNION ALL
    SELECT changed_at FROM memoria_tui.audit_log
    WHERE entity_id = CAST(:id AS uuid) AND entity = 'session' AND undoes IS NULL AND after IS NOT NULL
        AND (before IS NULL OR before::jsonb - CAST(:edits AS text[])
                               IS DISTINCT FROM after::jsonb - CAST(:edits AS text[]))
    UNION ALL
    SELECT changed_at FROM recent
    WHERE entity = 'memory' AND action = 'created'
        AND after::text ~ ('"session_id" ?: ?"' || CAST(CAST(:id AS uuid) AS text) || '"')
) acts
"""
"""When the session itself was last started, paused, resumed or noted on, or a memory written from it.

`updated_at` tells of acts of other programs; it does not count where the history says that a merge, a move, an undo or
an edit wrote the row. What a memory holds is looked at as text: operators of json fail on the NUL of another memory.
"""
_BY_ACTS = {"end_time", "pauses", "status", "notes", "memory_id"}
"""Columns that a start, a pause, a note or a stop changes."""
_BY_EDITS = ["duration_minutes", "updated_at", *(name for name in SESSION_SET if name not in _BY_ACTS)]
"""Columns whose change is no act."""
_VALUES: Mapping[str, str] = {
    **{name: f"CAST(:{name} AS {type_})" for name, type_ in SESSION_SET.items()},
    "note": "array_append(COALESCE(notes, '{}'), :note)",
}
_TARGETS: Mapping[str, str] = {"note": "notes"}


class Sessions:
    """`work_sessions`, one session at a time.

    Every write locks what it reads, and writes its history in the same transaction.
    """

    def __init__(self, database: SqlDatabase, settings: Settings, zone: WriterZone, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._zone = zone
        self._clock = clock

    async def open(self) -> list[StoredSession]:
        """Active and paused ones, oldest first."""
        return self._stored(await self._database.fetch(_OPEN))

    async def ending_after(self, since: datetime, limit: int) -> list[StoredSession]:
        """Completed sessions that end later and began at most a day before, newest first."""
        return self._stored(await self._database.fetch(_ENDING_AFTER, since=since, limit=limit))

    async def one(self, session_id: str) -> StoredSession:
        """By id or by the beginning of one. Raises NotFound or Ambiguous."""
        if not is_id_part(session_id):
            raise unknown_id(SESSION_ID, session_id)
        digits = session_id.strip().lower().replace("-", "")
        rows = await self._database.fetch(_BY_PREFIX, low=digits.ljust(32, "0"), high=digits.ljust(32, "f"))
        if len(rows) > 1:
            raise ambiguous_id(SESSION_ID, session_id, [str(row.id) for row in rows])
        return self._only(rows, session_id)

    async def insert(
        self, new: SessionDraft, limit: int, before: Mapping[str, Change] | None, then: Change | None = None
    ) -> StoredSession:
        """Starts it, as every value is given, unless `limit` are open (0: no limit); makes client and project.

        One with an end is over, and no limit holds for it. In the same act `before` changes others, by their ids; with
        `then`, which changes the new one, that is a part of them. Raises Conflict, and what they raise.
        """
        over = new.end is not None
        async with unit_of_work(self._database, self._settings) as unit:
            await _check_limit(unit, 0 if over else limit)
            for session_id, change in (before or {}).items():
                await self._update(unit, session_id, change, "split" if then else "paused")
            client = await client_id(unit, new.client)
            project = await project_id(unit, client, new.project)
            (row,) = await unit.fetch(
                _WRITTEN.format(statement=_INSERT),
                description=storable(new.description),
                category=new.category_or_default.value,
                client_id=client,
                project_id=project,
                start=new.start,
                end=new.end,
                status=(SessionStatus.COMPLETED if over else SessionStatus.ACTIVE).value,
                pauses=storable_json(pauses.encoded(new.pauses, self._zone)),
                pause_minutes=pauses.minutes(new.pauses),
                billable=None if new.billable else False,
                **{one.field: _storable_detail(one.of(new)) for one in SESSION_DETAILS},
            )
            did = "split off" if then else "added" if over else "started"
            summary = f'{did} "{new.description}"'
            unit.record_change(Entity.SESSION, str(row.id), None, row.state, summary)
            if then is not None:
                return await self._update(unit, str(row.id), then, "split off")
            return stored_session(row, self._zone, self._clock())

    async def update(self, session_id: str, change: Change, summary: str, *, limit: int = 0) -> StoredSession:
        """Changes one session under a lock. Raises NotFound, and what `change` raises.

        With `limit` it raises Conflict when so many sessions are open already: for a change that opens one.
        """
        async with unit_of_work(self._database, self._settings) as unit:
            await _check_limit(unit, limit)
            return await self._update(unit, session_id, change, summary)

    async def update_all(self, changes: Mapping[str, Change], summary: str) -> list[StoredSession]:
        """Changes several, by their ids, in one act. Raises as `update`; then none is changed."""
        async with unit_of_work(self._database, self._settings) as unit:
            return [await self._update(unit, id_, changes[id_], summary) for id_ in sorted(changes)]

    async def update_in(
        self, connection: SqlConnection, session_id: str, change: Change, summary: str
    ) -> Sequence[NewChange]:
        """As `update`, in the transaction of another act; gives the rows for its history."""
        unit = UnitOfWork(connection)
        await self._update(unit, session_id, change, summary)
        return unit.changes

    async def _update(self, unit: UnitOfWork, session_id: str, change: Change, summary: str) -> StoredSession:
        rows = await unit.fetch(_LOCKED, id=session_id)
        stored = self._only(rows, session_id)
        columns = await self._columns(unit, stored, rows[0].pauses, change(stored))
        if not columns:
            return stored
        settings = ", ".join(f"{_TARGETS.get(name, name)} = {_VALUES[name]}" for name in columns)
        update = f"UPDATE public.work_sessions SET {settings} WHERE id = CAST(:id AS uuid)"
        (row,) = await unit.fetch(_WRITTEN.format(statement=update), id=session_id, **columns)
        unit.record_change(Entity.SESSION, session_id, rows[0].state, row.state, f'{summary} "{row.description}"')
        return stored_session(row, self._zone, self._clock())

    async def delete(self, session_id: str) -> StoredSession:
        async with unit_of_work(self._database, self._settings) as unit:
            rows = await unit.fetch(_LOCKED, id=session_id)
            stored = self._only(rows, session_id)
            await unit.fetch(_DELETE, id=session_id)
            unit.record_change(
                Entity.SESSION, session_id, rows[0].state, None, f'deleted "{stored.session.description}"'
            )
            return stored

    async def absorb(
        self, session_id: str, other_id: str, change: Callable[[StoredSession, StoredSession], SessionChange]
    ) -> StoredSession:
        """Changes one session by what another is, which is deleted, in one act. Raises NotFound, and what it raises."""
        async with unit_of_work(self._database, self._settings, Kind.MERGE) as unit:
            for id_ in sorted((session_id, other_id)):
                await unit.fetch(_LOCKED, id=id_)
            rows = await unit.fetch(_LOCKED, id=other_id)
            other = self._only(rows, other_id)
            merged = await self._update(unit, session_id, lambda stored: change(stored, other), "merged into")
            await unit.fetch(_DELETE, id=other_id)
            summary = f'merged "{other.session.description}" into "{merged.session.description}"'
            unit.record_change(Entity.SESSION, other_id, rows[0].state, None, summary)
            return merged

    async def bill(self, session_ids: Sequence[str], month: str, *, billed: bool) -> int:
        """Marks completed sessions as billed for a month, or not, in one act; gives how many were not so before."""
        async with unit_of_work(self._database, self._settings) as unit:
            rows = await unit.fetch(_LOCKED_TO_BILL, ids=list(session_ids), month=month, billed=billed)
            states = {row.id: row.state for row in rows}
            written = await unit.fetch(_BILL, ids=list(states), month=month, billed=billed)
            for row in written:
                summary = f'{"billed" if billed else "unbilled"} "{row.state["description"]}" for {month}'
                unit.record_change(Entity.SESSION, row.id, states[row.id], row.state, summary)
            return len(written)

    async def last_activity(self, session_id: str) -> datetime | None:
        """When the session was last started, paused, resumed, noted on, or a memory written from it."""
        rows = await self._database.fetch(_LAST_ACTIVITY, id=session_id, edits=_BY_EDITS)
        return rows[0].at if rows else None

    async def _columns(
        self, unit: UnitOfWork, stored: StoredSession, written: object, change: SessionChange
    ) -> dict[str, object]:
        """The columns as the database takes them; `written` are the pauses as they stand there."""
        columns = {name: storable(v) if isinstance(v, str) else v for name, v in change.columns.items()}
        client = stored.session.client_id
        if change.client is not None:
            client = columns["client_id"] = await client_id(unit, change.client)
        if change.project is not None:
            columns["project_id"] = await project_id(unit, client, change.project)
        elif client != stored.session.client_id and stored.session.project_id is not None:
            columns |= await _project_of_client(unit, stored.session, client)
        if change.note is not None:
            columns["note"] = storable(change.note)
        if change.pauses is not None or change.pause is not None or change.until is not None:
            columns |= self._pauses(stored, written, change)
        return columns

    def _pauses(self, stored: StoredSession, written: object, change: SessionChange) -> dict[str, object]:
        """The column of the pauses and their minutes by upstream's formula."""
        start, end = stored.session.start, stored.session.end or self._clock()
        if change.pauses is not None:
            kept = pauses.replaced(written, self._zone, start, end, change.pauses)
        else:
            kept = pauses.rewritten(written, self._zone, start, end, until=change.until, begun=change.pause)
        closed = change.pauses or pauses.decoded(kept, self._zone, start, end)[0]
        return {"pauses": storable_json(kept), "total_pause_minutes": pauses.minutes(closed)}

    def _stored(self, rows: Any) -> list[StoredSession]:
        return stored_sessions(rows, self._zone, self._clock())

    def _only(self, rows: Any, session_id: str) -> StoredSession:
        if not rows:
            raise unknown_id(SESSION_ID, session_id)
        return stored_session(rows[0], self._zone, self._clock())


async def _project_of_client(unit: UnitOfWork, session: WorkSession, client: str | None) -> dict[str, object]:
    """The project that takes the place of another client's: that of the same name, none where there is no client."""
    (project,) = await unit.fetch(
        "SELECT client_id::text AS owner FROM public.projects WHERE id = CAST(:id AS uuid)", id=session.project_id
    )
    if project.owner in (None, client):
        return {}
    return {"project_id": await project_id(unit, client, session.project) if client else None}


async def _check_limit(unit: UnitOfWork, limit: int) -> None:
    """Raises Conflict when as many sessions are open as may (0: any number); until the act ends, none is opened."""
    if not limit:
        return
    await unit.fetch(_STARTING)
    if (number := (await unit.fetch(_OPEN_COUNT))[0].number) >= limit:
        raise Conflict(f"limit reached ({number} of {limit} running): stop one first", current=None)


def _storable_detail(value: DetailValue) -> str | int | list[str] | None:
    if isinstance(value, tuple):
        return [storable(one) for one in value] or None
    return (storable(value) if isinstance(value, str) else value) or None
