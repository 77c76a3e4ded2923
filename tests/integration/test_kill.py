"""A program that is killed at any step of any act leaves a store that the next start makes whole."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.services.memory_world import quick_folder

ACTS = {
    "create": 6,
    "edit": 7,
    "shorten": 7,
    "change keys": 6,
    "change type": 6,
    "edit many": 6,
    "delete": 6,
    "restore": 6,
    "undo edit": 6,
    "undo deletion": 6,
    "bulk": 7,
    "bulk of very many": 12,
    "delete very many": 12,
    "undo import": 30,
}
"""Each with the least number of steps at which it can be killed."""


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
