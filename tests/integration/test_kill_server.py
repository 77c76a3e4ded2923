"""Whatever of the embedded PostgreSQL is killed, the next start works, by itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.services.memory_world import quick_folder

KILLS = 6


def test_the_next_start_works_after_any_kill() -> None:
    with quick_folder() as folder:
        run = subprocess.run(
            [sys.executable, "-m", "tests.integration.killed_server", f"{folder}/postgres", str(KILLS)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
    assert run.returncode == 0, run.stderr
