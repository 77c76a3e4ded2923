"""Renames a tag that all memories have, embedded; the baseline is the import that wrote them."""

from __future__ import annotations

import json
import tempfile
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from services.container import open_services
from services.curation.curation_values import Naming
from services.settings import Settings
from tests.benchmarks.figures import Figure, LoopWatch, compared, held, redraw_ms
from tests.benchmarks.seeded import memories


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=50_000)


async def run(args: Namespace) -> list[Figure]:
    redraw = await redraw_ms()
    with tempfile.TemporaryDirectory(prefix="memoria-benchmark-") as folder:
        file = Path(folder, "memories.jsonl")
        _write(file, args.memories)
        async with open_services(Settings(home=Path(folder, "home"), zone="UTC")) as services, LoopWatch() as watch:
            start = time.perf_counter()
            await services.importing.import_files([file])
            imported = time.perf_counter() - start
            watch.longest_ms = watch.computed_ms = 0.0
            start = time.perf_counter()
            changed = await services.names.rename(Naming.TAG, {"old": "new"})
            renamed = time.perf_counter() - start
    return [
        compared(f"rename of a tag of {changed:,} memories", renamed, "s", "the import of the same", imported, 2),
        held("while renaming", watch.longest_ms, redraw),
        Figure("computed at a stretch meanwhile", watch.computed_ms, "ms"),
    ]


def _write(file: Path, count: int) -> None:
    with file.open("w", encoding="utf-8") as lines:
        for draft in memories(count):
            tags = [*draft.tags, "old"]
            lines.write(json.dumps({"id": draft.id, "content": draft.content, "tags": tags}) + "\n")
