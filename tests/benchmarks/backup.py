"""Backs a seeded store up and restores it into an empty one: rates, hold of the event loop, memory over time.

The baseline is this program's own export and import of the same store, in JSON lines, and for the backup also what the
store's files take to be copied.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path

import psutil

from services.adapters.postgres.database import Database, fetch
from services.container import open_services
from services.settings import Settings
from tests.benchmarks.figures import Figure, LoopWatch, compared, held, limited, ratio_figure, redraw_ms
from tests.benchmarks.seeded import NEWEST, memories, relations
from tests.benchmarks.stores import empty_stores

_HISTORY = """
INSERT INTO memoria_tui.audit_log (change_group, position, entity, entity_id, action, actor, program, after, summary)
SELECT md5(id), 0, 'memory', CAST(id AS uuid), 'created', 'benchmark', 'memoria-tui',
       json_build_object('type', 'semantic', 'payload', json_build_object('content', text)), 'imported'
FROM unnest(CAST(:ids AS text[]), CAST(:texts AS text[])) AS new (id, text)
"""
_SESSIONS = """
INSERT INTO public.work_sessions (description, start_time, end_time, status, notes)
SELECT 'Session ' || n, CAST(:newest AS timestamptz) - n * interval '1 hour',
       CAST(:newest AS timestamptz) - n * interval '1 hour' + interval '50 minutes', 'completed', ARRAY['done']
FROM generate_series(1, :count) AS n
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=100_000, help="and as many of the rest (default: %(default)s)")
    parser.add_argument("--home", type=Path, help="keep the seeded store here, and take it from here the next time")


@dataclass(slots=True)
class Run:
    """How one run went."""

    seconds: float = 0.0
    held_ms: float = 0.0
    before_mb: float = 0.0
    most_mb: float = 0.0


async def run(args: argparse.Namespace) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="memoria-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        home = args.home or folder / "home"
        if not home.exists():
            await seed(home, args.memories)
        async with open_services(Settings(home=home, zone="UTC")) as services:
            await services.health.status()
            backup = await measured(lambda: services.backup.backup(folder / "backups"))
            (archive,) = await services.backup.archives(folder / "backups")
            export = await measured(lambda: services.exporting.export(folder / "export.jsonl"))
        while (home / "postgres" / "data" / "postmaster.pid").exists():  # noqa: ASYNC110 - nobody tells of its end
            await asyncio.sleep(0.1)
        start = time.perf_counter()
        shutil.copytree(home, folder / "copy")
        copied = time.perf_counter() - start
        async with open_services(Settings(home=folder / "restored", zone="UTC")) as services:
            await services.health.status()
            comparing = await measured(lambda: services.restoring.compare(archive.path))
            comparison = await services.restoring.compare(archive.path)
            restore = await measured(lambda: services.restoring.restore(comparison, replace=False))
            assert (await services.health.status())[0].counts["memories"] == archive.counts["memories"]
        async with open_services(Settings(home=folder / "imported", zone="UTC")) as services:
            await services.health.status()
            imported = await measured(lambda: services.importing.import_files([folder / "export.jsonl"]))
    records, redraw = archive.records, await redraw_ms()
    return [
        _rate("backup", records, backup, export, "our own export, in time"),
        _rate("restore into an empty store, verified before", records, restore, imported, "our own import, in time"),
        Figure("verifying and comparing", records / comparing.seconds, "records/s"),
        compared("backup", backup.seconds, "s", "a plain copy of the files", copied),
        Figure("size of the archive", archive.bytes / 2**20, "MB"),
        *_behaviour("backup", backup, redraw),
        *_behaviour("restore", restore, redraw),
    ]


def _rate(what: str, records: int, run: Run, baseline: Run, name: str) -> Figure:
    ratio = run.seconds / baseline.seconds
    return ratio_figure(f"{what}, {records:,} records", records / run.seconds, "records/s", name, ratio, 1.2)


def _behaviour(what: str, run: Run, redraw: float) -> list[Figure]:
    return [
        held(f"during {what}", run.held_ms, redraw),
        limited(f"memory that {what} adds at the most", run.most_mb - run.before_mb, "MB", 250),
    ]


async def measured(act: Callable[[], Awaitable[object]]) -> Run:
    """Carries the act out, watching the loop and the memory."""
    gc.collect()
    run = Run(before_mb=await asyncio.to_thread(own_memory_mb))
    async with LoopWatch() as watch:
        sampling = asyncio.create_task(_sample(run))
        start = time.perf_counter()
        await act()
        run.seconds = time.perf_counter() - start
        sampling.cancel()
    run.held_ms = watch.longest_ms
    return run


def own_memory_mb() -> float:
    """Memory of this process and those that it started, without the pages of files that the system keeps for them."""
    this = psutil.Process()
    used = [process.memory_info() for process in (this, *this.children(recursive=True))]
    return float(sum(one.rss - one.shared for one in used)) / 2**20


async def _sample(run: Run) -> None:
    while True:
        run.most_mb = max(run.most_mb, await asyncio.to_thread(own_memory_mb))
        await asyncio.sleep(0.2)


async def seed(home: Path, count: int) -> None:
    """So many memories, relations, sessions and changes."""
    async with empty_stores(home) as stores:
        await stores.write(memories(count))
        ids = [str(one.id) for one in memories(count)]
        await stores.relate(relations(ids, count))
    await seed_rows(home, count)


async def seed_rows(home: Path, count: int) -> None:
    database = Database.of(Settings(home=home))
    remaining = memories(count)
    while batch := list(islice(remaining, 1000)):
        values = {"ids": [one.id for one in batch], "texts": [one.content for one in batch]}
        async with database.transaction() as connection:
            await fetch(connection, _HISTORY, values)
    async with database.transaction() as connection:
        await fetch(connection, _SESSIONS, {"newest": NEWEST - timedelta(hours=1), "count": count})
    await database.close()
