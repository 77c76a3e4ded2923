"""The trash on the command line, and erasing for good."""

from __future__ import annotations

import asyncio
from pathlib import Path

from memoria_tui.cli import main
from memoria_tui.cli.terminal import Terminal
from services.model import MemoryType
from tests.integration.test_cli import HOSTILE, Run, Screen, run  # noqa: F401  # the fixture
from tests.integration.test_cli_connecting import typed
from tests.services.edge_here import edge_here, services_here


def added(run: Run, text: str) -> str:  # noqa: F811
    return str(run("add", "-", "--json", stdin=text.encode()).json["id"])


def test_the_trash_is_listed_restored_and_emptied(run: Run) -> None:  # noqa: F811
    kept, first, second = added(run, "kept"), added(run, HOSTILE), added(run, "second")
    assert run("trash", "list").out == "the trash is empty\n"
    run("delete", first)
    run("delete", second)
    listed = run("trash", "list", "--json").json
    assert (listed["total"], [one["id"] for one in listed["memories"]]) == (2, [second, first])
    shown = run("trash", "list", "--limit", "1", out=Screen())
    assert shown.out.splitlines()[1].startswith(second[:8])
    assert shown.complaint == "showing 1 of 2; --limit shows more"
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(run("trash", "list", out=Screen()).out)
    assert run("trash", "restore", second[:8], "--json").json == {"restored": 1}
    assert run("trash", "empty", "--older-than", "1", "--json", "--yes").json == {"purged": 0, "ids": [], "left": []}
    assert run("trash", "empty", "--json", "--yes").json == {"purged": 1, "ids": [first], "left": []}
    assert run("trash", "restore", first).complaint == f"no memory in the trash has the id {first}"
    assert [run("show", one).status for one in (kept, second, first)] == [0, 0, 1]


def test_nothing_is_erased_without_a_yes(run: Run) -> None:  # noqa: F811
    memory = added(run, "still here")
    run("delete", memory)
    for command in (("trash", "empty"), ("purge", memory), ("trash", "empty", memory, "--json")):
        refused = run(*command)
        assert (refused.status, refused.out) == (1, "")
        assert "nothing was erased" in refused.complaint
    assert run("restore", memory).status == 0


def test_a_memory_is_purged_wherever_it_is(run: Run) -> None:  # noqa: F811
    here, gone = added(run, "here"), added(run, "gone")
    run("delete", gone)
    assert run("purge", here[:8], gone[:8], "--yes").out == "erased 2 memories for good\n"
    assert run("trash", "list", "--json").json["total"] == 0
    assert [run("show", one).status for one in (here, gone)] == [1, 1]
    assert run("purge", here, "--yes").status == 1
    assert run("undo").status == 1 or "here" not in run("search", "here").out


def test_days_and_ids_exclude_each_other(run: Run) -> None:  # noqa: F811
    assert run("trash", "empty", "abc", "--older-than", "3").status == 2


def test_what_another_program_deleted_goes_to_the_trash_after_a_yes(run: Run, tmp_path: Path) -> None:  # noqa: F811
    assert run("trash", "missing").out == "none is missing\n"
    gone = added(run, "deleted by an agent")

    async def delete_outside() -> None:
        store = edge_here(tmp_path / "home" / "qdrant")
        await store.delete_points(MemoryType.SEMANTIC, [gone])
        await store.close()

    asyncio.run(delete_outside())
    asked = run("trash", "missing")
    assert (asked.status, asked.out) == (1, "")
    assert asked.complaint.startswith("nothing was done: 1 memory was deleted by another program")
    assert run("trash", "missing", "--yes", "--json").json == {"trashed": 1, "living": 0}
    assert run("restore", gone).status == 0
    assert run("show", gone, "--json").json["content"] == "deleted by an agent"


def test_a_no_deletes_none_of_many(run: Run, tmp_path: Path, postgres_url: str) -> None:  # noqa: F811
    run("import", "-", stdin=b"".join(b'{"content": "text %d"}\n' % number for number in range(21)))
    ids = [hit["id"] for hit in run("search", "text", "--limit", "30", "--json").json["hits"]]
    environment = {"MEMORIA_HOME": str(tmp_path / "home"), "MEMORIA_LINGER": "3", "MEMORIA_DATABASE_URL": postgres_url}
    with typed("n\n") as stdin:
        terminal = Terminal(environment, stdin, Screen(), Screen(), open_services=services_here)
        assert main(["delete", *ids], terminal) == 1
    asked = terminal.stderr.getvalue()  # type: ignore[attr-defined]
    assert asked.endswith("  … and 16 more\nPut 21 memories into the trash? [y/N] nothing was changed\n")
    assert run("delete", *ids, "--yes", "--json").json["deleted"] == 21
