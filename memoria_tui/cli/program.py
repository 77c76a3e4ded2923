"""The whole command line: a file a group of commands, each with its options beside what it does."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memoria_tui.cli import (
    agents_server,
    backup,
    billing,
    bulk,
    clients_and_projects,
    config,
    connect,
    database,
    duplicates,
    health,
    inbox,
    man_page,
    memories,
    models,
    open_app,
    reembed,
    relations,
    stats,
    sync,
    tags_and_projects,
    tokens,
    transfer,
    trash,
    trust,
    undo,
    views,
    work,
    work_report,
)
from memoria_tui.cli.with_services import Json, terminal_of

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(
    help="Search, read, edit and link the long-term memories of AI agents, in the terminal.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (
    memories,
    bulk,
    stats,
    duplicates,
    trust,
    relations,
    undo,
    health,
    backup,
    transfer,
    reembed,
    connect,
    man_page,
):
    app.add_typer(group.commands)
app.command()(trash.purge)
app.add_typer(trash.commands, name="trash")
app.add_typer(inbox.commands, name="inbox")
app.add_typer(tags_and_projects.tags, name="tags")
app.add_typer(tags_and_projects.projects, name="projects")
app.add_typer(views.commands, name="views")
app.add_typer(config.commands, name="config")
app.add_typer(models.commands, name="models")
app.add_typer(sync.commands, name="sync")
app.add_typer(database.commands, name="db")
app.add_typer(tokens.commands, name="token")
app.add_typer(work.commands, name="work")
work.commands.add_typer(work_report.commands)
work.commands.add_typer(billing.commands)
work.commands.add_typer(clients_and_projects.clients, name="clients")
work.commands.add_typer(clients_and_projects.projects, name="projects")


@cache
def program() -> Callable[..., object]:
    """The whole command line."""
    return typer.main.get_command(app)


def prepare() -> None:
    """Does ahead what any command needs to read its options."""
    commands: list[Any] = [program()]
    while commands:
        command = commands.pop()
        for parameter in command.params:
            parameter.get_runtime_param()
        commands += getattr(command, "commands", {}).values()


@app.callback(invoke_without_command=True)
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


@app.command()
def mcp(context: typer.Context) -> int:
    """Let an AI agent use the memories: MCP on standard input and output, started by the agent's program."""
    return agents_server.serve_mcp(terminal_of(context))


@app.command()
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
        typer.Option("--allow-host", metavar="NAME", help="A host name by which it is reached, as of a proxy; repeat."),
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


@app.command()
def web(
    context: typer.Context,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")] = 8766,
    opened: Annotated[bool, typer.Option("--open", help="Open it in the usual browser.")] = False,
) -> int:
    """Open the program in browsers of this machine, at an address that only you are told; each tab is one app."""
    return open_app.open_in_browser(terminal_of(context), port, opened=opened)


@app.command()
def demo(
    context: typer.Context,
    reset: Annotated[bool, typer.Option("--reset", help="Delete the demo store and make it again.")] = False,
    as_json: Json = False,
) -> int:
    """Try the program on a year of a small software company, in a store of its own."""
    return open_app.open_demo(terminal_of(context), reset=reset, as_json=as_json)
