"""Real PostgreSQL for tests: one server a run, a new database a test."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from services.adapters.postgres.database import Database
from services.adapters.postgres.embedded import EmbeddedPostgres
from services.adapters.postgres.records import PostgresRecords
from services.adapters.postgres.schema import upgrade
from services.settings import Settings
from tests.in_memory import memory_root
from tests.qdrant_server import Qdrant, running_qdrant

_names = (f"test_{number}" for number in count())
_HASTE = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "checkpoint_timeout": "'1d'",
    "max_wal_size": "'8GB'",
}
"""What a server may do whose data nobody keeps."""
_OBJECTS = 100_000
"""New objects after which Python looks for cycles: at its own number, 700, that was a third of the time of apps."""
gc.set_threshold(_OBJECTS)
if root := memory_root():
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(root))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of an embedded server that lives as long as the test run, with our schema in the database `template`."""
    folder = Path(tempfile.mkdtemp(prefix="memoria-tests-", dir=memory_root()))
    os.chmod(folder, 0o711)
    server = EmbeddedPostgres(folder / "postgres")
    url = asyncio.run(server.start())
    for name, value in _HASTE.items():
        _run(url, f"ALTER SYSTEM SET {name} = {value}")
    _run(url, "SELECT pg_reload_conf()")
    _run(url, "CREATE DATABASE template")
    asyncio.run(_set_up(_with_database(url, "template")))
    yield url
    server.close()
    asyncio.run(server.erase())
    shutil.rmtree(folder)


@pytest.fixture
def empty_url(postgres_server: str) -> Iterator[str]:
    """URL of a new database without any table."""
    yield from _fresh(postgres_server, "template0")


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of a new database with the newest schema."""
    yield from _fresh(postgres_server, "template")


@pytest.fixture
def qdrant() -> Iterator[Qdrant]:
    """An empty Qdrant server."""
    with running_qdrant() as server:
        yield server


@pytest.fixture
async def records(postgres_url: str, tmp_path: Path) -> AsyncIterator[PostgresRecords]:
    """Records in a new database; the person is «tester», zone-less times are Rome's."""
    settings = Settings(home=tmp_path, database_url=postgres_url, actor="tester", zone="Europe/Rome")
    records = PostgresRecords.of(settings)
    yield records
    await records.close()


def _fresh(server: str, template: str) -> Iterator[str]:
    name = next(_names)
    _run(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield _with_database(server, name)
    _run(server, f"DROP DATABASE {name} WITH (FORCE)")


def _with_database(url: str, name: str) -> str:
    return url.replace("@/postgres?", f"@/{name}?")


def _run(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql)  # type: ignore[arg-type]  # made of names of our own


async def _set_up(url: str) -> None:
    database = Database(url)
    await upgrade(database)
    await database.close()
