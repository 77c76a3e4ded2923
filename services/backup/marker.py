"""The note of a restore under way, so that the next start of the program finds one that was not finished."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from services.backup.values import UnfinishedRestore
from services.files import make_private, storage_errors, write_file

NAME = "restore.json"


@dataclass(frozen=True, slots=True)
class Marker:
    """How far a restore is."""

    path: str
    digest: str
    """Of the archive, so that another one is never taken for it."""
    mode: str
    """«fresh», «merge» or «replace»."""
    group: str
    """All that it changes is one act in the history."""
    begun_at: str
    parts: int = 0
    """Parts of points that are stored."""
    tables: bool = False
    """The tables are replaced."""


def read_marker(home: Path) -> Marker | None:
    """The restore that was not finished; None when there is none, or the note cannot be read."""
    try:
        return Marker(**json.loads((home / NAME).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_marker(home: Path, marker: Marker) -> None:
    """Raises StorageFull or InvalidInput."""
    with storage_errors(home):
        make_private(home)
    write_file(home / NAME, json.dumps(asdict(marker)))


def remove_marker(home: Path) -> None:
    with suppress(FileNotFoundError), storage_errors(home):
        (home / NAME).unlink()


def unfinished(home: Path) -> UnfinishedRestore | None:
    """What the program should say at its start."""
    marker = read_marker(home)
    if marker is None:
        return None
    with suppress(ValueError):
        return UnfinishedRestore(Path(marker.path), marker.mode == "replace", datetime.fromisoformat(marker.begun_at))
    return None
