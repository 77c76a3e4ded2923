"""A table with a row a memory: what this program exports, or any with a column of texts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import BinaryIO

from services.errors import UnreadableFile
from services.memories.editing import MOST_TEXT
from services.transfer.formats.fields import has_text, with_fields
from services.transfer.formats.imported_records import BadRecord, Record, RecordNote
from services.transfer.formats.json_reading import DECODER, MOST_BYTES, TOO_LONG
from services.transfer.formats.opened import Opened
from services.transfer.formats.reader import Reader
from services.transfer.formats.record_reading import rest_memory
from services.transfer.formats.text_decoding import NoText, decoded

_SUFFIXES = frozenset({".csv", ".tsv"})
_SEPARATORS = (",", ";", "\t")
_OURS = frozenset({"id", "type", "content", "tags", "project", "importance", "access_count", "metadata"})
"""Columns of this program's own tables, in which `'` stands before what a spreadsheet would compute."""


def _recognises(opened: Opened) -> bool:
    if opened.suffix not in _SUFFIXES or b"\0" in opened.head:
        return False
    try:
        return _separator(opened) is not None
    except NoText as error:
        raise UnreadableFile(f"{opened.name}: {error}: save it as CSV UTF-8") from error


def _separator(opened: Opened) -> str | None:
    """The one between cells: with which the heading names a text. Raises NoText."""
    for one in _SEPARATORS:
        with suppress(csv.Error):
            header = next(_rows(io.BytesIO(opened.head), one, []), [])
            if has_text(header) or opened.options.names.get("content") in header:
                return one
    return None


def _records(opened: Opened) -> Iterator[Record]:
    doubts: list[str] = []
    number = 1
    try:
        rows = _rows(opened.stream(), _separator(opened) or ",", doubts)
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
    except (csv.Error, NoText) as error:
        yield BadRecord(f"after row {number}", str(error), damaged=True)
    yield from (RecordNote("the table", one) for one in doubts)


def _rows(stream: BinaryIO, separator: str, doubts: list[str]) -> Iterator[list[str]]:
    csv.field_size_limit(max(csv.field_size_limit(), 4 * MOST_TEXT))
    return csv.reader(_lines(stream, doubts), delimiter=separator)


def _lines(stream: BinaryIO, doubts: list[str]) -> Iterator[str]:
    """Lines with their ends, which a cell may hold; what must be known of their encoding comes into `doubts`.

    Raises csv.Error for one that is too long, NoText.
    """
    while line := stream.readline(MOST_BYTES + 1):
        if len(line) > MOST_BYTES:
            raise csv.Error(f"a line is {TOO_LONG}")
        try:
            text, doubt = line.decode("utf-8-sig"), ""
        except UnicodeDecodeError:
            text, doubt = (line.decode("windows-1252", "replace"), "") if doubts else decoded(line)
        doubts += filter(None, [doubt])
        yield text


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
    "CSV or TSV, with commas, semicolons or tabs, a row a memory, under a heading that has one of the names of a text, "
    "as `json`",
    "text, id, type, tags, dates, importance; every other column as metadata",
    "nothing that the file has",
    _recognises,
    _records,
)
