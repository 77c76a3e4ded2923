"""Undo: an act is taken back by a new act that leads to the state before it, also after a restart."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from services.errors import Conflict, InvalidInput, NothingToUndo
from services.graph.state import anew, net_relations, relation_change, taken_back
from services.memories.current import Current, Plan
from services.memories.editing import changed_keys, stamped, summary, value_under, with_values
from services.memories.payload import LOOKED_AT_KEYS, State
from services.memories.saving import Also, Saver, batches
from services.memories.trash import Trash, kept_texts
from services.model import Action, Change, Entity, Kind, Relation, Undone
from services.ports import NewChange, Records, Transaction
from services.times import WriterZone


class Inverse(Protocol):
    """Takes changes of one kind of thing back, inside the transaction of the undo."""

    async def take_back(self, transaction: Transaction, changes: Sequence[Change]) -> Sequence[NewChange]:
        """Writes the states before; gives the history rows. Raises Conflict when it cannot."""
        ...


class Undo:
    """Takes back whole groups of changes. Memories and relations are known; other kinds bring their inverse."""

    def __init__(
        self, saver: Saver, records: Records, trash: Trash, zone: WriterZone, inverses: Mapping[Entity, Inverse]
    ) -> None:
        self._saver = saver
        self._records = records
        self._trash = trash
        self._zone = zone
        self._inverses = inverses

    async def take_back(self, group: str | None, *, force: bool) -> Undone:
        """Takes back a group, the newest undoable one of this person when none is named.

        Raises NothingToUndo; Conflict when something was changed since under the same keys, unless forced.
        """
        group = group or await self._records.last_undoable_group(self._saver.settings.actor)
        changes = await self._records.group(group) if group else []
        if group is None or not changes:
            raise NothingToUndo("there is no change of yours left to take back")
        net = await asyncio.to_thread(_net_memories, changes)
        also = await self._beside_memories(changes, net)
        kind = Kind.REDO if changes[0].kind is Kind.UNDO else Kind.UNDO
        by_memory = {change.entity_id: change for change in net}

        async def plan(currents: Mapping[str, Current]) -> list[Plan]:
            return await self._plans([by_memory[one] for one in currents], currents, force=force)

        await self._saver.change(str(uuid.uuid4()), by_memory, plan, kind=kind, undoes=group, also=also)
        ids = tuple(dict.fromkeys(change.entity_id for change in changes))
        return Undone(group, _told(changes), ids)

    async def _plans(self, changes: Sequence[Change], currents: Mapping[str, Current], *, force: bool) -> list[Plan]:
        """Plans that lead back."""
        deletions = [change for change in changes if change.after is None]
        plans = await self._trash.restorations(deletions, currents, force=force)
        for change in changes:
            if change.after is not None and (plan := await self._plan(change, currents[change.entity_id], force=force)):
                plans.append(plan)
        return plans

    async def _plan(self, change: Change, current: Current, *, force: bool) -> Plan | None:
        before = State.from_json(change.before) if change.before else None
        after = State.from_json(change.after or {})
        now = current.state
        if not force:
            self._check(change, before, after, current)
        if before is None:
            return current.plan(None, Action.DELETED, "took back: created") if now else None
        goal = before
        if now is not None:
            keys = changed_keys(before.payload, after.payload)
            goal = State(before.type, with_values(now.payload, keys, before.payload))
        goal = stamped(goal, self._saver.clock(), self._zone)
        same_text = now is not None and now.content == goal.content
        cut = kept_texts(change.before or {})
        known, texts = ({}, None) if same_text and cut is None else await self._trash.kept(change, goal)
        texts = cut if same_text else texts  # only the points were cut anew: they come back as they were
        text = f"took back: {change.summary}" if change.summary else summary(now, goal)
        return current.plan(goal, Action.UPDATED, text, known, texts)

    def _check(self, change: Change, before: State | None, after: State, current: Current) -> None:
        """Raises Conflict when the memory is not as the change left it, in what the change is about."""
        now = current.state
        if now is None:
            raise Conflict(f"the memory {change.entity_id} was deleted since; restore it first", None)
        keys = changed_keys(before.payload if before else {}, after.payload)
        if before is None:
            keys = changed_keys(now.payload, after.payload)
        touched = [
            key
            for key in keys
            if value_under(now.payload, key) != value_under(after.payload, key)
            and not (key in LOOKED_AT_KEYS and (before is None or key == "updated_at"))
        ]
        if now.type is not after.type:
            touched.append("type")
        if touched:
            raise Conflict(
                f"the memory {change.entity_id} was changed since ({', '.join(touched)}); nothing was taken back",
                current.memory(self._zone),
            )

    async def _beside_memories(self, changes: Sequence[Change], memories: Sequence[Change]) -> Also:
        """What to take back that is no memory. Raises InvalidInput for a kind of thing without an inverse."""
        kinds = dict.fromkeys(change.entity for change in changes)
        for kind in kinds:
            if kind not in (Entity.MEMORY, Entity.RELATION) and kind not in self._inverses:
                raise InvalidInput(f"the last change was made to a {kind}; it cannot be taken back here")
        relations = await asyncio.to_thread(net_relations, changes)
        restored = await asyncio.to_thread(lambda: self._trash.all_ends(_restored(memories)))
        # Those that went with a memory come back with it, where the other end is there too.
        by_hand = all(one.after is not None for one in memories)
        removed = [before for before, after in relations if before and not after and by_hand]
        come_back = await self._trash.with_relations(restored) if restored else None
        insert = _both(_making(removed), come_back)

        async def take_back(transaction: Transaction) -> Sequence[NewChange]:
            rows = await _unmake(transaction, relations)
            rows += await insert(transaction)
            for kind in reversed(kinds):
                if kind in self._inverses:
                    mine = [change for change in changes if change.entity is kind]
                    rows += await self._inverses[kind].take_back(transaction, mine)
            return rows

        return take_back


async def _unmake(
    transaction: Transaction, relations: Sequence[tuple[Relation | None, Relation | None]]
) -> list[NewChange]:
    """Removes relations that an act made, and gives those that it changed their former values."""
    rows = []
    for batch in batches([after.id for before, after in relations if after and not before]):
        gone = await transaction.delete_relations(batch)
        rows += [relation_change(one, None, f"took back: linked {one.type}") for one in gone]
    for changed in batches([(before, after) for before, after in relations if before and after]):
        await transaction.update_relations([before for before, _ in changed])
        rows += [relation_change(after, before, f"took back: changed {before.type}") for before, after in changed]
    return rows


def _making(relations: Sequence[Relation]) -> Also:
    """Makes relations again that were removed by hand."""

    async def insert(transaction: Transaction) -> Sequence[NewChange]:
        rows = []
        for batch in batches(relations):
            made = await transaction.insert_relations([anew(relation) for relation in batch])
            rows += [taken_back(relation, f"took back: unlinked {relation.type}") for relation in made]
        return rows

    return insert


def _both(first: Also, second: Also | None) -> Also:
    async def both(transaction: Transaction) -> Sequence[NewChange]:
        return [*await first(transaction), *(await second(transaction) if second else ())]

    return both


def _net_memories(changes: Sequence[Change]) -> list[Change]:
    """One change a memory: from before the first to after the last of the group."""
    net: dict[str, Change] = {}
    for change in changes:
        if change.entity is Entity.MEMORY:
            first = net.get(change.entity_id)
            net[change.entity_id] = change if first is None else replace(change, before=first.before)
    return [change for change in net.values() if change.before or change.after]


def _restored(changes: Sequence[Change]) -> list[Plan]:
    """The memories that exist after changes are taken back."""
    return [
        Plan(one.entity_id, None, State.from_json(one.before), Action.RESTORED, "")
        for one in changes
        if one.before is not None
    ]


def _told(changes: Sequence[Change]) -> str:
    """What was taken back, in one line."""
    main = [change for change in changes if change.entity is Entity.MEMORY] or changes
    if len(main) == 1:
        return f"took back: {main[0].summary or main[0].action}"
    return f"took back {len(main)} changes: {main[0].summary or main[0].action}"
