"""Connects the programs of agents: writes the start of `memoria-tui mcp` into their configuration, and takes it out."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memoria_tui.cli.terminal import terminal_of
from memoria_tui.cli.with_services import Json, only_one
from services.errors import InvalidInput
from services.file_locks import only_writer
from services.files import write_file
from services.settings import VARIABLES

if TYPE_CHECKING:
    pass

commands = typer.Typer()

_NAME = "memoria"
"""What the clients call the server."""
_SECRET = {VARIABLES[name] for name in ("database_url", "qdrant_host", "qdrant_api_key", "ollama_host")}
"""Variables in which passwords and keys can be."""
_OURS = frozenset(VARIABLES.values())
_TABLE = re.compile(
    r"^[ \t]*\[mcp_servers\.memoria(?:\.[^\]\n]*)?\][^\n]*\n(?:(?![ \t]*[\[#])[^\n]*(?:\n|\Z))*", re.MULTILINE
)
"""The tables of the server in TOML, each up to the next one, or a comment on it."""
_FIRST_INDENT = re.compile(r"\n([ \t]+)\S")


class ClientName(StrEnum):
    CLAUDE_CODE = "claude-code"
    CLAUDE_DESKTOP = "claude-desktop"
    CODEX = "codex"
    CURSOR = "cursor"
    VSCODE = "vscode"
    ZED = "zed"
    GEMINI_CLI = "gemini-cli"
    OPENCODE = "opencode"


Entry = dict[str, object]
Start = tuple[str, list[str], dict[str, str]]
"""Program, arguments, environment."""


def _plain(start: Start) -> Entry:
    command, arguments, environment = start
    return {"command": command, "args": arguments, **({"env": environment} if environment else {})}


def _stdio(start: Start) -> Entry:
    return {"type": "stdio", **_plain(start)}


def _of_opencode(start: Start) -> Entry:
    command, arguments, environment = start
    extra = {"environment": environment} if environment else {}
    return {"type": "local", "command": [command, *arguments], "enabled": True, **extra}


@dataclass(frozen=True, slots=True)
class Client:
    """Where a client keeps its servers, and how it writes one down."""

    file: str
    """Below the home folder; `{config}` is the platform's folder of configuration, `{xdg}` that of Unix."""
    key: str
    entry: Callable[[Start], Entry] = _plain


CLIENTS: Mapping[ClientName, Client] = {
    ClientName.CLAUDE_CODE: Client(".claude.json", "mcpServers", _stdio),
    ClientName.CLAUDE_DESKTOP: Client("{config}/Claude/claude_desktop_config.json", "mcpServers"),
    ClientName.CODEX: Client(".codex/config.toml", "mcp_servers"),
    ClientName.CURSOR: Client(".cursor/mcp.json", "mcpServers"),
    ClientName.VSCODE: Client("{config}/Code/User/mcp.json", "servers", _stdio),
    ClientName.ZED: Client("{xdg}/zed/settings.json", "context_servers"),
    ClientName.GEMINI_CLI: Client(".gemini/settings.json", "mcpServers"),
    ClientName.OPENCODE: Client("{xdg}/opencode/opencode.json", "mcp", _of_opencode),
}


@commands.command()
def connect(
    context: typer.Context,
    client: Annotated[ClientName, typer.Argument(help="The agent's program.")],
    write: Annotated[bool, typer.Option("--write", help="Write it; the file before is kept beside it.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take it out again; the file before is kept.")] = False,
    as_json: Json = False,
) -> None:
    """Connect an agent's program: say what its configuration needs for `memoria-tui mcp`, or write it there.

    Variables of memoria-tui that are set now go along.
    """
    only_one({"--write": write, "--remove": remove})
    terminal, known = terminal_of(context), CLIENTS[client]
    start = _start(terminal.environment)
    path = _path(known, terminal.environment)
    is_toml = path.suffix == ".toml"
    entry = known.entry(start)
    snippet = _toml_of(known.key, entry) if is_toml else _json_of({known.key: {_NAME: entry}}, "  ")
    with only_writer(path) if (write or remove) and path.parent.is_dir() else nullcontext():
        before = _read(path)
        try:
            after = _changed(before, _toml if is_toml else _json, known.key, None if remove else entry, path)
        except InvalidInput:
            if not remove and not as_json:
                terminal.print_text(snippet)
            raise
        done = after != before and (write or remove)
        kept = _save(path, before, after) if done else None
    closed = [one for one in (path, kept) if one and write and _SECRET & start[2].keys() and _close(one)]
    if as_json:
        terminal.print_json({"file": str(path), "entry": entry, "written": done, "backup": kept and str(kept)})
        return
    terminal.print(_summary_line(path, remove=remove, done=done, same=after == before, kept=kept))
    if closed:
        terminal.info(f"made private, for passwords may be in the variables: {', '.join(map(str, closed))}")
    if not write and not remove:
        terminal.print_text(snippet)


