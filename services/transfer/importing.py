"""Takes in what files hold: batch by batch, the next one read while the last one is stored. Twice changes nothing."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from services.acting import Scope, kept_to, require
from services.batches import batches
from services.errors import Conflict, Forbidden, InvalidInput, StoreTooNew, UnreadableFile
from services.memories.chunking import chunks
from services.memories.embedding import makes
from services.memories.payload import State, drafted, read_memory, with_defaults
from services.memories.saving import TransactionHook
from services.memories.stored_memories import present, read_stored
from services.memories.storing import Incoming
from services.model import DEFAULT_IMPORTANCE, Action, Advance, Entity, Kind, Progress, counting, untold
from services.ports import UNMARKED, Mark, NewChange, NewRelation
from services.records.columns import exact_json
from services.records.import_sources import IMPORT_UNDONE, UNDECIDED, Fate, ImportedItem
from services.records.relation_states import relation_change
from services.secret_texts import guarded, told
from services.storable_text import quoted
from services.times import read_stamp, to_stamp, writer_zone
from services.transfer.formats.folders import file_and_section
from services.transfer.formats.imported_records import (
    BATCH,
    BadRecord,
    MemoryRecord,
    Record,
    RecordNote,
    RelationRecord,
    RowRecord,
    SessionRecord,
    chunk_ids_last,
    read_ahead,
)
from services.transfer.formats.kinds import ORIGINAL_TYPE
from services.transfer.formats.own_export import TABLES
from services.transfer.formats.own_rows import change_of
from services.transfer.former_notes import FormerNotes
from services.transfer.import_outcome import Outcome, Side, compared, outcome
from services.transfer.import_run import ImportReport, ImportRun, RelationEnds, Remark, Take
from services.transfer.source_memory import SourceMemory, record_hash
from services.transfer.tracked_sessions import TrackedSessions

if TYPE_CHECKING:
    from services.memories.current import Current, Plan
    from services.memories.memory_service import MemoryService
    from services.model import Memory, MemoryDraft
    from services.ports import Clock, Embedder, VectorStore
    from services.records import Records, Transaction
    from services.settings import Settings
    from services.transfer.formats.source import Origin

_TITLED = 100
"""Memories that a source has no longer, as far as they are named by their titles."""
Retire = Callable[[Sequence[Remark]], Awaitable[bool]]
_TITLE = 60
"""Most characters of a title in a message."""


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
        self._embedder = embedder
        self._records = records
        self._memories = memories
        self._settings = settings
        self._zone = writer_zone(settings)
        self._clock = clock
        self._tracked = TrackedSessions(records, settings)
        self.part = 5000
        """Memories of files and folders that are written at once."""

    def require_allowed(self) -> None:
        """Raises Forbidden to who may not write, or is kept to some projects."""
        require(Scope.WRITE, "import memories")
        if kept_to() is not None:
            raise Forbidden("a token that is kept to some projects cannot import; it needs one for all of them")

    async def import_stream(self, name: str, stream: BinaryIO, *, dry_run: bool = False) -> ImportReport:
        """Imports what somebody sends, of memories and relations; as `import_sources`.

        Raises Forbidden as `require_allowed`, and for other rows to who may only do what can be undone.
        """
        from services.transfer.formats.source import Source

        self.require_allowed()
        source = Source(None, stream)
        source.name = name
        return await self._import([source], dry_run, untold, None, part=None)

    async def import_sources(
        self,
        sources: Sequence[RecordSource],
        *,
        dry_run: bool = False,
        retire: Retire | None = None,
        written: Callable[[ImportReport], None] = lambda _: None,
        take: Take = lambda _: None,
        synced: bool = False,
        progress: Advance = untold,
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
                await self._relate(run, records, last=True)
            for origin in run.origins:
                await self._find_missing(run, origin, asked=retire is not None)
            if retire and run.missing and not dry_run:
                seen = await self._records.outbox.marks(list(run.missing))
                if await retire(run.report.missing):
                    await self._retire(run, seen, sources)
            await (self._count(run) if dry_run else self._write(run, progress))
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
        run.origin = origin = await SourceMemory.of(self._records, self._vectors, source.name, found, synced=run.synced)
        if origin is not None and not dry_run and await origin.is_unchanged():
            run.pass_over(origin)
            return
        if origin is not None:
            run.origins.append(origin)
        accepted, failed, kept = run.accepted, len(report.failed), len(report.kept)
        remarks = failed + len(report.notes)
        broken = False
        try:
            async for batch in read_ahead(chunk_ids_last(source.records())):
                broken |= await self._take(run, batch)
                progress(Progress(source.done, source.size, f"{source.name} ({source.unit})"))
                if part is not None and run.act.count >= part:
                    await (run.pass_part() if dry_run else self._write_part(run, progress))
            if origin is not None:
                await self._store(run, list(origin.waiting.values()), last=True)
        except (UnreadableFile, StoreTooNew) as error:
            broken = True
            run.fail("", str(error))
            report.broken = str(error)
        nothing = run.accepted == accepted and source.name not in run.waiting
        if nothing and len(report.failed) > failed:
            report.barren.append(source.name)
        if origin is not None and not broken:
            told = len(report.failed) + len(report.notes) - remarks - origin.moved
            origin.ended(run.accepted - accepted, told)
            origin.conflicts = len(report.kept) - kept
            origin.settled = not origin.conflicts and not nothing and not origin.left_out and not origin.has_sessions

    async def _find_missing(self, run: ImportRun, origin: SourceMemory, *, asked: bool) -> None:
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
            title = f'"{_short(stored[0].memory(self._zone).title)}" ' if stored else ""
            run.missing[one.memory_id] = origin, one.file
            stays = "" if asked else "; it stays, unless --retire-missing is given"
            reason = f"{title}({one.memory_id[:8]}) is no longer in the source{stays}"
            run.report.missing.append(Remark(origin.name, one.file or one.memory_id, reason))

    async def _retire(self, run: ImportRun, seen: Mapping[str, Mark], sources: Sequence[RecordSource]) -> None:
        """Plans to move to the trash what sources have no longer.

        Not what was changed since it was `seen`, nor what is there again: the question was not about that.
        """
        now = {source.name: await asyncio.to_thread(source.origin) for source in sources}

        def is_gone(origin: SourceMemory, file: str | None) -> bool:
            then, again = origin.origin, now.get(origin.name)
            if again is None or file is None:
                return again is not None and again.fingerprint == then.fingerprint
            name, _ = file_and_section(file)
            return again.files.get(name) == then.files.get(name)

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

    async def _count(self, run: ImportRun) -> None:
        """Says in the report what writing would do."""
        report = run.report
        run.count_stored()
        for new in run.relations:
            ends = list({end for relation in new for end in (relation.source_id, relation.target_id)})
            there = {(one.source_id, one.target_id, one.type) for one in await self._records.relations.between(ends)}
            report.relations += sum((one.source_id, one.target_id, one.type) not in there for one in new)
            report.unchanged += sum((one.source_id, one.target_id, one.type) in there for one in new)
        ids = {str(row["id"]).lower() for rows, _ in run.rows for row in rows.get("work_sessions", [])}
        known = {str(row["id"]) async for batch in self._records.rows.sessions() for row in batch} if ids else set()
        tracked = sum(one is not None for one in run.tracked.values())
        report.sessions, report.unchanged = len(ids - known) + tracked, report.unchanged + len(ids & known)

    async def _write(self, run: ImportRun, progress: Advance) -> None:
        """One transaction for all that is left, then the points."""
        applied = counting(progress, run.act.count, "memories stored")
        await run.act.write(also=partial(self._write_rows, run), beside=run.related, applied=applied)
        run.count_stored()
        run.report.unchanged += run.known_rows

    async def _write_part(self, run: ImportRun, progress: Advance) -> None:
        """The memories so far. What stands between them and others comes with the last part."""
        applied = counting(progress, run.act.count, "memories stored")

        async def also(transaction: Transaction) -> Sequence[NewChange]:
            await _refuse_undone(run, transaction)
            await self._write_items(run, transaction)
            return ()

        await run.act.write(also=also, applied=applied)
        run.begin_part()
        run.written(run.report)

    async def _write_items(self, run: ImportRun, transaction: Transaction) -> list[int]:
        """Writes down what came from which source, and what was not taken of it; gives the ids of the sources.

        Nothing of memories that others wrote meanwhile: the next import compares them with what they are then.
        """
        machine = self._records.sources.machine()
        ids = [0 if one.passed else await transaction.sources.begin(machine, one.origin.path) for one in run.origins]
        for source, memory_id in run.left:
            await transaction.sources.drop(source, [memory_id])
        await transaction.history.append(run.act.group, run.not_taken)
        for place, items in run.items:
            taken = [one for one in items if one.memory_id not in run.act.overtaken]
            run.origins[place].settled &= len(taken) == len(items)
            await transaction.sources.put(ids[place], run.act.group, taken)
        return ids

    async def _write_rows(self, run: ImportRun, transaction: Transaction) -> Sequence[NewChange]:
        """What is no memory. History of the file comes before that of the import, which is the newest."""
        await _refuse_undone(run, transaction)
        sessions = relations = known = 0
        for rows, changes in run.rows:
            made = [row for table in TABLES for row in await transaction.rows.insert(table, rows.get(table, []))]
            own = list({str(row["id"]).lower(): row for row in rows.get("work_sessions", [])}.values())
            written = await transaction.rows.upsert_sessions(own)
            await transaction.history.append_imported(changes)
            await transaction.history.append(run.act.group, [*made, *written], kind=Kind.IMPORT)
            new = sum(one.entity is Entity.SESSION and one.before is None for one in written)
            sessions += new
            known += len(own) - new
        tracked = await self._tracked.write(run, transaction)
        await transaction.history.append(run.act.group, tracked, kind=Kind.IMPORT)
        sessions += sum(one.entity is Entity.SESSION for one in tracked)
        for batch in run.relations:
            gone = await run.deleted_ends(transaction, batch)
            wanted = [one for one in batch if one.source_id not in gone and one.target_id not in gone]
            inserted = await transaction.relations.insert(wanted)
            rows_ = [relation_change(None, one, "imported") for one in inserted]
            await transaction.history.append(run.act.group, rows_, kind=Kind.IMPORT)
            relations += len(inserted)
            known += len(batch) - len(inserted)
        run.report.relations, run.report.sessions = relations, sessions
        run.known_rows = known
        for one, source in zip(run.origins, await self._write_items(run, transaction), strict=True):
            if one.complete and not one.passed:
                fingerprint = one.origin.fingerprint if one.settled else ""
                counts = {"records": one.records, "remarks": one.remarks, "conflicts": one.conflicts}
                await transaction.sources.settle(source, fingerprint, **counts)
        return ()

    async def import_files(self, paths: Sequence[Path], *, progress: Advance = untold) -> ImportReport:
        """Takes in files and folders; as `import_sources`."""
        from services.transfer.formats.source import Source

        return await self.import_sources([Source(path) for path in paths], progress=progress)

    async def store_drafts(
        self, drafts: Sequence[MemoryDraft], *, also: TransactionHook | None = None, progress: Advance = untold
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

    async def _take(self, run: ImportRun, batch: Sequence[Record]) -> bool:
        """Looks at a batch; gives whether the file breaks off in it."""
        given, batch = batch, await asyncio.to_thread(lambda: [self._guarded(one) for one in batch])
        refused = (old for old, new in zip(given, batch, strict=True) if isinstance(new, BadRecord))
        await self._leave_out(run, [one for one in refused if isinstance(one, MemoryRecord)])
        if run.origin is not None:
            run.origin.could_not_read([one for one in given if isinstance(one, BadRecord) and one.may_be_known])
        for bad in (record for record in batch if isinstance(record, BadRecord)):
            run.fail(bad.where, bad.reason)
            if bad.damaged:
                run.report.broken = f"{run.source}: damaged, read as far as that goes: {bad.reason}"
        run.report.notes += [Remark(run.source, one.where, one.reason) for one in batch if isinstance(one, RecordNote)]
        await self._store(run, [record for record in batch if isinstance(record, MemoryRecord)])
        await self._relate(run, [record for record in batch if isinstance(record, RelationRecord)])
        await self._rows(run, [record for record in batch if isinstance(record, RowRecord)])
        if sessions := [record for record in batch if isinstance(record, SessionRecord)]:
            require(Scope.ADMIN, "import work time")
            await self._tracked.compare(run, sessions)
            if run.origin is not None:
                run.origin.has_sessions = True
        return any(isinstance(record, BadRecord) and record.damaged for record in batch)

    def _guarded(self, record: Record) -> Record:
        """A memory with secrets as the settings want it: told, masked, or left out."""
        if not isinstance(record, MemoryRecord) or not (found := told(str(record.payload["content"]))):
            return record
        try:
            text = guarded(str(record.payload["content"]), self._settings.secrets)
        except InvalidInput as error:
            return BadRecord(record.where, str(error))
        if text == record.payload["content"]:
            return replace(record, notes=(*record.notes, f"has {found}"))
        payload, note = {**record.payload, "content": text}, f"masked {found}"
        return replace(record, payload=payload, vectors=(), texts=(), notes=(*record.notes, note))

    async def _leave_out(self, run: ImportRun, records: Sequence[MemoryRecord]) -> None:
        """Sees to it that the memories of refused records do not count as gone from the source, also of moved notes."""
        if (origin := run.origin) is not None and records:
            await origin.leave_out(records)
            origin.see(list((await run.known([one.id for one in records])).values()))
            run.moved |= {key: move.item.memory_id for key, move in (await origin.moves(records)).items()}

    async def _store(self, run: ImportRun, records: Sequence[MemoryRecord], *, last: bool = False) -> None:
        """`last`: all others of the source are stored."""
        if not records:
            return
        hashes = await asyncio.to_thread(lambda: {record.id: record_hash(record) for record in records})
        records = await self._changed(run, records, hashes, last=last)
        owner = await run.known([record.id for record in records if not record.whole])
        owner |= {record.id: run.moved[record.id] for record in records if record.id in run.moved}
        newest: dict[str, MemoryRecord] = {}
        for record in records:
            memory_id = owner.get(record.id, record.id)
            if (former := newest.get(memory_id)) and former.payload.get("content") != record.payload.get("content"):
                run.note_twice(former.where, record)
            if former is None or not self._is_newer(former.payload, record.payload):
                newest[memory_id] = record
        current = await run.act.current(newest)
        for memory_id, record in list(newest.items()):
            planned = current[memory_id].state if memory_id in run.act else None
            if planned and planned.payload.get("content") != record.payload.get("content"):
                run.note_twice("", record)
                if self._is_newer(planned.payload, record.payload):
                    del newest[memory_id]
        gone = {one: record.exported for one, record in newest.items() if current[one].state is None}
        for deleted in await self._deleted(run, gone):
            if gone[deleted]:
                run.report.failed.append(Remark(run.source, newest[deleted].where, _DELETED))
            del newest[deleted]
        run.report.unchanged += len(records) - len(newest)
        await self._plan(run, newest, current, hashes)

    async def _plan(
        self,
        run: ImportRun,
        newest: Mapping[str, MemoryRecord],
        current: Mapping[str, Current],
        hashes: Mapping[str, str],
    ) -> None:
        """Plans what becomes of memories, by their ids; `hashes` are by those of the records."""
        run.report.notes += [Remark(run.source, one.where, note) for one in newest.values() for note in one.notes]
        there = [one for one in newest if current[one].state is not None]
        last = await self._records.history.last_imports(there)
        written = await self._records.history.texts_after(run.origin.written if run.origin else {})
        said = run.origin.said if run.origin else {}
        import_undone = set(run.origin.import_undone) if run.origin else set()
        before = await self._records.history.imports_before(sorted(run.origin.as_before) if run.origin else [])
        for memory_id, (former, edited) in before.items():
            last.pop(memory_id, None)
            last |= {memory_id: former} if former else {}
            import_undone |= {memory_id} if edited else set()
        last |= {one: json.loads(text) for one, text in said.items()}
        last |= {one: _with_text(last[one], text) for one, text in written.items() if one in last}
        # Comparing hundreds of texts takes longer than a screen may stand still.
        outcomes = await asyncio.to_thread(
            lambda: {
                one: self._outcome(
                    record, current[one].state, last.get(one), run.take(one), import_undone=one in import_undone
                )
                for one, record in newest.items()
            }
        )
        items, unwritten = [], set()
        for memory_id, found in outcomes.items():
            state = found.state or current[memory_id].state
            if state is not None and state.content != newest[memory_id].payload["content"]:
                unwritten.add(memory_id)
            record, was = newest[memory_id], current[memory_id].state
            if found.said is not None and was is not None and run.take(memory_id) is Side.MINE:
                run.set_aside(memory_id, was, found.said)
            if found.conflicts and was is not None:
                memory = current[memory_id].memory(self._zone)
                texts = (compared(was.payload, found.conflicts), compared(record.payload, found.conflicts))
                run.report.kept.append(
                    Remark(run.source, record.where, _kept(memory, found.conflicts), texts, memory_id)
                )
            elif found.state is None:
                run.report.unchanged += 1
            else:
                memory = read_memory(memory_id, found.state, self._zone)
                run.sample(record.where, memory, is_new=current[memory_id].state is None)
                items.append(Incoming(memory, record.vectors, await self._model_of(run, record)))
        run.note_chunks(items, self._settings)
        agreed = [(one, newest[one]) for one, found in outcomes.items() if not found.conflicts]
        run.write_down(agreed, hashes, {one: _said(found, said.get(one)) for one, found in outcomes.items()}, unwritten)
        # Where it lies, and what both are compared with, though it may move or be written back before it is decided.
        kept = [(one, newest[one]) for one, found in outcomes.items() if found.conflicts]
        undecided = {record.id: IMPORT_UNDONE if one in import_undone else UNDECIDED for one, record in kept}
        run.write_down(kept, undecided, {one: exact_json(last[one]) for one, _ in kept})
        await run.act.take(items, current)

    async def _changed(
        self, run: ImportRun, records: Sequence[MemoryRecord], hashes: Mapping[str, str], *, last: bool
    ) -> list[MemoryRecord]:
        """The records that are not as the last import of this source left them, whose memories are known by then."""
        if (origin := run.origin) is None:
            run.accepted += len(records)
            return list(records)
        known = await origin.items(records, last=last)
        records = [one for one in records if last or one.id not in origin.waiting]
        run.accepted += len(records)
        same = {
            known[one.id].memory_id for one in records if one.id in known and origin.is_same(known[one.id], one, hashes)
        }
        here, changed = await present(self._vectors, same), []
        for record in records:
            item = known.get(record.id)
            if item is not None and item.memory_id != record.id:
                run.moved[record.id] = item.memory_id
            lost = item is not None and item.fate is Fate.THERE and item.memory_id not in here
            if item is None or lost or not self._stays(run, origin, item, record, hashes):
                changed.append(record)
        origin.see([known[record.id].memory_id for record in records if record.id in known])
        if origin.known is None or origin.known.fingerprint is None:
            await self._find_former(run, Path(origin.origin.path), changed)
        moves = await origin.moves([one for one in changed if one.id not in {*known, *run.moved}])
        origin.look_at([*known.values(), *(one.item for one in moves.values())])
        for key, move in moves.items():
            record = next(one for one in changed if one.id == key)
            run.moved[key] = move.item.memory_id
            run.left.append((move.source, move.item.memory_id))
            origin.see([move.item.memory_id])
            run.note_move(record.where, move.item.file)
        run.moved |= {one.id: origin.other_id(one) for one in changed if one.id in origin.taken - run.moved.keys()}
        return changed

    def _stays(
        self,
        run: ImportRun,
        origin: SourceMemory,
        item: ImportedItem,
        record: MemoryRecord,
        hashes: Mapping[str, str],
    ) -> bool:
        """Whether a record needs no comparison: as it was, or deleted here."""
        hash_, side = hashes[record.id], None
        if item.fate is Fate.DELETED and item.hash != hash_ and (side := run.take(item.memory_id)) is None:
            texts = ("", str(record.payload["content"]))
            run.report.kept.append(Remark(run.source, record.where, _DELETED, texts, item.memory_id))
            return True
        if side is Side.THEIRS or origin.comes_again(item, hash_):
            return False
        run.report.unchanged += 1
        origin.unchanged.add(record.id)
        if item.file != record.file:
            run.note_move(record.where, item.file)
        if side is Side.MINE or not origin.is_in(item, record):
            run.write_down([(item.memory_id, record)], hashes)
        return True

    async def _find_former(self, run: ImportRun, root: Path, records: Sequence[MemoryRecord]) -> None:
        """Finds the memories of notes that were moved while nothing was written down of sources."""
        former = await run.former.find(root, records)
        run.moved |= {key: memory_id for key, (memory_id, _) in former.items()}
        for record in records:
            if file := former.get(record.id, ("", ""))[1]:
                run.note_move(record.where, file)

    async def _deleted(self, run: ImportRun, ids: Mapping[str, bool]) -> set[str]:
        """Those that were deleted here and shall not come back: of sources that last, and those with a True."""
        return await self._records.history.deleted_here([one for one, stays in ids.items() if stays or run.lasting])

    def _outcome(
        self,
        record: MemoryRecord,
        current: State | None,
        last: Mapping[str, object] | None,
        take: Side | None,
        *,
        import_undone: bool,
    ) -> Outcome:
        """What becomes of the memory of a record; `last` is what the latest import made of it."""
        given = State(record.type, self._dated(record.payload))
        if current is None:
            return Outcome(self._new(given))
        former = State.from_json(last) if last else None
        return outcome(
            given, current, former, whole=record.whole, zone=self._zone, take=take, import_undone=import_undone
        )

    def _new(self, given: State) -> State:
        payload = given.payload
        now = to_stamp(self._clock(), self._zone)
        written = str(payload.get("updated_at") or payload.get("created_at") or now)
        dates = {"created_at": payload.get("created_at") or written, "updated_at": written}
        return with_defaults(State(given.type, {"tags": [], "importance": DEFAULT_IMPORTANCE, **payload, **dates}))

    def _dated(self, payload: Mapping[str, object]) -> dict[str, object]:
        """The payload with its dates as memories hold them: without a zone, in the writer's."""
        dates = {key: read_stamp(payload.get(key), self._zone) for key in ("created_at", "updated_at", "accessed_at")}
        return {**payload, **{key: to_stamp(date, self._zone) for key, date in dates.items() if date is not None}}

    async def _model_of(self, run: ImportRun, record: MemoryRecord) -> str | None:
        """The model of the record's vectors; None when they cannot serve here."""
        if not record.vectors or any(len(vector) != self._embedder.dimensions for vector in record.vectors):
            return None
        whole = str(record.payload["content"])
        if record.texts != chunks(whole, self._settings.chunk_size, self._settings.chunk_overlap):
            return None
        if record.model is None and run.source not in run.models:  # upstream's files do not name theirs
            ours = await makes(self._embedder, record.texts[:1], record.vectors)
            run.models[run.source] = self._embedder.model if ours else None
        return record.model or run.models[run.source]

    async def _relate(self, run: ImportRun, records: Sequence[RelationRecord], *, last: bool = False) -> None:
        """Stores relations between memories; ends that are nothing yet wait for the rest of the files."""
        if not records:
            return
        deleted = await self._deleted(run, {one.relation.id: False for one in records if one.relation.id})
        run.report.unchanged += len(deleted)
        records = [record for record in records if record.relation.id not in deleted]
        if run.origin is not None:
            new = [one for one in records if not run.origin.knew(one)]
            run.report.unchanged += len(records) - len(new)
            run.accepted += len(records) - len(new)
            records = new
        foreign = [record.relation for record in records if not record.verbatim]
        ends = [end for relation in foreign for end in (relation.source_id, relation.target_id)]
        owner = await (run.all(ends) if last else run.known(ends))
        found: list[NewRelation] = []
        for record in records:
            given = record.relation
            relation = given if record.verbatim else _between(given, owner)
            if relation is None and not last:
                run.wait(record)
            elif relation is None:
                lost = [record.names.get(end, end) for end in (given.source_id, given.target_id) if end not in owner]
                what = "are no memories" if len(lost) > 1 else "is no memory"
                run.fail(record.where, f"relation {_named(given)}: {' and '.join(lost)} {what}")
            elif relation.source_id == relation.target_id:
                run.fail(record.where, f"relation {_named(given)}: both ends are {relation.source_id}")
            elif not run.first(relation):
                run.fail(record.where, f"relation {_named(given)}: the same relation came before")
            else:
                found.append(relation)
        run.keep(found)

    def _is_newer(self, former: Mapping[str, object], later: Mapping[str, object]) -> bool:
        """Whether the first of two texts of one memory was changed last, as far as both say when."""
        changed = [read_stamp(one.get("updated_at"), self._zone) for one in (former, later)]
        return bool(changed[0] and changed[1] and changed[0] > changed[1])

    async def _rows(self, run: ImportRun, records: Sequence[RowRecord]) -> None:
        """Stores rows of our own export, table by table."""
        if not records:
            return
        require(Scope.ADMIN, "import work time and the history of others")
        rows: dict[str, list[Mapping[str, object]]] = {}
        for record in records:
            rows.setdefault(record.table, []).append(record.row)
        changes = []
        for record in records:
            if record.table == "history":
                change = change_of(record.row)
                if change is None:
                    run.fail(record.where, "a change that cannot be read")
                else:
                    changes.append(change)
        run.accepted += sum(map(len, rows.values())) - len(rows.get("history", ())) + len(changes)
        run.rows.append((rows, changes))


