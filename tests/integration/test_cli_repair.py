"""The command line repairs when it was told to, and only then."""

from __future__ import annotations

import asyncio
from pathlib import Path

from services.container import open_services
from services.model import MemoryDraft
from services.settings import Settings
from tests.integration.test_cli import Run, run  # noqa: F401  # a fixture

ID = "00000000-0000-4000-8000-000000000001"


async def write_nested(home: Path, postgres_url: str) -> None:
    """A memory as MCP Memoria leaves it when it updates a text."""
    async with open_services(Settings(home=home, database_url=postgres_url)) as services:
        await services.memories.create(MemoryDraft("text", id=ID, metadata={"metadata": {"ticket": 7}}))


def test_nested_metadata_is_told_repaired_and_taken_back(run: Run, tmp_path: Path, postgres_url: str) -> None:  # noqa: F811
    asyncio.run(write_nested(tmp_path / "home", postgres_url))
    told = run("repair")
    assert told.status == 0
    assert "nested: 1" in told.out
    assert "repair with: memoria-tui repair all" in told.out
    refused = run("repair", "all")
    assert (refused.status, "--yes" in refused.complaint) == (1, True)
    found = run("repair", "orphans", "--yes", "--json").json
    assert (found["found"]["nested"], "repaired" in found) == ([ID], False)
    done = run("repair", "nested", "--yes", "--json")
    assert done.json["repaired"] == {"memories": 1, "moved": 0, "removed": 0}
    assert run("show", "00000000", "--json").json["metadata"]["ticket"] == 7
    assert run("undo").status == 0
    assert run("show", "00000000", "--json").json["metadata"]["metadata"] == {"ticket": 7}
    assert run("repair", "everything").status == 2  # no such kind
