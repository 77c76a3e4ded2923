"""What a benchmark measures, and what every benchmark measures with.

A goal is always a ratio: to a baseline that was measured in the same run (`compared`), or, for what does not depend on
the speed of the machine, to a limit (`limited`). So `ok` means the same on a fast and on a slow machine.
"""

from __future__ import annotations

import asyncio
import gc
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import psutil
from textual.app import App, ComposeResult
from textual.widgets import Footer, Header, Static

from memoria_tui.garbage_collection import collect_at_rest

REDRAW = "one full redraw of a bare Textual screen"
HELD = 6.0
"""The goal for how long the event loop is held, as a multiple of `redraw_ms()`."""
_REDRAWS = 15
_DAEMON = "services.adapters.daemon"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number, with what it is compared with in the same run and what is wanted."""

    what: str
    value: float
    unit: str
    baseline: str | None = None
    """Name of what `ratio` compares with."""
    ratio: float | None = None
    """`value` as a multiple of the baseline's."""
    goal: str | None = None
    """What is wanted, for a reader."""
    ok: bool | None = None
    """Whether the goal is reached; None without a goal."""


def compared(
    what: str, value: float, unit: str, baseline: str, of_baseline: float, at_most: float | None = None
) -> Figure:
    """A cost beside the one of the baseline in the same run, in the same unit; `at_most` is the goal, as a multiple."""
    return ratio_figure(what, value, unit, baseline, value / of_baseline, at_most)


def ratio_figure(
    what: str, value: float, unit: str, baseline: str, ratio: float, at_most: float | None = None
) -> Figure:
    """As `compared`, where the ratio is not between the value itself and the baseline, as for a rate."""
    if at_most is None:
        return Figure(what, value, unit, baseline, ratio)
    return Figure(what, value, unit, baseline, ratio, f"≤ {at_most:g} ×", ratio <= at_most)


def limited(what: str, value: float, unit: str, limit: float) -> Figure:
    """What may not exceed a limit on any machine: memory, requests, sizes; no times."""
    ratio = value / limit
    return Figure(what, value, unit, f"the limit of {limit:,g} {unit}", ratio, "≤ 1 ×", ratio <= 1)


def held(during: str, longest_ms: float, redraw: float) -> Figure:
    """For how long the event loop was held at the longest; `redraw`: see `redraw_ms`."""
    return compared(f"event loop held {during}", longest_ms, "ms", REDRAW, redraw, HELD)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def memory_mb() -> float:
    """Resident memory in MB of this process and those that it started, of the daemon of a benchmark too."""
    this = psutil.Process()
    running = (one for one in psutil.process_iter(["cmdline"]) if _DAEMON in (one.info["cmdline"] or ()))
    daemons = [one for one in running if "memoria-benchmark-" in one.info["cmdline"][-1]]
    started = [this, *this.children(recursive=True), *daemons, *(child for one in daemons for child in one.children())]
    used: list[int] = [process.memory_info().rss for process in started]
    return sum(used) / 2**20


class LoopWatch:
    """While it is entered, notes for how long the event loop was held at the longest."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self.computed_ms = 0.0
        """The most that its thread computed at a stretch; the rest of a longer hold waited for a processor."""

    async def __aenter__(self) -> LoopWatch:
        gc.collect()
        collect_at_rest()  # as the program does once all is loaded
        self._task = asyncio.create_task(self._watch())
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _watch(self, every: float = 0.001) -> None:
        while True:
            before, computed = time.perf_counter(), time.thread_time()
            await asyncio.sleep(every)
            self.longest_ms = max(self.longest_ms, (time.perf_counter() - before - every) * 1000)
            self.computed_ms = max(self.computed_ms, (time.thread_time() - computed) * 1000)


class _Bare(App[None]):
    """Header, footer and a screen full of text."""

    def compose(self) -> ComposeResult:
        yield Header()
        yield Static("\n".join("one line of plain text " * 5 for _ in range(38)))
        yield Footer()


async def redraw_ms() -> float:
    """Median of the milliseconds for which a full redraw of a bare screen of 120×40 holds the event loop."""
    app, longest = _Bare(), list[float]()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        for _ in range(_REDRAWS):
            async with LoopWatch() as watch:
                for widget in app.screen.query("*"):
                    widget.refresh()
                app.screen.refresh(layout=True)
                await pilot.pause()
            longest.append(watch.longest_ms)
    return percentile(longest, 0.5)
