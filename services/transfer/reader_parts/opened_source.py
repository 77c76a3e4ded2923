"""What is to be imported, as a reader sees it: recognised by its beginning, then read from its start as a stream."""

from __future__ import annotations

import codecs
import contextlib
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from services.errors import UnreadableFile
from services.transfer.reader_parts.folders import FoundFile, files_below
from services.transfer.reader_parts.json_reading import DECODER, BrokenJson, JsonStream, json_lines
from services.transfer.reader_parts.reading_options import ReadingOptions
from services.transfer.reader_parts.text_decoding import ToUtf8

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from services.transfer.reader_parts.imported_records import BadRecord

TEXT_SUFFIXES = frozenset({".md", ".markdown", ".mdown", ".txt", ".text"})
_HEAD = 1 << 16
"""Bytes that are looked at to tell the format."""
_PIECE = 1 << 20
"""Bytes read at once."""
_LINE_KEYS = frozenset(
    {"id", "payload", "content", "source_id", "format", "memory", "text", "observations", "relationType"}
)
"""Keys that records have."""
_DOCUMENT_KEYS = frozenset({"collections", "memories", "relations", "results", "entities"})
"""Keys of lists that may be empty; what only a document has, never a line."""


@dataclass(slots=True)
class Shape:
    """What the beginning of a JSON file shows of it."""

    form: Literal["document", "list", "lines"] | None
    """One object; one list; objects, one a line; None for what is no JSON."""
    keys: tuple[str, ...] = ()
    """Of the one object, as far as they were looked at."""
    items: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """By name of a list (`""`: the only one, or the lines) its first object; a value that was cut off is None."""

    def has(self, *keys: str) -> bool:
        """Whether the first object of a list has one of these keys."""
        return any(key in item for item in self.items.values() for key in keys)


@dataclass(slots=True)
class Progressing:
    """How far the reading of a folder is."""

    done: int = 0
    size: int | None = None


@dataclass(frozen=True)
class Opened:
    """A file, a member of an archive or standard input that was opened, or a folder."""

    name: str
    """As it is reported."""
    path: Path | None
    """None for standard input and members of archives."""
    suffix: str = ""
    """Lowercase, with its point."""
    counted: Rejoined | None = None
    """The content; None for a folder."""
    options: ReadingOptions = field(default_factory=ReadingOptions)
    progress: Progressing = field(default_factory=Progressing)

    @property
    def is_folder(self) -> bool:
        return self.counted is None

    @property
    def head(self) -> bytes:
        """The first bytes, in UTF-8 as `Rejoined`; b"" for a folder."""
        return self.counted.head if self.counted else b""

    @cached_property
    def source(self) -> str:
        """What tells the source apart from others, for ids; asked for with each record."""
        return self.path.resolve().as_posix() if self.path else self.name

    @property
    def shape(self) -> Shape:
        """Of a file that is no text by its name."""
        return Shape(None) if self.counted is None or self.suffix in TEXT_SUFFIXES else self.counted.shape

    def files_to_read(self, suffixes: Collection[str]) -> list[FoundFile]:
        """Of a folder, as `files_below`; what `Origin.files_there` has besides was left out, and is not gone."""
        return files_below(self.path, suffixes) if self.is_folder and self.path else []

    def stream(self) -> BinaryIO:
        """The content from its start; to be read once."""
        if self.counted is None:
            raise UnreadableFile(f"{self.name}: is a folder; name its files")
        return io.BufferedReader(self.counted, _PIECE)

    def document(self) -> JsonStream:
        return JsonStream(self.stream())

    def lines(self) -> Iterator[tuple[str, dict[str, object]] | BadRecord]:
        return json_lines(self.stream())


class Rejoined(io.RawIOBase):
    """A stream with its beginning, which was read already, put back; counts what was read. Gives UTF-8 (`ToUtf8`)."""

    def __init__(self, stream: BinaryIO) -> None:
        start = stream.read(_HEAD)
        self._to_utf8 = ToUtf8(start)
        self.head = self._to_utf8.piece(start, last=False)
        self._start = memoryview(self.head)
        self._stream = stream
        self._ended = False
        self.count = 0
        """Bytes read of the file, about."""

    @cached_property
    def shape(self) -> Shape:
        return _shape(self.head.removeprefix(codecs.BOM_UTF8))

    @property
    def is_western(self) -> bool:
        """Whether something that was read was Windows-1252."""
        return self._to_utf8.western

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        while not self._start and not self._ended:
            self._start = memoryview(self._more(len(target)))
        piece = self._start[: len(target)]
        self._start = self._start[len(target) :]
        target[: len(piece)] = piece
        self.count += len(piece)
        return len(piece)

    def _more(self, size: int) -> bytes:
        piece = self._stream.read(size)
        self._ended = not piece
        return self._to_utf8.piece(piece, last=self._ended)


def _shape(head: bytes) -> Shape:
    start = head.lstrip()[:1]
    document = JsonStream(io.BytesIO(head))
    items: dict[str, dict[str, object]] = {}
    own: dict[str, object] = {}
    with contextlib.suppress(BrokenJson):
        if start == b"[":
            _look_at_list(document, "", items)
        elif start == b"{":
            _look_at_object(document, own, items)
    if start == b"[":
        return Shape("list", (), items)
    if start != b"{":
        return Shape(None)
    if _is_lines(head, own, items):
        return Shape("lines", (), {"": _first_line(head) or own})
    return Shape("document", tuple(own), items)


def _look_at_object(document: JsonStream, own: dict[str, object], lists: dict[str, dict[str, object]] | None) -> None:
    """Fills in what the object at the cursor has, up to where the text breaks off; BrokenJson is raised there."""
    for key in document.members():
        own[key] = None
        if lists is not None and key == "collections" and document.peek() == "{":
            return
        if lists is not None and document.peek() == "[":
            _look_at_list(document, key, lists)
            own[key] = []
        else:
            own[key] = document.value()


def _look_at_list(document: JsonStream, name: str, items: dict[str, dict[str, object]]) -> None:
    for _ in document.elements():
        if name not in items and document.peek() == "{":
            items[name] = {}
            _look_at_object(document, items[name], None)
        else:
            document.value()


def _is_lines(head: bytes, own: Mapping[str, object], lists: Mapping[str, object]) -> bool:
    """True when objects follow each other, one a line; False when one document fills the file."""
    first, newline, rest = head.partition(b"\n")
    follows = rest.lstrip()[:1] == b"{"
    keys = list(own)
    parts = [key for key in keys if key in lists or (key in _DOCUMENT_KEYS and own[key] in (None, []))]
    if parts and _LINE_KEYS.isdisjoint(keys[: keys.index(parts[0])]):
        return follows and _object(first) is not None
    if not newline:
        return not _LINE_KEYS.isdisjoint(keys)
    return first.rstrip().endswith(b"}") or follows


def _first_line(head: bytes) -> dict[str, object] | None:
    """The first line that is an object."""
    return next(filter(None, map(_object, head.split(b"\n", 5)[:5])), None)


def _object(line: bytes) -> dict[str, object] | None:
    try:
        value = DECODER.decode(line.decode("utf-8").strip())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
