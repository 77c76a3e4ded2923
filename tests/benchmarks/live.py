"""What following others costs: looks at many memories and many relations, the triggers; and how soon it is told.

The baselines are counting the same rows, and the same writes without the triggers.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time

from psycopg import AsyncConnection, Connection, connect

from services.adapters.postgres.change_notifications import DatabaseFeed, read_counters
from services.adapters.postgres.database import Database
from services.model import MemoryType
from services.store_watching import LiveService, PointChanges
from tests.benchmarks.figures import Figure, LoopWatch, compared, held, redraw_ms
from tests.benchmarks.seeded import memories
from tests.benchmarks.stores import NOW, Stores, empty_stores

_BULK = """INSERT INTO memory_relations (source_id, target_id, relation_type)
           SELECT gen_random_uuid(), gen_random_uuid(), 'causes' FROM generate_series(1, %s)"""
_WRITE = "INSERT INTO clients (name) VALUES (gen_random_uuid()::text)"
_BULK_ROWS = 10_000


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--relations", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument("--times", type=int, default=100, help="how often each is measured (default: %(default)s)")


async def run(args: argparse.Namespace) -> list[Figure]:
    async with empty_stores() as stores:
        await stores.write(memories(args.memories))
        database = Database.of(stores.settings)
        url = (await database.url()).set(drivername="postgresql").render_as_string(hide_password=False)
        with connect(url, autocommit=True) as connection:
            told = await _told(stores, database, connection, url)
            bulk = _bulk(connection)
            connection.execute(_BULK, (args.relations,))
            relations = await _look_at_relations(url, connection, args)
        figures = [*await _look_at_memories(stores, database, args), relations, bulk, told]
        await database.close()
    return figures


async def _look_at_memories(stores: Stores, database: Database, args: argparse.Namespace) -> list[Figure]:
    changes = PointChanges(stores.vectors)
    await changes.next()
    taken, counting = [], []
    async with LoopWatch() as watch:
        for _ in range(args.times):
            start = time.perf_counter()
            await changes.next()
            taken.append((time.perf_counter() - start) * 1000)
            start = time.perf_counter()
            for type_ in MemoryType:
                await stores.vectors.count(type_)
            counting.append((time.perf_counter() - start) * 1000)
            await asyncio.sleep(0.01)
    what = f"asking whether {args.memories:,} memories changed"
    return [
        compared(what, statistics.median(taken), "ms", "counting them", statistics.median(counting), 3),
        held("while asking", watch.longest_ms, await redraw_ms()),
    ]


async def _look_at_relations(url: str, connection: Connection[object], args: argparse.Namespace) -> Figure:
    start = time.perf_counter()
    connection.execute("SELECT count(*) FROM memory_relations")
    counting = (time.perf_counter() - start) * 1000
    taken = []
    async with await AsyncConnection.connect(url, autocommit=True) as other:
        for _ in range(args.times):
            start = time.perf_counter()
            await read_counters(other)
            taken.append((time.perf_counter() - start) * 1000)
    ms = statistics.median(taken)
    what = f"asking whether {args.relations:,} relations changed, without LISTEN"
    return compared(what, ms, "ms", "count(*)", counting, 0.1)


def _bulk(connection: Connection[object]) -> Figure:
    """In turns, for a disk is not always as fast."""
    taken: dict[str, list[float]] = {"ENABLE": [], "DISABLE": []}
    for _ in range(15):
        for state, times in taken.items():
            connection.execute("TRUNCATE memory_relations")
            connection.execute(f"ALTER TABLE memory_relations {state} TRIGGER memoria_tui_live".encode())
            start = time.perf_counter()
            connection.execute(_BULK, (_BULK_ROWS,))
            times.append((time.perf_counter() - start) * 1000)
    connection.execute("ALTER TABLE memory_relations ENABLE TRIGGER memoria_tui_live")
    with_triggers, without = (statistics.median(times) for times in taken.values())
    return compared(
        f"{_BULK_ROWS:,} relations in one statement", with_triggers, "ms", "without triggers", without, 1.05
    )


async def _told(stores: Stores, database: Database, connection: Connection[object], url: str) -> Figure:
    """From another program's commit to whoever follows."""
    bare = await _notified(connection, url)
    live = LiveService(DatabaseFeed(database), stores.vectors, stores.records, stores.embedder, lambda: NOW)
    taken: list[float] = []
    changes: asyncio.Queue[object] = asyncio.Queue()
    watching = asyncio.create_task(live.watch(lambda _: None, changes.put_nowait))
    await changes.get()
    for _ in range(10):
        await asyncio.sleep(1.2)  # longer than the rest between two tellings
        start = time.perf_counter()
        connection.execute(_WRITE)
        await changes.get()
        taken.append((time.perf_counter() - start) * 1000)
    watching.cancel()
    await asyncio.wait([watching])
    what = "from a commit to the screen's worker"
    return compared(what, statistics.median(taken), "ms", "NOTIFY to a bare LISTEN", bare, 5)


async def _notified(connection: Connection[object], url: str) -> float:
    """Milliseconds, the median."""
    taken = []
    async with await AsyncConnection.connect(url, autocommit=True) as listening:
        await listening.execute("LISTEN benchmark")
        for _ in range(10):
            start = time.perf_counter()
            connection.execute("NOTIFY benchmark")
            await anext(listening.notifies(stop_after=1))
            taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)
