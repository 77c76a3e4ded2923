"""A zip of JSON files, as ChatGPT, Claude, OpenMemory and Slack export: each file that a reader recognises is read.

Nothing is unpacked to disk. Refused as a whole, before anything is read: paths that lead out of the archive, links,
encrypted files, and what would become larger than it can sensibly be.
"""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from services.errors import UnreadableFile
from services.storable_text import quoted
from services.transfer.reader_parts.imported_records import Record
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.several_files import JSON_SUFFIXES, Part, records_of_parts
from services.transfer.readers import slack

_MAGIC = b"PK\x03\x04"
_MOST_FILES = 100_000
_MOST_BYTES = 8 << 30
"""Of all files that are read, as they are written in the archive; no more is ever read of one than is written."""
_MOST_RATIO = 200
"""Of a file to what it takes in the archive."""
_SAME = ".jsonl.gz"
"""OpenMemory puts `memories.jsonl.gz` beside `memories.json`, which says the same and more."""
_SMALL = 1 << 20
"""Bytes that are no danger, whatever the ratio."""


def reader(inside: Sequence[Reader]) -> Reader:
    """The reader of archives whose files are read by these readers."""

    def records(opened: Opened) -> Iterator[Record]:
        if opened.path is None:
            raise UnreadableFile(f"{opened.name}: an archive is read from a file")
        try:
            with zipfile.ZipFile(opened.path) as archive:
                yield from _files(opened, archive, _checked(opened.name, archive), inside)
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, UnicodeError) as error:
            raise UnreadableFile(f"{opened.name}: a damaged archive: {error}") from error

    return Reader(
        "zip",
        "a zip of JSON files: the export of ChatGPT, Claude, OpenMemory or Slack as it is",
        "as the formats of its files",
        "files of other kinds (reported with their number)",
        lambda opened: opened.head.startswith(_MAGIC),
        records,
    )


def _files(
    opened: Opened, archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], inside: Sequence[Reader]
) -> Iterator[Record]:
    read = {one.filename for one in members}
    others = sum(
        not one.is_dir() and one.filename not in read and one.filename.removesuffix(_SAME) + ".json" not in read
        for one in archive.infolist()
    )
    parts = [Part(one.filename, partial(_opened, archive, one)) for one in members]
    if slack.is_export(parts):
        return slack.records_of_export(opened, parts)
    return records_of_parts(opened, parts, inside, others)


def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> BinaryIO:
    return cast(BinaryIO, archive.open(member))


def _checked(name: str, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files that can be read. Raises UnreadableFile for an archive that was made to do harm."""
    members = archive.infolist()
    if len(members) > _MOST_FILES:
        raise UnreadableFile(f"{name}: {len(members):,} files; an archive has at most {_MOST_FILES:,}")
    for one in members:
        parts = one.filename.replace("\\", "/").split("/")
        if one.filename.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise UnreadableFile(f"{name}: refused, for {quoted(one.filename)} leads out of the archive")
        if stat.S_ISLNK(one.external_attr >> 16):
            raise UnreadableFile(f"{name}: refused, for {quoted(one.filename)} is a link")
    wanted = [
        one for one in members if not one.is_dir() and PurePosixPath(one.filename).suffix.lower() in JSON_SUFFIXES
    ]
    for one in wanted:
        if one.flag_bits & 1:
            raise UnreadableFile(f"{name}: {quoted(one.filename)} is encrypted; unpack it first")
        if one.file_size > _SMALL and one.file_size > _MOST_RATIO * one.compress_size:
            raise UnreadableFile(f"{name}: refused, for {quoted(one.filename)} would become {one.file_size:,} bytes")
    if (size := sum(one.file_size for one in wanted)) > _MOST_BYTES:
        raise UnreadableFile(f"{name}: refused, for it would become {size:,} bytes")
    return wanted
