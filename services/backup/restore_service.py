"""Brings an archive back: verified first, compared, then into an empty store, into what is there, or in its place."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from services.acting import Scope, require
from services.backup.archive_comparison import MemoryPairs
from services.backup.archive_parts import OpenArchive
from services.backup.backup_service import dimensions_of
from services.backup.backup_values import Archive, Comparison, RestoreReport, UnfinishedRestore
from services.backup.restore_merging import counted, merge
from services.backup.restore_replacing import replace as put_in_place
from services.backup.restore_run import Marker, RestoreRun, RestoreTarget, Vectoring, read_marker, remove_former_file
from services.errors import Conflict, NotFound
from services.memories.stored_memories import count_memories
from services.model import Advance, Progress, no_progress
from services.ports import Draft
from services.records.archive_tables import Difference
from services.times import WriterZone

if TYPE_CHECKING:
    from services.backup.backup_service import BackupService
    from services.ports import Clock, Embedder
    from services.settings import Settings

_log = logging.getLogger(__name__)

_FRESH, _MERGE, _REPLACE = "fresh", "merge", "replace"


class RestoreService:
    """Restores archives of `BackupService`, from embedded and central alike."""

    def __init__(
        self, target: RestoreTarget, embedder: Embedder, backup: BackupService, settings: Settings, clock: Clock
    ) -> None:
        self._target = target
        self._embedder = embedder
        self._backup = backup
        self._settings = settings
        self._clock = clock

    async def unfinished(self) -> UnfinishedRestore | None:
        """The restore that was begun on these stores, by whichever program, and not finished."""
        return self.noted(await self._target.tables.note())

    def noted(self, note: str | None) -> UnfinishedRestore | None:
        """The same, by the note of it in the database."""
        marker = read_marker(note, self._settings.home)
        return None if marker is None else marker.unfinished()

    async def finish(self, *, progress: Advance = no_progress) -> RestoreReport:
        """Finishes the restore that was begun. Raises NotFound when there is none, Conflict as `restore`."""
        require(Scope.ADMIN, "restore a backup")
        return await self._finish(await self._begun(), progress)

    async def take_back(self, *, progress: Advance = no_progress) -> None:
        """Undoes the restore that was begun: the stores hold again what they held before it.

        What it changed already is finished first and then undone, or replaced by the backup that was made before, so
        that the history tells of both. Raises NotFound when there is none, Conflict as `restore` and `undo`.
        """
        require(Scope.ADMIN, "restore a backup")
        marker = await self._begun()
        vectors = self._target.vectors
        if marker.tables:
            await self._finish(marker, progress)
            if marker.mode == _MERGE:
                await self._target.memories.undo(group=marker.group)
            elif marker.safety:
                comparison = await self.compare(Path(marker.safety), progress=progress)
                await self.restore(comparison, replace=True, progress=progress)
            return
        draft = await vectors.draft()
        if draft is not None and draft.purpose.startswith("restore "):
            await vectors.drop_draft()
        if marker.mode == _FRESH and (model := await vectors.model()):
            dimensions = await dimensions_of(vectors, self._embedder)
            await vectors.open_draft(Draft(f"restore {marker.group}", dimensions, model))
            await vectors.prepare_adoption()
            await vectors.adopt_draft()
            await vectors.drop_former()
        await self._forget()

    async def compare(self, archive: Path, *, progress: Advance = no_progress) -> Comparison:
        """Verifies the archive to its last byte, then says what a restore would do. Changes nothing.

        Raises UnreadableFile naming the damaged place, StoreTooNew, InvalidInput, SchemaMissing, or as the stores do.
        """
        async with _opened(archive, self._target.zone) as opened:
            await opened.verify(progress)
            marker = await self._marker_of(opened.archive)
            empty = (marker is not None and marker.mode == _FRESH) or await self._empty()
            if empty:
                differences = tuple(Difference(kind, new=count) for kind, count in opened.archive.counts.items())
            else:
                differences = await self._differences(opened, progress)
            reason = await Vectoring(opened, self._embedder).reason()
            return Comparison(opened.archive, differences, empty, reason, marker is not None)

    async def restore(
        self, comparison: Comparison, *, replace: bool = False, progress: Advance = no_progress
    ) -> RestoreReport:
        """Restores what was compared. Killed at any moment, the same call goes on where it stopped.

        An empty store takes everything as it is. Else a merge brings what is missing or newer, and a replacement, after
        a backup of what is there, puts the archive in its place; both go into the history as one act.
        Raises Conflict when the archive is no longer the one that was compared, UnreadableFile for a place damaged
        since, StoreUnavailable when vectors must be made and the embedder is away (before the first write), or as the
        stores do.
        """
        require(Scope.ADMIN, "restore a backup")
        async with _opened(comparison.archive.path, self._target.zone) as opened:
            if opened.archive.digest != comparison.archive.digest:
                raise Conflict(f"{opened.archive.path} is another archive than before; compare again", None)
            vectoring = Vectoring(opened, self._embedder)
            await vectoring.check()
            mode = _FRESH if comparison.empty else _REPLACE if replace else _MERGE
            former, safety = await self._marker_of(opened.archive), None
            if former is None or former.mode != mode:
                former = None
                if mode == _REPLACE:
                    safety = await self._backup.backup(self._settings.backups_dir, progress=progress)
            marker = former or self._new_marker(opened.archive, mode, safety)
            total = opened.archive.records + (opened.archive.counts.get("memories", 0) if mode == _REPLACE else 0)
            run = RestoreRun(opened, self._target, vectoring, marker, progress, total)
            await run.keep()
            act = {_FRESH: _fill_empty, _MERGE: merge, _REPLACE: put_in_place}[mode]
            counts = await act(run)
            await self._forget()
        same = comparison.same and not (mode == _REPLACE and counts.get("memories"))  # somebody may have written since
        written = {} if same else {kind: count for kind, count in counts.items() if count}
        unchanged = max(0, comparison.archive.records - sum(written.values()))
        _log.info("restored %s (%s): %s", comparison.archive.path, mode, written)
        return RestoreReport(comparison.archive, written, unchanged, safety)

    async def _marker_of(self, archive: Archive) -> Marker | None:
        """The note of an unfinished restore of this very archive."""
        marker = await self._marker()
        return marker if marker is not None and marker.digest == archive.digest else None

    async def _marker(self) -> Marker | None:
        return read_marker(await self._target.tables.note(), self._settings.home)

    async def _begun(self) -> Marker:
        if (marker := await self._marker()) is None:
            raise NotFound("no restore was begun and not finished")
        return marker

    async def _finish(self, marker: Marker, progress: Advance) -> RestoreReport:
        comparison = await self.compare(Path(marker.path), progress=progress)
        if not comparison.continues:
            raise Conflict(f"{marker.path} is another archive than the one whose restore was begun", None)
        return await self.restore(comparison, replace=marker.mode == _REPLACE, progress=progress)

    async def _forget(self) -> None:
        await self._target.tables.remove_note()
        await asyncio.to_thread(remove_former_file, self._settings.home)

    def _new_marker(self, archive: Archive, mode: str, safety: Archive | None) -> Marker:
        path = str(archive.path.absolute())
        kept = "" if safety is None else str(safety.path.absolute())
        return Marker(path, archive.digest, mode, str(uuid.uuid4()), self._clock().isoformat(), safety=kept)

    async def _empty(self) -> bool:
        points = sum(one.points for one in (await self._target.vectors.info()).values())
        return not points and not any((await self._target.tables.counts()).values())

    async def _differences(self, opened: OpenArchive, progress: Advance) -> tuple[Difference, ...]:
        tables = self._target.tables
        async with tables.staged(opened.rows(), commit=False) as staged:
            counts = await staged.compare()
        return (await self._memories(opened, progress), *counts)

    async def _memories(self, opened: OpenArchive, progress: Advance) -> Difference:
        vectors, total = self._target.vectors, opened.archive.counts.get("memories", 0)
        pairs = MemoryPairs(vectors, opened, self._target.zone)
        found: Counter[str] = Counter()
        async for batch in pairs.batches():
            found.update(pair.status.value for pair in batch)
            progress(Progress(found.total(), max(total, found.total()), "memories compared"))
        here = await count_memories(vectors)
        return Difference("memories", **found, only_here=max(0, here - found.total() + found["new"]))


async def _fill_empty(run: RestoreRun) -> Mapping[str, int]:
    """Points before tables, so that no outbox entry is of memories not yet here.

    Not at the same time: the points note how far they are, which needs a connection while the tables would hold one,
    and behind PgBouncer there may be no second one.
    """
    await run.target.vectors.ensure(run.vectoring.dimensions, run.vectoring.model)
    await run.fill(run.target.vectors)
    async with run.target.tables.staged(counted(run)) as staged:
        counts = Counter({"changes": await staged.bring_history()})
        counts.update(await staged.merge(None))
        await staged.take_outbox()
        await run.keep_tables(staged)
    counts["memories"] = run.archive.archive.counts.get("memories", 0)
    return counts


@asynccontextmanager
async def _opened(path: Path, here: WriterZone) -> AsyncIterator[OpenArchive]:
    opened = await OpenArchive.open(path, here)
    try:
        yield opened
    finally:
        opened.close()
