"""A text is written into its note, and what an editor saves in that instant is neither lost nor half there."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from services.errors import InvalidInput
from services.transfer.reader_parts.folders import hash_of
from services.transfer.write_back import WriteBack, exchange_names

Exchange = Callable[[Path, Path], bool]
BEFORE = b"# One\n\ntext\n"
HERE = "# One\n\nhere\n"


def cannot(one: Path, other: Path) -> bool:
    """As on a file system that exchanges nothing."""
    return False


KINDS = pytest.mark.parametrize("exchange", [exchange_names, cannot], ids=["exchange", "rename"])


def note_in(tmp_path: Path, text: bytes = BEFORE) -> Path:
    note = tmp_path / "notes" / "one.md"
    note.parent.mkdir()
    note.write_bytes(text)
    note.chmod(0o640)
    return note


def files(note: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in note.parent.iterdir()}


def write(tmp_path: Path, note: Path, exchange: Exchange) -> str | None:
    return WriteBack(tmp_path / "home", exchange).write(note.parent, note, hash_of(BEFORE), HERE)


@KINDS
def test_a_note_has_its_new_text_and_its_mode_and_nothing_is_left_beside_it(tmp_path: Path, exchange: Exchange) -> None:
    note = note_in(tmp_path)
    assert write(tmp_path, note, exchange) == hash_of(HERE.encode())
    assert files(note) == {"one.md": HERE.encode()}
    assert note.stat().st_mode & 0o777 == 0o640
    assert not list((tmp_path / "home").iterdir())


@KINDS
@pytest.mark.parametrize("in_place", [True, False], ids=["in place", "beside"])
def test_what_an_editor_saves_after_the_last_look_stays(tmp_path: Path, exchange: Exchange, *, in_place: bool) -> None:
    note = note_in(tmp_path)

    def saves_first(one: Path, other: Path) -> bool:
        if other.read_bytes() == BEFORE:
            save(note, b"# One\n\ntheirs\n", in_place=in_place)
        return exchange(one, other)

    with pytest.raises(InvalidInput, match="changed at the same moment"):
        write(tmp_path, note, saves_first)
    assert files(note) == {"one.md": b"# One\n\ntheirs\n"}


def save(note: Path, text: bytes, *, in_place: bool) -> None:
    if in_place:
        note.write_bytes(text)
    else:
        beside = note.with_name("one.md~")
        beside.write_bytes(text)
        beside.rename(note)


def test_what_an_editor_saves_once_more_while_it_is_put_back_is_the_note_and_the_former_save_is_beside_it(
    tmp_path: Path,
) -> None:
    note, saves = note_in(tmp_path), [b"first", b"second"]

    def saves_before_each(one: Path, other: Path) -> bool:
        if saves:
            save(note, saves.pop(0), in_place=False)
        return exchange_names(one, other)

    with pytest.raises(InvalidInput, match=r"what it saved is in one\.conflict-1\.md"):
        write(tmp_path, note, saves_before_each)
    assert files(note) == {"one.md": b"second", "one.conflict-1.md": b"first"}


@KINDS
def test_a_file_that_a_program_still_writes_into_stays_the_note(tmp_path: Path, exchange: Exchange) -> None:
    note = note_in(tmp_path)
    with note.open("r+b") as editor:
        with pytest.raises(InvalidInput):
            write(tmp_path, note, exchange)
        editor.write(b"# Uno")
    assert files(note) == {"one.md": BEFORE.replace(b"# One", b"# Uno")}


@KINDS
def test_a_note_that_is_deleted_in_that_instant_stays_deleted(tmp_path: Path, exchange: Exchange) -> None:
    note = note_in(tmp_path)

    def deletes_first(one: Path, other: Path) -> bool:
        note.unlink()
        return exchange(one, other)

    with pytest.raises(InvalidInput):
        write(tmp_path, note, deletes_first)
    assert files(note) == {}


@KINDS
@pytest.mark.parametrize("after", [0, 1, 2], ids=["before", "after one step", "after two steps"])
@pytest.mark.parametrize("saved", [None, b"theirs"], ids=["alone", "saved meanwhile"])
def test_the_next_run_ends_what_a_killed_program_began(
    tmp_path: Path, exchange: Exchange, after: int, saved: bytes | None
) -> None:
    note = note_in(tmp_path)
    if (pid := os.fork()) == 0:
        try:
            steps = 0

            def killed(one: Path, other: Path) -> bool:
                nonlocal steps
                if saved is not None and steps == 0:
                    save(note, saved, in_place=False)
                if steps == after:
                    os.kill(os.getpid(), signal.SIGKILL)
                steps += 1
                if not (exchanged := exchange(one, other)):
                    other.rename(next(one.parent.glob(".*.written")).with_suffix(".former"))
                if steps == after:
                    os.kill(os.getpid(), signal.SIGKILL)
                return exchanged

            write(tmp_path, note, killed)
        finally:
            os._exit(1)
    os.waitpid(pid, 0)
    assert WriteBack(tmp_path / "home", exchange).repair(note.parent) == []
    assert list(files(note)) == ["one.md"]
    assert note.read_bytes() in ([saved] if saved else [BEFORE, HERE.encode()])
    assert not list((tmp_path / "home").iterdir())


def test_what_was_exchanged_by_a_killed_program_is_kept_beside_a_note_that_was_saved_since(tmp_path: Path) -> None:
    note = note_in(tmp_path)

    class Killed(BaseException): ...

    def exchanged(one: Path, other: Path) -> bool:
        save(note, b"first", in_place=False)
        exchange_names(one, other)
        save(note, b"second", in_place=False)
        raise Killed

    with pytest.raises(Killed):
        write(tmp_path, note, exchanged)
    assert files(note) == {"one.md": b"second", "one.conflict-1.md": b"first"}


def test_a_half_written_text_beside_a_note_is_removed(tmp_path: Path) -> None:
    note = note_in(tmp_path)

    class Killed(BaseException): ...

    writing = WriteBack(tmp_path / "home")
    (tmp_path / "home").mkdir()
    kept = tmp_path / "home" / "kept"

    def journal(one: Path, other: Path) -> bool:
        (found,) = (tmp_path / "home").glob("*.json")
        kept.write_bytes(found.read_bytes())
        raise Killed

    with pytest.raises(Killed):
        WriteBack(tmp_path / "home", journal).write(note.parent, note, hash_of(BEFORE), HERE)
    kept.rename(tmp_path / "home" / "one.json")
    name = kept.with_name("one.json").read_text().split('"draft": "')[1].split('"')[0]
    Path(name).write_bytes(HERE.encode()[:5])
    assert writing.repair(note.parent) == []
    assert files(note) == {"one.md": BEFORE}
