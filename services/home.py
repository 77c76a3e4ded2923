"""The home folder: of one user alone, since memories, logs and backups are in it."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path

from services.files import close_to_others

_OURS = ("qdrant", "postgres", "backups", "drafts", "memoria-tui.log*", "demo-ready", ".*.partial")
"""Names of what this program puts into a home."""


def close_home(home: Path) -> None:
    """Closes a home that an earlier version left readable for others. Raises OSError.

    A folder in which other things are too, as when somebody's own folder was named, stays open itself.
    """
    try:
        status = home.stat()
    except FileNotFoundError:
        return
    if status.st_uid != os.geteuid() or not status.st_mode & 0o077:
        return
    everything = list(home.iterdir())
    ours = [entry for entry in everything if any(fnmatch(entry.name, pattern) for pattern in _OURS)]
    for entry in ours:
        close_to_others(entry)
    if len(ours) == len(everything):
        home.chmod(0o700)
