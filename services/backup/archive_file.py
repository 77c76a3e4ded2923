"""The file of a backup: a plain tar whose every byte is accounted for. All of it blocking, for a thread.

The parts come first, the table of contents last: it has the SHA-256 of each part, and its own. Headers and padding are
determined by the table, so a changed byte anywhere is found, and named.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from services.errors import InvalidInput, StoreTooNew, UnreadableFile
from services.files import AtomicFile, make_private, remove_partials, storage_errors

FORMAT = "memoria-tui backup"
VERSION = 1
SUFFIX = ".tar"
HEADER, CONTENTS = "memoria-backup.json", "contents.json"
_DRAFT = ".memoria-"
"""How the names of backups begin that are not complete yet."""
_BLOCK = 512
_END = b"\0" * (2 * _BLOCK)
_MOST_CONTENTS = 1 << 30
_STAMP = "%Y-%m-%dT%H%M%SZ"
_NAME = re.compile(r"memoria-(\d{4}-\d\d-\d\dT\d{6}Z)(?:-(\d+))?\.tar", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """One member of the tar."""

    name: str
    offset: int
    """Of its header, in bytes."""
    size: int
    """Bytes as they stand in the file."""
    raw: int
    """Bytes after unpacking."""
    records: int
    sha256: str

    @property
    def end(self) -> int:
        """Where the next part begins."""
        return self.offset + _BLOCK + _padded(self.size)


class ArchiveWriter:
    """Writes an archive under a name of its own until it is whole; `finish` or `abandon` ends it."""

    def __init__(self, folder: Path, made_at: datetime) -> None:
        """Makes the folder if need be, and clears it of what killed backups left. Raises StorageFull, InvalidInput."""
        self._made_at = made_at
        self._parts: list[Part] = []
        with storage_errors(folder):
            if folder.exists() and not folder.is_dir():
                raise InvalidInput(f"{folder}: is a file; give the folder that is to hold the backups")
            make_private(folder)
            remove_partials(folder, _DRAFT)
        self._file = AtomicFile(folder / self._name(1))

    def add(self, name: str, data: bytes, records: int, *, packed: bool = True) -> None:
        """Appends a part; a packed one is compressed."""
        stored = gzip.compress(data, 1, mtime=0) if packed else data
        offset = self._write(name, stored)
        digest = hashlib.sha256(stored).hexdigest()
        self._parts.append(Part(name, offset, len(stored), len(data), records, digest))

    def finish(self, facts: Mapping[str, object]) -> Path:
        """Appends the table of contents, waits for the disk, gives the archive its name."""
        table = encoded({**facts, "parts": [list(asdict(part).values()) for part in self._parts]})
        self._write(CONTENTS, _sealed(table))
        self._file.write(_END)
        number = 1
        while True:
            try:
                self._file.commit(replace=False)
            except FileExistsError:  # two backups of one second both stay
                number += 1
                self._file.rename(self._file.path.with_name(self._name(number)))
            else:
                return self._file.path

    def abandon(self) -> None:
        """Leaves nothing behind."""
        self._file.discard()

    def _write(self, name: str, data: bytes) -> int:
        offset = self._file.tell()
        self._file.write(_tar_header(name, len(data), self._made_at))
        self._file.write(data)
        self._file.write(b"\0" * (_padded(len(data)) - len(data)))
        return offset

    def _name(self, number: int) -> str:
        return f"memoria-{self._made_at:{_STAMP}}{'' if number == 1 else f'-{number}'}{SUFFIX}"


class ArchiveReader:
    """Reads an archive, each part checked. Raises UnreadableFile naming the place, StoreTooNew, InvalidInput."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and not path.is_file():  # opening a pipe waits for who writes into it
            raise InvalidInput(f"{path}: is no file; give a backup, or a folder of them")
        try:
            self._file: IO[bytes] = path.open("rb")
            self.size = os.fstat(self._file.fileno()).st_size
        except FileNotFoundError as error:
            raise InvalidInput(f"{path}: there is no such file") from error
        except OSError as error:
            raise InvalidInput(f"{path}: cannot be read: {error.strerror or error}") from error
        try:
            with self._reading():
                self._open()
        except BaseException:
            self._file.close()
            raise

    def _open(self) -> None:
        head = self._header()
        self.facts, self.digest, offset = self._contents()
        self._made_at = datetime.fromisoformat(str(head["made_at"]))
        try:
            self.parts = tuple(Part(*fields) for fields in self.facts["parts"])  # type: ignore[attr-defined]
            expected = [part.offset for part in self.parts[1:]] + [offset]
        except (KeyError, TypeError) as error:
            raise UnreadableFile(f"{self.path}: its table of contents cannot be read: restore another one") from error
        if [part.end for part in self.parts] != expected or self.parts[0].offset != 0:
            raise UnreadableFile(f"{self.path}: its parts are not in the order of its table of contents")

    def close(self) -> None:
        self._file.close()

    def read(self, part: Part) -> bytes:
        """The part as it was given to `ArchiveWriter.add`."""
        return self._unpacked(part, self._stored(part))

    def verify(self, part: Part) -> None:
        """Reads the part and what the tar puts around it."""
        self._stored(part)

    def _stored(self, part: Part) -> bytes:
        with self._reading():
            block = os.pread(self._file.fileno(), part.end - part.offset, part.offset)
        if len(block) < part.end - part.offset:
            raise self._cut_off(part.name)
        data = block[_BLOCK : _BLOCK + part.size]
        whole = (
            block[:_BLOCK] == _tar_header(part.name, part.size, self._made_at)
            and hashlib.sha256(data).hexdigest() == part.sha256
            and not block[_BLOCK + part.size :].strip(b"\0")
        )
        if not whole:
            raise self._damaged(part.name, part.offset)
        return data

    def _unpacked(self, part: Part, data: bytes) -> bytes:
        if not part.name.endswith(".gz"):
            return data
        unpacking = zlib.decompressobj(wbits=31)
        try:
            raw = unpacking.decompress(data, part.raw + 1)
        except zlib.error as error:
            raise self._damaged(part.name, part.offset) from error
        if len(raw) != part.raw:
            raise self._damaged(part.name, part.offset)
        return raw

    def _header(self) -> Mapping[str, object]:
        """What the first member says, before anything else is believed."""
        found = self._member(0)
        if found is None or found[0] != HEADER or found[1] > _BLOCK:
            raise UnreadableFile(f"{self.path}: is no backup of memoria-tui (or its first bytes are damaged)")
        if self.size < 2 * _BLOCK:
            raise self._cut_off(HEADER)
        self._file.seek(_BLOCK)
        try:
            head = json.loads(self._file.read(found[1]))
            if not isinstance(head, dict) or head.get("format") != FORMAT:
                raise UnreadableFile(f"{self.path}: is no backup of memoria-tui")
            version = int(head["version"])
            datetime.fromisoformat(str(head["made_at"]))
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(HEADER, 0) from error
        if version > VERSION:
            raise StoreTooNew(
                f"{self.path}: has format {version}, this program reads up to {VERSION}: use a newer memoria-tui"
            )
        return head

    def _contents(self) -> tuple[dict[str, object], str, int]:
        """The table of contents, its digest and its offset; walks from header to header."""
        offset, last = 0, "its beginning"
        while True:
            found = self._member(offset)
            if found is None:
                if offset + _BLOCK > self.size or last == CONTENTS:
                    raise self._cut_off(last)
                raise UnreadableFile(f"{self.path}: damaged at byte {offset:,}, after {last}; restore another backup")
            name, size = found
            end = offset + _BLOCK + _padded(size)
            if end > self.size:
                raise self._cut_off(name)
            if name == CONTENTS:
                return (*self._table(offset, size), offset)
            offset, last = end, name

    def _table(self, offset: int, size: int) -> tuple[dict[str, object], str]:
        end = offset + _BLOCK + _padded(size)
        self._file.seek(offset)
        block = self._file.read(end - offset)
        content = block[_BLOCK : _BLOCK + size]
        table, digest = content[:-66], content[-65:-1]
        rest = self._file.read(len(_END) + 1)
        if len(rest) < len(_END):
            raise self._cut_off(CONTENTS)
        if rest != _END:
            raise UnreadableFile(f"{self.path}: something was added or changed after byte {end:,}, where it ends")
        if content != _sealed(table):
            raise self._damaged(CONTENTS, offset)
        try:
            facts = json.loads(table)
            made_at = datetime.fromisoformat(str(facts["made_at"]))
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(CONTENTS, offset) from error
        expected = _tar_header(CONTENTS, size, made_at)
        if block[:_BLOCK] != expected or block[_BLOCK + size :].strip(b"\0"):
            raise self._damaged(CONTENTS, offset)
        return facts, digest.decode("ascii")

    def _member(self, offset: int) -> tuple[str, int] | None:
        """Name and size of the member whose header stands there; None when none does."""
        self._file.seek(offset)
        block = self._file.read(_BLOCK)
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError):
            return None
        plain = info.isreg() and 0 <= info.size <= _MOST_CONTENTS
        return (info.name, info.size) if plain else None

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Raises UnreadableFile where the disk gives an error instead of bytes."""
        try:
            yield
        except OSError as error:
            message = f"{self.path}: cannot be read: {error.strerror or error}; restore another backup"
            raise UnreadableFile(message) from error

    def _damaged(self, name: str, offset: int) -> UnreadableFile:
        return UnreadableFile(f"{self.path}: damaged in {name}, at or after byte {offset:,}; restore another backup")

    def _cut_off(self, name: str) -> UnreadableFile:
        return UnreadableFile(f"{self.path}: cut off at byte {self.size:,}, in or after {name}; restore another backup")


def archive_files(*folders: Path) -> dict[Path, datetime]:
    """Files of the folders that are named as backups are, newest first, with when each was begun."""
    found = []
    for folder in folders:
        with storage_errors(folder):
            files = folder.iterdir() if folder.is_dir() else ()
            found += [(place, path) for path in files if (place := _place_in_time(path))]
    return {path: begun for (begun, _), path in sorted(found, reverse=True)}


def _place_in_time(path: Path) -> tuple[datetime, int] | None:
    """When a backup was begun, by its name, and its number of that second; None for what is not named as one."""
    if not (found := _NAME.fullmatch(path.name)):
        return None
    try:
        return datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC), int(found[2] or 1)
    except ValueError:  # a day that no month has
        return None


def head_facts(made_at: datetime) -> dict[str, object]:
    """What the first member says."""
    return {"format": FORMAT, "version": VERSION, "made_at": made_at.isoformat()}


def encoded(value: object) -> bytes:
    """JSON in ASCII, as everything in an archive is."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def _sealed(table: bytes) -> bytes:
    """The table of contents with its own SHA-256, a line each."""
    return table + b"\n" + hashlib.sha256(table).hexdigest().encode("ascii") + b"\n"


def _tar_header(name: str, size: int, made_at: datetime) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(made_at.timestamp())
    return info.tobuf(tarfile.USTAR_FORMAT)


def _padded(size: int) -> int:
    return size + -size % _BLOCK
