"""What a command does to many memories at once, what they count as, and what the history of one is."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from memoria_tui.cli.bulk_by_query import Asked, Meant, change_all
from memoria_tui.cli.terminal import Terminal
from tests.integration.test_cli import Run, run

__all__ = ["run"]


@pytest.fixture
def three(run: Run) -> list[str]:
    """Ids of three memories; the first two have the tag auth."""
    lines = [
        {"content": f"Tokens, part {number}", "tags": ["auth"] * (number < 2), "project": "api"} for number in range(3)
    ]
    assert run("import", "-", stdin="\n".join(map(json.dumps, lines)).encode()).status == 0
    found = run("list", "sort:created", "--json").json["hits"]
    return [one["id"] for one in sorted(found, key=lambda one: str(one["content"]))]


def test_all_that_a_query_finds_is_changed_as_one_act_after_a_look(run: Run, three: list[str]) -> None:
    looked = run("set", "--query", "tag:auth", "--importance", "0.9", "--project", "web", "--dry-run")
    assert looked.out.startswith("would set on 2 memories importance 0.9, project web:\n")
    assert all(one[:8] in looked.out for one in three[:2])
    refused = run("set", "--query", "tag:auth", "--importance", "0.9")
    assert (refused.status, refused.complaint) == (1, "nothing was changed: 2 memories found; add --yes")
    done = run("set", "--query", "tag:auth", "--importance", "0.9", "--project", "web", "--yes", "--json").json
    assert (done["found"], done["changed"], set(done["ids"])) == (2, 2, set(three[:2]))
    assert run("show", three[0], "--json").json["importance"] == 0.9
    assert run("undo").status == 0
    assert {run("show", one, "--json").json["project"] for one in three} == {"api"}


def test_tags_are_added_and_removed_by_ids_or_by_a_query(run: Run, three: list[str]) -> None:
    assert run("tag", three[2][:8], "--add", "auth", "--remove", "none").out.startswith("1 memory changed")
    assert (
        run("tag", "-q", "tag:auth", "--add-tag", "login", "--remove-tag", "auth", "-y", "--json").json["changed"] == 3
    )
    assert run("show", three[0], "--json").json["tags"] == ["login"]
    assert run("tag", three[0], "--add", "login").out == "nothing to change\n"
    assert run("tag", three[0]).status == run("tag", "--add", "x").status == 2
    assert run("tag", three[0], "-q", "tag:login", "--add", "x").status == 2
    for act in (("tag", "--add"), ("set", "--project")):
        told = run(*act, "a\x1bb", "-q", "tag:login", "--dry-run").complaint
        assert told.endswith("invisible characters; it has U+001B"), "before it asks"
    near = "no memory has the tag 'logn': did you mean 'login'?"
    nothing = f"no memory is found by that, nothing was changed; {near}"
    assert run("tag", "-q", "tag:logn", "--add", "x").complaint == nothing
    assert run("list", "tag:logn").err == f"no results; {near}\n"
    for asked in (("delete", "-q"), ("tag", "--add", "x", "-q"), ("stats",), ("export", "-", "--query"), ("list",)):
        assert "foo: is no operator; searched for as words\n" in run(*asked, "foo:bar").err


def test_what_a_query_finds_is_deleted_only_after_a_yes(run: Run, three: list[str]) -> None:
    assert run("delete", "--query", "tag:auth", "--dry-run").out.startswith("would put 2 memories into the trash:")
    assert run("delete", "--query", "tag:auth").complaint == "nothing was changed: 2 memories found; add --yes"
    assert (
        run("delete", "--query", "tag:auth", "--yes").out == "2 memories in the trash · undo with: memoria-tui undo\n"
    )
    assert [one["id"] for one in run("list", "--json").json["hits"]] == [three[2]]


@pytest.mark.parametrize("query", ["", "  ", "\t\n", "\u3000", '""', '-""', "like:ID", "like:ID tag:auth"])
def test_a_query_that_leaves_nothing_out_by_mistake_changes_nothing(run: Run, three: list[str], query: str) -> None:
    query = query.replace("ID", three[0])
    for command in (["delete", "-q", query], ["verify", query], ["expire", query, "--in", "0"]):
        refused = run(*command, "--yes")
        assert refused.status == 2
        assert "the query is empty" in refused.complaint or "leaves no memory out" in refused.complaint
    assert run("list", "--json").json["total"] == 3
    assert run("delete", "-q", "sort:created", "--yes", "--json").json["deleted"] == 3


def test_a_memory_that_is_named_twice_is_one(run: Run, three: list[str]) -> None:
    assert run("tag", three[0], three[0][:8], "--add", "x").out.startswith("1 memory changed")


def test_memories_are_counted_by_what_they_are(run: Run, three: list[str]) -> None:
    counted = run("stats", "--json").json
    assert (counted["memories"], counted["tags"], counted["projects"]) == (3, {"auth": 2}, {"api": 3})
    assert counted["stores"]["relations"] == 0
    assert run("stats", "tag:auth").out.startswith("2 memories\n")


def test_what_was_recalled_most_is_told_and_of_a_query_nothing_else(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "used.jsonl"
    file.write_text("\n".join(f'{{"content": "used {uses}", "access_count": {uses}}}' for uses in (0, 3, 7)))
    run("import", str(file))
    told = run("stats", "--json").json
    assert [(one["title"], one["uses"]) for one in told["recalled"]] == [("used 7", 7), ("used 3", 3)]
    assert told["agents"] == []
    assert "recalled            7 times" in run("stats").out
    assert "recalled" not in run("stats", "--json", "used").json


def test_the_history_of_a_memory_is_told_also_when_it_is_deleted(run: Run, three: list[str]) -> None:
    run("edit", three[0], "--add-tag", "login")
    run("delete", three[0])
    told = run("history", three[0], "--json").json
    assert (told["id"], told["total"]) == (three[0], 3)
    assert [one["action"] for one in told["changes"]] == ["deleted", "updated", "created"]
    newest, *_ = run("history", three[0]).out.splitlines()
    assert "deleted" in newest
    assert run("history", "-n", "1").out.count("\n") == 1
    cut = run("history", three[0], "-n", "2")
    assert (len(cut.out.splitlines()), cut.complaint) == (2, "2 of 3; more with -n 3")
    assert run("history", three[0], "-n", "2", "--json").json["total"] == 3
    assert run("history", three[0][:8], "--json").json["id"] == three[0]
    told = "; `memoria-tui list` shows those of memories"
    absent = next(one for one in "0123456789abcdef" if not any(id_.startswith(one) for id_ in three))
    for command in (
        *(("show",), ("history",), ("delete",), ("purge",), ("relations",), ("edit", "--type", "semantic")),
        *(
            ("tag", "--add", "x"),
            ("work", "start", "--memory"),
            ("link", three[1], "--type", "fixes"),
            ("path", three[1]),
        ),
    ):
        assert run(*command, "zz").complaint.startswith(f"'zz' is no id{told}"), command
        unknown = run(*command, absent)
        assert (unknown.status, unknown.err.count("\n")) == (1, 1)
        assert f" has an id that begins with {absent}{told}" in unknown.err, command
    assert run("purge", "").complaint.startswith("'' is no id")
    assert run("trash", "restore", "").complaint.startswith("'' is no id; `memoria-tui trash list` shows")


class Asking(Terminal):
    """A person who answers yes, and others who change memories 1 and 2 before."""

    def __init__(self, numbers: dict[str, int]) -> None:
        super().__init__({}, io.BytesIO(), io.StringIO(), io.StringIO())
        self.__dict__["numbers"] = numbers

    async def require_yes(self, question: str, **_: object) -> None:
        self.__dict__["numbers"] |= {"1": 7, "2": 8}


@pytest.mark.parametrize("unasked", [1, 9])
async def test_what_others_changed_while_it_asked_is_left_as_it_is(unasked: int) -> None:
    numbers = {"1": 1, "3": 3}
    terminal, done = Asking(numbers), list[str]()

    async def now(ids: Sequence[str]) -> Mapping[str, int]:
        return {one: numbers[one] for one in ids if one in numbers}

    async def act(ids: Sequence[str]) -> int:
        done.extend(ids)
        return len(ids)

    meant = Meant(["1", "2", "3", "4"], (), now)
    await change_all(terminal, meant, "pin {}", act, Asked(dry_run=False, yes=False, as_json=False), unasked=unasked)
    assert done == (["3", "4"] if unasked == 1 else meant.ids)
    told = "2 memories changed by others meanwhile: left as they are\n" if unasked == 1 else ""
    assert terminal.stderr.getvalue() == told  # type: ignore[attr-defined]
