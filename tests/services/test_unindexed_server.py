"""A Qdrant server that others filled: read at once without any index of ours, made ready by several at once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import models

from services.adapters.server.server_store import ServerVectorStore
from services.errors import StoreMismatch
from services.model import MemoryType
from services.points import Contains, DatedBetween, DenseSearch, Filter, Matches, Scroll, TextSearch
from services.ports import VectorStore
from services.search.facets import counted
from services.search.filters import Filters
from services.settings import Settings
from services.times import writer_zone
from tests.qdrant_server import Qdrant
from tests.services.stores import DIMENSIONS, MODEL, ident, point
from tests.services.upstream import INDEXES

S = MemoryType.SEMANTIC
WORDS = "deploy rollback friday token cache index backup server 4711 Zürich".split()  # noqa: SIM905 - none of them a stop word, which an index leaves out
UPSTREAM = INDEXES[S]
MANY = 30


async def made(qdrant: Qdrant, indexes: dict[str, object]) -> ServerVectorStore:
    """Thirty memories, some alike, in a collection with these indexes."""
    client = qdrant.client()
    await client.create_collection(
        S, vectors_config=models.VectorParams(size=DIMENSIONS, distance=models.Distance.COSINE)
    )
    for key, schema in indexes.items():
        await client.create_payload_index(S, key, schema)  # type: ignore[arg-type]
    await client.close()
    store = qdrant.store()
    dice = random.Random(7)
    await store.upsert(
        S,
        [
            point(
                number,
                " ".join(dice.choices(WORDS, k=6)),
                [dice.random() for _ in range(DIMENSIONS)],
                tags=dice.sample(["a", "b", "c"], k=dice.randrange(3)),
                project=dice.choice(["api", "web", None]),
                importance=dice.choice([0.1, 0.5, "high", None]),
                created_at=dice.choice(["2026-01-01T10:00:00", "2026-01-02T10:00:00.5", "no date", None]),
            )
            for number in range(1, MANY + 1)
        ],
    )
    return store


async def answers(store: VectorStore) -> list[object]:
    """What a reader of all kinds gets to see."""
    filters = [
        Filter(),
        Filter((Matches("project", ("api",)),)),
        Filter((Contains("content", "TOKEN cache"),)),
        Filter((Contains("content", "friday token", phrase=True),)),
        Filter(must_not=(Contains("content", "4711", phrase=True),)),
        Filter(any_of=(Contains("content", "cache friday", phrase=True), Matches("tags", ("a",)))),
    ]
    given: list[object] = []
    for where in filters:
        given.append(await store.count(S, where))
        days = [datetime(2026, 1, day, tzinfo=UTC).replace(tzinfo=None) for day in (1, 2)]
        spans = [DatedBetween("created_at", gte=days[0]), DatedBetween("created_at", days[0], days[1])]
        spans.append(DatedBetween("created_at", lt=days[1]))
        tally = await store.tally(S, where, ("tags", "project"), spans)
        given.append(tally)
        assert tally.values == {key: await store.facet(S, key, where) for key in ("tags", "project")}
        counts = [await store.count(S, where), *[await store.count(S, Filter((where, span))) for span in spans]]
        assert (tally.total, *tally.spans) == tuple(counts)
        given += [await store.facet(S, key, where) for key in ("tags", "project")]
        for key in ("created_at", "importance"):
            for descending in (True, False):
                page = await store.scroll(Scroll(S, 400, where, key, descending, payload_keys=(key,)))
                given.append([one.payload[key] for one in page])
        values: tuple[str | float, ...] = ("2026-01-02T10:00:00.5", 0.5)
        for key, start in zip(("created_at", "importance"), values, strict=True):
            rest = await store.scroll(Scroll(S, 400, where, key, True, start, payload_keys=(key,)))
            given.append([one.payload[key] for one in rest])
        given.append([one.id for one in await store.scroll(Scroll(S, 20, where))])
    for text in ("friday token cache", "4711", "nowhere"):
        ((*hits,),) = [await store.search([TextSearch(S, text, 10)])][0]
        given.append([(hit.id, round(hit.score, 3)) for hit in hits[:3]])
    return given


async def test_every_answer_is_the_same_with_and_without_indexes(qdrant: Qdrant) -> None:
    store = await made(qdrant, {})
    without = await answers(store)
    (missing,) = [found.missing_indexes for found in (await store.info()).values()]
    assert {"created_at", "content", "project"} <= set(missing)
    (told,) = (await store.status()).problems
    assert "slower" in told
    assert "memoria-tui db upgrade" in told
    await store.ensure(DIMENSIONS, MODEL)
    assert (await store.info())[S].missing_indexes == ()
    assert await answers(store) == without
    assert (await store.status()).problems == ()
    await store.close()


class Counting:
    """A client that counts what it asks."""

    def __init__(self, client: object) -> None:
        self._client = client
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        async def ask(*arguments: Any, **keywords: Any) -> Any:
            self.asked[name] += 1
            return await method(*arguments, **keywords)

        return ask


async def test_the_numbers_beside_a_list_take_one_pass_over_each_collection_without_indexes(qdrant: Qdrant) -> None:
    await (await made(qdrant, {})).close()
    client = Counting(qdrant.client())
    store = qdrant.store(client=client)
    await store.info()
    client.asked.clear()
    now = datetime(2026, 1, 2, 12, tzinfo=UTC)
    facets = await counted(store, Filters({S: Filter()}), now, writer_zone(Settings(home=Path(), zone="UTC")), 0)
    assert client.asked == {"scroll": 1}
    assert {one.value: one.count for one in facets.types} == {"semantic": MANY}
    assert facets.dates
    await store.close()


@pytest.mark.parametrize("kept", [UPSTREAM.keys(), {"content"}, {"tags", "parent_id"}])
async def test_so_it_is_where_some_indexes_are(kept: set[str], qdrant: Qdrant) -> None:
    store = await made(qdrant, {key: UPSTREAM[key] for key in UPSTREAM if key in kept})
    some = await answers(store)
    await store.ensure(DIMENSIONS, MODEL)
    assert await answers(store) == some
    await store.close()


async def test_an_index_of_another_kind_is_as_none(qdrant: Qdrant) -> None:
    keyword = models.PayloadSchemaType.KEYWORD
    store = await made(qdrant, {"created_at": keyword, "content": keyword, "tags": models.PayloadSchemaType.DATETIME})
    await answers(store)
    await store.close()


async def test_programs_and_batches_that_start_on_an_empty_server_at_once_make_everything_once(qdrant: Qdrant) -> None:
    programs = [qdrant.store() for _ in range(3)]
    await asyncio.gather(*(store.ensure(DIMENSIONS, MODEL) for store in programs for _ in range(3)))
    for store in programs:
        info = await store.info()
        assert set(info) == set(MemoryType)
        assert {found.missing_indexes for found in info.values()} == {()}
        await store.upsert(S, [point(1, "text", [1, 0, 0, 0])])
        await store.close()


async def test_collections_that_another_program_deleted_read_as_empty_and_are_made_again(qdrant: Qdrant) -> None:
    store, client = qdrant.store(), qdrant.client()
    await store.ensure(DIMENSIONS, MODEL)
    await store.upsert(S, [point(1, "text", [1, 0, 0, 0])])
    assert await store.count(S) == 1
    for name in MemoryType:
        await client.delete_collection(name)
    assert await store.count(S) == 0
    assert await store.search([TextSearch(S, "text", 5), DenseSearch(S, [1, 0, 0, 0], 5)]) == [[], []]
    assert await store.scroll(Scroll(S, 5, order_by="created_at")) == []
    with pytest.raises(StoreMismatch, match="semantic"):
        await store.upsert(S, [point(1, "text", [1, 0, 0, 0])])
    await store.ensure(DIMENSIONS, MODEL)
    await store.upsert(S, [point(1, "text", [1, 0, 0, 0])])
    assert await store.count(S) == 1
    await client.close()
    await store.close()


async def test_an_index_that_another_program_dropped_is_done_without(qdrant: Qdrant) -> None:
    store, client = qdrant.store(), qdrant.client()
    await store.ensure(DIMENSIONS, MODEL)
    await store.upsert(S, [point(1, "text", created_at="2026-01-01T00:00:00", project="api")])
    order = Scroll(S, 5, order_by="created_at")
    assert [one.id for one in await store.scroll(order)] == [ident(1)]
    for key in ("created_at", "project"):
        await client.delete_payload_index(S, key)
    assert [one.id for one in await store.scroll(order)] == [ident(1)]
    assert [one.id for one in await store.scroll(replace(order, payload_keys=("content",), with_vectors=True))]
    assert await store.facet(S, "project") == {"api": 1}
    await client.close()
    await store.close()


async def test_a_bug_passes_as_a_bug(qdrant: Qdrant) -> None:
    store = qdrant.store()
    await store.ensure(DIMENSIONS, MODEL)
    with pytest.raises(AttributeError):
        await store.count(S, "no filter")  # type: ignore[arg-type]
    await store.close()
