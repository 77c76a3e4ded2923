"""What the modules of this folder share: one transaction that also writes history."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from services.adapters.postgres.database import Database, fetch
from services.adapters.postgres.records.base import Reads
from services.adapters.postgres.records.history import HistoryWrites
from services.model import Action, Entity, Kind
from services.ports import Clock, NewChange
from services.settings import Settings
from services.times import writer_zone

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection


class Act:
    """One act of a person: its statements and, at the end, its history, in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.changes: list[NewChange] = []

    async def fetch(self, sql: str, **parameters: object) -> Sequence[Row[Any]]:
        return await fetch(self._connection, sql, parameters)

    def note(
        self,
        entity: Entity,
        entity_id: str,
        before: Mapping[str, object] | None,
        after: Mapping[str, object] | None,
        summary: str,
    ) -> None:
        """Remembers a change for the history."""
        action = Action.CREATED if before is None else Action.DELETED if after is None else Action.UPDATED
        self.changes.append(NewChange(entity, entity_id, action, before, after, summary=summary))


class WorkTables(Reads):
    """Base of the repositories of work time."""

    def __init__(self, database: Database, settings: Settings, clock: Clock) -> None:
        super().__init__(database, settings)
        self._writer_zone = writer_zone(settings)
        self._clock = clock

    @contextlib.asynccontextmanager
    async def _act(self, kind: Kind = Kind.EDIT) -> AsyncIterator[Act]:
        await self.require_schema()
        async with self._database.transaction() as connection:
            act = Act(connection)
            yield act
            if act.changes:
                writes = HistoryWrites(connection, self._settings)
                await writes.append_history(str(uuid.uuid4()), act.changes, kind=kind)
