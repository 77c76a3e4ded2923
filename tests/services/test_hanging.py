"""Real stores that take questions and do not answer: each is told by itself, and goes on when it is back."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psutil

from services.container import open_services
from services.model import StatusSnapshot, StoreKind, StoreStatus
from services.settings import Settings
from tests.in_memory import memory_root
from tests.services.servers import postgres_15

SOON = 60.0
"""Seconds within which a store that hangs is told, on a busy machine: it is asked every few seconds and given three."""


@contextmanager
def stopped(data: Path) -> Iterator[None]:
    """A PostgreSQL whose processes all stand still."""
    server = psutil.Process(int((data / "postmaster.pid").read_text().splitlines()[0]))
    processes = [server, *server.children()]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


@asynccontextmanager
async def mute_server() -> AsyncIterator[int]:
    """Port of a server that takes connections and says nothing."""
    server = await asyncio.start_server(lambda *_: asyncio.sleep(3600), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Told:
    """The last snapshot."""

    def __init__(self) -> None:
        self._status = StatusSnapshot()
        self._new = asyncio.Event()

    def __call__(self, status: StatusSnapshot) -> None:
        self._status = status
        self._new.set()

    async def until(self, kind: StoreKind, *, ok: bool) -> StoreStatus:
        async with asyncio.timeout(SOON):
            while not (found := [one for one in self._status.stores if one.kind is kind and one.ok is ok]):
                self._new.clear()
                await self._new.wait()
        return found[0]


@asynccontextmanager
async def followed(settings: Settings) -> AsyncIterator[Told]:
    told = Told()
    async with open_services(settings) as services:
        watching = asyncio.create_task(services.live.watch(told, lambda _: None))
        try:
            yield told
        finally:
            watching.cancel()
            await asyncio.wait([watching])


async def test_a_postgresql_that_stands_still_is_told_and_goes_on(tmp_path: Path) -> None:
    # Not below the folder of this run, which another run of pytest may close to the server's user.
    with tempfile.TemporaryDirectory(dir=memory_root()) as folder, postgres_15(Path(folder)) as url:
        settings = Settings(home=tmp_path, database_url=url, writer_zone="UTC")
        async with followed(settings) as told:
            await told.until(StoreKind.POSTGRES, ok=True)
            with stopped(Path(folder) / "data"):
                silent = await told.until(StoreKind.POSTGRES, ok=False)
                assert silent.silent
                assert silent.failing_since is not None
                await told.until(StoreKind.EMBEDDER, ok=True)
            assert (await told.until(StoreKind.POSTGRES, ok=True)).failing_since is None


async def test_a_qdrant_and_an_ollama_that_say_nothing_are_told(tmp_path: Path, postgres_url: str) -> None:
    async with mute_server() as port:
        settings = Settings(
            home=tmp_path,
            database_url=postgres_url,
            qdrant_host="127.0.0.1",
            qdrant_port=port,
            ollama_host=f"127.0.0.1:{port}",
            writer_zone="UTC",
        )
        async with followed(settings) as told:
            for kind in (StoreKind.QDRANT, StoreKind.EMBEDDER):
                assert (await told.until(kind, ok=False)).silent
            await told.until(StoreKind.POSTGRES, ok=True)
