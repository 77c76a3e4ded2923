"""Repairs memories that other programs damaged: saved as any change is, so it can be undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from services.memories.current import Current, Plan
from services.memories.editing import stamped
from services.memories.payload import State
from services.memories.saving import Saver, TransactionHook
from services.model import Action, Kind
from services.times import WriterZone


@dataclass(frozen=True, slots=True)
class RepairedMemory:
    """How a memory shall be."""

    state: State | None
    """None: deleted."""
    summary: str
    rechunk: bool = False
    """Cut into chunks again, though the text is the same."""


RepairOf = Callable[[Current], RepairedMemory | None]
"""What to make of a memory that exists; None leaves it alone."""


class Repairing:
    """Writes repairs; a memory that changed meanwhile is looked at as it is then."""

    def __init__(self, saver: Saver, zone: WriterZone) -> None:
        self._saver = saver
        self._zone = zone

    async def repair(
        self, ids: Sequence[str], repair: RepairOf, group: str, also: TransactionHook | None = None
    ) -> int:
        """Repairs any number in one transaction, with what `also` writes; gives how many were changed.

        Raises ModelMismatch when a memory is to be cut into chunks again and the store's vectors are another model's.
        """

        async def plan(currents: Mapping[str, Current]) -> list[Plan]:
            return [one for current in currents.values() if (one := await self._plan(current, repair))]

        return await self._saver.change(group, ids, plan, kind=Kind.REPAIR, also=also)

    async def _plan(self, current: Current, repair: RepairOf) -> Plan | None:
        repaired = repair(current) if current.state and current.stored else None
        if repaired is None or current.state is None:
            return None
        after = repaired.state
        if after is None:
            return current.plan(None, Action.DELETED, repaired.summary)
        if _seen(after) != _seen(current.state):
            after = stamped(after, self._saver.clock(), self._zone)
        if repaired.rechunk:
            await self._saver.applier.require_model()
        texts = self._saver.applier.chunks(after.content) if repaired.rechunk else None
        return current.plan(after, Action.UPDATED, repaired.summary, texts=texts)


def _seen(state: State) -> tuple[object, ...]:
    """What of a state a person would see."""
    return state.type, {key: value for key, value in state.payload.items() if key != "updated_at"}
