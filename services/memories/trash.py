"""Deleting and restoring: a deleted memory takes its relations along both come back together; and erasing for good."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.acting import Scope, require
from services.batches import batches
from services.errors import Conflict, NotFound
from services.memories.chunking import chunk_id
from services.memories.current_state import Current
from services.memories.payload import State, read_memory
from services.memories.point_layout import is_one_chunk, kept_own_keys
from services.memories.saving import BATCH, Saver, TransactionHook
from services.memories.stored_memories import owners, read_stored
from services.memories.write_plans import Plan
from services.model import Action, Change, Entity, Kind, Memory, TrashedMemory, quoted_title
from services.points import Vector
from services.ports import UNMARKED, KeptVectors, NewChange
from services.records import Transaction
from services.records.relation_states import relation_of, taken_back
from services.unknown_ids import MEMORY_ID, unknown_id

_ANOTHER_PROGRAM = "another program"
Check = Callable[[Memory], None]
"""Is given a memory as it is when it is to be written; raises where it is not to be, and then nothing is."""


class Trash:
    """The memories that were deleted: nothing leaves the history, so each can be brought back."""

    def __init__(self, saver: Saver) -> None:
        self._saver = saver

    async def delete(self, ids: Sequence[str], check: Check | None) -> int:
        """Deletes memories and their relations. Raises NotFound when none of them exists, and what `check` raises."""
        owned = await owners(self._saver.vectors, ids)
        if not owned:
            raise (
                unknown_id(MEMORY_ID, ids[0]) if len(ids) == 1 else NotFound("none of these memories is there any more")
            )

        async def plan(currents: Mapping[str, Current]) -> list[Plan]:
            for current in currents.values():
                if check and current.state:
                    check(current.memory(self._saver.zone))
            return await self.deletions(currents)

        return await self._saver.change(str(uuid.uuid4()), owned.values(), plan)

    async def deletions(self, currents: Mapping[str, Current]) -> list[Plan]:
        """Plans to delete those of the memories that exist; their relations go with them."""
        return [one.plan(None, Action.DELETED, "deleted") for one in currents.values() if one.state]

    async def restore(self, ids: Sequence[str]) -> int:
        """Brings deleted memories back with the relations that went with them, where the other end exists.

        Raises NotFound when one is not in the trash, Conflict when its id is in use again.
        """
        deletions = {memory_id: await self.deletion(memory_id) for memory_id in dict.fromkeys(ids)}
        related = Related(self._saver)

        async def plan(currents: Mapping[str, Current]) -> list[Plan]:
            plans = await self._restorations([deletions[one] for one in currents], currents)
            related.ends |= await asyncio.to_thread(self.all_ends, plans)
            return plans

        return await self._saver.change(str(uuid.uuid4()), deletions, plan, also=related.insert)

    async def deletion(self, memory_id: str) -> Change:
        """The change that put a memory into the trash. Raises NotFound when it is not there."""
        newest = await self._saver.records.history.changes_of(Entity.MEMORY, memory_id, limit=1)
        if not newest or newest[0].action is not Action.DELETED or newest[0].before is None:
            raise NotFound(f"{memory_id} is not in the trash")
        return newest[0]

    async def _restorations(self, deletions: Sequence[Change], currents: Mapping[str, Current]) -> list[Plan]:
        """Plans to bring memories back as they were. Raises Conflict when one exists again."""
        plans = []
        kept = await self.read_kept(deletions)
        for change in deletions:
            current = currents[change.entity_id]
            if current.state:
                memory = current.memory(self._saver.zone)
                raise Conflict(f"{quoted_title(memory)} exists again; nothing was restored", memory)
            state = State.from_json(change.before or {})
            known, texts = self.of_kept(change, state, kept)
            own = kept_own_keys(change.before)
            plans.append(current.plan(state, Action.RESTORED, "restored", known, texts, own))
        return plans

    async def read_kept(self, changes: Sequence[Change]) -> dict[int, KeptVectors]:
        """The vectors that were kept with changes, by their numbers, as far as the model of the store made them."""
        kept = await self._saver.records.history.kept_vectors([change.id for change in changes]) if changes else {}
        model = await self._saver.applier.model() if kept else ""
        return {number: one for number, one in kept.items() if one.model == model}

    def of_kept(
        self, change: Change, goal: State, read: Mapping[int, KeptVectors]
    ) -> tuple[Mapping[str, Vector], tuple[str | None, ...] | None]:
        """Vectors by text of what was read for a change, and the texts if another program had cut them.

        Empty and None where nothing was read, or when `goal` has another text than the state before the change.
        """
        texts = kept_texts(change.before or {})
        cut = [text for text in texts or self._saver.applier.chunks(goal.content) if text is not None]
        kept = read.get(change.id)
        if (
            kept is None
            or State.from_json(change.before or {}).content != goal.content
            or len(kept.vectors) != len(cut)
        ):
            return {}, None
        return dict(zip(cut, kept.vectors, strict=True)), texts

    def with_relations(self, ends: Iterable[str]) -> TransactionHook:
        """Makes the relations again that went with memories of these ends, or with the other one, once both exist."""
        related = Related(self._saver)
        related.ends |= set(ends)
        return related.insert

    def all_ends(self, plans: Sequence[Plan]) -> set[str]:
        """The ids by which relations may name these memories. For a thread: an act can have changed every memory."""
        return {
            end
            for plan in plans
            if plan.after
            for end in self._ends(plan.memory_id, plan.after, plan.texts, one_chunk=is_one_chunk(plan.own))
        }

    def _ends(
        self, memory_id: str, state: State, texts: tuple[str | None, ...] | None, *, one_chunk: bool
    ) -> Iterable[str]:
        """The ids by which relations may name a memory: its own, and those of its chunks."""
        count = len(texts or self._saver.applier.chunks(state.content))
        return [memory_id, *(chunk_id(memory_id, index) for index in range(count if count > 1 or one_chunk else 0))]

    def ends_of(self, deletion: Change) -> Iterable[str]:
        """The ids by which relations may name a memory in the trash."""
        before = deletion.before or {}
        single = is_one_chunk(kept_own_keys(before))
        return self._ends(deletion.entity_id, State.from_json(before), kept_texts(before), one_chunk=single)

    async def listing(self, limit: int) -> tuple[TrashedMemory, ...]:
        """What lies in the trash, newest first."""
        deletions = await self._saver.records.trash.deletions(limit, 0)
        states = [State.from_json(change.before or {}) for change in deletions]
        ends = [set(self.ends_of(change)) for change in deletions]
        gone = await self._saver.records.trash.relations(sorted(set().union(*ends)))
        relations = [relation_of(change.before) for change in gone if change.before]
        return tuple(
            TrashedMemory(
                read_memory(change.entity_id, state, self._saver.zone),
                change.at,
                _ANOTHER_PROGRAM if change.kind is Kind.OUTSIDE else change.actor,
                sum(1 for one in relations if own & {one.source_id, one.target_id}),
                change.id,
            )
            for change, state, own in zip(deletions, states, ends, strict=True)
        )


class Related:
    """Relations that went with memories, to come back with them where both ends exist."""

    def __init__(self, saver: Saver) -> None:
        self._saver = saver
        self.ends: set[str] = set()
        """Ids that exist again."""

    async def insert(self, transaction: Transaction) -> Sequence[NewChange]:
        """Makes them again; the other ends are locked, so that nobody deletes them at the same moment."""
        changes: dict[int, Change] = {}
        for some in batches(sorted(self.ends), BATCH):
            changes |= {change.id: change for change in await transaction.history.relations_gone(some)}
        gone = [relation_of(change.before) for _, change in sorted(changes.items()) if change.before]
        others = {end for one in gone for end in (one.source_id, one.target_id)} - self.ends
        there = self.ends | await self._existing(transaction, others)
        rows = []
        for batch in batches([one for one in gone if one.source_id in there and one.target_id in there], BATCH):
            made = await transaction.relations.insert(batch)
            rows += [taken_back(relation, "restored with its memory") for relation in made]
        return rows

    async def _existing(self, transaction: Transaction, ids: set[str]) -> set[str]:
        owned = await owners(self._saver.vectors, sorted(ids)) if ids else {}
        memories = ids | set(owned.values())
        await transaction.outbox.lock(memories, shared=True)
        marks = await transaction.outbox.marks(sorted(memories)) if memories else {}
        known = {one for one in ids if one in marks and one not in owned} | owned.keys()
        return {one for one in known if not marks.get(owned.get(one, one), UNMARKED).deleted}


def kept_texts(state: Mapping[str, object]) -> tuple[str | None, ...] | None:
    """What a state of the history was indexed by, when another program had cut it; None for a chunk that it lacked."""
    texts = state.get("chunks")
    if not isinstance(texts, list) or not texts:
        return None
    return tuple(None if text is None else str(text) for text in texts)


SUMMARY = "purged"
_PAGE = 1000
"""Deletions read at once."""


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge erased."""

    memories: int
    changes: int
    """Rows of the history that told of them, or of relations to them."""
    left: tuple[str, ...] = ()
    """What was restored or changed since the person was asked."""


