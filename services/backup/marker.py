"""The note of a restore under way, kept in the database so that every program on the stores finds one not finished."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from services.backup.values import UnfinishedRestore

_FORMER_FILE = "restore.json"
"""In the home: where earlier versions kept the note."""


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
    """The tables are changed."""
    safety: str = ""
    """The backup of what a replacement replaces."""

    def as_text(self) -> str:
        return json.dumps(asdict(self))

    def unfinished(self) -> UnfinishedRestore | None:
        """What a program says at its start; None when the note cannot be understood."""
        with suppress(ValueError):
            return UnfinishedRestore(Path(self.path), self.mode == "replace", datetime.fromisoformat(self.begun_at))
        return None


def read_marker(note: str | None, home: Path) -> Marker | None:
    """The restore that was not finished; None when there is none, or the note cannot be read."""
    try:
        return Marker(**json.loads(note if note is not None else (home / _FORMER_FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def remove_former_file(home: Path) -> None:
    (home / _FORMER_FILE).unlink(missing_ok=True)
