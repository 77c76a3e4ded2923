"""Walks over a large graph: neighbours, paths, and a complete graph in which counting simple paths takes seconds.

The graph is seeded: the ends of the relations follow a power law, so that it has hubs of thousands of relations.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import psycopg

from services.adapters.postgres.database import Database
from services.adapters.postgres.embedded import EmbeddedPostgres
from services.adapters.postgres.schema import upgrade
from services.model import RelationType
from services.records import Records
from services.settings import Settings
from tests.benchmarks.figures import Figure, compared, percentile
from tests.services.servers import records_of

TYPES = [type_.value for type_ in RelationType]
SIMPLE_PATHS = """
WITH RECURSIVE walk (node, hop, seen) AS (
    SELECT %(start)s::uuid, 0, ARRAY[%(start)s::uuid]
    UNION ALL
    SELECT edge.other, walk.hop + 1, walk.seen || edge.other
    FROM walk CROSS JOIN LATERAL (
        SELECT target_id AS other FROM memory_relations WHERE source_id = walk.node
        UNION ALL SELECT source_id FROM memory_relations WHERE target_id = walk.node) AS edge
    WHERE walk.hop < 6 AND edge.other <> ALL (walk.seen)
)
SELECT DISTINCT ON (node) node, hop FROM walk WHERE hop > 0 ORDER BY node, hop
"""
"""A plain recursive query: the baseline that enumerates every way through the graph."""
EMPTY = "asking for the neighbours of a memory that has none"
NOBODY = str(UUID(int=1))
COMPLETE = [str(UUID(int=2**100 + number)) for number in range(14)]


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=100_000)
    parser.add_argument("--relations", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=100)


async def run(args: Namespace) -> list[Figure]:
    """Milliseconds a call through the repository, so with the round trip and the reading of the rows."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)
        server = EmbeddedPostgres(Path(folder) / "postgres")
        url = await server.start()
        try:
            await upgrade(Database(url))
            records = records_of(Settings(home=Path(folder), database_url=url))
            ids = seed(url, args.memories, args.relations)
            figures = await measure(records, url, ids, args.rounds)
            await records.close()
        finally:
            server.close()
            await server.erase()
    return figures


def seed(url: str, memories: int, relations: int) -> list[str]:
    """Fills the table; gives the ids of the memories."""
    chance = random.Random(20)
    ids = [str(UUID(int=chance.getrandbits(128), version=4)) for _ in range(memories)]
    weights = [1 / (rank + 1) ** 0.6 for rank in range(memories)]
    sources = chance.choices(ids, weights, k=relations)
    targets = chance.choices(ids, k=relations)
    unique = {(a, b, chance.choice(TYPES)) for a, b in zip(sources, targets, strict=True) if a != b}
    unique |= {(a, b, "related") for a in COMPLETE for b in COMPLETE if a < b}
    with psycopg.connect(url, autocommit=True) as connection:
        with connection.cursor().copy("COPY memory_relations (source_id, target_id, relation_type) FROM STDIN") as copy:
            for row in sorted(unique):
                copy.write_row(row)
        connection.execute("VACUUM ANALYZE memory_relations")
    return ids


async def measure(records: Records, url: str, ids: Sequence[str], rounds: int) -> list[Figure]:
    chance = random.Random(21)
    two, three, paths, clique, empty = [], [], [], [], []
    for _ in range(rounds):
        start, goal = chance.choice(ids), chance.choice(ids)
        two.append(await milliseconds(records.graph.neighbours(start, 2, (), 500)))
        three.append(await milliseconds(records.graph.neighbours(start, 3, (), 500)))
        paths.append(await milliseconds(records.graph.shortest_path(start, goal, 10)))
        clique.append(await milliseconds(records.graph.neighbours(COMPLETE[0], 6, (), 500)))
        empty.append(await milliseconds(records.graph.neighbours(NOBODY, 1, (), 1)))
    with psycopg.connect(url) as connection:
        began = time.perf_counter()
        connection.execute(SIMPLE_PATHS, {"start": COMPLETE[0]}).fetchall()
        plain = (time.perf_counter() - began) * 1000
    return [
        compared(what, percentile(times, share), "ms", EMPTY, percentile(empty, 0.5), at_most)
        for what, times, share, at_most in (
            ("neighbours at depth 2, p50", two, 0.5, 5),
            ("neighbours at depth 3, p50 (first 500)", three, 0.5, 10),
            ("path between random memories, p50", paths, 0.5, 8),
            ("path between random memories, p95", paths, 0.95, 25),
        )
    ] + [
        compared(
            "complete graph of 14 at depth 6, p50",
            percentile(clique, 0.5),
            "ms",
            "plain recursive query over simple paths",
            plain,
            0.05,
        )
    ]


async def milliseconds(call: object) -> float:
    began = time.perf_counter()
    await call  # type: ignore[misc]  # any awaitable
    return (time.perf_counter() - began) * 1000
