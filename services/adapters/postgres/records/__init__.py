"""PostgreSQL as the services see it: `PostgresRecords` reads and opens transactions, one module a group of tables."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from services.adapters.postgres.database import Database
from services.adapters.postgres.records.graph import GraphReads, GraphWrites
from services.adapters.postgres.records.health import HealthReads
from services.adapters.postgres.records.history import HistoryReads, HistoryWrites
from services.adapters.postgres.records.relations import RelationWrites
from services.adapters.postgres.records.schedule import ScheduleReads, ScheduleWrites
from services.adapters.postgres.records.tables import TableReads, TableWrites
from services.adapters.postgres.records.work import WorkReads, WorkWrites
from services.adapters.postgres.work.undo import WorkUndo
from services.settings import Settings

if TYPE_CHECKING:
    from services.ports import Records, Transaction


class PostgresTransaction(
    HistoryWrites, ScheduleWrites, RelationWrites, GraphWrites, WorkWrites, WorkUndo, TableWrites
):
    """All writes that belong to one act."""


class PostgresRecords(HistoryReads, ScheduleReads, GraphReads, WorkReads, TableReads, HealthReads):
    """`ports.Records` on one database; connects when it is first asked."""

    @classmethod
    def of(cls, settings: Settings) -> PostgresRecords:
        """Records in the database that the settings name."""
        return cls(Database.of(settings), settings)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        """Committed at the end, rolled back on any error. Raises SchemaMissing or StoreTooNew before it begins."""
        await self.require_schema()
        async with self._database.transaction() as connection:
            yield PostgresTransaction(connection, self._settings)

    async def close(self) -> None:
        await self._database.close()


if TYPE_CHECKING:
    _records: type[Records] = PostgresRecords
    _transaction: type[Transaction] = PostgresTransaction
