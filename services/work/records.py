"""What work time needs from its store, as narrow protocols; `services/adapters/postgres/work` implements them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from services.model import Entity, Pause, SessionCategory, SessionStatus, WorkSession
from services.ports import NewChange, Transaction
from services.work.model import (
    Client,
    ClientTotal,
    Flaw,
    LogOrder,
    Project,
    ProjectTotal,
    ReportBy,
)


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session with what was wrong with its pauses when they were read."""

    session: WorkSession
    flaws: tuple[Flaw, ...] = ()
    updated_at: datetime | None = None
    """When some program last wrote it."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to be inserted, every value known. Client and project are names."""

    description: str
    category: SessionCategory
    client: str | None
    project: str | None
    issue_number: int | None
    pr_number: int | None
    branch: str | None
    start: datetime


@dataclass(frozen=True, slots=True)
class SessionChange:
    """What to write to one session."""

    columns: Mapping[str, object] = field(default_factory=dict)
    """Columns of `work_sessions` with their new values."""
    client: str | None = None
    """Name; "" for none."""
    project: str | None = None
    """Name; "" for none."""
    note: str | None = None
    """To be appended."""
    pause: Pause | None = None
    """To be appended."""
    until: datetime | None = None
    """Pauses end here: open ones are closed, later ones go."""
    pauses: tuple[Pause, ...] | None = None
    """To stand in place of all that are there."""


Change = Callable[[StoredSession], SessionChange]
"""Gives what to write for a session as it stands, locked; raises to write nothing."""


@dataclass(frozen=True, slots=True)
class SessionSelection:
    """Which sessions are meant, with instants and ids in place of days and names."""

    since: datetime | None = None
    until: datetime | None = None
    client_ids: tuple[str | None, ...] = ()
    project_ids: tuple[str | None, ...] = ()
    categories: tuple[SessionCategory, ...] = ()
    statuses: tuple[SessionStatus, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class ReportQuestion:
    """What to add up: sessions by `by`, cut at `bounds`."""

    selection: SessionSelection
    by: ReportBy
    bounds: Sequence[datetime]
    """Starts of days, ascending, and the end of the last."""
    units: Sequence[int]
    """Number of the unit in which each day lies, ascending from 0."""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """Worked time of one group in one unit."""

    key: str | None
    """Id of a client or project, name of a category; None for those without and for reports by day."""
    unit: int
    seconds: float
    sessions: int
    """Sessions that touch this unit."""
    fresh: int
    """Those of them that touch no earlier unit of the report."""
    days: frozenset[int]
    """Days with time, numbered as `bounds`."""


class WorkRecords(Protocol):
    """Sessions, clients and projects.

    Every write locks what it reads, and writes its history in the same transaction. Raises StoreUnavailable,
    SchemaMissing or StoreTooNew, and what each method names.
    """

    async def open_sessions(self) -> list[StoredSession]:
        """Active and paused ones, oldest first."""
        ...

    async def ending_after(self, since: datetime, limit: int) -> list[StoredSession]:
        """Completed sessions that end later and began at most a day before, newest first."""
        ...

    async def session(self, session_id: str) -> StoredSession:
        """By id or by the beginning of one. Raises NotFound or Ambiguous."""
        ...

    async def insert(self, new: NewSession, limit: int) -> StoredSession:
        """Starts it unless `limit` sessions are open (0: no limit); makes client and project. Raises Conflict."""
        ...

    async def update(self, session_id: str, change: Change, summary: str, *, limit: int = 0) -> StoredSession:
        """Changes one session under a lock. Raises NotFound, and what `change` raises.

        With `limit` it raises Conflict when so many sessions are open already: for a change that opens one.
        """
        ...

    async def update_in(
        self, transaction: Transaction, session_id: str, change: Change, summary: str
    ) -> Sequence[NewChange]:
        """As `update`, in the transaction of another act; gives the rows for its history."""
        ...

    async def delete(self, session_id: str) -> StoredSession: ...

    async def last_activity(self, session_id: str) -> datetime | None:
        """When the session was last started, paused, resumed, noted on, or a memory written from it."""
        ...

    async def log(
        self, selection: SessionSelection, order: LogOrder, descending: bool, after: str | None, limit: int
    ) -> tuple[list[StoredSession], str | None]:
        """One page, and where the next begins (None: there is none).

        By start: sessions that began from `since` to `until`; by anything else: those with time between them.
        """
        ...

    async def crossing(self, selection: SessionSelection, instant: datetime) -> list[StoredSession]:
        """Sessions that began before an instant and end after it or not at all, whatever days are selected."""
        ...

    async def extent(self) -> tuple[datetime, datetime] | None:
        """The first start and the last start or end of all sessions; None without any."""
        ...

    async def report(self, question: ReportQuestion) -> tuple[list[ReportRow], list[StoredSession]]:
        """What is plain, added up, and the sessions that are not: open, impossible, or with pauses hard to place."""
        ...

    async def refresh_views(self) -> bool:
        """Brings the views for other programs up to date; False when another program is at it."""
        ...

    async def preferences(self) -> dict[str, object]:
        """The rows of `user_settings`."""
        ...

    async def set_preference(self, key: str, value: object) -> None: ...

    async def clients(self) -> list[Client]: ...

    async def projects(self) -> list[Project]: ...

    async def client_totals(self) -> list[ClientTotal]: ...

    async def project_totals(self) -> list[ProjectTotal]: ...

    async def create_client(self, name: str) -> Client:
        """Raises Conflict when there is one of that name."""
        ...

    async def create_project(self, name: str, client_id: str | None, repo: str | None) -> Project:
        """Raises Conflict when the client has one of that name."""
        ...

    async def rename(self, entity: Entity, entity_id: str, name: str) -> None:
        """Raises Conflict when the name is taken, NotFound."""
        ...

    async def merge(self, entity: Entity, source_id: str, target_id: str) -> int:
        """Moves sessions (and projects, by name) to the target, deletes the source; gives how many sessions moved."""
        ...

    async def move_project(self, project_id: str, client_id: str | None) -> int:
        """Gives a project with its sessions to another client; says how many sessions that were. Raises Conflict."""
        ...

    async def delete_unused(self, entity: Entity, entity_id: str) -> None:
        """Raises Conflict while sessions (of a client: or projects) belong to it."""
        ...
