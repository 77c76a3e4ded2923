"""What the services need from the outside, as narrow protocols. Adapters implement them; tests give their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol, runtime_checkable

from services.model import (
    Action,
    Change,
    Entity,
    MemoryType,
    Relation,
    RelationCreator,
    RelationType,
    StoreStatus,
    WorkSession,
)
from services.points import (
    EVERYTHING,
    CollectionInfo,
    DenseSearch,
    Filter,
    Point,
    ScoredPoint,
    Scroll,
    TextSearch,
    Vector,
)


class Clock(Protocol):
    """Says what time it is; tests hold it still."""

    def __call__(self) -> datetime:
        """Now, aware."""
        ...


class Embedder(Protocol):
    """Makes vectors of texts."""

    @property
    def model(self) -> str:
        """Name of the model, as remembered beside its vectors."""
        ...

    @property
    def dimensions(self) -> int: ...

    async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        """One vector a text, in order. Raises EmbeddingFailed or StoreUnavailable."""
        ...

    async def embed_query(self, text: str) -> Vector:
        """The vector of a question; the last ones are kept. Raises as `embed_documents`."""
        ...

    async def status(self) -> StoreStatus: ...

    async def close(self) -> None: ...


@runtime_checkable
class WordEmbedder(Embedder, Protocol):
    """An embedder whose words have vectors of their own, so that the telling words of a question can count for more."""

    async def embed_words(self, weights: Mapping[str, float]) -> Vector:
        """The vector of a question, from its words with their weights. Raises as `embed_documents`."""
        ...

    async def closeness(self, weights: Mapping[str, float], passages: Sequence[str]) -> list[float]:
        """For each passage how near the words of a question come to a word of it, 0..1. Raises as `embed_documents`."""
        ...


class VectorStore(Protocol):
    """Points of the three collections. Each method opens the store on first use.

    Raises StoreUnavailable (StoreInUse, AuthenticationFailed, StorageFull, StoreTimeout) or StoreMismatch.
    """

    async def ensure(self, dimensions: int, model: str) -> None:
        """Makes collections and payload indexes that are missing; remembers `model` where none is remembered.

        Raises ModelMismatch when the collections have another vector size or were filled by another model.
        """
        ...

    async def model(self) -> str | None:
        """Name of the model that made the vectors, None when it is not known (made by upstream) or empty."""
        ...

    async def info(self) -> dict[MemoryType, CollectionInfo]:
        """Every collection that exists."""
        ...

    async def upsert(self, collection: MemoryType, points: Sequence[Point]) -> None:
        """Writes points whole (payload and vector replaced); returns when they are durable."""
        ...

    async def set_payload(self, collection: MemoryType, ids: Sequence[str], payload: Mapping[str, object]) -> None:
        """Sets these top-level keys, keeps the others; vectors stay."""
        ...

    async def delete_payload(self, collection: MemoryType, ids: Sequence[str], keys: Sequence[str]) -> None: ...

    async def delete_points(self, collection: MemoryType, ids: Sequence[str]) -> None: ...

    async def retrieve(self, collection: MemoryType, ids: Sequence[str], *, vectors: bool = False) -> list[Point]:
        """The points that exist, in the order asked for."""
        ...

    async def scroll(self, request: Scroll) -> list[Point]: ...

    async def search(self, requests: Sequence[DenseSearch | TextSearch]) -> list[list[ScoredPoint]]:
        """One list a request, best first; one batch a collection."""
        ...

    async def count(self, collection: MemoryType, where: Filter = EVERYTHING) -> int:
        """Exact number of points."""
        ...

    async def facet(
        self,
        collection: MemoryType,
        key: str,
        where: Filter = EVERYTHING,
        limit: int = 1000,
    ) -> dict[str, int]:
        """Exact number of points by value of a keyword key, most first."""
        ...

    async def status(self) -> StoreStatus: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class KeptVectors:
    """Vectors of a memory's chunks, in order, kept with a change so that taking it back need not embed again."""

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
class ScheduledWork:
    """Work on one memory that was promised and is not yet done: bring its points to the state of `change`."""

    memory_id: str
    change_id: int
    attempts: int
    last_error: str | None
    next_attempt: datetime


@dataclass(frozen=True, slots=True)
class NewRelation:
    """A relation to be made."""

    source_id: str
    target_id: str
    type: RelationType
    weight: float = 1.0
    created_by: RelationCreator = RelationCreator.USER
    id: str | None = None
    created_at: datetime | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)


class Edge(NamedTuple):
    """What a walk needs of a relation."""

    source_id: str
    target_id: str
    weight: float


@dataclass(frozen=True, slots=True)
class FoundNode:
    """An id reached by a walk over the relations."""

    id: str
    depth: int
    path: tuple[str, ...]
    """Ids from the start to it, both included."""
    relation: RelationType
    """The last one on the way."""


@dataclass(frozen=True, slots=True)
class FoundStep:
    """An id on a path; relation and direction lead to the next one, None at the end."""

    id: str
    relation: RelationType | None
    outgoing: bool


