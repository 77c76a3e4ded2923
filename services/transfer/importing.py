"""Takes in what files hold: batch by batch, the next one read while the last one is compared. Twice changes nothing.

What is read goes to `import_planning`, and what that planned to `import_writing`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from services.acting import Scope, permitted_projects, require
from services.batches import batches
from services.errors import Forbidden, StoreTooNew, UnreadableFile
from services.memories.payload import drafted, read_memory
from services.memories.saving import TransactionHook
from services.memories.stored_memories import read_stored
from services.memories.storing_many import Incoming
from services.model import Action, Advance, Progress, counting, no_progress
from services.ports import UNMARKED, Mark
from services.times import writer_zone
from services.transfer.former_notes import FormerNotes
from services.transfer.import_planning import ImportPlanner
from services.transfer.import_run import ImportReport, ImportRun, RelationEnds, Remark, Take, remark_title
from services.transfer.import_writing import ImportWriter
from services.transfer.known_source import KnownSource
from services.transfer.reader_parts.folders import file_and_section
from services.transfer.reader_parts.imported_records import (
    BATCH,
    Record,
    chunk_ids_last,
    read_ahead,
)
from services.transfer.tracked_sessions import TrackedSessions

if TYPE_CHECKING:
    from services.memories.current_state import Current
    from services.memories.memory_service import MemoryService
    from services.memories.write_plans import Plan
    from services.model import MemoryDraft
    from services.ports import Clock, Embedder, VectorStore
    from services.records import Records
    from services.settings import Settings
    from services.transfer.reader_parts.source import Origin

MOST_AT_ONCE = 5_000
"""Memories of files and folders that are written at once."""
_TITLED = 100
"""Memories that a source has no longer, as far as they are named by their titles."""
Retire = Callable[[Sequence[Remark]], Awaitable[bool]]


class RecordSource(Protocol):
    """Where records come from: a file, a folder, another program's database."""

    name: str
    unit: str
    """What `done` and `size` count."""
    size: int | None
    lasting: bool
    """True where the same records are read again and again: what was deleted here then stays deleted."""

    @property
    def done(self) -> int: ...

    def origin(self) -> Origin | None:
        """The file or folder as it is now; None where nothing is written down of a source."""
        ...

    def records(self) -> Iterator[Record]:
        """Every record as it is read, each batch in a thread of its own."""
        ...


