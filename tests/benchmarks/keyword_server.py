"""Six words that one memory alone has, asked of a Qdrant server that cannot rank text: how often it comes first.

On the stand-in of the tests, or on the server that MEMORIA_TEST_QDRANT names, **which is emptied**. The baseline of the
times are the nearest vectors of the same server, asked for question by question beside it.
"""

from __future__ import annotations

import random
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from services.adapters.server.bm25 import words
from services.adapters.server.server_store import ServerVectorStore
from services.memories.chunking import chunks
from services.memories.payload import drafted
from services.memories.point_layout import points_of
from services.memories.stored_memories import memory_id_of
from services.model import MemoryDraft, MemoryType, SearchMode
from services.points import Point, TextSearch
from services.settings import Settings
from services.stop_words import STOP_WORDS
from services.times import writer_zone
from tests.benchmarks.figures import Figure, compared, percentile
from tests.benchmarks.search import legs, timed
from tests.benchmarks.seeded import NEWEST, memories
from tests.qdrant_server import real_server, running_qdrant

ON_STAND_IN, ON_SERVER = 1_000, 100_000
SOUGHT = 6
DIMENSIONS = 64
DENSE = "p50 of the nearest vectors alone"
LEFT_OUT = frozenset(("after", "again", "because", "once", "under", "until"))
"""Words of the seeded texts that the server's own list of stop words keeps out of its index."""
LISTED = 10
"""Hits that a person sees at a glance."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=ON_SERVER if real_server() else ON_STAND_IN)
    parser.add_argument("--questions", type=int, default=100 if real_server() else 20)


async def run(args: Namespace) -> list[Figure]:
    drafts = list(memories(args.memories))
    asked = list(questions(drafts, args.questions))
    dice = random.Random(5)
    with running_qdrant() as qdrant:
        store = qdrant.store(seconds=60)
        await store.ensure(DIMENSIONS, "none")
        await fill(store, drafts)
        places, times, dense = [], [], []
        for sought, text in asked:
            dense.append(await legs(store, text, vector(dice), SearchMode.SEMANTIC))
            took, found = await timed(ranked(store, text))
            times.append(took)
            places.append(found.index(sought) if sought in found else len(drafts))
        await store.close()
    half = percentile(dense, 0.5)
    first = sum(place == 0 for place in places) / len(places)
    listed = sum(place < LISTED for place in places) / len(places)
    return [
        Figure("memories", len(drafts), ""),
        Figure("right memory first", first * 100, "%", goal="≥ 90 %", ok=first >= 0.9),
        Figure(f"right memory among the first {LISTED}", listed * 100, "%", goal="≥ 95 %", ok=listed >= 0.95),
        *(
            compared(f"keyword search p{share * 100:.0f}", percentile(times, share), "ms", DENSE, half)
            for share in (0.5, 0.95)
        ),
    ]


def questions(drafts: Sequence[MemoryDraft], count: int) -> list[tuple[str, str]]:
    """Memories, and six of the words of each in any order that no other memory has all."""
    dice = random.Random(4)
    texts = [draft.content.lower() for draft in drafts]
    asked: list[tuple[str, str]] = []
    while len(asked) < count:
        draft = dice.choice(drafts)
        own = [word for word in dict.fromkeys(words(draft.content)) if word not in STOP_WORDS | LEFT_OUT]
        if len(own) >= SOUGHT:
            sought = dice.sample(own, SOUGHT)
            if sum(all(word in text for word in sought) for text in texts) == 1:
                asked.append((str(draft.id), " ".join(sought)))
    return asked


async def fill(store: ServerVectorStore, drafts: Sequence[MemoryDraft]) -> None:
    """Writes the memories with any vectors, laid out as a save lays them out."""
    settings = Settings(home=Path(), zone="UTC")
    zone, dice = writer_zone(settings), random.Random(6)
    for kind in MemoryType:
        points: list[Point] = []
        for draft in drafts:
            if draft.type is kind and draft.id is not None:
                texts = chunks(draft.content, settings.chunk_size, settings.chunk_overlap)
                made = points_of(draft.id, drafted(draft, draft.id, NEWEST, zone), texts)
                points += [replace(point, vector=vector(dice)) for point in made]
        await store.upsert(kind, points)


def vector(dice: random.Random) -> list[float]:
    return [dice.gauss(0, 1) for _ in range(DIMENSIONS)]


async def ranked(store: ServerVectorStore, text: str) -> list[str]:
    """Ids of the memories that a keyword search finds, best first."""
    found = await store.search(
        [TextSearch(kind, text, 100, payload_keys=("parent_id", "chunk_index")) for kind in MemoryType]
    )
    hits = sorted((hit for hits in found for hit in hits), key=lambda hit: -hit.score)
    return list(dict.fromkeys(memory_id_of(Point(hit.id, hit.payload)) for hit in hits))
