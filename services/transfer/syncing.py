"""Files and folders that are imported again by themselves, and into which edits of their memories are written back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from services.acting import Scope, require
from services.errors import Conflict, InvalidInput, MemoriaError, NotFound, StoreUnavailable
from services.file_locks import take_lock
from services.files import make_private
from services.memories.stored_memories import read_stored
from services.model import Advance, no_progress
from services.records.import_sources import ImportedItem, ImportSource
from services.transfer.import_run import ImportReport, Remark
from services.transfer.reader_parts.folders import file_and_section
from services.transfer.reader_parts.reading_options import ReadingOptions
from services.transfer.write_back import WriteBack

if TYPE_CHECKING:
    from services.ports import VectorStore
    from services.records import Records
    from services.settings import Settings
    from services.transfer.importing import ImportService

_log = logging.getLogger(__name__)
_LOOK = 15.0
"""Seconds between two looks for sources that were added, and for edits here."""
_SLOW = 300.0
"""Seconds after which all is looked at again, as not every folder can be watched: one of a server tells nothing."""
_PATIENCE = 60.0
"""Seconds that another program may need to finish its own sync."""


class Mode(StrEnum):
    """In which directions a source is kept in step."""

    IN = "in"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class SyncedSource:
    """A file or folder that is imported again by itself."""

    path: Path
    mode: Mode
    imported_at: datetime | None
    """When that was last done completely."""
    conflicts: int
    """Memories that were changed both here and there."""
    exists: bool


@dataclass(slots=True)
class Synced:
    """What one sync of a source did."""

    path: Path
    report: ImportReport
    written: list[Path] = field(default_factory=list)
    """Notes into which edits were written back."""
    not_written: list[Remark] = field(default_factory=list)
    """Edits that are here alone."""

    @property
    def changed(self) -> bool:
        """Whether it brought something over."""
        return bool(self.report.memories or self.report.relations or self.written)

    @property
    def problems(self) -> frozenset[str]:
        """What waits for a person."""
        report = self.report
        return frozenset(map(str, [*filter(None, [report.broken]), *report.kept, *self.not_written]))

    def summary(self) -> str:
        """In one line."""
        notes = f" · {len(self.written)} written back" if self.written else ""
        return f"{self.path}: {self.report.summary()}{notes}"


class SyncService:
    """Keeps files and folders in step."""

    def __init__(
        self,
        importing: ImportService,
        vectors: VectorStore,
        records: Records,
        settings: Settings,
        *,
        look: float = _LOOK,
        slow: float = _SLOW,
        write_back: WriteBack | None = None,
    ) -> None:
        """`look` and `slow`: seconds after which a watcher looks for what it was not told."""
        self._look, self._slow = look, slow
        self._importing = importing
        self._vectors = vectors
        self._records = records
        self._settings = settings
        self._writing = write_back or WriteBack(settings.home / "sync-writing")

    async def add(self, path: Path, mode: Mode, options: ReadingOptions) -> SyncedSource:
        """Has it imported whenever it changes.

        Raises InvalidInput for what is not there, is no format, or cannot be written back.
        """
        require(Scope.ADMIN, "read files on the machine of the server")
        from services.transfer.reader_parts.folders import has_suffix
        from services.transfer.reader_parts.opened_source import TEXT_SUFFIXES
        from services.transfer.reader_parts.source import reader_named

        if options.format is not None:
            reader_named(options.format)
        path = await asyncio.to_thread(path.resolve)
        await asyncio.to_thread(_require_readable, path, self._settings.home)
        if mode is Mode.BOTH and not path.is_dir() and not has_suffix(path.name, TEXT_SUFFIXES):
            raise InvalidInput(f"{path}: only notes are written back; leave out --both")
        await self._records.sources.sync(self._records.sources.machine(), str(path), mode, options.as_json())
        return next(one for one in await self.sources() if one.path == path)

    async def remove(self, path: Path) -> None:
        """Leaves it alone from now on; what was imported stays. Raises NotFound."""
        require(Scope.ADMIN, "read files on the machine of the server")
        path = await asyncio.to_thread(path.resolve)
        if path not in [one.path for one in await self.sources()]:
            raise NotFound(f"{path} is not synced; `memoria-tui sync status` lists what is")
        await self._records.sources.sync(self._records.sources.machine(), str(path), None, "{}")

    async def sources(self) -> tuple[SyncedSource, ...]:
        """All of this computer, by path."""
        found = await self._records.sources.synced(self._records.sources.machine())
        return tuple(await asyncio.to_thread(lambda: [_synced(one) for one in found]))

    async def run(self, *, progress: Advance = no_progress, edits_alone: bool = False) -> list[Synced]:
        """Imports what changed, each source as one act, then writes edits back; `edits_alone`: only the latter.

        One that cannot be synced is told in its report, and keeps none of the others. Raises StoreUnavailable, and
        Conflict while another program does so for longer than a minute.
        """
        require(Scope.ADMIN, "read files on the machine of the server")
        async with self._only_one("sync.lock", _PATIENCE):
            return [
                await self._sync(one, progress, edits_alone=edits_alone)
                for one in await self._records.sources.synced(self._records.sources.machine())
            ]

    async def watch(self, tell: Callable[[Synced], None]) -> None:
        """Does so whenever a source or a memory changes, until it is cancelled; of several programs one does it.

        Tells what brought something over, and what waits for a person, once.
        """
        known: dict[Path, frozenset[str]] = {}

        def tell_new(made: Synced, edits_alone: bool) -> None:
            told = known.get(made.path, frozenset())
            if made.changed or made.problems - told:
                tell(made)
            known[made.path] = made.problems | told if edits_alone else made.problems

        while True:
            try:
                async with self._only_one("sync-watch.lock", 0):
                    while True:
                        await self._sync_and_wait(await self.sources(), tell_new)
            except (MemoriaError, OSError) as error:  # a store is away, or another program does it
                _log.debug("no sync now: %s", error)
                await asyncio.sleep(self._look)

    async def _sync_and_wait(self, sources: Sequence[SyncedSource], tell: Callable[[Synced, bool], None]) -> None:
        if not sources:
            await self._only_edits(asyncio.Event(), sources, 0, time.monotonic() + self._slow)
            return
        from services.transfer.file_watching import watched

        until, edits_alone = time.monotonic() + self._slow, False
        async with watched([one.path for one in sources if one.exists]) as changed:
            while True:
                newest = await self._records.history.newest_number()
                for one in await self.run(edits_alone=edits_alone):
                    tell(one, edits_alone)
                edits_alone = await self._only_edits(changed, sources, newest, until)
                if not edits_alone:
                    return

    async def _only_edits(
        self, changed: asyncio.Event, sources: Sequence[SyncedSource], newest: int, until: float
    ) -> bool:
        """Returns when memories changed after `newest` that may be written back; False when a file changed, sources
        were added or removed, or it is time to look at all again."""
        both = any(one.mode is Mode.BOTH for one in sources)
        before = [(one.path, one.mode, one.exists) for one in sources]
        while time.monotonic() < until and not await _happens(changed, self._look):
            if [(one.path, one.mode, one.exists) for one in await self.sources()] != before:
                return False
            if both and await self._records.history.newest_number() != newest:
                return True
        return False

    @contextlib.asynccontextmanager
    async def _only_one(self, name: str, seconds: float) -> AsyncIterator[None]:
        """One program of a home at a time. Raises Conflict."""
        home = self._settings.home
        await asyncio.to_thread(make_private, home)
        try:
            lock = await asyncio.to_thread(take_lock, home / name, seconds=seconds)
        except BlockingIOError as error:
            raise Conflict(
                "another program syncs at the moment; nothing was done, try again in a while", None
            ) from error
        try:
            yield
        finally:
            os.close(lock)

    async def _sync(self, source: ImportSource, progress: Advance, *, edits_alone: bool) -> Synced:
        try:
            left = await asyncio.to_thread(self._writing.repair, Path(source.path))
            report = ImportReport() if edits_alone else await self._import(source, progress)
            made = await self._write_edits_back(source, report)
            made.not_written[:0] = [Remark(source.path, one.note.name, str(one)) for one in left]
            return made
        except StoreUnavailable:
            raise
        except (MemoriaError, OSError) as error:
            told = Remark(source.path, "", str(error))
            return Synced(Path(source.path), ImportReport(failed=[told], broken=str(told)))

    async def _import(self, source: ImportSource, progress: Advance) -> ImportReport:
        from services.transfer.reader_parts.source import Source

        read = Source(Path(source.path), options=ReadingOptions.from_json(source.reading))
        return await self._importing.import_sources([read], synced=True, progress=progress)

    async def _write_edits_back(self, source: ImportSource, report: ImportReport) -> Synced:
        made = Synced(Path(source.path), report)
        if source.sync == Mode.BOTH and not report.broken:
            for item in await self._records.sources.edited(source.id):
                await self._write_back(made, source.id, item)
        return made

    async def _write_back(self, made: Synced, source: int, item: ImportedItem) -> None:
        """Writes the text of a memory into its note, if that is as it was imported."""
        from services.transfer.note_writing import CannotWrite

        stored = await read_stored(self._vectors, [item.memory_id], embeddings=False)
        if item.file is None or not stored:
            return
        name, section = file_and_section(item.file)
        path = made.path if made.path.name == name and made.path.is_file() else made.path / name
        try:
            if section:
                raise CannotWrite("it is a section of a file")
            edits = {item.memory_id: item.edited_in} if item.edited_in else {}
            texts = await self._records.history.texts_after(edits)  # its points may not be written yet
            text = texts.get(item.memory_id, stored[item.memory_id][0].state.content)
            written = await asyncio.to_thread(self._writing.write, made.path, path, item.file_hash, text)
        except (CannotWrite, OSError, InvalidInput) as error:
            made.not_written.append(Remark(str(made.path), item.file, f"not written back: {error}"))
            return
        if written is None:
            return
        act = item.change_group
        if written != item.file_hash:
            made.written.append(path)
            act, item = item.edited_in, ImportedItem(item.memory_id, "", item.file, written)
        async with self._records.transaction() as transaction:  # what was not written is not looked at again
            await transaction.sources.put(source, act, [item])


async def _happens(event: asyncio.Event, seconds: float) -> bool:
    """Whether it does within so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def _synced(source: ImportSource) -> SyncedSource:
    path = Path(source.path)
    return SyncedSource(path, Mode(source.sync or Mode.IN), source.imported_at, source.conflicts, path.exists())


def _require_readable(path: Path, home: Path) -> None:
    """Raises InvalidInput for what is neither a file nor a folder, and for what has the stores in it."""
    if not (path.is_dir() or path.is_file()):
        raise InvalidInput(f"{path}: {'is no file' if path.exists() else 'there is no such file'} or folder")
    if _holds(path, home.resolve()):
        raise InvalidInput(f"{path}: the stores are in it, and change with each import; name a folder without them")


def _holds(path: Path, home: Path) -> bool:
    """Whether files of the home would be read with it: hidden folders are not."""
    if path == home or home in path.parents:
        return True
    return path in home.parents and not any(part.startswith(".") for part in home.relative_to(path).parts)
