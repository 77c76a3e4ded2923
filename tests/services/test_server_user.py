"""Whom root lets run the embedded PostgreSQL: nothing is made for that outside the home, and nothing is opened."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from services.adapters.postgres import postgres_binaries
from services.adapters.postgres.embedded import EmbeddedPostgres
from services.adapters.postgres.server_user import UNUSED, Accounts, ServerUser, creating_user, give, server_user
from services.errors import StoreUnavailable
from tests.services.servers import query

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends another user")
FIRST_START = """
import asyncio, pathlib, sys
from services.adapters.postgres.embedded import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]))
print(asyncio.run(server.start()), flush=True)
sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def nobody_by_number(number: int) -> pwd.struct_passwd:
    raise KeyError(number)


def nobody_by_name(name: str) -> pwd.struct_passwd:
    raise KeyError(name)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A home below a folder that nobody else may enter."""
    tmp_path.chmod(0o700)
    home = tmp_path / "home" / "memoria"
    yield home
    assert mode(tmp_path) == 0o700
    assert mode(home) == mode(home.parent) == 0o700


@as_root
async def test_root_starts_a_server_in_a_closed_home_and_opens_no_folder(closed: Path) -> None:
    server = EmbeddedPostgres(closed / "postgres")
    url = await server.start()
    assert query(url, "SELECT 1") == [(1,)]
    data = closed / "postgres" / "data"
    assert (data.stat().st_uid, mode(data), mode(data.parent)) == (UNUSED, 0o700, 0o700)
    process = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
    assert process.uids().effective == UNUSED
    await server.erase()


@as_root
async def test_a_machine_without_other_accounts_is_told_in_one_line(closed: Path) -> None:
    accounts = Accounts(by_number=nobody_by_number, by_name=nobody_by_name, every=lambda: [pwd.getpwuid(0)])
    with pytest.raises(StoreUnavailable, match="run the program as an ordinary user") as caught:
        await EmbeddedPostgres(closed / "postgres", accounts).start()
    assert "\n" not in str(caught.value)


@as_root
def test_any_account_creates_the_data_where_there_is_no_nobody() -> None:
    entry = pwd.struct_passwd(("app", "x", 4711, 4712, "", "/", "/bin/sh"))
    accounts = Accounts(by_number=nobody_by_number, by_name=nobody_by_name, every=lambda: [pwd.getpwuid(0), entry])
    assert creating_user(ServerUser(UNUSED, UNUSED), accounts) == ServerUser(4711, 4712)


@as_root
def test_programs_that_start_at_once_for_the_first_time_share_one_server(closed: Path) -> None:
    command = [sys.executable, "-c", FIRST_START, str(closed / "postgres")]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert len({program.stdout.readline() for program in started if program.stdout}) == 1
    for program in started:
        program.communicate("")


@as_root
async def test_a_home_in_which_other_numbers_own_the_data_is_opened(closed: Path) -> None:
    server = EmbeddedPostgres(closed / "postgres")
    query(await server.start(), "CREATE TABLE kept AS SELECT 1 AS n")
    await stopped(server, closed)
    give(closed / "postgres" / "data", ServerUser(4711, 4711))
    os.chown(closed / "postgres", 4711, 4711)  # as earlier versions gave it away
    os.chown(closed / "postgres" / "data", 815, 815)
    assert query(await server.start(), "SELECT n FROM kept") == [(1,)]
    assert {path.lstat().st_uid for path in (closed / "postgres" / "data").rglob("*")} == {UNUSED}
    await server.erase()


async def stopped(server: EmbeddedPostgres, home: Path) -> None:
    pid = int((home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    process = psutil.Process(pid)
    server.close()
    process.wait(30)


@as_root
def test_nothing_outside_is_given_away(tmp_path: Path) -> None:
    outside, tree = tmp_path / "outside", tmp_path / "tree"
    tree.mkdir()
    outside.write_text("")
    (tree / "link").symlink_to(outside)
    (tree / "second name").hardlink_to(outside)
    give(tree, ServerUser(UNUSED, UNUSED))
    assert outside.stat().st_uid == 0
    assert tree.stat().st_uid == UNUSED


@as_root
def test_programs_that_the_servers_user_may_not_run_are_copied(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    installed, user = postgres_binaries.binaries(), ServerUser(UNUSED, UNUSED)
    package = installed.parents[1]
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.is_dir():
            shutil.copytree(folder, tmp_path / folder.name, symlinks=True)
    closed = tmp_path / installed.relative_to(package.parent)
    before = {path: mode(path) for path in tmp_path.rglob("*")}
    with tempfile.TemporaryDirectory(dir="/var/tmp") as open_folder:
        Path(open_folder).chmod(0o755)
        cache = Path(open_folder) / "cache"
        assert postgres_binaries.usable_by(None, closed, cache) == closed
        copied = postgres_binaries.usable_by(user, closed, cache)
        assert copied != closed
        assert (
            postgres_binaries.usable_by(user, closed, cache)
            == postgres_binaries.usable_by(user, copied, cache)
            == copied
        )
        assert [path for path in cache.rglob("*") if not path.is_symlink() and mode(path) & 0o022] == []
    assert {path: mode(path) for path in tmp_path.rglob("*")} == before


@as_root
def test_in_a_home_of_somebody_that_person_runs_it(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    (tmp_path / "postgres").mkdir()
    assert server_user(tmp_path / "postgres", Accounts()) == ServerUser(65534, 65534)


def test_an_ordinary_user_runs_it_himself(tmp_path: Path) -> None:
    assert server_user(tmp_path, Accounts(effective=lambda: 1000)) is None
