"""The embedded PostgreSQL: started, shared, stopped, and what happens when somebody is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from services.adapters.postgres import early_connection, embedded
from services.adapters.postgres.database import Database
from services.adapters.postgres.database_url import CONNECT, parse_url
from services.adapters.postgres.embedded import EmbeddedPostgres
from services.adapters.postgres.schema import WARM_UP
from services.errors import StorageFull, StoreInUse, StoreMismatch, StoreTooNew, StoreUnavailable
from services.file_locks import held_lock
from services.waiting_notice import Waits
from tests.forking import forked
from tests.services.made_postgres import Made, MadePostgres
from tests.services.memory_world import quick_folder
from tests.services.servers import query

USER_OF_THE_STORE = """
import asyncio, sys, pathlib
from services.adapters.postgres.embedded import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]))
print(asyncio.run(server.start()), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(made_postgres: MadePostgres) -> Iterator[Path]:
    """Where a server keeps its data; erased at the end, which waits until the server is down.

    Not below pytest's own folder, which each further pytest that starts shuts against the server's user.
    """
    with quick_folder() as name:
        made_postgres.put(Made.BARE, folder := Path(name) / "postgres")
        yield folder
        asyncio.run(EmbeddedPostgres(folder).erase())


def another_program(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        forked("-c", USER_OF_THE_STORE, str(folder)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def eventually(true: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def exists(path: str | Path) -> bool:
    return os.path.lexists(path)


def postmaster(folder: Path) -> int | None:
    try:
        return int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    except FileNotFoundError:
        return None


async def test_data_outlives_the_server_which_ends_with_its_last_user(folder: Path) -> None:
    first, second = EmbeddedPostgres(folder), EmbeddedPostgres(folder)
    url = await first.start()
    assert await second.start() == url
    query(url, "CREATE TABLE kept AS SELECT 1 AS n")
    assert query(url, "SHOW listen_addresses") == [("",)]
    assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700
    first.close()
    assert query(url, "SELECT n FROM kept") == [(1,)]
    second.close()
    assert eventually(lambda: postmaster(folder) is None)
    assert query(await first.start(), "SELECT n FROM kept") == [(1,)]
    first.close()


async def test_a_server_that_is_ready_is_joined_without_a_thread(folder: Path) -> None:
    first, second = EmbeddedPostgres(folder), EmbeddedPostgres(folder)
    url = await first.start()
    threads = ThreadPoolExecutor()
    threads.shutdown()
    asyncio.get_running_loop().set_default_executor(threads)
    assert await second.start() == url
    first.close()
    assert query(url, "SELECT 1") == [(1,)]
    second.close()
    assert eventually(lambda: postmaster(folder) is None)


async def test_programs_that_start_at_once_share_one_server(folder: Path) -> None:
    programs = [another_program(folder) for _ in range(3)]
    urls = {program.stdout.readline() for program in programs if program.stdout}
    assert len(urls) == 1
    assert query(urls.pop().strip(), "SELECT 1") == [(1,)]
    for program in programs:
        program.communicate("")
    assert eventually(lambda: postmaster(folder) is None)


async def test_who_waits_for_data_that_are_moved_says_so_however_long_it_takes(folder: Path) -> None:
    told = list[str]()
    server = EmbeddedPostgres(folder, waits=Waits(told.append), patience=0.05)
    with held_lock(folder / "start.lock"):
        with pytest.raises(StoreInUse):
            await server.start()
        (folder / "move.note").write_text("data are moved …")
        starting = asyncio.create_task(server.start())
        while not told and not starting.done():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert not starting.done(), "its patience is long over"
    assert query(await starting, "SELECT 1") == [(1,)]
    assert told == ["data are moved …", ""]
    assert not exists(folder / "move.note")
    server.close()


async def test_the_server_stays_for_a_while_after_its_last_user(folder: Path) -> None:
    first, second = EmbeddedPostgres(folder, linger=2.0), EmbeddedPostgres(folder, linger=0.0)
    await first.start()
    process, begin = postmaster(folder), time.monotonic()
    first.close()
    await second.start()
    assert postmaster(folder) == process
    second.close()
    assert eventually(lambda: postmaster(folder) is None)
    assert time.monotonic() - begin > 2.0


async def test_stopping_waits_for_no_rest_but_is_refused_while_others_use_the_server(folder: Path) -> None:
    server = EmbeddedPostgres(folder, linger=600)
    assert not await server.stop()
    await server.start()
    with another_program(folder) as other:
        assert other.stdout is not None
        assert other.stdout.readline()
        with pytest.raises(StoreInUse):
            await server.stop()
        assert postmaster(folder) is not None
        other.kill()
    await server.start()
    assert await server.stop()
    assert postmaster(folder) is None


HOLDER = """
import sys
from pathlib import Path
from services.file_locks import take_lock
lock = take_lock(Path(sys.argv[1]), shared=True)
print("held", flush=True)
sys.stdin.readline()
"""


def holding(lock: Path, *command: str) -> subprocess.Popen[str]:
    """A process that uses the server, as its lock says, with these words at the end of its command line."""
    started = subprocess.Popen(
        [sys.executable, "-S", "-c", HOLDER, str(lock), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "held\n"
    return started


async def test_what_a_command_left_behind_is_waited_for_and_named_where_it_takes_long(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    await server.wait_for_left_behind(0)
    with holding(tmp_path / "users.lock", "backup", "--daily") as backup:
        with pytest.raises(StoreInUse, match=rf"the daily backup \(process {backup.pid}\); wait until it has ended"):
            await server.wait_for_left_behind(0)
        waiting = asyncio.create_task(server.wait_for_left_behind(60))
        await asyncio.sleep(0)
        backup.communicate("\n")
        await waiting
    with holding(tmp_path / "users.lock", "add", "my secret") as other:
        await server.wait_for_left_behind(60)
        with pytest.raises(StoreInUse, match=rf"another program \(process {other.pid}\); close it first"):
            await server.erase(0)
        other.communicate("\n")


async def test_a_server_that_others_start_again_at_once_is_stopped_by_force(folder: Path) -> None:
    other = EmbeddedPostgres(folder)
    await other.start()
    before = postmaster(folder)
    stopping = asyncio.create_task(EmbeddedPostgres(folder).stop(force=True))
    while not stopping.done():
        await other.start()
        await asyncio.sleep(0)
    assert await stopping
    await other.start()
    assert postmaster(folder) not in (None, before)
    other.close()


async def test_a_killed_program_leaves_no_server_behind(folder: Path) -> None:
    program = another_program(folder)
    assert program.stdout is not None
    program.stdout.readline()
    program.kill()
    program.communicate()
    assert eventually(lambda: postmaster(folder) is None)
    server = EmbeddedPostgres(folder)
    assert query(await server.start(), "SELECT 1") == [(1,)]
    server.close()


async def test_a_killed_server_is_started_again(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    query(await server.start(), "CREATE TABLE kept AS SELECT 1 AS n")
    pid = postmaster(folder)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not psutil.pid_exists(pid))
    assert query(await server.start(), "SELECT n FROM kept") == [(1,)]
    assert postmaster(folder) != pid
    server.close()


def checkpointer(server: int) -> psutil.Process:
    """Without which, suspended, a server neither recovers nor ends."""
    children: list[psutil.Process] = psutil.Process(server).children()
    return next(process for process in children if "checkpointer" in " ".join(process.cmdline()))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110  # another process sends no event
            await asyncio.sleep(0.01)


async def test_a_server_that_recovers_from_a_killed_process_of_its_own_is_waited_for(folder: Path) -> None:
    told = list[str]()
    waits = Waits(told.append, patience=0)
    used, fresh = (Database(None, EmbeddedPostgres(folder), waits=waits) for _ in range(2))
    await used.write("CREATE TABLE kept AS SELECT 1 AS n")
    (row,) = await used.read("SELECT pg_backend_pid() AS process")
    server = postmaster(folder)
    assert server is not None
    held = checkpointer(server)
    held.suspend()
    os.kill(row.process, signal.SIGKILL)
    await until(lambda: not psutil.pid_exists(row.process))
    asking = [
        asyncio.create_task(used.write("INSERT INTO kept VALUES (2)")),
        asyncio.create_task(fresh.read("SELECT count(*) FROM pg_database")),
    ]
    await until(lambda: bool(told) or any(task.done() for task in asking))
    held.resume()
    await asyncio.gather(*asking)
    assert told[0] == (
        "the embedded PostgreSQL is not ready (the database system is in recovery mode); waiting for it …"
    )
    assert told[-1] == ""
    assert [tuple(kept) for kept in await fresh.read("SELECT n FROM kept ORDER BY n")] == [(1,), (2,)]
    assert postmaster(folder) == server
    await used.close()
    await fresh.close()


async def test_a_server_that_somebody_ends_is_waited_for_and_started_again(folder: Path) -> None:
    database = Database(None, EmbeddedPostgres(folder))
    await database.read("SELECT 1")
    server = postmaster(folder)
    assert server is not None
    held = checkpointer(server)
    held.suspend()
    os.kill(server, signal.SIGINT)
    await until(lambda: "stopping" in (folder / "data" / "postmaster.pid").read_text())
    asking = asyncio.create_task(database.read("SELECT 1"))
    assert not (await asyncio.wait({asking}, timeout=0.1))[0]
    held.resume()
    assert [tuple(row) for row in await asking] == [(1,)]
    assert postmaster(folder) != server
    await database.close()


async def test_a_server_that_does_not_answer_is_told_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONNECT, "connect_timeout", 2)
    told = list[str]()
    starting = EmbeddedPostgres(folder)
    await starting.start()
    server = postmaster(folder)
    assert server is not None

    def tell(line: str) -> None:
        told.append(line)
        monkeypatch.undo()
        os.kill(server, signal.SIGCONT)

    database = Database(None, EmbeddedPostgres(folder), waits=Waits(tell))
    os.kill(server, signal.SIGSTOP)
    assert [tuple(row) for row in await database.read("SELECT 1")] == [(1,)]
    assert told == [
        "the embedded PostgreSQL does not answer; waiting for it, or end it by: memoria-tui stop --force",
        "",
    ]
    starting.close()
    await database.close()


async def test_a_server_whose_keeper_was_killed_gets_a_new_one(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    await server.start()
    pid = postmaster(folder)
    keeper = psutil.Process(pid).parent()
    keeper.kill()
    keeper.wait(60)
    assert query(await server.start(), "SELECT 1") == [(1,)]
    server.close()
    assert eventually(lambda: postmaster(folder) is None)


async def test_the_pid_file_of_a_dead_server_may_name_another_program_or_have_anything(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    await server.start()
    lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
    for left in ("\n".join([str(os.getpid()), *lines[1:]]) + "\n", "", "\0\xbf\n"):
        server.close()
        assert eventually(lambda: postmaster(folder) is None)
        (folder / "data" / "postmaster.pid").write_text(left, "latin-1")
        (folder / "prepared").write_text(left, "latin-1")
        (folder / "data").chmod(0o755)
        assert query(await server.start(), "SELECT 1") == [(1,)]
    server.close()


async def test_what_a_dead_server_left_does_not_keep_the_next_from_starting(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    place = socket_folder(await server.start())
    lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
    server.close()
    assert eventually(lambda: postmaster(folder) is None)
    never_reaped = zombie()
    assert eventually(lambda: psutil.Process(never_reaped.pid).status() == psutil.STATUS_ZOMBIE)
    left = "\n".join([str(never_reaped.pid), *lines[1:]]) + "\n"
    for file in (folder / "data" / "postmaster.pid", place / ".s.PGSQL.5432.lock", place / ".s.PGSQL.5432"):
        file.write_text(left)
    assert query(await server.start(), "SELECT 1") == [(1,)]
    server.close()
    never_reaped.wait()


def zombie() -> subprocess.Popen[bytes]:
    """A process that has ended and that nobody has reaped."""
    return subprocess.Popen(["true"])


def socket_folder(url: str) -> Path:
    return Path(str(parse_url(url).query["host"]))


async def test_any_folder_will_do_also_one_in_which_a_creation_was_killed(tmp_path: Path) -> None:
    odd = tmp_path / ("long" * 20) / "quote's, comma $HOME ünïcödé" / ("x" * 60)
    (odd / "data.new").mkdir(parents=True)
    (odd / "data.new" / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(odd)
    url = await server.start()
    assert query(url, "SELECT 1") == [(1,)]
    place = socket_folder(url)
    assert stat.S_IMODE(os.stat(place).st_mode) == 0o700
    await server.erase()
    assert not exists(place)


async def test_erasing_waits_for_nobody_else(folder: Path) -> None:
    server, other = EmbeddedPostgres(folder), EmbeddedPostgres(folder)
    await server.start()
    with pytest.raises(StoreInUse, match="another program"):
        await other.erase(seconds=0.1)
    server.close()
    await other.erase()
    assert not exists(folder)


@pytest.mark.parametrize(("version", "error"), [("15", StoreMismatch), ("19", StoreTooNew)])
async def test_data_of_another_major_version_is_left_alone(
    folder: Path, version: str, error: type[StoreMismatch]
) -> None:
    (folder / "data" / "PG_VERSION").write_text(f"{version}\n")
    with pytest.raises(error, match=f"made by PostgreSQL {version}.*nothing was changed.*restore {folder.parent}`"):
        await EmbeddedPostgres(folder, backups=folder.parent).start()
    assert (folder / "data" / "PG_VERSION").read_text() == f"{version}\n"


async def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    (folder / "data" / "postgresql.auto.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(StoreUnavailable, match="does not start") as caught:
        await server.start()
    assert "\n" not in str(caught.value)


def test_a_server_that_was_killed_while_it_started_is_not_told_as_damaged() -> None:
    """Its log ends in PostgreSQL's guess that data are corrupted, which they are not."""
    stamp = "2026-11-30 16:47:12.310 UTC [15219] "
    killed = [
        f"{stamp}LOG:  database system was interrupted while in recovery at 2026-11-30 16:47:12 UTC",
        f"{stamp}HINT:  This probably means that some data is corrupted and you will have to use the last backup.",
    ]
    assert embedded._reason("\n".join(killed)) == "it does not say why; try again"
    assert embedded._reason("\n".join([f"{stamp}FATAL:  could not open it", *killed])) == "could not open it"
    assert embedded._reason("\n".join([*killed, "postgres: not found"])) == "postgres: not found"


async def test_a_home_that_is_no_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        await EmbeddedPostgres(tmp_path / "file" / "postgres").start()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageFull, match="Permission denied"):
        asyncio.run(EmbeddedPostgres(tmp_path / "postgres").start())
    tmp_path.chmod(0o700)


def test_connection_is_refused_once_the_server_is_gone(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    url = asyncio.run(server.start())
    server.close()
    assert eventually(lambda: postmaster(folder) is None)
    with pytest.raises(psycopg.OperationalError):
        query(url, "SELECT 1")


async def test_a_connection_that_is_opened_ahead_neither_starts_a_server_nor_keeps_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early_connection, "_opened", None)
    waiting = Database(None, EmbeddedPostgres(folder))
    await waiting.open_ahead(WARM_UP)
    assert postmaster(folder) is None
    server = EmbeddedPostgres(folder)
    await server.start()
    await waiting.open_ahead(WARM_UP)
    ahead = early_connection._opened
    assert ahead is not None
    await server.stop()
    assert postmaster(folder) is None
    assert early_connection.has_something(ahead.connection)
    await ahead.connection.close()
