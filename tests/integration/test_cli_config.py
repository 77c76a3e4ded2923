"""The commands about the file of settings."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from memoria_tui.cli import main
from memoria_tui.cli.terminal import Terminal


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))  # platformdirs knows no other way
    return tmp_path / "memoria-tui" / "config.toml"


def run(*arguments: str, **variables: str) -> tuple[int, str, str]:
    terminal = Terminal({"MEMORIA_HOME": "/nowhere", **variables}, io.BytesIO(), io.StringIO(), io.StringIO())
    status = main(["config", *arguments], terminal)
    return status, terminal.stdout.getvalue(), terminal.stderr.getvalue()  # type: ignore[attr-defined]


def test_a_file_is_made_once_and_shown_with_what_holds_and_without_passwords(file: Path) -> None:
    assert run("path") == (0, f"{file}\n", "")
    assert run("init")[:2] == (0, f"Wrote {file}\n")
    assert "is there already" in run("init")[2]
    file.write_text(
        'theme = "nord"\n[keymap]\n"app.undo" = "f9"\n[views]\nlogs = {query = "timeout", mode = "keyword"}\n'
        '[services]\ndatabase_url = "postgresql://me:hush-hush@h/d"'
    )
    status, out, _ = run("show", "--json", MEMORIA_CHUNK_SIZE="900")
    shown = json.loads(out)
    assert (status, shown["theme"], shown["keymap"], shown["services"]["chunk_size"]) == (
        0, "nord", {"app.undo": "f9"}, "900"
    )  # fmt: skip
    assert shown["views"] == {"logs": {"query": "timeout", "mode": "keyword"}}
    assert "hush-hush" not in run("show")[1] + out


def test_a_pipe_in_the_place_of_the_file_is_neither_read_nor_written(file: Path) -> None:
    file.parent.mkdir()
    os.mkfifo(file)
    assert run("show")[::2] == (1, f"{file} is a pipe, a socket or a device, no file\n")
    assert "no file; the defaults are used" in run("keys")[2]
    assert "is there already" in run("init")[2]


def test_models_are_listed_and_none_is_fetched_without_a_yes(file: Path) -> None:
    terminal = Terminal({"MEMORIA_HOME": "/nowhere"}, io.BytesIO(), io.StringIO(), io.StringIO())
    assert main(["models", "--json"], terminal) == 0
    listed = json.loads(terminal.stdout.getvalue())  # type: ignore[attr-defined]
    assert {"English", "50 languages"} <= {one["languages"] for one in listed}
    assert main(["models", "download", "bge-small-en-v1.5"], terminal) == 1
    assert "nothing was fetched" in terminal.stderr.getvalue()  # type: ignore[attr-defined]


def test_what_is_wrong_is_said_and_keys_are_listed_as_they_are_set(file: Path) -> None:
    file.parent.mkdir()
    file.write_text(
        'colour = 1\ntheme = "nope"\nmode = "start"\n'
        '[keymap]\n"app.undo" = "nope"\n"app.redo" = "f8"\n"memories.new" = "e"'
    )
    status, _, said = run("show")
    assert status == 1
    assert all(part in said for part in ("'colour' is unknown", "'nope' is no key", "e is the key of memories.edit"))
    assert f"{file}: theme is 'nope'; it must be one of memoria-dark, memoria-light" in said
    assert f"{file}: mode is 'start'; it must be one of memories, inbox, graph, work, summary, health" in said
    holds = json.loads(run("show", "--json")[1])
    assert (holds["theme"], holds["mode"]) == ("memoria-dark", "memories")
    keys = {one["id"]: one["keys"] for one in json.loads(run("keys", "--json")[1])}
    assert (keys["app.undo"], keys["app.redo"], keys["work.stop"]) == ("u", "f8", "s")
