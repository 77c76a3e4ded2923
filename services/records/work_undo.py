"""Undoes changes of sessions, clients and projects, column by column, so that nothing written since is lost.

What a change of the history holds may come from a file of anybody's: columns and their types are those named here, all
values are parameters, and other keys are ignored.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from services.batches import batches
from services.errors import InvalidInput
from services.model import (
    Action,
    Change,
    ChangedSince,
    Entity,
    net_changes,
    undone_summary,
)
from services.ports import NewChange, SqlConnection, WorkUndone
from services.records import columns
from services.records.columns import is_uuid, storable_json

_TABLE: Mapping[Entity, str] = {
    Entity.SESSION: "work_sessions",
    Entity.CLIENT: "clients",
    Entity.PROJECT: "projects",
}
_COLUMNS: Mapping[Entity, Mapping[str, str]] = {
    Entity.SESSION: columns.SESSION,
    Entity.CLIENT: columns.CLIENT,
    Entity.PROJECT: columns.PROJECT,
}
_NEVER_SET = ("id", "updated_at")
_LISTS = ("notes", "pauses", columns.BILLED)
"""Columns to which programs append."""
_UNUSED: Mapping[Entity, str] = {
    Entity.SESSION: "true",
    Entity.CLIENT: """NOT EXISTS (SELECT 1 FROM public.work_sessions s WHERE s.client_id = t.id)
        AND NOT EXISTS (SELECT 1 FROM public.projects p WHERE p.client_id = t.id)""",
    Entity.PROJECT: "NOT EXISTS (SELECT 1 FROM public.work_sessions s WHERE s.project_id = t.id)",
}
_FOLLOW: Mapping[Entity, str] = {
    entity: f"""
    UPDATE public.work_sessions SET {entity}_id = CAST(:goal AS uuid)
    WHERE id = ANY(CAST(:ids AS uuid[])) AND {entity}_id IS NOT DISTINCT FROM CAST(:now AS uuid)
      AND (CAST(:goal AS uuid) IS NULL OR EXISTS (SELECT 1 FROM public.{_TABLE[entity]} WHERE id = CAST(:goal AS uuid)))
    RETURNING id::text AS id
    """
    for entity in (Entity.CLIENT, Entity.PROJECT)
}
_REFRESH_LATER = "SELECT set_config('memoria_tui.refreshes_later', 'on', true)"
_BATCH = 500
"""Rows that are removed in one statement."""

State = Mapping[str, object]
Row = Mapping[str, Any]
Agreed = Callable[[ChangedSince], bool]
"""Whether something that was changed since is undone all the same."""


class WorkUndo:
    """The inverse of every act on work time, in one transaction."""

    def __init__(self, connection: SqlConnection) -> None:
        self._connection = connection

    async def undo(self, changes: Sequence[Change], agreed: Agreed) -> WorkUndone:
        """Undoes the sessions, clients and projects among the changes of one group, last first.

        What was changed since is left and told, unless `agreed`; so is what others use by now. Raises InvalidInput for
        a state that cannot be one.
        """
        undone = WorkUndone()
        await self._connection.fetch(_REFRESH_LATER)
        for (entity, only_made), batch in _runs(reversed(net_changes(changes, *_TABLE))):
            if only_made:
                await self._remove(entity, batch, undone, agreed)
            else:
                await self._undo_one(batch[0], undone, agreed)
        return undone

    async def _undo_one(self, change: Change, undone: WorkUndone, agreed: Agreed) -> None:
        """A change that needs more than to remove a row."""
        if change.before is None:
            moved = await self._follow(change)
            await self._remove(change.entity, [change], undone, agreed, moved)
            return
        goal = _row(change, change.before)
        now = (await self._rows(change.entity, [change.entity_id])).get(change.entity_id)
        if change.after is None and now is not None:
            undone.changed.append(_changed(change, goal, now, "exists again", forceable=False))
        elif now is None:
            since = None if change.after is None else _changed(change, goal, None, "was deleted")
            if since is None or agreed(since):
                await self._bring_back(change, goal, undone)
            else:
                undone.changed.append(since)
        else:
            await self._revert(change, goal, now, undone, agreed)

    async def _bring_back(self, change: Change, goal: Row, undone: WorkUndone) -> None:
        """Inserts a row that was deleted; a client or project that is gone is left out of it."""
        values = ", ".join(columns.reference(name, "old") for name in goal)
        rows = await self._connection.fetch(
            f"INSERT INTO public.{_TABLE[change.entity]} AS t ({', '.join(goal)}) SELECT {values} "
            f"FROM {_record(change.entity)} ON CONFLICT DO NOTHING RETURNING to_jsonb(t) AS row",
            row=storable_json(goal),
        )
        if rows:
            undone.rows.append(_new(change, None, rows[0].row, await self._follow(change)))
        else:
            undone.changed.append(_changed(change, goal, None, "another one like it exists", forceable=False))

    async def _revert(self, change: Change, goal: Row, now: Row, undone: WorkUndone, agreed: Agreed) -> None:
        """Gives a row its former values in the columns that the change set."""
        left = _row(change, change.after or {})
        wanted, touched = _wanted(change.entity, goal, left, now)
        if touched and not agreed(since := _changed(change, goal, now, ", ".join(touched))):
            undone.changed.append(since)
            return
        after = now
        if wanted:
            settings = ", ".join(f"{name} = {columns.reference(name, 'old')}" for name in wanted)
            (written,) = await self._connection.fetch(
                f"UPDATE public.{_TABLE[change.entity]} t SET {settings} FROM {_record(change.entity)} "
                "WHERE t.id = CAST(:id AS uuid) RETURNING to_jsonb(t) AS row",
                row=storable_json(wanted),
                id=change.entity_id,
            )
            after = written.row
        undone.rows.append(_new(change, now, after, await self._follow(change)))

    async def _remove(
        self,
        entity: Entity,
        changes: Sequence[Change],
        undone: WorkUndone,
        agreed: Agreed,
        moved: Mapping[str, object] | None = None,
    ) -> None:
        """Removes rows that the changes made; those that others use by now stay."""
        there = await self._rows(entity, [change.entity_id for change in changes])
        going = []
        for change in changes:
            now = there.get(change.entity_id)
            touched = _touched(entity, _row(change, change.after or {}), now) if now else []
            if touched and not agreed(since := _changed(change, None, now, ", ".join(touched))):
                undone.changed.append(since)
            elif now:
                going.append(change)
        gone = await self._connection.fetch(
            f"DELETE FROM public.{_TABLE[entity]} t WHERE id = ANY(CAST(:ids AS uuid[])) AND {_UNUSED[entity]} "
            "RETURNING id::text AS id",
            ids=[change.entity_id for change in going],
        )
        removed = {row.id for row in gone}
        for change in going:
            now = there[change.entity_id]
            if change.entity_id in removed:
                undone.rows.append(_new(change, now, None, moved or {}))
            else:
                undone.kept.append(_changed(change, None, now, "is used by other work", forceable=False))

    async def _rows(self, entity: Entity, ids: Sequence[str]) -> dict[str, Row]:
        """The rows as they are now, locked, by id."""
        rows = await self._connection.fetch(
            f"SELECT id::text AS id, to_jsonb(t) AS row FROM public.{_TABLE[entity]} t "
            "WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE",
            ids=list(ids),
        )
        return {row.id: row.row for row in rows}

    async def _follow(self, change: Change) -> dict[str, object]:
        """Moves the sessions back that a merge or a move took along, as far as nobody moved them since.

        Gives what the new change has to say of it, so that it can be undone in turn.
        """
        forward = _lists(change, change.before)
        state = change.before if forward else change.after
        if state is None:
            return {}
        said: dict[str, object] = {}
        home = _row(change, state).get("client_id")
        for key, other, column, own in (
            ("sessions", "into", change.entity, change.entity_id),
            ("client_sessions", "client_into", Entity.CLIENT, home),
        ):
            ids, into = state.get(key), state.get(other)
            if not ids:
                continue
            if not (isinstance(ids, list) and all(map(is_uuid, ids)) and (into is None or is_uuid(into))):
                raise InvalidInput(f"the history of {_label(change)} holds {key} that are no ids; it cannot be undone")
            now, goal = (into, own) if forward else (own, into)
            rows = await self._connection.fetch(_FOLLOW[column], ids=ids, now=now, goal=goal)
            said |= {key: [row.id for row in rows], other: into}
        return said


def _runs(changes: Iterable[Change]) -> Iterator[tuple[tuple[Entity, bool], Sequence[Change]]]:
    """Neighbours that only made a row together, as many as one statement takes; all others alone."""

    def only_made(change: Change) -> bool:
        return change.before is None and not _lists(change, change.after)

    for (entity, made), run in groupby(changes, lambda change: (change.entity, only_made(change))):
        same = list(run)
        for some in batches(same, _BATCH if made else 1):
            yield (entity, made), some


def _lists(change: Change, state: State | None) -> bool:
    """Whether a state of a client or project tells of sessions that moved."""
    return bool(
        state and change.entity is not Entity.SESSION and (state.get("sessions") or state.get("client_sessions"))
    )


def _row(change: Change, state: State) -> Row:
    """The known columns of a state, checked; sessions are states themselves. Raises InvalidInput."""
    held = state.get("row")
    row = held if isinstance(held, Mapping) and change.entity is not Entity.SESSION else state
    known = {name: row[name] for name in _COLUMNS[change.entity] if name in row}
    for name, value in known.items():
        if value is not None and not columns.FITS[_COLUMNS[change.entity][name]](value):
            what = name.replace("_", " ")
            raise InvalidInput(f"the history of {_label(change)} holds a value that is no {what}; it cannot be undone")
    return {**known, "id": change.entity_id}


def _record(entity: Entity) -> str:
    """The parameter `row` as a row `old` of the known columns."""
    known = ", ".join(f"{name} {type_}" for name, type_ in _COLUMNS[entity].items())
    return f"jsonb_to_record(CAST(:row AS jsonb)) AS old ({known})"


def _new(change: Change, before: Row | None, after: Row | None, moved: Mapping[str, object]) -> NewChange:
    """The history row of what was undone; sessions that moved are listed on the other side than before."""
    states: list[State | None] = [
        row if row is None or change.entity is Entity.SESSION else {"row": row} for row in (before, after)
    ]
    if moved:
        side = 1 if _lists(change, change.before) else 0
        states[side] = {**(states[side] or {}), **moved}
    action = Action.RESTORED if before is None else Action.DELETED if after is None else Action.UPDATED
    return NewChange(change.entity, change.entity_id, action, states[0], states[1], summary=undone_summary(change))


def _changed(change: Change, goal: Row | None, now: Row | None, what: str, *, forceable: bool = True) -> ChangedSince:
    title = str((now or goal or {}).get("description") or (now or goal or {}).get("name") or "")
    return ChangedSince(change.entity, change.entity_id, title, what.replace("_", " "), goal, now, forceable)


def _label(change: Change) -> str:
    return f"{change.entity} {change.entity_id[:8]}"


def _touched(entity: Entity, left: Row, now: Row) -> list[str]:
    """Columns that are no longer as a change left them."""
    return [
        name
        for name in _COLUMNS[entity]
        if name in left and name not in _NEVER_SET and not _same(left[name], now.get(name))
    ]


def _wanted(entity: Entity, goal: Row, left: Row, now: Row) -> tuple[dict[str, object], list[str]]:
    """The values to go back to, and the columns that were changed again since; what was appended to a list stays."""
    wanted: dict[str, object] = {}
    touched = []
    for name in _COLUMNS[entity]:
        if name not in goal or name in _NEVER_SET or _same(goal[name], left.get(name)):
            continue
        wanted[name], current, after = goal[name], now.get(name), left.get(name)
        appended = isinstance(current, list) and current[: len(after or [])] == (after or [])
        if name in _LISTS and appended and isinstance(current, list):
            wanted[name] = [*(goal[name] or []), *current[len(after or []) :]] or goal[name]
        elif not _same(current, after) and not _same(current, goal[name]):
            touched.append(name)
    return wanted, touched


def _same(one: Any, other: Any) -> bool:
    """Whether two values of a column are equal; instants may be written in two zones."""
    if one == other or not (isinstance(one, str) and isinstance(other, str)):
        return bool(one == other)
    with contextlib.suppress(ValueError, TypeError):
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    return False
