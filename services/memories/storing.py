"""Writing many memories as they are given, for imports: what is there already is left alone, so it can be repeated."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.errors import InvalidInput
from services.memories.editing import summary
from services.memories.payload import State, same_state, write_payload
from services.memories.reading import canonical, read_stored
from services.memories.saving import Plan, Saver
from services.model import Action, Kind, Memory
from services.points import Vector
from services.ports import Embedder
from services.times import WriterZone

_BATCH = 150
"""Memories written at once: few enough that the event loop is not held up."""
_TOGETHER = 3
"""Batches under way at once: one is computed while the stores write the others."""


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


class Storing:
    """Writes batches: one transaction, one round of embedding, one write a collection each."""

    def __init__(self, saver: Saver, embedder: Embedder, zone: WriterZone) -> None:
        self._saver = saver
        self._embedder = embedder
        self._zone = zone

    async def store(self, items: Sequence[Incoming], group: str, kind: Kind) -> StoredMany:
        """Writes the memories in their order. Raises InvalidInput, before any write, for an id that is no UUID."""
        if not items:
            return StoredMany()
        for item in items:
            if canonical(item.memory.id) != item.memory.id:
                raise InvalidInput(f"{item.memory.id!r} is no id of a memory; ids are UUIDs in lower case")
        places = asyncio.Semaphore(_TOGETHER)
        try:
            async with asyncio.TaskGroup() as tasks:
                written = [
                    tasks.create_task(self._store_batch(batch, group, kind, places)) for batch in _batches(items)
                ]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        created, updated = (sum(counts) for counts in zip(*(task.result() for task in written), strict=True))
        return StoredMany(created, updated, len(items) - created - updated)

    async def _store_batch(
        self, batch: dict[str, Incoming], group: str, kind: Kind, places: asyncio.Semaphore
    ) -> tuple[int, int]:
        """How many were new, and how many were changed."""
        async with places, self._saver.locked(batch):
            plans = await self._plans(batch)
            if plans:
                await self._saver.save(group, plans, kind=kind)
        new = sum(plan.before is None for plan in plans)
        return new, len(plans) - new

    async def _plans(self, batch: dict[str, Incoming]) -> list[Plan]:
        vectors, model = self._saver.vectors, await self._saver.model()
        there = await read_stored(vectors, batch, embeddings=False)
        wanted = {
            one: State(item.memory.type, write_payload(item.memory, self._zone)).storable()
            for one, item in batch.items()
        }
        differ = [one for one in there if not same_state(there[one][0].state, wanted[one], one, self._zone)]
        stored = await read_stored(vectors, differ)
        plans = []
        for memory_id, item in batch.items():
            if memory_id in there and memory_id not in stored:
                continue
            states, after = stored.get(memory_id, []), wanted[memory_id]
            before = states[0].state if states else None
            action = Action.UPDATED if before else Action.CREATED
            text = summary(before, after) if before else "imported"
            known = self._known(item, after, model)
            plans.append(Plan(memory_id, before, after, action, text, states, known))
        return plans

    def _known(self, item: Incoming, after: State, model: str) -> dict[str, Vector]:
        """The given vectors by text, if they can stand beside the store's."""
        if not item.vectors or item.vector_model != model:
            return {}
        texts = self._saver.chunks(after.content)
        fit = all(len(one) == self._embedder.dimensions and math.isfinite(sum(one)) for one in item.vectors)
        return dict(zip(texts, item.vectors, strict=True)) if fit and len(texts) == len(item.vectors) else {}


def _batches(items: Sequence[Incoming]) -> Iterator[dict[str, Incoming]]:
    """Batches by id; a memory that comes twice comes in two batches, so that the later one is compared."""
    batch: dict[str, Incoming] = {}
    for item in items:
        if len(batch) == _BATCH or item.memory.id in batch:
            yield batch
            batch = {}
        batch[item.memory.id] = item
    if batch:
        yield batch
