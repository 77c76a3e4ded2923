"""Takes in what files hold: batch by batch, the next one read while the last one is stored. Twice changes nothing."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Protocol

from services.acting import Scope, kept_to, require
from services.batches import batches
from services.errors import Forbidden, StoreTooNew, UnreadableFile
from services.memories.chunking import chunks
from services.memories.embedding import makes
from services.memories.payload import State, drafted, read_memory, with_defaults
from services.memories.saving import TransactionHook
from services.memories.storing import Incoming
from services.model import DEFAULT_IMPORTANCE, Advance, Entity, Kind, Progress, counting, untold
from services.ports import NewChange, NewRelation
from services.records.relation_states import relation_change
from services.times import read_stamp, to_stamp, writer_zone
from services.transfer.formats.imported_records import (
    BATCH,
    BadRecord,
    MemoryRecord,
    Record,
    RecordNote,
    RelationRecord,
    RowRecord,
    chunk_ids_last,
    read_ahead,
)
from services.transfer.formats.own_export import TABLES
from services.transfer.formats.own_rows import change_of
from services.transfer.import_outcome import Outcome, outcome
from services.transfer.import_run import ImportReport, ImportRun, RelationEnds, Remark
from services.transfer.moved_files import MovedFiles

if TYPE_CHECKING:
    from pathlib import Path

    from services.memories.memory_service import MemoryService
    from services.model import Memory, MemoryDraft
    from services.ports import Clock, Embedder, VectorStore
    from services.records import Records, Transaction
    from services.settings import Settings

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
        return await self._import([source], dry_run, untold)

    async def import_sources(
        self, sources: Sequence[RecordSource], *, dry_run: bool = False, progress: Advance = untold
    ) -> ImportReport:
        """Imports all sources in turn; one that cannot be read does not keep the others out.

        With `dry_run` nothing is written: the report tells what would be.

        All of it is one act: read and compared first, then written in one transaction, then embedded. Raises
        StoreUnavailable or StoreMismatch when the stores cannot take it; before the transaction nothing was written,
        after it what is missing is embedded later.
        """
        require(Scope.ADMIN, "read files on the machine of the server")
        return await self._import(sources, dry_run, progress)

    async def _import(self, sources: Sequence[RecordSource], dry_run: bool, progress: Advance) -> ImportReport:
        with (
            self._memories.storing(prefetch=not dry_run) as act,
            ImportRun(act, RelationEnds(self._vectors), MovedFiles(self._vectors), self._settings.home) as run,
        ):
            for source in sources:
                await self._read(run, source, progress)
            run.lasting = False  # what waits was looked at already
            for name, records in run.waiting.items():
                run.source = name
                await self._relate(run, records, last=True)
            await (self._count(run) if dry_run else self._write(run, progress))
            return run.report

    async def _read(self, run: ImportRun, source: RecordSource, progress: Advance) -> None:
        """Compares what one source holds with what is here."""
        run.source, run.lasting = source.name, source.lasting
        accepted, failed = run.accepted, len(run.report.failed)
        try:
            async for batch in read_ahead(chunk_ids_last(source.records())):
                await self._take(run, batch)
                progress(Progress(source.done, source.size, f"{source.name} ({source.unit})"))
        except (UnreadableFile, StoreTooNew) as error:
            run.fail("", str(error))
            run.report.broken = str(error)
        nothing = run.accepted == accepted and source.name not in run.waiting
        if nothing and len(run.report.failed) > failed:
            run.report.barren.append(source.name)

    async def _count(self, run: ImportRun) -> None:
        """Says in the report what writing would do."""
        report, stored = run.report, run.act.stored
        report.memories, report.unchanged = stored.created + stored.updated, report.unchanged + stored.unchanged
        for new in run.relations:
            ends = list({end for relation in new for end in (relation.source_id, relation.target_id)})
            there = {(one.source_id, one.target_id, one.type) for one in await self._records.relations.between(ends)}
            report.relations += sum((one.source_id, one.target_id, one.type) not in there for one in new)
            report.unchanged += sum((one.source_id, one.target_id, one.type) in there for one in new)
        ids = {str(row["id"]).lower() for rows, _ in run.rows for row in rows.get("work_sessions", [])}
        known = {str(row["id"]) async for batch in self._records.rows.sessions() for row in batch} if ids else set()
        report.sessions, report.unchanged = len(ids - known), report.unchanged + len(ids & known)

    async def _write(self, run: ImportRun, progress: Advance) -> None:
        """One transaction for all, then the points."""
        applied = counting(progress, run.act.count, "memories stored")
        await run.act.write(also=partial(self._write_rows, run), beside=run.other_ends, applied=applied)
        stored = run.act.stored
        run.report.memories = stored.created + stored.updated
        run.report.unchanged += stored.unchanged + run.known_rows

    async def _write_rows(self, run: ImportRun, transaction: Transaction) -> Sequence[NewChange]:
        """What is no memory. History of the file comes before that of the import, which is the newest."""
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
        gone = await run.deleted_ends(transaction)
        for batch in run.relations:
            wanted = [one for one in batch if one.source_id not in gone and one.target_id not in gone]
            inserted = await transaction.relations.insert(wanted)
            rows_ = [relation_change(None, one, "imported") for one in inserted]
            await transaction.history.append(run.act.group, rows_, kind=Kind.IMPORT)
            relations += len(inserted)
            known += len(batch) - len(inserted)
        run.report.relations, run.report.sessions = relations, sessions
        run.known_rows = known
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

    async def _take(self, run: ImportRun, batch: Sequence[Record]) -> None:
        for bad in (record for record in batch if isinstance(record, BadRecord)):
            run.fail(bad.where, bad.reason)
            if bad.damaged:
                run.report.broken = f"{run.source}: damaged, what could be read was imported: {bad.reason}"
        run.report.notes += [Remark(run.source, one.where, one.reason) for one in batch if isinstance(one, RecordNote)]
        await self._store(run, [record for record in batch if isinstance(record, MemoryRecord)])
        await self._relate(run, [record for record in batch if isinstance(record, RelationRecord)])
        await self._rows(run, [record for record in batch if isinstance(record, RowRecord)])

    async def _store(self, run: ImportRun, records: Sequence[MemoryRecord]) -> None:
        if not records:
            return
        owner = await run.known([record.id for record in records if not record.whole])
        owner |= await self._moved(run, [record for record in records if record.folder and record.id not in owner])
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
        for deleted in await self._deleted(run, [one for one in newest if current[one].state is None]):
            del newest[deleted]
        run.report.notes += [Remark(run.source, one.where, note) for one in newest.values() for note in one.notes]
        last = await self._records.history.last_imports([one for one in newest if current[one].state is not None])
        # Comparing hundreds of texts takes longer than a screen may stand still.
        outcomes = await asyncio.to_thread(
            lambda: {one: self._outcome(record, current[one].state, last.get(one)) for one, record in newest.items()}
        )
        items = []
        for memory_id, found in outcomes.items():
            record = newest[memory_id]
            if found.conflicts:
                memory = current[memory_id].memory(self._zone)
                run.report.kept.append(Remark(run.source, record.where, _kept(memory, found.conflicts)))
            elif found.state is None:
                run.report.unchanged += 1
            else:
                memory = read_memory(memory_id, found.state, self._zone)
                items.append(Incoming(memory, record.vectors, await self._model_of(run, record)))
        run.accepted += len(records)
        run.report.unchanged += len(records) - len(newest)
        run.note_chunks(items, self._settings)
        await run.act.take(items, current)

    async def _moved(self, run: ImportRun, records: Sequence[MemoryRecord]) -> dict[str, str]:
        """The memories of notes whose files were renamed since they were imported, which is told."""
        for record in records:
            if (found := await run.files.find(record)) is not None:
                run.moved[record.id], before = found
                if before:
                    run.report.notes.append(
                        Remark(run.source, record.where, f"it was {before}; its memory moves along")
                    )
        return {record.id: run.moved[record.id] for record in records if record.id in run.moved}

    async def _deleted(self, run: ImportRun, ids: Sequence[str]) -> set[str]:
        """Those that were deleted here and shall not come back."""
        return await self._records.history.deleted_here(ids) if run.lasting else set()

    def _outcome(self, record: MemoryRecord, current: State | None, last: Mapping[str, object] | None) -> Outcome:
        """What becomes of the memory of a record; `last` is what the latest import made of it."""
        given = State(record.type, self._dated(record.payload))
        if current is None:
            return Outcome(self._new(given))
        former = State.from_json(last) if last else None
        return outcome(given, current, former, whole=record.whole, zone=self._zone)

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
        deleted = await self._deleted(run, [record.relation.id for record in records if record.relation.id])
        run.report.unchanged += len(deleted)
        records = [record for record in records if record.relation.id not in deleted]
        foreign = [record.relation for record in records if not record.verbatim]
        ends = [end for relation in foreign for end in (relation.source_id, relation.target_id)]
        owner = await (run.all(ends) if last else run.known(ends))
        new: list[NewRelation] = []
        for record in records:
            given = record.relation
            relation = given if record.verbatim else _between(given, owner)
            if relation is None and not last:
                run.wait(record)
            elif relation is None:
                lost = [record.names.get(end, end) for end in (given.source_id, given.target_id) if end not in owner]
                what = "are no memories" if len(lost) > 1 else "is no memory"
                run.fail(record.where, f"relation {given.type}: {' and '.join(lost)} {what}")
            elif relation.source_id == relation.target_id:
                run.fail(record.where, f"relation {given.type}: both ends are {relation.source_id}")
            elif not run.first(relation):
                run.fail(record.where, f"relation {given.type}: the same relation came before")
            else:
                new.append(relation)
        run.keep(new)

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


def _kept(memory: Memory, keys: Sequence[str]) -> str:
    title = memory.title if len(memory.title) <= _TITLE else f"{memory.title[:_TITLE]}…"
    return f'"{title}" ({memory.id[:8]}) was changed here and in the source ({", ".join(keys)}): kept as it is here'


def _between(relation: NewRelation, owner: Mapping[str, str]) -> NewRelation | None:
    """The relation with its ends brought to memories; None when one of them is none."""
    source, target = owner.get(relation.source_id), owner.get(relation.target_id)
    return None if source is None or target is None else replace(relation, source_id=source, target_id=target)
