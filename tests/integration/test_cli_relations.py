"""The commands about relations: what scripts read, what a person reads, and what is said when something is missing."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest

from tests.integration.test_cli import HOSTILE, Run, Screen, run

__all__ = ["run"]


@pytest.fixture
def chain(run: Run, tmp_path: Path) -> tuple[str, str, str, str]:
    """Ids of four memories; the first fixes the second, the second causes the third, the fourth stands alone."""
    ids = [str(uuid4()) for _ in range(4)]
    texts = ["hotfix for the queue", "the queue delivers twice", f"customers charged twice {HOSTILE}", "an island"]
    file = tmp_path / "memories.jsonl"
    lines = [json.dumps({"id": one, "content": text}) for one, text in zip(ids, texts, strict=True)]
    file.write_text("\n".join(lines), "utf-8")
    assert run("import", file).status == 0
    assert run("link", ids[0], ids[1], "--type", "fixes").status == 0
    assert run("link", ids[1], ids[2], "--type", "causes", "--weight", "0.5").status == 0
    return ids[0], ids[1], ids[2], ids[3]


def test_a_relation_is_drawn_by_unique_prefixes_listed_and_taken_away(
    run: Run, chain: tuple[str, str, str, str]
) -> None:
    fix, bug, _, island = chain
    made = run("link", island[:13], fix[:13], "--type", "part_of", "--json").json
    assert set(made) == {"id", "source_id", "target_id", "type", "weight", "created_by"}
    assert (made["source_id"], made["target_id"], made["type"], made["weight"]) == (island, fix, "part_of", 1.0)
    assert made["created_by"] == "user"
    listed = run("relations", fix[:13], "--json").json
    assert [(one["direction"], one["type"], one["source_id"]) for one in listed["relations"]] == [
        ("out", "fixes", fix),
        ("in", "part_of", island),
    ]
    assert run("unlink", made["id"]).status == 0
    assert run("unlink", fix, bug, "--type", "fixes", "--json").json["unlinked"][0]["target_id"] == bug
    assert run("relations", fix, "--json").json["relations"] == []
    assert run("undo").status == 0
    assert len(run("relations", fix, "--json").json["relations"]) == 1


def test_neighbors_have_depth_way_relation_and_content(run: Run, chain: tuple[str, str, str, str]) -> None:
    fix, bug, charged, _ = chain
    found = run("neighbors", fix, "--depth", "2", "--json").json
    assert set(found) == {"center", "depth", "nodes", "edges"}
    assert (found["center"], found["depth"]) == (fix, 2)
    assert [(one["id"], one["depth"], one["path"], one["relation"]) for one in found["nodes"]] == [
        (fix, 0, [fix], None),
        (bug, 1, [fix, bug], "fixes"),
        (charged, 2, [fix, bug, charged], "causes"),
    ]
    assert found["nodes"][1]["content"] == "the queue delivers twice"
    assert {(one["source_id"], one["target_id"], one["type"], one["weight"]) for one in found["edges"]} >= {
        (bug, charged, "causes", 0.5)
    }
    only = run("neighbors", bug, "--type", "causes", "--json").json
    assert [one["id"] for one in only["nodes"]] == [bug, charged]


def test_a_relation_is_the_same_json_from_every_command(run: Run, chain: tuple[str, str, str, str]) -> None:
    fix, bug, *_ = chain
    [edge] = run("neighbors", fix, "--json").json["edges"]
    [listed] = run("relations", fix, "--json").json["relations"]
    [shown] = run("show", fix, "--json").json["relations"]
    assert shown == listed
    assert {key: listed[key] for key in edge} == edge
    assert set(edge) == {"id", "source_id", "target_id", "type", "weight", "created_by"}
    assert run("unlink", fix, bug, "--json").json["unlinked"] == [edge]


def test_a_path_goes_either_way_along_relations(run: Run, chain: tuple[str, str, str, str]) -> None:
    fix, bug, charged, _ = chain
    steps = run("path", charged, fix, "--json").json["steps"]
    assert [(one["step"], one["id"], one["relation"], one["direction"]) for one in steps] == [
        (1, charged, "causes", "in"),
        (2, bug, "fixes", "in"),
        (3, fix, None, None),
    ]
    assert steps[2]["content"] == "hotfix for the queue"


def test_what_is_missing_is_one_line_and_status_1(run: Run, chain: tuple[str, str, str, str]) -> None:
    fix, bug, _, island = chain
    for arguments, complaint in (
        (("path", fix, island), "no path"),
        (("path", fix, island, "--json"), "no path"),
        (("link", fix, fix, "--type", "related"), "itself"),
        (("link", fix, bug, "--type", "fixes"), "already"),
        (("link", fix, "ffffffff", "--type", "fixes"), "ffffffff"),
        (("unlink", bug, fix), "there is one from"),
        (("unlink", fix, island), "no relation"),
        (("unlink", "nonsense"), "no id of a relation"),
        (("unlink", str(uuid4())), "no relation has the id"),
        (("neighbors", str(uuid4())), "no memory"),
        (("suggest", "ffffffff"), "ffffffff"),
    ):
        ran = run(*arguments)
        assert (ran.status, ran.out) == (1, ""), arguments
        assert complaint in ran.complaint


def test_wrong_usage_is_status_2(run: Run) -> None:
    for arguments in (
        ("link", "a", "b"),
        ("link", "a", "b", "--type", "loves"),
        ("link", "a", "b", "--type", "fixes", "--weight", "2"),
        ("neighbors", "a", "--depth", "0"),
        ("path", "a"),
    ):
        assert run(*arguments).status == 2, arguments


def test_suggestions_have_confidence_and_reason_and_write_nothing(run: Run, chain: tuple[str, str, str, str]) -> None:
    run("add", "the queue delivers messages twice again")
    bug = chain[1]
    found = run("suggest", bug, "--json").json
    assert found["id"] == bug
    (one,) = [one for one in found["suggestions"] if one["content"] == "the queue delivers messages twice again"]
    assert set(one) == {"source_id", "target_id", "type", "confidence", "reason", "content"}
    assert bug in (one["source_id"], one["target_id"])
    assert 0 < one["confidence"] <= 1
    assert "alike" in one["reason"]
    assert len(run("relations", bug, "--json").json["relations"]) == 2


def test_for_a_person_it_is_aligned_and_harmless(run: Run, chain: tuple[str, str, str, str]) -> None:
    fix, bug, charged, _ = chain
    for command in (("neighbors", fix, "-d", "2"), ("path", fix, charged), ("relations", bug), ("suggest", charged)):
        ran = run(*command, out=Screen())
        assert ran.status == 0
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(ran.out)
    center, first, second = run("neighbors", fix, "-d", "2").out.splitlines()
    assert {line.index(one[:8]) for line, one in ((center, fix), (first, bug), (second, charged))} == {12}
    assert first.startswith("→ fixes")
    assert second.startswith("  → causes")
