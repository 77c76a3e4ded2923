"""Reads that are cancelled, as by the next key: their connection stays usable, and is used again.

Whoever interrupts the waiting for a statement has to throw its connection away. So it runs to its end, which is near;
one that takes longer is ended by the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from psycopg import AsyncConnection

T = TypeVar("T")
_SOON = 0.1
"""Seconds in which nearly every statement ends by itself."""
_TO_CANCEL = 2.0
"""Seconds for the server to be asked, and then to end it."""


@dataclass(slots=True)
class Reading:
    """One read."""

    connection: AsyncConnection[Any] | None = None
    """On which it runs, once it has one."""


class UnwantedReads:
    """Those of a database that were cancelled and have not ended."""

    def __init__(self) -> None:
        self._ending: set[asyncio.Task[None]] = set()

    async def run(self, read: Callable[[Reading], Coroutine[Any, Any, T]]) -> T:
        """What it gives. A cancellation ends the waiting at once, and the read in a while."""
        reading = Reading()
        running = asyncio.create_task(read(reading))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            ending = asyncio.create_task(_end(running, reading))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            raise

    async def close(self) -> None:
        """Ends them, whatever becomes of their connections."""
        ending = list(self._ending)
        for one in ending:
            one.cancel()
        await asyncio.gather(*ending, return_exceptions=True)


async def _end(running: asyncio.Task[Any], reading: Reading) -> None:
    from psycopg import Error

    try:
        await asyncio.wait({running}, timeout=_SOON)
        if not running.done() and reading.connection is not None:
            with suppress(Error):
                await reading.connection.cancel_safe(timeout=_TO_CANCEL)
            await asyncio.wait({running}, timeout=_TO_CANCEL)
    finally:
        running.cancel()
        await asyncio.wait({running})
        if not running.cancelled():
            running.exception()  # nobody wants it any more
