"""Rows of the history and of tables in our own export: as they are written, and what they may hold when read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from services.memories.payload import State
from services.memories.stored_memories import canonical
from services.model import Action, Change, Entity, Kind
from services.records import columns
from services.storable_text import column_text, quoted
from services.times import read_iso

_MOST_NAME = 200
"""Characters of a group, an actor or a program."""


def change_row(change: Change) -> dict[str, object]:
    """A change as JSON can hold it, without the mark that says how it came into this store."""
    row = asdict(change) | {"at": change.at.isoformat()}
    del row["imported"]
    return row


def change_of(row: Mapping[str, object]) -> Change | None:
    """The change that a row tells of; None when it cannot be read, or tells of what cannot be."""
    undoes, digest = row.get("undoes"), row.get("content_hash")
    entity_id, at = canonical(row.get("entity_id")), read_iso(row.get("at"))
    if entity_id is None or at is None:
        return None
    try:
        entity = Entity(str(row["entity"]))
        return Change(
            id=0,
            group=_name(row["group"]),
            entity=entity,
            entity_id=entity_id,
            action=Action(str(row["action"])),
            actor=_name(row["actor"]),
            program=_name(row["program"]),
            at=at if at.tzinfo else at.replace(tzinfo=UTC),
            before=_state(entity, row.get("before")),
            after=_state(entity, row.get("after")),
            content_hash=_name(digest) if isinstance(digest, str) else None,
            undoes=_name(undoes) if isinstance(undoes, str) else None,
            summary=column_text(str(row.get("summary", ""))),
            kind=Kind(str(row.get("kind", Kind.UNDO if undoes else Kind.EDIT))),
            imported=True,
        )
    except (KeyError, ValueError):
        return None


def _name(value: object) -> str:
    """A short text for an indexed column. Raises ValueError for what is none."""
    if not isinstance(value, str) or not 0 < len(value) <= _MOST_NAME:
        raise ValueError("no name")
    return column_text(value)


def _state(entity: Entity, state: object) -> Mapping[str, object] | None:
    """A state of the history as it stands in the file. Raises ValueError for one that its entity cannot have."""
    if not isinstance(state, dict):
        return None
    json.dumps(state, allow_nan=False)
    if entity is Entity.MEMORY:
        State.from_json(state)
    elif entity is Entity.RELATION and not all(canonical(state.get(end)) for end in ("source_id", "target_id")):
        raise ValueError("a relation without ends")
    return state


_LONGEST_NAME = 500
"""Characters of a name: an index of PostgreSQL holds no more than about 2,700 bytes."""
_MOST_MINUTES = 10_000_000
_MOST_SECONDS = 2**31 - 1
_TABLES: Mapping[str, Mapping[str, str]] = {
    "clients": columns.CLIENT,
    "projects": columns.PROJECT,
    "rejected_suggestions": {
        **dict.fromkeys(("id", "source_id", "target_id"), "uuid"),
        "relation_type": "text",
        "rejected_at": "timestamptz",
    },
    "user_settings": {"key": "text", "updated_at": "timestamptz"},
    "work_sessions": {**columns.SESSION, "client": "text", "project": "text"},
}
"""The columns that are looked at, by their types."""
_TYPES = {**columns.FITS, "timestamptz": lambda value: read_iso(value) is not None}
_COLUMNS: Mapping[str, Callable[[object], bool]] = {
    **dict.fromkeys(("name", "repo", "client", "project", "relation_type", "key"), lambda value: _is_name(value)),
    "metadata": lambda value: isinstance(value, dict),
    "notes": lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
    "pauses": lambda value: isinstance(value, list),
    "total_pause_minutes": lambda value: isinstance(value, int) and 0 <= value <= _MOST_MINUTES,
}
"""Those that take less than their type does."""
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "clients": ("id", "name"),
    "projects": ("id", "name"),
    "rejected_suggestions": ("id", "source_id", "target_id", "relation_type"),
    "user_settings": ("key", "value"),
    "work_sessions": ("id", "description", "start_time"),
}


def misfit(table: str, row: Mapping[str, object]) -> str | None:
    """Why a row cannot stand in its table; None when it can. Columns that the table does not have are nobody's."""
    for column in _REQUIRED[table]:
        if row.get(column) is None:
            return f"a row of {table} without {column}"
    for column, kind in _TABLES[table].items():
        value = row.get(column)
        if value is not None and not (_COLUMNS.get(column) or _TYPES[kind])(value):
            return f"a row of {table} whose {column} cannot be {quoted(value)}"
    start, end = read_iso(row.get("start_time")), read_iso(row.get("end_time"))
    if start and end and abs((_aware(end) - _aware(start)).total_seconds()) > _MOST_SECONDS:
        return f"a row of {table} that lasts longer than a life"
    return None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME


def _aware(date: datetime) -> datetime:
    return date if date.tzinfo else date.replace(tzinfo=UTC)
