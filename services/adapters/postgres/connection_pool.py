"""Connections of this program to one PostgreSQL: each is used by one task at a time, and kept for the next.

psycopg's own pool connects in the background, and tells of a server that is away only when its patience is over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.adapters.postgres.early_connection import has_something

if TYPE_CHECKING:
    from psycopg import AsyncConnection

_MOST, _KEPT = 10, 5
"""Connections at once, and of these how many stay open while nobody uses them."""
_PATIENCE = 10.0
"""Seconds for one to come back when all are in use."""
_LIFE_SECONDS = 1800.0
"""After which one that comes back is used no more."""
_FRESH_SECONDS = 5.0
"""A connection that was used within so many and whose server said nothing since is not asked whether it is there."""


@dataclass(slots=True)
class Pooled:
    """One connection, with the times of the machine's clock at which it was opened and used last."""

    connection: AsyncConnection[Any]
    opened: float
    used: float


class Pool:
    """Opens a connection when one is wanted and none is free."""

    def __init__(self, connect: Callable[[], Awaitable[AsyncConnection[Any]]]) -> None:
        """`connect` opens one in which each statement is a transaction of its own."""
        self._connect = connect
        self._places = asyncio.Semaphore(_MOST)
        self._free: list[Pooled] = []
        self._closed = False
        self.used = 0
        """Connections that are in use."""

    @property
    def free(self) -> int:
        """Connections that are open and not in use."""
        return len(self._free)

    async def take(self) -> Pooled:
        """One that is there, to be given back. Raises TimeoutError when all stay in use, and what connecting raises."""
        async with asyncio.timeout(_PATIENCE):
            await self._places.acquire()
        try:
            taken = await self._found() or await self._opened()
        except BaseException:
            self._places.release()
            raise
        self.used += 1
        return taken

    async def give_back(self, taken: Pooled, *, whole: bool) -> None:
        """Keeps it for the next task, unless it is not `whole`: what was asked of it was broken off."""
        self.used -= 1
        self._places.release()
        if whole and not self._closed and len(self._free) < _KEPT and _is_at_rest(taken.connection):
            taken.used = time.monotonic()
            self._free.append(taken)
        else:
            await taken.connection.close()

    async def close(self) -> None:
        """Closes what is free; what is in use is closed when it comes back."""
        self._closed = True
        while self._free:
            await self._free.pop().connection.close()

    async def _opened(self) -> Pooled:
        connection = await self._connect()
        now = time.monotonic()
        return Pooled(connection, now, now)

    async def _found(self) -> Pooled | None:
        """One of those that are free, the last that was used; those that are not there any more are closed."""
        while self._free:
            found = self._free.pop()
            there = False
            try:
                there = await _is_there(found)
            finally:
                if not there:
                    await found.connection.close()
            if there:
                return found
        return None


def _is_at_rest(connection: AsyncConnection[Any]) -> bool:
    from psycopg.pq import TransactionStatus

    return connection.info.transaction_status == TransactionStatus.IDLE


async def _is_there(kept: Pooled) -> bool:
    """A server that ends closes its connections, which can be read then; one that was not used for long is asked."""
    from psycopg import Error

    now = time.monotonic()
    if now - kept.opened > _LIFE_SECONDS:
        return False
    if now - kept.used < _FRESH_SECONDS and not has_something(kept.connection):
        return True
    try:
        await kept.connection.execute(b"SELECT 1")
    except Error:
        return False
    return True
