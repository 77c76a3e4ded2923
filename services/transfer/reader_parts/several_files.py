"""Exports that are several files, in an archive or in a folder to which it was unpacked: each is read by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import BinaryIO, TypeVar

from services.errors import UnreadableFile
from services.model import counted
from services.transfer.reader_parts.imported_records import BadRecord, Record, RecordNote
from services.transfer.reader_parts.json_items import Item
from services.transfer.reader_parts.opened_source import Opened, Rejoined
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.text_decoding import READ_AS_WESTERN

JSON_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson"})
Found = TypeVar("Found", bound=Item | Record)


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

    def of_part(part: Part) -> Iterator[Record]:
        nonlocal read, others
        with part.open() as stream:
            opened = part.opened(export, stream)
            found = recognised(opened, readers)
            if found is None:
                others += 1
                return
            read = True
            yield from found.records(opened)
            if opened.counted is not None and opened.counted.is_western:
                yield RecordNote("the file", READ_AS_WESTERN)

    for part in parts:
        yield from within(part.name, of_part(part))
    if not read:
        raise UnreadableFile(f"{export.name}: holds no memories or conversations as JSON")
    if others:
        yield BadRecord("other files", f"{counted(others, 'file')} of no known format", may_be_known=False)


def recognised(opened: Opened, readers: Sequence[Reader]) -> Reader | None:
    return next((one for one in readers if opened.head.strip() and one.recognises(opened)), None)


def within(name: str, found: Iterator[Found]) -> Iterator[Found | BadRecord]:
    """What is in a file; one that cannot be read does not keep the other files out."""
    try:
        for one in found:
            yield replace(one, where=f"{name}: {one.where}")
    except UnreadableFile as error:
        yield BadRecord(name, str(error))
    except OSError as error:
        yield BadRecord(name, f"cannot be read: {error.strerror or error}")
