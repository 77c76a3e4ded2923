"""The files of a folder that is imported: no link leads out of it, and no cycle is walked."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file, or a link."""

    name: str
    """Its path below the folder."""
    is_link: bool = False


def files_below(folder: Path, suffixes: Collection[str] | None) -> list[FoundFile]:
    """The files with one of these suffixes (None: any) and links to folders, in a stable order; no hidden ones.

    Links to folders are not followed. A folder that cannot be read has no files.
    """
    found = list(_below(folder, suffixes))
    found.sort(key=lambda one: one.name.split("/"))
    return found


def each_once(folder: Path, found: Collection[FoundFile]) -> list[FoundFile]:
    """Those found in a folder, without links to others of them, as which they are read."""
    files, real = {one.name for one in found if not one.is_link}, os.path.realpath(folder)

    def place(one: FoundFile) -> str:
        return os.path.relpath(os.path.realpath(os.path.join(real, one.name)), real)

    return [one for one in found if not one.is_link or place(one) not in files]


def _below(folder: Path, suffixes: Collection[str] | None) -> Iterator[FoundFile]:
    folders = [""]
    while folders:
        inside = folders.pop()
        with suppress(OSError), os.scandir(folder / inside) as entries:
            for entry in entries:
                name = f"{inside}{entry.name}"
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{name}/")
                elif _is_to_read(entry, suffixes):
                    yield FoundFile(name, is_link=entry.is_symlink())


def _is_to_read(entry: os.DirEntry[str], suffixes: Collection[str] | None) -> bool:
    """Whether it is a file with one of these suffixes, or a link to one or to a folder.

    What cannot be told of, as where a link of a circle leads, is not, and keeps no other from being read.
    """
    with suppress(OSError):
        return (has_suffix(entry.name, suffixes) and entry.is_file()) or (entry.is_symlink() and entry.is_dir())
    return False


_HASH = 16
"""Bytes."""
_SECTION = re.compile(r"(?P<file>.+\.(?:md|markdown|mdown|txt|text))#(?P<section>.+)", re.IGNORECASE | re.DOTALL)


def file_and_section(place: str) -> tuple[str, str]:
    """`notes/CLAUDE.md#Tests` as the file and its section, "" for the whole file: a `#` may be in its name, `C#.md`."""
    found = _SECTION.fullmatch(place)
    return (found["file"], found["section"]) if found else (place, "")


def has_suffix(name: str, suffixes: Collection[str] | None) -> bool:
    return suffixes is None or os.path.splitext(name)[1].lower() in suffixes


def hash_of(data: bytes) -> str:
    """As `file_hash` has it of a file that holds this."""
    return hashlib.blake2b(data, digest_size=_HASH).hexdigest()


def file_hash(path: Path) -> str:
    """Of the bytes of a file; "" when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=_HASH)).hexdigest()
    except OSError:
        return ""
