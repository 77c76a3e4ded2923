"""Memories whose first chunk is gone, because upstream lists and deletes chunks by their own ids."""

from __future__ import annotations

from services.model import MemoryType
from services.points import Between, Filter
from services.ports import VectorStore

NOT_FIRST = Between("chunk_index", gte=1)
"""Points that are a chunk, but not the first: without them, there is one point a memory."""
_FIRST = Between("chunk_index", gte=0, lt=1)
_ALL = 1_000_000


async def headless_ids(vectors: VectorStore, type_: MemoryType) -> list[str]:
    """Ids of the headless memories of one collection, sorted."""
    parts = await vectors.facet(type_, "parent_id", Filter((NOT_FIRST,)), _ALL)
    heads = await vectors.facet(type_, "parent_id", Filter((_FIRST,)), _ALL)
    return sorted(set(parts) - set(heads))
