"""The values of the knowledge graph: neighbourhoods, paths, suggestions. All frozen."""

from __future__ import annotations

from dataclasses import dataclass

from services.model import Memory, Relation, RelationType

GLANCE = 500
"""Most memories of a neighbourhood that are fetched at once."""


@dataclass(frozen=True, slots=True)
class Node:
    """A memory reached from the centre."""

    id: str
    depth: int
    """Relations between it and the centre; 0 for the centre."""
    path: tuple[str, ...]
    """Ids from the centre to it, both included."""
    relation: RelationType | None
    """Type of the last relation on the way; None for the centre."""
    memory: Memory | None
    """None when the relation's end is no memory (orphaned)."""
    chunk_of: Memory | None = None
    """The memory whose chunk the relation's end is, as upstream sometimes writes it."""


@dataclass(frozen=True, slots=True)
class Neighborhood:
    """A memory with what lies around it."""

    center: str
    depth: int
    types: tuple[RelationType, ...]
    """Types walked; () for all."""
    nodes: tuple[Node, ...] = ()
    """The centre first, then by depth."""
    edges: tuple[Relation, ...] = ()
    """Relations of these types among the nodes, ends mapped to memories."""
    more: bool = False
    """True when there are further memories within the depth than `nodes` holds."""
    narrowed_by: str = ""
    """What else was left out by, as a person reads it."""

    def node(self, memory_id: str) -> Node | None:
        return next((node for node in self.nodes if node.id == memory_id), None)


@dataclass(frozen=True, slots=True)
class PathStep:
    """One memory on a path, and how the path goes on from it."""

    step: int
    """1 for the start."""
    id: str
    memory: Memory | None
    relation: RelationType | None
    """Of the relation to the next memory; None at the end."""
    outgoing: bool | None
    """True when that relation points to the next memory."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A memory and how many relations it has."""

    memory_id: str
    degree: int
    memory: Memory | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A relation that is not there but may well be meant."""

    source: Memory
    target: Memory
    type: RelationType
    confidence: float
    """0..1: likeness of the texts and strength of the cues, together."""
    reason: str


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One step of a review over all memories."""

    done: int
    total: int
    suggestions: tuple[Suggestion, ...]
    resume_from: str | None
    """Give this to `review` to go on after this step; None when it was the last."""


@dataclass(frozen=True, slots=True)
class ReviewPlace:
    """Where a person left a review of all memories, and what they look at there."""

    resume_from: str | None = None
    """Give this to `review` to find again what is undecided; None: from the start."""
    at: tuple[str, str] | None = None
    """Source and target of the suggestion under the cursor."""
    least: float = 0.6
    """Confidence below which nothing is shown, 0..1."""
    project: str = ""
    """Only suggestions with a memory of it; "" for all."""
