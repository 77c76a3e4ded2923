"""What an archive holds: points, a line of JSON each with vectors as 32-bit floats, and rows as COPY writes them.

Reading happens in threads, one part ahead of whoever stores it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from array import array
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from services.backup.archive_file import ArchiveReader, Part, encoded
from services.backup.backup_values import FACTS, Archive
from services.concurrency import prefetched
from services.errors import UnreadableFile
from services.memories.moved_stamps import MovedStamps
from services.memories.stored_memories import memory_id_of
from services.model import Advance, MemoryType, Progress
from services.points import Point, packed, unpacked
from services.records.archive_tables import Rows
from services.records.columns import exact_json
from services.times import WriterZone

LINES, VECTORS = ".jsonl.gz", ".f32"
SUPERSEDED = "superseded.json.gz"
_POINTS = re.compile(r"memories/([a-z]+)/(\d+)-\d{6}\.jsonl\.gz")
_ROWS = re.compile(r"tables/([a-z_]+\.[a-z_]+)/\d{6}\.tsv\.gz")
_NULL = b"\\N"
"""How COPY writes a value that is not there."""
Superseded = Mapping[str, int]
"""Memory id → the pass whose points count, for memories that changed while the backup ran; −1: it was deleted."""


def memory_part(type_: MemoryType, pass_number: int, number: int) -> str:
    """Name of a part of points, to which `LINES` or `VECTORS` is added."""
    return f"memories/{type_}/{pass_number}-{number:06}"


def pack_points(points: Sequence[Point]) -> tuple[bytes, bytes]:
    """Lines, and the vectors of those points that have one, in the same order."""
    lines, vectors = [], array("f")
    for point in points:
        lines.append(encoded({"id": point.id, "vector": point.vector is not None, "payload": dict(point.payload)}))
        if point.vector is not None:
            vectors.extend(point.vector)
    return b"".join(line + b"\n" for line in lines), packed(vectors)


def part_name(rows: Rows, number: int) -> str:
    """Name of the part that holds these rows."""
    return f"tables/{rows.table}/{number:06}.tsv.gz"


def pack_rows(rows: Rows) -> bytes:
    return "\t".join(rows.columns).encode("ascii") + b"\n" + rows.text


def archive_of(reader: ArchiveReader) -> Archive:
    """The archive that a reader has open. Raises UnreadableFile when it does not say what it must."""
    told = reader.facts
    try:
        facts = {name: read(told[name]) for name, read in FACTS.items() if name in told}
        made_at = datetime.fromisoformat(str(told["made_at"]))
    except (TypeError, ValueError) as error:
        raise UnreadableFile(f"{reader.path}: what it says of itself cannot be read; restore another backup") from error
    return Archive(reader.path, made_at, reader.size, digest=reader.digest, **facts)


@dataclass(frozen=True, slots=True)
class ReadPoints:
    number: int
    """Place among the parts of points, from 1."""
    type: MemoryType
    points: Sequence[Point]


class OpenArchive:
    """An archive that is being read. Every method raises as `ArchiveReader` does."""

    def __init__(self, reader: ArchiveReader, here: WriterZone) -> None:
        """`here`: the zone in which zone-less stamps are wanted; the archive has them in that of its store."""
        self._reader = reader
        self._moved = MovedStamps.of(reader.facts.get("zone"), here)
        self.archive = archive_of(reader)
        self._places = {part.name: part for part in reader.parts}

    @classmethod
    async def open(cls, path: Path, here: WriterZone) -> OpenArchive:
        return cls(await asyncio.to_thread(ArchiveReader, path), here)

    def close(self) -> None:
        self._reader.close()

    async def verify(self, progress: Advance) -> None:
        """Reads every byte. Raises UnreadableFile naming the first place that is not as it was written."""
        for part in self._reader.parts:
            await asyncio.to_thread(self._reader.verify, part)
            progress(Progress(part.end, self._reader.size, "bytes verified"))

    async def points(self, after: int = 0) -> AsyncGenerator[ReadPoints, None]:
        """The points of all memories, without the first `after` parts of them."""
        parts = [part for part in self._reader.parts if part.name.startswith("memories/") and part.name.endswith(LINES)]
        superseded = await asyncio.to_thread(self._superseded)
        reading = (self._points(part, number, superseded) for number, part in enumerate(parts, 1) if number > after)
        async for found in prefetched(partial(next, reading, None)):
            yield found

    async def rows(self) -> AsyncGenerator[Rows, None]:
        parts = [part for part in self._reader.parts if part.name.startswith("tables/")]
        async for rows in prefetched(partial(next, map(self._rows, parts), None)):
            yield rows

    def _superseded(self) -> Superseded:
        with self._readable(SUPERSEDED):
            found: Superseded = json.loads(self._reader.read(self._places[SUPERSEDED]))
        return found

    def _points(self, part: Part, number: int, superseded: Superseded) -> ReadPoints:
        """Without the points of memories that another pass saw otherwise."""
        with self._readable(part.name):
            type_, pass_number = _named(_POINTS, part)
            vectors = unpacked(self._reader.read(self._places[part.name.removesuffix(LINES) + VECTORS]))
            points, place, dimensions = [], 0, self.archive.dimensions
            for fields in map(json.loads, self._reader.read(part).splitlines()):
                vector = None
                if fields["vector"]:
                    vector = vectors[place : place + dimensions]
                    place += dimensions
                payload = fields["payload"] if self._moved is None else self._moved.payload(fields["payload"])
                point = Point(fields["id"], payload, vector, vector is not None)
                if not superseded or superseded.get(memory_id_of(point), int(pass_number)) == int(pass_number):
                    points.append(point)
            if place != len(vectors):
                raise ValueError("the vectors do not belong to the points")
            return ReadPoints(number, MemoryType(type_), points)

    def _rows(self, part: Part) -> Rows:
        with self._readable(part.name):
            (table,) = _named(_ROWS, part)
            head, text = self._reader.read(part).split(b"\n", 1)
            rows = Rows(table, tuple(head.decode("ascii").split("\t")), part.records, text)
            return rows if self._moved is None else _with_moved_stamps(rows, self._moved)

    @contextlib.contextmanager
    def _readable(self, name: str) -> Iterator[None]:
        try:
            yield
        except (KeyError, ValueError, TypeError) as error:
            raise UnreadableFile(f"{self.archive.path}: {name} cannot be read; restore another backup") from error


def _with_moved_stamps(rows: Rows, moved: MovedStamps) -> Rows:
    """The rows with what they have as JSON in the zone of here."""
    move = {"before": moved.state, "after": moved.state, "pauses": moved.pauses}
    places = [(at, move[column]) for at, column in enumerate(rows.columns) if column in move]
    if not places:
        return rows
    lines = [line.split(b"\t") for line in rows.text.splitlines(keepends=True)]
    for fields in lines:
        for at, of in places:
            if (value := fields[at].rstrip(b"\n")) != _NULL:
                written = exact_json(of(json.loads(value.replace(b"\\\\", b"\\"))))
                fields[at] = written.encode().replace(b"\\", b"\\\\") + fields[at][len(value) :]
    return replace(rows, text=b"".join(b"\t".join(fields) for fields in lines))


def _named(pattern: re.Pattern[str], part: Part) -> Sequence[str]:
    """What the name of a part says. Raises ValueError when it is none of these."""
    if (found := pattern.fullmatch(part.name)) is None:
        raise ValueError(part.name)
    return found.groups()
