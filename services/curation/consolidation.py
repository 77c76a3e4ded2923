"""Near-identical memories become one that keeps every text; what nobody used for long goes to the trash.

One act, undone as one: the kept memory gets the texts, tags, keys and relations of the others, which go to the trash.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.curation.clusters import likeness, looked_through
from services.curation.curation_values import Consolidation
from services.memories.editing import MOST_TEXT
from services.memories.memory_service import MemoryService
from services.memories.merging import Merge
from services.memories.stored_memories import Stored
from services.model import Memory, MemoryType
from services.permitted_stores import SeenRelations
from services.ports import Clock, VectorStore
from services.records import Records
from services.settings import Settings
from services.times import writer_zone

_LEAST_IMPORTANT = 0.3
"""Importance from which on nothing is forgotten."""
_PATIENCE = 40.0
"""Seconds that one look takes at most: clients give up after a minute."""
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Look:
    skip: int
    looked_at: int = 0
    merges: list[Merge] = field(default_factory=list)
    unused: list[tuple[Memory, tuple[str, ...]]] = field(default_factory=list)
    """With the ids by which relations may name them."""


class ConsolidationService:
    """Plans, and carries out what it planned."""

    def __init__(
        self, vectors: VectorStore, records: Records, memories: MemoryService, settings: Settings, clock: Clock
    ) -> None:
        self._vectors = vectors
        self._relations = SeenRelations(vectors, records)
        self._memories = memories
        self._zone = writer_zone(settings)
        self._clock = clock

    async def plan(self, threshold: float, forget_days: int, skip: int = 0) -> Consolidation:
        """What could be merged, with a cosine of at least the threshold, and forgotten; 0 days forget nothing.

        Memories are merged where type and project are the same. Forgotten are unimportant ones (below 0.3) without
        relations that were neither shown, changed nor made for so many days.
        """
        look, end = _Look(skip), time.monotonic() + _PATIENCE
        complete = True
        for type_ in MemoryType:
            if complete:
                complete = await self._look_through(type_, threshold, forget_days, look, end)
        merged = {one.id for merge in look.merges for one in (merge.kept, *merge.others)}
        unused = [(one, ends) for one, ends in look.unused if one.id not in merged]
        related = await self._relations.summaries([end for _, ends in unused for end in ends])
        forgotten = tuple(one for one, ends in unused if related.keys().isdisjoint(ends))
        return Consolidation(tuple(look.merges), forgotten, look.looked_at, complete)

    async def carry_out(self, planned: Consolidation) -> int:
        """Merges and forgets in one act; gives how many memories went. Raises Conflict when one was changed since."""
        if not planned.merges and not planned.forgotten:
            return 0
        return await self._memories.merge(planned.merges, planned.forgotten)

    async def _look_through(
        self, type_: MemoryType, threshold: float, forget_days: int, look: _Look, end: float
    ) -> bool:
        """False when the time is over."""
        before = self._clock() - timedelta(forget_days) if forget_days else _NEVER

        def belongs(one: Stored, other: Stored) -> bool:
            same = one.state.payload.get("project") == other.state.payload.get("project")
            return same and likeness(one, other) >= threshold

        async for looked in looked_through(self._vectors, type_, threshold, 2, belongs):
            if time.monotonic() > end:
                return False
            look.looked_at += len(looked.memories)
            if look.looked_at <= look.skip:
                continue
            merges = [self._merge(group) for group in looked.groups]
            look.merges += [one for one in merges if len(one.content) <= MOST_TEXT]
            memories = [(one.memory(self._zone), _ends(one)) for one in looked.memories]
            look.unused += [one for one in memories if forget_days and _is_unused(one[0], before)]
        return True

    def _merge(self, group: Sequence[Stored]) -> Merge:
        """The most important one stays, of equal ones the oldest."""
        memories = [one.memory(self._zone) for one in group]
        memories.sort(key=lambda one: (-one.importance, one.created_at or _NEVER, one.id))
        return Merge(memories[0], tuple(memories[1:]), {one.id: _ends(one) for one in group})


def _ends(stored: Stored) -> tuple[str, ...]:
    """The ids by which relations may name a memory: MCP Memoria draws them to its chunks, too."""
    return tuple({stored.id, *(point.id for point in stored.points)})


def _is_unused(memory: Memory, before: datetime) -> bool:
    last = max((one for one in (memory.created_at, memory.updated_at, memory.accessed_at) if one), default=None)
    return last is not None and last < before and memory.importance < _LEAST_IMPORTANT and memory.access_count < 1
