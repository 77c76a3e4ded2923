"""PostgreSQL's tables as a backup takes them out and a restore puts them in: whole rows, many at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.model import Kind
from services.ports.values import NewChange


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table as PostgreSQL's COPY writes them in text format."""

    table: str
    """With its schema."""
    columns: tuple[str, ...]
    count: int
    text: bytes
    kind: str | None = None
    """What the rows are called where records are counted; None: they are not, for they belong to others."""


@dataclass(frozen=True, slots=True)
class LastChange:
    """The newest row of the history of one memory."""

    memory_id: str
    change_id: int
    group: str
    after: Mapping[str, object] | None
    """None: it was deleted."""


@dataclass(frozen=True, slots=True)
class TableCounts:
    """How the tables of a restore stand to those of the store, for one kind of record."""

    kind: str
    new: int
    newer: int
    older: int
    same: int
    only_here: int


class Snapshot(Protocol):
    """All tables as they stood at one instant, whatever others write meanwhile."""

    async def newest_change(self) -> int:
        """Number of the newest row of the history, 0 when there is none."""
        ...

    async def changed_after(self, change_id: int) -> list[str]:
        """The memories that the history names after this row."""
        ...

    async def newest_changes_of(self, memory_ids: Sequence[str]) -> list[LastChange]:
        """The newest change of each memory that has one."""
        ...

    async def promised_after(self, change_id: int) -> list[str]:
        """Memories that wait for work promised with a later change than this."""
        ...

    async def linked_since(self, instant: datetime) -> list[str]:
        """Ends of the relations made since."""
        ...

    def rows(self) -> AsyncIterator[Rows]:
        """Every row of every table, clients before projects before sessions, the history in order."""
        ...


class Staged(Protocol):
    """Rows of an archive beside the tables, in one transaction that ends with it."""

    async def compare(self) -> list[TableCounts]:
        """What a restore would find new, changed and only here."""
        ...

    async def keep_note(self, note: str) -> None:
        """As `Tables.keep_note`, in this transaction."""
        ...

    async def bring_history(self) -> int:
        """Appends the rows of the history that are not here, under new numbers; gives how many."""
        ...

    async def merge(self, group: str | None) -> Mapping[str, int]:
        """Inserts what is missing and updates what is older here; with a group, each change goes into the history.

        Gives how many rows of each kind were written.
        """
        ...

    async def replace(self, group: str) -> Mapping[str, int]:
        """Makes the tables as the archive has them; each difference goes into the history."""
        ...

    async def append(
        self, group: str, changes: Sequence[NewChange], *, kind: Kind = Kind.RESTORE, undoes: str | None = None
    ) -> None:
        """Appends changes of memories to the history."""
        ...

    async def take_promises(self) -> None:
        """Takes over the promised work of the archive, in the place of what is promised here."""
        ...

    def appended_memories(self) -> AsyncIterator[list[LastChange]]:
        """For the memories in the rows that `bring_history` appended: their newest change now."""
        ...


class Tables(Protocol):
    """All tables of the database. Raises as `Records`."""

    async def counts(self) -> Mapping[str, int]:
        """Exact number of records by kind; tables that do not exist have none."""
        ...

    async def newest_change(self) -> tuple[int, datetime]:
        """Number of the newest row of the history, 0 when there is none, and the database's clock."""
        ...

    async def promised_after(self, change_id: int) -> list[str]:
        """As `Snapshot.promised_after`, at this moment."""
        ...

    async def newest_changes_of(self, memory_ids: Sequence[str]) -> Mapping[str, int]:
        """Number of the newest change of each memory that has one."""
        ...

    async def note(self) -> str | None:
        """What `keep_note` kept; None when no restore is unfinished."""
        ...

    async def keep_note(self, note: str) -> None:
        """Writes down, for every program on these stores, how far a restore is."""
        ...

    async def remove_note(self) -> None:
        """No restore is unfinished any more."""
        ...

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """A reading transaction."""
        ...

    def staged(self, rows: AsyncIterator[Rows], *, commit: bool = True) -> AbstractAsyncContextManager[Staged]:
        """Brings the rows beside the tables; without `commit`, for looking only."""
        ...
