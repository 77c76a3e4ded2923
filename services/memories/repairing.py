"""Repairs memories that other programs damaged: saved as any change is, so it can be undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from services.memories.current_state import Current
from services.memories.editing import stamped
from services.memories.payload import State
from services.memories.saving import Saver, TransactionHook
from services.memories.write_plans import Plan
from services.model import Action, Kind


@dataclass(frozen=True, slots=True)
class RepairedMemory:
    state: State | None
    """None: deleted."""
    summary: str
    rechunk: bool = False
    """Cut into chunks again, though the text is the same."""


RepairOf = Callable[[Current], RepairedMemory | None]
"""What to make of a memory that exists; None leaves it alone."""


async def repair(
    saver: Saver, ids: Sequence[str], repair_of: RepairOf, group: str, also: TransactionHook | None
) -> int:
    """Repairs any number in one transaction, with what `also` writes; gives how many were changed.

    A memory that changed meanwhile is looked at as it is then. Raises ModelMismatch when a memory is to be cut into
    chunks again and the store's vectors are another model's.
    """

    async def plan(currents: Mapping[str, Current]) -> list[Plan]:
        return [one for current in currents.values() if (one := await _plan(saver, current, repair_of))]

    return await saver.change(group, ids, plan, kind=Kind.REPAIR, also=also)


async def _plan(saver: Saver, current: Current, repair_of: RepairOf) -> Plan | None:
    repaired = repair_of(current) if current.state and current.stored else None
    if repaired is None or current.state is None:
        return None
    after = repaired.state
    if after is None:
        return current.plan(None, Action.DELETED, repaired.summary)
    if _seen(after) != _seen(current.state):
        after = stamped(after, saver.clock(), saver.zone)
    if repaired.rechunk:
        await saver.applier.require_model()
    texts = saver.applier.chunks(after.content) if repaired.rechunk else None
    return current.plan(after, Action.UPDATED, repaired.summary, texts=texts)


def _seen(state: State) -> tuple[object, ...]:
    """What of a state a person would see."""
    return state.type, {key: value for key, value in state.payload.items() if key != "updated_at"}
