"""Data of the embedded PostgreSQL that are made once for a run of the tests, and copied: making them takes a second."""

from __future__ import annotations

import asyncio
import subprocess
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path

from services.adapters.postgres.database import Database
from services.adapters.postgres.embedded import EmbeddedPostgres
from services.adapters.postgres.schema import upgrade
from services.file_locks import held_lock
from tests.services.memory_world import quick_folder
from tests.services.servers import create_database

_SECONDS = 60.0


class Made(StrEnum):
    """What a server has."""

    BARE = "bare"
    """Nothing yet."""
    HOME = "home"
    """The newest schema, as a home has it."""
    TESTS = "tests"
    """Also a database `template` with that schema."""


class MadePostgres:
    """The data, in a folder of all processes of the run; the first that wants some makes them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "postgres"
        self._lock = folder / "postgres.lock"

    def put(self, made: Made, server: Path) -> None:
        """Makes `server` the folder of a server that was never started."""
        with held_lock(self._lock, seconds=_SECONDS):
            if not (self._folder / Made.TESTS).exists():
                with ThreadPoolExecutor(1) as beside:  # this thread may have a loop that runs
                    beside.submit(lambda: asyncio.run(self._make())).result()
        server.mkdir(mode=0o711, parents=True)
        _copy(self._folder / made, server / "data")

    async def _make(self) -> None:
        self._folder.mkdir()
        with quick_folder() as name:
            server, data = EmbeddedPostgres(Path(name, "postgres")), Path(name, "postgres", "data")
            for made in Made:
                url = await server.start()
                if made is not Made.BARE:
                    await _set_up(url if made is Made.HOME else create_database(url, "template"))
                await server.stop()
                _copy(data, self._folder / made)


def _copy(source: Path, target: Path) -> None:
    """With its owner, who is another where root runs the tests."""
    subprocess.run(["cp", "-a", source, target], check=True)


async def _set_up(url: str) -> None:
    database = Database(url)
    await upgrade(database)
    await database.close()
