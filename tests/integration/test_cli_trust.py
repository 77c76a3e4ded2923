"""The life of memories on the command line."""

from __future__ import annotations

import json

from tests.integration.test_cli import Run, run

__all__ = ["run"]


def test_memories_are_confirmed_pinned_and_expire_by_query_and_by_rule(run: Run) -> None:
    lines = [{"content": f"Tokens, part {number}", "tags": ["auth"]} for number in range(2)]
    assert run("import", "-", stdin="\n".join(map(json.dumps, lines)).encode()).status == 0
    one, other = (hit["id"] for hit in run("list", "tag:auth", "--json").json["hits"])
    assert run("expire", "tag:auth", "--in", "10", "--yes", "--json").json["changed"] == 2
    assert run("list", "is:expiring", "--json").json["total"] == 2
    assert run("verify", f"id:{one}", "--json").json["changed"] == 1
    assert "confirmed by " in run("show", one).out
    assert run("expire", f"id:{other}", "--in", "0").status == 0
    assert [hit["id"] for hit in run("list", "is:expired", "--json").json["hits"]] == [other]
    assert run("expire", "tag:auth", "--never", "--yes", "--json").json["changed"] == 2
    assert run("pin", f"id:{one}", "--json").json["changed"] == 1
    assert run("list", "is:pinned", "--json").json["total"] == 1
    assert run("pin", f"id:{one}", "--off").status == 0
    assert run("lifetimes", "--apply").out.startswith("no rule is set")
    planned = run("lifetimes", "--tag", "auth", "--days", "5", "--dry-run").out
    assert "tag:auth" in planned
    assert run("lifetimes", "--json").json["rules"] == []
    assert run("lifetimes", "--tag", "auth", "--days", "5", "--json").json["due"] == 0
    assert run("lifetimes", "--tag", "auth", "--days", "0", "--json").json["rules"] == []
    assert run("expire", "tag:auth").status == 2


def test_a_rule_expires_what_it_lists_after_a_yes(run: Run) -> None:
    old = {"content": "An old release", "tags": ["release"], "created_at": "2020-01-01T00:00:00+00:00"}
    assert run("import", "-", stdin=json.dumps(old).encode()).status == 0
    planned = run("lifetimes", "--tag", "release", "--days", "90").out
    assert "1 memory would expire by them; --apply does it:" in planned
    assert "An old release" in planned
    refused = run("lifetimes", "--apply")
    assert (refused.status, refused.complaint) == (1, "nothing expired: it would be 1 memory; add --yes")
    assert run("lifetimes", "--apply", "--dry-run", "--json").json["due"] == 1
    assert run("lifetimes", "--apply", "--yes", "--json").json["applied"] == 1
    assert run("list", "is:expired", "--json").json["total"] == 1


def test_who_writes_a_secret_that_is_masked_is_told(run: Run) -> None:
    mask = {"MEMORIA_SECRETS": "mask"}
    added = run("add", "DB_PASSWORD=geheim4711Kx", **mask)
    assert added.complaint == "the text was altered: masked a password"
    edited = run("edit", added.out.strip(), "--text", "the token is a81Lm02pq9", **mask)
    assert edited.complaint == "the text was altered: masked a password"
    assert run("edit", added.out.strip(), "--text", "plain", **mask).err == ""


def test_confidence_is_set_on_one_and_on_many(run: Run) -> None:
    one = run("add", "Tokens expire").out.strip()
    run("add", "Keys do not")
    assert "confidence" in run("edit", one, "--confidence", "0.4").out
    assert run("show", one, "--json").json["metadata"]["confidence"] == 0.4
    assert run("set", "--query", "is:untagged", "--confidence", "0.9", "--yes", "--json").json["changed"] == 2
    assert run("show", one, "--json").json["metadata"]["confidence"] == 0.9
    assert run("edit", one, "--confidence", "2").status == 2


def test_the_lineage_of_a_memory_is_told_with_the_lines_that_differ(run: Run) -> None:
    old, new = (run("add", text).out.strip() for text in ("It is 10 s", "It is 60 s"))
    assert run("link", new, old, "--type", "supersedes").status == 0
    told = run("lineage", old).out.splitlines()
    assert [told[0][:8], *told[1:4], told[4][:8]] == [
        new[:8],
        f"  replaced {old[:8]}:",
        "    - It is 10 s",
        "    + It is 60 s",
        old[:8],
    ]
    run("pin", f"id:{old}")
    run("expire", f"id:{old}", "--in", "0")
    shown = run("show", old).out.splitlines()
    assert " · pinned · expired 20" in shown[0]
    assert shown[0].endswith(f" · superseded by {new[:8]}")
    assert shown[-1].startswith(f"← superseded by {new[:8]}  ")
    assert run("show", new).out.splitlines()[-1].startswith(f"→ supersedes {old[:8]}  ")
    (first, second) = run("lineage", new, "--json").json["steps"]
    assert (first["replaced"], first["superseded_at"], second["replaced"]) == ([old], None, [])
