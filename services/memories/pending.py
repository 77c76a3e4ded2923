"""The outbox: what a killed program or an embedder that was away left unfinished is applied."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from services.errors import InvalidInput, StoreMismatch
from services.memories.current import ChangedOutside, Plan, merged
from services.memories.payload import State
from services.memories.reading import Stored, read_stored
from services.memories.saving import BATCH, Also, Saver, batches
from services.memories.trash import Trash
from services.model import Action, Change, Entity, Kind
from services.ports import Mark, NewChange, Records, ScheduledWork


class PendingWork:
    """Applies outbox entries. Each can be applied any number of times with the same outcome."""

    def __init__(self, saver: Saver, records: Records, trash: Trash) -> None:
        self._saver = saver
        self._records = records
        self._trash = trash

    async def finish(self, *, due_before: datetime | None, most: int | None = None) -> int:
        """Applies all entries, or those that are due, `most` of them; gives how many are done."""
        count = await self._records.scheduled_count()
        if not count:
            return 0
        await self._saver.applier.prepare(asking=False)
        if due_before is None:
            self._saver.applier.embedder_is_back()
        limit = count if most is None else min(most, count)
        entries = await self._records.scheduled(due_before=due_before, limit=limit)
        done = 0
        for batch in batches([entry.memory_id for entry in entries]):
            async with self._saver.locked(batch):
                done += await self._finish_batch(batch)
        return done

    async def _finish_batch(self, ids: Sequence[str]) -> int:
        # Read again under the lock: a save of this process may have been faster.
        entries = await self._records.scheduled(memory_ids=ids, limit=BATCH)
        changes = {change.id: change for change in await self._records.changes([one.change_id for one in entries])}
        stored = await read_stored(self._saver.vectors, ids)
        plans: list[Plan] = []
        done = 0
        for entry in entries:
            change, states = changes[entry.change_id], stored.get(entry.memory_id, [])
            try:
                plans.append(self._plan(entry, change, states))
            except ChangedOutside:
                done += await self._keep_outside(change)
        return done + await self._apply(plans, {entry.memory_id: entry.change_id for entry in entries})

    async def _apply(self, plans: Sequence[Plan], changes: Mapping[str, int]) -> int:
        """One memory that the store refuses does not keep the others from being finished."""
        if not plans:
            return 0
        try:
            return await self._saver.applier.apply(plans, changes)
        except (InvalidInput, StoreMismatch) as error:
            if len(plans) > 1:
                return sum([await self._apply([plan], changes) for plan in plans])
            await self._saver.applier.postpone(plans[0], changes[plans[0].memory_id], str(error))
            return 0

    def _plan(self, entry: ScheduledWork, change: Change, states: Sequence[Stored]) -> Plan:
        before, after = _states(change)
        goal = merged(before, after, states)
        mark = Mark(change.id, change.id)
        plan = Plan(entry.memory_id, before, goal, change.action, "", states, attempts=entry.attempts, mark=mark)
        if goal and states and states[0].texts is None and states[0].whole:
            return replace(plan, texts=self._saver.applier.chunks(goal.content))  # a repair that was cut short
        return plan

    async def _keep_outside(self, change: Change) -> bool:
        """Writes down that the memory is as somebody else left it, not as the change wanted; False when it is not so.

        Looked at under the lock: a program of ours may have finished the entry, and changed the memory again.
        """
        memory_id = change.entity_id
        related = await self._related(change)
        async with self._records.transaction() as transaction:
            await transaction.lock([memory_id])
            if not await transaction.done({memory_id: change.id}):
                return False
            states = (await read_stored(self._saver.vectors, [memory_id])).get(memory_id, [])
            try:
                merged(*_states(change), states)
            except ChangedOutside:
                rows = [_as_outside(change, states), *(await related(transaction) if states else ())]
                await transaction.append_history(str(uuid.uuid4()), rows, kind=Kind.OUTSIDE)
                return True
            await transaction.schedule({memory_id: change.id})  # as it was: its own writer has got further
            return False

    async def _related(self, change: Change) -> Also:
        """Brings back what went with a memory that another program kept."""
        before, after = _states(change)
        gone = after is None and before is not None
        kept = [Plan(change.entity_id, None, before, Action.RESTORED, "")] if gone else []
        return await self._trash.with_relations(self._trash.all_ends(kept))


def _as_outside(change: Change, states: Sequence[Stored]) -> NewChange:
    return NewChange(
        Entity.MEMORY,
        change.entity_id,
        Action.UPDATED if states and change.after else Action.RESTORED if states else Action.DELETED,
        change.after or change.before,
        states[0].state.as_json() if states else None,
        summary="changed outside before it was saved: kept as it is outside",
    )


def _states(change: Change) -> tuple[State | None, State | None]:
    """Before and after."""
    before = State.from_json(change.before) if change.before else None
    return before, State.from_json(change.after) if change.after else None
