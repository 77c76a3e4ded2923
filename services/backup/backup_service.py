"""Makes backups, lists them and deletes old ones."""

from __future__ import annotations

import asyncio
import logging
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from itertools import dropwhile
from pathlib import Path
from typing import TYPE_CHECKING

from services.backup.archive_file import (
    HEADER,
    ArchiveReader,
    ArchiveWriter,
    archive_files,
    encoded,
    head_facts,
)
from services.backup.archive_parts import (
    LINES,
    SUPERSEDED,
    VECTORS,
    archive_of,
    memory_part,
    pack_points,
    pack_rows,
    part_name,
)
from services.backup.backup_values import Archive
from services.backup.point_snapshot import Gathered, Gathering
from services.errors import InvalidInput, MemoriaError
from services.files import storage_errors
from services.memories.stored_memories import memory_id_of
from services.model import Advance, MemoryType, Progress, no_progress
from services.points import Point
from services.records.archive_tables import Rows
from services.times import writer_zone, zone_name

if TYPE_CHECKING:
    from services.ports import Clock, Embedder, VectorStore
    from services.records.backup_tables import BackupTables
    from services.settings import Settings

_log = logging.getLogger(__name__)

_POINTS = 1000
_CHARACTERS = 4_000_000
"""Text after which a part of points ends early."""
_OUTBOX_COLUMNS = ("memory_id", "change_id", "attempts", "next_attempt")


class BackupService:
    """Backups of the whole store, from embedded and central alike."""

    def __init__(
        self, vectors: VectorStore, tables: BackupTables, embedder: Embedder, settings: Settings, clock: Clock
    ) -> None:
        self._vectors = vectors
        self._tables = tables
        self._embedder = embedder
        self._settings = settings
        self._clock = clock

    async def backup(self, folder: Path, *, keep: int | None = None, progress: Advance = no_progress) -> Archive:
        """Writes a new archive into the folder; with `keep`, deletes older ones, so that so many whole ones are left.

        Raises StorageFull, InvalidInput for a folder that cannot be, or what the stores raise; then nothing is left.
        """
        from importlib.metadata import version

        if keep is not None and keep < 1:
            raise InvalidInput(f"to keep {keep} backups would keep none; give 1 or more")
        made_at = self._clock().astimezone(UTC).replace(microsecond=0)
        writer = await asyncio.to_thread(ArchiveWriter, folder, made_at)
        try:
            path = await _Run(self._vectors, self._tables, self._settings, writer, progress).write(
                {
                    **head_facts(made_at),
                    "program": version("memoria-tui"),
                    "model": await self._vectors.model(),
                    "dimensions": await dimensions_of(self._vectors, self._embedder),
                    "chunk_size": self._settings.chunk_size,
                    "chunk_overlap": self._settings.chunk_overlap,
                    "zone": zone_name(writer_zone(self._settings)),
                }
            )
        except BaseException:
            await asyncio.shield(asyncio.to_thread(writer.abandon))
            raise
        if keep is not None:
            await asyncio.to_thread(_rotate, folder, keep, path)
        archive = await asyncio.to_thread(archive_at, path)
        _log.info("backed up %d records to %s", archive.records, path)
        return archive

    async def archives(self, *folders: Path) -> list[Archive]:
        """The archives of the folders that there are, newest first; of each only the ends are read.

        Raises StorageFull or InvalidInput when a folder cannot be read.
        """
        return await asyncio.to_thread(lambda: [archive_at(path) for path in archive_files(*folders)])


@dataclass(slots=True)
class _Waiting:
    """Points that wait for the others of their part; a part ends where a memory ends."""

    points: list[Point] = field(default_factory=list)
    characters: int = 0

    def add(self, point: Point) -> None:
        """As an array: each pass of the collector looks through a list number by number."""
        vector = None if point.vector is None else array("f", point.vector)
        self.points.append(Point(point.id, point.payload, vector))
        self.characters += sum(len(value) for value in point.payload.values() if isinstance(value, str))

    @property
    def full(self) -> bool:
        return len(self.points) >= _POINTS or self.characters > _CHARACTERS

    def take(self) -> list[Point]:
        taken, self.points, self.characters = self.points, [], 0
        return taken


