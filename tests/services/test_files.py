"""Files that are complete or absent, closed to others, whose errors are one line."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.errors import InvalidInput, StorageFull
from services.files import AtomicFile, close_to_others, make_private, write_file

KILLED_WHILE_WRITING = """
import os, pathlib, signal, sys
from services.files import AtomicFile
file = AtomicFile(pathlib.Path(sys.argv[1]))
file.write(b"half")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(params=[0o000, 0o022, 0o777])
def any_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    former = os.umask(request.param)
    yield
    os.umask(former)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("any_umask")
def test_files_and_folders_are_closed_to_others_whatever_the_umask(tmp_path: Path) -> None:
    make_private(tmp_path / "home" / "inner")
    write_file(tmp_path / "home" / "inner" / "note", "text")
    assert mode(tmp_path / "home") == mode(tmp_path / "home" / "inner") == 0o700
    assert mode(tmp_path / "home" / "inner" / "note") == 0o600


def test_what_was_there_stays_until_the_new_file_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "note"
    write_file(path, "before")
    with contextlib.suppress(ZeroDivisionError), AtomicFile(path) as file:
        file.write(b"half")
        assert path.read_text() == "before"
        raise ZeroDivisionError
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["note"]


def test_an_error_of_the_body_passes_as_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), AtomicFile(tmp_path / "note"):
        raise PermissionError("of somebody else")


def test_what_a_killed_writer_left_goes_with_the_next_write(tmp_path: Path) -> None:
    path = tmp_path / "note"
    subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(path)], check=False)
    assert len(os.listdir(tmp_path)) == 1
    with AtomicFile(path) as living:
        living.write(b"first")
        write_file(path, "second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert os.listdir(tmp_path) == ["note"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "note")
    write_file(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "note").read_text() == "text"


def test_a_name_that_is_taken_is_left_alone_when_asked_for(tmp_path: Path) -> None:
    write_file(tmp_path / "note", "first", replace=False)
    with pytest.raises(FileExistsError):
        write_file(tmp_path / "note", "second", replace=False)
    assert (tmp_path / "note").read_text() == "first"
    assert os.listdir(tmp_path) == ["note"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line_with_the_path() -> None:
    with pytest.raises(StorageFull, match=r"^/dev/full: cannot be written: No space left on device; free space"):
        write_file(Path("/dev/full"), "text")


def test_a_missing_folder_and_a_folder_in_the_place_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not exist"):
        write_file(tmp_path / "none" / "note", "text")
    with pytest.raises(InvalidInput, match="is a folder"):
        write_file(tmp_path, "text")


def test_a_long_name_can_be_written(tmp_path: Path) -> None:
    write_file(tmp_path / ("ü" * 127), "text")
    assert os.listdir(tmp_path) == ["ü" * 127]


def test_existing_folders_are_closed_and_links_out_of_them_not_followed(tmp_path: Path) -> None:
    outside, home = tmp_path / "outside", tmp_path / "home"
    (home / "logs").mkdir(parents=True)
    outside.write_text("")
    (home / "logs" / "log").write_text("")
    (home / "link").symlink_to(outside)
    for open_ in (outside, home / "logs" / "log"):
        open_.chmod(0o644)
    for folder in (home, home / "logs"):
        folder.chmod(0o755)
    close_to_others(home)
    assert mode(home) == mode(home / "logs") == 0o700
    assert mode(home / "logs" / "log") == 0o600
    assert mode(outside) == 0o644


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no folder here that takes no files from anyone")
def test_a_folder_that_takes_no_files_is_not_said_to_be_missing() -> None:
    with pytest.raises(StorageFull, match="no file can be made there"):
        write_file(Path("/proc/archive"), b"x")
