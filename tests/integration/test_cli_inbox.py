"""The inbox on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.test_cli import HOSTILE, Run, Screen, run  # noqa: F401  # the fixture


def imported(run: Run, folder: Path, *texts: str) -> None:  # noqa: F811
    file = folder / "some.jsonl"
    file.write_text("\n".join(json.dumps({"content": text, "type": "semantic"}) for text in texts))
    assert run("import", str(file)).status == 0


def test_what_waits_is_listed_kept_and_waits_again_after_undo(run: Run, tmp_path: Path) -> None:  # noqa: F811
    assert run("inbox").out == "nothing waits for your review\n"
    imported(run, tmp_path, "first", HOSTILE)
    run("add", "mine")
    listed = run("inbox", "--json").json
    ((group,), memories) = listed["groups"], listed["groups"][0]["memories"]
    assert (listed["total"], [one["change"] for one in memories], group["name"][:9]) == (2, ["new", "new"], "import by")
    shown = run("inbox", "-n", "1", out=Screen())
    assert shown.complaint == "showing 1 of 2; --limit shows more"
    assert shown.out.splitlines()[0].endswith(" · 1 of 2")
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(run("inbox", out=Screen()).out)
    first = memories[0]["id"]
    assert run("inbox", "keep", first[:8], "--json").json == {"reviewed": 1}
    assert run("inbox", "keep", first).complaint == f"no memory that waits for your review has the id {first}"
    assert run("inbox", "keep").status == run("inbox", "keep", first, "--all").status == 2
    assert [run("search", f"is:{one}", "--json").json["hits"] != [] for one in ("reviewed", "unreviewed")] == [True] * 2
    assert run("inbox", "keep", "--all", "--dry-run").out.startswith("would keep 1 memory as reviewed:\n")
    refused = run("inbox", "keep", "--all", "--json")
    assert (refused.status, refused.complaint) == (1, "nothing was reviewed: 1 memory found; add --yes")
    assert run("inbox", "keep", "--all", "--yes", "--json").json == {"reviewed": 1}
    assert run("inbox", "keep", "--all", "--yes").out == "nothing to review\n"
    assert run("undo", "--yes").status == 0
    assert run("inbox", "--by", "project", "--json").json["total"] == 1
