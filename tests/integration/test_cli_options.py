"""Options before a command, what the shell completes, and the manual page."""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer

from memoria_tui.cli import main
from memoria_tui.cli.completing import _offered
from memoria_tui.cli.program import _ALONE, _part, program
from memoria_tui.cli.terminal import Terminal
from memoria_tui.command_server.client import place
from memoria_tui.command_server.waiting_process import Rehearsed
from memoria_tui.home_option import taken
from services.settings import load_settings
from tests.integration.test_cli import Ran, Run, run

__all__ = ["run"]


@pytest.mark.parametrize(
    ("arguments", "rest", "variables"),
    [
        (["--demo", "search", "x"], ["search", "x"], {"MEMORIA_DEMO": "true"}),
        (["--home", "/a", "--demo"], [], {"MEMORIA_HOME": "/a", "MEMORIA_DEMO": "true"}),
        (["--home=/a/../b", "list"], ["list"], {"MEMORIA_HOME": "/b"}),
        (["search", "--home", "/a"], ["search", "--home", "/a"], {}),
        (["--home"], ["--home"], {}),
        (["--home="], ["--home="], {}),
    ],
)
def test_what_stands_before_a_command_chooses_its_stores(
    arguments: list[str], rest: list[str], variables: dict[str, str]
) -> None:
    assert taken(arguments) == (rest, variables)


