"""A list and a set that need not fit into memory."""

from __future__ import annotations

import json
import pickle
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Generic, TypeVar

_IN_MEMORY = 8 * 2**20
"""Bytes above which a spool lies on the disk."""

Thing = TypeVar("Thing")


class Spool(Generic[Thing]):
    """Things in order, each found again by its place. What is large lies in a file that has no name and ends with it.

    Only what this process put in is read: nothing of it comes from a file or a store as it is.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` is where the disk has room; the system's own place for temporary files when it does not exist."""
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(folder) if folder.is_dir() else None)  # noqa: SIM115
        self._end = 0
        self.count = 0

    def append(self, thing: Thing) -> int:
        """Puts the thing at the end; gives its place."""
        place = self._end
        self._file.seek(place)
        pickle.dump(thing, self._file, pickle.HIGHEST_PROTOCOL)
        self._end = self._file.tell()
        self.count += 1
        return place

    def at(self, place: int) -> Thing:
        """The thing at a place that `append` gave."""
        self._file.seek(place)
        thing: Thing = pickle.load(self._file)  # written by this process, into a file without a name
        return thing

    def __iter__(self) -> Iterator[Thing]:
        for _, thing in self.placed():
            yield thing

    def placed(self) -> Iterator[tuple[int, Thing]]:
        """Every thing with its place."""
        place = 0
        while place < self._end:
            thing = self.at(place)
            following = self._file.tell()
            yield place, thing
            place = following

    def close(self) -> None:
        """Gives the disk its room back."""
        self._file.close()


class SpooledSet:
    """Numbers of 64 bits with their sign; SQLite has those on the disk for which its cache of 2 MB has no room."""

    def __init__(self) -> None:
        import sqlite3  # only an import of memories needs it

        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for statement in ("PRAGMA journal_mode = OFF", "CREATE TABLE numbers (number INTEGER PRIMARY KEY)", "BEGIN"):
            self._database.execute(statement)

    def add(self, numbers: Collection[int]) -> int:
        """Gives how many of them were new."""
        rows = ((number,) for number in numbers)
        return self._database.executemany("INSERT OR IGNORE INTO numbers VALUES (?)", rows).rowcount

    def among(self, numbers: Collection[int]) -> set[int]:
        """Those of these numbers that are in it."""
        wanted = "SELECT number FROM json_each(?) JOIN numbers ON number = value"
        return {number for (number,) in self._database.execute(wanted, (json.dumps(list(numbers)),))}

    def close(self) -> None:
        """Gives the disk its room back."""
        self._database.close()
