"""The outbox: what a killed program or an embedder that was away left unfinished is applied."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from services.batches import batches
from services.errors import InvalidInput, StoreMismatch
from services.memories.current_state import Chain, ChangedOutside, merged, read_waiting
from services.memories.payload import State
from services.memories.point_layout import kept_own_keys
from services.memories.saving import BATCH, Saver, TransactionHook
from services.memories.stored_memories import Stored, read_stored
from services.memories.trash import Trash
from services.memories.write_plans import Plan
from services.model import Action, Change, Entity, Kind
from services.ports import UNMARKED, Mark, NewChange


class PendingWork:
    """Applies outbox entries. Each can be applied any number of times with the same outcome."""

    def __init__(self, saver: Saver, trash: Trash) -> None:
        self._saver = saver
        self._trash = trash

    async def finish(self, *, due_before: datetime | None, most: int | None = None, untried: bool = False) -> int:
        """Applies all entries, or those that are due or `untried`, `most` of them; gives how many are done."""
        count = await self._saver.records.outbox.count()
        if not count:
            return 0
        await self._saver.applier.prepare(asking=False)
        if due_before is None:
            self._saver.applier.embedder_is_back()
        limit = count if most is None else min(most, count)
        entries = await self._saver.records.outbox.entries(due_before=due_before, untried=untried, limit=limit)
        done = 0
        for batch in batches([entry.memory_id for entry in entries], BATCH):
            async with self._saver.locked(batch):
                done += await self._finish_batch(batch)
        return done

    async def _finish_batch(self, ids: Sequence[str]) -> int:
        # Read again under the lock: a save of this process may have been faster.
        chains = await read_waiting(self._saver.records, ids)
        stored = await read_stored(self._saver.vectors, chains)
        plans: list[Plan] = []
        done = 0
        for memory_id, chain in chains.items():
            try:
                plans.append(self._plan(chain, stored.get(memory_id, [])))
            except ChangedOutside:
                done += await self._keep_outside(chain)
        return done + await self._apply(plans, {one: chain.change.id for one, chain in chains.items()})

    async def _apply(self, plans: Sequence[Plan], changes: Mapping[str, int]) -> int:
        """One memory that the store refuses does not keep the others from being finished."""
        if not plans:
            return 0
        try:
            return len(await self._saver.applier.apply(plans, changes))
        except (InvalidInput, StoreMismatch) as error:
            if len(plans) > 1:
                return sum([await self._apply([plan], changes) for plan in plans])
            await self._saver.applier.postpone(plans[0], changes[plans[0].memory_id], str(error))
            return 0

    def _plan(self, chain: Chain, stored: Sequence[Stored]) -> Plan:
        goal, change = merged(chain.states, stored), chain.change
        mark = Mark(change.id, change.id)
        own = kept_own_keys(change.after)
        plan = Plan(
            change.entity_id, chain.states[0], goal, change.action, "", stored, {}, None, own, chain.attempts, mark
        )
        if goal and stored and stored[0].texts is None and stored[0].whole:
            return replace(plan, texts=self._saver.applier.chunks(goal.content))  # a repair that was cut short
        return plan

    async def _keep_outside(self, chain: Chain) -> bool:
        """Writes down that the memory is as somebody else left it, not as the change wanted; False when it is not so.

        Looked at under the lock: a program of ours may have finished the entry, and changed the memory again.
        """
        memory_id, change = chain.change.entity_id, chain.change
        related = self._related(change)
        async with self._saver.records.transaction() as transaction:
            await transaction.outbox.lock([memory_id])
            if (await transaction.outbox.marks([memory_id])).get(memory_id, UNMARKED).waiting != change.id:
                return False
            stored = (await read_stored(self._saver.vectors, [memory_id])).get(memory_id, [])
            with contextlib.suppress(ChangedOutside):
                merged(chain.states, stored)
                return False  # its own writer has got further
            rows = [_as_outside(change, stored), *(await related(transaction) if stored else ())]
            await transaction.history.append(str(uuid.uuid4()), rows, kind=Kind.OUTSIDE)
            await transaction.outbox.remove({memory_id: change.id})
        return True

    def _related(self, change: Change) -> TransactionHook:
        """Brings back what went with a memory that another program kept."""
        before = State.from_json(change.before) if change.before else None
        kept = [Plan(change.entity_id, None, before, Action.RESTORED, "")] if change.after is None and before else []
        return self._trash.with_relations(self._trash.all_ends(kept))


def _as_outside(change: Change, states: Sequence[Stored]) -> NewChange:
    return NewChange(
        Entity.MEMORY,
        change.entity_id,
        Action.UPDATED if states and change.after else Action.RESTORED if states else Action.DELETED,
        change.after or change.before,
        states[0].state.as_json() if states else None,
        summary="changed outside before it was saved: kept as it is outside",
    )
