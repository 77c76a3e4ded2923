"""The end of a long list is read from there, and is the same as when it is reached through all the rest."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from services.model import MemoryType, Query, SortKey
from services.points import Point, Scroll
from services.ports import VectorStore
from services.search import list_order, listing
from services.search.listing import Listing
from tests.services.stores import ident, opened_store, point
from tests.services.test_search import EMBEDDER, Store

MANY = 600
"""Memories: more than are near the end, and many batches of an order."""


class Counting:
    """A store that counts the pages in an order that it was asked for."""

    def __init__(self, store: VectorStore) -> None:
        self._store = store
        self.scrolls = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def scroll(self, request: Scroll) -> list[Point]:
        self.scrolls += request.order_by is not None
        return await self._store.scroll(request)


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """Memories of two types, many of the same day."""
    monkeypatch.setattr(listing, "_NEAR_END", MANY // 3)
    monkeypatch.setattr(list_order, "_BATCH", MANY // 10)
    async with opened_store("edge", tmp_path / "qdrant") as vectors:
        await vectors.ensure(EMBEDDER.dimensions, EMBEDDER.model)
        dice = random.Random(5)
        for kind, start in ((MemoryType.SEMANTIC, 0), (MemoryType.EPISODIC, MANY // 2)):
            await vectors.upsert(
                kind,
                [
                    point(
                        number,
                        "text",
                        importance=dice.choice([0.1, 0.5, 0.9]),
                        created_at=f"2026-{dice.randrange(1, 13):02}-{dice.randrange(1, 28):02}T10:00:00",
                    )
                    for number in range(start, start + MANY // 2)
                ],
            )
        yield Store(tmp_path, Counting(vectors))  # type: ignore[arg-type]


async def ids(list_: Listing, offset: int, limit: int = 60) -> list[str]:
    return [hit.memory.id for hit in await list_.page(offset, limit)]


async def test_the_end_of_a_list_is_read_from_there(store: Store) -> None:
    for sort, descending in product((SortKey.CREATED, SortKey.IMPORTANCE), (True, False)):
        query = replace(Query(), sort=sort, descending=descending)
        store.vectors.scrolls = 0  # type: ignore[attr-defined]
        expected = await ids(await store.search._opened(query), 0, MANY)
        assert len(set(expected)) == MANY
        whole_asked = store.vectors.scrolls  # type: ignore[attr-defined]
        list_ = await store.search._opened(query)
        for offset in (MANY - 60, MANY - 7, MANY - 200):
            assert await ids(list_, offset) == expected[offset : offset + 60], (sort, descending, offset)
        asked = store.vectors.scrolls - whole_asked  # type: ignore[attr-defined]
        assert asked < whole_asked / 2 or sort is SortKey.IMPORTANCE, descending


async def test_where_values_are_missing_the_list_is_read_from_its_start(store: Store) -> None:
    await store.vectors.upsert(MemoryType.SEMANTIC, [point(MANY + 1, "no date"), point(MANY + 2, "x", created_at="?")])
    list_ = await store.search._opened(Query())
    assert list_.total == MANY + 2
    assert set(await ids(list_, MANY - 10)) >= {ident(MANY + 1), ident(MANY + 2)}
