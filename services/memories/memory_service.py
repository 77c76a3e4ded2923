"""What can be done with memories. Reading writes nothing; every change has a history and can be undone."""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from services.acting import may_see, permitted_projects, require_all_seen, seeing_all
from services.batches import unhurried
from services.concurrency import together
from services.errors import Conflict, InvalidInput, MemoriaError, NotFound, StoreUnavailable
from services.memories import merging, repairing
from services.memories.act_summaries import ActReader, payloads_of
from services.memories.current_state import Current
from services.memories.deleted_outside import OutsideDeletions
from services.memories.editing import (
    checked_importance,
    checked_names,
    checked_payload,
    checked_text,
    conflicts,
    edited,
    stamped,
    summary,
)
from services.memories.merging import Merge
from services.memories.outbox_applying import Applier, Permit
from services.memories.outbox_pending import PendingWork
from services.memories.payload import State, drafted, read_memory
from services.memories.repairing import RepairOf
from services.memories.saving import Saver, TransactionHook
from services.memories.stored_memories import canonical, ids_with_prefix, in_collection, owners, read_stored
from services.memories.storing_many import StoringAct
from services.memories.trash import Check, Purged, Trash, purge
from services.memories.undo import Undo
from services.memories.write_barrier import WriteBarrier
from services.memories.write_plans import Plan
from services.model import (
    Action,
    Advance,
    Change,
    ChangedSince,
    Entity,
    IfChanged,
    Kind,
    Memory,
    MemoryChanges,
    MemoryDraft,
    MemoryType,
    RelatedMemory,
    StatusSnapshot,
    TrashedMemory,
    Undone,
    UndoPreview,
    counted,
    quoted_title,
)
from services.points import Scroll
from services.ports import Clock, Embedder, SwitchableStore
from services.records import Records
from services.secret_texts import guarded
from services.settings import Settings
from services.storable_text import quoted
from services.times import writer_zone
from services.unknown_ids import MEMORY_ID, ambiguous_id, unknown_id

_MOST_UNTRIED = 1_000_000
"""More than any act has."""
_EMBEDDED_BY_WRITER, _EMBEDDED_BY_READER = 100, 20
"""Most memories that a command embeds before it ends."""
_log = logging.getLogger(__name__)


