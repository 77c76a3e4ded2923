"""Searches seeded memories and relations for defects, repairs those, and undoes the repair.

The baseline is reading every point and every relation once.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from uuid import UUID

from services.container import Services, open_services
from services.memories.chunking import chunk_id
from services.model import MemoryType
from services.points import Scroll
from services.ports import NewRelation
from services.settings import Settings
from tests.benchmarks.figures import Figure, LoopWatch, compared, held, memory_mb, redraw_ms
from tests.benchmarks.seeded import memories, relations
from tests.benchmarks.stores import empty_stores

_EVERY = 50
"""One in so many memories has nested metadata, one in so many relations ends elsewhere."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=100_000, help="how many (default: %(default)s)")
    parser.add_argument("--relations", type=int, default=100_000, help="how many (default: %(default)s)")


async def run(args: argparse.Namespace) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="memoria-bench-") as folder:
        await _fill(Path(folder), args.memories, args.relations)
        async with open_services(Settings(home=Path(folder), zone="UTC", actor="benchmark")) as services:
            await services.health.status()
            gc.collect()
            gc.freeze()  # as the program does with what stays loaded
            return await _measure(services, f"{args.memories:,} memories, {args.relations:,} relations")


async def _measure(services: Services, size: str) -> list[Figure]:
    reading = await _read(services)
    start = time.perf_counter()
    async with LoopWatch() as looking:
        survey = await services.integrity.survey()
    surveyed = time.perf_counter() - start
    defects = survey.repairable()
    start = time.perf_counter()
    async with LoopWatch() as repairing:
        repaired = await services.integrity.repair(defects)
    seconds = time.perf_counter() - start
    assert repaired.total
    start = time.perf_counter()
    async with LoopWatch() as undoing:
        await services.memories.undo()
    undone = time.perf_counter() - start
    assert (await services.integrity.survey()).total == survey.total
    redraw, name = await redraw_ms(), "reading all points and relations once"
    return [
        compared(f"search for defects in {size}", surveyed, "s", name, reading, 2),
        compared(f"repair of {len(defects):,} defects", seconds, "s", name, reading),
        compared("undoing that", undone, "s", name, reading),
        held("while searching", looking.longest_ms, redraw),
        held("while repairing", repairing.longest_ms, redraw),
        held("while undoing", undoing.longest_ms, redraw),
        Figure("memory of the processes", memory_mb(), "MB"),
    ]


async def _read(services: Services) -> float:
    start = time.perf_counter()
    for type_ in MemoryType:
        after = None
        while page := await services.vectors.scroll(Scroll(type_, 1000, after_id=after)):
            after = page[-1].id
    async for _ in services.records.relations.all():
        pass
    return time.perf_counter() - start


async def _fill(home: Path, count: int, related: int) -> None:
    async with empty_stores(home) as stores:
        drafts = memories(count)
        ids: list[str] = []
        while batch := list(islice(drafts, 1000)):
            await stores.write(
                replace(one, metadata={"metadata": {"ticket": number}}) if number % _EVERY == 0 else one
                for number, one in enumerate(batch)
            )
            ids += [str(one.id) for one in batch]
        made = relations(ids, related)
        await stores.relate(_elsewhere(one, number) if number % _EVERY == 0 else one for number, one in enumerate(made))


def _elsewhere(relation: NewRelation, number: int) -> NewRelation:
    """Ends in what would be a chunk of its target, or in nothing."""
    target = chunk_id(relation.target_id, 0) if number % (2 * _EVERY) else str(UUID(int=number + 1))
    return replace(relation, target_id=target)
