"""What a format is: how its files are named, what it loses, and how it is written piece by piece."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from services.files import is_new
from services.transfer.export_source import ExportSource


@dataclass(frozen=True, slots=True)
class FileWriter:
    """A format of one file."""

    suffix: str
    """With its dot."""
    lost: str
    """In a few words what the format has no place for; "" where an import makes the same store of it."""
    pieces: Callable[[ExportSource], AsyncIterator[bytes]]
    """The file, in order. What is lost of single memories is counted in `ExportSource.lost`."""

    def is_taken(self, path: Path) -> bool:
        """Whether something is there that would be written over."""
        return os.path.isfile(path)  # of a name that cannot be, nothing is there


class NamedFile(NamedTuple):
    name: str
    """Its path below the folder."""
    data: bytes


@dataclass(frozen=True, slots=True)
class FolderWriter:
    """A format of one file a memory, all below one new folder."""

    lost: str
    files: Callable[[ExportSource], AsyncIterator[NamedFile]]
    suffix: str = ""

    def is_taken(self, path: Path) -> bool:
        """Whether something is there that would be written over, or into."""
        return not is_new(path)


Writer = FileWriter | FolderWriter
