"""Undo, redo and the list of the last changes on the command line: each says first what it would do."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.test_cli import Run, run

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
    assert "no act has an id" in run("undo", "zzz").complaint


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
    assert run("undo", edit, "--force").status == 0
    assert run("show", memory, "--json").json["content"] == "first"
