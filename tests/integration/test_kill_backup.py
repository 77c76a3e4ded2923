"""A backup or a restore that is killed at any step leaves a store that opens, and a command that goes on."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.services.memory_world import quick_folder

ACTS = {"backup": (8, 2), "fresh": (11, 2), "merge": (9, 2), "replace": (17, 2)}
"""Each with the stride at which its steps are tried here, and the least number of lives that are killed so.

A life with its restore takes a second; all steps of an act are tried by `python -m tests.integration.killed_backup`.
"""


@pytest.mark.parametrize("act", ACTS)
async def test_nothing_is_lost_and_the_command_goes_on(act: str, postgres_url: str) -> None:
    stride, least = ACTS[act]
    with quick_folder() as folder:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.integration.killed_backup", act, folder, postgres_url, str(stride)),
            cwd=Path(__file__).parents[2],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        told, damage = await child.communicate()
    assert child.returncode == 0, damage.decode()
    assert int(told) >= least
