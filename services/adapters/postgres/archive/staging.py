"""Rows of an archive beside the tables: compared with them, then brought into them, set by set."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from services.adapters.postgres.archive import statements
from services.adapters.postgres.archive.layout import (
    BY_NAME,
    CLIENTS,
    KEEP_NOTE,
    PROJECTS,
    RECORDED,
    REJECTED,
    RELATIONS,
    SESSIONS,
    SETTINGS,
    TABLES,
    Table,
)
from services.adapters.postgres.archive.snapshot import driver_of
from services.adapters.postgres.records.base import Writes
from services.adapters.postgres.records.history import HistoryWrites
from services.adapters.postgres.records.text import storable
from services.errors import StoreTooNew
from services.model import Kind
from services.ports import NewChange
from services.ports.tables import LastChange, Rows, TableCounts

_PAGE = 200


class PostgresStaged(Writes):
    """`ports.tables.Staged`, over temporary tables that vanish with the transaction."""

    async def load(self, rows: AsyncIterator[Rows]) -> None:
        """Makes the temporary tables and fills them. Raises StoreTooNew for a table or column that is not known."""
        for table in TABLES:
            await self._fetch(
                f"CREATE TEMP TABLE {table.staged} (LIKE {table.name} INCLUDING DEFAULTS) ON COMMIT DROP", {}
            )
        driver = await driver_of(self._connection)
        async for block in rows:
            table = _known(block)
            columns = ", ".join(block.columns)
            into = f"COPY {table.staged} ({columns}) FROM STDIN"
            async with driver.cursor() as cursor, cursor.copy(into) as copy:
                await copy.write(block.text)
        for table in TABLES:
            await self._fetch(f"ANALYZE {table.staged}", {})

    async def compare(self) -> list[TableCounts]:
        await self._match_names()
        counts = []
        for table in TABLES:
            if table.kind is not None:
                (row,) = await self._fetch(statements.compared(table), {})
                counts.append(TableCounts(table.kind, row.new, row.newer, row.older, row.same, row.only_here))
        return counts

    async def keep_note(self, note: str) -> None:
        await self._fetch(KEEP_NOTE, {"note": note})

    async def bring_history(self) -> int:
        await self._fetch(statements.EARLIER_UNDOS, {})
        await self._fetch(statements.NUMBERED, {})
        await self._fetch("ANALYZE restored_numbers", {})
        appended = await self._count(statements.APPEND_HISTORY)
        await self._fetch(statements.APPEND_KEPT_VECTORS, {})
        return appended

    async def merge(self, group: str | None) -> Mapping[str, int]:
        await self._match_names()
        written = {}
        for table in (CLIENTS, PROJECTS, SESSIONS, RELATIONS):
            inserted = await self._recorded(statements.inserted(table), table, group)
            updated = 0 if table is RELATIONS else await self._recorded(statements.updated(table), table, group)
            written[str(table.kind)] = inserted + updated
        for table in (REJECTED, SETTINGS):
            written[str(table.kind)] = await self._count(
                f"INSERT INTO {table.name} ({table.listed}) SELECT {table.listed} FROM {table.staged} "
                "ON CONFLICT DO NOTHING"
            )
        await self._refresh()
        return written

    async def replace(self, group: str) -> Mapping[str, int]:
        written = {}
        for table in RECORDED:
            written[str(table.kind)] = await self._recorded(statements.replaced(table), table, group)
        for table in (RELATIONS, SESSIONS, PROJECTS, CLIENTS, REJECTED, SETTINGS):
            await self._fetch(f"DELETE FROM {table.name}", {})
        for table in (CLIENTS, PROJECTS, SESSIONS, RELATIONS, REJECTED, SETTINGS):
            count = await self._count(
                f"INSERT INTO {table.name} ({table.listed}) SELECT {table.listed} FROM {table.staged}"
            )
            written.setdefault(str(table.kind), count)
        await self._refresh()
        return written

    async def append(
        self, group: str, changes: Sequence[NewChange], *, kind: Kind = Kind.RESTORE, undoes: str | None = None
    ) -> None:
        writes = HistoryWrites(self._connection, self._settings)
        await writes.append_history(group, changes, kind=kind, undoes=undoes)

    async def take_promises(self) -> None:
        await self._fetch("DELETE FROM memoria_tui.embedding_schedule", {})
        await self._fetch(statements.TAKE_PROMISES, {})

    async def appended_memories(self) -> AsyncIterator[list[LastChange]]:
        last = "00000000-0000-0000-0000-000000000000"
        while rows := await self._fetch(statements.APPENDED_MEMORIES, {"last": last, "limit": _PAGE}):
            last = rows[-1].memory_id
            yield [LastChange(row.memory_id, row.id, row.change_group, row.after) for row in rows]

    async def _match_names(self) -> None:
        """Clients and projects that are here under another id are taken for the same."""
        for sql in statements.MATCH_NAMES:
            await self._fetch(sql, {})

    async def _recorded(self, sql: str, table: Table, group: str | None) -> int:
        """Carries out expressions that end with `changed`; with a group, those go into the history. Counts them."""
        if group is None:
            (row,) = await self._fetch(f"WITH {sql} SELECT count(*) AS rows FROM changed", {})
            return int(row.rows)
        (row,) = await self._fetch(
            statements.recording(sql, table),
            {"group": group, "actor": storable(self._settings.actor), "program": self._settings.program},
        )
        return int(row.rows)

    async def _refresh(self) -> None:
        """Brings the sums of work time and what the planner knows up to date."""
        await self._fetch("SELECT public.refresh_all_statistics()", {})
        await self._fetch(f"ANALYZE {', '.join(table.name for table in TABLES)}", {})

    async def _count(self, sql: str) -> int:
        (row,) = await self._fetch(f"WITH done AS ({sql} RETURNING 1) SELECT count(*) AS rows FROM done", {})
        return int(row.rows)


def _known(rows: Rows) -> Table:
    table = BY_NAME.get(rows.table)
    if table is None or not set(rows.columns) <= set(table.columns):
        raise StoreTooNew(f"the backup holds {rows.table} as this program does not know it: use a newer memoria-tui")
    return table
