"""Promised work: what a killed program or an embedder that was away left unfinished is finished."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from services.errors import InvalidInput, StoreMismatch
from services.memories.editing import changed_keys, value_under, with_values
from services.memories.payload import LOOKED_AT_KEYS, State
from services.memories.reading import Stored, read_stored
from services.memories.saving import Plan, Saver
from services.memories.trash import Trash
from services.model import Action, Change, Entity, Kind
from services.ports import NewChange, Records, ScheduledWork

_BATCH = 200


class ChangedOutside(Exception):
    """Somebody else changed the memory since its save was promised."""


class PendingWork:
    """Keeps promises. Each can be kept any number of times with the same outcome."""

    def __init__(self, saver: Saver, records: Records, trash: Trash) -> None:
        self._saver = saver
        self._records = records
        self._trash = trash

    async def finish(self, *, due_before: datetime | None) -> int:
        """Keeps all promises, or those that are due; gives how many are kept."""
        count = await self._records.scheduled_count()
        if not count:
            return 0
        await self._saver.prepare(asking=False)
        if due_before is None:
            self._saver.embedder_is_back()
        promised = iter(await self._records.scheduled(due_before=due_before, limit=count))
        while batch := [work.memory_id for work in islice(promised, _BATCH)]:
            async with self._saver.locked(batch):
                await self._finish_batch(batch)
        return count - await self._records.scheduled_count()

    async def _finish_batch(self, ids: Sequence[str]) -> None:
        # Read again under the lock: a save of this process may have been faster.
        promised = await self._records.scheduled(memory_ids=ids, limit=len(ids))
        changes = {change.id: change for change in await self._records.changes([work.change_id for work in promised])}
        stored = await read_stored(self._saver.vectors, ids)
        plans: list[Plan] = []
        for work in promised:
            change, states = changes[work.change_id], stored.get(work.memory_id, [])
            try:
                plans.append(self._plan(work, change, states))
            except ChangedOutside:
                await self._keep_outside(change, states)
                await self._records.done({work.memory_id: work.change_id})
        await self._fulfil(plans, {work.memory_id: work.change_id for work in promised})

    async def _fulfil(self, plans: Sequence[Plan], promised: Mapping[str, int]) -> None:
        """One memory that the store refuses does not keep the others from being finished."""
        try:
            await self._saver.fulfil(plans, {plan.memory_id: promised[plan.memory_id] for plan in plans})
        except (InvalidInput, StoreMismatch) as error:
            if len(plans) == 1:
                await self._saver.postpone(plans[0], str(error))
            else:
                for plan in plans:
                    await self._fulfil([plan], promised)

    def _plan(self, work: ScheduledWork, change: Change, states: Sequence[Stored]) -> Plan:
        before = State.from_json(change.before) if change.before else None
        after = State.from_json(change.after) if change.after else None
        goal = merged(before, after, states)
        plan = Plan(work.memory_id, before, goal, change.action, "", states, attempts=work.attempts)
        if goal and states and states[0].texts is None and states[0].whole:
            return replace(plan, texts=self._saver.chunks(goal.content))  # a repair that was cut short
        return plan

    async def _keep_outside(self, change: Change, states: Sequence[Stored]) -> None:
        """Writes down that the memory is as somebody else left it, not as was promised."""
        row = NewChange(
            Entity.MEMORY,
            change.entity_id,
            Action.UPDATED if states and change.after else Action.RESTORED if states else Action.DELETED,
            change.after or change.before,
            states[0].state.as_json() if states else None,
            summary="changed outside before it was saved: kept as it is outside",
        )
        kept = states if change.after is None else ()
        also = await self._trash.with_relations(
            [Plan(change.entity_id, None, one.state, Action.RESTORED, "") for one in kept[:1]]
        )
        async with self._records.transaction() as transaction:
            await transaction.append_history(str(uuid.uuid4()), [row, *await also(transaction)], kind=Kind.OUTSIDE)


def merged(before: State | None, after: State | None, stored: Sequence[Stored]) -> State | None:
    """The promised state, with what others changed meanwhile under keys that the promise leaves alone.

    Raises ChangedOutside when they changed the same keys, or deleted the memory.
    """
    if not stored:
        if before and after:
            raise ChangedOutside
        return after
    for one in stored:
        _check(before, after, one.state)
    if after is None:
        return None
    ours = changed_keys(before.payload if before else {}, after.payload)
    return State(after.type, with_values(stored[0].state.payload, ours, after.payload))


def _check(before: State | None, after: State | None, current: State) -> None:
    ours = [state for state in (before, after) if state]
    if current.type not in {state.type for state in ours}:
        raise ChangedOutside
    payloads = [before.payload if before else {}, after.payload if after else {}]
    keys = set().union(*payloads, current.payload) - LOOKED_AT_KEYS - {"memory_type"}
    for key in keys:
        was, will, now = (value_under(payload, key) for payload in (*payloads, current.payload))
        if (was != will or after is None) and now != was and (now != will or after is None):
            raise ChangedOutside
