"""The tables as a backup takes them out and a restore puts them in."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from services.ports import SqlDatabase
from services.records.archive_tables import KEEP_NOTE, TABLES, UNIFORM, Rows
from services.records.backup_snapshot import WAITING_AFTER, BackupSnapshot, existing
from services.records.restore_staging import RestoreStaging
from services.settings import Settings

_NEWEST_OF = """
SELECT DISTINCT ON (entity_id) entity_id::text AS memory_id, id FROM memoria_tui.audit_log
WHERE entity = 'memory' AND entity_id = ANY(CAST(:ids AS uuid[])) ORDER BY entity_id, id DESC
"""


class BackupTables:
    """All tables of the database. Raises as `Records`."""

    def __init__(self, database: SqlDatabase, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def counts(self) -> Mapping[str, int]:
        """Exact number of records by kind; tables that do not exist have none."""
        there = await existing(self._database)
        kinds = [table for table in TABLES if table.kind]
        columns = ", ".join(f"(SELECT count(*) FROM {table.name})" if table.name in there else "0" for table in kinds)
        (row,) = await self._database.fetch(f"SELECT {columns}")
        return {str(table.kind): int(count) for table, count in zip(kinds, row, strict=True)}

    async def newest_change(self) -> tuple[int, datetime]:
        """Number of the newest row of the history, 0 when there is none, and the database's clock."""
        (now,) = await self._database.fetch("SELECT clock_timestamp() AS now")
        rows = await self._database.fetch("SELECT COALESCE(max(id), 0) AS newest FROM memoria_tui.audit_log")
        return rows[0].newest if rows else 0, now.now

    async def waiting_after(self, change_id: int) -> list[str]:
        """As `BackupSnapshot.waiting_after`, at this moment."""
        return [row.memory_id for row in await self._database.fetch(WAITING_AFTER, after=change_id)]

    async def newest_changes_of(self, memory_ids: Sequence[str]) -> Mapping[str, int]:
        """Number of the newest change of each memory that has one."""
        return {row.memory_id: row.id for row in await self._database.fetch(_NEWEST_OF, ids=list(memory_ids))}

    async def note(self) -> str | None:
        """What `keep_note` kept; None when no restore is unfinished."""
        rows = await self._database.fetch("SELECT note FROM memoria_tui.unfinished_restore")
        return rows[0].note if rows else None

    async def keep_note(self, note: str) -> None:
        """Writes down, for every program on these stores, how far a restore is."""
        await self._database.write(KEEP_NOTE, note=note)

    async def remove_note(self) -> None:
        """No restore is unfinished any more."""
        await self._database.write("DELETE FROM memoria_tui.unfinished_restore")

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[BackupSnapshot]:
        async with self._database.snapshot() as connection:
            await connection.fetch(UNIFORM)
            yield BackupSnapshot(connection, await existing(connection))

    @contextlib.asynccontextmanager
    async def staged(self, rows: AsyncIterator[Rows], *, commit: bool = True) -> AsyncIterator[RestoreStaging]:
        """Brings the rows beside the tables; without `commit`, for comparing only."""
        async with self._database.transaction(commit=commit) as connection:
            await connection.fetch(UNIFORM)
            staging = RestoreStaging(connection, self._settings)
            await staging.load(rows)
            yield staging

    async def close(self) -> None:
        await self._database.close()
