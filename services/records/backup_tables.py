"""The tables as a backup takes them out at one instant, and a restore puts them in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

from services.ports import SqlConnection, SqlDatabase, SqlTransaction
from services.records.archive_tables import (
    HISTORY,
    KEEP_NOTE,
    OUTBOX,
    RELATIONS,
    TABLES,
    UNIFORM,
    LastChange,
    Rows,
    Table,
)
from services.records.outbox import TELL_POINTS
from services.records.restore_staging import RestoreStaging
from services.settings import Settings

_BLOCK = 2 << 20
"""Bytes of rows that are handed on together."""
_TURN = 100
"""Rows after which others have their turn: rows that are here already come without a wait."""
_CHANGED = """
SELECT DISTINCT entity_id::text AS memory_id FROM memoria_tui.audit_log WHERE entity = 'memory' AND id > :after
"""
_NEWEST_OF = """
SELECT DISTINCT ON (entity_id) entity_id::text AS memory_id, {columns} FROM memoria_tui.audit_log
WHERE entity = 'memory' AND entity_id = ANY(CAST(:ids AS uuid[])) ORDER BY entity_id, id DESC
"""
_NEWEST = "SELECT COALESCE(max(id), 0) AS newest FROM memoria_tui.audit_log"
_WAITING_AFTER = "SELECT memory_id::text AS memory_id FROM memoria_tui.embedding_schedule WHERE change_id > :after"
_EXISTING = """
SELECT name, array_agg(attname::text) AS columns
FROM unnest(CAST(:names AS text[])) AS name JOIN pg_attribute ON attrelid = to_regclass(name)
WHERE attnum > 0 AND NOT attisdropped GROUP BY name
"""
_LINKED = """
SELECT id::text AS id FROM unnest(CAST(:ids AS uuid[])) AS id
WHERE EXISTS (SELECT FROM public.memory_relations WHERE source_id = id)
   OR EXISTS (SELECT FROM public.memory_relations WHERE target_id = id)
"""


class BackupSnapshot:
    """All tables as they were at one instant, whatever others write since; one that does not exist has no rows."""

    def __init__(self, connection: SqlTransaction, existing: Mapping[str, tuple[str, ...]]) -> None:
        self._connection = connection
        self._existing = existing

    async def newest_change(self) -> int:
        """Number of the newest row of the history, 0 when there is none."""
        if HISTORY.name not in self._existing:
            return 0
        (row,) = await self._connection.fetch(_NEWEST)
        return int(row.newest)

    async def changed_after(self, change_id: int) -> list[str]:
        """The memories that the history names after this row."""
        if HISTORY.name not in self._existing:
            return []
        return [row.memory_id for row in await self._connection.fetch(_CHANGED, after=change_id)]

    async def newest_changes_of(self, memory_ids: Sequence[str]) -> list[LastChange]:
        if HISTORY.name not in self._existing:
            return []
        rows = await self._connection.fetch(_NEWEST_OF.format(columns="id, change_group, after"), ids=list(memory_ids))
        return [LastChange(row.memory_id, row.id, row.change_group, row.after) for row in rows]

    async def waiting_after(self, change_id: int) -> list[str]:
        """Memories with an outbox entry of a later change than this."""
        if OUTBOX.name not in self._existing:
            return []
        return [row.memory_id for row in await self._connection.fetch(_WAITING_AFTER, after=change_id)]

    async def linked(self, memory_ids: Sequence[str]) -> frozenset[str]:
        """Those of the memories that have a relation."""
        if RELATIONS.name not in self._existing:
            return frozenset()
        return frozenset(row.id for row in await self._connection.fetch(_LINKED, ids=list(memory_ids)))

    async def rows(self) -> AsyncIterator[Rows]:
        """Every row of every table, clients before projects before sessions, the history in order."""
        for table in TABLES:
            if table.name in self._existing:
                async for rows in _copied(self._connection, table, self._existing[table.name]):
                    yield rows


async def existing(connection: SqlConnection) -> Mapping[str, tuple[str, ...]]:
    """The tables of a backup that this database has, each with those of its columns that it has."""
    rows = await connection.fetch(_EXISTING, names=[table.name for table in TABLES])
    found = {row.name: frozenset(row.columns) for row in rows}
    return {
        table.name: tuple(column for column in table.columns if column in found[table.name])
        for table in TABLES
        if table.name in found
    }


async def _copied(connection: SqlTransaction, table: Table, columns: tuple[str, ...]) -> AsyncIterator[Rows]:
    order = f" ORDER BY {table.order}" if table.order else ""
    listed = ", ".join(columns)
    out = f"COPY (SELECT {listed} FROM {table.name}{order}) TO STDOUT"
    rows, count = bytearray(), 0
    async with contextlib.aclosing(connection.copy_out(out)) as copied:
        async for row in copied:
            rows += row
            count += 1
            if count % _TURN == 0:
                await asyncio.sleep(0)
            if len(rows) >= _BLOCK:
                yield Rows(table.name, columns, count, bytes(rows), table.kind)
                rows, count = bytearray(), 0
    if count:
        yield Rows(table.name, columns, count, bytes(rows), table.kind)


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

    async def newest_change(self) -> int:
        """Number of the newest row of the history, 0 when there is none."""
        rows = await self._database.fetch(_NEWEST)
        return int(rows[0].newest) if rows else 0

    async def newest_changes_of(self, memory_ids: Sequence[str]) -> Mapping[str, int]:
        """Number of the newest change of each memory that has one."""
        return {
            row.memory_id: row.id
            for row in await self._database.fetch(_NEWEST_OF.format(columns="id"), ids=list(memory_ids))
        }

    async def note(self) -> str | None:
        """What `keep_note` kept; None when no restore is unfinished."""
        rows = await self._database.fetch("SELECT note FROM memoria_tui.unfinished_restore")
        return rows[0].note if rows else None

    async def keep_note(self, note: str) -> None:
        """Writes down, for every program on these stores, how far a restore is."""
        await self._database.write(KEEP_NOTE, note=note)

    async def remove_note(self) -> None:
        """No restore is unfinished any more."""
        await self._database.write(
            f"WITH gone AS (DELETE FROM memoria_tui.unfinished_restore RETURNING 1) SELECT {TELL_POINTS} FROM gone"
        )

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
