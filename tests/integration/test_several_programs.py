"""Several programs on one store at once lose nothing of each other's: each memory is as its newest change left it.

`MEMORIA_TEST_ACTS=2000 pytest tests/integration/test_several_programs.py` does as many acts in all as it says, also
through PgBouncer and on Debian's PostgreSQL; `MEMORIA_TEST_SECONDS=60` has twelve processes search and write for so
long, also on servers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.adapters.daemon.daemon_paths import DaemonPaths, peer_of
from services.adapters.postgres.database import Database
from services.adapters.postgres.schema import upgrade
from services.container import stop_stores
from services.memories.chunking import chunks
from services.memories.payload import State
from services.memories.stored_memories import owners, read_stored
from services.model import Change, Entity
from services.ports import VectorStore
from services.records import Records
from services.records.relation_states import relation_of
from services.settings import Settings, load_settings
from services.vector_stores import vector_store
from tests.forking import forked
from tests.integration.searching_and_writing import WRITERS
from tests.integration.several import PROGRAMS
from tests.qdrant_server import Qdrant, real_server, running_qdrant
from tests.services.made_postgres import Made, MadePostgres
from tests.services.memory_world import quick_folder, vector_of
from tests.services.servers import pgbouncer, postgres_15, records_of

States = Mapping[str, Mapping[str, Any] | None]
"""By id, what the history says; None of what is deleted."""
ACTS = int(os.environ.get("MEMORIA_TEST_ACTS", "30"))
"""Acts of all programs together."""
IS_LONG = "MEMORIA_TEST_ACTS" in os.environ
SECONDS = float(os.environ.get("MEMORIA_TEST_SECONDS", "0"))
SEARCHERS_AND_WRITERS = (
    *(f"write{number}" for number in range(WRITERS)),
    *(f"search{WRITERS + number}" for number in range(8 if SECONDS else 4)),
)
_PROCESSES = 12 if SECONDS else 2
IN_PROCESSES = [SEARCHERS_AND_WRITERS[number::_PROCESSES] for number in range(_PROCESSES)]
"""What the processes are: each program is one where there is time for that."""
_STARVED = max(60.0, SECONDS / 3)
"""Seconds for one act or search, on a machine with all these programs and servers to run, after which one starves."""


@pytest.fixture(params=["home", "embedded", *(["15", "pgbouncer"] if IS_LONG else [])])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The embedded PostgreSQL 18, Debian's 15, and the embedded one behind PgBouncer in transaction mode.

    "" for a home of which the programs share the embedded stores, vectors too.
    """
    if request.param == "home":
        yield ""
        return
    if request.param == "15":
        (folder := tmp_path / "15").mkdir()
        with postgres_15(folder) as url:
            asyncio.run(_set_up(url))
            yield url
        return
    url = request.getfixturevalue("postgres_url")
    if request.param == "embedded":
        yield url
        return
    with pgbouncer(url, tmp_path) as bounced:
        yield bounced


@contextlib.asynccontextmanager
async def shared_qdrant() -> AsyncIterator[Qdrant]:
    """A server, where much is asked in a process of its own: this one is busy."""
    if real_server() or not (IS_LONG or SECONDS):
        with running_qdrant() as server:
            yield server
        return
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.qdrant_server", stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert child.stdout is not None
    try:
        yield Qdrant((await child.stdout.readline()).decode().strip())
    finally:
        child.terminate()
        await child.communicate()


@contextlib.asynccontextmanager
async def shared_stores(database_url: str, home: Path) -> AsyncIterator[dict[str, str]]:
    """What tells the programs where their stores are; the daemon of a home is killed now and then."""
    if not database_url:
        killing = asyncio.create_task(_kill_daemon(DaemonPaths(home)))
        yield {"MEMORIA_LINGER": "5"}
        killing.cancel()
        await asyncio.wait({killing})
        return
    async with shared_qdrant() as qdrant:
        yield {"MEMORIA_DATABASE_URL": database_url, "MEMORIA_QDRANT_HOST": qdrant.url}


