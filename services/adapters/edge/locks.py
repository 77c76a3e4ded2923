"""Who may write in the store's folder: one program, and for it one process a collection of the draft."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import psutil

from services.errors import StoreInUse
from services.files import make_private, write_file
from services.model import MemoryType

_ORPHAN_SECONDS = 20.0
"""How long to wait for a process whose program has died and which is about to end by itself."""
_AGAIN_SECONDS = 0.05


def take_folder(folder: Path) -> BinaryIO:
    """Takes the folder for this process, until the file is closed. Raises StoreInUse naming the program that has it."""
    make_private(folder)
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while True:
        try:
            lock = _locked(folder / "lock")
            break
        except BlockingIOError as error:
            owner = _owner(folder)
            if owner is None and time.monotonic() < deadline:
                time.sleep(_AGAIN_SECONDS)
                continue
            name = owner or "another process"
            raise StoreInUse(f"the memories in {folder} are in use by {name}; close it there first") from error
    _sign(folder)
    return lock


def take_draft(folder: Path, collection: MemoryType) -> BinaryIO:
    """Takes one collection of the draft as `take_folder`; waits for one whose program has died. Raises StoreInUse."""
    try:
        return _locked(folder / f"draft-{collection}.lock", _ORPHAN_SECONDS)
    except BlockingIOError as error:
        raise StoreInUse(f"the next set of collections in {folder} is still being written; try again") from error


@contextmanager
def draft_at_rest(folder: Path) -> Iterator[None]:
    """While nobody writes the draft. Raises as `take_draft`."""
    with ExitStack() as locks:
        for collection in MemoryType:
            locks.enter_context(take_draft(folder, collection))
        yield


def _locked(path: Path, patience: float = 0) -> BinaryIO:
    """The file, locked until it is closed. Raises BlockingIOError when others have it for so many seconds."""
    file, deadline = path.open("ab"), time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() >= deadline:
                file.close()
                raise
            time.sleep(_AGAIN_SECONDS)


def _sign(folder: Path) -> None:
    """Writes down which program has the folder: the one that started this process."""
    program = psutil.Process(os.getppid())
    words = program.cmdline()[1:] if "python" in program.name() else program.cmdline()
    name = " ".join([Path(words[0]).name, *words[1:]]) if words else program.name()
    data = {"pid": program.pid, "started": program.create_time(), "name": name[:60]}
    write_file(folder / "owner.json", json.dumps(data))


def _owner(folder: Path) -> str | None:
    """Name of the program that has the folder, None when it is dead or not yet known."""
    try:
        data = json.loads((folder / "owner.json").read_text("utf-8"))
        program = psutil.Process(int(data["pid"]))
        if abs(program.create_time() - float(data["started"])) > 1:
            return None
        since = datetime.fromtimestamp(float(data["started"])).astimezone()
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    name = "".join(letter for letter in str(data.get("name")) if letter.isprintable())
    return f'"{name}" (process {program.pid}, running since {since:%Y-%m-%d %H:%M})'