class ImportService:
    """Reads sources and stores what is new in them."""

    def __init__(
        self,
        vectors: VectorStore,
        embedder: Embedder,
        records: Records,
        memories: MemoryService,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._vectors = vectors
        self._records = records
        self._memories = memories
        self._settings = settings
        self._zone = writer_zone(settings)
        self._clock = clock
        self._tracked = TrackedSessions(records, settings)
        self._planner = ImportPlanner(vectors, embedder, records, settings, clock, self._tracked)
        self._writer = ImportWriter(records, self._tracked)
        self.part = MOST_AT_ONCE
        """Memories of files and folders that are written at once."""

    def require_allowed(self) -> None:
        """Raises Forbidden to who may not write, or is kept to some projects."""
        require(Scope.WRITE, "import memories")
        if permitted_projects() is not None:
            raise Forbidden("a token that is kept to some projects cannot import; it needs one for all of them")

    async def import_stream(self, name: str, stream: BinaryIO, *, dry_run: bool = False) -> ImportReport:
        """Imports what somebody sends, of memories and relations; as `import_sources`.

        Raises Forbidden as `require_allowed`, and for other rows to who may only do what can be undone.
        """
        from services.transfer.reader_parts.source import Source

        self.require_allowed()
        source = Source(None, stream)
        source.name = name
        return await self._import([source], dry_run, no_progress, None, part=None)

    async def import_sources(
        self,
        sources: Sequence[RecordSource],
        *,
        dry_run: bool = False,
        retire: Retire | None = None,
        written: Callable[[ImportReport], None] = lambda _: None,
        take: Take = lambda _: None,
        synced: bool = False,
        progress: Advance = no_progress,
    ) -> ImportReport:
        """Imports all sources in turn; one that cannot be read does not keep the others out.

        With `dry_run` nothing is written: the report tells what would be. `retire` is asked whether memories that an
        earlier import found in a source, and that it has no longer, shall go to the trash; `take`, which side stands
        where both changed the same. `synced`: it is done by itself, so that what was undone comes again only when it
        changes.

        All of it is one act, to be undone as one. It is read and compared first, then written in one transaction, then
        embedded; of more memories than `part` so many at a time, after each of which `written` is told. What was
        written when it ends early stays, and the next import of the same goes on there. Raises StoreUnavailable or
        StoreMismatch when the stores cannot take it, Conflict when it is undone meanwhile.
        """
        require(Scope.ADMIN, "read files on the machine of the server")
        return await self._import(sources, dry_run, progress, retire, self.part, written, take, synced=synced)

    async def _import(
        self,
        sources: Sequence[RecordSource],
        dry_run: bool,
        progress: Advance,
        retire: Retire | None,
        part: int | None,
        written: Callable[[ImportReport], None] = lambda _: None,
        take: Take = lambda _: None,
        *,
        synced: bool = False,
    ) -> ImportReport:
        group = str(uuid.uuid4())
        begin = partial(self._memories.storing, group, prefetch=not dry_run)
        with ImportRun(begin, RelationEnds(self._vectors), FormerNotes(self._vectors), self._settings.home) as run:
            run.written, run.take, run.synced = written, take, synced
            for source in sources:
                await self._read(run, source, progress, part, dry_run=dry_run)
            run.lasting = False  # what waits was looked at already
            for name, records in run.waiting.items():
                run.source = name
                await self._planner.relate(run, records, last=True)
            for origin in run.origins:
                await self._find_missing(run, origin, asked=retire is not None)
            if retire and run.missing and not dry_run:
                seen = await self._records.outbox.marks(list(run.missing))
                if await retire(run.report.missing):
                    await self._retire(run, seen, sources)
            await (self._writer.count(run) if dry_run else self._writer.write(run, progress))
            return run.report

    async def _read(
        self, run: ImportRun, source: RecordSource, progress: Advance, part: int | None, *, dry_run: bool
    ) -> None:
        """Compares what one source holds with what is here, and writes what is more than `part`.

        One that is as it was imported is not read, but for a dry run.
        """
        report = run.report
        run.source, run.lasting = source.name, source.lasting
        found = await asyncio.to_thread(source.origin)
        run.origin = origin = await KnownSource.of(self._records, self._vectors, source.name, found, synced=run.synced)
        if origin is not None and not dry_run and await origin.is_unchanged():
            run.pass_over(origin)
            run.note_deleted(origin)
            return
        if origin is not None:
            run.origins.append(origin)
        accepted, failed, kept = run.accepted, len(report.failed), len(report.kept)
        remarks = failed + len(report.notes)
        broken = False
        try:
            async for batch in read_ahead(chunk_ids_last(source.records())):
                broken |= await self._planner.take(run, batch)
                progress(Progress(source.done, source.size, f"{source.name} ({source.unit})"))
                if part is not None and run.act.count >= part:
                    await (run.pass_part() if dry_run else self._writer.write_part(run, progress))
            if origin is not None:
                await self._planner.store(run, list(origin.waiting.values()), last=True)
        except (UnreadableFile, StoreTooNew) as error:
            broken = True
            run.fail("", str(error))
            report.broken = str(error)
        run.note_types()
        nothing = run.accepted == accepted and source.name not in run.waiting
        if nothing and len(report.failed) > failed:
            report.barren.append(source.name)
        if origin is not None and not broken:
            told = len(report.failed) + len(report.notes) - remarks - origin.moved
            origin.ended(run.accepted - accepted, told)
            origin.conflicts = len(report.kept) - kept
            origin.settled = not origin.conflicts and not nothing and not origin.left_out and not origin.has_sessions
            run.note_deleted(origin)

    async def _find_missing(self, run: ImportRun, origin: KnownSource, *, asked: bool) -> None:
        """Tells which memories the source has no longer; those that other files of the import have are none.

        `asked`: it is asked whether they stay.
        """
        if not origin.complete:
            return
        moved = set(run.moved.values())
        gone = [one async for one in origin.missing() if one.memory_id not in moved and one.memory_id not in run.act]
        titles = await read_stored(self._vectors, [one.memory_id for one in gone[:_TITLED]], embeddings=False)
        origin.settled &= not gone or gone[0].file is not None
        for one in gone:
            stored = titles.get(one.memory_id)
            title = f'"{remark_title(stored[0].memory(self._zone))}" ' if stored else ""
            run.missing[one.memory_id] = origin, one.file
            stays = "" if asked else "; it stays, unless `import --retire-missing` is given"
            reason = f"{title}({one.memory_id[:8]}) is no longer in the source{stays}"
            run.report.missing.append(Remark(origin.name, one.file or one.memory_id, reason))

    async def _retire(self, run: ImportRun, seen: Mapping[str, Mark], sources: Sequence[RecordSource]) -> None:
        """Plans to move to the trash what sources have no longer.

        Not what was changed since it was `seen`, nor what is there again: the question was not about that.
        """
        now = {source.name: await asyncio.to_thread(source.origin) for source in sources}

        def is_gone(origin: KnownSource, file: str | None) -> bool:
            then, again = origin.origin, now.get(origin.name)
            if again is None or file is None:
                return again is not None and again.fingerprint == then.fingerprint
            name, _ = file_and_section(file)
            return again.files_there.get(name) == then.files_there.get(name)

        async def plan(currents: Mapping[str, Current]) -> list[Plan]:
            return [
                one.plan(None, Action.DELETED, "deleted")
                for one in currents.values()
                if one.state and one.mark.newest == seen.get(one.id, UNMARKED).newest
            ]

        gone = [id_ for id_, place in run.missing.items() if is_gone(*place)]
        for ids in batches(gone, BATCH):
            retired = [one.memory_id for one in await run.act.add(ids, plan)]
            run.report.retired += len(retired)
            run.left += [(known.id, one) for one in retired if (known := run.missing[one][0].known)]

    async def import_files(self, paths: Sequence[Path], *, progress: Advance = no_progress) -> ImportReport:
        """Takes in files and folders; as `import_sources`."""
        from services.transfer.reader_parts.source import Source

        return await self.import_sources([Source(path) for path in paths], progress=progress)

    async def store_drafts(
        self, drafts: Sequence[MemoryDraft], *, also: TransactionHook | None = None, progress: Advance = no_progress
    ) -> str:
        """Stores many new memories in one act, with ids and dates as they say, and what `also` writes with them.

        Gives the change group.
        """
        now = self._clock()
        with self._memories.storing() as act:
            for some in batches(drafts, BATCH):
                items = []
                for draft in some:
                    memory_id = draft.id or str(uuid.uuid4())
                    state = drafted(draft, memory_id, draft.created_at or now, self._zone)
                    items.append(Incoming(read_memory(memory_id, state, self._zone)))
                await act.take(items)
            await act.write(also=also, applied=counting(progress, len(drafts), "memories"))
            return act.group
