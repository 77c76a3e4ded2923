"""A disk that is full or read-only while any part writes: one line, nothing lost, and all goes on with room."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from memoria_tui.cli import main
from memoria_tui.cli.terminal import Terminal
from services.files import write_file
from tests.forking import forked
from tests.services.made_postgres import Made, MadePostgres


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own; skips where mounting is not allowed."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("needs to mount a small disk")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def run(home: Path, *arguments: str, apart: bool = False) -> subprocess.CompletedProcess[str]:
    """Runs a command, in a process of its own or in this one; the stores have their own in any case."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MEMORIA_", "QDRANT_"))}
    environment |= {"MEMORIA_HOME": str(home), "MEMORIA_LINGER": "3", "MEMORIA_BACKUP_KEEP": "0"}
    if not apart:
        out, err = io.StringIO(), io.StringIO()
        status = main(arguments, Terminal(environment, io.BytesIO(), out, err))
        return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())
    return subprocess.run(
        forked("-m", "memoria_tui", *arguments),
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def is_one_line(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert any(word in lines[0] for word in ("space", "room", "full", "read-only", "Read-only")), lines


def fill(disk: Path, *, keep: int = 0) -> Path:
    """Takes all room but `keep` bytes."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        while (free := os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize) > keep:
            with contextlib.suppress(OSError):  # what runs on the disk was faster
                os.posix_fallocate(file.fileno(), 0, max(1, file.tell() + free - keep))
                file.seek(0, os.SEEK_END)
    return ballast


def test_a_disk_that_is_full_and_then_has_room_again(disk: Path, made_postgres: MadePostgres) -> None:
    made_postgres.put(Made.HOME, (home := disk / "home") / "postgres")
    assert run(home, "add", "kept memory", apart=True).returncode == 0
    ballast = fill(disk)
    for _ in range(30):  # what a log has room for already is still saved
        if (added := run(home, "add", "a memory for which there is no room " * 3000, apart=True)).returncode:
            break
    is_one_line(added)
    is_one_line(run(home, "backup", apart=True))
    ballast.unlink()
    assert "kept memory" in run(home, "search", "kept").stdout
    assert run(home, "add", "second memory").returncode == 0
    assert run(home, "doctor").returncode == 0


def test_a_first_start_on_a_full_disk_is_one_line_and_works_with_room(disk: Path) -> None:
    ballast = fill(disk, keep=8 << 20)
    is_one_line(run(disk / "home", "add", "a memory"))
    ballast.unlink()
    assert run(disk / "home", "add", "a memory").returncode == 0


def test_a_read_only_disk_is_one_line(disk: Path, made_postgres: MadePostgres) -> None:
    made_postgres.put(Made.HOME, (home := disk / "home") / "postgres")
    assert run(home, "add", "kept memory").returncode == 0
    assert run(home, "stop").returncode == 0
    deadline = time.monotonic() + 60
    while subprocess.run(["mount", "-o", "remount,ro", disk], check=False, capture_output=True).returncode:
        assert time.monotonic() < deadline, "it is still in use"
    is_one_line(run(home, "add", "another"))
    is_one_line(run(home, "search", "kept"))
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    assert "kept memory" in run(home, "search", "kept").stdout


def test_exports_and_backups_onto_a_full_disk_leave_what_was_there(
    disk: Path, tmp_path: Path, made_postgres: MadePostgres
) -> None:
    made_postgres.put(Made.HOME, (home := tmp_path / "home") / "postgres")
    assert run(home, "add", "kept memory " * 2000).returncode == 0
    write_file(disk / "export.jsonl", "before")
    ballast = fill(disk)
    is_one_line(run(home, "export", str(disk / "export.jsonl"), "--force"))
    is_one_line(run(home, "backup", str(disk / "backups")))
    assert (disk / "export.jsonl").read_text() == "before"
    assert sorted(path.name for path in disk.rglob("*") if path.is_file()) == ["ballast", "export.jsonl"]
    ballast.unlink()
    assert run(home, "backup", str(disk / "backups")).returncode == 0


def test_a_home_that_may_only_be_read_is_told_in_one_line_by_every_command(disk: Path) -> None:
    (disk / "open").mkdir(mode=0o755)
    for name in ("daemon", "postgres"):
        (disk / "closed" / name).mkdir(parents=True)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    for name in ("open", "closed"):
        is_one_line(run(disk / name, "list"))
        stopped = run(disk / name, "stop")
        assert (stopped.stdout.strip(), stopped.stderr, stopped.returncode) == ("nothing runs", "", 0)


def test_what_a_store_refused_is_said_once_where_no_log_is_kept(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("no folder")
    stopped = run(tmp_path, "stop")
    assert stopped.returncode == 1
    assert len(stopped.stderr.splitlines()) == 1, stopped.stderr
