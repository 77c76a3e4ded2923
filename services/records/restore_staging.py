"""Rows of an archive beside the tables: compared with them, then brought into them, set by set."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from services.acting import actor_of
from services.errors import StoreTooNew
from services.model import OURS, Kind
from services.ports import NewChange, SqlTransaction
from services.records import restore_statements as statements
from services.records.archive_tables import (
    BY_NAME,
    CLIENTS,
    KEEP_NOTE,
    PROJECTS,
    RECORDED,
    REJECTED,
    RELATIONS,
    REVIEWS,
    SESSIONS,
    SETTINGS,
    TABLES,
    Difference,
    LastChange,
    Rows,
    Table,
)
from services.records.columns import storable
from services.records.history import HistoryWriter
from services.settings import Settings

_PAGE = 200


class RestoreStaging:
    """Rows of an archive in temporary tables, which vanish with the transaction."""

    def __init__(self, connection: SqlTransaction, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings

    async def load(self, rows: AsyncIterator[Rows]) -> None:
        """Makes the temporary tables and fills them. Raises StoreTooNew for a table or column that is not known."""
        for table in TABLES:
            await self._connection.fetch(
                f"CREATE TEMP TABLE {table.staged} (LIKE {table.name} INCLUDING DEFAULTS) ON COMMIT DROP"
            )
        unsaid: dict[Table, list[str]] = {}
        async for block in rows:
            table = _known(block)
            columns = ", ".join(block.columns)
            into = f"COPY {table.staged} ({columns}) FROM STDIN"
            await self._connection.copy_in(into, block.text)
            unsaid[table] = [name for name in table.columns if name.startswith(OURS) and name not in block.columns]
        for table in TABLES:
            await self._connection.fetch(f"ANALYZE {table.staged}")
        for table, names in unsaid.items():
            if names:
                await self._connection.fetch(statements.kept_here(table, names))

    async def compare(self) -> list[Difference]:
        """What a restore would find new, changed and only here."""
        await self._match_names()
        counts = []
        for table in TABLES:
            if table.kind is not None:
                (row,) = await self._connection.fetch(statements.compared(table))
                counts.append(Difference(table.kind, row.new, row.newer, row.older, row.same, row.only_here))
        return counts

    async def keep_note(self, note: str) -> None:
        """As `BackupTables.keep_note`, in this transaction."""
        await self._connection.fetch(KEEP_NOTE, note=note)

    async def bring_history(self) -> int:
        """Appends the rows of the history that are not here, under new numbers; gives how many."""
        await self._connection.fetch(statements.EARLIER_UNDOS)
        await self._connection.fetch(statements.NUMBERED)
        await self._connection.fetch("ANALYZE restored_numbers")
        appended = await self._count(statements.APPEND_HISTORY)
        await self._connection.fetch(statements.APPEND_KEPT_VECTORS)
        return appended

    async def merge(self, group: str | None) -> Mapping[str, int]:
        """Inserts what is missing and updates what is older here; with a group, each change goes into the history.

        Gives how many rows of each kind were written.
        """
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
        for sql in (statements.TAKE_REVIEWS, *statements.TAKE_IMPORTS):
            await self._connection.fetch(sql)
        await self._refresh()
        return written

    async def replace(self, group: str) -> Mapping[str, int]:
        """Makes the tables as the archive has them; each difference goes into the history."""
        written = {}
        for table in RECORDED:
            written[str(table.kind)] = await self._recorded(statements.replaced(table), table, group)
        for table in (RELATIONS, SESSIONS, PROJECTS, CLIENTS, REJECTED, SETTINGS):
            await self._connection.fetch(f"DELETE FROM {table.name}")
        for table in (CLIENTS, PROJECTS, SESSIONS, RELATIONS, REJECTED, SETTINGS):
            count = await self._count(
                f"INSERT INTO {table.name} ({table.listed}) SELECT {table.listed} FROM {table.staged}"
            )
            written.setdefault(str(table.kind), count)
        await self._connection.fetch(f"DELETE FROM {REVIEWS.name}")
        for sql in (statements.TAKE_REVIEWS, *statements.FORGET_IMPORTS, *statements.TAKE_IMPORTS):
            await self._connection.fetch(sql)
        await self._refresh()
        return written

    async def append(
        self, group: str, changes: Sequence[NewChange], *, kind: Kind = Kind.RESTORE, undoes: str | None = None
    ) -> None:
        """Appends changes of memories to the history."""
        await HistoryWriter(self._connection, self._settings).append(group, changes, kind=kind, undoes=undoes)

    async def take_outbox(self) -> None:
        """Takes over the outbox of the archive, in the place of the one here."""
        await self._connection.fetch("DELETE FROM memoria_tui.embedding_schedule")
        await self._connection.fetch(statements.TAKE_OUTBOX)

    async def appended_memories(self) -> AsyncIterator[list[LastChange]]:
        """For the memories in the rows that `bring_history` appended: their newest change now."""
        last = "00000000-0000-0000-0000-000000000000"
        while rows := await self._connection.fetch(statements.APPENDED_MEMORIES, last=last, limit=_PAGE):
            last = rows[-1].memory_id
            yield [LastChange(row.memory_id, row.id, row.change_group, row.after) for row in rows]

    async def _match_names(self) -> None:
        """Clients and projects that are here under another id are taken for the same."""
        for sql in statements.MATCH_NAMES:
            await self._connection.fetch(sql)

    async def _recorded(self, sql: str, table: Table, group: str | None) -> int:
        """Carries out expressions that end with `changed`; with a group, those go into the history. Counts them."""
        if group is None:
            (row,) = await self._connection.fetch(f"WITH {sql} SELECT count(*) AS rows FROM changed")
            return int(row.rows)
        (row,) = await self._connection.fetch(
            statements.recording(sql, table),
            group=group,
            actor=storable(actor_of(self._settings)),
            program=self._settings.program,
        )
        return int(row.rows)

    async def _refresh(self) -> None:
        """Brings the sums of work time and what the planner knows up to date."""
        await self._connection.fetch("SELECT public.refresh_all_statistics()")
        await self._connection.fetch(f"ANALYZE {', '.join(table.name for table in TABLES)}")

    async def _count(self, sql: str) -> int:
        (row,) = await self._connection.fetch(f"WITH done AS ({sql} RETURNING 1) SELECT count(*) AS rows FROM done")
        return int(row.rows)


def _known(rows: Rows) -> Table:
    table = BY_NAME.get(rows.table)
    if table is None or not set(rows.columns) <= set(table.columns):
        raise StoreTooNew(f"the backup holds {rows.table} as this program does not know it: use a newer memoria-tui")
    return table
