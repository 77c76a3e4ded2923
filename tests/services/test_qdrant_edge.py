"""The embedded vector store: durability, damage, and what its index understands."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import psutil
import pytest

from services.adapters.daemon.client import DaemonClient
from services.adapters.daemon.daemon_paths import DaemonPaths
from services.adapters.daemon.wire import DAEMON
from services.adapters.edge.edge_errors import translated
from services.adapters.edge.edge_folder import EdgeFolder
from services.adapters.edge.edge_store import EdgeVectorStore
from services.adapters.edge.folder_locks import take_draft, take_folder
from services.adapters.edge.folder_marker import FORMAT
from services.adapters.edge.shard_config import TIDY_EVERY
from services.adapters.edge.shards import EdgeShards
from services.errors import MemoriaError, StorageFull, StoreInUse, StoreMismatch, StoreTooNew, StoreUnavailable
from services.model import MemoryType
from services.points import Contains, DenseSearch, Filter, HasId, Point, Scroll, TextSearch
from services.ports import Draft
from tests.services.edge_here import edge_here
from tests.services.stores import DIMENSIONS, MODEL, daemon_store, ident, point

S = MemoryType.SEMANTIC
WRITER = """
import asyncio, os, signal, sys, uuid
from pathlib import Path
from services.adapters.daemon.client import DaemonClient
from services.adapters.edge.edge_store import EdgeVectorStore
from services.model import MemoryType
from services.points import Point

async def main(folder: Path, ending: str) -> None:
    store = EdgeVectorStore(DaemonClient(folder.parent, linger=0, program="test"))
    await store.ensure(4, "test-model")
    points = [Point(str(uuid.UUID(int=n)), {"content": "text"}, [1, 0, 0, n]) for n in range(1, 301)]
    await store.upsert(MemoryType.SEMANTIC, points)
    await store.set_payload(MemoryType.SEMANTIC, [points[6].id], {"project": "kept"})
    await store.delete_points(MemoryType.SEMANTIC, [points[-1].id])
    status = await store._connection.call("daemon", "status")
    for pid in [status.pid, os.getpid()] if ending == "all" else [os.getpid()]:
        os.kill(pid, signal.SIGKILL)

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "qdrant"


@pytest.fixture
async def store(folder: Path) -> AsyncIterator[EdgeVectorStore]:
    store = daemon_store(folder)
    await store.ensure(DIMENSIONS, MODEL)
    yield store
    await store.close()


@pytest.fixture
async def here(folder: Path) -> AsyncIterator[EdgeVectorStore]:
    """A store in this process, for what has nothing to do with the daemon."""
    folder.parent.mkdir()
    store = edge_here(folder)
    await store.ensure(DIMENSIONS, MODEL)
    yield store
    await store.close()


def writer(folder: Path, ending: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder), ending]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


async def daemon_of(folder: Path) -> psutil.Process:
    """The process that serves the store."""
    client = DaemonClient(folder.parent, linger=0)
    status = await client.call(DAEMON, "status")
    await client.close()
    return psutil.Process(status.pid)


async def refusal(folder: Path) -> MemoriaError:
    store = daemon_store(folder)
    with pytest.raises(MemoriaError) as caught:
        await store.count(S)
    with pytest.raises(type(caught.value), match=re.escape(str(caught.value))):
        await store.count(S)
    await store.close()
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("ending", ["all", "program"])
async def test_what_was_written_survives_a_kill(folder: Path, ending: str) -> None:
    with writer(folder, ending) as process:
        assert process.wait(30) == -signal.SIGKILL
    store = daemon_store(folder)
    assert await store.count(S) == 299
    (changed,) = await store.retrieve(S, [ident(7)], vectors=True)
    assert (changed.payload["project"], changed.has_vector) == ("kept", True)
    assert len((await store.search([DenseSearch(S, [1, 0, 0, 0], 300)]))[0]) == 299
    await store.close()


async def test_a_store_that_another_process_holds_by_itself_is_told_and_can_be_tried_again(folder: Path) -> None:
    lock = take_folder(folder)
    store = daemon_store(folder)
    with pytest.raises(StoreInUse, match=f"process {os.getpid()}"):
        await store.count(S)
    status = await store.status()
    assert not status.ok
    assert f"process {os.getpid()}" in status.problems[0]
    os.close(lock)
    assert (await store.status()).ok
    await store.close()


