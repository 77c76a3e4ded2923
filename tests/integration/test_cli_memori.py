"""Importing from Memori on the command line: what it would take in, what it took in, and what is wrong."""

from __future__ import annotations

from tests.integration.test_cli import Run, run
from tests.services import memori_schema

__all__ = ["run"]


def test_memori_is_counted_first_and_taken_in_once(run: Run, empty_url: str) -> None:
    memori_schema.make(empty_url)
    counted = run("import", "--memori", empty_url, "--dry-run", "--json").json
    assert counted["rows"] == 24
    assert counted["memories"] == {"semantic": 6, "procedural": 1, "episodic": 5}
    assert counted["relations"] == {"part_of": 1, "derives": 1, "related": 1, "follows": 2}
    assert (counted["expired"], len(counted["failed"])) == (1, 8)
    told = run("import", "--memori", empty_url, "--dry-run").out
    assert "6 semantic, 5 episodic, 1 procedural" in told
    assert ": relationships 5: both ends are entity 3" in told
    first = run("import", "--memori", empty_url, "--json")
    assert (first.status, first.json["memories"], first.json["relations"]) == (0, 12, 5)
    again = run("import", "--memori", empty_url, "--json").json
    assert (again["memories"], again["relations"]) == (0, 0)


def test_what_is_wrong_with_memori_is_one_line(run: Run, empty_url: str) -> None:
    assert "no schema `memori`" in run("import", "--memori", empty_url).complaint
    refused = run("import", "--memori", "postgresql://u:secret@127.0.0.1:1/x", "--dry-run")
    assert (refused.status, "secret" in refused.complaint) == (1, False)
    gone = empty_url.replace("/test_", "/gone_", 1)
    for url, told in (("mysql://x/y", "--memori must begin"), (gone, "correct --memori")):
        assert told in (complaint := run("import", "--memori", url, "--dry-run").complaint)
        assert "MEMORIA_DATABASE_URL" not in complaint
