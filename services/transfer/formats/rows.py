"""Rows of the history as our own export writes and reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC

from services.memories.payload import State
from services.model import Action, Change, Entity, Kind
from services.text import column_text
from services.transfer.formats.record_reading import canonical_id, date_of

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
    entity_id, at = canonical_id(row.get("entity_id")), date_of(row.get("at"))
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
    elif entity is Entity.RELATION and not all(canonical_id(state.get(end)) for end in ("source_id", "target_id")):
        raise ValueError("a relation without ends")
    return state
