"""`backup` and `restore` as a person and a script use them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memoria_tui.cli import main
from memoria_tui.cli.terminal import Terminal
from services.backup.restore_run import Marker
from tests.services.edge_here import services_here
from tests.services.memory_world import quick_folder
from tests.services.servers import query


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def runner(home: Path, url: str) -> Callable[..., Ran]:
    """Runs commands on the stores of one home."""

    def run(*arguments: str | Path) -> Ran:
        environment = {"MEMORIA_HOME": str(home), "MEMORIA_DATABASE_URL": url}
        terminal = Terminal(environment, io.BytesIO(), io.StringIO(), io.StringIO(), open_services=services_here)
        status = main([str(argument) for argument in arguments], terminal)
        return Ran(status, terminal.stdout.getvalue(), terminal.stderr.getvalue())  # type: ignore[attr-defined]

    return run


def test_a_backup_is_made_looked_at_and_restored(postgres_url: str, empty_url: str) -> None:
    with quick_folder() as name:
        here, there = runner(Path(name, "here"), postgres_url), runner(Path(name, "there"), empty_url)
        here("add", "kept in a backup")
        told = here("backup")
        backups = Path(name, "here", "backups")
        looked = there("restore", backups, "--dry-run", "--json").json
        restored = there("restore", backups, "--json").json
        acts = there("history")
        only_there = there("add", "only there").out.strip()
        refused = there("restore", backups, "--replace")
        replaced = there("restore", looked["file"], "--replace", "--yes", "--json").json
        again = there("restore", looked["file"], "--replace", "--yes")
        from_trash = there("restore", only_there[:8])
        made = there("backup", Path(name, "other"), "--keep", "1", "--json").json
        wrong = there("restore", "--merge", "deadbeef")
        missing = there("restore", Path(name, "nowhere.tar"))

    assert (told.status, told.err) == (0, "")
    assert "1 memory, 1 change · " in told.out
    assert "records/s" in told.out
    assert (looked["empty"], looked["differences"]["memories"]["new"]) == (True, 1)
    assert acts.err == (
        "nothing was changed here yet; `memoria-tui history ID` shows what a restore or an import brought of a memory\n"
    )
    assert restored["restored"] == {"changes": 1, "memories": 1}
    assert "only here, deleted" in refused.out
    assert "--replace replaces what is here: add --yes where nobody can be asked" in refused.err
    assert refused.status == 1
    assert Path(replaced["safety_backup"]).parent == Path(name, "there", "backups")
    assert "nothing changed, all of the backup is here already: nothing to undo" in again.out
    assert from_trash.out == "1 restored\n"
    assert made["counts"]["memories"] == 2
    assert {"bytes", "seconds", "records_per_second", "sha256"} <= made.keys()
    assert (wrong.status, "is no backup" in wrong.err) == (2, True)
    assert (missing.status, missing.err.endswith("there is no such file\n")) == (1, True)


def test_a_restore_that_was_begun_is_finished_or_undone(postgres_url: str, empty_url: str) -> None:
    with quick_folder() as name:
        here, there = runner(Path(name, "here"), postgres_url), runner(Path(name, "there"), empty_url)
        here("add", "kept in a backup")
        backup = here("backup", "--json").json
        there("add", "only there")
        none_begun = [there("restore", how) for how in ("--resume", "--undo")]

        def begin() -> None:
            group = "a5e1a6d0-0000-4000-8000-000000000001"
            marker = Marker(backup["file"], backup["sha256"], "merge", group, "2026-11-20T12:00:00+00:00")
            query(empty_url, "INSERT INTO memoria_tui.unfinished_restore (note) VALUES (%s)", marker.as_text())

        begin()
        told = there("search", "kept")
        undone = there("restore", "--undo")
        after_undo = there("search", "kept", "--json").json
        begin()
        finished = there("restore", "--resume", "--json")
        after = there("search", "kept", "--json").json

    assert [(one.status, "no restore was begun" in one.err) for one in none_begun] == [(1, True)] * 2
    assert "`memoria-tui restore --resume`" in told.err
    assert (undone.status, undone.out.startswith("the restore was undone")) == (0, True)
    assert "kept in a backup" not in [hit["content"] for hit in after_undo["hits"]]
    assert finished.json["restored"]["memories"] == 1
    assert "kept in a backup" in [hit["content"] for hit in after["hits"]]
