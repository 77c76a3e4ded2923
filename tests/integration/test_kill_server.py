"""Whatever of the embedded PostgreSQL is killed, the next start works, by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration import killed_server
from tests.services.made_postgres import Made, MadePostgres
from tests.services.memory_world import quick_folder

KILLS, SEED = 6, 1


def test_the_next_start_works_after_any_kill(made_postgres: MadePostgres, capsys: pytest.CaptureFixture[str]) -> None:
    with quick_folder() as name:
        made_postgres.put(Made.BARE, folder := Path(name, "postgres"))
        assert killed_server.main(folder, KILLS, SEED) == 0, capsys.readouterr().err
