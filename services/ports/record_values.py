"""What is handed to PostgreSQL and comes back from it, where no value of the model serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from services.model import Action, ChangedSince, Entity, Kind, RelationCreator, RelationType, WorkSession
from services.points import Vector


@dataclass(frozen=True, slots=True)
class KeptVectors:
    """Vectors of a memory's chunks, in order, kept with a change so that undoing it need not embed again."""

    model: str
    vectors: tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class NewChange:
    """A row for the history, before it has its number and time."""

    entity: Entity
    entity_id: str
    action: Action
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    content_hash: str | None = None
    summary: str = ""
    kept_vectors: KeptVectors | None = None
    """Those of the state `before`."""


@dataclass(frozen=True, slots=True)
class PendingReview:
    """A memory that agents or imports wrote, and no person has reviewed since."""

    memory_id: str
    first_change: int
    """Number of the oldest change that nobody reviewed; what was before it is what a person knows."""
    last_change: int
    """Number of the newest one, of which the following tell."""
    action: Action
    kind: Kind
    actor: str
    program: str
    at: datetime
    is_new: bool
    """Whether there was no memory before the first change."""
    reviewed_by: str | None
    """Who reviewed an earlier version; None: nobody."""
    reviewed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Review:
    """How a memory stands that agents or imports wrote at some time."""

    by: str | None
    """Who reviewed it last; None: nobody."""
    at: datetime | None
    waits: bool
    """Whether something was written since that nobody reviewed."""


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """The points of one memory are still to be brought to the state of `change`."""

    memory_id: str
    change_id: int
    attempts: int
    last_error: str | None
    next_attempt: datetime


class Mark(NamedTuple):
    """How far the history of a memory has come: while it stays equal, no program has changed the memory."""

    newest: int = 0
    """Number of its newest change, 0 without one."""
    waiting: int = 0
    """Number of the change in its outbox entry, 0 without one."""
    deleted: bool = False
    """True when the newest change is a deletion."""


class Waiting(NamedTuple):
    """What waits to be applied to the points of a memory."""

    changes: tuple[int, ...]
    """Numbers of the changes of which the points can be without something, oldest first."""
    attempts: int
    written: bool
    """True when the points have the newest state already, and only lack vectors."""


UNMARKED = Mark()
"""Of a memory that has no history."""


@dataclass(frozen=True, slots=True)
class NewRelation:
    source_id: str
    target_id: str
    type: RelationType
    weight: float = 1.0
    created_by: RelationCreator = RelationCreator.USER
    id: str | None = None
    created_at: datetime | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pulse:
    """What PostgreSQL is asked every few seconds, in one round trip."""

    pending: int
    """Memories that wait for their vectors."""
    due: bool
    """Whether one of them is to be tried again."""
    sessions: tuple[WorkSession, ...]
    """Active and paused ones, oldest first."""
    unreviewed: int = 0
    """Memories that wait for a review, counted to one more than MOST_UNREVIEWED."""


@dataclass(slots=True)
class WorkUndone:
    """What was undone of work time, gathered row by row."""

    rows: list[NewChange] = field(default_factory=list)
    """For the history."""
    changed: list[ChangedSince] = field(default_factory=list)
    """Changed since, and left."""
    kept: list[ChangedSince] = field(default_factory=list)
    """Made by the act, and used by other work now."""


class Link(NamedTuple):
    """A relation as one of its ends sees it, whatever its direction."""

    memory_id: str
    neighbour_id: str
    weight: float


class RelationSummary(NamedTuple):
    """How a memory stands among others."""

    relations: int = 0
    superseded: bool = False
    """Whether another memory supersedes it."""


class FoundNode(NamedTuple):
    """An id reached by a walk over the relations."""

    path: tuple[str, ...]
    """Ids from the start to it, both included."""
    relation: RelationType
    """The last one on the way."""

    @property
    def id(self) -> str:
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class FoundStep:
    """An id on a path; relation and direction lead to the next one, None at the end."""

    id: str
    relation: RelationType | None
    outgoing: bool
