"""One PostgreSQL database, embedded or by URL: its connections, and its statements once its schema was looked at."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import re
import sys
from collections import namedtuple
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from services.adapters.postgres import schema
from services.adapters.postgres.cancelled_reads import Reading, UnwantedReads
from services.adapters.postgres.connection_pool import Pool, Pooled
from services.adapters.postgres.database_status import database_status
from services.adapters.postgres.database_url import CONNECT, NO_URL, connect_arguments, libpq_url, parse_url, place_of
from services.adapters.postgres.early_connection import connect, open_ahead
from services.adapters.postgres.embedded import EmbeddedPostgres
from services.adapters.postgres.not_ready import once_ready
from services.adapters.postgres.postgres_errors import (
    MISSING_TABLE,
    NOT_PERMITTED,
    SHUT_DOWN,
    connecting,
    of_an_earlier_schema,
    sqlstate,
    translated,
)
from services.errors import InvalidInput, MemoriaError, StoreTimeout, StoreUnavailable
from services.migrations import NEWEST
from services.model import StoreKind, StoreStatus
from services.ports import SqlDatabase, SqlFeatures
from services.settings import Settings
from services.waiting_notice import Waits

if TYPE_CHECKING:
    from psycopg import AsyncConnection, AsyncCursor
    from sqlalchemy import URL

Parameters = Mapping[str, object]
_HISTORY = "memoria_tui.audit_log"
_OF_WRITERS = ("memoria_tui.embedding_schedule", "memoria_tui.unfinished_restore")
"""Tables that may be closed to a role that only reads: it has nothing to finish."""

_SECONDS_TO_RECOVER = 60.0
"""For the embedded server, as for its start."""
_SECONDS_TO_RESTART = 5.0
"""For a server by URL to take connections again, as long as for it to answer."""
_TO_RESTART = "try again in a minute, or restart it by: memoria-tui stop --force"
_SILENT = "the embedded PostgreSQL does not answer; waiting for it, or end it by: memoria-tui stop --force"
_TO_LOOK = "try again once it is; what keeps it is in the log of that server"


class Database:
    """A pooled database that connects when it is first asked; psycopg is imported then.

    Not by SQLAlchemy, whose import takes longer than a short command: only upgrades of the schema use that.
    """

    def __init__(
        self,
        url: str | None,
        embedded: EmbeddedPostgres | None = None,
        *,
        waits: Waits | None = None,
        patience: float | None = None,
    ) -> None:
        """Give one of the two: a `postgresql://` URL, or the server to start.

        `patience`: seconds for a server to become ready that says it is not yet.
        """
        self._given_url = url
        self.embedded = embedded
        self._waits = waits or Waits()
        self._patience = patience or (_SECONDS_TO_RESTART if embedded is None else _SECONDS_TO_RECOVER)
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()
        self._unwanted = UnwantedReads()
        self.label = "embedded" if url is None else place_of(url)
        """«embedded» or «host:port/database», never a password."""
        self.name = "the embedded PostgreSQL" if url is None else f"PostgreSQL at {self.label}"
        """How error messages call it."""
        self.permit: Callable[[], Awaitable[None]] | None = None
        """Called before anything is added to a database that is not ours; returns when it was added, else raises."""
        self.before_upgrade: Callable[[], Awaitable[None]] | None = None
        """Called before a schema of an earlier version of this program is changed; raises when it is to stay."""

    @classmethod
    def of(cls, settings: Settings, waits: Waits | None = None) -> Database:
        if settings.database_url is not None:
            return cls(settings.database_url, waits=waits)
        folder, backups = settings.postgres_dir, settings.daily_backups_dir
        embedded = EmbeddedPostgres(folder, linger=settings.linger, waits=waits, backups=backups)
        return cls(None, embedded, waits=waits)

    async def url(self) -> URL:
        """The URL for SQLAlchemy; starts the embedded server."""
        return await asyncio.to_thread(parse_url, await self._started())

    async def open(self) -> AsyncConnection[Any]:
        """A connection beside those of the pool, to be closed; each statement is a transaction of its own."""
        return await self._open(await self._started())

    def connections(self) -> Mapping[str, int]:
        """Those of the pool that are in use and idle; none before it was opened."""
        return {"used": self._pool.used, "idle": self._pool.free} if self._pool else {}

    async def rehearse(self) -> None:
        """Does what opening does, as far as it needs no server."""
        await _import_driver()
        for_driver("SELECT :one")

    async def open_ahead(self, statements: str) -> None:
        """Has a connection ready for who opens the same database in this process; none where no server runs."""
        if self.embedded is not None and (url := self.embedded.running()):
            await open_ahead(libpq_url(url), CONNECT, statements)

    async def _started(self) -> str:
        """The URL as it was given, or of the server, which is started."""
        if self.embedded is None:
            assert self._given_url is not None
            return self._given_url
        return await self.embedded.start()

    async def _open(self, url: str) -> AsyncConnection[Any]:
        """A server that recovers is waited for; an embedded one that ends is left to who starts it again."""
        by_url = self.embedded is None
        return await once_ready(
            partial(_open, url),
            self.name,
            self._waits,
            patience=self._patience,
            ends=by_url,
            advice=_TO_LOOK if by_url else _TO_RESTART,
        )

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        """For single statements, each its own transaction; an embedded server that died meanwhile is started again."""
        with connecting(self.name):
            pool, taken = await self._taken()
        whole = False
        try:
            with translated(self.name):
                yield taken.connection
            whole = True
        except Exception:
            whole = True
            raise
        finally:
            await pool.give_back(taken, whole=whole)

    @contextlib.asynccontextmanager
    async def transaction(self, *, commit: bool = True) -> AsyncIterator[AsyncConnection[Any]]:
        """Committed at the end, rolled back without `commit`, on any error and on cancellation."""
        async with self.connection() as connection, connection.transaction(force_rollback=not commit):
            yield connection

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection[Any]]:
        """A transaction that reads only, and sees nothing of what is written after its first statement."""
        async with self.transaction() as connection:
            await connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection

    async def _taken(self) -> tuple[Pool, Pooled]:
        """A connection of the pool, with the pool to give it back to."""
        await _import_driver()
        from psycopg import OperationalError
        from psycopg.errors import ConnectionTimeout

        pool = await self._opened()
        try:
            try:
                return pool, await pool.take()
            except OperationalError as error:
                if self.embedded is None:
                    raise
                silent = isinstance(error, ConnectionTimeout)
            await self._drop(pool)
            with self._waits.waiting_for(_SILENT) if silent else contextlib.nullcontext():
                pool = await self._opened()
                return pool, await pool.take()
        except TimeoutError as error:
            raise StoreTimeout(f"{self.name}: all connections were busy for too long") from error

    async def _opened(self) -> Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = Pool(partial(self._open, await self._started()))
        return self._pool

    async def _drop(self, pool: Pool) -> None:
        """Forgets a pool whose server is gone, unless another task was faster."""
        async with self._opening:
            if self._pool is pool:
                self._pool = None
        await pool.close()

    async def read(self, sql: str, parameters: Parameters | None = None) -> Sequence[Any]:
        """All rows of one statement.

        None when its tables do not exist, as in a database not made by us, or when they are of use to writers alone and
        closed to this role. Asked once more when the server ended the connection at this moment: it did nothing then.
        """
        read = partial(self._read, sql, parameters)
        try:
            return await self._unwanted.run(read)
        except StoreUnavailable as error:
            if sqlstate(error.__cause__) != SHUT_DOWN:
                raise
        return await self._unwanted.run(read)

    async def _read(self, sql: str, parameters: Parameters | None, reading: Reading) -> Sequence[Any]:
        async with self.connection() as connection:
            from psycopg import Error

            reading.connection = connection
            try:
                return await fetch(connection, sql, parameters)
            except Error as error:
                state = sqlstate(error)
                of_writers = _HISTORY not in sql and any(table in sql for table in _OF_WRITERS)
                if state in MISSING_TABLE or (state == NOT_PERMITTED and of_writers):
                    return []
                raise

    async def write(self, sql: str, parameters: Parameters | None = None) -> None:
        """One statement in a transaction of its own."""
        async with self.connection() as connection:
            await fetch(connection, sql, parameters)

    async def close(self) -> None:
        await self._unwanted.close()
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.close()
        if self.embedded is not None:
            self.embedded.close()


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
            self._features = state.features
        return self._features

    async def fetch(self, sql: str, **parameters: object) -> Sequence[Any]:
        current = (await self.features()).revision == NEWEST
        with contextlib.nullcontext() if current else of_an_earlier_schema(self.database.name):
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
            async with self.database.connection() as connection:
                return await database_status(partial(fetch, connection), self.database.label, self.database.name)
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
            self._features = (await schema.require_schema(self.database)).features
            self._writable = True
        return self._features


async def fetch(connection: AsyncConnection[Any], sql: str, parameters: Parameters | None = None) -> Sequence[Any]:
    """Runs one statement; its rows, none when it returns none. `:name` in it stands for a parameter."""
    cursor = await connection.execute(for_driver(sql) if parameters else sql.encode(), parameters or None)
    return await cursor.fetchall() if cursor.description else []


_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)(?![:\w])")
"""Not `::text`, nor a time of day."""


@lru_cache(maxsize=512)
def for_driver(sql: str) -> bytes:
    """A statement with parameters as psycopg writes them."""
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%")).encode()


async def _import_driver() -> None:
    """In a thread, for it takes a tenth of a second."""
    if "psycopg.conninfo" not in sys.modules:
        await asyncio.to_thread(importlib.import_module, "psycopg.conninfo")


async def _open(given: str) -> AsyncConnection[Any]:
    """Raises InvalidInput for what is no URL, and what psycopg raises."""
    await _import_driver()
    from psycopg.conninfo import conninfo_to_dict

    url = libpq_url(given)
    told = conninfo_to_dict(url)
    if not re.fullmatch(r"[\d,]*", str(told.get("port") or "")):
        raise InvalidInput(NO_URL)
    connection = await connect(url, **connect_arguments(told))
    connection.prepare_threshold, connection.row_factory = None, _named
    await connection.set_autocommit(True)
    return connection


def _named(cursor: AsyncCursor[Any]) -> Callable[[Sequence[Any]], Any]:
    """Makes rows with columns as attributes; of those of one name the first has it."""
    found = cursor.pgresult
    names = [found.fname(place) or b"" for place in range(found.nfields)] if found else []
    make: Callable[[Sequence[Any]], Any] = _row(*names)._make
    return make


@lru_cache(maxsize=512)
def _row(*names: bytes) -> Any:
    return namedtuple("Row", [name.decode() for name in names], rename=True)


if TYPE_CHECKING:
    _database: type[SqlDatabase] = CheckedDatabase
