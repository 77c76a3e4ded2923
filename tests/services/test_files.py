"""Files that are complete or absent, closed to others, whose errors are one line."""

from __future__ import annotations

import contextlib
import errno
import getpass
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from memoria_tui.user_files.drafts import Draft, DraftKind, Drafts
from services.backup.archive_file import ArchiveWriter
from services.errors import InvalidInput, StorageFull
from services.files import AtomicFile, AtomicFolder, close_to_others, make_private, storage_error, write_file
from services.transfer.reader_parts.folders import file_hash
from services.transfer.write_back import WriteBack

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


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What waits for the disk or changes a name, in order: «synced .draft 4», «renamed to note», «synced folder»."""
    done: list[str] = []
    syncs, renames, links, all_of_it = os.fsync, os.rename, os.link, os.sync

    def sync(number: int) -> None:
        status = os.fstat(number)
        folder = stat.S_ISDIR(status.st_mode)
        done.append("folder" if folder else f"{status.st_size} bytes")
        syncs(number)

    def named(by: Callable[..., None]) -> Callable[..., None]:
        def name(source: str | Path, target: str | Path, **options: object) -> None:
            by(source, target, **options)
            done.append(f"named {Path(target).name}")

        return name

    def sync_all() -> None:
        done.append("all")
        all_of_it()

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "sync", sync_all)
    monkeypatch.setattr(os, "replace", named(os.replace))
    monkeypatch.setattr(os, "rename", named(renames))
    monkeypatch.setattr(os, "link", named(links))
    return done


def test_a_file_is_on_disk_before_it_has_its_name_and_its_name_before_that_is_told(
    tmp_path: Path, on_disk: list[str]
) -> None:
    write_file(tmp_path / "note", "text")
    assert on_disk == ["4 bytes", "named note", "folder"]
    on_disk.clear()
    write_file(tmp_path / "new", "text", replace=False)
    assert on_disk == ["4 bytes", "named new", "folder"]


def test_a_folder_that_is_made_is_on_disk_as_what_is_written_into_it(tmp_path: Path, on_disk: list[str]) -> None:
    make_private(tmp_path / "home" / "inner")
    assert on_disk == ["folder"] * 2
    on_disk.clear()
    for _ in range(2):
        folder = AtomicFolder(tmp_path / "notes")
        folder.write("one.md", b"text")
        folder.commit()
    assert on_disk == ["all", "named notes", "folder", "all", "named one.md", "folder"]


def test_what_is_typed_backed_up_and_written_back_is_on_disk_before_it_is_told(
    tmp_path: Path, on_disk: list[str]
) -> None:
    drafts = Drafts(tmp_path, lambda: [Draft(DraftKind.NEW_MEMORY, values={"text": "typed"})])
    drafts.keep()
    drafts.release()
    assert [one.split()[-1] for one in on_disk] == ["bytes", on_disk[1].split()[-1], "folder"]
    on_disk.clear()
    archive = ArchiveWriter(tmp_path, datetime(2026, 11, 29, tzinfo=UTC))
    archive.add("part", b"data", 1)
    path = archive.finish({})
    assert on_disk == [f"{path.stat().st_size} bytes", f"named {path.name}", "folder"]
    on_disk.clear()
    note = tmp_path / "note.md"
    note.write_bytes(b"# One\n\nbefore\n")
    WriteBack(tmp_path / "under way").write(tmp_path, note, file_hash(note), "# One\n\nafter it\n")
    assert note.read_bytes() == b"# One\n\nafter it\n"
    new = on_disk.index(f"{note.stat().st_size} bytes")
    assert "folder" in on_disk[:new], "which file is under way is on disk first"
    assert on_disk[-1] == "folder"


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


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_who_may_not_write_is_told_whose_the_place_is_and_not_to_free_space(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, refused = tmp_path / "lock", OSError(number, "refused")
    assert str(storage_error(refused, lock)).endswith("refused; change its rights, or choose another place")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    told = str(storage_error(refused, lock))
    assert told == f"{lock}: cannot be written: refused; {tmp_path} is of another user, {getpass.getuser()}"
