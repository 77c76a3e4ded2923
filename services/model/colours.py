"""Colours of types on white, of pictures and of the light theme."""

from __future__ import annotations

from collections.abc import Mapping

from services.model.memories import MemoryType
from services.model.relations import RelationType

ON_WHITE: Mapping[MemoryType | RelationType, str] = {
    MemoryType.SEMANTIC: "#2a62b8",
    MemoryType.EPISODIC: "#9a5d0c",
    MemoryType.PROCEDURAL: "#2c7a4b",
    RelationType.CAUSES: "#b83a45",
    RelationType.FIXES: "#2c7a4b",
    RelationType.SUPPORTS: "#127a78",
    RelationType.OPPOSES: "#a83a82",
    RelationType.FOLLOWS: "#2a62b8",
    RelationType.SUPERSEDES: "#9a5d0c",
    RelationType.DERIVES: "#6a45b8",
    RelationType.PART_OF: "#75691a",
    RelationType.RELATED: "#646c80",
}
