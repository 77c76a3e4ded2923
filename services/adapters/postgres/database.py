"""One PostgreSQL database, embedded or by URL: its engine, its errors, the two ways to talk to it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from services.adapters.postgres.cancelled_reads import Reading, UnwantedReads
from services.adapters.postgres.early_connection import connect, open_ahead
from services.adapters.postgres.embedded import EmbeddedPostgres
from services.adapters.postgres.postgres_errors import (
    MISSING_TABLE,
    NOT_PERMITTED,
    SETTING,
    SHUT_DOWN,
    connecting,
    sqlstate,
    translated,
)
from services.errors import InvalidInput, StoreUnavailable
from services.settings import Settings
from services.waiting_notice import Waits

if TYPE_CHECKING:
    from sqlalchemy import URL, Row
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

Parameters = Mapping[str, object]
_HISTORY = "memoria_tui.audit_log"
_OF_WRITERS = ("memoria_tui.embedding_schedule", "memoria_tui.unfinished_restore")
"""Tables that may be closed to a role that only reads: it has nothing to finish."""
CONNECT: Mapping[str, object] = {
    "application_name": "memoria-tui",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""libpq's parameters, so that a dead server is noticed within seconds; the URL wins. Times in s, the last in ms."""


class Database:
    """A pooled database that connects when it is first asked; SQLAlchemy and psycopg are imported then."""

    def __init__(self, url: str | None, embedded: EmbeddedPostgres | None = None) -> None:
        """Give one of the two: a `postgresql://` URL, or the server to start."""
        self._given_url = url
        self.embedded = embedded
        self._engine: AsyncEngine | None = None
        self._opening = asyncio.Lock()
        self._unwanted = UnwantedReads()
        self.label = "embedded" if url is None else _place(url)
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
            return cls(settings.database_url)
        folder, backups = settings.postgres_dir, settings.daily_backups_dir
        return cls(None, EmbeddedPostgres(folder, linger=settings.linger, waits=waits, backups=backups))

    async def url(self) -> URL:
        """The URL for SQLAlchemy; starts the embedded server."""
        return await asyncio.to_thread(parse_url, await self._started())

    async def engine(self) -> AsyncEngine:
        """The pool; opened once."""
        async with self._opening:
            if self._engine is None:
                self._engine = await asyncio.to_thread(_engine, await self._started())
        return self._engine

    def connections(self) -> Mapping[str, int]:
        """Those of the pool that are in use and idle; none before it was opened."""
        pool: Any = self._engine.pool if self._engine else None
        return {"used": pool.checkedout(), "idle": pool.checkedin()} if pool else {}

    async def rehearse(self) -> None:
        """Does what opening does, as far as it needs no server."""
        from sqlalchemy import text

        engine = await asyncio.to_thread(_engine, "postgresql:///nothing")
        text("SELECT :one").compile(dialect=engine.dialect)
        await engine.dispose()

    async def open_ahead(self, statements: str) -> None:
        """Has a connection ready for who opens the same database in this process; none where no server runs."""
        if self.embedded is not None and (url := await asyncio.to_thread(self.embedded.running)):
            await open_ahead(libpq_url(url), CONNECT, statements)

    async def _started(self) -> str:
        """The URL as it was given, or of the server, which is started."""
        if self.embedded is None:
            assert self._given_url is not None
            return self._given_url
        return await self.embedded.start()

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """For single statements, each its own transaction."""
        async with self._connected() as connection:
            yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Committed at the end, rolled back on any error and on cancellation."""
        async with self._connected() as connection, connection.begin():
            yield connection

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that reads only, and sees nothing of what is written after its first statement."""
        async with self._connected() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with connection.begin():
                yield connection

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        """A connection of the pool; an embedded server that died meanwhile is started again."""
        with connecting(self.name):
            connection = await self._opened()
        try:
            with translated(self.name):
                yield connection
        finally:
            with translated(self.name):
                await connection.close()

    async def _opened(self) -> AsyncConnection:
        from sqlalchemy.exc import OperationalError

        engine = await self.engine()
        connection = engine.connect()
        try:
            return await connection.start()
        except OperationalError:
            if self.embedded is None:
                raise
            await self._drop(engine)
            return await (await self.engine()).connect().start()

    async def _drop(self, engine: AsyncEngine) -> None:
        """Forgets a pool whose server is gone, unless another task was faster."""
        async with self._opening:
            if self._engine is engine:
                self._engine = None
        await engine.dispose()

    async def read(self, sql: str, parameters: Parameters | None = None) -> Sequence[Row[Any]]:
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

    async def _read(self, sql: str, parameters: Parameters | None, reading: Reading) -> Sequence[Row[Any]]:
        from sqlalchemy.exc import DBAPIError

        async with self.connection() as connection:
            reading.connection = (await connection.get_raw_connection()).driver_connection
            try:
                return await fetch(connection, sql, parameters)
            except DBAPIError as error:
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
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None
        if self.embedded is not None:
            self.embedded.close()


