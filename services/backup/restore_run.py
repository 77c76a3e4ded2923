"""One restore on its way, and the note of it that every program on the stores finds until it is finished."""

from __future__ import annotations

import json
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from services.backup.backup_values import UnfinishedRestore
from services.errors import StoreUnavailable
from services.memories.point_vectors import makes, text_of, vectors_for
from services.model import Advance, Progress
from services.points import Point
from services.times import WriterZone, writer_zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.backup.archive_parts import OpenArchive
    from services.memories.memory_service import MemoryService
    from services.ports import Embedder, SwitchableStore, VectorStore
    from services.records.backup_tables import BackupTables
    from services.records.restore_staging import RestoreStaging
    from services.settings import Settings

_FORMER_FILE = "restore.json"
"""In the home: where earlier versions kept the note."""


@dataclass(frozen=True, slots=True)
class Marker:
    """How far a restore is."""

    path: str
    digest: str
    """Of the archive, so that another one is never taken for it."""
    mode: str
    """«fresh», «merge» or «replace»."""
    group: str
    """All that it changes is one act in the history."""
    begun_at: str
    parts: int = 0
    """Parts of points that are stored."""
    tables: bool = False
    """The tables are changed."""
    safety: str = ""
    """The backup of what a replacement replaces."""

    def as_text(self) -> str:
        return json.dumps(asdict(self))

    def unfinished(self) -> UnfinishedRestore | None:
        """What a program says at its start; None when the note cannot be understood."""
        with suppress(ValueError):
            return UnfinishedRestore(Path(self.path), self.mode == "replace", datetime.fromisoformat(self.begun_at))
        return None


def read_marker(note: str | None, home: Path) -> Marker | None:
    """The restore that was not finished; None when there is none, or the note cannot be read."""
    try:
        return Marker(**json.loads(note if note is not None else (home / _FORMER_FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def remove_former_file(home: Path) -> None:
    (home / _FORMER_FILE).unlink(missing_ok=True)


_SAMPLE = 8
"""Points by which a model is recognised: some may have been written by hand."""


@dataclass(frozen=True, slots=True)
class RestoreTarget:
    vectors: SwitchableStore
    tables: BackupTables
    memories: MemoryService
    settings: Settings

    @property
    def zone(self) -> WriterZone:
        """In which zone-less dates are read."""
        return writer_zone(self.settings)


class Vectoring:
    """The vectors of an archive, made again where another model made them."""

    def __init__(self, archive: OpenArchive, embedder: Embedder) -> None:
        self._archive = archive.archive
        self._opened = archive
        self._embedder = embedder
        self._reason: str | None = None
        self._asked = False

    @property
    def model(self) -> str:
        """Name of the model in use here, which made the vectors or will make them."""
        return self._embedder.model

    @property
    def dimensions(self) -> int:
        return self._embedder.dimensions

    async def reason(self) -> str | None:
        """Why the vectors must be made again; None when they serve as they are."""
        if not self._asked:
            self._reason = await self._why()
            self._asked = True
        return self._reason

    async def check(self) -> None:
        """Raises StoreUnavailable when vectors must be made and the embedder is away."""
        if reason := await self.reason():
            status = await self._embedder.status()
            if not status.ok:
                raise StoreUnavailable(
                    f"{reason}, so the memories must be embedded again, but {self._embedder.model} does not answer: "
                    "start it, or set the archive's model; nothing was restored"
                )

    async def of(self, points: Sequence[Point]) -> Sequence[Point]:
        """The points with vectors that serve here; those that wait for theirs still wait."""
        if await self.reason() is None:
            return points
        vectors = await vectors_for(self._embedder, [point for point in points if point.vector is not None])
        return [
            Point(point.id, point.payload, None if point.vector is None else vectors[text_of(point)])
            for point in points
        ]

    async def _why(self) -> str | None:
        archive, ours = self._archive, (self._embedder.model, self._embedder.dimensions)
        if not archive.counts.get("memories") or (archive.model, archive.dimensions) == ours:
            return None
        if archive.model is None and archive.dimensions == self._embedder.dimensions and await self._recognised():
            return None
        whose = archive.model or "a model that is not known"
        return (
            f"the archive's vectors come from {whose} ({archive.dimensions} dimensions), not from {ours[0]} ({ours[1]})"
        )

    async def _recognised(self) -> bool:
        """Whether our model makes the same vector of some text: archives of others' stores do not name theirs."""
        async with aclosing(self._opened.points()) as parts:
            async for read in parts:
                if sample := [point for point in read.points if point.vector is not None][:_SAMPLE]:
                    vectors = [point.vector or () for point in sample]
                    return await makes(self._embedder, list(map(text_of, sample)), vectors)
        return True


@dataclass(slots=True)
class RestoreRun:
    archive: OpenArchive
    target: RestoreTarget
    vectoring: Vectoring
    marker: Marker
    progress: Advance
    total: int
    done: int = 0

    def advance(self, records: int, what: str) -> None:
        self.done += records
        self.progress(Progress(min(self.done, self.total), self.total, what))

    async def keep(self, *, parts: int | None = None) -> None:
        """Writes down how far it is."""
        self.marker = self.marker if parts is None else replace(self.marker, parts=parts)
        await self.target.tables.keep_note(self.marker.as_text())

    async def keep_tables(self, staged: RestoreStaging) -> None:
        """Writes down, in the transaction that changes the tables, that they are changed."""
        self.marker = replace(self.marker, tables=True)
        await staged.keep_note(self.marker.as_text())

    async def fill(self, vectors: VectorStore) -> None:
        """Brings all points as they are in the archive, from where an earlier life stopped."""
        async for read in self.archive.points(after=self.marker.parts):
            await vectors.upsert(read.type, await self.vectoring.of(read.points))
            await self.keep(parts=read.number)
            self.advance(len(read.points), f"{read.type} memories")
