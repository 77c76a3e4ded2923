"""Folders among the temporary files, of which those that killed programs left are removed by the next who makes one."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "memoria-"
_NEW = 60.0
"""Seconds in which a folder may belong to somebody who has not said so yet."""
_SHORT = 64
"""Bytes of a folder's name in which a folder with a socket can be made: macOS takes 103 for all, Linux 107."""


@contextmanager
def held_folder(kind: str, *, kept: float = _NEW) -> Iterator[Path]:
    """A new folder of this user alone, which goes at the end, or `kept` seconds after who has it was killed.

    Raises OSError.
    """
    prefix = f"{_PREFIX}{kind}-"
    _remove_left(Path(tempfile.gettempdir()), prefix, kept, _is_free)
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    holding = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(holding, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(holding)


def short_folder(usual: str = "") -> Path:
    """A new folder of this user alone in which a socket can be, however long the name of that for temporary files is.

    `usual`: that folder; "": as the process has it. Raises OSError.
    """
    there = usual or tempfile.gettempdir()
    short = Path(there if len(os.fsencode(there)) <= _SHORT else "/tmp")
    _remove_left(short, _PREFIX, _NEW, _is_deaf)
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=short))


def _remove_left(folder: Path, prefix: str, kept: float, is_left: Callable[[Path, int], bool]) -> None:
    """Removes those of this user that nobody has and that nothing was written into for so many seconds."""
    for one in folder.glob(f"{prefix}*"):
        with suppress(OSError):
            number = os.open(one, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                written = max(entry.lstat().st_mtime for entry in (one, *one.iterdir()))
                if os.fstat(number).st_uid == os.geteuid() and time.time() - written > kept and is_left(one, number):
                    shutil.rmtree(one)
            finally:
                os.close(number)


def _is_free(_: Path, number: int) -> bool:
    """Whether nobody holds it. Raises OSError where somebody does."""
    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True


def _is_deaf(folder: Path, _: int) -> bool:
    """Whether all that it has is sockets on which nobody listens any more."""
    entries = [one for one in folder.iterdir() if one.suffix != ".lock"]
    return bool(entries) and all(stat.S_ISSOCK(one.lstat().st_mode) and _refuses(one) for one in entries)


def _refuses(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as asking:
        asking.setblocking(False)
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False
