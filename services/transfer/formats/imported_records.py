"""What a file can hold, one value a record, whatever the format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.model import MemoryType
from services.points import Vector
from services.ports import NewRelation


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    where: str
    """Place in the file, for a person: «line 12», «semantic 3»."""
    id: str
    type: MemoryType
    payload: Mapping[str, object]
    """Flat, with the whole text in `content`; without the keys of chunks."""
    vectors: tuple[Vector, ...] = ()
    """One a chunk, in order; () when the file has none or not all of them."""
    texts: tuple[str, ...] = ()
    """What the vectors were made of, one text a vector."""
    model: str | None = None
    """Model of the vectors, when the file tells it."""
    whole: bool = True
    """False: the format drops keys, so keys that are absent here say nothing."""
    notes: tuple[str, ...] = ()
    """What could not be taken as it stands in the file, for a person."""


@dataclass(frozen=True, slots=True)
class RelationRecord:
    """One relation; its ends may still be ids of chunks."""

    where: str
    relation: NewRelation
    verbatim: bool = False
    """True in this program's own format: ends are taken as they are, orphaned ones too."""


@dataclass(frozen=True, slots=True)
class RowRecord:
    """One row of a table of the relational store, columns as keys."""

    where: str
    table: str
    """One of `own.TABLES`, `work_sessions` or `history`."""
    row: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BadRecord:
    """Something that was left out, and why."""

    where: str
    reason: str
    damaged: bool = False
    """True when the file itself breaks off here, so that more than this record is missing."""


Record = MemoryRecord | RelationRecord | RowRecord | BadRecord
