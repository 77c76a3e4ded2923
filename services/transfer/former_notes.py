"""Memories of notes that were imported before it was written down what came from where: their payloads say it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.memories.stored_memories import memory_id_of, pages
from services.model import MemoryType, content_hash
from services.points import Filter, Missing, Scroll
from services.ports import VectorStore
from services.transfer.reader_parts.folders import file_and_section
from services.transfer.reader_parts.imported_records import MemoryRecord
from services.transfer.reader_parts.source_ids import file_id

_ORIGIN = "imported_from"
"""Key of a payload: the `file` of a note, its `id`, and the `hash` of its text."""
_PAGE = 1000
_HASH = 16


class FormerNotes:
    """Finds them for sources that were not completely imported since. Asks the store once, when it must."""

    def __init__(self, vectors: VectorStore) -> None:
        self._vectors = vectors
        self._by_id: dict[str, str] | None = None
        self._by_hash: dict[str, list[tuple[str, str, str]]] = {}

    async def find(self, root: Path, records: Sequence[MemoryRecord]) -> dict[str, tuple[str, str]]:
        """By ids of notes that are the memories of others: those, and the files that were theirs, "" for the same.

        `root` is the file or folder that is imported.
        """
        notes = [(one, one.file) for one in records if one.by_file and one.file]
        if notes and self._by_id is None:
            self._by_id = await self._read()
        by_id = self._by_id or {}
        return await asyncio.to_thread(self._find, root, notes, by_id) if by_id else {}

    def _find(
        self, root: Path, notes: Sequence[tuple[MemoryRecord, str]], by_id: Mapping[str, str]
    ) -> dict[str, tuple[str, str]]:
        folder, found = root if root.is_dir() else root.parent, {}
        for record, file in notes:
            if (known := by_id.get(record.id)) is not None:
                if known != record.id:
                    found[record.id] = known, ""
                continue
            same = self._by_hash.get(content_hash(str(record.payload["content"]))[:_HASH], [])
            for one in () if file_and_section(file)[1] else tuple(same):
                memory_id, former, former_id = one
                if former_id == file_id(folder.as_posix(), former) and not (folder / former).exists():
                    same.remove(one)
                    found[record.id] = memory_id, former
                    break
        return found

    async def _read(self) -> dict[str, str]:
        by_id: dict[str, str] = {}
        where = Filter(must_not=(Missing(_ORIGIN),))
        for type_ in MemoryType:
            request = Scroll(type_, _PAGE, where, payload_keys=(_ORIGIN, "parent_id", "is_chunk"))
            async for points in pages(self._vectors, request):
                for point in points:
                    origin = point.payload.get(_ORIGIN)
                    if isinstance(origin, Mapping):
                        file, former_id, hash_ = (str(origin.get(key, "")) for key in ("file", "id", "hash"))
                        if former_id not in by_id:
                            self._by_hash.setdefault(hash_, []).append((memory_id_of(point), file, former_id))
                        by_id[former_id] = memory_id_of(point)
        return by_id
