"""Real PostgreSQL for tests: one server a run, a new database a test."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import shutil
import ssl
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Iterator
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import psycopg
import pytest

from services.adapters.postgres.embedded import EmbeddedPostgres
from services.records import Records
from services.settings import Settings
from tests.in_memory import memory_root
from tests.services.made_postgres import Made, MadePostgres
from tests.services.servers import (
    LEFT,
    Connection,
    as_superuser,
    create_database,
    drop_database,
    of_database,
    query,
    records_of,
)

if TYPE_CHECKING:
    from tests.qdrant_server import Qdrant

_TESTS = Path(__file__).parent
_names = (f"test_{number}" for number in count())
_used = deque[str]()
"""Databases of tests that ended, oldest first."""
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
gc.disable()  # until all is collected
_NAMED = 100
"""Characters of a parameter that name a test."""
_EXAMPLES = int(os.environ.get("MEMORIA_TEST_EXAMPLES", "20"))
"""Tried of each property that names no number of its own; every run tries the same."""
hypothesis.settings.register_profile("same", derandomize=True, deadline=None, max_examples=_EXAMPLES)
hypothesis.settings.load_profile("same")
ssl.create_default_context = cache(ssl.create_default_context)  # type: ignore[assignment]  # 20 ms, each client of HTTP
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the programs that tests start are compiled, as installed ones are
sys.dont_write_bytecode = False
if root := memory_root():
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(root))


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Of the processes that are about to import the same modules, each compiles some that the others find compiled."""
    if session.config.args_source is session.config.ArgsSource.TESTPATHS:
        number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        step = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        for path in sorted(_TESTS.rglob("test_*.py"))[number::step]:
            importlib.import_module(".".join(path.relative_to(_TESTS.parent).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """What was imported and collected lives as long as the process, so nothing ever looks for cycles in it."""
    gc.freeze()
    gc.set_threshold(_OBJECTS)
    gc.enable()


def pytest_sessionfinish() -> None:
    """What nobody reaches is told now. What is left goes with the process; pytest would search it five times more."""
    gc.collect()
    gc.freeze()


def pytest_make_parametrize_id(val: object) -> str | None:
    """A long text by its beginning: each process tells the names of all tests, and some texts have megabytes."""
    return f"{val[:_NAMED]!r}… {len(val)}" if isinstance(val, str | bytes) and len(val) > _NAMED else None


@pytest.fixture(scope="session")
def made_postgres(tmp_path_factory: pytest.TempPathFactory) -> MadePostgres:
    """Data of the embedded PostgreSQL, made once for all processes of the run."""
    own = tmp_path_factory.getbasetemp()
    return MadePostgres(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


@pytest.fixture(scope="session")
def postgres_server(made_postgres: MadePostgres) -> Iterator[str]:
    """URL of an embedded server that lives as long as the test run, with our schema in the database `template`."""
    folder = Path(tempfile.mkdtemp(prefix="memoria-tests-", dir=memory_root()))
    os.chmod(folder, 0o711)
    made_postgres.put(Made.TESTS, folder / "postgres")
    with (folder / "postgres" / "data" / "postgresql.auto.conf").open("a") as settings:
        settings.writelines(f"{name} = {value}\n" for name, value in _HASTE.items())
    server = EmbeddedPostgres(folder / "postgres")
    url = asyncio.run(server.start())
    query(
        of_database(url, "template"), "SELECT 1"
    )  # what every connection reads first is in one file then, also of copies
    yield url
    server.close()
    asyncio.run(server.erase())
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def superuser(postgres_server: str) -> Iterator[Connection]:
    """A connection that may do everything: a new one for each database would cost as much as the database."""
    with psycopg.connect(as_superuser(postgres_server), autocommit=True) as connection:
        yield connection


@pytest.fixture
def empty_url(postgres_server: str, superuser: Connection) -> Iterator[str]:
    """URL of a new database without any table."""
    yield from _fresh(postgres_server, "template0", superuser)


@pytest.fixture
def postgres_url(postgres_server: str, superuser: Connection) -> Iterator[str]:
    """URL of a new database with the newest schema."""
    yield from _fresh(postgres_server, "template", superuser)


@pytest.fixture
def second_url(postgres_server: str, superuser: Connection) -> Iterator[str]:
    """As `postgres_url`, for tests of two stores."""
    yield from _fresh(postgres_server, "template", superuser)


@pytest.fixture
def qdrant() -> Iterator[Qdrant]:
    """An empty Qdrant server."""
    from tests.qdrant_server import running_qdrant  # takes a second, which the process that only hands out tests saves

    with running_qdrant() as server:
        yield server


@pytest.fixture
async def records(postgres_url: str, tmp_path: Path) -> AsyncIterator[Records]:
    """Records in a new database; the person is «tester», zone-less times are Rome's."""
    settings = Settings(home=tmp_path, database_url=postgres_url, actor="tester", zone="Europe/Rome")
    records = records_of(settings)
    yield records
    await records.close()


def _fresh(server: str, template: str, superuser: Connection) -> Iterator[str]:
    while len(_used) > LEFT:
        drop_database(server, _used.popleft(), superuser)
    name = next(_names)
    yield create_database(server, name, template, superuser)
    _used.append(name)
