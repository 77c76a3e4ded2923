"""A program that is killed at any step of any act leaves a store that the next start makes whole."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.services.memory_world import quick_folder

ACTS = {
    "create": 4,
    "edit": 5,
    "shorten": 5,
    "change keys": 4,
    "change type": 4,
    "edit many": 4,
    "delete": 3,
    "restore": 3,
    "undo edit": 3,
    "undo deletion": 3,
    "bulk": 6,
    "bulk of very many": 7,
    "delete very many": 5,
    "undo import": 7,
}
"""Each with the least number of steps at which it can be killed: commits, writes of points, and embedding."""


@pytest.mark.parametrize("act", ACTS)
async def test_nothing_is_lost_doubled_or_half_done(act: str, postgres_url: str) -> None:
    with quick_folder() as folder:
        steps = await steps_survived(act, folder, postgres_url)
    assert steps >= ACTS[act]


async def steps_survived(act: str, folder: str, url: str) -> int:
    """Before how many steps the act was killed without damage."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.killed", act, folder, url),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, damage = await child.communicate()
    assert child.returncode == 0, damage.decode()
    return int(told)
