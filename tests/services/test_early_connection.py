"""The connection that a process opens before its command comes: who takes it, and when nobody does."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psycopg
import pytest

from services.adapters.postgres import early_connection
from services.adapters.postgres.database import Database
from services.adapters.postgres.database_url import CONNECT, libpq_url
from services.adapters.postgres.open_work_database import OpenWorkDatabase
from services.adapters.postgres.schema import WARM_UP
from services.settings import Settings
from tests.services.servers import query

PROCESS = "SELECT pg_backend_pid() AS number"


@pytest.fixture(autouse=True)
def nothing_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_connection, "_opened", None)


def opened(url: str, statements: str = WARM_UP) -> int:
    """Opens a connection in an event loop that ends, as a process does that waits; gives its process at the server."""
    asyncio.run(early_connection.open_ahead(libpq_url(url), CONNECT, statements))
    assert early_connection._opened is not None
    return early_connection._opened.connection.info.backend_pid


async def process_of(database: Database) -> int:
    """That which answers a new database."""
    try:
        return int((await database.read(PROCESS))[0].number)
    finally:
        await database.close()


def test_who_opens_the_same_database_takes_it_once(postgres_url: str) -> None:
    ahead = opened(postgres_url)
    assert asyncio.run(process_of(Database(postgres_url))) == ahead
    assert asyncio.run(process_of(Database(postgres_url))) != ahead


def test_a_glance_takes_it(postgres_url: str, tmp_path: Path) -> None:
    async def glance() -> int:
        database = OpenWorkDatabase(Settings(home=tmp_path, database_url=postgres_url))
        rows = await database.fetch(f"{PROCESS} WHERE :one = 1", one=1)
        await database.close()
        return int(rows[0].number)

    ahead = opened(postgres_url)
    assert asyncio.run(glance()) == ahead


def test_it_is_taken_where_what_is_to_be_read_ahead_is_not_there(postgres_url: str) -> None:
    ahead = opened(postgres_url, "SELECT FROM nothing")
    assert asyncio.run(process_of(Database(postgres_url))) == ahead


def test_what_is_read_ahead_is_there_and_writes_nothing(postgres_url: str) -> None:
    written = "SELECT last_value, is_called FROM memoria_tui.audit_log_id_seq"
    before = query(postgres_url, written)
    with psycopg.connect(postgres_url) as connection:
        connection.execute(WARM_UP.encode())
        connection.rollback()
    assert query(postgres_url, written) == before


def test_one_that_the_server_ended_costs_no_error(postgres_url: str, postgres_server: str) -> None:
    ahead = opened(postgres_url)
    query(postgres_server, f"SELECT pg_terminate_backend({ahead}, 10000)")
    assert asyncio.run(process_of(Database(postgres_url))) != ahead


def test_one_on_which_a_suspended_server_does_not_answer_is_left(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early_connection, "_SECONDS_TO_ANSWER", 0.05)
    ahead = opened(postgres_url)
    os.kill(ahead, signal.SIGSTOP)
    try:
        assert asyncio.run(process_of(Database(postgres_url))) != ahead
    finally:
        os.kill(ahead, signal.SIGCONT)


def test_other_databases_and_other_variables_of_libpq_do_not_take_it(
    postgres_url: str, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = opened(postgres_url)
    assert asyncio.run(process_of(Database(postgres_server))) != ahead
    ahead = opened(postgres_url)
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=7777")
    assert asyncio.run(process_of(Database(postgres_url))) != ahead
