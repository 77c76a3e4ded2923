"""Writes memories into files, in any of the formats of `services.transfer.writers`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.acting import Scope, require, seeing_all
from services.errors import Conflict, InvalidInput
from services.files import AtomicFile, AtomicFolder
from services.model import Advance, MemoryType, counted, no_progress
from services.ports import Clock, VectorStore
from services.records import Records
from services.settings import Settings
from services.transfer.export_source import EVERYTHING, ExportSource, Selection
from services.transfer.writers import own_export
from services.transfer.writers.writer import FileWriter, FolderWriter, NamedFile, Writer

_LOOKS, _PAUSE = 20, 0.25
"""How often, and how many seconds apart, an export looks whether what is being saved is there."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote."""

    counts: Mapping[str, int]
    """By the name of what it is, in the plural."""
    by_type: Mapping[MemoryType, int]
    lost: str
    """What it left out, in one line; "" for nothing."""


class ExportService:
    """Exports, streamed."""

    def __init__(self, vectors: VectorStore, records: Records, settings: Settings, clock: Clock) -> None:
        self._vectors = vectors
        self._records = records
        self._settings = settings
        self._clock = clock

    async def export(
        self, path: Path, ids: Sequence[str] | None = None, *, progress: Advance = no_progress
    ) -> Mapping[str, int]:
        """Writes all, or these memories, as JSON lines without loss; gives counts by kind. Raises as `write`."""
        return (await self.write(path, own_export.WRITER, Selection(ids), progress=progress)).counts

    async def write(
        self,
        path: Path,
        writer: Writer,
        selection: Selection = EVERYTHING,
        *,
        replace: bool = True,
        progress: Advance = no_progress,
    ) -> Exported:
        """Writes the file or folder, or leaves the one that is there: nothing half-written is ever seen under its name.

        Into a folder that is there, with `replace`, the notes are moved when all of them are written; what else is in
        it stays. Raises StorageFull, InvalidInput when the place does not exist, or is taken and not to be replaced,
        Conflict while changes are not in the vector store yet, or what the stores raise.
        """
        require(Scope.ADMIN, "write files on the machine of the server")
        taken = InvalidInput(f"{path} is there already; nothing was written: choose another path")
        if not replace and await asyncio.to_thread(writer.is_taken, path):
            raise taken
        source = self._source(selection, progress)
        await self._require_applied()
        try:
            if isinstance(writer, FolderWriter):
                await _write_folder(path, writer.files(source), replace=replace)
            else:
                await _write_file(path, writer.pieces(source), replace=replace)
        except FileExistsError as error:  # another program made it meanwhile
            raise taken from error
        return _exported(writer, source)

    async def stream(
        self,
        writer: Writer,
        put: Callable[[bytes], object],
        selection: Selection = EVERYTHING,
        *,
        progress: Advance = no_progress,
    ) -> Exported:
        """Gives `put`, piece by piece, what `write` would write. Raises InvalidInput for a format that is a folder."""
        if not isinstance(writer, FileWriter):
            raise InvalidInput("this format is a folder of files: name a folder to be made")
        source = self._source(selection, progress)
        await self._require_applied()
        async for piece in writer.pieces(source):
            put(piece)
        return _exported(writer, source)

    async def lines(self, ids: Sequence[str] | None = None) -> AsyncIterator[bytes]:
        """The lines of an export without loss of all, or of these memories. Raises Conflict as `write` does."""
        async for line in self.pieces(own_export.WRITER, Selection(ids)):
            yield line

    async def pieces(self, writer: FileWriter, selection: Selection) -> AsyncGenerator[bytes]:
        """What `write` would write, as it is read; no file is. Raises Conflict as that does."""
        await self._require_applied()
        async for piece in writer.pieces(self._source(selection)):
            yield piece

    def _source(self, selection: Selection, progress: Advance = no_progress) -> ExportSource:
        return ExportSource(self._vectors, self._records, self._settings, self._clock(), selection, progress)

    async def _require_applied(self) -> None:
        for _ in range(_LOOKS):
            with seeing_all():  # says only whether there are some
                waiting = await self._records.outbox.entries(untried=True, limit=1)
            if not waiting:
                return
            await asyncio.sleep(_PAUSE)
        with seeing_all():
            number = len(await self._records.outbox.entries(untried=True, limit=100_000))
        raise Conflict(f"{number:,} memories are still being saved: nothing was exported, try again in a while", None)


async def _write_file(path: Path, pieces: AsyncIterator[bytes], *, replace: bool) -> None:
    file = AtomicFile(path)
    try:
        async for piece in pieces:
            file.write(piece)
        file.commit(replace=replace)
    except BaseException:
        file.discard()
        raise


async def _write_folder(path: Path, files: AsyncIterator[NamedFile], *, replace: bool) -> None:
    folder = await asyncio.to_thread(AtomicFolder, path)
    try:
        async for file in files:
            await asyncio.to_thread(folder.write, *file)
        await asyncio.to_thread(folder.commit, replace=replace)
    except BaseException:
        await asyncio.to_thread(folder.discard)
        raise


def _exported(writer: Writer, source: ExportSource) -> Exported:
    single = [f"{counted(number, noun)} {why}" for (noun, why), number in source.lost.items()]
    return Exported(dict(source.counts), dict(source.by_type), "; ".join(filter(None, [writer.lost, *single])))
