"""Opening and scrolling 100,000 memories: our list beside Textual's OptionList."""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import OptionList

from memoria_tui.themes import THEMES
from memoria_tui.widgets.memory_list import MemoryList
from services.model import Hit, Memory, MemoryType, Query
from tests.benchmarks.figures import REDRAW, Figure, compared, memory_mb, percentile, redraw_ms

ROWS = 100_000
MOVES = 100
BASELINE = "OptionList"


class _Alone(App[None]):
    """One widget in the program's colours, and pages for it as fast as they are asked for."""

    def __init__(self, shown: Widget) -> None:
        super().__init__()
        self.shown = shown
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    def compose(self) -> ComposeResult:
        yield self.shown

    def on_memory_list_page_wanted(self, message: MemoryList.PageWanted) -> None:
        self.query_one(MemoryList).put_page(message.offset, _page(message.offset, message.limit))


def _page(offset: int, limit: int) -> list[Hit]:
    kinds = tuple(MemoryType)
    return [
        Hit(Memory(f"{number:032x}", kinds[number % 3], _text(number), tags=("auth", "jwt")), relations=number % 5)
        for number in range(offset, offset + limit)
    ]


def _text(number: int) -> str:
    return f"memory {number}: customers are signed out after lunch because tokens expire too early"


async def _measure(
    shown: Widget, fill: Callable[[], None], page_down: Callable[[], None]
) -> tuple[float, float, float]:
    """Milliseconds to open, p95 of milliseconds of computing a page down, MB taken."""
    gc.collect()
    before = memory_mb()
    async with _Alone(shown).run_test(size=(120, 40)) as pilot:
        opened = await _timed(pilot, fill, time.perf_counter)
        # A page down waits for the next frame most of the time: only computing tells the lists apart.
        moves = [await _timed(pilot, page_down, time.process_time) for _ in range(MOVES)]
        return opened, percentile(moves, 0.95), memory_mb() - before


async def _timed(pilot: Pilot[None], act: Callable[[], None], clock: Callable[[], float]) -> float:
    began = clock()
    act()
    await pilot.pause()
    return (clock() - began) * 1000


def run(args: argparse.Namespace) -> list[Figure]:
    """Measures both lists in this process, ours first, so that it does not profit from what is loaded."""
    ours = MemoryList(lambda: datetime.now(UTC))
    theirs = OptionList(markup=False)
    first = partial(ours.show_listing, ROWS, Query(), first=_page(0, 100))
    opened, moved, took = asyncio.run(_measure(ours, first, partial(ours.action_move_pages, 1)))
    base = asyncio.run(_measure(theirs, partial(_fill, theirs), theirs.action_page_down))
    return [
        compared("list: open 100,000 rows", opened, "ms", BASELINE, base[0], 0.5),
        compared("list: computing of a page down, p95", moved, "ms", REDRAW, asyncio.run(redraw_ms()), 1.5),
        compared("list: memory taken", took, "MB", BASELINE, max(base[2], 0.1), 0.5),
    ]


def _fill(options: OptionList) -> None:
    options.add_options(_text(number) for number in range(ROWS))