class Transaction(Protocol):
    """One PostgreSQL transaction; all of it happens or nothing."""

    async def append_history(self, group: str, changes: Sequence[NewChange], *, undoes: str | None = None) -> list[int]:
        """Appends rows under one change group in one statement; gives their numbers in order."""
        ...

    async def import_history(self, changes: Sequence[Change]) -> int:
        """Appends changes of an export with their own group, actor, program and time, as new numbers.

        Those that are there already are left out; gives how many were new.
        """
        ...

    async def schedule(self, work: Mapping[str, int]) -> None:
        """Promises work: memory id → number of the change whose `after` is the state to reach.

        A promise for the same memory is replaced.
        """
        ...

    async def insert_relations(self, relations: Sequence[NewRelation]) -> list[Relation]:
        """Inserts; those that exist already (same ends and type) are left out of the answer."""
        ...

    async def delete_relations(self, ids: Sequence[str]) -> list[Relation]:
        """Deletes; gives what was deleted, for the history."""
        ...

    async def update_relations(self, relations: Sequence[Relation]) -> None:
        """Writes source, target, type, weight and metadata of relations that exist. Raises Conflict on a duplicate."""
        ...

    async def reject(self, source: str, target: str, type_: RelationType) -> None:
        """Remembers that this relation is not wanted."""
        ...

    async def unreject(self, source: str, target: str) -> int:
        """Forgets what was rejected between the two, in both directions; gives how many."""
        ...

    async def upsert_sessions(self, sessions: Sequence[Mapping[str, object]]) -> int:
        """Writes whole rows of `work_sessions` by id, columns as keys (import, restore); gives how many were new."""
        ...

    async def take_back_work(self, changes: Sequence[Change]) -> list[NewChange]:
        """Undoes changes of sessions, clients and projects, last first; gives the rows for the history.

        Raises Conflict when what was changed has changed again since.
        """
        ...

    async def insert_rows(self, table: str, rows: Sequence[Mapping[str, object]]) -> int:
        """Inserts rows of a small table (`Records.all_rows`) that are not there yet; gives how many."""
        ...


class Records(Protocol):
    """PostgreSQL: relations, work sessions, history and promised work.

    Raises StoreUnavailable, SchemaMissing (writing to a database without our additions) or StoreTooNew.
    """

    def transaction(self) -> AbstractAsyncContextManager[Transaction]: ...

    # history and promised work
    async def history(self, entity: Entity, entity_id: str, limit: int = 100) -> list[Change]:
        """Newest first."""
        ...

    async def changes(self, ids: Sequence[int]) -> list[Change]: ...

    async def kept_vectors(self, change_id: int) -> KeptVectors | None: ...

    async def group(self, group: str) -> list[Change]:
        """All changes of one act, in order."""
        ...

    async def last_undoable_group(self, actor: str) -> str | None:
        """Newest group of this actor that is neither an undo nor undone."""
        ...

    async def deleted_memories(self, limit: int, offset: int = 0) -> list[Change]:
        """The deletion of each memory whose newest change is a deletion, newest first: the trash."""
        ...

    async def relations_gone(self, ends: Sequence[str]) -> list[Change]:
        """The removal of each relation that ended in one of these ids, went with a memory and did not come back."""
        ...

    def all_changes(self, batch: int = 1000) -> AsyncIterator[list[Change]]:
        """The whole history in order, for an export."""
        ...

    async def scheduled(
        self, *, due_before: datetime | None = None, memory_ids: Sequence[str] | None = None, limit: int = 1000
    ) -> list[ScheduledWork]:
        """Promised work, oldest first: what is due before an instant, what is promised to these memories, or all."""
        ...

    async def scheduled_count(self) -> int: ...

    async def done(self, work: Mapping[str, int]) -> None:
        """Removes promises that are kept: memory id → number of the change; a newer promise stays."""
        ...

    async def postpone(self, memory_id: str, error: str, next_attempt: datetime) -> None:
        """Counts a failed attempt."""
        ...

    # relations
    async def relations_of(self, memory_ids: Sequence[str]) -> list[Relation]:
        """All relations that touch one of these ids, in one round trip."""
        ...

    async def edges_of(self, memory_ids: Sequence[str]) -> list[Edge]:
        """The same relations, as little of each as a search needs."""
        ...

    async def relation_counts(self, memory_ids: Sequence[str]) -> dict[str, int]:
        """Number of relations of each memory that has any."""
        ...

    async def related_ids(self) -> frozenset[str]:
        """Every id that is an end of some relation."""
        ...

    def all_relations(self, batch: int = 1000) -> AsyncIterator[list[Relation]]: ...

    # graph
    async def around(self, center: str, depth: int, types: Sequence[RelationType], limit: int) -> list[FoundNode]:
        """At most `limit` - 1 ids around the centre, nearest first, each once; () walks all types."""
        ...

    async def way(self, start: str, goal: str, depth: int) -> list[FoundStep]:
        """One shortest path of at most `depth` relations, both ends included; [] when there is none."""
        ...

    async def relations_among(self, ids: Sequence[str], types: Sequence[RelationType] = ()) -> list[Relation]:
        """Relations with both ends among these."""
        ...

    async def best_connected(self, limit: int) -> list[tuple[str, int]]:
        """Ids with the most relations, with their number."""
        ...

    async def rejected(self, ids: Sequence[str]) -> list[tuple[str, str, str]]:
        """Rejected suggestions that touch one of these: source, target, type."""
        ...

    # work
    async def open_sessions(self) -> list[WorkSession]:
        """Active and paused ones, oldest first."""
        ...

    def all_sessions(self, batch: int = 1000) -> AsyncIterator[list[Mapping[str, object]]]:
        """Whole rows, values as JSON can hold them, clients and projects by id with their names beside."""
        ...

    def all_rows(self, table: str, batch: int = 1000) -> AsyncIterator[list[Mapping[str, object]]]:
        """Whole rows of `clients`, `projects`, `rejected_suggestions` or `user_settings`, in a stable order."""
        ...

    # settings and health
    async def user_settings(self) -> dict[str, object]: ...

    async def status(self) -> StoreStatus: ...

    async def close(self) -> None: ...
