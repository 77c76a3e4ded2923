"""Connecting agents' programs: their configuration gets one entry, and keeps all else."""

from __future__ import annotations

import io
import json
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memoria_tui.cli import main
from memoria_tui.cli.connect import CLIENTS, ClientName
from memoria_tui.cli.terminal import Terminal

Connect = Callable[..., tuple[int, str, str]]
URL = 'postgresql://me:p"ä@localhost/db'


@pytest.fixture
def connect(tmp_path: Path) -> Connect:
    """Runs the command with a home folder of its own; gives status, output and complaint."""

    def run(*arguments: str, **variables: str) -> tuple[int, str, str]:
        environment = {"HOME": str(tmp_path), "MEMORIA_HOME": str(tmp_path / "memoria"), **variables}
        terminal = Terminal(environment, io.BytesIO(), io.StringIO(), io.StringIO())
        status = main(["connect", *arguments], terminal)
        return status, terminal.stdout.getvalue(), terminal.stderr.getvalue()  # type: ignore[attr-defined]

    return run


def file_of(client: ClientName, home: Path) -> Path:
    return home / CLIENTS[client].file.format(config=".config", xdg=".config")


def read(path: Path) -> dict[str, Any]:
    text = path.read_text("utf-8")
    return tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)


def command_of(entry: dict[str, Any]) -> list[str]:
    command = entry["command"]
    return command if isinstance(command, list) else [command, *entry["args"]]


@pytest.mark.parametrize("client", ClientName)
def test_a_client_is_connected_shown_and_disconnected(connect: Connect, tmp_path: Path, client: ClientName) -> None:
    path = file_of(client, tmp_path)
    status, shown, _ = connect(client, MEMORIA_DATABASE_URL=URL)
    assert status == 0
    assert not path.exists()
    text = shown.partition("\n")[2]
    status, out, _ = connect(client, "--write", MEMORIA_DATABASE_URL=URL)
    assert (status, "start the client again" in out) == (0, True)
    assert read(path) == (tomllib.loads(text) if path.suffix == ".toml" else json.loads(text))
    entry = read(path)[CLIENTS[client].key]["memoria"]
    assert command_of(entry)[-1] == "mcp"
    assert Path(command_of(entry)[0]).is_absolute()
    environment = entry["environment" if client is ClientName.OPENCODE else "env"]
    assert environment["MEMORIA_DATABASE_URL"] == URL
    before = path.read_text("utf-8")
    assert "is connected already" in connect(client, "--write", MEMORIA_DATABASE_URL=URL)[1]
    assert path.read_text("utf-8") == before
    assert "removed" in connect(client, "--remove")[1]
    assert "memoria" not in read(path).get(CLIENTS[client].key, {})
    assert "is not connected" in connect(client, "--remove")[1]


def test_all_else_in_a_json_file_stays_and_the_file_before_is_kept(connect: Connect, tmp_path: Path) -> None:
    path = tmp_path / ".claude.json"
    theirs = {"numStartups": 3, "mcpServers": {"other": {"command": "x"}}, "ü": [1]}
    path.write_text(json.dumps(theirs, indent=4, ensure_ascii=False), "utf-8")
    path.chmod(0o640)
    connect("claude-code", "--write")
    now = read(path)
    assert now.pop("mcpServers").pop("other") == {"command": "x"}
    assert now == {"numStartups": 3, "ü": [1]}
    assert path.read_text("utf-8").startswith('{\n    "numStartups"')
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    (kept,) = tmp_path.glob(".claude.json.before-*")
    assert json.loads(kept.read_text("utf-8")) == theirs
    connect("claude-code", "--remove")
    assert read(path) == theirs


def test_a_file_in_which_passwords_may_stand_is_closed_to_others(connect: Connect, tmp_path: Path) -> None:
    path = tmp_path / ".claude.json"
    path.write_text("{}", "utf-8")
    path.chmod(0o644)
    told = connect("claude-code", "--write", MEMORIA_DATABASE_URL=URL)[2]
    (kept,) = tmp_path.glob(".claude.json.before-*")
    assert f"made private, for passwords may be in the variables: {path}, {kept}" in told
    assert {stat.S_IMODE(one.stat().st_mode) for one in (path, kept)} == {0o600}
    assert connect("claude-code", "--write", MEMORIA_DATABASE_URL=URL)[2] == ""
    path.chmod(0o640)
    assert "made private" in connect("claude-code", "--write", MEMORIA_DATABASE_URL=URL)[2]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_all_else_in_a_toml_file_stays_with_its_comments(connect: Connect, tmp_path: Path) -> None:
    path = tmp_path / ".codex" / "config.toml"
    path.parent.mkdir()
    theirs = '# mine\nmodel = "x"\n\n[mcp_servers.other]\ncommand = "y"  # why\n\n[tui]\ntheme = "z"\n'
    path.write_text(theirs, "utf-8")
    connect("codex", "--write", MEMORIA_DATABASE_URL=URL)
    connect("codex", "--write", MEMORIA_ACTOR="ann")
    text = path.read_text("utf-8")
    assert "# mine" in text
    assert "# why" in text
    assert read(path)["mcp_servers"]["memoria"]["env"]["MEMORIA_ACTOR"] == "ann"
    assert "MEMORIA_DATABASE_URL" not in text
    path.write_text(text + "\n# of the next\n[next]\na = 1\n", "utf-8")
    connect("codex", "--remove")
    assert path.read_text("utf-8").split() == f"{theirs}# of the next [next] a = 1".split()


