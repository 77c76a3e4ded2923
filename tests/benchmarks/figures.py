"""What a benchmark measures, and what every benchmark measures with."""

from __future__ import annotations

import asyncio
import math
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType


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
    """Resident memory of this process now in MB; on systems without /proc the most it ever was."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


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
