"""A backup or a restore that is killed at any step leaves a store that opens, and a command that goes on."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.services.memory_world import quick_folder

ACTS = {"backup": 8, "fresh": 11, "merge": 9, "replace": 17}
"""Each with the stride at which its steps are tried here: a life with its restore takes half a second.

All steps of an act are tried by `python -m tests.integration.killed_backup`.
"""
LEAST = 2
"""Lives of each act that are killed so."""


@pytest.mark.parametrize("acts", [("backup", "fresh"), ("merge", "replace")], ids=" ".join)
async def test_nothing_is_lost_and_the_command_goes_on(acts: tuple[str, ...], postgres_url: str) -> None:
    with quick_folder() as folder:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.integration.killed_backup", folder, postgres_url),
            *(f"{act}:{ACTS[act]}" for act in acts),
            cwd=Path(__file__).parents[2],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        told, damage = await child.communicate()
    assert child.returncode == 0, damage.decode()
    assert all(int(killed) >= LEAST for killed in told.split())
    assert len(told.split()) == len(acts)
