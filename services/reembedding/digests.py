"""Telling which memories two sets of collections have otherwise."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping

from services.memories.stored_memories import (
    Stored,
    all_stored,
    chunk_index,
    in_collection,
    memory_id_of,
    newest,
    pages,
)
from services.model import MemoryType
from services.points import EVERYTHING, Filter, HasVector, Scroll
from services.ports import VectorStore

_PAGE = 300
"""Points in memory at once, and few enough that the event loop is not held up."""
_QUICK_KEYS = (
    *("parent_id", "chunk_index", "chunk_count", "memory_type", "created_at", "updated_at", "accessed_at"),
    *("access_count", "importance", "tags", "project"),
)
"""Keys of which every edit changes one, and that are read much faster than texts.

A new key of payloads needs no line: who edits it writes `updated_at` too.
"""
_INCOMPLETE = b""

Digests = Mapping[str, int]
"""Memory id → digest of what tells that the memory was changed."""


async def newest_of(vectors: VectorStore, type_: MemoryType, ids: Iterable[str]) -> list[Stored]:
    """The newest state of each of these memories that the collection has."""
    wanted = frozenset(ids)
    return newest(await in_collection(vectors, type_, wanted, embeddings=False)) if wanted else []


def digest(stored: Stored) -> bytes:
    """SHA-256, in part, of all that the memory is; the same however it is cut into chunks."""
    return hashlib.sha256(json.dumps(stored.state.payload, sort_keys=True, default=str).encode()).digest()[:16]


async def digests(vectors: VectorStore, type_: MemoryType) -> dict[str, bytes]:
    """Of each memory of one collection; of no value for one that lacks a chunk or a vector."""
    found: dict[str, bytes] = {}
    async for page in all_stored(vectors, type_, embeddings=False):
        found |= {one.id: digest(one) if one.texts is not None else _INCOMPLETE for one in page}
    pending = Scroll(type_, _PAGE, Filter(must_not=(HasVector(),)), payload_keys=("parent_id",))
    async for points in pages(vectors, pending):
        found |= {memory_id_of(point): _INCOMPLETE for point in points}
    return found


async def quick_digests(vectors: VectorStore, type_: MemoryType, *, complete: bool = False) -> dict[str, int]:
    """Of what tells that a memory was changed; made in a fraction of the time, and only for this process.

    With `complete`, a memory that lacks a chunk has the digest of none.
    """
    first: dict[str, tuple[int, int, object]] = {}
    counts: Counter[str] = Counter()
    async for page in pages(vectors, Scroll(type_, _PAGE, EVERYTHING, payload_keys=_QUICK_KEYS)):
        for point in page:
            memory_id, index = memory_id_of(point), chunk_index(point) or 0
            counts[memory_id] += 1
            if memory_id not in first or index < first[memory_id][0]:
                kept = [point.payload.get(key) for key in _QUICK_KEYS[3:]]
                first[memory_id] = index, hash(json.dumps(kept)), point.payload.get("chunk_count", 1)
    return {one: made for one, (_, made, count) in first.items() if not complete or counts[one] == count}
