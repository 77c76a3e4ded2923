"""The Health mode over many memories, embedded: its look at everything, a backup, a comparison and two restores.

The app runs without a terminal and draws what it would draw in one: how long the event loop is held is how long a key
waits. The other modes were on screen before.
"""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from functools import partial
from typing import cast

from textual.pilot import Pilot

from memoria_tui.modes.health.long_runs import Advance
from memoria_tui.modes.health.screen import HealthScreen
from services.backup.backup_values import Comparison
from services.container import Services, open_services
from tests.benchmarks.figures import Figure, LoopWatch, held, redraw_ms
from tests.benchmarks.seeded import memories, relations
from tests.benchmarks.stores import empty_stores
from tests.tui.conftest import press
from tests.tui.plain_app import plain_app

_SETTLED = 2.0
"""Seconds after which the first search is prepared and the list is read."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=20_000, help="and as many relations (default: %(default)s)")


async def run(args: Namespace) -> list[Figure]:
    async with empty_stores() as stores:
        await stores.write(memories(args.memories))
        await stores.relate(relations([str(one.id) for one in memories(args.memories)], args.memories))
        app = plain_app(
            lambda: open_services(
                stores.settings, vectors=stores.vectors, embedder=stores.embedder, records=stores.records
            )
        )
        async with app.run_test(size=(120, 40)) as pilot:
            await asyncio.sleep(_SETTLED)
            await press(pilot, "2", "3", "4", "5", "6")
            screen = cast("HealthScreen", pilot.app.screen)
            await _checked(screen)
            longest = {"its pass over everything": await _watched(_look, pilot, screen)}
            longest["a backup"] = await _watched(_backup, pilot, screen)
            services = screen.services
            (archive,) = await services.backup.archives(services.settings.backups_dir)
            compare = partial(services.restoring.compare, archive.path)
            longest["comparing"] = await _watched(_act, screen, lambda advance: compare(progress=advance))
            for replace, name in ((False, "a restore that merges"), (True, "a restore that replaces")):
                restore = partial(_restore, services, await compare(), replace)
                longest[name] = await _watched(_act, screen, restore)
    redraw = await redraw_ms()
    size = f"{args.memories:,} memories and relations"
    return [held(f"in Health by {what}, {size}", ms, redraw) for what, ms in longest.items()]


async def _watched(act: Callable[..., Awaitable[None]], *given: object) -> float:
    async with LoopWatch() as watch:
        await act(*given)
    return watch.longest_ms


async def _look(pilot: Pilot[None], screen: HealthScreen) -> None:
    await pilot.press("r")
    await _checked(screen)


async def _backup(pilot: Pilot[None], screen: HealthScreen) -> None:
    await pilot.press("b")
    await _done(screen)


async def _restore(services: Services, comparison: Comparison, replace: bool, advance: Advance) -> None:
    await services.restoring.restore(comparison, replace=replace, progress=advance)


async def _act(screen: HealthScreen, act: Callable[[Advance], Awaitable[object]]) -> None:
    """Has the screen carry it out, with its line of progress."""

    async def told(advance: Advance) -> str:
        await act(advance)
        return "done"

    screen.long_work.start("Benchmark", told)
    await _done(screen)


async def _done(screen: HealthScreen) -> None:
    while screen.running is not None:  # noqa: ASYNC110 - nobody tells of its end
        await asyncio.sleep(0.02)


async def _checked(screen: HealthScreen) -> None:
    """Waits for the end of a look at the stores, and of the look at everything that it may have begun."""
    while any(one.group in ("health", "integrity") and not one.is_finished for one in screen.workers):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
