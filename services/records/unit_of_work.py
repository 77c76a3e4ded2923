"""One act of a person on work time: its statements and its history, in one transaction."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from services.model import Action, Entity, Kind
from services.ports import NewChange, SqlConnection, SqlDatabase
from services.records.history import HistoryWriter
from services.records.status_file import refresh_status_file
from services.settings import Settings


class UnitOfWork:
    """The statements of a transaction, and what they changed."""

    def __init__(self, connection: SqlConnection) -> None:
        self._connection = connection
        self.changes: list[NewChange] = []

    async def fetch(self, sql: str, **parameters: object) -> Sequence[Any]:
        return await self._connection.fetch(sql, **parameters)

    def record_change(
        self,
        entity: Entity,
        entity_id: str,
        before: Mapping[str, object] | None,
        after: Mapping[str, object] | None,
        summary: str,
    ) -> None:
        """Keeps a change for the history."""
        action = Action.CREATED if before is None else Action.DELETED if after is None else Action.UPDATED
        self.changes.append(NewChange(entity, entity_id, action, before, after, summary=summary))


@contextlib.asynccontextmanager
async def unit_of_work(database: SqlDatabase, settings: Settings, kind: Kind = Kind.EDIT) -> AsyncIterator[UnitOfWork]:
    """A transaction whose recorded changes become one group of the history at its end."""
    async with database.transaction() as connection:
        unit = UnitOfWork(connection)
        yield unit
        if unit.changes:
            await HistoryWriter(connection, settings).append(str(uuid.uuid4()), unit.changes, kind=kind)
    if unit.changes:
        await refresh_status_file(database, settings)
