"""Work time on a real database, for tests."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.adapters.postgres.database import CheckedDatabase, Database
from services.errors import MemoriaError
from services.memories.saving import TransactionHook
from services.model import Kind, Memory, MemoryDraft
from services.records import Records
from services.settings import Settings
from services.work.billing import BillingService
from services.work.clients_and_projects import ClientService
from services.work.reports import ReportService
from services.work.work_service import WorkService

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class HeldClock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def go(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


class KeptMemories:
    """Stands in for the memory service."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.drafts: list[MemoryDraft] = []
        self.failure: MemoriaError | None = None

    async def create(self, draft: MemoryDraft, *, also: TransactionHook | None = None) -> Memory:
        if self.failure is not None:
            raise self.failure
        assert draft.id is not None
        async with self._records.transaction() as transaction:
            rows = await also(transaction) if also else ()
            await transaction.history.append(str(uuid.uuid4()), rows)
        self.drafts.append(draft)
        return Memory(draft.id, draft.type, draft.content)


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything about work time, over one database and one clock."""

    database: Database
    settings: Settings
    clock: HeldClock
    work: WorkService
    reports: ReportService
    clients: ClientService
    billing: BillingService
    records: Records
    memories: KeptMemories

    async def sql(self, statement: str, **parameters: object) -> Sequence[Any]:
        """Runs a statement as another program would."""
        return await self.database.read(statement, parameters)

    async def take_back(self) -> list[str]:
        """Undoes the last act, as the memory service does for what is no memory; gives what was changed since."""
        group = await self.records.groups.last_undoable("tester")
        assert group is not None
        changes = await self.records.groups.changes(group)
        async with self.records.transaction() as transaction:
            undone = await transaction.work.undo(changes, lambda _: False)
            await transaction.history.append(f"undo {group}", undone.rows, kind=Kind.UNDO, undoes=group)
        return [one.line for one in undone.changed]


@asynccontextmanager
async def bench(url: str, home: Path, *, zone: str | None = "Europe/Rome", **settings: object) -> AsyncIterator[Bench]:
    """Opens a bench; a zone of None is the system's."""
    chosen = Settings(home=home, database_url=url, actor="tester", zone=zone, **settings)  # type: ignore[arg-type]
    database, clock = Database(url), HeldClock(NOON)
    records = Records(CheckedDatabase(database), chosen, clock)
    memories = KeptMemories(records)
    reports, clients = ReportService(records, chosen, clock), ClientService(records)
    yield Bench(
        database,
        chosen,
        clock,
        WorkService(records, chosen, clock, memories),
        reports,
        clients,
        BillingService(records, reports, clients),
        records,
        memories,
    )
    await database.close()