async def test_programs_at_once_lose_nothing(database_url: str, made_postgres: MadePostgres) -> None:
    with quick_folder() as name:
        if not database_url:
            made_postgres.put(Made.HOME, Path(name, "home", "postgres"))
        async with shared_stores(database_url, Path(name, "home")) as stores:
            home = {"MEMORIA_HOME": f"{name}/home", "MEMORIA_CHUNK_SIZE": "60", "MEMORIA_CHUNK_OVERLAP": "10"}
            environment = home | stores
            begin = time.perf_counter()
            told = await _said(["tests.integration.several", str(ACTS // PROGRAMS)], environment)
            done = sum((Counter(one) for one in told), Counter[str]())
            assert len(told) == PROGRAMS
            took = time.perf_counter() - begin
            settings = load_settings(environment)
            records, vectors = records_of(settings), vector_store(settings)
            try:
                wrong = await _wrong(records, vectors, settings)
            finally:
                await records.close()
                await vectors.close()
                await stop_stores(settings)
    print(f"{sum(done.values())} acts in {took:.0f} s: {dict(done)}; {len(wrong)} wrong")
    assert not wrong, wrong


@pytest.mark.parametrize("database_url", ["home", *(["embedded"] if SECONDS else [])], indirect=True)
async def test_programs_that_search_and_write_the_same_memories_neither_starve_nor_fail(
    database_url: str, made_postgres: MadePostgres
) -> None:
    with quick_folder() as name:
        if not database_url:
            made_postgres.put(Made.HOME, Path(name, "home", "postgres"))
        async with shared_qdrant() if database_url else contextlib.nullcontext() as qdrant:
            stores = {"MEMORIA_DATABASE_URL": database_url, "MEMORIA_QDRANT_HOST": qdrant.url} if qdrant else {}
            home = {"MEMORIA_HOME": f"{name}/home", "MEMORIA_CHUNK_SIZE": "60", "MEMORIA_CHUNK_OVERLAP": "10"}
            environment = home | stores
            module, processes = "tests.integration.searching_and_writing", map(",".join, IN_PROCESSES)
            told = await _said([module, str(SECONDS or 1), *processes], environment)
            programs = [one for process in told for one in process]
            settings = load_settings(environment)
            records, vectors = records_of(settings), vector_store(settings)
            try:
                wrong = await _wrong(records, vectors, settings)
            finally:
                await records.close()
                await vectors.close()
                await stop_stores(settings)
    for one in programs:
        print(f"{one['name']}: {sum(one['done'].values())}, longest {one['longest']} s; {one['done']}")
    assert not wrong, wrong
    assert len(programs) == len(SEARCHERS_AND_WRITERS)
    starved = [one for one in programs if one["longest"] > _STARVED or sum(one["done"].values()) < max(1, SECONDS / 6)]
    assert not starved


async def _kill_daemon(place: DaemonPaths) -> None:
    """Every few seconds once it answers, so that a call meets one kill at the most, and is repeated."""
    while True:
        while (connected := place.connect()) is None:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.1)
        with connected:
            await asyncio.sleep(3)
            os.kill(peer_of(connected)[0], signal.SIGKILL)


async def _said(command: Sequence[str], environment: dict[str, str]) -> list[Any]:
    """Runs a module to its end; what its processes said, a line each."""
    child = await asyncio.create_subprocess_exec(
        *forked("-m", *command),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, errors = await child.communicate()
    if child.returncode:
        said = f"{' '.join(command)} ended with {child.returncode}: {told.decode()}{errors.decode()}"
        pytest.fail(said, pytrace=False)
    sys.stderr.write(errors.decode())
    return [json.loads(line) for line in told.splitlines()]


async def _wrong(records: Records, vectors: VectorStore, settings: Settings) -> list[str]:
    """What is not as its newest change left it, one line each."""
    wrong = [f"{one.memory_id[:8]} waits: {one.last_error}" for one in await records.outbox.entries()]
    newest: dict[tuple[Entity, str], Change] = {}
    async for batch in records.history.all():
        newest |= {(change.entity, change.entity_id): change for change in batch}
    told = {
        entity: {id_: change.after for (kind, id_), change in newest.items() if kind is entity} for entity in Entity
    }
    wrong += await _wrong_memories(vectors, settings, told[Entity.MEMORY])
    wrong += await _wrong_relations(records, vectors, told[Entity.RELATION])
    rows = Database.of(settings)
    try:
        for entity, table in (("session", "work_sessions"), ("client", "clients"), ("project", "projects")):
            wrong += await _wrong_rows(rows, Entity(entity), table, told[Entity(entity)])
    finally:
        await rows.close()
    return wrong


async def _wrong_memories(vectors: VectorStore, settings: Settings, told: States) -> list[str]:
    wrong = []
    stored = await read_stored(vectors, told)
    for memory_id, state in told.items():
        after = State.from_json(state) if state else None
        states = stored.get(memory_id, [])
        if after is None and states:
            wrong.append(f"{memory_id[:8]} is stored, though deleted")
        elif after is not None and (len(states) != 1 or _told(states[0].state) != _told(after)):
            now = [_differing(one.state.payload, after.payload) for one in states]
            wrong.append(f"{memory_id[:8]} is not as its history says: {after.type}, stored as {now}")
        elif after is not None:
            texts = chunks(after.content, settings.chunk_size, settings.chunk_overlap)
            if states[0].texts != texts:
                wrong.append(f"{memory_id[:8]} has chunks of another text")
            vectors_ = [point.vector or () for point in states[0].points]
            if not all(
                len(vector) == 8 and all(abs(a - b) < 1e-4 for a, b in zip(vector, vector_of(text), strict=True))
                for vector, text in zip(vectors_, texts, strict=False)
            ):
                wrong.append(f"{memory_id[:8]} has vectors of another text")
    return wrong


def _told(state: State) -> State:
    """Without the mark that a link sets for agents, which no history tells of."""
    return replace(state, payload={key: value for key, value in state.payload.items() if key != "has_relations"})


async def _wrong_relations(records: Records, vectors: VectorStore, told: States) -> list[str]:
    there = {one.id: one async for batch in records.relations.all() for one in batch}
    ends = sorted({end for one in there.values() for end in (one.source_id, one.target_id)})
    existing = await owners(vectors, ends)
    wrong = [
        f"relation {one.id[:8]} lacks an end"
        for one in there.values()
        if not {one.source_id, one.target_id} <= existing.keys()
    ]
    for relation_id in there.keys() | told.keys():
        now, state = there.get(relation_id), told.get(relation_id)
        if (now and replace(now, created_at=None)) != (state and replace(relation_of(state), created_at=None)):
            wrong.append(f"relation {relation_id[:8]} is not as its history says")
    return wrong


async def _wrong_rows(rows: Database, entity: Entity, table: str, told: States) -> list[str]:
    """Sessions, clients and projects; of the last two the history keeps the row beside what moved."""
    found = await rows.read(f"SELECT id::text AS id, to_jsonb(t) AS row FROM public.{table} t", {})
    there = {row.id: row.row for row in found}
    states = {id_: state if entity is Entity.SESSION else state and state["row"] for id_, state in told.items()}
    return [
        f"{entity} {id_[:8]} is not as its history says: {_differing(there.get(id_), states.get(id_))}"
        for id_ in there.keys() | states.keys()
        if there.get(id_) != states.get(id_)
    ]


def _differing(now: Mapping[str, Any] | None, told: Mapping[str, Any] | None) -> str:
    if now is None or told is None:
        return "gone" if now is None else "there"
    return ", ".join(f"{key} {now[key]}, not {told.get(key)}" for key in now if now[key] != told.get(key))


async def _set_up(url: str) -> None:
    database = Database(url)
    await upgrade(database)
    await database.close()
