"""The command line repairs when it was told to, and only then."""

from __future__ import annotations

import asyncio
from pathlib import Path

from services.memories.chunking import chunk_id
from services.model import MemoryDraft
from services.settings import Settings
from tests.integration.test_cli import Run, run  # noqa: F401  # a fixture
from tests.services.edge_here import services_here

ID = "00000000-0000-4000-8000-000000000001"


async def write_nested(home: Path, postgres_url: str) -> None:
    """A memory as MCP Memoria leaves it when it updates a text."""
    async with services_here(Settings(home=home, database_url=postgres_url)) as services:
        await services.memories.create(MemoryDraft("text", id=ID, metadata={"metadata": {"ticket": 7}}))
        await services.memories.create(MemoryDraft("the password is hunter2hunter2"))


def test_nested_metadata_is_explained_repaired_and_undone(run: Run, tmp_path: Path, postgres_url: str) -> None:  # noqa: F811
    asyncio.run(write_nested(tmp_path / "home", postgres_url))
    told = run("repair")
    assert told.status == 0
    assert "nested (Nested metadata): 1" in told.out
    assert "repair with: memoria-tui repair all" in told.out
    refused = run("repair", "all")
    assert (refused.status, "--yes" in refused.complaint) == (1, True)
    found = run("repair", "orphans", "--yes", "--json").json
    assert (found["found"]["nested"], "repaired" in found) == ([ID], False)
    assert "would repair 1 memory" in run("repair", "nested", "--dry-run").out
    done = run("repair", "nested", "--yes", "--json")
    assert done.json["repaired"] == {"memories": 1, "deleted": 0, "moved": 0, "removed": 0}
    for left in (run("repair"), run("repair", "all")):
        assert left.out.splitlines()[-1] == "repair with: memoria-tui repair secrets, which is not done with all others"
    assert run("show", "00000000", "--json").json["metadata"]["ticket"] == 7
    asked = run("undo")
    assert (asked.status, "it was a repair" in asked.complaint) == (1, True)
    assert run("undo", "--yes").status == 0
    assert run("show", "00000000", "--json").json["metadata"]["metadata"] == {"ticket": 7}
    assert run("repair", "everything").status == 2  # no such kind


async def write_uneven(home: Path, postgres_url: str) -> None:
    """A memory whose first chunk another program changed alone."""
    async with services_here(Settings(home=home, database_url=postgres_url)) as services:
        memory = await services.memories.create(MemoryDraft("words " * 200, id=ID, tags=("old",)))
        await services.vectors.set_payload(memory.type, [chunk_id(ID, 0)], {"tags": ["new"]})


def test_the_values_of_chunks_that_differ_are_chosen_by_an_option(run: Run, tmp_path: Path, postgres_url: str) -> None:  # noqa: F811
    asyncio.run(write_uneven(tmp_path / "home", postgres_url))
    told = run("repair", "uneven")
    assert "tags: new (chunk 1), old" in told.out
    assert "union: tags: new, old" in told.out
    assert run("repair", "uneven", "--yes", "--keep", "oldest").status == 2
    assert run("repair", "uneven", "--yes", "--keep", "union").status == 0
    assert run("show", ID, "--json").json["tags"] == ["new", "old"]
    assert run("undo", "--yes").status == 0
    assert "uneven (Chunks that differ): 1" in run("repair").out
