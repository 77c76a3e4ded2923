"""One database: its URL, its errors as one line, cancellation, and coming back after the server was away."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.pq import TransactionStatus

from memoria_tui.cli.health import _print_stores
from memoria_tui.cli.terminal import Terminal
from services.adapters.postgres.database import CheckedDatabase, Database
from services.adapters.postgres.database_url import parse_url
from services.adapters.postgres.embedded import EmbeddedPostgres
from services.errors import (
    AuthenticationFailed,
    InvalidInput,
    MemoriaError,
    StorageFull,
    StoreReadOnly,
    StoreTimeout,
    StoreUnavailable,
)
from services.model import Entity, RelationType
from services.ports import NewRelation
from services.records import Records
from services.settings import Settings
from tests.services.made_postgres import Made, MadePostgres
from tests.services.servers import as_superuser, as_user, pgbouncer, query, records_of

PROCESS = "SELECT pg_backend_pid() AS number"


@pytest.mark.parametrize(
    ("given_url", "place", "password"),
    [
        ("postgresql://memoria:p%40ss@db.example:6432/memoria", "db.example:6432/memoria", "p@ss"),
        ("postgres://memoria:p@s:s/w?o#rd@db/memoria?sslmode=require", "db:5432/memoria", "p@s:s/w?o#rd"),
        ("postgresql+asyncpg://memoria@db/memoria", "db:5432/memoria", None),
        ("postgresql://memoria@/memoria?host=/run/postgresql", "/run/postgresql:5432/memoria", None),
        ("postgresql://[::1]:5433/memoria", "[::1]:5433/memoria", None),
    ],
)
def test_urls_of_all_kinds_are_understood(given_url: str, place: str, password: str | None) -> None:
    url = parse_url(given_url)
    assert url.drivername == "postgresql+psycopg"
    assert url.password == password
    assert url.database == "memoria"
    assert Database(given_url).label == place


@given(st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_characters="%"), min_size=1))
def test_any_password_may_stand_in_the_url_as_it_is_and_never_in_the_place(password: str) -> None:
    given_url = f"postgresql://user:{password}@db:5433/memoria"
    assert parse_url(given_url).password == password
    assert Database(given_url).label == "db:5433/memoria"


@pytest.mark.parametrize("given_url", ["mysql://db/memoria", "memoria", "postgresql:db", "postgresql://db:port/x"])
async def test_what_is_no_url_is_invalid_input(given_url: str) -> None:
    with pytest.raises(InvalidInput, match="MEMORIA_DATABASE_URL"):
        await Database(given_url).read("SELECT 1")


async def failure(url: str) -> MemoriaError:
    database = Database(url)
    with pytest.raises(MemoriaError) as caught:
        await database.read("SELECT 1")
    await database.close()
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    return caught.value


async def test_a_refused_connection_names_the_place() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        error = await failure(f"postgresql://memoria:secret@127.0.0.1:{port}/memoria")
    assert type(error) is StoreUnavailable
    assert f"127.0.0.1:{port}/memoria" in str(error)


async def test_a_server_that_does_not_answer_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        error = await failure(f"postgresql://memoria:secret@127.0.0.1:{port}/memoria?connect_timeout=2")
    assert type(error) is StoreTimeout


async def test_an_unknown_database_user_and_option_are_told_apart(postgres_server: str) -> None:
    assert "nowhere" in str(await failure(postgres_server.replace("/postgres?", "/nowhere?")))
    assert isinstance(await failure(as_user(postgres_server, "stranger:secret")), AuthenticationFailed)
    assert isinstance(await failure(postgres_server + "&pgbouncer=true"), InvalidInput)


def may_connect(url: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        return bool(query(url, "SELECT 1"))
    return False


async def test_a_wrong_password_is_an_authentication_failure(postgres_server: str) -> None:
    admin = as_superuser(postgres_server)
    data = next(Path(str(parse_url(postgres_server).query["host"])).parent.rglob("pg_hba.conf")).parent
    query(admin, "CREATE ROLE guarded LOGIN PASSWORD 'right'")
    rules = data / "pg_hba.conf"
    open_rules = rules.read_text()
    rules.write_text("local all guarded scram-sha-256\n" + open_rules)
    query(admin, "SELECT pg_reload_conf()")
    try:
        async with asyncio.timeout(60):
            while may_connect(as_user(postgres_server, "guarded:secret")):  # noqa: ASYNC110  # the server reads it in its turn
                await asyncio.sleep(0.02)
        error = await failure(as_user(postgres_server, "guarded:secret"))
        assert isinstance(error, AuthenticationFailed)
        assert isinstance(await failure(as_user(postgres_server, "guarded")), AuthenticationFailed)
        assert query(as_user(postgres_server, "guarded:right"), "SELECT 1") == [(1,)]
    finally:
        rules.write_text(open_rules)
        query(admin, "SELECT pg_reload_conf()")
        query(admin, "DROP ROLE guarded")


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SET statement_timeout = 20; SELECT pg_sleep(5)", StoreTimeout),
        ("SELECT 'x'::uuid", InvalidInput),
        ("SET transaction_read_only = on; CREATE TABLE t ()", StoreReadOnly),
        ("DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$", StorageFull),
        ("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'insufficient_privilege'; END $$", AuthenticationFailed),
    ],
)
async def test_errors_of_statements_become_ours(postgres_url: str, statement: str, error: type[MemoriaError]) -> None:
    database = Database(postgres_url)

    async def run() -> None:
        async with database.transaction() as connection:
            for part in statement.split("; ") if "DO" not in statement else [statement]:
                await connection.execute(part.encode())

    with pytest.raises(error) as caught:
        await run()
    assert "\n" not in str(caught.value)
    await database.close()


async def until_running(url: str, expected: int) -> None:
    """Waits until so many queries of the test below run on the server."""
    running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%AS cancel_me'"
    async with asyncio.timeout(60):
        for _ in itertools.takewhile(lambda _: query(url, running) != [(expected,)], itertools.count()):
            await asyncio.sleep(0.01)


async def until_used(database: Database, expected: int) -> None:
    """Waits until so many connections of the pool are in use."""
    async with asyncio.timeout(60):
        used = (database.connections().get("used", 0) for _ in itertools.count())
        for _ in itertools.takewhile(lambda number: number != expected, used):
            await asyncio.sleep(0)


async def test_cancelling_the_task_cancels_the_query_on_the_server(postgres_url: str) -> None:
    database = Database(postgres_url)
    task = asyncio.create_task(database.read("SELECT pg_sleep(30) AS cancel_me"))
    await until_running(postgres_url, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until_running(postgres_url, 0)
    assert len(await database.read("SELECT 1")) == 1
    await database.close()


async def test_reads_that_are_cancelled_cost_no_connection(postgres_url: str) -> None:
    database = Database(postgres_url)
    (before,) = await database.read(PROCESS)
    async with database.connection() as connection:
        driver = connection
    for number in range(50):
        task = asyncio.create_task(database.read("SELECT pg_sleep(0.005)"))
        asked = (driver.info.transaction_status for _ in itertools.count())
        for _ in itertools.takewhile(lambda status: status is not TransactionStatus.ACTIVE, asked):
            await asyncio.sleep(0)
        task.cancel()
        if number % 2:
            await asyncio.sleep(0)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until_used(database, 0)
    assert await database.read(PROCESS) == [before]
    assert database.connections() == {"used": 0, "idle": 1}
    await database.close()


async def test_a_read_that_is_cancelled_and_takes_long_is_ended_on_the_server_and_costs_no_connection(
    postgres_url: str,
) -> None:
    database = Database(postgres_url)
    (before,) = await database.read(PROCESS)
    task = asyncio.create_task(database.read("SELECT pg_sleep(30) AS cancel_me"))
    await until_running(postgres_url, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until_used(database, 0)
    (after,) = await database.read(PROCESS)
    assert after.number == before.number
    await database.close()


async def test_a_database_that_is_closed_ends_what_was_cancelled(postgres_url: str) -> None:
    database = Database(postgres_url)
    task = asyncio.create_task(database.read("SELECT pg_sleep(30) AS cancel_me"))
    await until_running(postgres_url, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await database.close()
    await until_running(postgres_url, 0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_records_come_back_after_the_embedded_server_was_killed(
    tmp_path: Path, made_postgres: MadePostgres
) -> None:
    settings = Settings(home=tmp_path)
    made_postgres.put(Made.HOME, settings.postgres_dir)
    records = records_of(settings)
    assert (await records.status()).problems == ()
    server = psutil.Process(int((settings.postgres_dir / "data" / "postmaster.pid").read_text().splitlines()[0]))
    processes = [*server.children(), server]
    server.kill()
    await asyncio.to_thread(psutil.wait_procs, processes, timeout=60)
    assert (await records.pulse(datetime.now(UTC))).sessions == ()
    async with records.transaction() as transaction:
        await transaction.outbox.put({})
    await records.close()
    await EmbeddedPostgres(settings.postgres_dir).erase()


async def test_a_database_restarted_in_between_costs_no_error(postgres_url: str, postgres_server: str) -> None:
    database = Database(postgres_url)
    await database.read("SELECT 1")
    query(
        postgres_server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'memoria-tui'"
    )
    assert len(await database.read("SELECT 1")) == 1
    await database.close()


async def test_a_database_that_ends_the_connection_while_it_is_asked_costs_no_error(postgres_url: str) -> None:
    database = Database(postgres_url)
    await database.write("CREATE SEQUENCE times_asked")
    ending = "SELECT CASE nextval('times_asked') WHEN 1 THEN pg_terminate_backend(pg_backend_pid(), 10000) END AS ended"
    assert [row.ended for row in await database.read(ending)] == [None]
    await database.close()


async def test_status_of_a_server_that_is_away_is_a_value(tmp_path: Path) -> None:
    records = records_of(Settings(home=tmp_path, database_url=f"postgresql://u:secret@/memoria?host={tmp_path}"))
    status = await records.status()
    assert not status.ok
    assert len(status.problems) == 1
    assert "secret" not in status.problems[0]
    await records.close()


@pytest.fixture
def pgbouncer_url(postgres_url: str, tmp_path: Path) -> Iterator[str]:
    with pgbouncer(postgres_url, tmp_path) as url:
        yield url


async def test_records_work_behind_pgbouncer_in_transaction_mode(pgbouncer_url: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=pgbouncer_url)
    first, second = records_of(settings), records_of(settings)

    async def work(records: Records) -> None:
        for _ in range(20):
            async with records.transaction() as transaction:
                await transaction.relations.insert(
                    [NewRelation(str(uuid4()), str(uuid4()), RelationType.CAUSES) for _ in range(3)]
                )
            assert await records.history.changes_of(Entity.MEMORY, str(uuid4())) == []

    await asyncio.gather(work(first), work(second), work(first), work(second))
    assert (await first.status()).counts["relations"] == 240
    await first.close()
    await second.close()


async def test_a_number_of_rows_that_is_an_estimate_is_told_as_one(postgres_url: str) -> None:
    query(
        postgres_url,
        "INSERT INTO memory_relations (source_id, target_id, relation_type) "
        "SELECT gen_random_uuid(), gen_random_uuid(), 'related' FROM generate_series(1, 20001)",
    )
    database = CheckedDatabase(Database(postgres_url))
    status = await database.status()
    await database.close()
    assert status.counts["relations"] >= 20_000
    assert (status.counts["sessions"], status.estimated) == (0, frozenset({"relations"}))
    said = io.StringIO()
    _print_stores(Terminal({}, io.BytesIO(), said, io.StringIO()), [status], None)
    assert f"about {status.counts['relations']:,} relations, 0 sessions" in said.getvalue()


async def test_columns_of_one_name_and_of_none_come_in_their_order(postgres_url: str) -> None:
    database = Database(postgres_url)
    (row,) = await database.read("SELECT count(*), count(*) + 1, 'a' AS class, :one AS one", {"one": "100%"})
    assert tuple(row) == (1, 2, "a", "100%")
    assert (row.count, row.one) == (1, "100%")
    await database.close()
