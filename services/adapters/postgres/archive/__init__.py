"""The tables as a backup takes them out and a restore puts them in."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from services.adapters.postgres.archive.layout import KEEP_NOTE, TABLES, UNIFORM
from services.adapters.postgres.archive.snapshot import PROMISED_AFTER, PostgresSnapshot, existing
from services.adapters.postgres.archive.staging import PostgresStaged
from services.adapters.postgres.database import fetch
from services.adapters.postgres.records.base import Reads

if TYPE_CHECKING:
    from services.ports.tables import Rows, Tables

_NEWEST_OF = """
SELECT DISTINCT ON (entity_id) entity_id::text AS memory_id, id FROM memoria_tui.audit_log
WHERE entity = 'memory' AND entity_id = ANY(CAST(:ids AS uuid[])) ORDER BY entity_id, id DESC
"""


class PostgresTables(Reads):
    """`ports.tables.Tables` on one database."""

    async def counts(self) -> Mapping[str, int]:
        await self._require_readable()
        async with self._database.connection() as connection:
            there = await existing(connection)
            columns = ", ".join(
                f"(SELECT count(*) FROM {table.name})" if table.name in there else "0" for table in TABLES if table.kind
            )
            (row,) = await fetch(connection, f"SELECT {columns}")
        return {table.kind: int(count) for table, count in zip((t for t in TABLES if t.kind), row, strict=True)}  # type: ignore[misc]

    async def newest_change(self) -> tuple[int, datetime]:
        (now,) = await self._read("SELECT clock_timestamp() AS now")
        rows = await self._read("SELECT COALESCE(max(id), 0) AS newest FROM memoria_tui.audit_log")
        return rows[0].newest if rows else 0, now.now

    async def promised_after(self, change_id: int) -> list[str]:
        return [row.memory_id for row in await self._read(PROMISED_AFTER, after=change_id)]

    async def newest_changes_of(self, memory_ids: Sequence[str]) -> Mapping[str, int]:
        return {row.memory_id: row.id for row in await self._read(_NEWEST_OF, ids=list(memory_ids))}

    async def note(self) -> str | None:
        rows = await self._read("SELECT note FROM memoria_tui.unfinished_restore")
        return rows[0].note if rows else None

    async def keep_note(self, note: str) -> None:
        await self._write(KEEP_NOTE, note=note)

    async def remove_note(self) -> None:
        await self._write("DELETE FROM memoria_tui.unfinished_restore")

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[PostgresSnapshot]:
        await self._require_readable()
        async with self._database.snapshot() as connection:
            await fetch(connection, UNIFORM)
            yield PostgresSnapshot(connection, await existing(connection))

    @contextlib.asynccontextmanager
    async def staged(self, rows: AsyncIterator[Rows], *, commit: bool = True) -> AsyncIterator[PostgresStaged]:
        await self.require_schema()
        async with self._database.transaction() as connection:
            await fetch(connection, UNIFORM)
            staged = PostgresStaged(connection, self._settings)
            await staged.load(rows)
            yield staged
            if not commit:
                await connection.rollback()

    async def close(self) -> None:
        await self._database.close()


if TYPE_CHECKING:
    _tables: type[Tables] = PostgresTables
