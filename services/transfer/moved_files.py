"""Which memory a note is that was renamed or moved in its folder: the one that came from the file which is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.memories.stored_memories import memory_id_of, pages
from services.model import MemoryType
from services.points import Filter, Missing, Scroll
from services.ports import VectorStore
from services.transfer.formats.imported_records import IMPORTED_FROM, MemoryRecord
from services.transfer.formats.source_ids import file_id

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a stored memory came from."""

    memory_id: str
    file: str
    file_id: str
    hash: str


class MovedFiles:
    """Finds the memory of a note whose file has no memory of its own. Asks the store once, when it must."""

    def __init__(self, vectors: VectorStore) -> None:
        self._vectors = vectors
        self._by_file: dict[str, _Origin] | None = None
        self._by_hash: dict[str, list[_Origin]] = {}

    async def find(self, record: MemoryRecord) -> tuple[str, str] | None:
        """The id of its memory, and the file in which it was, "" for the same one; None when it is new."""
        origin = record.payload.get(IMPORTED_FROM)
        if record.folder is None or not isinstance(origin, Mapping):
            return None
        if self._by_file is None:
            await self._read()
        if (known := (self._by_file or {}).get(record.id)) is not None:
            return known.memory_id, ""
        same = self._by_hash.get(str(origin.get("hash")), [])
        for one in same:
            here = one.file_id == file_id(record.folder, one.file)
            if here and not await asyncio.to_thread(Path(record.folder, one.file).exists):
                same.remove(one)
                return one.memory_id, one.file
        return None

    async def _read(self) -> None:
        self._by_file = {}
        where = Filter(must_not=(Missing(IMPORTED_FROM),))
        for type_ in MemoryType:
            request = Scroll(type_, _PAGE, where, payload_keys=(IMPORTED_FROM, "parent_id", "is_chunk"))
            async for points in pages(self._vectors, request):
                for point in points:
                    origin = point.payload.get(IMPORTED_FROM)
                    if isinstance(origin, Mapping):
                        values = (str(origin.get(key, "")) for key in ("file", "id", "hash"))
                        one = _Origin(memory_id_of(point), *values)
                        if one.file_id not in self._by_file:
                            self._by_hash.setdefault(one.hash, []).append(one)
                        self._by_file[one.file_id] = one
