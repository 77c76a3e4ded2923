"""Locks between processes on files: the kernel lets them go when their process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_AGAIN_SECONDS = 0.01


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
        deadline = time.monotonic() + seconds
        while not _locked(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
            if time.monotonic() >= deadline:
                raise BlockingIOError(f"{path} is locked")
            time.sleep(_AGAIN_SECONDS)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def held_lock(path: Path, *, seconds: float = 0.0, shared: bool = False) -> Iterator[int]:
    """As `take_lock`, for the body."""
    descriptor = take_lock(path, seconds=seconds, shared=shared)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
