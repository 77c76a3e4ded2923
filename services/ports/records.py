"""PostgreSQL as the services see it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from services.model import Act, Change, Entity, Kind, Relation, RelationType, StoreStatus
from services.ports.values import (
    Edge,
    FoundNode,
    FoundStep,
    KeptVectors,
    Mark,
    NewChange,
    NewRelation,
    Pulse,
    ScheduledWork,
    Waiting,
    WorkUndone,
)


class Transaction(Protocol):
    """One PostgreSQL transaction; all of it happens or nothing."""

    async def append_history(
        self, group: str, changes: Sequence[NewChange], *, kind: Kind = Kind.EDIT, undoes: str | None = None
    ) -> list[int]:
        """Appends rows under one change group; gives their numbers in order."""
        ...

    async def purge_memories(self, ids: Sequence[str], ends: Sequence[str]) -> int:
        """Erases the history of memories, and with it all relations whose end is one of `ends`.

        Gives how many changes are gone.
        """
        ...

    async def import_history(self, changes: Sequence[Change]) -> int:
        """Appends changes of an export with their own group, actor, program and time, as new numbers.

        Those that are there already are left out; gives how many were new.
        """
        ...

    async def lock(self, memory_ids: Iterable[str], *, shared: bool = False) -> None:
        """Waits until no other transaction holds these memories, then holds them to the end of this one.

        Of more than 200 all memories there are. Who draws relations to memories that it does not change locks them
        `shared`: then they are not deleted meanwhile. Raises StoreTimeout after 30 s.
        """
        ...

    async def marks(self, memory_ids: Sequence[str]) -> dict[str, Mark]:
        """As `Records.marks`; under the lock they stay as they are."""
        ...

    async def schedule(self, work: Mapping[str, int]) -> None:
        """Writes outbox entries: memory id → number of the change whose `after` is the state to reach.

        An entry of the same memory is replaced.
        """
        ...

    async def done(self, work: Mapping[str, int]) -> set[str]:
        """Removes outbox entries, memory id → number of the change; gives the memories whose entry was this one."""
        ...

    async def postpone(
        self, work: Mapping[str, int], error: str, next_attempts: Sequence[datetime], *, written: bool
    ) -> set[str]:
        """Counts a failed attempt at these outbox entries; gives the memories whose entry was this one.

        `written`: the points get the state in this transaction, and will lack vectors only.
        """
        ...

    async def is_undone(self, group: str) -> bool:
        """Whether some group undoes this one."""
        ...

    async def locked_relations(self, ids: Sequence[str]) -> dict[str, Relation]:
        """Those of the relations that are there, by id; nobody changes them until the transaction ends."""
        ...

    async def insert_relations(self, relations: Sequence[NewRelation]) -> list[Relation]:
        """Inserts; those that exist already (same ends and type) are left out of the answer."""
        ...

    async def delete_relations(self, ids: Sequence[str]) -> list[Relation]:
        """Deletes; gives what was deleted, for the history."""
        ...

    async def delete_relations_of(self, ends: Sequence[str]) -> list[Relation]:
        """Deletes every relation that ends in one of these ids; gives what was deleted."""
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

    async def upsert_sessions(self, sessions: Sequence[Mapping[str, object]]) -> list[NewChange]:
        """Writes whole rows of `work_sessions` by id, columns as keys; gives the rows for the history.

        Clients and projects that are named and missing are made, and are among the rows.
        """
        ...

    async def undo_work(self, changes: Sequence[Change], *, force: bool) -> WorkUndone:
        """Undoes changes of sessions, clients and projects, last first; what was changed since is left, unless forced.

        Raises InvalidInput for a state of the history that cannot be one.
        """
        ...

    async def insert_rows(self, table: str, rows: Sequence[Mapping[str, object]]) -> list[NewChange]:
        """Inserts rows of a small table (`Records.all_rows`) that are not there yet; gives those with a history."""
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

    async def known_hashes(self, memory_ids: Sequence[str]) -> dict[str, str]:
        """The hash of the text that the newest change of each memory left; not of deleted and promised ones."""
        ...

    async def kept_vectors(self, change_ids: Sequence[int]) -> dict[int, KeptVectors]:
        """By the number of the change; those of which none were kept are left out."""
        ...

    async def group(self, group: str) -> list[Change]:
        """All changes of one act, in order."""
        ...

    async def last_undoable_group(self, actor: str, skip: Sequence[str] = ()) -> str | None:
        """Newest act of this actor that is neither an undo, undone, imported nor among those to skip."""
        ...

    async def last_redoable_group(self, actor: str) -> str | None:
        """Newest undo of this actor that is not undone and after which they did nothing else."""
        ...

    async def line_of(self, group: str) -> list[str]:
        """An act, the undo of it, the redo of that and so on, as far as they were made; [] for no act."""
        ...

    async def groups_beginning(self, prefix: str) -> list[str]:
        """Up to two groups that begin so."""
        ...

    async def acts(self, limit: int) -> list[Act]:
        """The last acts of everybody without summaries, newest first, imported history left out."""
        ...

    async def first_changes(self, groups: Sequence[str], limit: int) -> dict[str, list[Change]]:
        """At most so many changes of each group, in order."""
        ...

    async def living_memories(self, after: str, limit: int) -> list[str]:
        """Ids, in order from the one after `after`, of memories whose newest change is no deletion and is applied.

        History that came with an import does not count: what it tells of may have happened in another store.
        """
        ...

    async def deleted_memories(self, limit: int, offset: int = 0) -> list[Change]:
        """The deletion of each memory whose newest change is a deletion, newest first: the trash."""
        ...

    async def deleted_ids(self, before: datetime | None = None) -> list[str]:
        """Ids of all memories in the trash, or of those deleted before an instant, last deleted first."""
        ...

    async def reclaim(self) -> None:
        """Gives the room of what was purged back to the database, which then writes over it."""
        ...

    async def last_imports(self, memory_ids: Sequence[str]) -> dict[str, Mapping[str, object]]:
        """What the newest import that changed each memory here made of it, as the history has it."""
        ...

    async def deleted_here(self, ids: Sequence[str]) -> set[str]:
        """Of these memories and relations, those that were deleted and did not come back; an undo deletes nothing."""
        ...

    async def relations_gone(self, ends: Sequence[str]) -> list[Change]:
        """The removal of each relation that ended in one of these ids, went with a memory and did not come back."""
        ...

    def all_changes(self, batch: int = 1000) -> AsyncIterator[list[Change]]:
        """The whole history in order, for an export."""
        ...

    async def scheduled(
        self,
        *,
        due_before: datetime | None = None,
        memory_ids: Sequence[str] | None = None,
        untried: bool = False,
        limit: int = 1000,
    ) -> list[ScheduledWork]:
        """Outbox entries, least tried and oldest first: what is due before an instant, of these memories, or all.

        With `untried` only those that nobody tried to apply yet: their points are not there.
        """
        ...

    async def scheduled_count(self) -> int: ...

    async def waiting(self, memory_ids: Sequence[str]) -> dict[str, Waiting]:
        """What waits to be applied to these memories; those of which everything is applied are left out."""
        ...

    async def marks(self, memory_ids: Sequence[str]) -> dict[str, Mark]:
        """How far the history of each memory has come; those without history or outbox entry are left out."""
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
    def all_sessions(self, batch: int = 1000) -> AsyncIterator[list[Mapping[str, object]]]:
        """Whole rows, values as JSON can hold them, clients and projects by id with their names beside."""
        ...

    def all_rows(self, table: str, batch: int = 1000) -> AsyncIterator[list[Mapping[str, object]]]:
        """Whole rows of `clients`, `projects`, `rejected_suggestions` or `user_settings`, in a stable order."""
        ...

    # settings and health
    async def user_settings(self) -> dict[str, object]: ...

    async def status(self) -> StoreStatus: ...

    async def pulse(self, now: datetime) -> Pulse: ...

    async def close(self) -> None: ...
