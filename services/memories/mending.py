"""Puts memories right that other programs left in disorder: saved as any change is, so it can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.memories.editing import stamped
from services.memories.payload import State
from services.memories.reading import Stored, read_stored
from services.memories.saving import Plan, Saver
from services.model import Action, Kind
from services.times import WriterZone


@dataclass(frozen=True, slots=True)
class Mended:
    """How a memory shall be."""

    state: State
    summary: str
    anew: bool = False
    """Cut into chunks again, though the text is the same."""


Mend = Callable[[Stored], Mended | None]
"""What to make of a memory; None leaves it alone."""


class Mending:
    """Writes what is to be put right; a memory that changed meanwhile is looked at as it is then."""

    def __init__(self, saver: Saver, zone: WriterZone) -> None:
        self._saver = saver
        self._zone = zone

    async def mend(self, ids: Sequence[str], mend: Mend, group: str) -> int:
        """One batch in one transaction; gives how many were changed.

        Raises ModelMismatch when a memory is to be cut anew and the store's vectors are another model's.
        """
        async with self._saver.locked(ids):
            plans = []
            for memory_id, states in (await read_stored(self._saver.vectors, ids)).items():
                if mended := mend(states[0]):
                    after = stamped(mended.state, self._saver.clock(), self._zone)
                    if mended.anew:
                        await self._saver.require_model()
                    texts = self._saver.chunks(after.content) if mended.anew else None
                    before, summary = states[0].state, mended.summary
                    plans.append(Plan(memory_id, before, after, Action.UPDATED, summary, states, texts=texts))
            if plans:
                await self._saver.save(group, plans, kind=Kind.REPAIR)
        return len(plans)
