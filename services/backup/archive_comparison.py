"""Compares the memories of an archive with those of the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from services.batches import batches
from services.memories.payload import State, same_but_for_looks
from services.memories.stored_memories import ONE_EACH, Stored, fold, headless_ids, memory_id_of, pages, read_stored
from services.model import MemoryType
from services.points import Scroll
from services.times import WriterZone, read_stamp

if TYPE_CHECKING:
    from services.backup.archive_parts import OpenArchive
    from services.ports import VectorStore

_BATCH = 100
"""Memories compared at once: few enough that the event loop is not held up."""


class DiffStatus(Enum):
    """How a memory of the archive stands to the one here."""

    NEW = "new"
    NEWER = "newer"
    OLDER = "older"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Pair:
    """One memory of the archive, and what is stored here under its id."""

    archived: Stored
    here: Stored | None
    status: DiffStatus


class MemoryPairs:
    """Goes through the memories of an archive with those of a store beside them; then through those only here."""

    def __init__(self, vectors: VectorStore, archive: OpenArchive, zone: WriterZone) -> None:
        self._vectors = vectors
        self._archive = archive
        self._zone = zone
        self._archived: set[str] = set()

    async def batches(self) -> AsyncIterator[list[Pair]]:
        """Some of the archive's memories at once, each whole."""
        async for read in self._archive.points():
            memories = await asyncio.to_thread(fold, read.type, read.points)
            for some in batches(memories, _BATCH):
                yield await self._compared(some)

    async def only_here(self) -> AsyncIterator[list[str]]:
        """Ids of the store's memories that the archive does not have, after `batches` has ended."""
        for type_ in MemoryType:
            request = Scroll(type_, _BATCH * 4, ONE_EACH, payload_keys=("parent_id",))
            async for page in pages(self._vectors, request):
                yield self._unknown([memory_id_of(point) for point in page])
            yield self._unknown(await headless_ids(self._vectors, type_))

    def _unknown(self, ids: Sequence[str]) -> list[str]:
        return [one for one in dict.fromkeys(ids) if one not in self._archived]

    async def _compared(self, memories: Sequence[Stored]) -> list[Pair]:
        here = await read_stored(self._vectors, [one.id for one in memories], embeddings=False)
        return await asyncio.to_thread(self._paired, memories, here)

    def _paired(self, memories: Sequence[Stored], here: Mapping[str, Sequence[Stored]]) -> list[Pair]:
        pairs = []
        for archived in memories:
            self._archived.add(archived.id)
            states = here.get(archived.id)
            current = states[0] if states else None
            pairs.append(Pair(archived, current, self._status(archived, current)))
        return pairs

    def _status(self, archived: Stored, here: Stored | None) -> DiffStatus:
        if here is None:
            return DiffStatus.NEW
        if same_but_for_looks(archived.state, here.state, archived.id, self._zone):
            return DiffStatus.SAME
        then, now = self._updated(archived.state), self._updated(here.state)
        return DiffStatus.OLDER if then and now and now > then else DiffStatus.NEWER

    def _updated(self, state: State) -> datetime | None:
        return read_stamp(state.payload.get("updated_at"), self._zone)
