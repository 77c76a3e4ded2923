"""Which memory an id of a file stands for: upstream links and lists chunks by their own ids."""

from __future__ import annotations

from collections.abc import Sequence

from services.memories.chunking import chunk_id
from services.memories.reading import fold, owners
from services.model import MemoryType
from services.points import Scroll
from services.ports import VectorStore

_PAGE = 1000
_SHORTEST_STEP = 50
"""Characters by which a chunk advances at least, under any setting that is in use."""
_MOST_CHUNKS = 4000


class Ends:
    """Finds the memory of an id: of a memory, of a chunk that is stored, or of one that once was cut from its text."""

    def __init__(self, vectors: VectorStore) -> None:
        self._vectors = vectors
        self._derived: dict[str, str] | None = None

    def forget(self) -> None:
        """The store has other memories now."""
        self._derived = None

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
            after: str | None = None
            while points := await self._vectors.scroll(Scroll(type_, _PAGE, after_id=after)):
                after = points[-1].id
                for stored in fold(type_, points):
                    count = min(_MOST_CHUNKS, len(stored.state.content) // _SHORTEST_STEP + 2)
                    derived |= {chunk_id(stored.id, index): stored.id for index in range(count)}
        return derived
