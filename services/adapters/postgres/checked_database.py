"""`ports.SqlDatabase` on a pool: what is read and written is checked against the version of the schema first."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from services.adapters.postgres import schema
from services.adapters.postgres.database import Database, fetch
from services.errors import MemoriaError, StoreTimeout
from services.model import StoreKind, StoreStatus
from services.ports import SqlDatabase, SqlFeatures
from services.settings import Settings
from services.waiting_notice import Waits

if TYPE_CHECKING:
    from psycopg import AsyncConnection


class Transaction:
    """`ports.SqlTransaction` on one connection of the pool."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def fetch(self, sql: str, **parameters: object) -> Sequence[Any]:
        return await fetch(self._connection, sql, parameters)

    async def copy_out(self, sql: str) -> AsyncGenerator[bytes]:
        async with self._connection.cursor() as cursor, cursor.copy(sql.encode()) as copy:
            async for row in copy:
                yield bytes(row)

    async def copy_in(self, sql: str, rows: bytes) -> None:
        async with self._connection.cursor() as cursor, cursor.copy(sql.encode()) as copy:
            await copy.write(rows)


class CheckedDatabase:
    """A database that is asked once whether it can be read and written as this program does."""

    def __init__(self, database: Database, *, as_it_is: bool = False) -> None:
        """`as_it_is`: only to read, also the embedded one before it is upgraded."""
        self.database = database
        self._as_it_is = as_it_is
        self._features: SqlFeatures | None = None
        self._writable = False

    @classmethod
    def of(cls, settings: Settings, waits: Waits | None = None) -> CheckedDatabase:
        return cls(Database.of(settings, waits))

    async def features(self) -> SqlFeatures:
        """Any database can be read as it is, save one of a newer version; the embedded one is set up."""
        if self._features is None:
            if self.database.embedded is not None and not self._as_it_is:
                return await self._require_schema()
            state = await schema.schema_state(self.database)
            schema.refuse_unusable(state, self.database.name)
            self._features = features_of(state)
        return self._features

    async def fetch(self, sql: str, **parameters: object) -> Sequence[Any]:
        await self.features()
        return await self.database.read(sql, parameters)

    async def write(self, sql: str, **parameters: object) -> None:
        await self._require_schema()
        await self.database.write(sql, parameters)

    @contextlib.asynccontextmanager
    async def transaction(self, *, commit: bool = True) -> AsyncIterator[Transaction]:
        await self._require_schema()
        async with self.database.transaction(commit=commit) as connection:
            yield Transaction(connection)

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Transaction]:
        await self.features()
        async with self.database.snapshot() as connection:
            yield Transaction(connection)

    async def status(self) -> StoreStatus:
        try:
            if self.database.embedded is not None:
                await self._require_schema()
            return await database_status(self.database)
        except MemoriaError as error:
            return StoreStatus(
                StoreKind.POSTGRES,
                ok=False,
                label=self.database.label,
                problems=(str(error),),
                silent=isinstance(error, StoreTimeout),
            )

    async def close(self) -> None:
        await self.database.close()

    async def _require_schema(self) -> SqlFeatures:
        """Raises SchemaMissing or StoreTooNew; asks the database until it was once in order."""
        if self._features is None or not self._writable:
            self._features = features_of(await schema.require_schema(self.database))
            self._writable = True
        return self._features


def features_of(state: schema.SchemaState) -> SqlFeatures:
    """What the schema has that not every one has."""
    version = state.version or ""
    return SqlFeatures(
        bare=not version,
        own_paths=state.own_paths,
        kinds=version >= "0003",
        reviews=version >= "0009",
        sources=version >= "0010",
        billing=version >= "0011",
        pause_edges=version >= "0016",
    )


if TYPE_CHECKING:
    _database: type[SqlDatabase] = CheckedDatabase


_EXACT_UP_TO = 20_000
"""Rows that are counted one by one; beyond, PostgreSQL's own estimate is given."""
_COUNTED = {
    "relations": "public.memory_relations",
    "sessions": "public.work_sessions",
    "changes": "memoria_tui.audit_log",
    "pending": "memoria_tui.embedding_schedule",
}


async def database_status(database: Database) -> StoreStatus:
    """Raises what connecting does."""
    async with database.connection() as connection:
        begin = time.perf_counter()
        state = await schema.schema_state_on(connection)
        latency_ms = (time.perf_counter() - begin) * 1000
        counts = {}
        tables = {name: table for name, table in _COUNTED.items() if table in state.tables - state.unreadable}
        if tables:
            (row,) = await fetch(connection, "SELECT " + ", ".join(_count(*table) for table in tables.items()))
            counts = {name: int(getattr(row, name)) for name in tables}
    return StoreStatus(
        StoreKind.POSTGRES,
        ok=not state.too_new and not state.too_old_server,
        label=database.label,
        version=state.server_version,
        latency_ms=latency_ms,
        counts=counts,
        estimated=frozenset(name for name, count in counts.items() if count >= _EXACT_UP_TO),
        problems=schema.problems(state, database.name),
        read_only=schema.read_only(state, database.name),
    )


def _count(name: str, table: str) -> str:
    counted = f"(SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT {_EXACT_UP_TO}) AS first)"
    estimate = f"(SELECT reltuples FROM pg_class WHERE oid = '{table}'::regclass)"
    return (
        f"CASE WHEN {counted} < {_EXACT_UP_TO} THEN {counted} ELSE greatest({estimate}, {_EXACT_UP_TO}) END AS {name}"
    )
