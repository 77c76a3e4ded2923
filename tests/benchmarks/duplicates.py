"""Scans seeded memories for near-identical ones, embedded; one in twenty has a copy in which a word differs.

The baseline is asking the raw store for the nearest of each of them, in requests of the same size.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from services.container import Services, open_services
from services.memories.stored_memories import ONE_EACH, pages
from services.model import MemoryDraft, MemoryType
from services.points import DenseSearch, Scroll
from services.ports import VectorStore
from tests.benchmarks.figures import Figure, LoopWatch, compared, held, limited, memory_mb, redraw_ms
from tests.benchmarks.seeded import memories
from tests.benchmarks.stores import empty_stores

_BATCH, _NEAREST = 32, 10


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=10_000)


async def run(args: Namespace) -> list[Figure]:
    redraw = await redraw_ms()
    async with empty_stores() as stores:
        await stores.write(_with_copies(args.memories))
        alone = await _nearest_of_all(stores.vectors)
        async with open_services(stores.settings) as services, LoopWatch() as watch:
            before = memory_mb()
            watch.longest_ms = watch.computed_ms = 0.0
            first = await _scan(services)
            again = await _scan(services)
            clusters = await services.duplicates.clusters()
            grown = memory_mb() - before
    return [
        compared(f"scan of {args.memories:,} memories", first, "s", "a nearest-neighbour query of each", alone, 3),
        Figure("scan once more, nothing changed", again, "s"),
        Figure("clusters found", len(clusters), ""),
        held("while scanning", watch.longest_ms, redraw),
        Figure("computed at a stretch meanwhile", watch.computed_ms, "ms"),
        limited("memory that the scans add", grown, "MB", 100),
    ]


def _with_copies(count: int) -> Iterator[MemoryDraft]:
    for number, draft in enumerate(islice(memories(count), count - count // 20)):
        yield draft
        if not number % 20:
            copy = str(UUID(int=number + 1, version=4))
            yield replace(
                draft, id=copy, content=f"{draft.content} Indeed.", created_at=datetime(2026, 1, 1, tzinfo=UTC)
            )


async def _scan(services: Services) -> float:
    start = time.perf_counter()
    async for _ in services.duplicate_scan.scan():
        pass
    return time.perf_counter() - start


async def _nearest_of_all(store: VectorStore) -> float:
    """Seconds, without reading the vectors."""
    seconds = 0.0
    for kind in MemoryType:
        async for page in pages(store, Scroll(kind, _BATCH, ONE_EACH, payload_keys=(), with_vectors=True)):
            keys = ("parent_id", "chunk_index")
            asked = [DenseSearch(kind, point.vector or (), _NEAREST, payload_keys=keys) for point in page]
            start = time.perf_counter()
            await store.search(asked)
            seconds += time.perf_counter() - start
    return seconds
