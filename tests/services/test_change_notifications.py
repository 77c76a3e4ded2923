"""The feed of the database: what another connection writes arrives, by LISTEN or without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
import pytest

from services.adapters.postgres.change_notifications import CHANNEL, DatabaseFeed, Rhythm
from services.adapters.postgres.database import Database
from services.adapters.postgres.embedded import EmbeddedPostgres
from services.adapters.postgres.schema import upgrade
from services.model import Subject
from services.records import Records
from tests.services.made_postgres import Made, MadePostgres
from tests.services.servers import pgbouncer, query

NEVER = 3600.0
ONLY_HEARING = Rhythm(look=NEVER, check=NEVER, retry=0.01)
ONLY_LOOKING = Rhythm(look=0.02, check=NEVER, retry=0.01)
WRITES = {
    Subject.RELATIONS: "INSERT INTO public.memory_relations (source_id, target_id, relation_type) "
    "VALUES (gen_random_uuid(), gen_random_uuid(), 'causes')",
    Subject.SESSIONS: "INSERT INTO public.work_sessions (description) VALUES ('by an agent')",
    Subject.NAMES: "INSERT INTO public.clients (name) VALUES (gen_random_uuid()::text)",
    Subject.SETTINGS: "INSERT INTO public.user_settings (key, value) VALUES (gen_random_uuid()::text, '1')",
    Subject.HISTORY: "INSERT INTO memoria_tui.audit_log (change_group, position, entity, entity_id, action, actor, "
    "program) VALUES ('g', 0, 'memory', gen_random_uuid(), 'created', 'anna', 'other')",
}


class Told:
    """What a feed told, and how to wait for it."""

    def __init__(self) -> None:
        self.subjects: list[frozenset[Subject]] = []
        self._news = asyncio.Event()

    def tell(self, subjects: frozenset[Subject]) -> None:
        self.subjects.append(subjects)
        self._news.set()

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not enough():
                self._news.clear()
                await self._news.wait()

    async def of(self, subject: Subject, write: Callable[[], object]) -> None:
        """Writes until exactly this is told: the feed may not yet listen at the first time."""
        async with asyncio.timeout(60):
            while frozenset({subject}) not in self.subjects:
                write()
                await asyncio.sleep(0.02)
        self.subjects.clear()


@asynccontextmanager
async def following(database: Database, rhythm: Rhythm) -> AsyncIterator[Told]:
    """A feed at work that has told once that it looks."""
    told = Told()
    watching = asyncio.create_task(DatabaseFeed(database, rhythm).watch(told.tell))
    try:
        await told.until(lambda: frozenset(WRITES) in told.subjects)
        yield told
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await database.close()


@pytest.mark.parametrize("rhythm", [ONLY_HEARING, ONLY_LOOKING], ids=["hearing", "looking"])
async def test_what_another_connection_writes_is_told_by_its_subject(postgres_url: str, rhythm: Rhythm) -> None:
    if rhythm is ONLY_LOOKING:
        query(postgres_url, "ALTER TABLE clients DISABLE TRIGGER memoria_tui_live")
    async with following(Database(postgres_url), rhythm) as told:
        for subject, sql in WRITES.items():
            await told.of(subject, lambda sql=sql: query(postgres_url, sql))  # type: ignore[misc]  # bound at once
        await told.of(Subject.SESSIONS, lambda: query(postgres_url, "UPDATE work_sessions SET branch = 'x'"))
        await told.of(Subject.RELATIONS, lambda: query(postgres_url, "TRUNCATE memory_relations"))


async def test_memories_are_told_once_their_points_are_written(postgres_url: str, records: Records) -> None:
    async with following(Database(postgres_url), ONLY_HEARING) as told:
        memory_id = str(uuid4())
        query(postgres_url, WRITES[Subject.HISTORY])
        ((change, *_),) = query(postgres_url, "SELECT max(id) FROM memoria_tui.audit_log")
        assert isinstance(change, int)
        async with records.transaction() as transaction:
            await transaction.outbox.put({memory_id: change})
        async with records.transaction() as transaction:
            assert await transaction.outbox.remove({memory_id: change + 1}) == set()
        query(postgres_url, WRITES[Subject.NAMES])
        await told.until(lambda: frozenset({Subject.NAMES}) in told.subjects)
        assert frozenset({Subject.MEMORIES}) not in told.subjects, "nothing was applied yet"
        async with records.transaction() as transaction:
            assert await transaction.outbox.remove({memory_id: change}) == {memory_id}
        await told.until(lambda: frozenset({Subject.MEMORIES}) in told.subjects)


async def test_many_rows_are_one_notification_and_a_rollback_is_none(postgres_url: str) -> None:
    many = """INSERT INTO memory_relations (source_id, target_id, relation_type)
              SELECT gen_random_uuid(), gen_random_uuid(), 'causes' FROM generate_series(1, 10000)"""
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as listener:
        await listener.execute(f"LISTEN {CHANNEL}")
        with psycopg.connect(postgres_url) as writer:
            writer.execute(WRITES[Subject.SESSIONS])
            writer.rollback()
            for _ in range(3):
                writer.execute(many)
        query(postgres_url, "SELECT pg_notify(%s, 'end')", CHANNEL)
        payloads = []
        async for notice in listener.notifies(timeout=60):
            if notice.payload == "end":
                break
            payloads.append(notice.payload)
    assert payloads == ['{"table" : "memory_relations", "operation" : "INSERT"}']


async def test_what_others_send_through_the_channel_is_passed_over(postgres_url: str) -> None:
    async with following(Database(postgres_url), ONLY_HEARING) as told:
        for payload in ("", "[]", "{", '{"table": 7}', '{"table": ["x"]}', '{"table": "unknown"}'):
            query(postgres_url, "SELECT pg_notify(%s, %s)", CHANNEL, payload)
        await told.of(Subject.NAMES, lambda: query(postgres_url, WRITES[Subject.NAMES]))


async def test_behind_pgbouncer_changes_arrive_all_the_same(postgres_url: str, tmp_path: Path) -> None:
    with pgbouncer(postgres_url, tmp_path) as url:
        async with following(Database(url), ONLY_LOOKING) as told:
            await told.of(Subject.SESSIONS, lambda: query(url, WRITES[Subject.SESSIONS]))
            await told.of(Subject.RELATIONS, lambda: query(postgres_url, WRITES[Subject.RELATIONS]))
            # On its only connection to the server, which any program may get next.
            assert query(url, "SELECT count(*) FROM pg_listening_channels()") == [(0,)]


async def test_a_database_without_triggers_is_looked_at_and_heard_once_it_has_them(empty_url: str) -> None:
    rhythm = Rhythm(look=0.02, check=NEVER)
    async with following(Database(empty_url), rhythm) as told:
        database = Database(empty_url)
        await upgrade(database)
        await database.close()
        await told.until(lambda: any(Subject.NAMES in subjects for subjects in told.subjects))
        told.subjects.clear()
        for subject, sql in WRITES.items():
            await told.of(subject, lambda sql=sql: query(empty_url, sql))  # type: ignore[misc]  # bound at once


async def test_a_lost_connection_is_made_again_and_everything_is_reported(postgres_url: str) -> None:
    async with following(Database(postgres_url), ONLY_HEARING) as told:
        told.subjects.clear()
        query(
            postgres_url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'memoria-tui'",
        )
        await told.until(lambda: frozenset(WRITES) in told.subjects)
        told.subjects.clear()
        await told.of(Subject.SESSIONS, lambda: query(postgres_url, WRITES[Subject.SESSIONS]))


async def test_a_server_that_was_killed_is_followed_again(tmp_path: Path, made_postgres: MadePostgres) -> None:
    made_postgres.put(Made.HOME, tmp_path / "postgres")
    embedded = EmbeddedPostgres(tmp_path / "postgres")
    database = Database(None, embedded)
    await database.read("SELECT 1")
    async with following(database, ONLY_HEARING) as told:
        told.subjects.clear()
        server = psutil.Process(int((tmp_path / "postgres/data/postmaster.pid").read_text().splitlines()[0]))
        processes = [*server.children(), server]
        server.kill()
        await asyncio.to_thread(psutil.wait_procs, processes, timeout=60)
        await told.until(lambda: frozenset(WRITES) in told.subjects)
        told.subjects.clear()
        url = await embedded.start()
        await told.of(Subject.SESSIONS, lambda: query(url, WRITES[Subject.SESSIONS]))
    await embedded.erase()


async def test_a_server_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    told = Told()
    nowhere = Database(f"postgresql://memoria@/x{uuid4().hex}?host={tmp_path}")
    watching = asyncio.create_task(DatabaseFeed(nowhere, ONLY_HEARING).watch(told.tell))
    done, _ = await asyncio.wait({watching}, timeout=0.2)
    assert (done, told.subjects) == (set(), [])
    watching.cancel()
