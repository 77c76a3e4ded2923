"""The commands about `config.toml`: where it is, what holds, a file to begin with, the ids of keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from memoria_tui.cli.terminal import terminal_of
from memoria_tui.cli.with_services import Json
from services.errors import InvalidInput
from services.settings import VARIABLES

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from memoria_tui.user_files.config import Config

commands = typer.Typer(help="The file of settings, and the ids of keys.")

_SECRETS = ("qdrant_api_key", "database_url")


@commands.command()
def path(context: typer.Context) -> None:
    """Print where the file of settings is, or would be."""
    terminal = terminal_of(context)
    terminal.print_text(str(terminal.config_file))


@commands.command()
def show(context: typer.Context, as_json: Json = False) -> int:
    """Print what holds, of the file and of the environment; says what is wrong, and ends with 1 then."""
    from memoria_tui.user_files.config import load_config

    terminal = terminal_of(context)
    config = load_config(terminal.config_file, terminal.environment)
    problems = problems_of(config)
    try:
        services = _services(terminal)
    except InvalidInput as error:
        services, told = {}, str(error)
        problems = (*(one for one in problems if not one.startswith(told)), told)
    holds = what_holds(config, services)
    if as_json:
        terminal.print_json({"file": str(terminal.config_file), **holds, "problems": list(problems)})
    else:
        terminal.print_text(f"# {terminal.config_file}{'' if terminal.config_file.exists() else ' (there is none)'}")
        for name, value in holds.items():
            lines = [f"\n[{name}]", *map(_line, value.items())] if isinstance(value, dict) else [_line((name, value))]
            terminal.print_text("\n".join(lines))
        for problem in problems:
            terminal.error(problem)
    return 1 if problems else 0


def problems_of(config: Config) -> tuple[str, ...]:
    """One line for each thing of the file of settings that cannot be used."""
    from memoria_tui.modes.registry import wrong_mode

    wrong = [one for one in (_wrong_theme(config), wrong_mode(config.mode)) if one is not None]
    if config.keymap:
        from memoria_tui.keys.key_help import wrong_keys  # imports every screen

        wrong += wrong_keys(config.keymap)
    return (*config.problems, *(f"{config.file}: {line}" for line in wrong))


def _wrong_theme(config: Config) -> str | None:
    from memoria_tui.user_files.config import DEFAULT_THEME

    if config.theme == DEFAULT_THEME:
        return None
    from memoria_tui.themes import wrong_theme  # imports Textual

    return wrong_theme(config.theme)


def what_holds(config: Config, services: Mapping[str, str | None]) -> dict[str, object]:
    """What holds, by the names that the file of settings has at its top."""
    from memoria_tui.modes.registry import mode_of
    from memoria_tui.terminal.external_editor import editor_command
    from memoria_tui.user_files.config import DEFAULT_THEME
    from memoria_tui.user_files.views import plain_view

    return {
        "theme": config.theme if _wrong_theme(config) is None else DEFAULT_THEME,
        "mode": mode_of(config.mode).name,
        "editor": editor_command(config.editor),
        "keymap": dict(config.keymap),
        "views": {one.name: plain_view(one) for one in config.views},
        "services": dict(services),
    }


def _line(of: tuple[str, object]) -> str:
    name, value = of
    return f"{name} = {value or 'unset'}"


def _services(terminal: Terminal) -> dict[str, str | None]:
    """Those of the stores, without passwords. Raises InvalidInput."""
    values = {name: value for name, value in asdict(terminal.settings).items() if name in VARIABLES}
    hidden = {name: "set, not shown" for name in _SECRETS if values[name]}
    return {name: None if value is None else str(value) for name, value in {**values, **hidden}.items()}


@commands.command()
def init(context: typer.Context) -> None:
    """Write a file of settings to begin with, in which each one is explained; never over one that is there."""
    from memoria_tui.user_files.config import TEMPLATE
    from services.files import write_file

    terminal = terminal_of(context)
    file = terminal.config_file
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():  # a pipe would be written into
            raise FileExistsError
        write_file(file, TEMPLATE, replace=False)
    except FileExistsError as error:
        raise InvalidInput(f"{file} is there already: edit it, or move it away") from error
    except OSError as error:
        raise InvalidInput(f"{file} cannot be written: {error.strerror}") from error
    terminal.print_text(f"Wrote {file}")


@commands.command()
def keys(context: typer.Context, as_json: Json = False) -> None:
    """List the ids of all keys, for [keymap], with the keys that they have and what these do."""
    from memoria_tui.keys.key_help import all_keys
    from memoria_tui.keys.key_names import key_name
    from memoria_tui.user_files.config import load_config

    terminal = terminal_of(context)
    config = load_config(terminal.config_file, terminal.environment)
    for problem in problems_of(config):
        terminal.error(problem)
    keymap = config.keymap
    known = sorted(all_keys().items())
    named = {id_: " ".join(key_name(one.strip()) for one in keymap.get(id_, key.key).split(",")) for id_, key in known}
    if as_json:
        terminal.print_json([{"id": id_, "keys": named[id_], "what": key.tooltip} for id_, key in known])
    else:
        terminal.print_table(("id", "keys", "what"), [(id_, named[id_], key.tooltip) for id_, key in known])
