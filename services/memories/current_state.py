"""A memory as it is: what its points hold, and what the outbox will still make of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.memories.editing import changed_keys, value_under, with_values
from services.memories.payload import LOOKED_AT_KEYS, State, read_memory, still_related
from services.memories.point_layout import OwnKeys
from services.memories.stored_memories import Stored, read_stored
from services.memories.write_plans import Plan
from services.model import Action, Change, Memory
from services.points import Vector
from services.ports import UNMARKED, Mark, VectorStore
from services.records import Records
from services.times import WriterZone


class ChangedOutside(Exception):
    """A program that knows no outbox changed the memory since its save was written there."""


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
        own: OwnKeys | None = None,
    ) -> Plan:
        """A plan to bring it to `after`; as `Plan` has it."""
        if after is not None:
            after = still_related(after, self.state)
        return Plan(
            self.id, self.state, after, action, summary, self.stored, known or {}, texts, own or {}, mark=self.mark
        )


async def read_current(
    vectors: VectorStore, records: Records, ids: Iterable[str], *, embeddings: bool = True
) -> dict[str, Current]:
    """Every memory of the ids, in their order. Marks are read before points: what changes between is noticed."""
    wanted = list(dict.fromkeys(ids))
    marks = await records.outbox.marks(wanted)
    waiting = await read_waiting(records, [one for one, mark in marks.items() if mark.waiting])
    stored = await read_stored(vectors, wanted, embeddings=embeddings)
    return {one: _current(one, marks.get(one, UNMARKED), waiting.get(one), stored.get(one, ())) for one in wanted}


@dataclass(frozen=True, slots=True)
class Chain:
    """What waits to be applied to the points of a memory."""

    change: Change
    """The newest one."""
    states: tuple[State | None, ...]
    """All that the points can have by now: before the first change, and after each."""
    attempts: int


async def read_waiting(records: Records, ids: Sequence[str]) -> dict[str, Chain]:
    """What waits to be applied to these memories."""
    waiting = await records.outbox.waiting(ids) if ids else {}
    numbers = [number for one in waiting.values() for number in one.changes]
    changes = {change.id: change for change in await records.history.changes(numbers)} if numbers else {}
    chains = {}
    for memory_id, one in waiting.items():
        if rows := [changes[number] for number in one.changes if number in changes]:
            after = [_state(change.after) for change in rows]
            states = after[-1:] * 2 if one.written else [_state(rows[0].before), *after]
            chains[memory_id] = Chain(rows[-1], tuple(states), one.attempts)
    return chains


def _state(row: Mapping[str, object] | None) -> State | None:
    return None if row is None else State.from_json(row)


def _current(memory_id: str, mark: Mark, chain: Chain | None, stored: Sequence[Stored]) -> Current:
    state = stored[0].state if stored else None
    if chain is not None:
        with contextlib.suppress(ChangedOutside):  # then it is as the other program left it
            state = merged(chain.states, stored)
    return Current(memory_id, state, stored, mark)


def merged(states: Sequence[State | None], stored: Sequence[Stored]) -> State | None:
    """The last of a memory's states, with what others changed since under keys that the states leave alone.

    The points can have any of the states, also in part. Raises ChangedOutside when others changed a key that differs
    among the states, or deleted the memory.
    """
    after = states[-1]
    if not stored:
        if after is not None and None not in states:
            raise ChangedOutside
        return after
    payloads = [state.payload if state else {} for state in states]
    ours = list(dict.fromkeys(key for one, other in pairwise(payloads) for key in changed_keys(one, other)))
    for one in stored:
        _check([state for state in states if state], set(ours), one.state, deleted=after is None)
    if after is None:
        return None
    return State(after.type, with_values(stored[0].state.payload, ours, after.payload))


def _check(states: Sequence[State], ours: set[str], current: State, *, deleted: bool) -> None:
    if current.type not in {state.type for state in states}:
        raise ChangedOutside
    keys = {key for state in states for key in state.payload} | current.payload.keys() if deleted else ours
    for key in keys - LOOKED_AT_KEYS - {"memory_type"}:
        known = [value_under(state.payload, key) for state in states]
        if value_under(current.payload, key) not in known:
            raise ChangedOutside
