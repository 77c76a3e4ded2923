"""What was changed, by whom, and what was taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Action(StrEnum):
    """What a change did."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    RESTORED = "restored"


class Entity(StrEnum):
    """What a change was made to."""

    MEMORY = "memory"
    RELATION = "relation"
    SESSION = "session"
    CLIENT = "client"
    PROJECT = "project"


class Kind(StrEnum):
    """What kind of act a change belongs to."""

    EDIT = "edit"
    """A person's own: made, edited, deleted, brought back from the trash, linked, worked."""
    IMPORT = "import"
    RESTORE = "restore"
    """From a backup."""
    REPAIR = "repair"
    MERGE = "merge"
    UNDO = "undo"
    REDO = "redo"
    PURGE = "purge"
    OUTSIDE = "outside"
    """Another program's, which this one met and wrote down."""

    @classmethod
    def _missing_(cls, value: object) -> Kind:
        """A kind that only a newer program knows counts as an edit."""
        return cls.EDIT


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the history."""

    id: int
    """Grows with every change of the store."""
    group: str
    """Changes of one act share it; undo takes back a whole group."""
    entity: Entity
    entity_id: str
    action: Action
    actor: str
    program: str
    at: datetime
    before: Mapping[str, object] | None
    """State before as JSON; for a memory `{"type", "payload"}` with the whole text in `payload.content`."""
    after: Mapping[str, object] | None
    content_hash: str | None = None
    """SHA-256 of the memory's text after the change, else before it."""
    undoes: str | None = None
    """Group that this change took back."""
    summary: str = ""
    """One line for a person: «edited text», «tags +auth −old»."""
    kind: Kind = Kind.EDIT
    imported: bool = False
    """True for history that came with an import or a restore: shown, and never undone by itself."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did, for the toast."""

    group: str
    summary: str
    entity_ids: tuple[str, ...] = ()
