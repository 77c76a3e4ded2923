"""What an archive holds, part by part; reading happens in threads, one part ahead of whoever stores it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.backup.archive_file import ArchiveReader, Part
from services.backup.archive_parts import LINES, SUPERSEDED, VECTORS, part_of, unpack_points, unpack_rows
from services.backup.backup_service import archive_of
from services.errors import UnreadableFile
from services.model import Advance, MemoryType, Progress
from services.points import Point
from services.records.archive_tables import Rows
from services.together import prefetched


@dataclass(frozen=True, slots=True)
class ReadPoints:
    number: int
    """Place among the parts of points, from 1."""
    type: MemoryType
    points: Sequence[Point]


class OpenArchive:
    """An archive that is being read. Every method raises as `ArchiveReader` does."""

    def __init__(self, reader: ArchiveReader) -> None:
        self._reader = reader
        self.archive = archive_of(reader)
        self._places = {part.name: part for part in reader.parts}

    @classmethod
    async def open(cls, path: Path) -> OpenArchive:
        return cls(await asyncio.to_thread(ArchiveReader, path))

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

    def _superseded(self) -> dict[str, int]:
        try:
            found: dict[str, int] = json.loads(self._reader.read(self._places[SUPERSEDED]))
        except (KeyError, ValueError) as error:
            raise self._unreadable(SUPERSEDED) from error
        return found

    def _points(self, part: Part, number: int, superseded: dict[str, int]) -> ReadPoints:
        try:
            found = part_of(part.name)
            vectors = self._places[part.name.removesuffix(LINES) + VECTORS]
            if found is None:
                raise self._unreadable(part.name)
            type_, pass_number = found
            lines, numbers = self._reader.read(part), self._reader.read(vectors)
            points = unpack_points(lines, numbers, self.archive.dimensions, pass_number, superseded)
        except (KeyError, ValueError, TypeError) as error:
            raise self._unreadable(part.name) from error
        return ReadPoints(number, type_, points)

    def _rows(self, part: Part) -> Rows:
        try:
            rows = unpack_rows(part.name, self._reader.read(part), part.records)
        except ValueError as error:
            raise self._unreadable(part.name) from error
        if rows is None:
            raise self._unreadable(part.name)
        return rows

    def _unreadable(self, name: str) -> UnreadableFile:
        return UnreadableFile(f"{self.archive.path}: {name} cannot be read; restore another backup")