async def test_a_draft_waits_for_what_a_dead_program_still_writes(store: EdgeVectorStore, folder: Path) -> None:
    next_one = Draft("reembed", 2 * DIMENSIONS, "next")
    lock = take_draft(folder, S)
    opening = asyncio.create_task(store.open_draft(next_one))
    done, _ = await asyncio.wait({opening}, timeout=0.5)
    assert not done
    os.close(lock)
    await (await opening).upsert(S, [point(1, vector=[1.0] * 2 * DIMENSIONS)])
    assert await store.count(S) == 0


async def test_a_store_whose_process_was_killed_goes_on_with_a_new_one(store: EdgeVectorStore, folder: Path) -> None:
    await store.upsert(S, [point(1)])
    process = await daemon_of(folder)
    process.suspend()
    waiting = asyncio.create_task(store.count(S))
    await asyncio.sleep(0.05)
    process.kill()
    assert await waiting == 1
    assert (await daemon_of(folder)).pid != process.pid


async def test_cancelled_calls_leave_the_store_in_order(store: EdgeVectorStore, folder: Path) -> None:
    process = await daemon_of(folder)
    process.suspend()
    writing = asyncio.create_task(store.upsert(S, [point(number) for number in range(1, 600)]))
    reading = [asyncio.create_task(store.scroll(Scroll(S, 500))) for _ in range(5)]
    await asyncio.sleep(0.05)
    for task in (writing, *reading):
        task.cancel()
    process.resume()
    await asyncio.gather(writing, *reading, return_exceptions=True)
    await store.upsert(S, [point(1000, "zebra")])
    hits, everything = await asyncio.gather(store.search([TextSearch(S, "zebra", 5)]), store.scroll(Scroll(S, 2000)))
    assert [hit.id for hit in hits[0]] == [ident(1000)]
    assert {ident(1000)} <= {known.id for known in everything}


async def test_closing_frees_the_folder_and_everything_is_there_when_it_is_opened_again(folder: Path) -> None:
    for number in (1, 2, 3):
        store = daemon_store(folder)
        await store.ensure(DIMENSIONS, MODEL)
        await store.upsert(S, [point(number, vector=[1, 0, 0, 0])])
        assert await store.model() == MODEL
        assert await store.count(S) == number
        await store.close()
        await store.close()


async def test_a_store_that_still_holds_nothing_takes_another_model(store: EdgeVectorStore) -> None:
    await store.ensure(DIMENSIONS * 2, "larger")
    assert await store.model() == "larger"
    await store.upsert(S, [point(1, vector=[1.0] * DIMENSIONS * 2)])
    assert {found.dimensions for found in (await store.info()).values()} == {DIMENSIONS * 2}


@pytest.fixture
def half_made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "store.json").write_text(json.dumps({"format": 1, "dimensions": DIMENSIONS, "model": MODEL}))
    (folder / "semantic.new" / "segments").mkdir(parents=True)
    (folder / "episodic").mkdir()
    return folder


async def test_a_half_made_collection_is_made_again(half_made: Path) -> None:
    store = daemon_store(half_made)
    await store.ensure(DIMENSIONS, MODEL)
    assert set(await store.info()) == set(MemoryType)
    await store.close()


async def test_a_store_of_a_newer_version_is_left_alone(store: EdgeVectorStore, folder: Path) -> None:
    await store.close()
    (folder / "store.json").write_text(json.dumps({"format": FORMAT + 1, "dimensions": DIMENSIONS, "model": MODEL}))
    error = await refusal(folder)
    assert isinstance(error, StoreTooNew)
    assert "update memoria-tui" in str(error)


@pytest.mark.parametrize("damage", ["store.json", "semantic/edge_config.json"])
async def test_a_damaged_store_is_one_clear_line(store: EdgeVectorStore, folder: Path, damage: str) -> None:
    await store.close()
    (folder / damage).write_bytes(b"\0{broken")
    error = await refusal(folder)
    assert isinstance(error, StoreMismatch)
    assert str(folder) in str(error)
    assert "backup" in str(error)


async def test_a_disk_that_takes_no_more_is_told_as_such(folder: Path) -> None:
    store = daemon_store(folder)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(StorageFull, match="free some space"):
            await store.ensure(DIMENSIONS, MODEL)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    await store.close()
    DaemonPaths(folder.parent).wait_for_end()
    store = daemon_store(folder)
    await store.ensure(DIMENSIONS, MODEL)
    assert await store.count(S) == 0
    await store.close()


