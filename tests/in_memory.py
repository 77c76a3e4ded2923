"""Where the files of tests can lie in memory: stores wait for a disk often."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_ROOM = 6 << 30
"""Bytes that a run of the tests may need."""


def memory_root() -> Path | None:
    """A folder in memory with room for a run; None where there is no such place."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM else None
