"""Typed edges between memories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.model.memories import Memory


class RelationType(StrEnum):
    """How one memory relates to another, read from source to target."""

    CAUSES = "causes"
    FIXES = "fixes"
    SUPPORTS = "supports"
    OPPOSES = "opposes"
    FOLLOWS = "follows"
    SUPERSEDES = "supersedes"
    DERIVES = "derives"
    PART_OF = "part_of"
    RELATED = "related"

    @property
    def label(self) -> str:
        """«part of», as a person reads it."""
        return self.value.replace("_", " ")


class RelationCreator(StrEnum):
    """Who made a relation: a person, a suggestion that was accepted, or a program."""

    USER = "user"
    AUTO = "auto"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Relation:
    """A directed, typed edge between two memories."""

    id: str
    source_id: str
    target_id: str
    type: RelationType
    weight: float = 1.0
    """0..1."""
    created_by: RelationCreator = RelationCreator.USER
    created_at: datetime | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RelatedMemory:
    """A relation seen from one memory: the other end, with its text when it could be found."""

    relation: Relation
    outgoing: bool
    other: Memory | None
    """None for an orphaned relation: the other end is no memory."""
    of_chunk: bool = False
    """True when MCP Memoria drew it from or to a chunk instead of the memory, on either side."""
