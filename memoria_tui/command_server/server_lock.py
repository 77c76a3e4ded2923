"""The lock by which a home has one command server: taken before it imports what takes long, so that `stop` finds it."""

from __future__ import annotations

import os
from pathlib import Path

from memoria_tui.command_server.client import LOCK
from services.file_locks import take_lock
from services.files import make_private

_LOOKED_AT_SECONDS = 0.1
"""For who only looks whether the lock is held."""


def sole_server(folder: str) -> int | None:
    """The file descriptor that holds the lock, and names this process; None where another server has it."""
    make_private(Path(folder))
    try:
        lock = take_lock(Path(folder) / LOCK, seconds=_LOOKED_AT_SECONDS)
    except BlockingIOError:
        return None
    os.truncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    return lock
