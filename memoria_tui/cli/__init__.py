"""The command line: `main` runs one command and gives its exit status, whatever happens."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from memoria_tui.cli.terminal import OutputClosed, Terminal
from memoria_tui.command_server.client import COMPLETING
from memoria_tui.home_option import taken
from services.errors import InvalidInput, Malformed, MemoriaError
from services.files import FULL, storage_error
from services.storable_text import quoted

if TYPE_CHECKING:
    from typer.exceptions import TyperException

_GONE = "the folder where you stand was deleted; change into another one, and do it again"
_TAKE_TEXT = ("memoria-tui add", "memoria-tui views save")
"""Commands of which one argument is a text."""
_SHOWN = 60
"""Characters of a value that was given, in a message of typer's."""
_ENDS = ("'", ")")
_LONG = re.compile(rf"'[^']{{{_SHOWN},}}'|(?<=argument\(s\) )\(.{{{_SHOWN},}}\)|\S{{{_SHOWN + 20},}}")
DONE, NOT_DONE, WRONG_USAGE, INTERRUPTED, OUTPUT_CLOSED = 0, 1, 2, 130, 141


def main(arguments: Sequence[str] | None = None, terminal: Terminal | None = None) -> int:
    """Runs a command. 0: done; 1: not done, one line on stderr says why; 2: what was typed is wrong; 130: interrupted.

    141, as a shell says of other tools: nobody read the output to its end.
    """
    logging.lastResort = logging.NullHandler()  # what is noted where no log is kept would be told a second time
    terminal = terminal or Terminal.of_process()
    rest, variables = taken(sys.argv[1:] if arguments is None else list(arguments))
    if variables:
        terminal = terminal.with_variables(variables)
    status = _status(rest, terminal)
    terminal.drop_unwritten()
    return status


def _status(arguments: Sequence[str], terminal: Terminal) -> int:
    try:
        status = _at_once(list(arguments), terminal)
        if status is None:
            status = _command(arguments, terminal)
        terminal.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except MemoriaError as error:
        from memoria_tui.user_files.program_log import refused

        refused(error)
        terminal.error(str(error))
        return WRONG_USAGE if isinstance(error, Malformed) else NOT_DONE
    except OutputClosed:
        return OUTPUT_CLOSED
    except Exception as error:
        terminal.error(_GONE if isinstance(error, FileNotFoundError) and _is_gone() else _recorded(error, terminal))
        return NOT_DONE
    return status


def _is_gone() -> bool:
    """Whether the folder where the person stands was deleted."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _at_once(arguments: list[str], terminal: Terminal) -> int | None:
    """What must be there in a moment does not wait for all the commands to be imported; None: it is something else."""
    if COMPLETING in terminal.environment:
        return None
    match arguments:
        case []:
            from memoria_tui.cli.open_app import open_app

            return open_app(terminal)
        case ["demo"]:
            from memoria_tui.cli.open_app import open_demo

            return open_demo(terminal, reset=False, as_json=False)
        case ["mcp"]:
            from memoria_tui.cli.agents_server import serve_mcp

            return serve_mcp(terminal)
        case ["work", "status", "--format", template]:
            from memoria_tui.cli.work_status import print_status

            return print_status(terminal, template, as_json=False)
    return None


def _command(arguments: Sequence[str], terminal: Terminal) -> int:
    from typer import Abort
    from typer.exceptions import TyperException

    from memoria_tui.cli.program import program

    for argument in arguments:
        _require_text(argument)
    part = program(arguments[0] if arguments and COMPLETING not in terminal.environment else "")
    try:
        status = part(arguments, prog_name="memoria-tui", obj=terminal, standalone_mode=False)
    except Abort:
        return INTERRUPTED
    except SystemExit as error:  # with a code other than 0 when nobody reads the help
        return OUTPUT_CLOSED if error.code else DONE
    except OSError as error:
        if error.errno not in FULL:
            raise
        if error.filename is not None:  # a stream has no name
            raise storage_error(error, Path(os.fsdecode(error.filename))) from error
        raise InvalidInput(f"standard output cannot be written: {error.strerror}") from error
    except TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else _command_path(part, arguments)
        message = _error_line(error)
        if (option := message.removeprefix("No such option: ")[:6]) in ("--demo", "--home") and option != message[:6]:
            message = f"{option} goes before the command: memoria-tui {option} …"
        if path in _TAKE_TEXT and message.startswith("Got unexpected extra argument"):
            message += "; put a text of several words in quotes"
        terminal.error(f"{message} · see: {path} --help")
        return WRONG_USAGE
    return status if isinstance(status, int) else DONE


def _command_path(part: object, arguments: Sequence[str]) -> str:
    """«memoria-tui work start»: the program with the commands that are named first."""
    path = ["memoria-tui"]
    for argument in arguments:
        if (part := getattr(part, "commands", {}).get(argument)) is None:
            break
        path.append(argument)
    return " ".join(path)


def _error_line(error: TyperException) -> str:
    """What is wrong with an option or argument, in one line."""
    from pydantic import ValidationError

    from memoria_tui.text.validation_messages import all_wanted

    if isinstance(wrong := error.__cause__, ValidationError):
        error.message = all_wanted(wrong.errors(include_url=False)).rstrip(".")
    line = " ".join(error.format_message().split())
    return _LONG.sub(lambda found: f"{found[0][:_SHOWN]}…{found[0][-1] if found[0][-1] in _ENDS else ''}", line)


def _require_text(argument: str) -> None:
    """Raises InvalidInput for bytes that are no text, unless they name a file."""
    try:
        argument.encode("utf-8")
    except UnicodeEncodeError as error:
        if not os.path.lexists(argument):
            shown = argument.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            raise Malformed(f"{quoted(shown)} is not UTF-8 (character {error.start + 1})") from error


def _recorded(error: Exception, terminal: Terminal) -> str:
    """Writes the traceback where it can be read later; gives the line for the person."""
    what = f"{type(error).__name__}: {error}"
    try:
        log = terminal.keep_log()
    except MemoriaError:
        return f"this should not have happened: {what}"
    logging.getLogger(__name__).critical("this should not have happened", exc_info=error)
    details = "" if log.failed else f" (details in {log.baseFilename})"
    return f"this should not have happened: {what}{details}"