_DELETED = "it was deleted here; it stays deleted: `memoria-tui restore` brings it back"


async def _refuse_undone(run: ImportRun, transaction: Transaction) -> None:
    """Raises Conflict when a person undid the parts that were written so far: the rest is not to follow."""
    if await transaction.history.is_undone(run.act.group):
        raise Conflict("it was undone while it ran, so it stopped; the same command imports it again", None)


def _named(relation: NewRelation) -> str:
    """The type of a relation as its source names it."""
    name = relation.metadata.get(ORIGINAL_TYPE)
    return quoted(name) if isinstance(name, str) else relation.type


def _short(title: str) -> str:
    return title if len(title) <= _TITLE else f"{title[:_TITLE]}…"


def _kept(memory: Memory, keys: Sequence[str]) -> str:
    changed = f"was changed here and in the source ({', '.join(keys)})"
    return f'"{_short(memory.title)}" ({memory.id[:8]}) {changed}: kept as it is here'


def _said(found: Outcome, former: str | None) -> str | None:
    """What is to be kept of what the source says: as before where it says the same."""
    if found.said is not None:
        return exact_json(found.said.as_json())
    return former if found.state is None else None


def _with_text(state: Mapping[str, object], text: str) -> Mapping[str, object]:
    """A state of the history, with the text that was written back into its note since."""
    payload = state["payload"]
    return {**state, "payload": {**(payload if isinstance(payload, Mapping) else {}), "content": text}}


def _between(relation: NewRelation, owner: Mapping[str, str]) -> NewRelation | None:
    """The relation with its ends brought to memories; None when one of them is none."""
    source, target = owner.get(relation.source_id), owner.get(relation.target_id)
    return None if source is None or target is None else replace(relation, source_id=source, target_id=target)
