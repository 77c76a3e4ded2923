"""A memory as it is: what its points hold, and what the outbox will still make of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.memories.editing import changed_keys, value_under, with_values
from services.memories.payload import LOOKED_AT_KEYS, State, read_memory
from services.memories.reading import Stored, read_stored
from services.model import Action, Change, Memory
from services.points import Vector
from services.ports import UNMARKED, Mark, Records, VectorStore
from services.times import WriterZone


class ChangedOutside(Exception):
    """A program that knows no outbox changed the memory since its save was written there."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One memory that is to be brought from one state to another; None is a memory that does not exist."""

    memory_id: str
    before: State | None
    after: State | None
    action: Action
    summary: str
    stored: Sequence[Stored] = ()
    """What the points hold now."""
    known: Mapping[str, Vector] = field(default_factory=dict)
    """Vectors by text that need not be made again."""
    texts: tuple[str | None, ...] | None = None
    """What to index the memory by when that is not what the chunker gives; None for a chunk that shall be missing."""
    attempts: int = 0
    """How often embedding was tried in vain."""
    mark: Mark = UNMARKED
    """How far the history of the memory had come before its points were read."""


@dataclass(frozen=True, slots=True)
class Current:
    """A memory at one moment, the basis of a plan."""

    id: str
    state: State | None
    """None: there is no such memory, or it is being deleted."""
    stored: Sequence[Stored] = ()
    """What the points hold."""
    mark: Mark = UNMARKED
    planned: Plan | None = None
    """What the same act had planned for it: before another program changed it, or as another part of the act."""

    def memory(self, zone: WriterZone) -> Memory:
        """The memory, which must exist, as far as it can be shown."""
        assert self.state is not None
        if self.stored and self.stored[0].state == self.state:
            return self.stored[0].memory(zone)
        return read_memory(self.id, self.state, zone)

    def plan(
        self,
        after: State | None,
        action: Action,
        summary: str,
        known: Mapping[str, Vector] | None = None,
        texts: tuple[str | None, ...] | None = None,
    ) -> Plan:
        """A plan to bring it to `after`; as `Plan` has it."""
        return Plan(self.id, self.state, after, action, summary, self.stored, known or {}, texts=texts, mark=self.mark)


async def read_current(
    vectors: VectorStore, records: Records, ids: Iterable[str], *, embeddings: bool = True
) -> dict[str, Current]:
    """Every memory of the ids, in their order. Marks are read before points: what changes between is noticed."""
    wanted = list(dict.fromkeys(ids))
    marks = await records.marks(wanted)
    waiting = [mark.waiting for mark in marks.values() if mark.waiting]
    changes = {change.id: change for change in await records.changes(waiting)} if waiting else {}
    stored = await read_stored(vectors, wanted, embeddings=embeddings)
    return {one: _current(one, marks.get(one, UNMARKED), changes, stored.get(one, ())) for one in wanted}


def _current(memory_id: str, mark: Mark, changes: Mapping[int, Change], stored: Sequence[Stored]) -> Current:
    state = stored[0].state if stored else None
    if change := changes.get(mark.waiting):
        before = State.from_json(change.before) if change.before else None
        after = State.from_json(change.after) if change.after else None
        with contextlib.suppress(ChangedOutside):  # then it is as the other program left it
            state = merged(before, after, stored)
    return Current(memory_id, state, stored, mark)


def merged(before: State | None, after: State | None, stored: Sequence[Stored]) -> State | None:
    """The state of an outbox entry, with what others changed since under keys that the entry leaves alone.

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
