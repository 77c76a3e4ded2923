"""Rows of the history as our own export writes and reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from services.model import Action, Change, Entity, Kind


def change_row(change: Change) -> dict[str, object]:
    """A change as JSON can hold it, without the mark that says how it came into this store."""
    row = asdict(change) | {"at": change.at.isoformat()}
    del row["imported"]
    return row


def change_of(row: Mapping[str, object]) -> Change | None:
    """The change that a row tells of; None when it cannot be read."""
    before, after = row.get("before"), row.get("after")
    undoes, digest = row.get("undoes"), row.get("content_hash")
    try:
        return Change(
            id=0,
            group=str(row["group"]),
            entity=Entity(str(row["entity"])),
            entity_id=str(row["entity_id"]),
            action=Action(str(row["action"])),
            actor=str(row["actor"]),
            program=str(row["program"]),
            at=datetime.fromisoformat(str(row["at"])),
            before=before if isinstance(before, dict) else None,
            after=after if isinstance(after, dict) else None,
            content_hash=digest if isinstance(digest, str) else None,
            undoes=undoes if isinstance(undoes, str) else None,
            summary=str(row.get("summary", "")),
            kind=Kind(str(row.get("kind", Kind.UNDO if undoes else Kind.EDIT))),
            imported=True,
        )
    except (KeyError, ValueError):
        return None
