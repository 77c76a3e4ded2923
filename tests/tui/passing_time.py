"""Time that a test lets pass at once: what is due by then comes, and nobody waits."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable

import pytest

_OURS = ("memoria_tui", "services", "tests", "textual")
_PATIENCE, _LOOK = 60.0, 0.001
"""Seconds after which a test fails since something does not come, and between two looks for it."""
_TURNS = 3
"""Turns of the loop after which what is due has begun."""
_now = time.monotonic
_passed = 0.0
"""Seconds that passed at once since this process began."""


def _monotonic() -> float:
    return _now() + _passed


def can_pass(patch: pytest.MonkeyPatch) -> None:
    """Has event loops, Textual and the app look at the time that `passes`."""
    patch.setattr(time, "monotonic", _monotonic)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _OURS and name != __name__:
            for known in [known for known, value in vars(module).items() if value is _now]:
                patch.setattr(module, known, _monotonic)


async def passes(seconds: float) -> None:
    """Lets seconds pass, and begins what is due by then."""
    global _passed
    _passed += seconds
    for _ in range(_TURNS):
        await asyncio.sleep(0)


async def passes_until(reached: Callable[[], bool], step: float = 0.02) -> None:
    """Lets time pass, a step at each look, until it is so."""
    end = _now() + _PATIENCE
    while not reached():
        assert _now() < end
        await passes(step)
        await asyncio.sleep(_LOOK)
