"""A table with a row a memory: what this program exports, or any with a column of texts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from services.errors import UnreadableFile
from services.memories.editing import MOST_TEXT
from services.transfer.formats.fields import has_text, with_fields
from services.transfer.formats.imported_records import BadRecord, Record
from services.transfer.formats.json_reading import DECODER, MOST_BYTES, TOO_LONG
from services.transfer.formats.opened import Opened
from services.transfer.formats.reader import Reader
from services.transfer.formats.record_reading import rest_memory

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_OURS = frozenset({"id", "type", "content", "tags", "project", "importance", "access_count", "metadata"})
"""Columns of this program's own tables, in which `'` stands before what a spreadsheet would compute."""


def _recognises(opened: Opened) -> bool:
    if opened.suffix not in _SEPARATORS or b"\0" in opened.head:
        return False
    try:
        header = next(_rows(opened, io.BytesIO(opened.head)), [])
    except csv.Error:
        return False
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{opened.name}: not UTF-8: save it as CSV UTF-8") from error
    return has_text(header) or opened.options.names.get("content") in header


def _records(opened: Opened) -> Iterator[Record]:
    header: list[str] = []
    number = 1
    try:
        rows = _rows(opened, opened.stream())
        header = next(rows, [])
        ours = set(header) >= _OURS
        for number, row in enumerate(rows, 2):
            where = f"row {number}"
            if len(row) > len(header):
                yield BadRecord(where, f"it has {len(row):,} cells, the table {len(header):,} columns")
            elif any(row):
                cells = [cell.removeprefix("'") if ours else cell for cell in row]
                value = {key: cell for key, cell in zip(header, cells, strict=False) if cell}
                yield rest_memory(where, _fields(opened.options.renamed(value)), source=opened.source)
    except (csv.Error, UnicodeDecodeError) as error:
        reason = f"not UTF-8: {error.reason}" if isinstance(error, UnicodeDecodeError) else str(error)
        yield BadRecord(f"after row {number}", reason, damaged=True)


def _rows(opened: Opened, stream: BinaryIO) -> Iterator[list[str]]:
    csv.field_size_limit(max(csv.field_size_limit(), 4 * MOST_TEXT))
    return csv.reader(_lines(stream), delimiter=_SEPARATORS.get(opened.suffix, ","))


def _lines(stream: BinaryIO) -> Iterator[str]:
    """Lines with their ends, which a cell may hold; raises csv.Error for one that is too long."""
    first = True
    while line := stream.readline(MOST_BYTES + 1):
        if len(line) > MOST_BYTES:
            raise csv.Error(f"a line is {TOO_LONG}")
        yield line.decode("utf-8-sig" if first else "utf-8")
        first = False


def _fields(value: Mapping[str, object]) -> dict[str, object]:
    """The row under the names of a memory; a cell of metadata is JSON."""
    found = with_fields(value)
    if isinstance(metadata := found.get("metadata"), str):
        try:
            decoded = DECODER.decode(metadata)
        except (ValueError, RecursionError):
            decoded = None
        if isinstance(decoded, dict):
            found["metadata"] = decoded
    return found


READER = Reader(
    "csv",
    "CSV or TSV, a row a memory, under a heading that has one of the names of a text, as `json`",
    "text, id, type, tags, dates, importance; every other column as metadata",
    "nothing that the file has",
    _recognises,
    _records,
)
