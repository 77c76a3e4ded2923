"""Folders among the temporary files: what stays in them, and what goes when their program was killed."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
import time
from pathlib import Path

import pytest

from services.temporary_folders import held_folder, short_folder

_HOUR = 3600.0


@pytest.fixture(autouse=True)
def usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left(folder: Path, name: str, since: float = _HOUR) -> Path:
    """A folder with a file, as a program left it that was killed so many seconds ago."""
    made = folder / name
    made.mkdir()
    (made / "memory.md").write_text("typed")
    return aged(made, since)


def aged(folder: Path, since: float = _HOUR) -> Path:
    then = time.time() - since
    for one in (*folder.iterdir(), folder):
        os.utime(one, (then, then), follow_symlinks=False)
    return folder


def test_a_folder_goes_at_its_end_and_those_of_killed_programs_with_the_next_one(usual: Path) -> None:
    old, new, other = left(usual, "memoria-a-1"), left(usual, "memoria-a-2", 1), left(usual, "memoria-b-1")
    (link := usual / "memoria-a-3").symlink_to(other)
    with held_folder("a") as first:
        assert not old.exists()
        aged(first)
        with held_folder("a") as second:
            assert {first, new, other, link, second} == set(usual.iterdir())
    assert {new, other, link} == set(usual.iterdir())


def test_what_is_to_be_kept_stays_as_long_as_it_is_wanted(usual: Path) -> None:
    month = 30 * 24 * _HOUR
    wanted, over = left(usual, "memoria-a-1", month / 2), left(usual, "memoria-a-2", month * 2)
    with held_folder("a", kept=month):
        assert wanted.exists()
        assert not over.exists()


@pytest.mark.usefixtures("usual")
def test_a_socket_has_its_place_however_long_the_name_of_the_folder_for_temporary_files_is(tmp_path: Path) -> None:
    (long := tmp_path / ("long " * 20)).mkdir()
    made = short_folder(str(long))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(made / ".s.PGSQL.5432"))
    (made / ".s.PGSQL.5432").unlink()
    made.rmdir()


def test_sockets_on_which_nobody_listens_any_more_go_with_the_next_folder_for_one() -> None:
    with tempfile.TemporaryDirectory(prefix="memoria-test-", dir="/tmp") as here:
        dead, alive, typed = Path(here, "memoria-1"), Path(here, "memoria-2"), left(Path(here), "memoria-editor-1")
        listening = socket.socket(socket.AF_UNIX)
        for folder, how in ((dead, socket.socket(socket.AF_UNIX)), (alive, listening)):
            folder.mkdir()
            how.bind(str(folder / "socket"))
        listening.listen()
        (dead / "socket.lock").touch()
        aged(dead)
        aged(alive)
        made = short_folder(here)
        assert {alive, typed, made} == set(Path(here).iterdir())
        listening.close()


def test_who_holds_a_folder_has_it_for_itself() -> None:
    with held_folder("a") as folder:
        number = os.open(folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(number)
