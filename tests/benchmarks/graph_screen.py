"""The Graph screen from a key to the painted screen, on services in memory: 60 memories at depth 2, and 500."""

from __future__ import annotations

import asyncio
import random
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import cast

from textual import events
from textual.pilot import Pilot

from memoria_tui.modes.graph.screen import GraphScreen
from services.model import Relation, RelationType
from tests.benchmarks.figures import REDRAW, Figure, LoopWatch, compared, percentile, redraw_ms
from tests.tui.conftest import make_app, press, settle
from tests.tui.fakes import Store, many, memory_id


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=10)


async def run(args: Namespace) -> list[Figure]:
    """Milliseconds from the key to the painted screen, and for how long the event loop was held meanwhile."""
    redraw = await redraw_ms()
    figures = []
    for memories, near, at_most in ((60, 9, 4), (500, 30, 4)):
        taken, longest = await measure(hub(memories, near), args.rounds)
        what = f"redrawn after a key, {memories} memories at depth 2, p95"
        figures.append(compared(what, taken, "ms", REDRAW, redraw, at_most))
        figures.append(compared(f"event loop held by {memories} memories", longest, "ms", REDRAW, redraw, 2))
    return figures


def hub(memories: int, near: int) -> Store:
    """A centre with `near` neighbours, over which the rest is spread."""
    chance = random.Random(7)
    store = many(memories)
    kinds = list(RelationType)
    for number in range(1, memories):
        ends = [memory_id(number), memory_id(0 if number <= near else number % near + 1)]
        chance.shuffle(ends)
        store.relations.append(Relation(f"r{number}", ends[0], ends[1], chance.choice(kinds)))
    return store


async def measure(store: Store, rounds: int) -> tuple[float, float]:
    app = make_app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3", "minus")
        screen = cast("GraphScreen", app.screen)
        taken = []
        async with LoopWatch() as watch:
            for _ in range(rounds):
                for key, depth in (("plus", 2), ("minus", 1)):
                    taken.append(await key_to_paint(pilot, key, lambda depth=depth: shown(screen, depth)))  # type: ignore[misc]
        return percentile(taken[::2], 0.95), watch.longest_ms


def shown(screen: GraphScreen, depth: int) -> bool:
    """True when the neighbourhood of that depth is in the tree and on the map."""
    around = screen.around
    return around is not None and around.depth == depth and screen.relation_map.shown is around


async def key_to_paint(pilot: Pilot[None], key: str, done: Callable[[], bool]) -> float:
    painted = asyncio.Event()
    began = time.perf_counter()
    pilot.app.post_message(events.Key(key, {"plus": "+", "minus": "-"}[key]))
    while not done():  # noqa: ASYNC110 — a screen says what it shows, not when
        await asyncio.sleep(0.001)
    pilot.app.screen.call_after_refresh(painted.set)
    await painted.wait()
    return (time.perf_counter() - began) * 1000
