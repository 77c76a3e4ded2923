"""A re-embedding that is killed at any step leaves a store that opens, and goes on without embedding anything twice."""

from __future__ import annotations

import subprocess

from tests.forking import forked
from tests.services.memory_world import quick_folder

STRIDE, LEAST = 4, 4
"""Which steps are tried here, and the least number of lives that are killed so.

All steps are tried by `python -m tests.integration.killed_reembed`.
"""


def test_nothing_is_lost_or_done_twice() -> None:
    with quick_folder() as folder:
        command = forked("-m", "tests.integration.killed_reembed", folder, str(STRIDE))
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) >= LEAST
