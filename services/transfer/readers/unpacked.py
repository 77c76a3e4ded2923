"""A folder to which somebody unpacked an export of JSON files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from services.transfer.reader_parts.folders import FoundFile
from services.transfer.reader_parts.imported_records import BadRecord, Record
from services.transfer.reader_parts.opened_source import TEXT_SUFFIXES, Opened
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.several_files import JSON_SUFFIXES, Part, recognised, records_of_parts

_LOOKED_AT = 20
"""Files in the folder itself that are looked at."""


def parts_of(opened: Opened) -> tuple[list[Part], list[FoundFile]]:
    """The JSON files of a folder, and the links, which are not followed."""
    assert opened.path is not None
    found = opened.files_to_read(JSON_SUFFIXES)
    parts = [Part(one.name, partial(_open, opened.path / one.name)) for one in found if not one.is_link]
    return parts, [one for one in found if one.is_link]


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def reader(inside: Sequence[Reader]) -> Reader:
    """The reader of folders whose files are read by these readers."""

    def recognises(opened: Opened) -> bool:
        """Notes make a folder one of notes, whatever lies beside them."""
        if not opened.is_folder or opened.path is None:
            return False
        names = sorted(path.name for path in opened.path.iterdir() if path.is_file() and not path.is_symlink())
        if any(Path(name).suffix.lower() in TEXT_SUFFIXES - {".txt", ".text"} for name in names):
            return False
        for name in [name for name in names if Path(name).suffix.lower() in JSON_SUFFIXES][:_LOOKED_AT]:
            with suppress(OSError), (opened.path / name).open("rb") as stream:  # which is told when all are read
                if recognised(Part(name, lambda: stream).opened(opened, stream), inside):
                    return True
        return False

    def records(opened: Opened) -> Iterator[Record]:
        parts, links = parts_of(opened)
        for link in links:
            yield BadRecord(link.name, "a link; it is not followed")
        yield from records_of_parts(opened, parts, inside, 0)

    return Reader(
        "unpacked",
        "a folder to which the zip of ChatGPT, Claude or OpenMemory was unpacked",
        "as the formats of its files",
        "JSON files of other kinds (reported with their number), all other files",
        recognises,
        records,
    )
