"""Ways to a server: passwords, TLS, addresses; a server that goes away, comes back, or is slow; PgBouncer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from services.adapters.edge.edge_store import EdgeVectorStore
from services.adapters.postgres.database import Database
from services.adapters.postgres.schema import upgrade
from services.errors import AuthenticationFailed, MemoriaError, StoreUnavailable
from services.model import MemoryChanges, MemoryDraft, MemoryType, Query, RelationType, SessionDraft
from services.points import Point
from services.settings import Settings
from tests.services.edge_here import Here, services_here
from tests.services.guarded import GuardedServer, guarded_server
from tests.services.servers import pgbouncer, query

SECRET = "p@s:s/w?o#r[d]%&+ ü'\""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedServer]:
    """One server for all tests here; a test that stops it starts it again."""
    with guarded_server(tmp_path_factory.mktemp("pg")) as running:
        query(running.url(), "CREATE ROLE guarded LOGIN PASSWORD " + psycopg.sql.quote(SECRET))
        query(running.url(), "CREATE DATABASE sealed")
        yield running


async def answer(url: str, sql: str = "SELECT current_user::text") -> object:
    """The first value, through our own way to the database."""
    database = Database(url)
    try:
        return (await database.read(sql))[0][0]
    finally:
        await database.close()


async def refusal(url: str) -> MemoriaError:
    with pytest.raises(MemoriaError) as caught:
        await answer(url)
    told = str(caught.value)
    assert "\n" not in told
    assert SECRET not in told
    return caught.value


async def test_any_password_opens_encoded_or_as_it_is_over_both_kinds_of_address(server: GuardedServer) -> None:
    assert await answer(server.url(user="guarded", password=SECRET)) == "guarded"
    assert await answer(f"postgresql://guarded:{SECRET}@127.0.0.1:{server.port}/postgres") == "guarded"
    assert await answer(server.url(user="guarded", password=SECRET, host="[::1]")) == "guarded"
    assert await answer(f"postgresql://memoria@/postgres?host={server.folder}&port={server.port}") == "memoria"
    several = f"127.0.0.1:1,127.0.0.1:{server.port}/postgres?target_session_attrs=read-write"
    assert await answer(f"postgresql://guarded:{SECRET}@{several}") == "guarded"
    assert Database(f"postgresql://guarded:{SECRET}@{several}").label == several.partition("?")[0]
    assert isinstance(await refusal(server.url(user="guarded", password="wrong")), AuthenticationFailed)
    assert isinstance(await refusal(server.url(user="guarded")), AuthenticationFailed)


async def test_tls_is_used_as_sslmode_says_and_a_wrong_certificate_is_refused(server: GuardedServer) -> None:
    sealed = server.url("sealed", user="guarded", password=SECRET)
    encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    assert await answer(f"{sealed}?sslmode=require", encrypted) is True
    named = server.url("sealed", user="guarded", password=SECRET, host="localhost")
    full = f"sslmode=verify-full&sslrootcert={server.authority}"
    assert await answer(f"{named}?{full}", encrypted) is True
    assert "does not match host name" in str(await refusal(f"{sealed}?{full}"))
    stranger = await refusal(f"{named}?sslmode=verify-full&sslrootcert={server.stranger}")
    assert "certificate verify failed" in str(stranger)
    assert "does not exist" in str(await refusal(f"{named}?sslmode=verify-full&sslrootcert=/nowhere.crt"))
    unsealed = await refusal(f"{sealed}?sslmode=disable")
    assert isinstance(unsealed, AuthenticationFailed)
    assert "pg_hba.conf" in str(unsealed)


class Cut(EdgeVectorStore):
    """Calls a function before the next write of points, once."""

    cut: Callable[[], None] | None = None

    async def upsert(self, collection: MemoryType, points: Sequence[Point]) -> None:
        if self.cut is not None:
            cut, self.cut = self.cut, None
            await asyncio.to_thread(cut)
        await super().upsert(collection, points)


async def test_a_server_that_went_away_costs_no_more_than_the_moment(server: GuardedServer, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=server.create("moving"), zone="UTC")
    vectors = Cut(Here(settings.vectors_dir))
    async with services_here(settings, vectors=vectors) as services:
        memory = await services.memories.create(MemoryDraft("as it was"))
        vectors.cut = server.stop
        saved = await services.memories.update(memory, MemoryChanges(content="as it will be"))
        assert saved.content == "as it will be", "what is committed is saved"
        qdrant, postgres, _ = await services.health.status()
        assert (qdrant.ok, postgres.ok) == (True, False)
        with pytest.raises(StoreUnavailable):
            await services.work.status()
        assert (await services.memories.get(memory.id)).content == "as it will be"
        server.start()
        assert (await services.health.status())[1].ok
        assert await services.memories.pending_count() == 1
        assert await services.memories.recover(due_only=True) == 1
        assert await services.memories.pending_count() == 0
        assert [change.summary for change in await services.memories.history(memory.id)][1:] == ["created"]
        again = await services.memories.update(memory, MemoryChanges(content="as it will be"))
        assert again.content == "as it will be"
        vectors.cut = server.restart
        assert (await services.memories.update(again, MemoryChanges(content="once more"))).content == "once more"
        assert await services.memories.pending_count() == 0


async def test_searches_that_typing_superseded_do_not_pile_up_on_a_slow_server(
    server: GuardedServer, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, database_url=server.create("slow"), zone="UTC")
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'memoria-tui'"
    )

    async def until(expected: int) -> None:
        async with asyncio.timeout(60):
            while query(server.url(), waiting) != [(expected,)]:  # noqa: ASYNC110  # the server sends no event
                await asyncio.sleep(0.01)

    async with services_here(settings) as services:
        await services.memories.create(MemoryDraft("a word"))
        with psycopg.connect(server.url("slow")) as other:
            other.execute("LOCK public.memory_relations IN ACCESS EXCLUSIVE MODE")
            for letters in range(1, 7):
                typed = asyncio.create_task(services.search.search(Query("a word"[:letters], text="a word"[:letters])))
                await until(1)
                typed.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await typed
            await until(0)
        assert (await services.search.search(Query("word", text="word"))).total == 1


async def test_all_that_writes_works_behind_pgbouncer_and_leaves_nothing_in_its_connection(
    server: GuardedServer, tmp_path: Path
) -> None:
    server.create("pooled")
    with pgbouncer(f"postgresql://memoria@/pooled?host={server.folder}&port={server.port}", tmp_path) as url:
        database = Database(url)
        await upgrade(database)
        async with services_here(Settings(home=tmp_path, database_url=url, zone="UTC")) as services:
            drafts = [MemoryDraft(f"memory {number}") for number in range(6)]
            made = await asyncio.gather(*map(services.memories.create, drafts))
            await asyncio.gather(
                *(services.graph.link(one.id, made[0].id, RelationType.SUPPORTS) for one in made[1:]),
                *(services.search.search(Query("memory", text="memory")) for _ in range(4)),
            )
            session = await services.work.start(SessionDraft("pooled work", client="Acme"))
            await services.work.pause()
            await services.work.resume()
            await services.work.stop(session.id)
            await services.reports.refresh_views()
            await services.memories.update(made[0], MemoryChanges(content="changed"))
            await services.memories.undo()
            assert (await services.memories.get(made[0].id)).content == "memory 0"
            assert len((await services.graph.neighborhood(made[0].id, 2)).nodes) == 6
            held = await database.read("SELECT pg_backend_pid(), (SELECT count(*) FROM pg_prepared_statements)")
            again = await database.read("SELECT pg_backend_pid(), current_setting('transaction_read_only')")
            connection = held[0].pg_backend_pid
            assert [tuple(row) for row in held] == [(connection, 0)]
            assert [tuple(row) for row in again] == [(connection, "off")]
        await database.close()
