"""Moves an embedded store of seeded memories to the bundled model: rate, hold of the event loop, memory.

The baseline is embedding the same chunks and filling a store with ready vectors, and nothing else.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC
from pathlib import Path

from services.container import open_services
from services.memories.chunking import chunks
from services.memories.payload import drafted
from services.memories.point_layout import points_of
from services.model import MemoryType
from services.points import Point
from services.ports import Embedder, VectorStore
from services.reembedding.reembed_values import Target
from services.settings import Settings
from services.times import WriterZone
from tests.benchmarks.figures import Figure, LoopWatch, compared, held, limited, memory_mb, ratio_figure, redraw_ms
from tests.benchmarks.seeded import NEWEST, memories

_FORMER = ("former-model", 64)
_BATCH = 1000


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=100_000, help="how many to move (default: %(default)s)")


async def run(args: argparse.Namespace) -> list[Figure]:
    count = args.memories
    with tempfile.TemporaryDirectory(prefix="memoria-bench-") as folder:
        async with open_services(Settings(home=Path(folder), zone="UTC")) as services:
            filling = await _fill(services.vectors, count)
            embedding = await _embed(services.embedder, count)
            gc.collect()
            gc.freeze()  # as the program does with what stays loaded
            before = memory_mb()
            async with LoopWatch() as watch:
                start = time.perf_counter()
                report = await services.reembedding.reembed(Target())
                seconds = time.perf_counter() - start
            after = memory_mb()
            assert (report.memories, report.embedded, report.switched) == (count, count, True)
            start = time.perf_counter()
            await services.reembedding.drop_old()
            dropping = time.perf_counter() - start
    return [
        ratio_figure(
            f"re-embedding of {count:,} memories",
            count / seconds,
            "memories/s",
            "embedding and upserting the same chunks alone, in time",
            seconds / (embedding + filling),
            1.5,
        ),
        held("while re-embedding", watch.longest_ms, await redraw_ms()),
        compared("memory of the processes after", after, "MB", "before", before),
        limited("memory of the processes after", after, "MB", 700),
        Figure("dropping the old vectors", dropping * 1000, "ms"),
    ]


async def _fill(vectors: VectorStore, count: int) -> float:
    """Seconds for writing memories with vectors of another model."""
    model, size = _FORMER
    await vectors.ensure(size, model)
    seconds = 0.0
    for batch in _points(count):
        start = time.perf_counter()
        for type_ in MemoryType:
            await vectors.upsert(type_, [point for kind, point in batch if kind is type_])
        seconds += time.perf_counter() - start
    return seconds


def _points(count: int) -> Iterator[Sequence[tuple[MemoryType, Point]]]:
    batch: list[tuple[MemoryType, Point]] = []
    zone = WriterZone(UTC)
    for draft in memories(count):
        name = str(draft.id)
        state = drafted(draft, name, draft.created_at or NEWEST, zone)
        points = points_of(name, state, chunks(draft.content, 500, 50))
        batch += [(draft.type, Point(one.id, one.payload, [0.1] * _FORMER[1])) for one in points]
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    yield batch


async def _embed(embedder: Embedder, count: int) -> float:
    """Seconds for embedding all chunks."""
    await embedder.embed_documents(["load the weights"])
    seconds = 0.0
    for batch in _points(count):
        texts = [str(point.payload["content"]) for _, point in batch]
        start = time.perf_counter()
        await embedder.embed_documents(texts)
        seconds += time.perf_counter() - start
    return seconds