class _Run:
    """One backup on its way."""

    def __init__(
        self, vectors: VectorStore, tables: BackupTables, settings: Settings, writer: ArchiveWriter, progress: Advance
    ) -> None:
        self._vectors = vectors
        self._tables = tables
        self._writer = writer
        self._progress = progress
        self._gathering = Gathering(vectors, tables, settings)
        self._waiting: dict[tuple[int, MemoryType], _Waiting] = {}
        self._numbers: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._done = 0
        self._total: int | None = None
        self._writing: asyncio.Task[None] | None = None

    async def write(self, facts: Mapping[str, object]) -> Path:
        """Everything, in the order in which a restore wants it."""
        points = sum(one.points for one in (await self._vectors.info()).values())
        self._total = points + sum((await self._tables.counts()).values())
        head = {key: facts[key] for key in ("format", "version", "made_at")}
        try:
            await self._add(lambda: self._writer.add(HEADER, encoded(head), 0, packed=False))
            await self._take(self._gathering.first_pass())
            async with self._tables.snapshot() as snapshot:
                await self._gathering.note_changes(snapshot)
                async for rows in snapshot.rows():
                    await self._add_rows(rows)
            await self._take(self._gathering.second_pass())
            await self._take(self._gathering.settle())
            await self._add_outbox(facts["made_at"])
            superseded = encoded(self._gathering.superseded)
            await self._add(lambda: self._writer.add(SUPERSEDED, superseded, 0))
            counts = {"memories": self._gathering.memories, **self._counts}
            await self._written()
            return await asyncio.to_thread(self._writer.finish, {**facts, "counts": counts})
        except BaseException:
            if self._writing is not None:
                await asyncio.wait([self._writing])
            raise

    async def _take(self, gathering: AsyncIterator[Gathered]) -> None:
        async for gathered in gathering:
            waiting = self._waiting.setdefault((gathered.pass_number, gathered.type), _Waiting())
            for point in gathered.points:
                if waiting.full and memory_id_of(point) != memory_id_of(waiting.points[-1]):
                    await self._add_points(gathered.pass_number, gathered.type, waiting.take())
                waiting.add(point)
            if not gathered.pass_number:
                self._advance(len(gathered.points), f"{gathered.type} memories")
        for (pass_number, type_), waiting in self._waiting.items():
            await self._add_points(pass_number, type_, waiting.take())

    async def _add_points(self, pass_number: int, type_: MemoryType, points: Sequence[Point]) -> None:
        if not points:
            return
        self._numbers[type_] += 1
        name = memory_part(type_, pass_number, self._numbers[type_])

        def add() -> None:
            lines, vectors = pack_points(points)
            self._writer.add(f"{name}{LINES}", lines, len(points))
            self._writer.add(f"{name}{VECTORS}", vectors, 0, packed=False)

        await self._add(add)

    async def _add_rows(self, rows: Rows) -> None:
        self._numbers[rows.table] += 1
        name = part_name(rows, self._numbers[rows.table])
        await self._add(lambda: self._writer.add(name, pack_rows(rows), rows.count))
        if rows.kind is not None:
            self._counts[rows.kind] += rows.count
            self._advance(rows.count, rows.kind)

    async def _add_outbox(self, due: object) -> None:
        """Work that the second pass found to be done on the memories as the archive has them."""
        late = self._gathering.late_entries
        if late:
            text = "".join(f"{one.memory_id}\t{one.change_id}\t0\t{due}\n" for one in late).encode("ascii")
            await self._add_rows(Rows("memoria_tui.embedding_schedule", _OUTBOX_COLUMNS, len(late), text))

    async def _add(self, write: Callable[[], None]) -> None:
        """Writes a part in a thread while the next one is read."""
        await self._written()
        self._writing = asyncio.create_task(asyncio.to_thread(write))

    async def _written(self) -> None:
        if self._writing is not None:
            task, self._writing = self._writing, None
            await task

    def _advance(self, records: int, what: str) -> None:
        self._done += records
        self._progress(Progress(self._done, None if self._total is None else max(self._done, self._total), what))


def archive_at(path: Path) -> Archive:
    """What an archive says about itself; one that cannot be used says why. Reads its ends only; blocking."""
    try:
        reader = ArchiveReader(path)
        reader.close()
        return archive_of(reader)
    except MemoriaError as error:
        with suppress(OSError):
            return Archive(path, None, path.stat().st_size, problem=str(error))
        return Archive(path, None, 0, problem=str(error))


async def dimensions_of(vectors: VectorStore, embedder: Embedder) -> int:
    """Of the vectors in the store; of those that will be, while there are none."""
    return next((one.dimensions for one in (await vectors.info()).values() if one.dimensions), embedder.dimensions)


def _rotate(folder: Path, keep: int, made: Path) -> None:
    """Deletes the oldest; what is damaged, or dated later than the one just made, neither counts nor goes."""
    earlier = list(dropwhile(made.__ne__, archive_files(folder)))[1:]
    older = [path for path in earlier if archive_at(path).problem is None]
    with storage_errors(folder):
        for path in older[keep - 1 :]:
            path.unlink()
