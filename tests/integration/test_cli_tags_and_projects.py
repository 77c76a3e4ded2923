"""Tags and projects on the command line."""

from __future__ import annotations

from tests.integration.test_cli import Run, run  # noqa: F401  # the fixture


def test_tags_are_listed_renamed_merged_and_deleted_with_a_preview_and_undo(run: Run) -> None:  # noqa: F811
    assert run("tags").out == "no memory has a tag\n"
    for text, tag in (("one", "auth"), ("two", "auth"), ("three", "Auths"), ("four", "old")):
        run("add", text, "--tag", tag, "--project", "api")
    listed = run("tags", "--json").json
    assert (listed["tags"][0], listed["similar"]) == ({"name": "auth", "memories": 2}, [["auth", "Auths"]])
    assert run("tags", "merge", "--similar", "--dry-run").out == (
        "Auths (1) → auth, which 2 have\n1 memory would change\n"
    )
    assert run("tags", "merge", "--similar").complaint == "nothing was changed: it would change 1 memory; add --yes"
    assert run("tags", "merge", "--similar", "--yes", "--json").json["changed"] == 1
    assert run("tags", "rename", "auth", "login", "--yes", "--json").json["changed"] == 3
    assert run("tags", "delete", "old", "login", "--yes", "--json").json["changed"] == 4
    assert run("undo", "--yes").status == 0
    assert run("tags", "rename", "none", "x", "--yes").complaint.startswith("no memory has the tag 'none'")
    assert run("tags", "merge", "a").status == 2
    assert run("projects", "rename", "api", "web", "--yes", "--json").json["changed"] == 4
    assert run("projects", "list", "--json").json["projects"] == [{"name": "web", "memories": 4}]