@pytest.fixture
def locked_home(tmp_path: Path) -> Path:
    tmp_path.chmod(0o500)
    return tmp_path


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_may_not_be_written_is_told_as_such(locked_home: Path) -> None:
    assert isinstance(await refusal(locked_home / "vectors"), StorageFull)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Service runtime error: No space left on device (os error 28)\nbacktrace", StorageFull),
        ("Read-only file system (os error 30)", StorageFull),
        ('Can\'t init WAL: Os { code: 28, kind: StorageFull, message: "No space left" }', StorageFull),
        ("Can't init WAL: WouldBlock", StoreInUse),
        ("something else", StoreUnavailable),
        ("", StoreUnavailable),
    ],
)
def test_edge_failures_become_one_line_of_the_right_kind(text: str, kind: type[MemoriaError]) -> None:
    error = translated(Exception(text), Path("place"))
    assert type(error) is kind
    assert "\n" not in str(error)


async def test_a_folder_named_services_where_the_person_stands_is_not_taken_for_ours(
    tmp_path: Path, folder: Path
) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "__init__.py").write_text("raise SystemExit('not ours')")
    store = daemon_store(folder)
    with contextlib.chdir(tmp_path):
        assert await store.info() == {}
    await store.close()


async def test_text_is_found_by_stem_without_accents_and_phrases_by_their_words(here: EdgeVectorStore) -> None:
    await here.upsert(
        S,
        [
            point(1, "Deployments were expiring in the café"),
            point(2, "nothing of that kind, R2D2 and snake_case_name"),
        ],
    )
    questions = ["the deployment expires", "cafe", "snake", "the of and"]
    answers = await here.search([TextSearch(S, question, 5) for question in questions])
    assert [[hit.id for hit in hits] for hits in answers] == [[ident(1)], [ident(1)], [ident(2)], []]
    assert await here.count(S, Filter(must=(Contains("content", "Snake CASE", phrase=True),))) == 1
    assert await here.count(S, Filter(must=(Contains("content", "case snake", phrase=True),))) == 0


OFTEN = TIDY_EVERY // 5


class TidiedOften(EdgeShards):
    """Shards that are tidied after fewer points."""

    def __init__(
        self,
        folder: Path,
        made: tuple[int, str] | None,
        remember: Callable[[tuple[int, str]], None],
        tidy_every: int = OFTEN,
        collections: Sequence[MemoryType] = tuple(MemoryType),
    ) -> None:
        super().__init__(folder, made, remember, tidy_every, collections)
        TidiedOften.newest = self

    newest: TidiedOften

    def finished(self) -> int:
        """Points whose place is no longer looked for."""
        return self._shards[S].info().indexed_vectors_count


class TidiedSets(EdgeFolder):
    shards_of = TidiedOften


async def test_a_long_run_of_writes_is_tidied_and_stays_the_same(tmp_path: Path) -> None:
    store = edge_here(tmp_path / "qdrant", TidiedSets)
    await store.ensure(DIMENSIONS, MODEL)
    many = [point(n, f"entry {n}", [1.0, n % 7, 0, 0], importance=n / 20_000) for n in range(1, OFTEN + 600)]
    await store.upsert(S, many)
    await store.upsert(S, [Point(ident(5), {"content": "changed afterwards"})])
    await store.delete_points(S, [ident(6)])
    assert (await store.info())[S].points == len(many) - 1
    assert TidiedOften.newest.finished() >= OFTEN - 250
    hits, nearest = await store.search([TextSearch(S, "afterwards", 5), DenseSearch(S, [1, 0, 0, 0], 3)])
    assert [hit.id for hit in hits] == [ident(5)]
    assert nearest[0].score == pytest.approx(1.0, abs=1e-4)
    top = await store.scroll(Scroll(S, 2, order_by="importance"))
    assert [found.id for found in top] == [many[-1].id, many[-2].id]
    await store.close()


async def test_facets_under_very_many_ids_count_like_others(here: EdgeVectorStore) -> None:
    ids = [ident(number) for number in range(1200)]
    points = [Point(one, {"tags": ["even" if place % 2 else "odd", "all"]}) for place, one in enumerate(ids)]
    await here.upsert(MemoryType.SEMANTIC, points)
    these = HasId(frozenset(ids[:900]))
    inside = await here.facet(MemoryType.SEMANTIC, "tags", Filter((Filter((these,)),)))
    assert next(iter(inside.items())) == ("all", 900)
    assert inside == {"all": 900, "even": 450, "odd": 450}
    outside = await here.facet(MemoryType.SEMANTIC, "tags", Filter((Filter(must_not=(these,)),)))
    assert outside == {"all": 300, "even": 150, "odd": 150}
    assert await here.facet(MemoryType.SEMANTIC, "tags", limit=1_000_000) == {"all": 1200, "even": 600, "odd": 600}
