"""Exports that are several files, in an archive or in a folder to which it was unpacked: each is read by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import BinaryIO

from services.errors import UnreadableFile
from services.transfer.formats.imported_records import BadRecord, Record
from services.transfer.formats.opened import Opened, Rejoined
from services.transfer.formats.reader import Reader

JSON_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson"})


@dataclass(frozen=True, slots=True)
class Part:
    """One file of an export."""

    name: str
    """Its path in the archive or folder."""
    open: Callable[[], AbstractContextManager[BinaryIO]]

    def opened(self, export: Opened, stream: BinaryIO) -> Opened:
        """The file as a reader sees it."""
        suffix = PurePosixPath(self.name).suffix.lower()
        return Opened(f"{export.name}: {self.name}", None, suffix, Rejoined(stream), export.options)


def records_of_parts(export: Opened, parts: Sequence[Part], readers: Sequence[Reader], others: int) -> Iterator[Record]:
    """The records of each file that one of the readers recognises; how many files are of no known kind is told.

    `others` are further files. Raises UnreadableFile when there is nothing to read.
    """
    read = False
    for part in parts:
        with part.open() as stream:
            opened = part.opened(export, stream)
            found = recognised(opened, readers)
            if found is None:
                others += 1
                continue
            read = True
            yield from within(part.name, found.records(opened))
    if not read:
        raise UnreadableFile(f"{export.name}: holds no memories or conversations as JSON")
    if others:
        yield BadRecord("other files", f"{others:,} files of the export are of no known format")


def recognised(opened: Opened, readers: Sequence[Reader]) -> Reader | None:
    return next((one for one in readers if opened.head.strip() and one.recognises(opened)), None)


def within(name: str, records: Iterator[Record]) -> Iterator[Record]:
    """The records of a file; one that cannot be read does not keep the other files out."""
    try:
        for record in records:
            yield replace(record, where=f"{name}: {record.where}")
    except (UnreadableFile, OSError) as error:
        yield BadRecord(name, str(error))
