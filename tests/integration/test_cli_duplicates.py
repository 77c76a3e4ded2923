"""Near-identical memories on the command line."""

from __future__ import annotations

from tests.integration.test_cli import Run, run  # noqa: F401  # the fixture

TEXT = "The access token of the api lives for sixty seconds since the gateway was moved"


def test_duplicates_are_listed_merged_after_a_yes_and_come_back_by_undo(run: Run) -> None:  # noqa: F811
    assert run("duplicates").out == "no memory is nearly the same as another one\n"
    first = run("add", TEXT, "--importance", "0.9").out.strip()
    shorter = TEXT.replace("since the", "since")
    second = run("add", shorter)
    assert second.complaint.startswith(f"nearly the same as {first[:8]}")
    run("add", TEXT.replace("sixty", "ninety"))
    (group,) = run("duplicates", "--json").json["groups"]
    assert (group["kept"]["id"], [one["kind"] for one in group["others"]]) == (first, ["near"])
    assert run("duplicates").out.startswith(first[:8])
    assert run("duplicates", "--above", "0.99").out == "no memory is nearly the same as another one\n"
    planned = run("duplicates", "--apply", "--dry-run").out.splitlines()
    assert (planned[0], planned[1][:8]) == ("would merge 1 memory into 1:", first[:8])
    assert planned[3] == "      differs: −the"
    assert len(run("duplicates", "--apply", "--dry-run", "--json").json["groups"]) == 1
    refused = run("duplicates", "--apply", "--json")
    assert (refused.status, refused.complaint) == (1, "nothing was merged: 1 would go to the trash; add --yes")
    assert run("duplicates", "--apply", "--yes", "--json").json == {"merged": 1, "into": 1}
    assert run("duplicates", "--apply", "--yes").out == "nothing to merge\n"
    assert "merged 1 memory into 1" in run("undo", "--list").out
    assert run("undo", "--yes").status == 0
    assert run("show", second.out.strip(), "--json").json["content"] == shorter
