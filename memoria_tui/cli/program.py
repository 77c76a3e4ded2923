"""The whole command line: a file a group of commands, each with its options beside what it does."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memoria_tui.cli import agents_server, open_app
from memoria_tui.cli.plain_values import make_reader, read_plainly
from memoria_tui.cli.terminal import terminal_of
from memoria_tui.cli.with_services import Json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_UNNAMED = (
    *("memories", "bulk", "stats", "duplicates", "trust", "relations", "undo_and_history"),
    *("health", "backup", "transfer", "reembed", "connect", "man_page"),
)
"""Modules whose commands stand beside each other."""
_NAMED = {
    "trash": "trash",
    "inbox": "inbox",
    "tags": "tags_and_projects.tags",
    "projects": "tags_and_projects.projects",
    "views": "views",
    "config": "config",
    "models": "models",
    "sync": "sync",
    "db": "database",
    "token": "tokens",
    "work": "work",
}
"""Groups, with where their commands are."""
_ALONE = dict.fromkeys(("add", "edit", "list", "search", "show"), "memories") | {"work": "work"}
"""Commands and groups that are waited for most, with their module: to import the others takes longer than all else."""
_built: dict[str, Callable[..., object]] = {}


def program(word: str = "") -> Callable[..., object]:
    """The command line; for a command that begins with this word perhaps only the part that has it."""
    module = "" if "" in _built else _ALONE.get(word, "")
    if module not in _built:
        read_plainly()
        _built[module] = typer.main.get_command(_part(module) if module else complete())
    return _built[module]


def prepare() -> None:
    """Does ahead what any command needs to read its options."""
    commands: list[Any] = [program()]
    while commands:
        command = commands.pop()
        for parameter in command.params:
            make_reader(parameter)
        commands += getattr(command, "commands", {}).values()


def _root() -> typer.Typer:
    root = typer.Typer(
        help="Search, read, edit and link the long-term memories of AI agents, in the terminal.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    root.callback(invoke_without_command=True)(start)
    return root


def _part(module: str) -> typer.Typer:
    root = _root()
    root.add_typer(_commands(module), name="work" if module == "work" else None)
    return root


def complete() -> typer.Typer:
    """All of it, as Typer has it."""
    root = _root()
    beside = {"bulk": [import_module("memoria_tui.cli.trash").purge], "connect": [mcp, serve, web, demo]}
    for module in _UNNAMED:
        root.add_typer(_commands(module))
        if module in beside:
            root.add_typer(_group(beside[module]))
    for name, place in _NAMED.items():
        root.add_typer(_commands(place), name=name)
    return root


def _group(commands: Sequence[Callable[..., object]]) -> typer.Typer:
    """These alone: Typer lists those of a group in their order, and what stands above all groups first."""
    group = typer.Typer()
    for command in commands:
        group.command()(command)
    return group


@cache
def _commands(place: str) -> typer.Typer:
    """Those of a module, or of that name in it."""
    name, _, attribute = place.partition(".")
    found: typer.Typer = getattr(import_module(f"memoria_tui.cli.{name}"), attribute or "commands")
    if name == "work":
        from memoria_tui.cli import clients_and_projects, timesheet, work_report

        found.add_typer(work_report.commands)
        found.add_typer(timesheet.commands)
        found.add_typer(clients_and_projects.clients, name="clients")
        found.add_typer(clients_and_projects.projects, name="projects")
    return found


def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    home: Annotated[
        str | None, typer.Option("--home", metavar="DIR", help="The folder of the embedded stores, as MEMORIA_HOME.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="On the demo's stores, which are made when they lack.")] = False,
) -> int:
    """Opens the program in the terminal; with a command, does that one thing."""
    if demo or home is not None:  # where they may be they were taken before
        raise typer.BadParameter("give a folder, before all other options", param_hint="--home or --demo")
    if context.invoked_subcommand is not None:
        return 0
    terminal = terminal_of(context)
    if not version:
        return open_app.open_app(terminal)
    from importlib.metadata import version as version_of

    terminal.print(version_of("memoria-tui"))
    return 0


def mcp(context: typer.Context) -> int:
    """Let an AI agent use the memories: MCP on standard input and output, started by the agent's program."""
    return agents_server.serve_mcp(terminal_of(context))


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")] = 8765,
    certificate: Annotated[
        Path | None, typer.Option("--tls-cert", metavar="FILE", help="Certificate, in PEM format: HTTPS.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="Its key, if not in that file.")] = None,
    allowed: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="HOST", help="A host name by which it is reached, as of a proxy; repeat."),
    ] = None,
    tokens: Annotated[bool, typer.Option("--require-token", help="Let nobody in without one.")] = False,
    origins: Annotated[
        list[str] | None,
        typer.Option("--allow-origin", metavar="URL", help="Web pages that may use it: https://example.org; repeat."),
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option("--rate", min=0, metavar="N", help="Most requests a minute of a token or client; 0: any number."),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, metavar="N", help="Processes that serve.")] = 1,
) -> int:
    """Let any number of AI agents use the memories over HTTP: MCP at /mcp, and /health.

    On another address than loopback every client needs an access token: memoria-tui token create.
    """
    where = {"host": host, "port": port, "certificate": certificate, "key": key, "names": allowed or []}
    where |= {"tokens": tokens, "origins": origins or [], "rate": rate}
    return agents_server.serve_over_http(terminal_of(context), where, workers)


def web(
    context: typer.Context,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")] = 8766,
    opened: Annotated[bool, typer.Option("--open", help="Open it in the usual browser.")] = False,
) -> int:
    """Open the program in browsers of this machine, at an address that only you are told; each tab is one app."""
    return open_app.open_in_browser(terminal_of(context), port, opened=opened)


def demo(
    context: typer.Context,
    reset: Annotated[bool, typer.Option("--reset", help="Delete the demo store and make it again.")] = False,
    as_json: Json = False,
) -> int:
    """Try the program on a year of a small software company, in a store of its own."""
    return open_app.open_demo(terminal_of(context), reset=reset, as_json=as_json)