class MemoryService:
    """The memories of all three collections. Raises StoreUnavailable when a store that it needs is away."""

    def __init__(
        self,
        vectors: SwitchableStore,
        embedder: Embedder,
        records: Records,
        settings: Settings,
        clock: Clock,
        permit: Permit | None = None,
        barrier: WriteBarrier | None = None,
    ) -> None:
        """`permit` is awaited before the first write; every save passes `barrier`."""
        self._vectors = vectors
        self._embedder = embedder
        self._records = records
        self._clock = clock
        self._zone, self._secrets = writer_zone(settings), settings.secrets
        self._saver = Saver(Applier(vectors, embedder, records, settings, clock, permit), barrier or WriteBarrier())
        self._trash = Trash(self._saver)
        self._pending = PendingWork(self._saver, self._trash)
        self._undo = Undo(self._saver, self._trash)
        self.outside = OutsideDeletions(self._saver, shared=vectors.shared)
        self._none_waits = False
        """True when nothing waited at the start."""

    async def get(self, id_or_prefix: str) -> Memory:
        """The memory of an id, of the id of one of its chunks, or of the only id that begins so.

        Raises NotFound, or Ambiguous when several ids begin so.
        """
        text = id_or_prefix.strip()
        memory_id = canonical(text) or await self._only_id(text)
        stored = await read_stored(self._vectors, [memory_id])
        if not stored and (owned := await owners(self._vectors, [memory_id])):
            stored = await read_stored(self._vectors, owned.values())
        for states in stored.values():
            return states[0].memory(self._zone)
        raise unknown_id(MEMORY_ID, text)

    async def _only_id(self, prefix: str) -> str:
        found = await ids_with_prefix(self._vectors, prefix)
        if len(found) > 1:
            raise ambiguous_id(MEMORY_ID, prefix, found)
        if not found:
            raise unknown_id(MEMORY_ID, prefix)
        return found[0]

    async def relations(self, memory_id: str) -> tuple[RelatedMemory, ...]:
        """All relations of a memory in both directions, oldest first, with the memories at the other ends.

        Those of its chunks, which upstream draws, are among them.
        """
        states = (await read_stored(self._vectors, [memory_id], embeddings=False)).get(memory_id, [])
        require_all_seen([memory_id], [memory_id] if states else ())
        own = {memory_id} | {point.id for one in states for point in one.points}
        with seeing_all():
            relations = await self._records.relations.touching(sorted(own))
        if not relations:
            return ()
        others = {end for one in relations for end in (one.source_id, one.target_id)} - own
        owned = await owners(self._vectors, sorted(others)) if others else {}
        owned |= dict.fromkeys(own, memory_id)
        stored = await read_stored(self._vectors, owned.values(), embeddings=False)
        memories = {found: states[0].memory(self._zone) for found, states in stored.items()}
        related = []
        for relation in relations:
            outgoing = relation.source_id in own
            other = relation.target_id if outgoing else relation.source_id
            of_chunk = any(owned.get(end, end) != end for end in (relation.source_id, relation.target_id))
            related.append(RelatedMemory(relation, outgoing, memories.get(owned.get(other, other)), of_chunk))
        return tuple(one for one in related if one.other or permitted_projects() is None)

    async def history(self, memory_id: str, limit: int = 100, *, before: int | None = None) -> tuple[Change, ...]:
        """The last changes of a memory, newest first, also of a deleted one; `before`: of a lower number."""
        seen: list[Change] = []
        page: list[Change] | None = None
        while len(seen) < limit and (page is None or len(page) == limit):
            with seeing_all():
                page = await self._records.history.changes_of(Entity.MEMORY, memory_id, limit, before=before)
            seen += [one for one in page if may_see(*payloads_of(one))]
            before = page[-1].id if page else None
        return tuple(seen[:limit])

    async def change_count(self, memory_id: str) -> int:
        """How many changes a memory has, also a deleted one."""
        return await self._records.history.count_of(Entity.MEMORY, memory_id)

    async def create(self, draft: MemoryDraft, *, also: TransactionHook | None = None) -> Memory:
        """Makes a memory; `also` writes what else belongs to the act, in the same transaction.

        Raises InvalidInput for what a memory cannot be, Conflict when the id is in use, and what `also` raises.
        """
        memory_id = canonical(draft.id) if draft.id else str(uuid.uuid4())
        if memory_id is None:
            raise InvalidInput(f"{quoted(draft.id)} is no id of a memory; ids are UUIDs")
        after = self._drafted(draft, memory_id)
        if draft.id is None:  # an id that nobody has: there is nothing to read first
            new = Plan(memory_id, None, after, Action.CREATED, "created")
            applied = await self._saver.save(str(uuid.uuid4()), [new], also=also)
            if memory_id in applied:
                return replace(read_memory(memory_id, after, self._zone), chunk_count=applied[memory_id])
            return await self._written(memory_id, after)

        async def plan(currents: Mapping[str, Current]) -> list[Plan]:
            current = currents[memory_id]
            if current.state:
                raise Conflict(f"there is a memory {memory_id} already", current.memory(self._zone))
            return [current.plan(after, Action.CREATED, "created")]

        await self._saver.change(str(uuid.uuid4()), [memory_id], plan, also=also)
        return await self._written(memory_id, after)

    async def create_many(self, drafts: Sequence[MemoryDraft]) -> list[str]:
        """Makes memories in one act, under new ids, which it gives in their order. Raises InvalidInput."""
        new = {str(uuid.uuid4()): draft for draft in drafts}
        plans = [
            Plan(memory_id, None, self._drafted(draft, memory_id), Action.CREATED, "created")
            for memory_id, draft in new.items()
        ]
        await self._saver.save(str(uuid.uuid4()), plans)
        return list(new)

    def _drafted(self, draft: MemoryDraft, memory_id: str) -> State:
        """What is to be written. Raises InvalidInput for what a memory cannot be."""
        draft = replace(draft, content=guarded(draft.content, self._secrets))
        checked_importance(draft.importance)
        checked_text(draft.content)
        checked_names((*draft.tags, draft.project or ""))
        after = drafted(draft, memory_id, self._clock(), self._zone).storable()
        checked_payload(after.payload)
        return after

    async def _written(self, memory_id: str, after: State) -> Memory:
        """A memory that was saved, as the store has it by now; as it will be, where the store went away meanwhile."""
        with contextlib.suppress(StoreUnavailable):
            for one in await in_collection(self._vectors, after.type, frozenset({memory_id}), embeddings=True):
                if one.state == after:
                    return one.memory(self._zone)
        return replace(read_memory(memory_id, after, self._zone), pending=True)

    async def update(self, base: Memory, changes: MemoryChanges, *, check: Check | None = None) -> Memory:
        """Edits a memory that a person opened as `base`; keys that the edit does not name keep their current value.

        Raises Conflict when somebody else changed the same keys since, or deleted the memory, InvalidInput for values
        that cannot be, and what `check` raises.
        """
        planned: list[Plan] = []
        if changes.content is not None:
            changes = replace(changes, content=guarded(changes.content, self._secrets, base.content))

        async def plan(currents: Mapping[str, Current]) -> list[Plan]:
            current = currents[base.id]
            if (before := current.state) is None:
                raise Conflict(f"{quoted_title(base)} was deleted since it was opened", None)
            if check:
                check(current.memory(self._zone))
            after = edited(before, changes).storable()
            self._check(base, current, after, changes)
            planned.clear()
            if after == before:
                return []
            after = stamped(after, self._clock(), self._zone)
            planned[:] = [current.plan(after, Action.UPDATED, summary(before, after))]
            return planned

        await self._saver.change(str(uuid.uuid4()), [base.id], plan)
        saved = planned[0].after if planned else None
        return await (self._written(base.id, saved) if saved else self.get(base.id))

    def _check(self, base: Memory, current: Current, after: State, changes: MemoryChanges) -> None:
        memory = current.memory(self._zone)
        if keys := conflicts(base, memory, read_memory(base.id, after, self._zone), changes):
            what = ", ".join(keys)
            raise Conflict(f"{what} changed since it was read: nothing was written, read the memory again", memory)

    async def edit_many(
        self,
        ids: Sequence[str],
        *,
        add_tags: Sequence[str] = (),
        remove_tags: Sequence[str] = (),
        importance: float | None = None,
        project: str | None = None,
        type: MemoryType | None = None,  # noqa: A002  # named as the field
        metadata: Mapping[str, object] = MappingProxyType({}),
    ) -> int:
        """Edits memories in one change group; "" removes the project, `metadata` are keys to set.

        Gives how many changed; others are passed over.
        Raises InvalidInput for an importance out of 0..1, NotFound when none of the memories exists.
        """
        changes = MemoryChanges(
            importance=importance,
            project=project,
            type=type,
            metadata=metadata,
            add_tags=tuple(add_tags),
            remove_tags=tuple(remove_tags),
        )
        return await self.edit_each(ids, lambda _: changes)

    async def edit_each(
        self,
        ids: Sequence[str],
        changes: Callable[[Memory], MemoryChanges],
        progress: Advance = lambda _: None,
        *,
        kind: Kind = Kind.EDIT,
    ) -> int:
        """As `edit_many`, each memory by what `changes` makes of it; it may be called more than once for one."""

        async def plan(currents: Mapping[str, Current]) -> list[Plan]:
            plans = []
            if currents and not any(current.state for current in currents.values()):
                raise NotFound(f"{counted(len(currents))} deleted meanwhile; nothing was changed")
            async for memory_id, current in unhurried(currents.items()):
                if (before := current.state) is None:
                    continue
                after = edited(before, changes(read_memory(memory_id, before, self._zone))).storable()
                if after != before:
                    after = stamped(after, self._clock(), self._zone)
                    plans.append(current.plan(after, Action.UPDATED, summary(before, after)))
            return plans

        return await self._saver.change(str(uuid.uuid4()), ids, plan, kind=kind, progress=progress)

    def storing(self, group: str | None = None, kind: Kind = Kind.IMPORT, *, prefetch: bool = True) -> StoringAct:
        """An act that writes memories as they are given, part by part: nothing is written before the end. To be closed.

        `prefetch` False embeds nothing before it is written: for who only looks.
        """
        return StoringAct(self._saver, self._embedder, group or str(uuid.uuid4()), kind, prefetch=prefetch)

    async def repair(self, ids: Sequence[str], repair: RepairOf, *, group: str, also: TransactionHook | None) -> int:
        """Saves memories as `repair` wants them, with what `also` writes, as one act; gives how many it changed."""
        return await repairing.repair(self._saver, ids, repair, group, also)

    async def merge(self, merges: Sequence[Merge], forgotten: Sequence[Memory] = ()) -> int:
        """Makes of each group of memories one, and puts others into the trash, as one act; as `merging.merge`.

        Raises InvalidInput for a text that no memory may have.
        """
        return await merging.merge(self._saver, [merging.checked(one, self._secrets) for one in merges], forgotten)

    async def delete(self, ids: Sequence[str], check: Check | None = None) -> int:
        """Moves memories and their relations to the trash in one act.

        Raises NotFound when none of them exists, and what `check` raises.
        """
        return await self._trash.delete(ids, check)

    async def restore(self, ids: Sequence[str]) -> int:
        """Brings memories back from the trash in one act, with relations whose other end exists.

        Raises NotFound when one is not in the trash, Conflict when its id is in use again.
        """
        return await self._trash.restore(ids)

    async def trash(self, limit: int = 100) -> tuple[TrashedMemory, ...]:
        """Deleted memories, newest first."""
        return await self._trash.listing(limit)

    async def trash_ids(self, before: datetime | None = None) -> dict[str, int]:
        """Ids of all memories in the trash, or of those deleted before an instant, last deleted first.

        With the number of the change that deleted each, for `purge`.
        """
        return await self._records.trash.ids(before)

    async def deleted(self, memory_id: str) -> Memory:
        """A memory as it was when it was deleted. Raises NotFound when it is not in the trash."""
        deletion = await self._trash.deletion(memory_id)
        return read_memory(memory_id, State.from_json(deletion.before or {}), self._zone)

    async def numbers(self, ids: Sequence[str]) -> dict[str, int]:
        """The number of the newest change of each memory, for `purge`; those without any are left out."""
        return await self._records.history.numbers(ids)

    async def purge(self, ids: Sequence[str], seen: Mapping[str, int] | None = None) -> Purged:
        """Erases memories for good, from the trash or from where they are: text, vectors, history, relations.

        `seen`: the number of the newest change of each that a person was shown when they were asked; what was restored
        or changed since stays. This cannot be undone. Raises NotFound, or Conflict when points of one are not gone yet.
        """
        return await purge(self._saver, self._trash, ids, seen)

    async def undo(
        self,
        group: str | None = None,
        if_changed: IfChanged = IfChanged.REFUSE,
        seen: Sequence[ChangedSince] | None = None,
    ) -> Undone:
        """Undoes the newest act of this person, or the group of a preview.

        `seen`: the preview's `changed`, where a person was shown it. Raises NothingToUndo, or Conflict when something
        was changed since and that is refused, or is forced and was not seen so.
        """
        return await self._undo.undo(group or (await self._undo.preview(None)).group, if_changed, seen)

    async def redo(self, if_changed: IfChanged = IfChanged.REFUSE) -> Undone:
        """Does again what this person undid last. Raises NothingToUndo when they did something else since, Conflict."""
        return await self._undo.undo((await self._undo.redo_preview()).group, if_changed)

    async def undo_preview(self, group: str | None = None, skip: Sequence[str] = ()) -> UndoPreview:
        """What an undo of an act (the newest of this person that is not to be skipped) would do. Raises NothingToUndo.

        Carried out by `undo(preview.group)`.
        """
        return await self._undo.preview(group, skip)

    async def redo_preview(self) -> UndoPreview:
        """What a redo would do. Raises NothingToUndo."""
        return await self._undo.redo_preview()

    @property
    def acts(self) -> ActReader:
        """The last acts, of everybody."""
        return self._undo.acts

    async def recover(self, *, due_only: bool = False) -> int:
        """Finishes what a killed program or an absent embedder left; gives how many entries are applied.

        With `due_only`, entries whose time to try again has not come are left alone, and all while another program is
        in the middle of a save, which has its own in the outbox: for a timer.
        """
        if due_only and self.barrier.others_write():
            return 0
        return await self._pending.finish(due_before=self._clock() if due_only else None)

    async def finish_untried(self, waiting: int, *, most: int | None, notify: Callable[[int], None]) -> int:
        """Applies what a program that was ended did not even try to, of so many that wait; gives how many.

        For the start of a command; `notify` is called first with how many there are. Never raises: what the stores
        refuse is told by the command itself.
        """
        try:
            if self.barrier.others_write():
                return 0
            self._none_waits = not waiting
            if self._none_waits:
                return 0
            number = len(await self._records.outbox.entries(untried=True, limit=most or _MOST_UNTRIED))
            if not number:
                return 0
            notify(number)
            return await self._pending.finish(due_before=None, most=number, untried=True)
        except MemoriaError:
            return 0

    async def embed_waiting(self, most: int | None = None) -> int:
        """Embeds some of what waits, where the embedder answers; gives how many.

        For the end of a command: a store that no app is opened on is embedded all the same. Never raises.
        """
        if (self._none_waits and not self._saver.applier.left) or self._saver.applier.embedder_rests:
            return 0
        if self.barrier.others_write():
            return 0
        most = most or (_EMBEDDED_BY_WRITER if self._saver.saved else _EMBEDDED_BY_READER)
        try:
            if await self._records.outbox.count() and (await self._embedder.status()).ok:
                return await self._pending.finish(due_before=None, most=most)
        except MemoriaError as error:
            _log.warning("what waits was not embedded: %s", error)
        return 0

    @property
    def barrier(self) -> WriteBarrier:
        """What every save of this process passes."""
        return self._saver.barrier

    async def pending_count(self) -> int:
        """Memories whose points wait to be finished, mostly for their vectors."""
        return await self._records.outbox.count()

    async def waiting_status(self) -> StatusSnapshot:
        """What waits, and the embedder where something does: it is not asked for nothing."""
        pulse = await self._records.pulse(self._clock())
        return StatusSnapshot((await self._embedder.status(),) if pulse.pending else (), pulse.pending, pulse.due)

    async def latest_update(self) -> str | None:
        """The newest `updated_at` of the store as it is written, None when it is empty; cheap, for polling."""
        newest = (Scroll(type_, 1, order_by="updated_at", payload_keys=("updated_at",)) for type_ in MemoryType)
        pages = await together(*(self._vectors.scroll(request) for request in newest))
        return max((str(point.payload.get("updated_at", "")) for page in pages for point in page), default=None)