async def fetch(connection: AsyncConnection, sql: str, parameters: Parameters | None = None) -> Sequence[Row[Any]]:
    """Runs one statement; its rows, none when it returns none."""
    from sqlalchemy import text

    result = await connection.execute(text(sql), parameters)
    return result.fetchall() if result.returns_rows else []


def _engine(given: str) -> AsyncEngine:
    """In a thread, for its imports take a quarter of a second."""
    from sqlalchemy.ext.asyncio import create_async_engine

    from services.adapters.postgres.dialect import DRIVER

    url = parse_url(given)
    return create_async_engine(
        url.set(drivername=DRIVER),
        pool_size=5,
        max_overflow=5,
        pool_timeout=10,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={
            **connect_arguments(url),
            "prepare_threshold": None,
            "async_creator_fn": partial(connect, libpq_url(given)),
        },
    )


def parse_url(given: str) -> URL:
    """SQLAlchemy's URL for psycopg."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(_one_host(libpq_url(given)).replace("postgresql:", "postgresql+psycopg:", 1))
    except (ArgumentError, ValueError) as error:
        raise InvalidInput(
            f"{SETTING} cannot be read: it must look like postgresql://user:password@host:5432/memoria"
        ) from error


def libpq_url(given: str, setting: str = SETTING) -> str:
    """The URL as libpq reads it. User and password may hold any character, percent-encoded or not.

    Raises InvalidInput naming the `setting` that has it.
    """
    user, password, rest = _split(given, setting)
    credentials = "" if user is None else quote(user, safe="")
    if password is not None:
        credentials += ":" + quote(password, safe="")
    return f"postgresql://{credentials}{'@' if credentials else ''}{rest}"


def _one_host(url: str) -> str:
    """A list of hosts, of which libpq takes the first that fits, moved to where SQLAlchemy looks for it."""
    found = re.fullmatch(r"(postgresql://(?:[^@]*@)?)([^/?@]*,[^/?@]*)(/[^?]*)?\??(.*)", url)
    if found is None:
        return url
    before, hosts, name, options = found.groups()
    listed = [f"host={host if re.search(':[0-9]+$', host) else host + ':5432'}" for host in hosts.split(",")]
    return f"{before}{name or '/'}?{'&'.join([*listed, options] if options else listed)}"


def connect_arguments(url: URL) -> dict[str, object]:
    """What to tell libpq besides the URL, which wins."""
    return {name: value for name, value in CONNECT.items() if name not in url.query}


def _split(given: str, setting: str = SETTING) -> tuple[str | None, str | None, str]:
    """User, password, and what follows them."""
    found = re.fullmatch(
        r"postgres(?:ql)?(?:\+\w+)?://(?:(?P<user>[^:@/]*)(?::(?P<password>.*))?@)?(?P<rest>[^@]*)", given
    )
    if found is None:
        raise InvalidInput(f"{setting} must begin with postgresql:// and name user, host and database")
    user, password = found["user"], found["password"]
    return (
        None if user is None else unquote(user),
        None if password is None else unquote(password),
        found["rest"],
    )


def _place(given: str) -> str:
    """«host:port/database» without importing SQLAlchemy, for messages and the top line."""
    rest, _, query = _split(given)[2].partition("?")
    address, _, name = rest.partition("/")
    host = re.search(r"(?:^|&)host=([^&]*)", query)
    port = re.search(r"(?:^|&)port=([^&]*)", query)
    if host is not None:
        address = f"{unquote(host[1])}:{port[1] if port else 5432}"
    elif not re.search(r":\d+$", address):
        address = f"{address or 'localhost'}:{port[1] if port else 5432}"
    return f"{address}/{unquote(name)}"