def test_the_demo_has_embedded_stores_beside_the_home_whatever_servers_are_set(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[services]\nqdrant_host = "q"\ndatabase_url = "postgresql://h/d"\n')
    environment = {"MEMORIA_HOME": str(tmp_path / "mine"), "MEMORIA_DEMO": "yes", "MEMORIA_OLLAMA_HOST": "http://o"}
    settings = load_settings(environment, file)
    assert settings.home == tmp_path / "mine-demo"
    assert (settings.qdrant_host, settings.database_url, settings.ollama_host, settings.backup_keep) == (
        None, None, None, 0,
    )  # fmt: skip
    assert place(environment) == str(settings.home / "daemon")  # type: ignore[arg-type]


@pytest.mark.parametrize("home", [".", "/", "..", "~", "a/.", "a/"])
def test_the_demo_is_beside_a_home_of_any_name(home: str) -> None:
    environment = {"MEMORIA_HOME": home, "MEMORIA_DEMO": "1"}
    beside = Path(f"{os.path.abspath(os.path.expanduser(home))}-demo")
    assert load_settings(environment).home == beside
    assert place(environment) == str(beside / "daemon")  # type: ignore[arg-type]


def test_a_command_has_the_home_that_is_given(run: Run, tmp_path: Path) -> None:
    shown = run("--home", tmp_path / "other", "config", "show", "--json").json
    assert shown["services"]["home"] == str(tmp_path / "other")


@pytest.mark.parametrize("option", ["--demo", "--home"])
def test_an_option_of_all_commands_behind_one_of_them_says_where_it_goes(run: Run, option: str) -> None:
    refused = run("search", "x", option)
    assert refused.status == 2
    assert refused.complaint.startswith(f"{option} goes before the command: memoria-tui {option} …")


def completed(run: Run, monkeypatch: pytest.MonkeyPatch, line: str, shell: str = "bash") -> list[str]:
    words = line.split("\n" if "\n" in line else " ")
    variables = {"_MEMORIA_TUI_COMPLETE": f"complete_{shell}", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    variables |= {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    written = io.StringIO()
    with monkeypatch.context() as patched:
        for name, value in variables.items():  # typer reads them from the process
            patched.setenv(name, value)
        patched.setattr("sys.stdout", written)
        run(**variables)
    return written.getvalue().splitlines()


def in_zsh(offered: list[str]) -> list[str]:
    """The values of what zsh is to evaluate: once as arguments of `_arguments`, then as words of a list."""
    _, listed = shlex.split(" ".join(offered))
    words = shlex.split(listed.removeprefix("*: :((").removesuffix("))"))
    return [re.split(r"(?<!\\):", word)[0].replace("\\:", ":") for word in words]


def test_the_shell_completes_ids_names_and_queries_once_and_in_any_case(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = run("add", "A text", "--tag", "auth", "--tag", "two words", "-p", "api", "--json").json["id"]
    for begun in ("tag:t", 'tag:\\"two'):
        assert completed(run, monkeypatch, f"memoria-tui list {begun}") == ['tag:\\"two\\ words\\"']
    assert completed(run, monkeypatch, "memoria-tui list tag:t", "fish") == ['tag:"two words"']
    for line, given in (("list tag:t", 'tag:"two words"'), ("tags delete t", "two words")):
        assert in_zsh(completed(run, monkeypatch, f"memoria-tui {line}", "zsh")) == [given]
    assert completed(run, monkeypatch, "memoria-tui work report last") == ["last-week", "last-month", "last-year"]
    run("work", "start", "x", "--client", "Acme Corp")
    assert completed(run, monkeypatch, "memoria-tui show ") == [memory[:8]]
    assert completed(run, monkeypatch, f"memoria-tui show {memory[:10]}") == [memory]
    assert completed(run, monkeypatch, "memoria-tui tag -t a") == ["auth"]
    assert completed(run, monkeypatch, "memoria-tui tags delete t") == ["two\\ words"]
    assert completed(run, monkeypatch, "memoria-tui set -p ") == ["api"]
    for begun in ("A", "ac", "Acme\\ co"):
        assert completed(run, monkeypatch, f"memoria-tui\nwork\nstart\nx\n-c\n{begun}") == ["Acme\\ Corp"]
    assert completed(run, monkeypatch, 'memoria-tui\nwork\nclients\nterms\n"ac') == ["Acme Corp"]
    run("work", "clients", "create", "Other")
    for client in ("Acme Corp", "Other"):
        run("work", "projects", "create", "portal", "--client", client)
    assert completed(run, monkeypatch, "memoria-tui work projects rename por") == ["portal"]
    assert completed(run, monkeypatch, "memoria-tui work clients terms o") == ["Other"]
    (session,) = run("work", "status", "--json").json["sessions"]
    assert completed(run, monkeypatch, "memoria-tui work stop ") == [session["id"][:8]]
    assert completed(run, monkeypatch, "memoria-tui edit x --tags auth,t") == ["auth,two\\ words"]
    assert completed(run, monkeypatch, "memoria-tui list tag:a", "fish") == ["tag:auth"]
    assert completed(run, monkeypatch, "memoria-tui list tag : a") == ["auth"]
    run("delete", memory)
    for command in ("restore", "trash restore", "purge", "history"):
        assert completed(run, monkeypatch, f"memoria-tui {command} ") == [memory[:8]]
    assert run("undo", "--list", "--json").json[0]["id"][:8] in completed(run, monkeypatch, "memoria-tui undo ")


TYPED_FREELY = {
    *("TEXT", "TEXT|-", "[TEXT|-]", "DESCRIPTION", "NEW", "BRANCH", "OWNER/NAME", "URL", "HOST", "ADDRESS"),
    *("TIME", "DAY", "DAYS", "MONTH", "WHEN", "PAUSE", "HOURS", "RATE", "ROUNDING", "N", "NUMBER", "FIELD=NAME"),
    *("DIR", "[DIR]", "FILE", "FILE…", "FOLDER|FILE", "TARGET"),
}
"""What is neither one of those that there are nor a choice; files are completed by the shells."""
NEW_NAMES = {"token create", "work clients create", "work projects create"}


def uncompleted(command: Any, path: str = "") -> Iterator[str]:
    """The arguments and options below a command that name something, and are not completed."""
    for one in command.params:
        kind = one.type_descriptor
        is_text = kind.annotation in (str, list[str], Path, list[Path])
        free = one.metavar in TYPED_FREELY or (one.metavar == "NAME" and path in NEW_NAMES and one.opts == ["name"])
        if is_text and not (one._custom_shell_complete or free):
            yield f"{path} {one.opts[0]}"
    for name, below in getattr(command, "commands", {}).items():
        yield from uncompleted(below, f"{path} {name}".strip())


def test_whatever_names_one_of_those_that_there_are_is_completed() -> None:
    assert [*uncompleted(program())] == []


def test_a_store_that_is_not_there_is_not_made_by_completing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def alone(**variables: str) -> Ran:
        environment = {"MEMORIA_HOME": str(tmp_path / "none"), **settings, **variables}
        complaints = io.StringIO()
        status = main([], Terminal(environment, io.BytesIO(), io.StringIO(), complaints))
        assert complaints.getvalue() == ""
        return Ran(status, "", "")

    settings: dict[str, str] = {}
    assert completed(alone, monkeypatch, "memoria-tui show ") == [""]
    settings["MEMORIA_LINGER"] = "no number"
    assert completed(alone, monkeypatch, "memoria-tui show ") == [""]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["a;b", 'a\\"; touch x; "', "$(x)", "`x`", "a\nb", "[red]", "-rf", "a'b", "*", "a|b"])
def test_no_name_or_title_that_others_wrote_is_run_by_a_shell_that_completes(name: str) -> None:
    assert _offered([(name, "")], "", str) == []
    ((_, about),) = _offered([("good", name)], "", str)
    assert not set(about) & set(";\\\"'$()`\n[]*|&<>")


def test_the_manual_page_has_every_command_and_can_be_read(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "memoria-tui.1"
    page.write_text(run("man").out)
    for name in program().commands:  # type: ignore[attr-defined]
        assert f"\n.SS {name}".replace("-", "\\-") in page.read_text()
    assert "MEMORIA_HOME" in page.read_text()
    if groff := shutil.which("groff"):
        read = subprocess.run([groff, "-man", "-Tutf8", "-ww", page], capture_output=True, text=True, check=True)
        assert read.stderr == ""
        assert "memoria‐tui" in read.stdout or "memoria-tui" in read.stdout


@pytest.mark.parametrize("module", sorted(set(_ALONE.values())))
def test_a_part_of_the_command_line_is_as_that_of_all_of_it(module: str) -> None:
    part, whole = typer.main.get_command(_part(module)), program()
    words = [word for word, found in _ALONE.items() if found == module]
    assert [_described(part.commands[word]) for word in words] == [_described(whole.commands[word]) for word in words]  # type: ignore[attr-defined]
    assert [one.opts for one in part.params] == [one.opts for one in whole.params]  # type: ignore[attr-defined]


def _described(command: object) -> object:
    """A command, or a group of them, with the options."""
    inside = getattr(command, "commands", {})
    options = [(one.name, one.opts, one.nargs) for one in command.params]  # type: ignore[attr-defined]
    return command.help, options, {name: _described(one) for name, one in inside.items()}  # type: ignore[attr-defined]


def _opens_nothing(*_: object, **__: object) -> NoReturn:
    raise AssertionError("a store is opened")


@pytest.mark.parametrize(
    "arguments",
    [
        ["search"],
        ["list", "--limit", "0"],
        ["delete"],
        ["delete", "a", "--query", "b"],
        ["delete", "--query", " "],
        ["tag", "a"],
        ["tag", "--add-tag", "b"],
        ["set", "a"],
        ["set", "--importance", "1"],
        ["confirm", '""'],
        ["inbox", "keep"],
        ["backup", "--daily", "--keep", "1"],
        ["lifetimes", "--days", "3"],
        ["lifetimes", "--tag", "a", "--type", "semantic"],
        ["work", "start"],
        ["purge"],
    ],
)
def test_what_is_wrong_with_options_is_said_before_a_store_is_opened(tmp_path: Path, arguments: list[str]) -> None:
    terminal = Terminal(
        {"MEMORIA_HOME": str(tmp_path / "home")},
        io.BytesIO(),
        io.StringIO(),
        io.StringIO(),
        open_services=_opens_nothing,
    )
    assert main(arguments, terminal) in (1, 2)
    assert "this should not have happened" not in terminal.stderr.getvalue()  # type: ignore[attr-defined]
    assert not (tmp_path / "home").exists()


def test_a_command_that_is_waited_for_imports_no_other_group_and_no_pydantic_unless_its_options_need_that() -> None:
    code = """
import io, sys
from memoria_tui.cli import main
from memoria_tui.command_server.waiting_process import Rehearsed
for command in (["search", "two", "words", "--json"], ["show", "abc"], ["add", "a text", "--tag", "old"]):
    assert main(command, Rehearsed({}, io.BytesIO(), io.StringIO(), sys.stderr)) == 1
assert not {"pydantic", "memoria_tui.cli.transfer", "memoria_tui.cli.work"} & set(sys.modules)
assert main(["search", "words", "-n", "0"], Rehearsed({}, io.BytesIO(), io.StringIO(), sys.stderr)) == 2
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("arguments", [["search", "x"], ["list"], ["doctor"], ["work", "status"], ["mcp"]])
def test_a_command_that_is_tried_opens_nothing(arguments: list[str]) -> None:
    tried = Rehearsed({}, io.BytesIO(), io.StringIO(), io.StringIO(), open_services=_opens_nothing)
    assert main(arguments, tried) == 1
    assert "stores" in tried.stderr.getvalue()  # type: ignore[attr-defined]
