"""The Memories screen over many memories, embedded: from a keystroke in the search box to the drawn results."""

from __future__ import annotations

import asyncio
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import cast

from textual import events
from textual.pilot import Pilot

from memoria_tui.modes.memories.screen import MemoriesScreen
from memoria_tui.modes.mode import Loaded
from services.container import open_services
from tests.benchmarks.figures import Figure, LoopWatch, compared, held, percentile, redraw_ms
from tests.benchmarks.search import legs
from tests.benchmarks.seeded import memories, questions, relations
from tests.benchmarks.stores import empty_stores
from tests.tui.conftest import press, settle
from tests.tui.plain_app import plain_app

BASELINE = "p50 of its legs alone on the raw store and one redraw of a bare screen"
_BETWEEN = 0.08
"""Seconds between two keys of a fast typist."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=40)


async def run(args: Namespace) -> list[Figure]:
    """Milliseconds, each for the last key of a question that is typed quickly."""
    drafts = list(memories(args.memories))
    redraw = await redraw_ms()
    async with empty_stores() as stores:
        await stores.write(drafts)
        await stores.relate(relations([str(draft.id) for draft in drafts], args.memories))
        app = plain_app(
            lambda: open_services(
                stores.settings, vectors=stores.vectors, embedder=stores.embedder, records=stores.records
            )
        )
        async with app.run_test(size=(120, 40)) as pilot:
            await settle(pilot)
            await press(pilot, "slash")
            asked = questions(args.questions + 3)
            await taken(pilot, asked[:3])  # the first ones load the model and the vocabulary
            async with LoopWatch() as watch:
                times = await taken(pilot, asked[3:])
            vectors, embedder = stores.vectors, stores.embedder  # open as long as the app is
            alone = [await legs(vectors, text, await embedder.embed_query(text)) + redraw for text in asked[3:]]
    half = percentile(alone, 0.5)
    return [
        compared("keystroke to drawn results, p50", percentile(times, 0.5), "ms", BASELINE, half, 2.5),
        compared("keystroke to drawn results, p95", percentile(times, 0.95), "ms", BASELINE, half),
        held("while typing", watch.longest_ms, redraw),
    ]


async def taken(pilot: Pilot[None], asked: Sequence[str]) -> list[float]:
    screen = cast("MemoriesScreen", pilot.app.screen)
    times = []
    for question in asked:
        screen.search_bar.set_text(question[:-3])
        for character in question[-3:]:
            await asyncio.sleep(_BETWEEN)
            began = time.perf_counter()
            pilot.app.post_message(events.Key(character, character))
        while not (isinstance(screen.state, Loaded) and screen.state.value.query.raw == question):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)
        times.append((time.perf_counter() - began) * 1000)
    return times
