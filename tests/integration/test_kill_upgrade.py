"""An upgrade that is killed at any step leaves a database that opens, and an upgrade that goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forking import forked
from tests.services.servers import create_database, drop_database, postgres_15, restore_upstream


@pytest.fixture(params=["15", "18"])
def server_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A server's own database."""
    if request.param == "18":
        yield request.getfixturevalue("postgres_server")
        return
    with postgres_15(tmp_path) as url:
        yield url


def test_an_upgrade_is_whole_or_not_at_all(server_url: str) -> None:
    drop_database(server_url, "upgrading")
    restore_upstream(create_database(server_url, "upgrading"))
    command = forked("-m", "tests.integration.killed_upgrade", server_url, "upgrading")
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) >= 12
