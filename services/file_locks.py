"""Locks between processes on files: the kernel releases them when their process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from services.errors import InvalidInput

_AGAIN_SECONDS = 0.01
_WRITING_SECONDS = 10.0
"""Seconds that another program may need to read a small file and write it again."""


def take_lock(path: Path, *, seconds: float = 0.0, shared: bool = False) -> int:
    """The file descriptor that holds the lock until it is closed, also by a process that inherits it.

    The file belongs to whom its folder does, so that what root made under sudo does not shut its owner out.
    Raises BlockingIOError when others hold it for so many seconds, OSError.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        if not _wait_for(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, seconds):
            raise BlockingIOError(f"{path} is locked")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def held_lock(path: Path, *, seconds: float = 0.0) -> Iterator[int]:
    """As `take_lock`, for the body."""
    descriptor = take_lock(path, seconds=seconds)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def only_writer(file: Path) -> Iterator[None]:
    """While the body reads a small file and writes it again, no other program of this kind does, nor another thread.

    The lock is that of its folder, so that none lies beside a file that a person keeps; file systems without such locks
    are written without. Raises InvalidInput when others write for ten seconds; OSError when there is no folder.
    """
    folder = Path(os.path.realpath(file)).parent
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            if not _wait_for(descriptor, fcntl.LOCK_EX, _WRITING_SECONDS):
                raise InvalidInput(f"{file}: another program writes it at the moment; try again")
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, mode: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not _locked(descriptor, mode):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_AGAIN_SECONDS)
    return True


def _locked(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
