"""A connection to the embedded PostgreSQL that a process opens before it is needed, while it waits for a command.

It keeps no server running and starts none. The first who connects to the same server takes it, unless the server has
ended it meanwhile, does not answer on it, or libpq is told something else by the environment: then a new one is opened,
as without it.
"""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import AsyncConnection

_LIBPQ = "PG"
"""How the variables begin that libpq reads."""
_SECONDS_TO_ANSWER = 1.0
"""For a server that may be suspended, on the connection that was opened ahead."""

_VALUES: Mapping[str, object] = {
    "ids": ["5fb66a64-fc17-40a0-9052-fa0d9035e93c"],
    "numbers": [1],
    "texts": ["text", None],
    "text": "text",
    "number": 1,
    "is_so": True,
}
_TRIED = b"""
SELECT %(ids)s::uuid[], %(numbers)s::bigint[], %(texts)s::text[], %(text)s::text, %(number)s::integer,
       %(is_so)s::boolean
"""
"""With what statements of commands have as parameters."""


@dataclass(frozen=True, slots=True)
class _Opened:
    url: str
    variables: Mapping[str, str]
    connection: AsyncConnection[Any]


_opened: _Opened | None = None
"""Of this process, which runs one command and opens one database."""


async def open_ahead(url: str, arguments: Mapping[str, Any], statements: str) -> None:
    """Connects, and has the server read what these statements touch, which each new connection reads again.

    Where that cannot be done nothing is kept: who connects later meets the same error.
    """
    global _opened
    from psycopg import AsyncConnection, Error, ProgrammingError

    with suppress(Error):
        connection = await AsyncConnection.connect(url, **arguments)
        with suppress(ProgrammingError):  # of a schema that is to be brought up to date
            await connection.execute(statements.encode())
        await connection.rollback()
        async with connection.transaction():  # as a command does, for what that touches is copied meanwhile
            await (await connection.execute(_TRIED, _VALUES)).fetchall()
        _opened = _Opened(url, _variables(), connection)


async def connect(url: str, **arguments: Any) -> AsyncConnection[Any]:
    """The connection to this URL that was opened ahead, else a new one, for which the arguments are."""
    from psycopg import AsyncConnection

    return await _taken(url) or await AsyncConnection.connect(url, **arguments)


async def _taken(url: str) -> AsyncConnection[Any] | None:
    global _opened
    opened, _opened = _opened, None
    if opened is None:
        return None
    connection = opened.connection
    is_free = (opened.url, opened.variables) == (url, _variables()) and not has_something(connection)
    if is_free and await _answers(connection):
        return connection
    connection.pgconn.finish()
    return None


async def _answers(connection: AsyncConnection[Any]) -> bool:
    """Ends the connection when nothing comes for some time."""
    await connection.set_autocommit(True)
    asking = asyncio.ensure_future(connection.execute(b"SELECT 1"))
    try:
        if not (await asyncio.wait({asking}, timeout=_SECONDS_TO_ANSWER))[0]:
            connection.pgconn.finish()  # else psycopg asks the server to cancel, and waits for that
    finally:
        asking.cancel()
        await asyncio.wait({asking})
    return not asking.cancelled() and asking.exception() is None


def has_something(connection: AsyncConnection[Any]) -> bool:
    """Whether something can be read of a connection that nothing was asked of, or it is closed."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _variables() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_LIBPQ)}
