"""Imports a file of seeded memories into empty embedded stores: rate, hold of the event loop, memory of the process.

The baseline is reading the same file with the standard library alone.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from services.container import open_services
from services.settings import Settings
from tests.benchmarks.figures import Figure, LoopWatch, memory_mb
from tests.benchmarks.seeded import memories


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=20_000, help="how many to import (default: %(default)s)")


async def run(args: argparse.Namespace) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="memoria-bench-") as folder:
        file = Path(folder, "memories.jsonl")
        _write(file, args.memories)
        start = time.perf_counter()
        with file.open("rb") as lines:  # noqa: ASYNC230 - nothing else runs meanwhile
            for line in lines:
                json.loads(line)
        reading = time.perf_counter() - start
        first, watch = await _import(Path(folder, "home"), file)
        again, _ = await _import(Path(folder, "home"), file)
    size = f"{args.memories:,} memories"
    return [
        Figure(
            f"import of {size}",
            args.memories / first,
            "memories/s",
            "json.loads of the same lines, in time",
            first / reading,
            "≥ 2,000 memories/s",
            args.memories / first >= 2000,
        ),
        Figure("the same import once more", args.memories / again, "memories/s"),
        Figure("event loop held while importing", watch.longest_ms, "ms", goal="≤ 50 ms", ok=watch.longest_ms <= 50),
        Figure("memory of the process", memory_mb(), "MB", goal="≤ 600 MB", ok=memory_mb() <= 600),
    ]


async def _import(home: Path, file: Path) -> tuple[float, LoopWatch]:
    """Seconds of one import, stores open."""
    async with open_services(Settings(home=home, zone="UTC")) as services, LoopWatch() as watch:
        await services.health.status()
        watch.longest_ms = 0.0
        start = time.perf_counter()
        report = await services.importing.import_files([file])
        seconds = time.perf_counter() - start
        assert not report.failed, report.failed[:3]
    return seconds, watch


def _write(file: Path, count: int) -> None:
    with file.open("w", encoding="utf-8") as lines:
        for draft in memories(count):
            payload = {
                "content": draft.content,
                "memory_type": str(draft.type),
                "tags": list(draft.tags),
                "importance": draft.importance,
                "project": draft.project,
                "created_at": draft.created_at.replace(tzinfo=None).isoformat() if draft.created_at else None,
            }
            lines.write(json.dumps({"id": draft.id, "payload": payload, "_collection": str(draft.type)}) + "\n")