async def purge(saver: Saver, trash: Trash, ids: Sequence[str], seen: Mapping[str, int] | None) -> Purged:
    """Erases memories, those that are not in the trash are put there first; of each remains a line in the history.

    `seen`: as for `MemoryService.purge`. Raises NotFound when one is neither stored nor in the trash, Conflict when its
    points are not gone yet.
    """
    require(Scope.ADMIN, "erase memories for good")
    wanted = list(dict.fromkeys(ids))
    changed: dict[str, None] = {}

    async def plan(currents: Mapping[str, Current]) -> list[Plan]:
        changed.update(_changed(currents, seen, await saver.records.history.numbers(list(currents))))
        return await trash.deletions({id_: one for id_, one in currents.items() if id_ not in changed})

    if stored := await owners(saver.vectors, wanted):
        await saver.change(str(uuid.uuid4()), sorted(set(stored.values())), plan)
    async with saver.locked(wanted), saver.records.transaction() as transaction:
        await transaction.outbox.lock(wanted)
        in_trash = [one for one in wanted if one not in stored]
        changed |= _changed(in_trash, seen, await transaction.history.numbers(in_trash))
        if not (wanted := [one for one in wanted if one not in changed]):
            return Purged(0, 0, tuple(changed))
        ends = await _ends(saver, trash, wanted)
        lines = [NewChange(Entity.MEMORY, one, Action.DELETED, None, None, summary=SUMMARY) for one in wanted]
        waiting = any(mark.waiting for mark in (await transaction.outbox.marks(wanted)).values())
        parts = [await read_stored(saver.vectors, batch, embeddings=False) for batch in batches(wanted, BATCH)]
        if waiting or any(parts):
            raise Conflict("a memory that was to be purged is still stored, or came back: nothing was purged", None)
        changes = await transaction.history.purge(wanted, ends)
        await transaction.sources.erase(wanted)
        await transaction.history.append(str(uuid.uuid4()), lines, kind=Kind.PURGE)
    await saver.records.history.reclaim()
    return Purged(len(wanted), changes, tuple(changed))


def _changed(ids: Iterable[str], seen: Mapping[str, int] | None, numbers: Mapping[str, int]) -> dict[str, None]:
    """Those whose newest change is not the one that was seen."""
    return {} if seen is None else {one: None for one in ids if numbers.get(one, 0) != seen.get(one, 0)}


async def _ends(saver: Saver, trash: Trash, ids: Sequence[str]) -> list[str]:
    """The ids by which relations may name these memories of the trash. Raises NotFound."""
    missing, ends, offset = set(ids), set(ids), 0
    while missing and (page := await saver.records.trash.deletions(_PAGE, offset)):
        mine = [change for change in page if change.entity_id in missing]
        ends |= await asyncio.to_thread(lambda found: {end for one in found for end in trash.ends_of(one)}, mine)
        missing -= {change.entity_id for change in mine}
        offset += len(page)
    if missing:
        raise NotFound(f"{', '.join(sorted(missing)[:3])}: not in the trash; nothing was purged")
    return sorted(ends)
