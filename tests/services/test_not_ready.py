"""A server that says that it is not ready yet: how long it is waited for, what is told, and what is not tried again."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from services.adapters.postgres.not_ready import once_ready
from services.errors import StoreUnavailable
from services.waiting_notice import Waits

WAY = "connection failed: connection to server at 10.0.0.5, port 5432 failed: FATAL:  "
ENDS = "the database system is shutting down"


class Server:
    """Refuses with these words so many times, then says "made"."""

    def __init__(self, words: str, times: float = 2) -> None:
        self.words, self.times, self.asked = words, times, 0

    async def connect(self) -> str:
        self.asked += 1
        if self.asked <= self.times:
            raise psycopg.OperationalError(f"{WAY}{self.words}\nDETAIL:  Recovery goes on.")
        return "made"

    async def ready(self, waits: Waits | None = None, *, patience: float = 60, ends: bool = True) -> str:
        return await once_ready(
            self.connect, "PostgreSQL", waits or Waits(), patience=patience, ends=ends, advice="try again"
        )


@pytest.mark.parametrize(
    "words",
    [
        "the database system is in recovery mode",
        "the database system is starting up",
        "the database system is not yet accepting connections",
        "terminating connection due to administrator command",
        "terminating connection because of crash of another server process",
        ENDS,
    ],
)
async def test_a_server_that_is_soon_ready_is_asked_again(words: str) -> None:
    assert await Server(words).ready() == "made"


@pytest.mark.parametrize("words", ["the database system is not accepting connections", 'database "x" does not exist'])
async def test_what_does_not_pass_by_itself_is_told_at_once(words: str) -> None:
    server = Server(words)
    with pytest.raises(psycopg.OperationalError, match=words):
        await server.ready()
    assert server.asked == 1


async def test_one_that_ends_for_good_is_left_to_who_starts_it_again() -> None:
    server = Server(ENDS)
    with pytest.raises(psycopg.OperationalError, match=ENDS):
        await server.ready(ends=False)
    assert server.asked == 1


async def test_what_is_waited_for_is_told_once_it_lasts() -> None:
    told = list[str]()
    server = Server("the database system is starting up", times=float("inf"))
    waiting = asyncio.create_task(server.ready(Waits(told.append, patience=0)))
    while not told and not waiting.done():  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert told == ["PostgreSQL is not ready (the database system is starting up); waiting for it …"]
    server.times = 0
    assert await waiting == "made"
    assert told[1:] == [""]


async def test_who_has_waited_long_enough_is_told_what_to_do() -> None:
    server = Server("the database system is starting up", times=float("inf"))
    with pytest.raises(StoreUnavailable) as caught:
        await server.ready(patience=0.1)
    assert server.asked > 1
    assert str(caught.value) == (
        "PostgreSQL has not been ready for 0 s (the database system is starting up): try again"
    )
