"""`man`: the manual page, made of the commands themselves, so that it is always that of the program that shows it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING

import typer

from memoria_tui.cli.terminal import terminal_of
from services.errors import InvalidInput

if TYPE_CHECKING:
    from typer.core import TyperCommand

commands = typer.Typer()

_NAME = "memoria-tui"
_STATUS = (
    ("0", "done"),
    ("1", "not done; one line on standard error says why and what to do"),
    ("2", "wrong usage, of a command or of the search operators"),
    ("130", "interrupted"),
    ("141", "nobody read the output to its end"),
)


@commands.command("man")
def man(context: typer.Context) -> None:
    """Show the manual page; into a pipe or a file, write it: memoria-tui man > memoria-tui.1"""
    terminal = terminal_of(context)
    page = "\n".join(_page(context.find_root().command)) + "\n"  # type: ignore[arg-type]  # the program is one
    if not (terminal.prints_to_person and terminal.is_single):
        terminal.write(page)
        return
    if (reader := shutil.which("man")) is None:
        raise InvalidInput("man is not installed here; see: memoria-tui --help, or write it: memoria-tui man > FILE")
    with tempfile.NamedTemporaryFile("w", suffix=".1", encoding="utf-8") as file:
        file.write(page)
        file.flush()
        subprocess.run([reader, file.name], check=False)


def _page(program: TyperCommand) -> Iterator[str]:
    """Lines of troff, in the macros of man(7)."""
    yield f'.TH MEMORIA\\-TUI 1 "" "{_NAME} {version(_NAME)}"'
    yield from (".SH NAME", f"{_text(_NAME)} \\- {_text((program.help or '').rstrip('.'))}")
    yield from (".SH SYNOPSIS", f".B {_text(_NAME)}", ".RI [ OPTIONS ]", ".RI [ COMMAND ]")
    yield from (".SH DESCRIPTION", "Without a command the program opens in the terminal; ? shows its keys there.")
    yield ".SH OPTIONS"
    yield from _options(program)
    yield ".SH COMMANDS"
    yield from _commands(program, "")
    yield ".SH SEARCH OPERATORS"
    yield from _operators()
    yield ".SH ENVIRONMENT"
    yield from _variables()
    yield ".SH EXIT STATUS"
    for status, meaning in _STATUS:
        yield from _item(status, meaning)


def _commands(group: TyperCommand, above: str) -> Iterator[str]:
    for name, command in sorted(getattr(group, "commands", {}).items()):
        if command.hidden:
            continue
        path = f"{above}{name}"
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        usage = " ".join([path, *(one.metavar or one.name.upper() for one in arguments)])
        yield from (f".SS {_text(usage)}", _text(" ".join((command.help or "").split())))
        for argument in arguments:
            if argument.help:
                yield from _item(argument.metavar or argument.name.upper(), argument.help)
        yield from _options(command)
        yield from _commands(command, f"{path} ")


def _options(command: TyperCommand) -> Iterator[str]:
    for one in command.params:
        if one.param_type_name == "option" and not getattr(one, "hidden", False):
            names = ", ".join((*one.opts, *one.secondary_opts))
            value = "" if getattr(one, "is_flag", False) else f" {one.metavar or str(one.name).upper()}"
            yield from _item(names + value, getattr(one, "help", None) or "")


def _operators() -> Iterator[str]:
    from services.search.query import operators

    for one in operators():
        yield from _item(f"{one.name}:", one.help)


def _variables() -> Iterator[str]:
    from services.settings import meanings

    yield "These set what memoria\\-tui config show prints, as the file of settings does, which they go before:"
    for names, meaning in meanings():
        yield from _item(", ".join(names), meaning)


def _item(term: str, text: str) -> Iterator[str]:
    yield from (".TP", f".B {_text(term)}", _text(text) or "\\&")


def _text(text: str) -> str:
    """As troff reads it: nothing is an escape, a request or a hyphen, and all of it is ASCII."""
    told = text.replace("\\", "\\e").replace("-", "\\-").replace("\n", " ")
    told = "".join(one if one.isascii() else f"\\[u{ord(one):04X}]" for one in told)
    return f"\\&{told}" if told.startswith((".", "'")) else told
