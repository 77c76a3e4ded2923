"""Undo and redo: an act is undone by a new act that leads to the state before it, also after a restart."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.acting import actor_of, acts_of_session, is_owner, permitted_projects, require_seen, seeing_all
from services.batches import batches
from services.errors import Conflict, Forbidden, NothingToUndo
from services.memories.act_summaries import ActReader, may_know, titled
from services.memories.current_state import Current, read_current
from services.memories.editing import changed_keys, stamped, value_under, with_values
from services.memories.payload import LOOKED_AT_KEYS, State
from services.memories.point_layout import OwnKeys, kept_own_keys, own_changes
from services.memories.saving import BATCH, Saver
from services.memories.stored_memories import deleted_ends
from services.memories.trash import Trash, kept_texts
from services.memories.write_plans import Plan
from services.model import (
    Action,
    Change,
    ChangedSince,
    Entity,
    IfChanged,
    Kind,
    Memory,
    Relation,
    Undone,
    UndoPreview,
    net_changes,
    undone_summary,
)
from services.ports import KeptVectors, NewChange, VectorStore
from services.records import Transaction
from services.records.relation_states import (
    net_relations,
    relation_change,
    relation_state,
    same_relation,
    taken_back,
)

_WORK = (Entity.SESSION, Entity.CLIENT, Entity.PROJECT)


class _OnlyLooking(Exception):
    """Rolls the transaction of a preview back."""


@dataclass(slots=True)
class _Attempt:
    """One undo of a group, planned or under way."""

    group: str
    changes: Sequence[Change]
    if_changed: IfChanged
    seen: Mapping[tuple[Entity, str], ChangedSince] | None
    """What a person saw of what was changed since, when they chose; None: whatever it is."""
    memories: Sequence[Change] = ()
    """One change a memory: from before the first to after the last of the group."""
    relations: Sequence[tuple[Relation | None, Relation | None]] = ()
    looking: bool = False
    """True for a preview: nothing is planned or written."""
    effects: set[str] = field(default_factory=set)
    """Memories that it changes."""
    touched: dict[str, ChangedSince] = field(default_factory=dict)
    """Memories that were changed since."""
    current: Memory | None = None
    """One of them."""
    ends: set[str] = field(default_factory=set)
    """Ids by which relations may name the memories that exist again after it."""
    changed: list[ChangedSince] = field(default_factory=list)
    """What else was changed since."""
    kept: list[ChangedSince] = field(default_factory=list)
    rows: int = 0
    """How many rows of the history the transaction wrote beside those of memories."""

    @property
    def left(self) -> tuple[ChangedSince, ...]:
        """All that was changed since."""
        return (*self.touched.values(), *self.changed)

    def agreed(self, one: ChangedSince) -> bool:
        """Whether it is undone all the same: a person who forces it saw what is there now."""
        if self.if_changed is not IfChanged.FORCE or self.seen is None:
            return self.if_changed is IfChanged.FORCE
        shown = self.seen.get((one.entity, one.entity_id))
        return shown is not None and shown.what == one.what and _there(shown) == _there(one)

    @property
    def refuses(self) -> bool:
        """Whether nothing is to be undone, because of what was changed since."""
        if self.if_changed is IfChanged.FORCE:
            return any(one.forceable for one in self.left)
        return bool(self.left) and self.if_changed is IfChanged.REFUSE

    @property
    def has_other_entities(self) -> bool:
        return any(change.entity is not Entity.MEMORY for change in self.changes)

    @property
    def redo(self) -> bool:
        return self.changes[0].kind is Kind.UNDO

    @property
    def done(self) -> str:
        return "redone" if self.redo else "undone"


class Undo:
    """Undoes whole groups of changes: of memories, relations, sessions, clients and projects."""

    def __init__(self, saver: Saver, trash: Trash) -> None:
        self._saver = saver
        self._trash = trash
        self.acts = ActReader(saver.vectors, saver.records)

    async def preview(self, group: str | None, skip: Sequence[str] = ()) -> UndoPreview:
        """What an undo of an act would do; when none is named, of the newest one of who acts, in their session if they
        have one. Writes nothing.

        `skip` are acts to pass over, as those are of which nothing is left. Raises NothingToUndo.
        """
        with seeing_all():  # acts of their own
            return await self._first(group, skip)

    async def _first(self, group: str | None, skip: Sequence[str]) -> UndoPreview:
        if group is not None:
            return await self._preview(await self._newest_in_line(group))
        passed = list(skip)
        groups, actor, session = self._saver.records.groups, actor_of(self._saver.settings), acts_of_session()
        while found := await groups.last_undoable(actor, passed, session):
            preview = await self._preview(found)
            if preview.effects or preview.changed or preview.kept:
                return replace(preview, after_purge=await groups.has_just_purged(actor))
            passed.append(found)
        where = "" if session is None else " of this session; what you did in others is undone by the id of its act"
        raise NothingToUndo(f"there is no change of yours left to undo{where}")

    async def redo_preview(self) -> UndoPreview:
        """As `preview`, of the undo that this person made last. Raises NothingToUndo when something was done since."""
        with seeing_all():
            group = await self._saver.records.groups.last_redoable(actor_of(self._saver.settings))
            if group is None:
                raise NothingToUndo("there is nothing to redo")
            return await self._preview(group)

    async def undo(self, group: str, if_changed: IfChanged, seen: Sequence[ChangedSince] | None = None) -> Undone:
        """Undoes a group, also an undo. Raises Conflict when something was changed since and `if_changed` refuses.

        `seen`: what a person who forces it was shown of a preview's `changed`; what came after that is a Conflict, too.
        """
        with seeing_all():
            attempt = await self._attempt(group, if_changed, seen)
        if not (known := await self.acts.known(attempt.changes)):
            raise NothingToUndo("the history has no such act; `memoria-tui undo --list` shows the last ones")
        memories = {change.entity_id: change for change in attempt.memories}

        async def plan(currents: Mapping[str, Current]) -> list[Plan]:
            return await self._plans(attempt, [memories[one] for one in currents], currents)

        async def other_entities(transaction: Transaction) -> Sequence[NewChange]:
            return await self._undo_other_entities(transaction, attempt)

        kind = Kind.REDO if attempt.redo else Kind.UNDO
        await self._saver.change(str(uuid.uuid4()), memories, plan, kind=kind, undoes=group, also=other_entities)
        act = await self.acts.describe(known)
        done = tuple(dict.fromkeys(change.entity_id for change in known))
        sees_all = permitted_projects() is None
        left = tuple(one for one in (*attempt.left, *attempt.kept) if sees_all or one.entity_id in done)
        return Undone(act.summary, done, attempt.redo, left)

    async def _newest_in_line(self, group: str) -> str:
        """The last of the undos and redos of an act. Raises NothingToUndo when the act is undone at the moment."""
        line = await self._saver.records.groups.line(group)
        if not line:
            raise NothingToUndo("the history has no such act; `memoria-tui undo --list` shows the last ones")
        if len(line) % 2 == 0:
            raise NothingToUndo("that act is undone already; redo does it again")
        return line[-1]

    async def _attempt(self, group: str, if_changed: IfChanged, seen: Sequence[ChangedSince] | None = None) -> _Attempt:
        changes = await self._saver.records.groups.changes(group)
        own = bool(changes) and is_owner(changes[0].actor)
        if not changes or (permitted_projects() is not None and not (own and may_know(changes))):
            raise NothingToUndo("the history has no such act; `memoria-tui undo --list` shows the last ones")
        if not own:
            raise Forbidden(f"that act is {changes[0].actor}'s, not yours: a person can undo it; nothing was undone")
        memories = await asyncio.to_thread(net_changes, changes, Entity.MEMORY)
        relations = await asyncio.to_thread(net_relations, changes)
        shown = None if seen is None else {(one.entity, one.entity_id): one for one in seen}
        return _Attempt(group, changes, if_changed, shown, memories, relations)

    async def _preview(self, group: str) -> UndoPreview:
        attempt = await self._attempt(group, IfChanged.LEAVE)
        attempt.looking = True
        for batch in batches(attempt.memories, BATCH):
            ids = [change.entity_id for change in batch]
            currents = await read_current(self._saver.vectors, self._saver.records, ids, embeddings=False)
            await self._plans(attempt, batch, currents)
        if attempt.has_other_entities:
            try:
                async with self._saver.records.transaction() as transaction:
                    await self._undo_other_entities(transaction, attempt)
                    raise _OnlyLooking
            except (_OnlyLooking, NothingToUndo):
                pass
        act = await self.acts.describe(attempt.changes)
        effects = len(attempt.effects) + attempt.rows
        return UndoPreview(act, group, attempt.redo, effects, attempt.left, tuple(attempt.kept))

    # memories

    async def _plans(self, attempt: _Attempt, changes: Sequence[Change], currents: Mapping[str, Current]) -> list[Plan]:
        """Plans that lead memories back, none for a preview; those that were changed since are left and listed."""
        plans = []
        kept = {} if attempt.looking else await self._trash.read_kept([one for one in changes if one.before])
        for change in changes:
            current = currents[change.entity_id]
            require_seen(current.id, current.state.payload if current.state else None)
            attempt.touched.pop(change.entity_id, None)
            attempt.effects.discard(change.entity_id)
            since = _memory_since(change, current)
            if since is not None and not attempt.agreed(since):
                attempt.touched[change.entity_id] = since
                if current.state is not None:
                    attempt.current = current.memory(self._saver.zone)
            elif change.before is not None or current.state is not None:
                attempt.effects.add(change.entity_id)
                if not attempt.looking:
                    plans.append(self._plan_of(change, current, kept))
        back = [plan for plan in plans if plan.before is None]
        attempt.ends |= await asyncio.to_thread(self._trash.all_ends, back)
        return plans

    def _plan_of(self, change: Change, current: Current, kept: Mapping[int, KeptVectors]) -> Plan:
        """How to lead one memory back."""
        now, text = current.state, undone_summary(change)
        if change.before is None:
            return current.plan(None, Action.DELETED, text)
        before = goal = State.from_json(change.before)
        if change.after is None:
            known, texts = self._trash.of_kept(change, goal, kept)
            return current.plan(goal, Action.RESTORED, text, known, texts, kept_own_keys(change.before))
        after = State.from_json(change.after)
        if now is not None:
            goal = self._merged(change, before, after, now)
        own = _own(change, before, goal)
        cut = kept_texts(change.before)
        if now is not None and now.content == goal.content:
            # Only the points were cut again: they come back as they were.
            known, texts = self._trash.of_kept(change, goal, kept)
            if cut is None and known:
                texts = self._saver.applier.chunks(goal.content)
            return current.plan(goal, Action.UPDATED, text, known, cut or texts, own)
        known, texts = self._trash.of_kept(change, goal, kept)
        return current.plan(goal, Action.UPDATED if now else Action.RESTORED, text, known, texts, own)

    def _merged(self, change: Change, before: State, after: State, now: State) -> State:
        """The state before under the keys that the change set; all others as they are now."""
        keys = [*changed_keys(before.payload, after.payload), *_of_chunks(change)]
        goal = State(before.type, with_values(now.payload, keys, before.payload))
        if value_under(now.payload, "updated_at") == value_under(after.payload, "updated_at"):
            return goal
        return stamped(goal, self._saver.clock(), self._saver.zone)  # it differs from every state that was there before

    # what is no memory

    async def _undo_other_entities(self, transaction: Transaction, attempt: _Attempt) -> list[NewChange]:
        """Undoes what is no memory; may be called again. Raises Conflict when it refuses what was changed since."""
        attempt.changed.clear()
        attempt.kept.clear()
        if await transaction.history.is_undone(attempt.group):
            raise Conflict(f"it was {attempt.done} by another program; nothing was {attempt.done}", None)
        if not attempt.looking and await transaction.history.newest_number_of(attempt.group) != attempt.changes[-1].id:
            here = f"it is being written at the moment; nothing was {attempt.done}, stop it or try again"
            raise Conflict(here, None)
        rows = await _undo_relations(transaction, attempt, self._saver.vectors)
        if attempt.ends:  # relations that went with memories which exist again after it
            rows += await self._trash.with_relations(attempt.ends)(transaction)
        work = [change for change in attempt.changes if change.entity in _WORK]
        if work:
            undone = await transaction.work.undo(work, attempt.agreed)
            rows += undone.rows
            attempt.changed += undone.changed
            attempt.kept += undone.kept
        rows += await transaction.reviews.undo(attempt.changes)
        attempt.rows = len(rows)
        if attempt.refuses:
            raise Conflict(_refusal(attempt), attempt.current)
        if not rows and not attempt.effects:
            raise NothingToUndo("nothing of it is left to undo")
        return rows


async def _undo_relations(transaction: Transaction, attempt: _Attempt, vectors: VectorStore) -> list[NewChange]:
    """Removes relations that an act made, gives those that it changed their former values, makes the removed again.

    Those that went with a memory come back with it.
    """
    pairs = attempt.relations
    there: dict[str, Relation] = {}
    for batch in batches([after.id for _, after in pairs if after], BATCH):
        there |= await transaction.relations.locked(batch)
    deleted = {change.entity_id for change in attempt.memories if change.after is None}
    made, altered, removed = [], [], []
    for before, after in pairs:
        now = there.get(after.id) if after else None
        if before and after is None:
            if not deleted & {before.source_id, before.target_id}:
                removed.append(before)
            continue
        if after is None or (before is None and now is None):
            continue
        since = None if now and same_relation(now, after) else _changed_relation(before, now)
        if since is not None and not attempt.agreed(since):
            attempt.changed.append(since)
        elif now is None:
            removed += [before] if before else []
        elif before is None:
            made.append(now)
        else:
            altered.append((now, before))
    ends = {end for one in removed for end in (one.source_id, one.target_id)} - attempt.ends
    gone = await deleted_ends(vectors, transaction, ends)
    what = "one of its memories was deleted"
    lost = (one for one in removed if gone & {one.source_id, one.target_id})
    attempt.changed += [replace(_changed_relation(one, None), what=what, forceable=False) for one in lost]
    again = [one for one in removed if not gone & {one.source_id, one.target_id}]
    return await _write_relations(transaction, attempt, made, altered, again)


async def _write_relations(
    transaction: Transaction,
    attempt: _Attempt,
    made: Sequence[Relation],
    altered: Sequence[tuple[Relation, Relation]],
    removed: Sequence[Relation],
) -> list[NewChange]:
    said = {change.entity_id: undone_summary(change) for change in attempt.changes if change.entity is Entity.RELATION}
    rows: list[NewChange] = []
    for ids in batches([relation.id for relation in made], BATCH):
        rows += [relation_change(one, None, said[one.id]) for one in await transaction.relations.delete(ids)]
    for pairs in batches(altered, BATCH):
        await transaction.relations.update([before for _, before in pairs])
        rows += [relation_change(now, before, said[now.id]) for now, before in pairs]
    for gone in batches(removed, BATCH):
        again = await transaction.relations.insert(gone)
        rows += [taken_back(relation, said[relation.id]) for relation in again]
    return rows


def _changed_relation(before: Relation | None, now: Relation | None) -> ChangedSince:
    known = now or before
    assert known is not None
    goal, there = (relation_state(one) if one else None for one in (before, now))
    return ChangedSince(Entity.RELATION, known.id, str(known.type), "changed" if now else "was removed", goal, there)


def _refusal(attempt: _Attempt) -> str:
    changed = attempt.left
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return f"changed since: {changed[0].line}{more}; nothing was {attempt.done}"


def _there(one: ChangedSince) -> dict[str, object]:
    """What is there now, without what agents set by looking."""
    now = dict(one.now or {})
    payload = now.get("payload")
    held = payload if isinstance(payload, Mapping) else now
    looked = LOOKED_AT_KEYS - {*one.what.split(", ")}
    return {"type": now.get("type"), **{key: value for key, value in held.items() if key not in looked}}


def _memory_since(change: Change, current: Current) -> ChangedSince | None:
    """What is not as the change left it; None when all is."""
    if not (what := _changed_since(change, current.state)):
        return None
    now = current.state.as_json() if current.state else None
    return ChangedSince(
        Entity.MEMORY, change.entity_id, titled(now or change.before or change.after), what, change.before, now
    )


def _changed_since(change: Change, now: State | None) -> str:
    """What of a memory is not as the change left it; "" when it is."""
    if change.after is None:
        return "exists again" if now else ""
    if now is None:
        return "was deleted" if change.before else ""
    before = State.from_json(change.before) if change.before else None
    after = State.from_json(change.after)
    keys = dict.fromkeys(changed_keys(before.payload if before else now.payload, after.payload) + _of_chunks(change))
    touched = [
        "text" if key == "content" else key
        for key in keys
        if value_under(now.payload, key) != value_under(after.payload, key)
        and not (key in LOOKED_AT_KEYS and (before is None or key == "updated_at"))
    ]
    if now.type is not after.type:
        touched.append("type")
    return ", ".join(touched)


def _of_chunks(change: Change) -> list[str]:
    """Keys that the change set in single chunks."""
    return [key for key, _ in own_changes(change.before, change.after)] if change.before else []


def _own(change: Change, before: State, goal: State) -> OwnKeys:
    """What single chunks had before the change, under keys that get the value that the memory had then."""

    def is_back(key: str) -> bool:
        return value_under(before.payload, key) == value_under(goal.payload, key)

    own = kept_own_keys(change.before)
    return {place: {key: value for key, value in keys.items() if is_back(key)} for place, keys in own.items()}
