"""Undo, redo and the list of the last changes on the command line: each says first what it would do."""

from __future__ import annotations

import io
import json
from pathlib import Path

from memoria_tui.cli import main
from memoria_tui.cli.terminal import Terminal
from tests.integration.test_cli import Run, Screen, run
from tests.integration.test_cli_connecting import typed
from tests.services.edge_here import services_here

__all__ = ["run"]


def test_an_act_is_listed_undone_by_its_id_and_redone(run: Run) -> None:
    memory = run("add", "# Title", "--tag", "a").out.strip()
    run("edit", memory, "--text", "other")
    run("delete", memory)
    listed = run("undo", "--list", "--json").json
    assert [one["summary"] for one in listed] == [
        'deleted "other"',
        'edited text +1 −1 lines "other"',
        'created "other"',
    ]
    assert {(one["program"], one["kind"], one["undone"]) for one in listed} == {
        ("memoria-tui command line", "edit", False)
    }
    assert listed[0]["id"][:8] in run("undo", "-l", "--limit", "1").out
    would = run("undo", "--dry-run")
    assert would.out.startswith('would undo: deleted "other"\n')
    assert run("show", memory).status == 1, "a dry run writes nothing"
    assert run("undo", listed[0]["id"][:8]).out == 'Undone: deleted "other"\n'
    assert run("show", memory).status == 0
    assert run("redo", "--json").json["redone"] == 'deleted "other"'
    assert run("redo").status == 1
    assert run("undo", "zzz").complaint.startswith("'zzz' is no id; `memoria-tui undo --list`")


def test_an_import_is_undone_only_after_a_yes(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "memories.jsonl"
    file.write_text("".join(f"{json.dumps({'content': f'text {number}'})}\n" for number in range(25)), "utf-8")
    assert run("import", file).status == 0
    refused = run("undo")
    assert refused.status == 1
    assert "say --yes to undo imported 25 memories" in refused.complaint
    assert "it changes 25 things, it was an import" in refused.complaint
    assert run("undo", "--yes").out == "Undone: imported 25 memories\n"
    assert run("search", "text", "--json").json["hits"] == []


def test_what_was_changed_since_is_named_and_left_or_overwritten(run: Run) -> None:
    memory = run("add", "first").out.strip()
    run("edit", memory, "--text", "second")
    run("edit", memory, "--text", "third")
    edit = run("undo", "--list", "--json").json[1]["id"]
    refused = run("undo", edit)
    assert refused.status == 1
    assert 'memory "third": text' in refused.complaint
    assert "--rest leaves that as it is, --force" in refused.complaint
    assert "undo --list shows other acts, undo ID undoes one of them" in refused.complaint
    assert run("undo", edit, "--dry-run").out.splitlines()[-3:] == [
        '  changed since: memory "third": text',
        "    - third",
        "    + first",
    ]
    assert run("undo", edit, "--force").status == 0
    assert run("show", memory, "--json").json["content"] == "first"


def test_a_person_who_forces_an_undo_sees_both_texts_and_is_asked(run: Run, tmp_path: Path, postgres_url: str) -> None:
    memory = run("add", "first").out.strip()
    run("edit", memory, "--text", "second")
    run("edit", memory, "--text", "third")
    edit = run("undo", "--list", "--json").json[1]["id"]
    environment = {"MEMORIA_HOME": str(tmp_path / "home"), "MEMORIA_DATABASE_URL": postgres_url}
    for answer, status, now in (("n", 1, "third"), ("y", 0, "first")):
        with typed(f"{answer}\n") as stdin:
            asked = Screen()
            terminal = Terminal(environment, stdin, io.StringIO(), asked, open_services=services_here)
            assert main(["undo", edit, "--force"], terminal) == status
        for part in ('changed since: memory "third": text', "- third", "+ first", "Undo edited text", "[y/N]"):
            assert part in asked.getvalue()
        assert run("show", memory, "--json").json["content"] == now
