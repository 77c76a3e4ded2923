"""Waits for a server that takes no connections yet: it recovers from a crash, starts, or ends to be started again.

Only the making of a connection is tried again, in which nothing was asked of the server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import TypeVar

from services.adapters.postgres.postgres_errors import one_line
from services.errors import StoreUnavailable
from services.waiting_notice import Waits

T = TypeVar("T")
_NOT_YET = (
    "is in recovery mode",
    "is starting up",
    "not yet accepting connections",
    "terminating connection due to administrator command",
    "terminating connection because of crash of another server process",
)
"""How a server refuses that soon takes connections: SQLSTATE 57P03, 57P01 and 57P02, which libpq does not tell."""
_ENDS = "is shutting down"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25
"""Seconds between two tries; each pause is half as long again as the one before."""


async def once_ready(
    connect: Callable[[], Awaitable[T]], server: str, waits: Waits, *, patience: float, ends: bool, advice: str
) -> T:
    """What `connect` gives, tried again for `patience` seconds while the server says that it is not ready.

    `ends`: also while it shuts down, as when it is restarted. Raises StoreUnavailable with the `advice` when it takes
    longer, and at once whatever else `connect` raises.
    """
    from psycopg import OperationalError

    waited_for = (*_NOT_YET, _ENDS) if ends else _NOT_YET
    first, begin, pause = True, time.monotonic(), _FIRST_PAUSE
    async with AsyncExitStack() as telling:
        while True:
            try:
                return await connect()
            except OperationalError as error:
                if not any(text in str(error) for text in waited_for):
                    raise
                told = one_line(error)
                if time.monotonic() - begin >= patience:
                    raise StoreUnavailable(
                        f"{server} has not been ready for {patience:.0f} s ({told}): {advice}"
                    ) from error
            if first:
                await telling.enter_async_context(waits.maybe(partial(_line, server, told)))
                first = False
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, _LONGEST_PAUSE)


def _line(server: str, told: str) -> str:
    return f"{server} is not ready ({told}); waiting for it …"
