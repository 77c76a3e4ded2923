"""Takes back changes of sessions, clients and projects, column by column, so that nothing written since is lost."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.adapters.postgres.records.base import Writes
from services.adapters.postgres.records.text import storable_json
from services.errors import Conflict
from services.model import Action, Change, Entity
from services.ports import NewChange

_TABLE: Mapping[Entity, str] = {
    Entity.SESSION: "work_sessions",
    Entity.CLIENT: "clients",
    Entity.PROJECT: "projects",
}
_NEVER_SET = ("id", "duration_minutes", "updated_at")
_LISTS = ("notes", "pauses")
"""Columns to which programs append."""
_UNUSED: Mapping[Entity, str] = {
    Entity.SESSION: "true",
    Entity.CLIENT: """NOT EXISTS (SELECT 1 FROM public.work_sessions s WHERE s.client_id = t.id)
        AND NOT EXISTS (SELECT 1 FROM public.projects p WHERE p.client_id = t.id)""",
    Entity.PROJECT: "NOT EXISTS (SELECT 1 FROM public.work_sessions s WHERE s.project_id = t.id)",
}
_FOLLOWED = """
UPDATE public.work_sessions SET {column} = CAST(:back AS uuid)
WHERE id = ANY(CAST(:ids AS uuid[])) AND {column} IS NOT DISTINCT FROM CAST(:into AS uuid)
"""


class WorkUndo(Writes):
    """The inverse of every act on work time."""

    async def take_back_work(self, changes: Sequence[Change]) -> list[NewChange]:
        """Undoes the sessions, clients and projects among the changes of one group, last first.

        Gives the rows for the history. Raises Conflict when a column was changed again since.
        """
        return [
            undone
            for change in reversed(changes)
            if change.entity in _TABLE and (undone := await self._take_back(change)) is not None
        ]

    async def _take_back(self, change: Change) -> NewChange | None:
        if change.before is None:
            return await self._remove(change)
        row = _row(change.before)
        if change.after is None:
            await self._insert(change, row)
            undone = _new(change, Action.RESTORED, None, row)
        else:
            undone = await self._revert(change, row, _row(change.after))
        await self._bring_back_sessions(change, row)
        return undone

    async def _remove(self, change: Change) -> NewChange | None:
        """Takes back a creation. A client or project that others use by now stays."""
        gone = await self._fetch(
            f"DELETE FROM public.{_TABLE[change.entity]} t WHERE id = CAST(:id AS uuid) AND {_UNUSED[change.entity]} "
            "RETURNING to_jsonb(t) AS row",
            {"id": change.entity_id},
        )
        return _new(change, Action.DELETED, gone[0].row, None) if gone else None

    async def _insert(self, change: Change, row: Mapping[str, Any]) -> None:
        """Brings back a deleted row; a client or project that is gone meanwhile is left out."""
        table = _TABLE[change.entity]
        names = [name for name in row if name != "duration_minutes"]
        values = ", ".join(_reference(name) for name in names)
        done = await self._fetch(
            f"INSERT INTO public.{table} ({', '.join(names)}) SELECT {values} "
            f"FROM jsonb_populate_record(NULL::public.{table}, CAST(:row AS jsonb)) old "
            "ON CONFLICT DO NOTHING RETURNING id",
            {"row": storable_json(row)},
        )
        if not done:
            raise Conflict(f"{change.entity} «{_label(row)}» cannot come back: there is one like it now", row)

    async def _revert(self, change: Change, before: Mapping[str, Any], after: Mapping[str, Any]) -> NewChange:
        table = _TABLE[change.entity]
        rows = await self._fetch(
            f"SELECT to_jsonb(t) AS row FROM public.{table} t WHERE id = CAST(:id AS uuid) FOR UPDATE",
            {"id": change.entity_id},
        )
        if not rows:
            raise Conflict(f"{change.entity} «{_label(before)}» is gone", None)
        current = rows[0].row
        wanted = {
            name: _merged(name, before[name], after.get(name), current.get(name), change)
            for name in before
            if name not in _NEVER_SET and not _same(before[name], after.get(name))
        }
        if wanted:
            settings = ", ".join(f"{name} = {_reference(name)}" for name in wanted)
            await self._fetch(
                f"UPDATE public.{table} t SET {settings} "
                f"FROM jsonb_populate_record(NULL::public.{table}, CAST(:row AS jsonb)) old "
                "WHERE t.id = CAST(:id AS uuid)",
                {"row": storable_json({**current, **wanted}), "id": change.entity_id},
            )
        return _new(change, Action.UPDATED, current, {**current, **wanted})

    async def _bring_back_sessions(self, change: Change, row: Mapping[str, Any]) -> None:
        """Sessions that followed a merge or a move, as far as nobody pointed them elsewhere since."""
        before = change.before or {}
        if before.get("sessions"):
            sql = _FOLLOWED.format(column=f"{change.entity}_id")
            await self._fetch(sql, {"back": change.entity_id, "ids": before["sessions"], "into": before["into"]})
        if before.get("client_sessions"):
            moved = {"ids": before["client_sessions"], "into": before["client_into"]}
            await self._fetch(_FOLLOWED.format(column="client_id"), {"back": row["client_id"], **moved})


def _row(state: Mapping[str, object]) -> Mapping[str, Any]:
    """The row in a state; sessions are states themselves."""
    row = state.get("row")
    return row if isinstance(row, Mapping) else state


def _new(
    change: Change, action: Action, before: Mapping[str, object] | None, after: Mapping[str, object] | None
) -> NewChange:
    was, is_ = (row if row is None or change.entity is Entity.SESSION else {"row": row} for row in (before, after))
    summary = f"took back: {change.summary or _label(before or after or {})}"
    return NewChange(change.entity, change.entity_id, action, was, is_, summary=summary)


def _label(row: Mapping[str, object]) -> object:
    return row.get("description") or row.get("name") or ""


def _reference(name: str) -> str:
    """A column of the old row; ids of clients and projects only as far as those exist."""
    if name == "client_id":
        return "(SELECT c.id FROM public.clients c WHERE c.id = old.client_id)"
    if name == "project_id":
        return "(SELECT p.id FROM public.projects p WHERE p.id = old.project_id)"
    return f"old.{name}"


def _same(one: Any, other: Any) -> bool:
    """Whether two values of a column are equal; instants may be written in two zones."""
    if one == other or not (isinstance(one, str) and isinstance(other, str)):
        return bool(one == other)
    with contextlib.suppress(ValueError, TypeError):
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    return False


def _merged(name: str, before: Any, after: Any, current: Any, change: Change) -> Any:
    """The value to go back to; what was appended to a list since the change stays."""
    if _same(current, after):
        return before
    if name in _LISTS and isinstance(current, list) and current[: len(after or [])] == (after or []):
        return [*(before or []), *current[len(after or []) :]]
    raise Conflict(f"the {name} of {change.entity} was changed again since: undo that first", current)
