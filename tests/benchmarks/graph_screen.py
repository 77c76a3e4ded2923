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
    """Milliseconds from the key to the painted screen, and for which the event loop was held meanwhile."""
    figures, before = [], await redraw_ms()
    for memories, near, at_most in ((60, 9, 4), (500, 30, 4)):
        taken, longest = await measure(hub(memories, near), args.rounds)
        redraw = (before + (before := await redraw_ms())) / 2
        for what, times, goal in (("redrawn after a key", taken, at_most), ("event loop held by a key", longest, 2)):
            for share in (0.5, 0.95):  # the baseline is a median too
                name = f"{what}, {memories} memories at depth 2, p{share:.0%}".rstrip("%")
                limit = goal if share == 0.5 else None
                figures.append(compared(name, percentile(times, share), "ms", REDRAW, redraw, limit))
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


async def measure(store: Store, rounds: int) -> tuple[list[float], list[float]]:
    """Of each key: how long it took, and for how long it held the loop at the longest."""
    app = make_app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3", "minus")
        screen = cast("GraphScreen", app.screen)
        taken, longest = list[float](), list[float]()
        for _ in range(rounds):
            async with LoopWatch() as watch:
                taken.append(await key_to_paint(pilot, "plus", lambda: shown(screen, 2)))
            longest.append(watch.longest_ms)
            await key_to_paint(pilot, "minus", lambda: shown(screen, 1))
        return taken, longest


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
