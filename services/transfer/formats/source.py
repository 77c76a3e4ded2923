"""Opens what is to be imported, tells by its content which format it has, and reads it as a stream of records."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from services.errors import UnreadableFile
from services.transfer.formats import KNOWN, own_export, record_reading
from services.transfer.formats.imported_records import BadRecord, Record
from services.transfer.formats.json_reading import TOO_DEEP, BrokenJson, JsonStream, json_lines, too_deep
from services.transfer.formats.markdown import SUFFIXES, read_text_file, text_files

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_HEAD = 1 << 16
"""Bytes that are looked at to tell the format."""
_PIECE = 1 << 20
"""Bytes read at once."""
_DOCUMENT_KEYS = frozenset({"collections", "memories", "relations"})
"""Keys that only a document has, never a line."""
_LINE_KEYS = frozenset({"id", "payload", "content", "source_id", "format"})
"""Keys that records have."""
_MOST_NAME = 40
"""Characters of a key of the file that are shown."""
_LINES = frozenset({".jsonl", ".ndjson"})


class Source:
    """One file, folder or stream; `done` and `size` tell how far the reading is."""

    lasting = False

    def __init__(self, path: Path | None, stream: BinaryIO | None = None) -> None:
        self.name = str(path) if path else "standard input"
        self.unit = "bytes"
        self._path = path
        self._stream = stream
        self._counted: _Rejoined | None = None
        self._files = 0
        self.size: int | None = None

    @property
    def done(self) -> int:
        """Bytes read, or files of a folder."""
        return self._counted.count if self._counted else self._files

    def records(self) -> Iterator[Record]:
        """Every record, bad ones included, as it is read.

        Raises UnreadableFile when the file cannot be opened or is of no known kind, StoreTooNew for an export of a
        newer version. What breaks off in the middle is a BadRecord at the end.
        """
        if self._path is None:
            yield from self._read(cast(BinaryIO, self._stream), "")
            return
        try:
            if self._path.is_dir():
                yield from self._folder(self._path)
                return
            self.size = self._path.stat().st_size
            with self._path.open("rb") as stream:
                yield from self._read(stream, self._path.suffix.lower())
        except OSError as error:
            raise UnreadableFile(f"{self.name}: cannot be read: {error.strerror or error}") from error

    def _folder(self, folder: Path) -> Iterator[Record]:
        files = list(text_files(folder))
        if not files:
            raise UnreadableFile(f"{folder}: holds no Markdown or text files ({', '.join(sorted(SUFFIXES))})")
        self.unit, self.size = "files", len(files)
        real = folder.resolve()
        for path in files:
            name = str(path.relative_to(folder))
            inside = path.resolve().is_relative_to(real)
            yield (
                read_text_file(path, name)
                if inside
                else BadRecord(name, "a link out of the folder; it is not followed")
            )
            self._files += 1

    def _read(self, stream: BinaryIO, suffix: str) -> Iterator[Record]:
        head = stream.read(_HEAD)
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if not start:
            raise UnreadableFile(f"{self.name}: is empty")
        self._counted = _Rejoined(head, stream)
        whole = io.BufferedReader(self._counted, _PIECE)
        if self._path is not None and (suffix in SUFFIXES or (not suffix and start not in b"[{" and b"\0" not in head)):
            yield read_text_file(self._path, self._path.name)
        elif start == b"[" or (start == b"{" and not _is_lines(head)):
            yield from self._document(JsonStream(whole))
        elif start == b"{" or self._path is None or suffix in _LINES:
            yield from record_reading.assembled(_line_records(json_lines(whole)))
        else:
            backup = "; a backup comes back with: memoria-tui restore" if suffix == ".tar" else ""
            raise UnreadableFile(f"{self.name}: is not {KNOWN}{backup}")

    def _document(self, document: JsonStream) -> Iterator[Record]:
        seen: set[str] = set()
        for record in record_reading.assembled(_document_records(document, seen)):
            if not seen and isinstance(record, BadRecord):
                raise UnreadableFile(f"{self.name}: no readable JSON: {record.reason}")
            yield record
        if not seen:
            raise UnreadableFile(f"{self.name}: JSON, but neither an export nor a backup of memories")


def _is_lines(head: bytes) -> bool:
    """True when objects follow each other, one a line; False when one document fills the file."""
    keys: list[str] = []
    with contextlib.suppress(BrokenJson):
        for key in (document := JsonStream(io.BytesIO(head))).members():
            if key in _DOCUMENT_KEYS and document.peek() in "[{" and _LINE_KEYS.isdisjoint(keys):
                return False
            keys.append(key)
            document.value()
    first, newline, rest = head.partition(b"\n")
    if not newline:
        return not _LINE_KEYS.isdisjoint(keys)
    return first.rstrip().endswith(b"}") or rest.lstrip()[:1] == b"{"


def _line_records(
    lines: Iterator[tuple[str, dict[str, object]] | BadRecord],
) -> Iterator[record_reading.RawPoint | Record]:
    for number, line in enumerate(lines):
        if isinstance(line, BadRecord):
            yield line
            continue
        where, value = line
        if number == 0 and own_export.is_header(value):
            yield from own_export.read_lines(value, lines)
        elif "payload" in value:
            collection = value.get("_collection", value.get("collection"))
            yield record_reading.RawPoint(where, value, collection if isinstance(collection, str) else None)
        elif "source_id" in value:
            yield record_reading.relation_record(where, value)
        else:
            yield record_reading.rest_memory(where, value)


def _document_records(document: JsonStream, seen: set[str]) -> Iterator[record_reading.RawPoint | Record]:
    """Records of one document; `seen` collects the parts that were recognised."""
    try:
        if document.peek() == "[":
            seen.add("list")
            yield from _items(document, "record", record_reading.rest_memory)
            return
        for key in document.members():
            opened = document.peek()
            if key == "collections" and opened == "{":
                seen.add(key)
                for collection in document.members():
                    yield from _items(document, collection, partial(record_reading.RawPoint, collection=collection))
            elif key in _DOCUMENT_KEYS and opened == "[":
                seen.add(key)
                read = (
                    record_reading.relation_record
                    if key == "relations"
                    else partial(record_reading.rest_memory, copied=True)
                )
                yield from _items(document, key, read)
            else:
                document.value()
    except BrokenJson as error:
        yield BadRecord(document.place, str(error), damaged=True)


def _items(
    document: JsonStream, name: str, read: Callable[[str, object], record_reading.RawPoint | Record]
) -> Iterator[record_reading.RawPoint | Record]:
    """The elements of the array at the cursor as records, each with its number as its place."""
    for number, value in enumerate(document.items(), 1):
        where = f"{name[:_MOST_NAME]} {number}"
        yield BadRecord(where, TOO_DEEP) if too_deep(value) else read(where, value)


class _Rejoined(io.RawIOBase):
    """A stream with its beginning, which was read already, put back; counts what was read."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = memoryview(head)
        self._stream = stream
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        piece: bytes | memoryview = self._head[: len(target)] or self._stream.read(len(target))
        self._head = self._head[len(target) :]
        target[: len(piece)] = piece
        self.count += len(piece)
        return len(piece)
