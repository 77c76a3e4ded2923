"""What a benchmark measures, and what every benchmark measures with."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import psutil


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


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def memory_mb() -> float:
    """Resident memory of this process and of those that it started, such as the one that holds the vectors, in MB."""
    this = psutil.Process()
    used: list[int] = [process.memory_info().rss for process in (this, *this.children(recursive=True))]
    return sum(used) / 2**20


class LoopWatch:
    """While it is entered, notes for how long the event loop was held at the longest."""

    def __init__(self) -> None:
        self.longest_ms = 0.0

    async def __aenter__(self) -> LoopWatch:
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
            before = time.perf_counter()
            await asyncio.sleep(every)
            self.longest_ms = max(self.longest_ms, (time.perf_counter() - before - every) * 1000)
