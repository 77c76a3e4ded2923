"""A re-embedding that is killed at any step leaves a store that opens, and goes on without embedding anything twice."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.services.memory_world import quick_folder

STRIDE, LEAST = 3, 4
"""Which steps are tried here, and the least number of lives that are killed so.

All steps are tried by `python -m tests.integration.killed_reembed`.
"""


async def test_nothing_is_lost_or_done_twice() -> None:
    with quick_folder() as folder:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.integration.killed_reembed", folder, str(STRIDE)),
            cwd=Path(__file__).parents[2],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        told, damage = await child.communicate()
    assert child.returncode == 0, damage.decode()
    assert int(told) >= LEAST