def _summary_line(path: Path, *, remove: bool, done: bool, same: bool, kept: Path | None) -> str:
    if done:
        restart = "removed" if remove else "written; start the client again"
        return f"{path}: {restart}" + (f" · before: {kept}" if kept else "")
    if same:
        return f"{path}: {'is not connected' if remove else 'is connected already'}; nothing was written"
    return f"{path} needs this; --write adds it:"


def _path(client: Client, environment: Mapping[str, str]) -> Path:
    home = Path(environment.get("HOME") or Path.home())
    given = environment.get("XDG_CONFIG_HOME", "")
    xdg = given if os.path.isabs(given) else ".config"
    config = "Library/Application Support" if sys.platform == "darwin" else xdg
    return home / client.file.format(config=config, xdg=xdg)


def _start(environment: Mapping[str, str]) -> Start:
    """The program by its whole path: clients have another PATH."""
    own = Path(sys.executable).with_name("memoria-tui")
    found = str(own) if own.exists() else shutil.which("memoria-tui")
    given = {name: environment[name] for name in VARIABLES.values() if environment.get(name)}
    return (found, ["mcp"], given) if found else (sys.executable, ["-m", "memoria_tui", "mcp"], given)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}; nothing was written") from error


Edit = Callable[[str, str, Entry | None, Path], str]


def _changed(before: str, edit: Edit, key: str, entry: Entry | None, path: Path) -> str:
    """The text after an edit, with the mark at its beginning and the ends of lines that it had."""
    mark = "\ufeff" if before.startswith("\ufeff") else ""
    text = before.removeprefix(mark).replace("\r\n", "\n")
    after = edit(text, key, entry, path)
    return before if after == text else mark + (after.replace("\n", "\r\n") if "\r\n" in before else after)


def _merged(old: object, entry: Entry) -> Entry:
    """The entry, with what somebody added to the one before, in the environment too; our variables are those of now."""
    if not isinstance(old, dict):
        return entry
    return {
        **{name: _merged(one, {}) if isinstance(one, dict) else one for name, one in old.items() if name not in _OURS},
        **{name: _merged(old.get(name), one) if isinstance(one, dict) else one for name, one in entry.items()},
    }


def _json(before: str, key: str, entry: Entry | None, path: Path) -> str:
    """The text with the entry, or without one; the rest stays as it is."""
    try:
        whole: Any = json.loads(before) if before.strip() else {}
    except ValueError as error:
        raise InvalidInput(f"{path} is no plain JSON, perhaps for its comments: {error}; change it by hand") from error
    servers = whole.get(key, {}) if isinstance(whole, dict) else None
    if not isinstance(servers, dict):
        raise InvalidInput(f"{path} is not as expected: {key} is no object; add it by hand")
    if entry is not None:
        entry = _merged(servers.get(_NAME), entry)
    if servers.get(_NAME) == entry:
        return before
    others = {name: one for name, one in servers.items() if name != _NAME or entry is not None}
    indent = _FIRST_INDENT.search(before)
    return _json_of(whole | {key: others | ({_NAME: entry} if entry else {})}, indent[1] if indent else "  ") + "\n"


def _json_of(value: object, indent: str | None) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False)


