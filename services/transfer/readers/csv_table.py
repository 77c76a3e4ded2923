"""A table with a row a memory: what this program exports, or any with a column of texts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from services.errors import UnreadableFile
from services.memories.editing import MOST_TEXT
from services.model import counted
from services.storable_text import quoted
from services.transfer.reader_parts.dates import has_day_first, read_date
from services.transfer.reader_parts.field_aliases import has_text, with_fields
from services.transfer.reader_parts.imported_records import BadRecord, Record, RecordNote
from services.transfer.reader_parts.json_reading import DECODER, MOST_BYTES, TOO_LONG
from services.transfer.reader_parts.opened_source import Opened, Rejoined
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.record_reading import DATES, memory_of_object
from services.transfer.reader_parts.text_decoding import NoText, decoded

_SUFFIXES = frozenset({".csv", ".tsv"})
_SEPARATORS = (",", ";", "\t")
_NUL = "no table of text, for it has NUL bytes: save it as CSV UTF-8"
_OURS = frozenset({"id", "type", "content", "tags", "project", "importance", "access_count", "metadata"})
"""Columns of this program's own tables, in which `'` stands before what a spreadsheet would compute."""


def _recognises(opened: Opened) -> bool:
    if opened.suffix not in _SUFFIXES:
        return False
    if b"\0" in opened.head:
        raise UnreadableFile(f"{opened.name}: {_NUL}")
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
    dates = _Dates({name: has_day_first(values) for name, values in _columns(opened).items()})
    for record in _read(opened, opened.stream(), doubts):
        if isinstance(record, BadRecord):
            yield record
        else:
            where, value = record
            yield memory_of_object(where, dates.read(value), source=opened.source)
    yield from (RecordNote("the table", one) for one in (*doubts, *dates.doubts()))


def _columns(opened: Opened) -> dict[str, set[object]]:
    """What the columns of dates have; of a table that is no file, as far as its beginning tells."""
    found: dict[str, set[object]] = {name: set() for name in DATES}
    with suppress(OSError):
        head = io.BytesIO(opened.head)
        with opened.path.open("rb") if opened.path else head as stream:
            for record in _read(opened, io.BufferedReader(Rejoined(stream)), []):
                if isinstance(record, BadRecord):
                    continue
                for name in DATES:
                    if isinstance(value := record[1].get(name), str):
                        found[name].add(value)
    return found


@dataclass(slots=True)
class _Dates:
    """Dates whose figures can be two days: one that can be only one settles those of its column."""

    day_first: Mapping[str, bool | None]
    """By column."""
    unsure: dict[str, list[object]] = field(default_factory=dict)

    def read(self, row: dict[str, object]) -> dict[str, object]:
        for name, settled in self.day_first.items():
            value = row.get(name)
            if not read_date(value).doubt:
                continue
            if settled is None:
                self.unsure.setdefault(name, []).append(value)
            row[name] = read_date(value, day_first=settled is not False).iso
        return row

    def doubts(self) -> Iterator[str]:
        for name, values in self.unsure.items():
            what = f"{counted(len(values), 'date')} of {name} can be two days, as {quoted(values[0])}"
            yield f"{what}; the day is read first"


def _read(opened: Opened, stream: BinaryIO, doubts: list[str]) -> Iterator[tuple[str, dict[str, object]] | BadRecord]:
    """The rows under the names of a memory, with their places."""
    number = 1
    try:
        separator = _separator(opened) or ","
        rows = _rows(stream, separator, doubts)
        header = next(rows, [])
        ours = set(header) >= _OURS
        for number, row in enumerate(rows, 2):
            where = f"row {number}"
            if len(row) > len(header):
                yield BadRecord(where, f"it has {len(row):,} cells, the table {len(header):,} columns")
            elif any(row):
                cells = [cell.removeprefix("'") if ours else cell for cell in row]
                value = {key: cell for key, cell in zip(header, cells, strict=False) if cell}
                found = _fields(opened.options.renamed(value))
                if separator == ";" and isinstance(share := found.get("importance"), str):
                    found["importance"] = share.replace(",", ".")
                yield where, found
    except (csv.Error, NoText) as error:
        yield BadRecord(f"after row {number}", str(error), damaged=True)


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
        if b"\0" in line:
            raise csv.Error(_NUL)
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
