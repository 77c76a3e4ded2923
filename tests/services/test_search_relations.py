"""Memories with relations, or without, where they are many: no request names more than a bounded number of them."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from services.model import Facets, MemoryType, Query, SearchMode, SortKey
from services.points import (
    EVERYTHING,
    Condition,
    Filter,
    HasId,
    Matches,
    Point,
    ScoredPoint,
    Scroll,
    SearchRequest,
)
from services.ports import VectorStore
from services.search import filters
from services.search.query import parse_query
from tests.qdrant_server import real_server
from tests.services.stores import opened_store
from tests.services.test_search import EMBEDDER, NOW, Store, counts, memory, numbers, uid

pytestmark = pytest.mark.asyncio(loop_scope="module")
MOST_IDS = 60
"""Ids that one request names here at most, so that few memories are many."""
MANY = 2 * MOST_IDS + 60
RELATED = frozenset(random.Random(7).sample(range(1, MANY + 1), MOST_IDS + 30))
PAGE = 77
TAGS = ("odd", "even", "third")


class Watched:
    """A store that remembers how many ids the largest condition of a request named."""

    def __init__(self, store: VectorStore) -> None:
        self._store = store
        self.most = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def _watch(self, where: Filter) -> None:
        self.most = max(self.most, named(where))

    async def scroll(self, request: Scroll) -> list[Point]:
        self._watch(request.where)
        return await self._store.scroll(request)

    async def search(self, requests: Sequence[SearchRequest]) -> list[list[ScoredPoint]]:
        for request in requests:
            self._watch(request.where)
        return await self._store.search(requests)

    async def count(self, collection: MemoryType, where: Filter = EVERYTHING) -> int:
        self._watch(where)
        return await self._store.count(collection, where)

    async def facet(
        self, collection: MemoryType, key: str, where: Filter = EVERYTHING, limit: int = 1000
    ) -> Mapping[str, int]:
        self._watch(where)
        return await self._store.facet(collection, key, where, limit)


def named(condition: Condition) -> int:
    """Ids in a condition."""
    match condition:
        case Filter(must, must_not, any_of):
            return sum(map(named, (*must, *must_not, *any_of)))
        case HasId(ids) | Matches("parent_id", ids):
            return len(ids)
    return 0


@pytest_asyncio.fixture(scope="function" if real_server() else "module", loop_scope="module", params=["edge", "server"])
async def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Store]:
    """Memories of all types, half of them with relations; some have the same date, and one has none."""
    folder = tmp_path_factory.mktemp("relations")
    async with opened_store(request.param, folder / "qdrant") as vectors:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(filters, "MOST_IDS", MOST_IDS)
            yield await filled(folder, vectors)


async def filled(folder: Path, vectors: VectorStore) -> Store:
    await vectors.ensure(EMBEDDER.dimensions, EMBEDDER.model)
    store = Store(folder, Watched(vectors))  # type: ignore[arg-type]
    drafts = [
        memory(
            number,
            f"token number {number}",
            list(MemoryType)[number % 3],
            tags=("odd",) if number % 2 else ("even", "third")[: 1 + (number % 3 == 0)],
            project=f"project {number % 5}",
            created=datetime.fromtimestamp(1_790_000_000, NOW.tzinfo) - timedelta(hours=number // 4),
        )
        for number in range(1, MANY + 1)
    ]
    await store.put(*drafts)
    await vectors.delete_payload(list(MemoryType)[9 % 3], [uid(9)], ["created_at"])
    for number in RELATED:
        store.relations.link(uid(number), uid(number))
    return store


def of(raw: str) -> Query:
    return parse_query(raw, now=NOW, week_begins=0)


async def listed(store: Store, query: Query) -> list[int]:
    listing = await store.search.listing(query)
    found = numbers([hit.memory for place in range(0, listing.total, PAGE) for hit in await listing.page(place, PAGE)])
    assert len(found) == listing.total
    return found


async def test_lists_by_relations_name_few_ids_whatever_page_is_read(store: Store) -> None:
    for sort, descending in ((SortKey.RELEVANCE, True), (SortKey.CREATED, False), (SortKey.IMPORTANCE, True)):
        everything = await listed(store, Query(sort=sort, descending=descending))
        store.vectors.most = 0  # type: ignore[attr-defined]
        for raw, expected in (("has:relations", RELATED), ("is:orphan", set(everything) - RELATED)):
            query = replace(of(raw), sort=sort, descending=descending)
            assert await listed(store, query) == [one for one in everything if one in expected]
        assert store.vectors.most <= 2 * MOST_IDS  # type: ignore[attr-defined]


async def test_counts_beside_a_list_by_relations_are_exact(store: Store) -> None:
    whole, linked, alone = [
        counts(await store.search.facets(of(raw)))
        for raw in ("tag:even", "tag:even has:relations", "tag:even is:orphan")
    ]
    assert sum(linked["types"].values()) == sum(not number % 2 for number in RELATED)
    for name, values in whole.items():
        assert values == {one: linked[name].get(one, 0) + alone[name].get(one, 0) for one in values}, name
    assert await store.search.facets(of("has:relations is:orphan")) == Facets()
    assert store.vectors.most <= 2 * MOST_IDS  # type: ignore[attr-defined]


async def test_a_ranked_search_by_relations_finds_as_many_as_are_asked_for(store: Store) -> None:
    for mode in SearchMode:
        for raw, expected in (("has:relations", True), ("is:orphan", False)):
            found = await store.ids(f"token number {raw}", mode)
            assert len(found) >= 75
            assert {number in RELATED for number in found} == {expected}
    assert store.vectors.most <= 2 * MOST_IDS  # type: ignore[attr-defined]
