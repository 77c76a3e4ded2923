"""Deleting and restoring: a deleted memory takes its relations along, and both come back together."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Mapping, Sequence

from services.errors import Conflict, NotFound
from services.graph.state import anew, relation_change, relation_of, taken_back
from services.memories.chunking import chunk_id
from services.memories.payload import State, read_memory
from services.memories.reading import owners, read_stored
from services.memories.saving import Also, Plan, Saver, batches
from services.model import Action, Change, Entity, TrashedMemory
from services.points import Vector
from services.ports import NewChange, Records, Transaction
from services.times import WriterZone


class Trash:
    """The memories that were deleted: nothing leaves the history, so each can be brought back."""

    def __init__(self, saver: Saver, records: Records, zone: WriterZone) -> None:
        self._saver = saver
        self._records = records
        self._zone = zone

    async def delete(self, ids: Sequence[str]) -> int:
        """Deletes memories and their relations. Raises NotFound when none of them exists."""
        owned = await owners(self._saver.vectors, ids)
        if not owned:
            raise NotFound(f"there is no memory {', '.join(ids)}; it may have been deleted already")
        group, found = str(uuid.uuid4()), list(dict.fromkeys(owned.values()))
        deleted = 0
        for batch in batches(found):
            async with self._saver.locked(batch):
                plans = await self.deletions(batch)
                await self._saver.save(group, plans, also=await self.without_relations(plans))
            deleted += len(plans)
        return deleted

    async def deletions(self, ids: Sequence[str]) -> list[Plan]:
        """Plans to delete those of the memories that exist; they must be locked."""
        stored = await read_stored(self._saver.vectors, ids)
        return [Plan(one, states[0].state, None, Action.DELETED, "deleted", states) for one, states in stored.items()]

    async def without_relations(self, plans: Sequence[Plan]) -> Also:
        """Removes the relations that end in these memories or in one of their chunks."""
        ends = {point.id for plan in plans for stored in plan.stored for point in stored.points}
        relations = await self._records.relations_of(sorted(ends | {plan.memory_id for plan in plans}))

        async def remove(transaction: Transaction) -> Sequence[NewChange]:
            removed = await transaction.delete_relations([relation.id for relation in relations])
            return [relation_change(relation, None, "went with its memory") for relation in removed]

        return remove

    async def restore(self, ids: Sequence[str]) -> int:
        """Brings deleted memories back with the relations that went with them, where the other end exists.

        Raises NotFound when one is not in the trash, Conflict when its id is in use again.
        """
        deletions = [await self.deletion(memory_id) for memory_id in dict.fromkeys(ids)]
        group = str(uuid.uuid4())
        for batch in batches(deletions):
            async with self._saver.locked(change.entity_id for change in batch):
                plans = await self.restorations(batch)
                await self._saver.save(group, plans, also=await self.with_relations(plans))
        return len(deletions)

    async def deletion(self, memory_id: str) -> Change:
        """The change that put a memory into the trash. Raises NotFound when it is not there."""
        newest = await self._records.history(Entity.MEMORY, memory_id, limit=1)
        if not newest or newest[0].action is not Action.DELETED or newest[0].before is None:
            raise NotFound(f"{memory_id} is not in the trash")
        return newest[0]

    async def restorations(self, deletions: Sequence[Change], *, force: bool = False) -> list[Plan]:
        """Plans to bring memories back as they were; they must be locked. Raises Conflict, unless forced."""
        stored = await read_stored(self._saver.vectors, [change.entity_id for change in deletions])
        if stored and not force:
            memory_id, states = next(iter(stored.items()))
            raise Conflict(f"the memory {memory_id} exists again; nothing was restored", states[0].memory(self._zone))
        plans = []
        for change in deletions:
            state = State.from_json(change.before or {})
            now = stored.get(change.entity_id, [])
            before = now[0].state if now else None
            known, texts = await self.kept(change, state)
            plans.append(Plan(change.entity_id, before, state, Action.RESTORED, "restored", now, known, texts))
        return plans

    async def kept(self, change: Change, goal: State) -> tuple[Mapping[str, Vector], tuple[str | None, ...] | None]:
        """Vectors by text that were kept with a change, and the texts if another program had cut them.

        Empty and None when another model made them, or when `goal` has another text than the state before the change.
        """
        texts = kept_texts(change.before or {})
        cut = [text for text in texts or self._saver.chunks(goal.content) if text is not None]
        kept = await self._records.kept_vectors(change.id)
        if (
            kept is None
            or State.from_json(change.before or {}).content != goal.content
            or kept.model != await self._saver.model()
            or len(kept.vectors) != len(cut)
        ):
            return {}, None
        return dict(zip(cut, kept.vectors, strict=True)), texts

    async def with_relations(self, plans: Sequence[Plan]) -> Also:
        """Makes the relations again that went with these memories, or with the other end, once both are there."""
        there = await asyncio.to_thread(self._all_ends, plans)
        deletions: dict[int, Change] = {}
        for ends in batches(sorted(there)):
            deletions |= {change.id: change for change in await self._records.relations_gone(ends)}
        gone = [relation_of(change.before) for _, change in sorted(deletions.items()) if change.before]
        others = {end for one in gone for end in (one.source_id, one.target_id)} - there
        there |= set(await owners(self._saver.vectors, sorted(others)))
        whole = [one for one in gone if one.source_id in there and one.target_id in there]

        async def insert(transaction: Transaction) -> Sequence[NewChange]:
            rows = []
            for batch in batches(whole):
                made = await transaction.insert_relations([anew(relation) for relation in batch])
                rows += [taken_back(relation, "came back with its memory") for relation in made]
            return rows

        return insert

    def _all_ends(self, plans: Sequence[Plan]) -> set[str]:
        """For a thread: an act can have changed every memory."""
        return {end for plan in plans if plan.after for end in self._ends(plan.memory_id, plan.after, plan.texts)}

    def _ends(self, memory_id: str, state: State, texts: tuple[str | None, ...] | None) -> Iterable[str]:
        """The ids by which relations may name a memory: its own, and those of its chunks."""
        count = len(texts or self._saver.chunks(state.content))
        return [memory_id, *(chunk_id(memory_id, index) for index in range(count if count > 1 else 0))]

    def ends_of(self, deletion: Change) -> Iterable[str]:
        """The ids by which relations may name a memory in the trash."""
        before = deletion.before or {}
        return self._ends(deletion.entity_id, State.from_json(before), kept_texts(before))

    async def listing(self, limit: int, offset: int) -> tuple[TrashedMemory, ...]:
        """What lies in the trash, newest first."""
        deletions = await self._records.deleted_memories(limit, offset)
        states = [State.from_json(change.before or {}) for change in deletions]
        ends = [set(self.ends_of(change)) for change in deletions]
        gone = await self._records.relations_gone(sorted(set().union(*ends)))
        relations = [relation_of(change.before) for change in gone if change.before]
        return tuple(
            TrashedMemory(
                read_memory(change.entity_id, state, self._zone),
                change.at,
                change.actor,
                sum(1 for one in relations if own & {one.source_id, one.target_id}),
            )
            for change, state, own in zip(deletions, states, ends, strict=True)
        )


def kept_texts(state: Mapping[str, object]) -> tuple[str | None, ...] | None:
    """What a state of the history was indexed by, when another program had cut it; None for a chunk that it lacked."""
    texts = state.get("chunks")
    if not isinstance(texts, list) or not texts:
        return None
    return tuple(None if text is None else str(text) for text in texts)
