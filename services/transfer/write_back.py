"""Writes a text back into its note, and loses nothing that another program saves in the very same instant.

The new text is written beside the note, then both exchange their names in one step of the kernel; only then is what was
exchanged looked at. If it is not what was compared, because an editor saved meanwhile, both exchange their names again.
Where the kernel or the file system has no such step, the note gets another name first, and the new text the note's if
that is still free. What is under way stands in a file of the home: the next run ends what a killed program began.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import stat
import sys
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from services.errors import InvalidInput
from services.files import make_private, move_without_replacing, private, storage_errors, sync_folder, write_file
from services.transfer.reader_parts.folders import file_hash, hash_of

_ENDING = ".json"
_AT_MOST = 20
"""Exchanges of one note, while another program saves it again and again."""
_HERE = -100
"""AT_FDCWD: paths are as usual."""
_EXCHANGE = 2
"""RENAME_EXCHANGE."""
_LONGEST = 100
"""Characters of the note's name in that of a copy."""


@dataclass(frozen=True, slots=True)
class ConflictCopy:
    """Somebody's text of a note that has another text by now, in a file of its folder."""

    note: Path
    copy: Path

    def __str__(self) -> str:
        return f"another program saved it while it was written back; what it saved is in {self.copy.name}"


@dataclass(frozen=True, slots=True)
class _Written:
    """One note that is being written, and the files beside it, in the order in which they come to be."""

    note: Path
    draft: Path
    """The new text, while it is not complete."""
    beside: Path
    """The new text; once exchanged, what the note had."""
    aside: Path
    """What the note had, where nothing can be exchanged."""
    before: str
    """The hash of what the note had when it was compared."""
    after: str
    """The hash of the new text."""


class WriteBack:
    """Of all programs of a home one at a time uses it."""

    def __init__(self, folder: Path, exchange: Callable[[Path, Path], bool] | None = None) -> None:
        """`folder`: for what is under way. `exchange` gives two files each other's name; False: it cannot."""
        self._folder = folder
        self._exchange = exchange or exchange_names

    def write(self, root: Path, note: Path, known: str | None, text: str) -> str | None:
        """The hash of the note as it was written; None, and nothing written, when it is not as `known` any more.

        Raises CannotWrite, StorageFull, InvalidInput when another program saved it in that moment.
        """
        from services.transfer.note_writing import with_text

        if not note.is_file() or not note.resolve().is_relative_to(root.resolve()):
            return None
        raw = note.read_bytes()
        if hash_of(raw) != known:
            return None
        changed = with_text(raw, note.name, text)
        if changed != raw:
            with storage_errors(note):
                self._replace(note.resolve(), known, changed)
        return hash_of(changed)

    def repair(self, root: Path) -> list[ConflictCopy]:
        """Ends what killed programs began with notes below `root`, or with it. Raises StorageFull, InvalidInput."""
        kept: list[ConflictCopy] = []
        for journal in sorted(self._folder.glob(f"*{_ENDING}")):
            one = _read(journal)
            if one is None:  # none of ours
                continue
            if one.note.is_relative_to(root.resolve()) and one.note.parent.is_dir():
                with storage_errors(one.note):
                    kept += self._end(one)
                    journal.unlink(missing_ok=True)
        return kept

    def _replace(self, note: Path, before: str, changed: bytes) -> None:
        name = uuid.uuid4().hex
        draft, beside, aside = (
            note.with_name(f".memoria-tui-{name}.{what}") for what in ("draft", "written", "former")
        )
        one = _Written(note, draft, beside, aside, before, hash_of(changed))
        make_private(self._folder)
        journal = self._folder / f"{name}{_ENDING}"
        write_file(journal, json.dumps(asdict(one), default=str))
        try:
            _write_like(note, one.draft, changed)
            one.draft.rename(one.beside)
            written = self._swap(one)
        except FileNotFoundError:  # it was deleted or moved just now
            written = False
        finally:
            kept = self._end(one)
            journal.unlink()
        if kept:
            raise InvalidInput(str(kept[0]))
        if not written:
            raise InvalidInput("it was changed at the same moment")

    def _swap(self, one: _Written) -> bool:
        """Whether the note has the new text, and had what was compared until then."""
        if self._exchange(one.beside, one.note):
            return _settled(one.beside) == one.before
        one.note.rename(one.aside)
        if _settled(one.aside) != one.before:
            return False
        with suppress(FileExistsError):  # saved again since
            move_without_replacing(one.beside, one.note)
            return True
        return False

    def _end(self, one: _Written) -> list[ConflictCopy]:
        """Leaves the note, and beside it what neither was there before nor can be the note again."""
        one.draft.unlink(missing_ok=True)
        if one.aside.exists():
            with suppress(FileExistsError):
                move_without_replacing(one.aside, one.note)
        elif one.beside.exists() and _settled(one.beside) not in (one.before, one.after):
            self._put_back(one)
        kept = []
        for left in (one.beside, one.aside):
            if left.exists():
                if left.stat().st_size == 0 or hash_of(left.read_bytes()) in (
                    one.before,
                    one.after,
                    file_hash(one.note),
                ):
                    left.unlink()
                else:
                    kept.append(ConflictCopy(one.note, _moved_to_copy(left, one.note)))
        sync_folder(one.note.parent)
        return kept

    def _put_back(self, one: _Written) -> None:
        """Lets the note have what another program saved last."""
        put = one.after
        for _ in range(_AT_MOST):
            if file_hash(one.note) != put:  # saved again since, or deleted
                return
            newer = file_hash(one.beside)
            if not self._exchange(one.beside, one.note) or file_hash(one.beside) == put:
                return
            put = newer


def exchange_names(one: Path, other: Path) -> bool:
    """Gives each of two files the other's name, in one step; False where that is not possible. Raises OSError."""
    import ctypes

    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:  # another system
        return False
    if rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):  # another file system
        return False
    raise OSError(number, os.strerror(number), str(other))


def _settled(path: Path) -> str:
    """The hash of a file; "" while a program has it open to write into it."""
    with path.open("rb") as file:
        if sys.platform == "linux":
            with suppress(OSError):  # a file of another user, or a file system without leases
                fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)  # that of leases would end the program
                try:
                    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
                except BlockingIOError:
                    return ""
        return hash_of(file.read())


def _write_like(note: Path, path: Path, content: bytes) -> None:
    """Writes a new file of the note's owner and mode; on disk when it returns."""
    status = note.stat()
    with open(path, "xb", opener=private) as file:
        file.write(content)
        if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
            with suppress(OSError):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
        os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
        file.flush()
        os.fsync(file.fileno())


def _moved_to_copy(left: Path, note: Path) -> Path:
    """A name beside the note, for a person; the next sync reads it as a note of its own."""
    for number in count(1):
        copy = note.with_name(f"{note.stem[:_LONGEST]}.conflict-{number}{note.suffix}")
        with suppress(FileExistsError):
            move_without_replacing(left, copy)
            return copy
    raise AssertionError


def _read(journal: Path) -> _Written | None:
    with suppress(OSError, ValueError, TypeError, KeyError):
        values = json.loads(journal.read_bytes())
        note, draft, beside, aside = (Path(values[name]) for name in ("note", "draft", "beside", "aside"))
        return _Written(note, draft, beside, aside, str(values["before"]), str(values["after"]))
    return None
