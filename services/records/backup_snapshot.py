"""The tables at one instant: a transaction that sees nothing of what others write after it began."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from services.ports import SqlConnection, SqlTransaction
from services.records.archive_tables import HISTORY, OUTBOX, RELATIONS, TABLES, LastChange, Rows, Table

_BLOCK = 2 << 20
"""Bytes of rows that are handed on together."""
_TURN = 100
"""Rows after which others have their turn: rows that are here already come without a wait."""
_CHANGED = """
SELECT DISTINCT entity_id::text AS memory_id FROM memoria_tui.audit_log WHERE entity = 'memory' AND id > :after
"""
_NEWEST_OF = """
SELECT DISTINCT ON (entity_id) entity_id::text AS memory_id, id, change_group, after FROM memoria_tui.audit_log
WHERE entity = 'memory' AND entity_id = ANY(CAST(:ids AS uuid[])) ORDER BY entity_id, id DESC
"""
WAITING_AFTER = "SELECT memory_id::text AS memory_id FROM memoria_tui.embedding_schedule WHERE change_id > :after"
_EXISTING = """
SELECT name, array_agg(attname::text) AS columns
FROM unnest(CAST(:names AS text[])) AS name JOIN pg_attribute ON attrelid = to_regclass(name)
WHERE attnum > 0 AND NOT attisdropped GROUP BY name
"""
_LINKED = """
SELECT source_id::text AS id FROM public.memory_relations WHERE created_at >= :since
UNION SELECT target_id::text FROM public.memory_relations WHERE created_at >= :since
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
        (row,) = await self._connection.fetch("SELECT COALESCE(max(id), 0) AS newest FROM memoria_tui.audit_log")
        return int(row.newest)

    async def changed_after(self, change_id: int) -> list[str]:
        """The memories that the history names after this row."""
        if HISTORY.name not in self._existing:
            return []
        return [row.memory_id for row in await self._connection.fetch(_CHANGED, after=change_id)]

    async def newest_changes_of(self, memory_ids: Sequence[str]) -> list[LastChange]:
        """The newest change of each memory that has one."""
        if HISTORY.name not in self._existing:
            return []
        rows = await self._connection.fetch(_NEWEST_OF, ids=list(memory_ids))
        return [LastChange(row.memory_id, row.id, row.change_group, row.after) for row in rows]

    async def waiting_after(self, change_id: int) -> list[str]:
        """Memories with an outbox entry of a later change than this."""
        if OUTBOX.name not in self._existing:
            return []
        return [row.memory_id for row in await self._connection.fetch(WAITING_AFTER, after=change_id)]

    async def linked_since(self, instant: datetime) -> list[str]:
        """Ends of the relations made since."""
        if RELATIONS.name not in self._existing:
            return []
        return [row.id for row in await self._connection.fetch(_LINKED, since=instant)]

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
