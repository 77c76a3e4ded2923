"""The store daemon: one for all programs of a home, whoever starts, kills, floods or leaves it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from services import __version__
from services.adapters.bundled_embedder import BundledEmbedder
from services.adapters.daemon.answer_timeout import AnswerTimeout
from services.adapters.daemon.client import DaemonClient
from services.adapters.daemon.daemon_paths import DaemonPaths
from services.adapters.daemon.open_stores import OpenStores, Panic
from services.adapters.daemon.server import DaemonServer
from services.adapters.daemon.starting import not_started
from services.adapters.daemon.wire import (
    DAEMON,
    IN_USE,
    LENGTH,
    LONGEST,
    METHODS,
    NOTHING,
    PROTOCOL,
    SETS,
    Hello,
    Reply,
    Request,
    frame,
    read_reply,
    read_welcome,
)
from services.adapters.edge.copy_before_upgrade import keep_for_other_wheel
from services.adapters.edge.edge_store import EdgeVectorStore
from services.container import stop_stores
from services.errors import MAKE_ROOM, StorageFull, StoreInUse, StoreMismatch, StoreTooNew, StoreUnavailable
from services.file_locks import held_lock
from services.files import copy_sparsely
from services.model import MemoryType
from services.points import EVERYTHING, Scroll
from services.ports import Draft
from services.settings import Settings
from services.waiting_notice import Waits
from tests.forking import forked
from tests.services.memory_world import quick_folder
from tests.services.stores import DIMENSIONS, MODEL, ident, point

S = MemoryType.SEMANTIC
_WAIT = 60.0
_KILLS = 5


@pytest.fixture
def home() -> Iterator[Path]:
    with quick_folder() as name:
        home = Path(name) / "home"
        yield home
        place = DaemonPaths(home)
        place.kill()
        place.wait_for_end()


@pytest.fixture
async def store(home: Path) -> AsyncIterator[EdgeVectorStore]:
    store = EdgeVectorStore(DaemonClient(home, program="first"))
    await store.ensure(DIMENSIONS, MODEL)
    yield store
    await store.close()


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Path]:
    """One for tests that leave it as it was: without points."""
    with quick_folder() as name:
        home = Path(name) / "home"
        yield home
        place = DaemonPaths(home)
        place.kill()
        place.wait_for_end()


@pytest.fixture
async def shared(shared_home: Path) -> AsyncIterator[EdgeVectorStore]:
    """Its store; its daemon stays between the tests."""
    store = EdgeVectorStore(DaemonClient(shared_home, program="first", linger=_WAIT))
    await store.ensure(DIMENSIONS, MODEL)
    assert await store.count(S) == 0, "as the test before should have left it"
    yield store
    await store.close()


def another(home: Path, program: str = "second", linger: float = 0.0) -> EdgeVectorStore:
    return EdgeVectorStore(DaemonClient(home, program=program, linger=linger))


async def pid_of(home: Path) -> int:
    client = DaemonClient(home)
    status = await client.call(DAEMON, "status")
    await client.close()
    return int(status.pid)


async def eventually_ended(home: Path) -> None:
    await asyncio.to_thread(DaemonPaths(home).wait_for_end, _WAIT)


class Raw:
    """A program that says what it likes."""

    def __init__(self, home: Path, hello: Hello | None = None) -> None:
        connected = DaemonPaths(home).connect()
        assert connected is not None
        connected.settimeout(_WAIT)
        self.socket = connected
        if hello is not None:
            self.send(frame(hello))

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, method: str, *arguments: object, target: str = IN_USE, number: int = 1) -> None:
        self.send(frame(Request(number, target, method, METHODS[method].write_arguments(arguments))))

    def message(self) -> bytes | None:
        """The next one, None when the other end has closed."""
        header = self._exactly(LENGTH.size)
        return self._exactly(LENGTH.unpack(header)[0]) if header else None

    def reply(self) -> Reply:
        message = self.message()
        assert message is not None
        return read_reply(message)

    def is_closed(self) -> bool:
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            pass
        return True

    def _exactly(self, size: int) -> bytes | None:
        data = b""
        while len(data) < size:
            try:
                part = self.socket.recv(size - len(data))
            except ConnectionError:
                return None
            if not part:
                return None
            data += part
        return data


HELLO = Hello(PROTOCOL, __version__, "raw", 0.0)


def raw(home: Path) -> Raw:
    """One that was welcomed."""
    made = Raw(home, HELLO)
    message = made.message()
    assert message is not None
    assert read_welcome(message).release == __version__
    return made


# starting and ending


async def test_programs_that_start_at_once_share_one_daemon(home: Path) -> None:
    clients = [DaemonClient(home, program=str(number)) for number in range(8)]
    found = await asyncio.gather(*(client.call(DAEMON, "status") for client in clients))
    assert len({status.pid for status in found}) == 1
    for client in clients:
        await client.close()
    await eventually_ended(home)


async def test_it_is_detached_and_closed_to_others(shared_home: Path, shared: EdgeVectorStore) -> None:
    process = psutil.Process(await pid_of(shared_home))
    assert process.terminal() is None
    assert process.cwd() == "/"
    assert os.getsid(process.pid) != os.getsid(0)
    place = DaemonPaths(shared_home)
    assert place.folder.stat().st_mode & 0o777 == 0o700
    open_files = {os.readlink(f"/proc/{process.pid}/fd/{number}") for number in (0, 1, 2)}
    assert open_files == {"/dev/null", str(place.log)}


async def test_it_ends_some_time_after_its_last_program_as_the_most_patient_one_wants(home: Path) -> None:
    patient, hasty = another(home, linger=0.5), another(home, linger=0.0)
    await patient.info()
    begin = time.monotonic()
    await patient.close()
    await hasty.info()
    await hasty.close()
    await eventually_ended(home)
    assert time.monotonic() - begin >= 0.5
    assert not (home / "daemon" / "socket").exists()


async def test_a_person_is_told_of_a_daemon_that_is_suspended(shared_home: Path, shared: EdgeVectorStore) -> None:
    for end in (signal.SIGCONT, signal.SIGKILL):
        told: list[str] = []
        waits = Waits(told.append, 0.05)
        stores = [EdgeVectorStore(DaemonClient(shared_home, waits=waits)) for _ in range(2)]
        await stores[0].info()
        pid = await pid_of(shared_home)
        os.kill(pid, signal.SIGSTOP)
        # of one that was welcomed, and of one that is not
        asked = [asyncio.create_task(store.count(S)) for store in stores]
        async with asyncio.timeout(_WAIT):
            while not told:  # noqa: ASYNC110 - that is what is tried
                await asyncio.sleep(0.02)
        assert f"(process {pid}) does not answer" in told[0]
        os.kill(pid, end)
        assert await asyncio.gather(*asked) == [0, 0], end
        assert told[1] == told[-1] == "", "also where that which comes after it takes long"
        for one in stores:
            await one.close()


class SilentFor(AnswerTimeout):
    """Of a daemon whose seconds of work the test says."""

    work: Iterator[float]

    def _work(self) -> float:
        return next(self.work)


@pytest.mark.parametrize("computes", [True, False])
async def test_a_daemon_that_computes_is_let_alone_and_one_that_rests_is_not(computes: bool, tmp_path: Path) -> None:
    told: list[str] = []
    silence = SilentFor(tmp_path, os.getpid(), Waits(told.append, 0.01))
    silence.work = itertools.count() if computes else itertools.repeat(1.0)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.5 if computes else 60):
            await silence.watch(lambda: not told, lambda: None)
    assert bool(told) != computes


async def test_that_a_daemon_computes_is_seen(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:  # noqa: ASYNC220 - it is ended at once
        silence = AnswerTimeout(tmp_path, other.pid, Waits(lambda _: None))
        before = silence._work()
        async with asyncio.timeout(60):
            while silence._work() == before:  # noqa: ASYNC110 - that is what is tried
                await asyncio.sleep(0.01)
        other.kill()


async def test_one_whose_home_was_removed_leaves_alone_what_is_in_its_place(home: Path, tmp_path: Path) -> None:
    first = another(home)
    await first.ensure(DIMENSIONS, MODEL)
    await first.close()
    await eventually_ended(home)
    shutil.copytree(home, kept := tmp_path / "kept", copy_function=copy_sparsely)
    former = another(home, linger=60)
    await former.upsert(S, [point(1)])
    pid = await pid_of(home)
    shutil.rmtree(home)
    shutil.copytree(kept, home, copy_function=copy_sparsely)
    newer = another(home, linger=60)
    await newer.upsert(S, [point(2)])
    assert await pid_of(home) != pid
    assert [found.id for found in await former.scroll(Scroll(S, 9))] == [ident(2)], "it is a client of the newer one"
    await asyncio.to_thread(psutil.Process(pid).wait, _WAIT)
    await asyncio.to_thread(DaemonPaths(home).kill)
    assert [found.id for found in await newer.scroll(Scroll(S, 9))] == [ident(2)]
    await former.close()
    await newer.close()


def test_one_whose_home_was_removed_leaves_no_socket_elsewhere(tmp_path: Path) -> None:
    place = DaemonPaths(tmp_path / ("long" * 30))
    place.make()
    with held_lock(place.lock) as lock:
        place.own(lock)
        with place.listen():
            assert not (elsewhere := place.address.parent).is_relative_to(place.home)
            shutil.rmtree(place.home)
        place.leave()
    assert not elsewhere.exists()


async def test_before_another_wheel_opens_the_store_it_is_kept_as_the_former_left_it(home: Path) -> None:
    store = another(home)
    await store.ensure(DIMENSIONS, MODEL)
    await store.upsert(S, [point(1)])
    await store.close()
    await eventually_ended(home)
    assert not (home / "qdrant-0.8.0").exists()
    (home / "qdrant" / "edge.version").write_text("0.8.0")
    newer = another(home)
    await newer.upsert(S, [point(2)])
    await newer.close()
    await eventually_ended(home)
    shutil.rmtree(home / "qdrant")
    (home / "qdrant-0.8.0").rename(home / "qdrant")
    former = another(home)
    assert [found.id for found in await former.scroll(Scroll(S, 9))] == [ident(1)]
    await former.close()


@pytest.mark.parametrize("damaged", [b"\xff\xfe\0\0", b"", b"../../0.8.0"])
def test_a_version_that_cannot_be_read_counts_as_another_one(tmp_path: Path, damaged: bytes) -> None:
    (folder := tmp_path / "qdrant").mkdir()
    (folder / "edge.version").write_bytes(damaged)
    for _ in range(2):
        keep_for_other_wheel(folder, "0.9.0")
    assert (folder / "edge.version").read_text() == "0.9.0"
    assert (tmp_path / "qdrant-unknown" / "edge.version").read_bytes() == damaged


async def test_a_program_that_comes_in_time_finds_it_warm(home: Path) -> None:
    pids = set()
    for _ in range(3):
        client = DaemonClient(home, linger=20)
        pids.add((await client.call(DAEMON, "status")).pid)
        await client.close()
    assert len(pids) == 1


async def test_a_signal_ends_it_in_order_and_nobody_notices(shared_home: Path, shared: EdgeVectorStore) -> None:
    await shared.upsert(S, [point(1)])
    before = await pid_of(shared_home)
    os.kill(before, signal.SIGTERM)
    assert await shared.count(S) == 1
    assert await pid_of(shared_home) != before
    await shared.delete_points(S, [ident(1)])


async def test_stop_is_refused_while_others_use_it(home: Path, store: EdgeVectorStore) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from services.adapters.daemon.client import DaemonClient\n"
        "async def main():\n"
        "    client = DaemonClient(Path(sys.argv[1]), program='other')\n"
        "    await client.status(); print('there', flush=True); await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    before = await pid_of(home)
    with subprocess.Popen(forked("-c", code, str(home)), stdout=subprocess.PIPE) as other:  # noqa: ASYNC220
        assert other.stdout is not None
        assert other.stdout.readline()
        with pytest.raises(StoreInUse, match=r'"other" \(process \d+\)'):
            await DaemonClient(home).stop()
        assert await pid_of(home) == before
        await store.close()
        assert await DaemonClient(home).stop(force=True) == before
        other.kill()
    assert await DaemonClient(home).stop() is None


async def test_who_waits_for_the_end_of_a_daemon_does_not_wait_for_that_of_the_next_one(home: Path) -> None:
    place = DaemonPaths(home)
    place.make()
    with held_lock(place.lock):
        waiting = asyncio.create_task(asyncio.to_thread(place.wait_for_end))
        process = 4711
        while not waiting.done():
            place.lock.write_text(str(process := process + 1))
            await asyncio.sleep(0.01)
        await waiting


async def test_a_daemon_that_does_not_answer_can_be_killed(home: Path, store: EdgeVectorStore) -> None:
    pid = await pid_of(home)
    os.kill(pid, signal.SIGSTOP)
    await store.close()
    assert await asyncio.to_thread(DaemonPaths(home).kill, 0.5) == pid
    again = another(home)
    assert await again.count(S) == 0
    await again.close()


async def test_a_daemon_that_does_not_answer_is_killed_soon_and_that_is_told(
    home: Path, store: EdgeVectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.adapters.daemon.client._SECONDS_TO_OBEY", 0.2)
    os.kill(pid := await pid_of(home), signal.SIGSTOP)
    told: list[str] = []
    async with asyncio.timeout(8):
        assert await DaemonClient(home, waits=Waits(told.append)).stop(force=True) == pid
    assert told == [f"the store daemon of {home} does not answer; it is killed", ""]


async def test_who_stops_a_daemon_that_is_suspended_is_told_that_it_is_waited_for(
    home: Path, store: EdgeVectorStore
) -> None:
    os.kill(pid := await pid_of(home), signal.SIGSTOP)
    await store.close()
    told: list[str] = []
    stopping = asyncio.create_task(stop_stores(Settings(home), waits=Waits(told.append, 0.02)))
    async with asyncio.timeout(_WAIT):
        while not told:  # noqa: ASYNC110 - that is what is tried
            await asyncio.sleep(0.01)
    os.kill(pid, signal.SIGCONT)
    assert "does not answer; waiting for it" in told[0]
    await stopping


async def test_a_path_that_is_too_long_for_a_socket_will_do(home: Path) -> None:
    deep = home / ("long " * 12) / ("ünd " * 12)
    store = another(deep)
    await store.ensure(DIMENSIONS, MODEL)
    short = DaemonPaths(deep).address
    assert len(os.fsencode(short)) < 100
    os.kill(await pid_of(deep), signal.SIGKILL)
    assert await store.count(S) == 0
    assert not short.parent.exists()
    short = DaemonPaths(deep).address
    await store.close()
    await eventually_ended(deep)
    assert not short.parent.exists()
    client = DaemonClient(deep)
    status = await client.call(DAEMON, "status")
    short = DaemonPaths(deep).address  # while there is a client: without one the daemon ends, and takes it away
    os.kill(status.pid, signal.SIGKILL)
    await client.close()
    assert await DaemonClient(deep).stop() is None
    assert not short.parent.exists()


async def test_what_a_dead_daemon_left_does_not_keep_the_next_from_starting(home: Path) -> None:
    folder = home / "daemon"
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "socket"))
    for left in ("lock", "socket.path", "start.lock"):
        (folder / left).write_bytes(b"\0 anything")
    store = another(home)
    assert await store.info() == {}
    await store.close()


async def test_a_home_that_is_no_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be started"):
        await another(tmp_path / "file").info()
    with pytest.raises((StoreUnavailable, StorageFull)):
        await another(Path("/proc/nowhere")).info()


def test_a_disk_that_may_not_be_written_is_told_with_what_to_do(home: Path) -> None:
    for number, advised in ((errno.EROFS, True), (errno.ENOSPC, True), (errno.EIO, False)):
        told = str(not_started(DaemonPaths(home), OSError(number, os.strerror(number))))
        assert told.endswith(f"{os.strerror(number)}; {MAKE_ROOM}" if advised else os.strerror(number))


async def test_a_program_that_closes_while_the_daemon_starts_does_not_hold_it(home: Path) -> None:
    client = DaemonClient(home)
    starting = asyncio.create_task(client.call(DAEMON, "status"))
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(StoreUnavailable, match="has just been closed"):
        await starting
    await DaemonClient(home).stop()
    await eventually_ended(home)


# versions


async def test_an_older_daemon_hands_over_to_a_newer_program(home: Path, store: EdgeVectorStore) -> None:
    newer = Raw(home, Hello(PROTOCOL + 1, "99.0", "newer", 0.0))
    message = newer.message()
    assert message is not None
    assert read_welcome(message).release == __version__
    assert newer.is_closed()
    await eventually_ended(home)


async def test_a_newer_daemon_refuses_an_older_program_and_serves_on(
    shared_home: Path, shared: EdgeVectorStore
) -> None:
    before = await pid_of(shared_home)
    older = DaemonClient(shared_home, release="0.0.1")
    with pytest.raises(StoreTooNew, match="start the newer one"):
        await older.call(IN_USE, "info")
    assert await shared.count(S) == 0
    assert await pid_of(shared_home) == before


# many programs


async def test_programs_see_each_others_writes_at_once(shared_home: Path, shared: EdgeVectorStore) -> None:
    other = another(shared_home)
    await shared.upsert(S, [point(1)])
    assert await other.count(S) == 1
    await other.delete_points(S, [ident(1)])
    assert await shared.count(S) == 0
    await other.close()


async def test_long_work_of_one_program_lets_another_pass(home: Path, store: EdgeVectorStore) -> None:
    other, embedder = another(home), BundledEmbedder(DaemonClient(home))
    await embedder.embed_query("loads the weights")
    many = [point(number, vector=[1, 0, 0, 0]) for number in range(1, 2000)]
    work = asyncio.gather(
        *(store.upsert(S, many[start::4]) for start in range(4)), embedder.embed_documents(["some words " * 40] * 1500)
    )
    between = 0
    while not work.done():
        await asyncio.gather(other.count(S), embedder.embed_query(f"question {between}"))
        between += 1
    await work
    assert between >= 10
    for one in (other, embedder):
        await one.close()


async def test_who_does_not_read_the_answers_holds_up_nobody(shared_home: Path, shared: EdgeVectorStore) -> None:
    await shared.upsert(S, [point(number, "x" * 2000) for number in range(1, 1001)])
    deaf = raw(shared_home)
    deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for number in range(60):
        deaf.ask("scroll", Scroll(S, 1000), number=number)
    before = psutil.Process(await pid_of(shared_home)).memory_info().rss
    for _ in range(50):
        assert await shared.count(S) == 1000
    assert psutil.Process(await pid_of(shared_home)).memory_info().rss - before < 50 << 20
    deaf.socket.close()
    await shared.delete_points(S, [ident(number) for number in range(1, 1001)])


MALFORMED = {
    "another protocol": b"GET / HTTP/1.1\r\n\r\n",
    "too long": LENGTH.pack(LONGEST + 1) + b"x" * 100,
    "no msgpack": LENGTH.pack(3) + b"\xc1\xc1\xc1",
    "no such method": frame(Request(1, IN_USE, "__class__", NOTHING)),
    "too many arguments": frame(
        Request(1, IN_USE, "count", METHODS["facet"].write_arguments((S, "tags", EVERYTHING, 5)))
    ),
    "no such target": frame(Request(1, DAEMON, "count", NOTHING)),
    "a vector of text": frame(
        Request(1, IN_USE, "upsert", msgspec.Raw(msgspec.msgpack.encode([S, [["id", {}, "no bytes", None]]])))
    ),
}


async def test_what_is_no_request_ends_that_connection_alone(shared_home: Path, shared: EdgeVectorStore) -> None:
    for what, said in MALFORMED.items():
        for program in (Raw(shared_home), raw(shared_home)):
            program.send(said)
            assert await asyncio.to_thread(program.is_closed), what
        assert await shared.count(S) == 0, what


async def test_a_method_of_another_target_is_refused(shared_home: Path, shared: EdgeVectorStore) -> None:
    program = raw(shared_home)
    for target, method, arguments in ((SETS, "model", ()), (IN_USE, "drop_former", ()), (IN_USE, "embed", (["x"],))):
        program.ask(method, *arguments, target=target)
        assert program.reply().failure is not None


async def test_a_request_that_is_cancelled_or_whose_program_dies_is_dropped(
    shared_home: Path, shared: EdgeVectorStore
) -> None:
    pid, dying, other = await pid_of(shared_home), raw(shared_home), another(shared_home)
    await other.info()
    os.kill(pid, signal.SIGSTOP)
    for number in range(1, 9):
        dying.ask("upsert", S, [point(number)], number=number)
    dying.socket.close()
    writing = asyncio.create_task(other.upsert(S, [point(9)]))
    await asyncio.sleep(0.1)
    writing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writing
    os.kill(pid, signal.SIGCONT)
    left = {one.id for one in await shared.scroll(Scroll(S, 100, payload_keys=()))}
    assert left <= {ident(1), ident(2)}, "what had begun when its end was seen"
    await other.close()
    await shared.delete_points(S, sorted(left))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_a_program_of_another_user_is_refused(shared_home: Path, shared: EdgeVectorStore) -> None:
    place = DaemonPaths(shared_home)
    for folder in (place.folder, shared_home, shared_home.parent):
        folder.chmod(0o755)
    place.address.chmod(0o777)
    code = (
        "import os, socket, sys; os.setuid(65534)\n"
        "s = socket.socket(socket.AF_UNIX); s.settimeout(30); s.connect(sys.argv[1])\n"
        "try: s.sendall(b'x' * 100); sys.exit(0 if s.recv(1) == b'' else 1)\n"
        "except ConnectionError: sys.exit(0)"
    )
    command = [sys.executable, "-c", code, str(place.address)]
    said = await asyncio.to_thread(subprocess.run, command, capture_output=True)
    place.folder.chmod(0o700)
    assert said.returncode == 0, said.stderr
    assert "user 65534" in place.log.read_text()
    assert await shared.count(S) == 0


# kills


async def test_nothing_that_was_acknowledged_is_lost_by_kills_at_any_moment(home: Path) -> None:
    dice, written, killed = random.Random(7), 0, 0
    store = another(home, linger=5)
    await store.ensure(DIMENSIONS, MODEL)

    async def write() -> None:
        nonlocal written
        while killed < _KILLS or not written:
            with contextlib.suppress(StoreUnavailable):  # killed twice within one call
                await store.upsert(S, [point(written + 1, vector=[1, 0, 0, 0])])
                written += 1

    writing = asyncio.create_task(write())
    for _ in range(_KILLS):
        await asyncio.sleep(dice.random() * 0.25)
        with contextlib.suppress(StoreUnavailable):
            if (found := await asyncio.to_thread(DaemonPaths(home).connect)) is not None:
                found.close()
                os.kill(await pid_of(home), signal.SIGKILL)
        killed += 1
    await writing
    assert await store.count(S) >= written
    ids = [ident(number) for number in range(1, written + 1)]
    assert [one.id for one in await store.retrieve(S, ids)] == ids
    await store.close()


async def test_a_draft_is_filled_beside_the_set_in_use_and_survives_kills(home: Path, store: EdgeVectorStore) -> None:
    other = another(home)
    await store.upsert(S, [point(1, vector=[1, 0, 0, 0])])
    wanted = Draft("reembed", 2 * DIMENSIONS, "next")
    draft = await store.open_draft(wanted)
    await draft.upsert(S, [point(1, vector=[1.0] * 2 * DIMENSIONS)])
    os.kill(await pid_of(home), signal.SIGKILL)
    assert await store.draft() == wanted
    draft = await store.open_draft(wanted)
    assert await draft.count(S) == 1
    filling = psutil.Process(await pid_of(home)).children()
    assert len(filling) == len(MemoryType)
    for process in filling:
        process.kill()
    while True:
        with contextlib.suppress(StoreUnavailable):
            assert await draft.count(S) == 1, "one that was killed is started again"
            break
    assert await other.model() == MODEL
    await store.adopt_draft()
    assert await other.model() == "next"
    assert psutil.Process(await pid_of(home)).children() == []
    with pytest.raises(StoreMismatch):
        await draft.count(S)
    former = await other.open_former()
    assert former is not None
    assert await former.count(S) == 1
    assert await other.drop_former() == 1
    await other.close()


class _Panics(OpenStores):
    """Of which the first count makes Edge give up."""

    async def edge(self, target: str, method: str, arguments: Sequence[Any]) -> Any:
        if method == "count":
            raise Panic("Edge gave up")
        return await super().edge(target, method, arguments)


async def test_a_daemon_whose_edge_gave_up_says_so_and_ends(home: Path) -> None:
    place = DaemonPaths(home)
    place.make()
    server = DaemonServer(place, _Panics(home / "qdrant"))
    serving = asyncio.create_task(server.run(place.listen()))
    client = DaemonClient(home)
    waiting = asyncio.create_task(client.call(IN_USE, "info"))
    with pytest.raises(StoreUnavailable, match="Edge gave up"):
        await client.call(IN_USE, "count", S, EVERYTHING)
    await serving
    assert await waiting == {}, "answered before, or by the next daemon"
    assert await pid_of(home) != os.getpid()
    await client.close()


@pytest.mark.parametrize("comes", [True, False])
async def test_a_rest_does_not_end_when_that_for_the_first_program_does(home: Path, comes: bool) -> None:
    place = DaemonPaths(home)
    place.make()
    first = 1.5 if comes else 0.1
    serving = asyncio.create_task(DaemonServer(place, OpenStores(home / "qdrant"), first).run(place.listen()))
    if comes:
        client = DaemonClient(home, linger=first + 0.5)
        await client.call(DAEMON, "status")
        await client.close()
    begin = time.monotonic()
    await serving
    assert not comes or time.monotonic() - begin > first


def test_a_starter_that_is_killed_leaves_nobody_waiting(home: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from services.adapters.daemon.client import DaemonClient\n"
        "asyncio.run(DaemonClient(Path(sys.argv[1])).call('daemon', 'status'))"
    )
    for wait in (0.02, 0.1, 0.2):
        with subprocess.Popen(forked("-c", code, str(home))) as starter:
            time.sleep(wait)
            starter.kill()
    assert asyncio.run(pid_of(home)) > 0


def test_the_client_imports_neither_the_model_nor_edge() -> None:
    code = (
        "import sys; import services.adapters.daemon.client, services.adapters.edge.edge_store\n"
        "import services.adapters.bundled_embedder\n"
        "import asyncio; from services.adapters.postgres.database import Database\n"
        "asyncio.run(Database('postgresql://nobody@/nothing').rehearse())\n"
        "print([one for one in ('numpy', 'qdrant_edge', 'tokenizers', 'wordllama', 'psutil', 'sqlalchemy')"
        " if one in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found == "[]\n"
