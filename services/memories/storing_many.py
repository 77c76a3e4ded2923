"""Writing many memories as they are given, for imports: what is there already is left alone, so it can be repeated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from services.errors import InvalidInput
from services.memories.current_state import Current
from services.memories.editing import summary
from services.memories.payload import State, same_state, write_payload
from services.memories.saving import BATCH, Act, Saver
from services.memories.stored_memories import canonical, read_stored
from services.memories.write_plans import Plan
from services.model import Action, Kind, Memory
from services.points import Vector
from services.ports import Embedder
from services.storable_text import quoted


@dataclass(frozen=True, slots=True)
class Incoming:
    """A memory to be written as it is."""

    memory: Memory
    vectors: tuple[Vector, ...] | None = None
    """One a chunk, in order, of the chunks that `services.memories.chunking` cuts with the settings in force."""
    vector_model: str | None = None
    """Model of the vectors; they are used when it made the store's vectors too, so None is never used."""


@dataclass(frozen=True, slots=True)
class StoredMany:
    """How many memories were new, were changed, and were there already as given."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0


class StoringAct(Act):
    """An act that writes memories as they are given; nothing is written before `write`."""

    def __init__(self, saver: Saver, embedder: Embedder, group: str, kind: Kind, *, prefetch: bool) -> None:
        super().__init__(saver, group, kind, prefetch=prefetch)
        self._embedder = embedder
        self._given = 0
        self._said = "restored from a backup" if kind is Kind.RESTORE else "imported"
        self.overtaken: set[str] = set()
        """Memories that another program wrote between plan and commit, and that are left as it wrote them."""

    @property
    def stored(self) -> StoredMany:
        """How many were new, changed and there already; final after `write`."""
        return StoredMany(self.created, self.count - self.created, self._given - self.count)

    async def take(self, items: Sequence[Incoming], currents: Mapping[str, Current] | None = None) -> None:
        """Plans to write the memories, in their order. Raises InvalidInput for an id that is no UUID.

        `currents` are those memories as `current` gave them, if it did since the last part and none comes twice.
        """
        for item in items:
            if canonical(item.memory.id) != item.memory.id:
                raise InvalidInput(f"{quoted(item.memory.id)} is no id of a memory; ids are UUIDs in lower case")
        self._given += len(items)
        for batch in _batches(items):
            planner = partial(self._wanted, batch)
            await self.add(list(batch), planner, again=self._again, embeddings=False, currents=currents)

    async def _wanted(self, batch: Mapping[str, Incoming], currents: Mapping[str, Current]) -> list[Plan]:
        model = await self._saver.applier.model()
        wanted = {
            one: State(item.memory.type, write_payload(item.memory, self._saver.zone)) for one, item in batch.items()
        }
        known = {one: self._known(item, wanted[one].storable(), model) for one, item in batch.items()}
        return await self._towards({one: state.storable() for one, state in wanted.items()}, currents, known)

    async def _again(self, currents: Mapping[str, Current]) -> list[Plan]:
        """What another program wrote at the same moment is newer; what it deleted comes as it was to come."""
        self.overtaken |= {one for one, current in currents.items() if current.state is not None}
        plans = {one: current.planned for one, current in currents.items() if current.state is None}
        wanted = {one: plan.after for one, plan in plans.items() if plan is not None and plan.after is not None}
        return await self._towards(wanted, currents, {one: plan.known for one, plan in plans.items() if plan})

    async def _towards(
        self,
        wanted: Mapping[str, State],
        currents: Mapping[str, Current],
        known: Mapping[str, Mapping[str, Vector]],
    ) -> list[Plan]:
        differ = [one for one, after in wanted.items() if not self._same(currents[one], after)]
        stored = await read_stored(self._saver.vectors, [one for one in differ if currents[one].stored])
        plans = []
        for one in differ:
            current, after = replace(currents[one], stored=stored.get(one, ())), wanted[one]
            action = Action.UPDATED if current.state else Action.CREATED
            text = summary(current.state, after) if current.state else self._said
            plans.append(current.plan(after, action, text, known[one]))
        return plans

    def _same(self, current: Current, wanted: State) -> bool:
        return current.state is not None and same_state(current.state, wanted, current.id, self._saver.zone)

    def _known(self, item: Incoming, after: State, model: str) -> dict[str, Vector]:
        """The given vectors by text, if they can stand beside the store's."""
        if not item.vectors or item.vector_model != model:
            return {}
        texts = self._saver.applier.chunks(after.content)
        fit = all(len(one) == self._embedder.dimensions and math.isfinite(sum(one)) for one in item.vectors)
        return dict(zip(texts, item.vectors, strict=True)) if fit and len(texts) == len(item.vectors) else {}


def _batches(items: Sequence[Incoming]) -> Iterator[dict[str, Incoming]]:
    """Batches by id; a memory that comes twice comes in two batches, so that the later one is compared."""
    batch: dict[str, Incoming] = {}
    for item in items:
        if len(batch) == BATCH or item.memory.id in batch:
            yield batch
            batch = {}
        batch[item.memory.id] = item
    if batch:
        yield batch