@pytest.mark.parametrize(
    ("client", "text"),
    [
        ("zed", '{\n  // a comment\n  "theme": "x"\n}'),
        ("cursor", "[]"),
        ("cursor", '{"mcpServers": []}'),
        ("codex", "not = [toml"),
        ("codex", 'mcp_servers = "x"'),
        ("codex", 'mcp_servers = { memoria = { command = "a" } }'),
    ],
)
def test_a_file_that_cannot_be_changed_safely_stays(connect: Connect, tmp_path: Path, client: str, text: str) -> None:
    path = file_of(ClientName(client), tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8")
    status, _, complaint = connect(client, "--write")
    assert (status, complaint.count("\n"), str(path) in complaint) == (1, 1, True)
    assert path.read_text("utf-8") == text
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_what_cannot_be_meant_is_refused(connect: Connect) -> None:
    assert connect("claude-code", "--write", "--remove")[0] == 2
    assert connect("emacs")[0] == 2


def test_what_somebody_added_to_the_entry_stays(connect: Connect, tmp_path: Path) -> None:
    path = file_of(ClientName.CODEX, tmp_path)
    path.parent.mkdir()
    path.write_text(
        '[mcp_servers.memoria]\n# slow machine\ncommand = "old"\nargs = [\n  "x",\n]\nstartup_timeout_sec = 40\n\n'
        '[mcp_servers.memoria.env]\nMINE = "1"  # mine\n\n[other]\na = 1\n'
    )
    assert connect("codex", "--write", MEMORIA_DATABASE_URL=URL)[0] == 0
    text, entry = path.read_text(), read(path)["mcp_servers"]["memoria"]
    assert (entry["args"], entry["startup_timeout_sec"]) == (["mcp"], 40)
    assert (entry["env"]["MINE"], entry["env"]["MEMORIA_DATABASE_URL"]) == ("1", URL)
    assert "# slow machine" in text
    assert "# mine" in text
    assert "connected already" in connect("codex", "--write", MEMORIA_DATABASE_URL=URL)[1]
    path = file_of(ClientName.CURSOR, tmp_path)
    path.parent.mkdir()
    path.write_text('{"mcpServers": {"memoria": {"command": "old", "disabled": true, "env": {"MINE": "1"}}}}')
    connect("cursor", "--write", MEMORIA_DATABASE_URL=URL)
    entry = read(path)["mcpServers"]["memoria"]
    assert (entry["disabled"], entry["env"]["MINE"], entry["args"]) == (True, "1", ["mcp"])


def test_ends_of_lines_and_a_mark_at_the_beginning_stay(connect: Connect, tmp_path: Path) -> None:
    for client, text in ((ClientName.CODEX, "a = 1\r\n"), (ClientName.CURSOR, '\ufeff{\r\n  "a": 1\r\n}\r\n')):
        path = file_of(client, tmp_path)
        path.parent.mkdir()
        path.write_bytes(text.encode())
        assert connect(client, "--write")[0] == 0
        written = path.read_bytes().decode()
        assert written[0] == text[0]
        assert written.count("\n") == written.count("\r\n") > 3
        assert "memoria" in written


def test_a_file_with_comments_is_left_and_what_it_needs_is_printed(connect: Connect, tmp_path: Path) -> None:
    path = file_of(ClientName.ZED, tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text('{\n  // mine\n  "a": 1\n}\n')
    for arguments in (("zed",), ("zed", "--write")):
        status, out, error = connect(*arguments)
        assert (status, "by hand" in error) == (1, True)
        assert json.loads(out)["context_servers"]["memoria"]["args"] == ["mcp"]
    assert "// mine" in path.read_text()


@pytest.mark.parametrize("client", [ClientName.ZED, ClientName.VSCODE, ClientName.OPENCODE])
def test_a_folder_of_configuration_that_is_set_is_used(connect: Connect, tmp_path: Path, client: ClientName) -> None:
    config = tmp_path / "elsewhere"
    assert connect(client, "--write", XDG_CONFIG_HOME=str(config))[0] == 0
    assert (config / file_of(client, tmp_path).relative_to(tmp_path / ".config")).exists()
