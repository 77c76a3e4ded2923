"""Who may write in the store's folder: one process, and one a collection of the draft."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

import psutil

from services.errors import MemoriaError, StoreInUse
from services.file_locks import take_lock
from services.files import make_private, write_file
from services.model import MemoryType

_ORPHAN_SECONDS = 20.0
"""How long to wait for a process whose program has died and which is about to end by itself."""


def take_folder(folder: Path) -> int:
    """Takes the folder for this process, until the file descriptor is closed. Raises StoreInUse naming who has it."""
    make_private(folder)
    try:
        lock = take_lock(folder / "lock")
    except BlockingIOError as error:
        name = _owner(folder) or "another process"
        raise StoreInUse(f"the memories in {folder} are in use by {name}; close it there first") from error
    with suppress(MemoriaError):  # a full disk can still be read
        _sign(folder)
    return lock


def take_draft(folder: Path, collection: MemoryType) -> int:
    """Takes one collection of the draft as `take_folder`; waits for one whose daemon has died. Raises StoreInUse."""
    try:
        return take_lock(folder / f"draft-{collection}.lock", seconds=_ORPHAN_SECONDS)
    except BlockingIOError as error:
        raise StoreInUse(f"the next set of collections in {folder} is still being written; try again") from error


@contextmanager
def draft_at_rest(folder: Path) -> Iterator[None]:
    """While nobody writes the draft. Raises as `take_draft`."""
    with ExitStack() as locks:
        for collection in MemoryType:
            locks.callback(os.close, take_draft(folder, collection))
        yield


def _sign(folder: Path) -> None:
    """Writes down which process has the folder."""
    program = psutil.Process()
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
