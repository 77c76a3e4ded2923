"""A file, folder or stream that is imported: opened, and read as records by the reader that recognises it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from services import __version__
from services.errors import Malformed, UnreadableFile
from services.storable_text import quoted
from services.transfer.reader_parts import READABLE_SOURCES
from services.transfer.reader_parts.folders import each_once, file_hash, files_below
from services.transfer.reader_parts.imported_records import Record, RecordNote
from services.transfer.reader_parts.opened_source import TEXT_SUFFIXES, Opened, Progressing, Rejoined
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.reading_options import ReadingOptions
from services.transfer.reader_parts.several_files import JSON_SUFFIXES
from services.transfer.reader_parts.text_decoding import READ_AS_WESTERN
from services.transfer.readers import READERS
from services.unknown_names import near_names


@dataclass(frozen=True, slots=True)
class Origin:
    """A file or folder as it is before it is read."""

    path: str
    """Absolute, without links."""
    files_there: Mapping[str, str]
    """Read or left out, by its path below the folder, of a single file by its name: a hash of its bytes."""
    fingerprint: str
    """Of all of it, and of how it is read."""


class Source:
    """One file, folder or stream; `done` and `size` tell how far the reading is."""

    lasting = False

    def __init__(
        self,
        path: Path | None,
        stream: BinaryIO | None = None,
        options: ReadingOptions = ReadingOptions(),  # noqa: B008 - frozen
    ) -> None:
        self.name = str(path) if path else "standard input"
        self.unit = "bytes"
        self.size: int | None = None
        self._path = path
        self._stream = stream
        self._options = options
        self._counted: Rejoined | None = None
        self._progress = Progressing()

    @property
    def done(self) -> int:
        """Bytes read, or files of a folder."""
        self.size = self._progress.size or self.size
        return self._counted.count if self._counted else self._progress.done

    def origin(self) -> Origin | None:
        """The file or folder as it is now; None for a stream, and for what cannot be read. Reads all of it."""
        path = self._path
        if path is None or not (os.path.isdir(path) or os.path.isfile(path)):
            return None
        path = path.resolve()
        if path.is_dir():
            found = each_once(path, files_below(path, TEXT_SUFFIXES | JSON_SUFFIXES))
            files = {one.name: file_hash(path / one.name) for one in found}
        else:
            beside = path.with_name(f"{path.name}-wal")  # what a program that runs wrote last into SQLite
            files = {one.name: file_hash(one) for one in (path, beside) if one.is_file()}
        read = [__version__, self._options.as_json()]
        whole = hashlib.blake2b(json.dumps([read, sorted(files.items())]).encode(), digest_size=16)
        return Origin(str(path), files, whole.hexdigest())

    def records(self) -> Iterator[Record]:
        """Every record, bad ones included, as it is read.

        Raises UnreadableFile when the file cannot be opened or is of no known kind, StoreTooNew for an export of a
        newer version. What breaks off in the middle is a BadRecord at the end.
        """
        path = self._path
        try:
            if path is None:
                yield from self._read(Rejoined(cast(BinaryIO, self._stream)))
            elif path.is_dir():
                self.unit = "files"
                yield from self._read(None)
            elif path.exists() and not path.is_file():
                what = "a pipe or a device, no file or folder"
                raise UnreadableFile(f"{self.name}: {what}; `import -` reads standard input")
            else:
                self.size = path.stat().st_size
                with path.open("rb") as stream:
                    yield from self._read(Rejoined(stream))
        except OSError as error:
            raise UnreadableFile(f"{self.name}: cannot be read: {error.strerror or error}") from error

    def _read(self, counted: Rejoined | None) -> Iterator[Record]:
        suffix = self._path.suffix.lower() if self._path and self._options.format is None else ""
        opened = Opened(self.name, self._path, suffix, counted, self._options, self._progress)
        if counted is not None and not counted.head.removeprefix(b"\xef\xbb\xbf").strip():
            raise UnreadableFile(f"{self.name}: is empty")
        self._counted = counted
        yield from _records_of(opened)


def reader_named(name: str) -> Reader:
    """Raises InvalidInput for a name that no reader has."""
    found = next((one for one in READERS if one.name == name), None)
    if found is None:
        names = [one.name for one in READERS]
        near = f"did you mean {near[0]}? " if (near := near_names(name, names)) else ""
        raise Malformed(f"{quoted(name)} is no format; {near}known are {', '.join(names)}")
    return found


def _records_of(opened: Opened) -> Iterator[Record]:
    """The records of the reader that is asked for, else of the first one that recognises the content.

    Raises UnreadableFile when none does, InvalidInput for a name that no reader has.
    """
    name = opened.options.format
    reader = reader_named(name) if name else next((one for one in READERS if one.recognises(opened)), None)
    if reader is None:
        backup = "; a backup comes back with: memoria-tui restore" if opened.suffix == ".tar" else ""
        raise UnreadableFile(f"{opened.name}: is not {READABLE_SOURCES}{backup}")
    yield from reader.records(opened)
    if opened.counted is not None and opened.counted.is_western:
        yield RecordNote("the file", READ_AS_WESTERN)
