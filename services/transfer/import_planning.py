"""Compares what a source holds with what is here, batch by batch, and plans what is to be written; writes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from services.acting import Scope, require
from services.errors import InvalidInput
from services.memories.act_summaries import titled
from services.memories.chunking import chunks
from services.memories.moved_stamps import MovedStamps
from services.memories.payload import State, read_memory, with_defaults
from services.memories.point_vectors import makes
from services.memories.stored_memories import present
from services.memories.storing_many import Incoming
from services.model import DEFAULT_IMPORTANCE, Action
from services.ports import NewRelation
from services.records.columns import exact_json
from services.records.import_sources import IMPORT_UNDONE, UNDECIDED, Fate, ImportedItem
from services.secret_texts import describe_secrets, guarded
from services.storable_text import quoted
from services.times import read_stamp, to_stamp, writer_zone
from services.transfer.import_outcome import KEPT_AS_HERE, Outcome, Side, compared, outcome
from services.transfer.import_run import ImportRun, Remark, remark_title
from services.transfer.known_source import KnownSource, record_hash
from services.transfer.reader_parts.imported_records import (
    BadRecord,
    MemoryRecord,
    Record,
    RecordNote,
    RelationRecord,
    RowRecord,
    SessionRecord,
)
from services.transfer.reader_parts.own_rows import change_of
from services.transfer.reader_parts.type_names import ORIGINAL_TYPE
from services.transfer.tracked_sessions import TrackedSessions

if TYPE_CHECKING:
    from services.memories.current_state import Current
    from services.model import Memory
    from services.ports import Clock, Embedder, VectorStore
    from services.records import Records
    from services.settings import Settings


class ImportPlanner:
    """Makes plans of records, which it puts into the run of an import."""

    def __init__(
        self,
        vectors: VectorStore,
        embedder: Embedder,
        records: Records,
        settings: Settings,
        clock: Clock,
        tracked: TrackedSessions,
    ) -> None:
        self._vectors = vectors
        self._embedder = embedder
        self._records = records
        self._settings = settings
        self._zone = writer_zone(settings)
        self._clock = clock
        self._tracked = tracked

    async def take(self, run: ImportRun, batch: Sequence[Record]) -> bool:
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
        await self.store(run, self._as_found(run, [record for record in batch if isinstance(record, MemoryRecord)]))
        await self.relate(run, [record for record in batch if isinstance(record, RelationRecord)])
        await self._rows(run, [record for record in batch if isinstance(record, RowRecord)])
        if sessions := [record for record in batch if isinstance(record, SessionRecord)]:
            require(Scope.ADMIN, "import work time")
            await self._tracked.compare(run, sessions)
            if run.origin is not None:
                run.origin.has_sessions = True
        return any(isinstance(record, BadRecord) and record.damaged for record in batch)

    def _guarded(self, record: Record) -> Record:
        """A memory with secrets as the settings want it: told, masked, or left out."""
        if not isinstance(record, MemoryRecord) or not (found := describe_secrets(str(record.payload["content"]))):
            return record
        try:
            text = guarded(str(record.payload["content"]), self._settings.secrets)
        except InvalidInput as error:
            return BadRecord(record.where, str(error))
        if text == record.payload["content"]:
            return replace(record, notes=(*record.notes, f"has {found}"))
        payload, note = {**record.payload, "content": text}, f"masked {found}"
        return replace(record, payload=payload, vectors=(), texts=(), notes=(*record.notes, note))

    def _as_found(self, run: ImportRun, records: Sequence[MemoryRecord]) -> Sequence[MemoryRecord]:
        """Without notes that were moved or saved while the folder was read, which is told."""
        if run.origin is None:
            return records
        found = run.origin.as_found(records)
        reason = "it came or changed while all was read; the next import takes it"
        left = {one.where for one in records} - {one.where for one in found}
        run.report.notes += [Remark(run.source, where, reason) for where in sorted(left)]
        return found

    async def _leave_out(self, run: ImportRun, records: Sequence[MemoryRecord]) -> None:
        """Sees to it that the memories of refused records do not count as gone from the source, also of moved notes."""
        if (origin := run.origin) is not None and records:
            await origin.leave_out(records)
            origin.see(list((await run.known([one.id for one in records])).values()))
            run.moved |= {key: move.item.memory_id for key, move in (await origin.moves(records)).items()}

    async def store(self, run: ImportRun, records: Sequence[MemoryRecord], *, last: bool = False) -> None:
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
        run.named_types.update((one.named_type, one.type) for one in newest.values() if one.named_type)
        there = [one for one in newest if current[one].state is not None]
        last, import_undone = await self._last_said(run.origin, there)
        said = run.origin.said if run.origin else {}
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
                    Remark(run.source, record.where, _kept_as_here(memory, found.conflicts), texts, memory_id)
                )
            elif found.state is None:
                run.report.unchanged += 1
            else:
                memory = read_memory(memory_id, found.state, self._zone)
                run.sample(record.where, memory, is_new=current[memory_id].state is None)
                items.append(Incoming(memory, record.vectors, await self._model_of(run, record)))
        run.note_chunks(items, self._settings)
        agreed = [(one, newest[one]) for one, found in outcomes.items() if not found.conflicts]
        seen = {one: current[one].mark.newest for one in outcomes}  # what comes after it is to be written back
        saying = {one: _said(found, said.get(one)) for one, found in outcomes.items()}
        run.write_down(agreed, hashes, saying, unwritten, seen)
        # Where it lies, and what both are compared with, though it may move or be written back before it is decided.
        kept = [(one, newest[one]) for one, found in outcomes.items() if found.conflicts]
        undecided = {record.id: IMPORT_UNDONE if one in import_undone else UNDECIDED for one, record in kept}
        run.write_down(kept, undecided, {one: exact_json(last[one]) for one, _ in kept}, seen=seen)
        await run.act.take(items, current)

    async def _last_said(
        self, origin: KnownSource | None, there: Sequence[str]
    ) -> tuple[dict[str, Mapping[str, object]], set[str]]:
        """What the source said at the latest import of memories that are there, and those whose import was undone."""
        history = self._records.history
        last = await history.last_imports(there)
        if origin is None:
            return last, set()
        written, import_undone = await history.texts_after(origin.written), set(origin.import_undone)
        for memory_id, (former, edited) in (await history.imports_before(sorted(origin.as_before))).items():
            last.pop(memory_id, None)
            last |= {memory_id: former} if former else {}
            import_undone |= {memory_id} if edited else set()
        last |= {one: json.loads(text) for one, text in origin.said.items()}
        return last | {one: _with_text(last[one], text) for one, text in written.items() if one in last}, import_undone

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
        origin: KnownSource,
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
        origin.deleted += item.fate is Fate.DELETED and side is None
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
        moved = MovedStamps.of(record.zone, self._zone)
        given = State(record.type, self._dated(moved.payload(record.payload) if moved else record.payload))
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

    async def relate(self, run: ImportRun, records: Sequence[RelationRecord], *, last: bool = False) -> None:
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
        found: list[tuple[RelationRecord, NewRelation]] = []
        for record in records:
            given = record.relation
            relation = given if record.verbatim else _between(given, owner)
            if relation is None and not last:
                run.wait(record)
            elif relation is None:
                await self._tell_lost(
                    run, record, [one for one in (given.source_id, given.target_id) if one not in owner]
                )
            elif relation.source_id == relation.target_id:
                run.fail(record.where, f"relation {_named(given)}: both ends are {relation.source_id}")
            elif not run.first(relation):
                run.fail(record.where, f"relation {_named(given)}: the same relation came before")
            else:
                found.append((record, relation))
        run.keep(await self._without_ended(run, found))

    async def _tell_lost(self, run: ImportRun, record: RelationRecord, ends: Sequence[str]) -> None:
        """Says why a relation has an end that is no memory."""
        what = f"relation {_named(record.relation)}"
        gone = await self._records.history.deleted_here(ends)
        if not gone:
            lost = " and ".join(record.names.get(end, end) for end in ends)
            run.fail(record.where, f"{what}: {lost} {'are no memories' if len(ends) > 1 else 'is no memory'}")
            return
        changes = await self._records.history.changes(list((await self._records.history.numbers([*gone])).values()))
        names = " and ".join(quoted(titled(one.before)) for one in changes)
        run.note(record.where, f"{what}: {names} {'were' if len(changes) > 1 else 'was'} deleted here; {_BRINGS_BACK}")

    async def _without_ended(
        self, run: ImportRun, found: Sequence[tuple[RelationRecord, NewRelation]]
    ) -> list[NewRelation]:
        """Without those that somebody removed here, or made another one, which is told, unless theirs are taken."""
        ended = await self._records.history.relations_ended([one for _, one in found])
        kept = []
        for record, one in found:
            did = ended.get((one.source_id, one.target_id, one.type))
            if did is None or run.take(one.source_id) is Side.THEIRS:
                kept.append(one)
                continue
            done = "removed" if did is Action.DELETED else "made another one"
            again = f"memoria-tui link {one.source_id[:8]} {one.target_id[:8]} --type {one.type}"
            run.note(
                record.where, f"relation {_named(one)}: it was {done} here, and stays so: `{again}` makes it again"
            )
        return kept

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
        changes = []
        for record in records:
            moved = MovedStamps.of(record.zone, self._zone)
            row = moved.row(record.row) if moved else record.row
            rows.setdefault(record.table, []).append(row)
            if record.table == "history":
                change = change_of(row)
                if change is None:
                    run.fail(record.where, "a change that cannot be read")
                else:
                    changes.append(change)
        run.accepted += sum(map(len, rows.values())) - len(rows.get("history", ())) + len(changes)
        run.rows.append((rows, changes))


_BRINGS_BACK = "`memoria-tui restore` brings it back"
_DELETED = f"it was deleted here; it stays deleted: {_BRINGS_BACK}"


def _named(relation: NewRelation) -> str:
    """The type of a relation as its source names it."""
    name = relation.metadata.get(ORIGINAL_TYPE)
    return quoted(name) if isinstance(name, str) else relation.type


def _kept_as_here(memory: Memory, keys: Sequence[str]) -> str:
    changed = f"was changed here and in the source ({', '.join(keys)})"
    return f'"{remark_title(memory)}" ({memory.id[:8]}) {changed}: {KEPT_AS_HERE}'


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
