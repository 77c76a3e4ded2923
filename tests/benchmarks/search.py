"""Searching and listing many memories, embedded: times, for how long the event loop is held, memory of the process.

A search is compared with its legs alone, asked of the raw store question by question beside it, and a page of a list
with the same points read by their ids.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from services.concurrency import together
from services.model import MemoryType, Query, SearchMode
from services.points import DenseSearch, TextSearch, Vector
from services.ports import VectorStore
from services.search.fusion import DEPTH
from tests.benchmarks.figures import Figure, LoopWatch, compared, held, limited, memory_mb, percentile, redraw_ms
from tests.benchmarks.seeded import memories, questions, relations
from tests.benchmarks.stores import Stores, empty_stores

LEGS = "p50 of its legs alone on the raw store"
POINTS = "the same points by their ids"
KEYS = ("parent_id", "chunk_index")
PAGE = 60
T = TypeVar("T")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=100)


async def run(args: Namespace) -> list[Figure]:
    drafts = list(memories(args.memories))
    redraw = await redraw_ms()
    async with empty_stores() as stores:
        await stores.write(drafts)
        await stores.relate(relations([str(draft.id) for draft in drafts], args.memories))
        del drafts
        searched = await searches(stores, questions(args.questions), redraw)
        listed = await lists(stores, redraw)
    return [*searched, *listed, limited("memory, vectors included", memory_mb(), "MB", 600)]


async def searches(stores: Stores, asked: Sequence[str], redraw: float) -> list[Figure]:
    """Milliseconds until the first hits are read, as many as a screen shows."""
    search, figures = stores.search(), []
    await search.ranked(Query("one", "one"))  # loads the model and the vocabulary
    async with LoopWatch() as watch:
        for mode in SearchMode:
            alone, times = [], []
            for text in asked:
                vector = await stores.embedder.embed_query(text)
                alone.append(await legs(stores.vectors, text, vector, mode))
                times.append((await timed(search.ranked(Query(text, text, mode=mode))))[0])
            half = percentile(alone, 0.5)
            goal = 2.5 if mode is SearchMode.HYBRID else None
            figures.append(compared(f"{mode} search p50", percentile(times, 0.5), "ms", LEGS, half, goal))
            figures.append(compared(f"{mode} search p95", percentile(times, 0.95), "ms", LEGS, half))
    return [*figures, held("while searching", watch.longest_ms, redraw)]


async def legs(store: VectorStore, text: str, vector: Vector, mode: SearchMode = SearchMode.HYBRID) -> float:
    """Milliseconds for the raw queries of a search, both kinds at once."""
    dense: Sequence[DenseSearch | TextSearch] = [
        DenseSearch(kind, vector, DEPTH, payload_keys=KEYS) for kind in MemoryType
    ]
    worded: Sequence[DenseSearch | TextSearch] = [
        TextSearch(kind, text, DEPTH, payload_keys=KEYS) for kind in MemoryType
    ]
    asked = (*[dense] * (mode is not SearchMode.KEYWORD), *[worded] * (mode is not SearchMode.SEMANTIC))
    return (await timed(together(*(store.search(one) for one in asked))))[0]


async def lists(stores: Stores, redraw: float) -> list[Figure]:
    search = stores.search()
    async with LoopWatch() as watch:
        opened, listing = await timed(search.listing(Query()))
        first, _ = await timed(listing.page(0, PAGE))
        ordered, _ = await timed(listing.page(listing.total - PAGE, PAGE))
        pages, alone = [], []
        for share in range(20):
            took, hits = await timed(listing.page(listing.total * share // 20, PAGE))
            pages.append(took)
            ids = [hit.memory.id for hit in hits]
            alone.append(sum([(await timed(stores.vectors.retrieve(kind, ids)))[0] for kind in MemoryType]))
        counted, _ = await timed(search.facets(Query()))
    half = percentile(alone, 0.5)
    return [
        compared("list opens, first page read", opened + first, "ms", POINTS, half),
        Figure("end of the list read", ordered, "ms"),
        compared("page anywhere p50", percentile(pages, 0.5), "ms", POINTS, half),
        Figure("facets over everything", counted, "ms"),
        held("while listing", watch.longest_ms, redraw),
    ]


async def timed(answer: Awaitable[T]) -> tuple[float, T]:
    """Milliseconds, and the answer."""
    start = time.perf_counter()
    value = await answer
    return (time.perf_counter() - start) * 1000, value
