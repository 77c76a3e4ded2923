"""Data of an older PostgreSQL are moved by the programs that made them, whole and compared, and stay beside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.adapters.postgres import roles
from services.adapters.postgres.database import Database
from services.adapters.postgres.embedded import EmbeddedPostgres
from services.adapters.postgres.postgres_binaries import ENVIRONMENT, MAJOR, binaries, usable_by
from services.adapters.postgres.schema import upgrade
from services.adapters.postgres.server_user import HERE, THIS_MACHINE, as_arguments, creating_user, give, server_user
from services.errors import StoreUnavailable
from services.waiting_notice import Waits
from tests.services.memory_world import quick_folder
from tests.services.servers import query

OLDER = 16
NAMES = [("acme",), ("globex",)]


@pytest.fixture(scope="module")
def filled() -> Iterator[Path]:
    """The data of an older version, in which there is something, to copy."""
    with quick_folder() as name:
        folder = Path(name) / "postgres"
        (folder / "data").mkdir(parents=True)
        _create(folder)
        asyncio.run(_fill(folder))
        yield folder / "data"


@pytest.fixture
def folder(filled: Path) -> Iterator[Path]:
    """A server's folder with those data."""
    with quick_folder() as name:
        folder = Path(name) / "postgres"
        folder.mkdir(mode=0o711)
        subprocess.run(["cp", "-a", filled, folder / "data"], check=True)
        yield folder
        asyncio.run(EmbeddedPostgres(folder).erase(30))


def _create(folder: Path) -> None:
    data, user = folder / "data", server_user(folder, THIS_MACHINE)
    maker = creating_user(user, THIS_MACHINE) if user else None
    if maker:
        give(data, maker)
    initdb = usable_by(maker, binaries(OLDER)) / "initdb"
    subprocess.run(
        [initdb, "-A", "trust", "-E", "UTF8", "--locale=C", "-U", roles.OWNER, "-D", HERE if maker else data],
        cwd=data,
        env=ENVIRONMENT,
        umask=0o077,
        check=True,
        capture_output=True,
        **as_arguments(maker),
    )


async def _fill(folder: Path) -> None:
    server = EmbeddedPostgres(folder, major=OLDER)
    url = await server.start()
    database = Database(url)
    await upgrade(database)
    await database.close()
    for (name,) in NAMES:
        query(url, f"INSERT INTO public.clients (name) VALUES ('{name}') RETURNING id")
    await server.stop()


def names(url: str) -> list[tuple[object, ...]]:
    return query(url, "SELECT name FROM public.clients ORDER BY name")


def version(data: Path) -> str:
    return (data / "PG_VERSION").read_text().strip()


async def test_data_of_an_older_version_are_moved_and_stay_beside_those_that_stayed_before(folder: Path) -> None:
    told = list[str]()
    (earlier := folder / f"data-{OLDER}").mkdir()
    (earlier / "by hand").write_text("mine")
    server = EmbeddedPostgres(folder, waits=Waits(told.append, patience=0.01))
    url = await server.start()
    assert told == [f"{folder}/data is moved from PostgreSQL {OLDER} to {MAJOR}, which may take minutes …", ""]
    assert query(url, "SHOW server_version_num")[0][0][:2] == str(MAJOR)  # type: ignore[index]
    assert names(url) == NAMES
    query(url, "INSERT INTO public.clients (name) VALUES ('initech') RETURNING id")
    assert [(one.name, one.read_text()) for one in earlier.iterdir()] == [("by hand", "mine")]
    assert (version(folder / "data"), version(folder / f"data-{OLDER}.2")) == (str(MAJOR), str(OLDER))
    assert not (folder / "moving").exists()
    assert not (folder / "move.note").exists()
    assert os.stat(folder / f"data-{OLDER}.2").st_mode & 0o077 == 0
    await server.stop()
    url = await server.start()
    assert len(names(url)) == 3
    server.close()


async def test_starting_ahead_of_who_needs_it_moves_nothing(folder: Path) -> None:
    await asyncio.to_thread(EmbeddedPostgres(folder, linger=1.0).start_and_leave)
    assert version(folder / "data") == str(OLDER)


async def test_a_move_that_was_killed_begins_again_or_is_finished(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "data", kept := tmp_path / "kept")
    server = EmbeddedPostgres(folder)
    assert names(await server.start()) == NAMES
    await server.stop()
    (folder / "data").rename(folder / "data.moved")  # killed before the first rename, or before the second
    for older in (True, False):
        if older:
            (folder / f"data-{OLDER}").rename(folder / "data")
        else:
            (folder / "data").rename(folder / "data.moved")
        assert names(await server.start()) == NAMES
        await server.stop()
    shutil.rmtree(folder / "data")
    shutil.rmtree(folder / f"data-{OLDER}")
    shutil.copytree(kept, folder / "data")
    (folder / "moving" / "data").mkdir(parents=True)
    (folder / "moving" / "data" / "PG_VERSION").write_text(str(MAJOR))
    assert names(await server.start()) == NAMES
    server.close()


async def test_what_a_program_of_the_earlier_version_writes_meanwhile_is_moved_or_refused(folder: Path) -> None:
    older = EmbeddedPostgres(folder, major=OLDER)
    url, written, begun = await older.start(), list[str](), threading.Event()

    def write() -> None:
        with contextlib.suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as connection:
            for number in range(100_000):
                connection.execute("INSERT INTO public.clients (name) VALUES (%s)", (f"client {number}",))
                written.append(f"client {number}")
                begun.set()

    writing = asyncio.create_task(asyncio.to_thread(write))
    await asyncio.to_thread(begun.wait)
    server = EmbeddedPostgres(folder)
    moved = {name for (name,) in names(await server.start())}
    await writing
    assert moved - {"acme", "globex"} == set(written)
    older.close()
    server.close()


async def test_data_that_cannot_be_moved_stay_as_they_are(folder: Path) -> None:
    control = folder / "data" / "global" / "pg_control"
    control.write_bytes(b"\0" * 8192)
    server = EmbeddedPostgres(folder)
    with pytest.raises(StoreUnavailable, match="does not start"):
        await server.start()
    assert version(folder / "data") == str(OLDER)
    assert not (folder / "moving").exists()