def _toml(before: str, key: str, entry: Entry | None, path: Path) -> str:
    """As `_json`. Raises InvalidInput unless just the server differs afterwards."""
    try:
        was = tomllib.loads(before)
        servers = was.get(key, {})
        old = servers.get(_NAME)
        if entry is not None:
            entry = _merged(old, entry)
        if old == entry:
            return before
        if entry is None:
            text = _TABLE.sub("", before)
        elif old is None:
            text = f"{before.rstrip()}\n\n{_toml_of(key, entry)}\n".lstrip()
        else:
            text = _with_values(before, f"{key}.{_NAME}", entry)
        now = tomllib.loads(text)
        others = [{name: one for name, one in all_.get(key, {}).items() if name != _NAME} for all_ in (was, now)]
        same = others[0] == others[1] and {**was, key: None} == {**now, key: None}
        if not same or now.get(key, {}).get(_NAME) != entry:
            raise ValueError(f"{key}.{_NAME} stands there in another way")
    except (ValueError, AttributeError) as error:
        raise InvalidInput(f"{path} is not as expected: {error}; change it by hand") from error
    return text


def _with_values(text: str, table: str, entry: Entry) -> str:
    """The text with these values in a table that is there; its other lines stay."""
    found = re.search(rf"^[ \t]*\[{re.escape(table)}\][^\n]*(?:\n|\Z)", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"{table} stands there in another way")
    end = re.compile(r"^[ \t]*\[", re.MULTILINE).search(text, found.end())
    stop = end.start() if end else len(text)
    lines = text[found.end() : stop].splitlines(keepends=True)
    lines = [line for line in lines if (name := line.partition("=")[0].strip()) not in _OURS or name in entry]
    apart = ""
    for name, value in entry.items():
        place = next(
            (number for number, line in enumerate(lines) if re.match(rf"[ \t]*{re.escape(name)}[ \t]*=", line)), None
        )
        if place is None and isinstance(value, dict):
            if re.search(rf"^[ \t]*\[{re.escape(f'{table}.{name}')}\]", text, re.MULTILINE):
                apart = name
            else:
                lines += [
                    "\n",
                    f"[{table}.{name}]\n",
                    *(f"{one} = {_json_of(of, None)}\n" for one, of in value.items()),
                ]
            continue
        place, size = (0, 0) if place is None else (place, _lines_of_value(lines[place:]))
        if size and tomllib.loads("".join(lines[place : place + size]))[name] == value:
            continue
        said = (
            ", ".join(f"{one} = {_json_of(of, None)}" for one, of in value.items()) if isinstance(value, dict) else ""
        )
        line = f"{name} = {{ {said} }}\n" if said else f"{name} = {_json_of(value, None)}\n"
        lines[place : place + size] = [line]
    text = text[: found.start()] + found[0].rstrip("\n") + "\n" + "".join(lines) + text[stop:]
    inner = entry.get(apart)
    return _with_values(text, f"{table}.{apart}", inner) if isinstance(inner, dict) else text


def _lines_of_value(lines: Sequence[str]) -> int:
    """How many lines the first value takes."""
    for size in range(1, len(lines) + 1):
        with suppress(tomllib.TOMLDecodeError):
            tomllib.loads("".join(lines[:size]))
            return size
    return 1


def _toml_of(key: str, entry: Entry) -> str:
    """JSON writes texts and lists as TOML reads them."""
    tables = {"": {name: one for name, one in entry.items() if not isinstance(one, dict)}}
    tables |= {f".{name}": one for name, one in entry.items() if isinstance(one, dict)}
    return "\n\n".join(
        "\n".join([f"[{key}.{_NAME}{name}]", *(f"{one} = {_json_of(value, None)}" for one, value in table.items())])
        for name, table in tables.items()
    )


def _save(path: Path, before: str, after: str) -> Path | None:
    """Writes the file; gives the copy of the one before, None where there was none."""
    from services.ports import machine_clock

    path.parent.mkdir(parents=True, exist_ok=True)
    kept = None
    if before:
        kept = path.with_name(f"{path.name}.before-{machine_clock():%Y%m%d-%H%M%S-%f}")
        shutil.copy2(path, kept)
    write_file(path, after)
    if kept is not None:
        os.chmod(path, kept.stat().st_mode & 0o777)
    return kept


def _close(path: Path) -> bool:
    """Lets nobody else of the machine read the file; whether others could."""
    mode = path.stat().st_mode & 0o777
    path.chmod(mode & 0o700)
    return mode & 0o077 != 0
