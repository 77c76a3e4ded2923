"""Which memory an id of a file stands for: upstream links and lists chunks by their own ids."""

from __future__ import annotations

from collections.abc import Sequence

from services.memories.chunking import chunk_id
from services.memories.stored_memories import fold, owners, pages
from services.model import MemoryType
from services.points import Scroll
from services.ports import VectorStore

_PAGE = 1000
_SHORTEST_STEP = 50
"""Characters by which a chunk advances at least, under any setting that is in use."""
_MOST_CHUNKS = 4000


class RelationEnds:
    """Finds the memory of an id: of a memory, of a chunk that is stored, or of one that once was cut from its text."""

    def __init__(self, vectors: VectorStore) -> None:
        self._vectors = vectors
        self._derived: dict[str, str] | None = None

    async def known(self, ids: Sequence[str]) -> dict[str, str]:
        """By stored points alone; ids of nothing are left out."""
        return await owners(self._vectors, list(dict.fromkeys(ids))) if ids else {}

    async def all(self, ids: Sequence[str]) -> dict[str, str]:
        """Also by ids that chunks of the stored texts could have had; reads the whole store once when it must."""
        found = await self.known(ids)
        lost = [one for one in ids if one not in found]
        if lost and self._derived is None:
            self._derived = await self._derive()
        derived = self._derived or {}
        return found | {one: derived[one] for one in lost if one in derived}

    async def _derive(self) -> dict[str, str]:
        derived: dict[str, str] = {}
        for type_ in MemoryType:
            async for points in pages(self._vectors, Scroll(type_, _PAGE)):
                for stored in fold(type_, points):
                    derived |= dict.fromkeys(derived_ids(stored.id, stored.state.content), stored.id)
        return derived


def derived_ids(memory_id: str, content: str) -> list[str]:
    """The ids that chunks of the text could have under any setting that is in use."""
    return [chunk_id(memory_id, index) for index in range(min(_MOST_CHUNKS, len(content) // _SHORTEST_STEP + 2))]
