"""The commands about access tokens, by which agents of other machines use the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.json_output import token_json
from memoria_tui.cli.with_services import Json, with_services
from services.acting import Scope
from services.storable_text import shortened

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.records.access_tokens import AccessToken

commands = typer.Typer(help="Access tokens for `memoria-tui serve`: create, list, revoke.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is called; its acts are in the history under it.")]


@commands.command()
@with_services
async def create(
    services: Services,
    terminal: Terminal,
    name: Name,
    scope: Annotated[Scope, typer.Option("--scope", help="write: what can be undone; admin: all.")],
    project: Annotated[
        list[str] | None,
        typer.Option(
            "--project",
            metavar="NAME",
            help="Only memories of this project; repeat for more.",
            autocompletion=completing.projects,
        ),
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="WHEN", help="90d, 6mo, 2027-01-31; never if omitted.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a token, and print it: it is shown this once."""
    from services.times import parse_end, person_zone

    end = parse_end(expires, services.clock(), person_zone(terminal.settings)) if expires else None
    in_use = {one.value for one in await services.search.in_use("project")} if project else set()
    made, text = await services.tokens.create(name, scope, project or (), end)
    for name_ in made.projects or ():
        if name_ not in in_use:
            alike = [one for one in in_use if one.casefold() == name_.casefold()]
            near = f"; there is {', '.join(alike)}, which it does not see" if alike else " yet"
            terminal.info(f"no memory is of the project {shortened(name_)}{near}")
    if not as_json:
        terminal.info(f"{_describe(made)}; this is its only copy:")
    terminal.print_result({**token_json(made), "token": text}, text, as_json=as_json)


@commands.command("list")
@with_services
async def list_tokens(services: Services, terminal: Terminal, as_json: Json = False) -> None:
    """Print all tokens, newest first, without what only their holders know."""
    found = await services.tokens.all()
    if as_json:
        terminal.print_json([token_json(one) for one in found])
        return
    head = ("name", "scope", "projects", "made", "by", "used", "expires", "revoked")
    terminal.print_table(head, [_row(terminal, one) for one in found])
    if not found:
        terminal.print("there are no access tokens")


@commands.command()
@with_services
async def revoke(
    services: Services,
    terminal: Terminal,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As listed.", autocompletion=completing.tokens)],
    as_json: Json = False,
) -> None:
    """Make a token worthless, at once and for good."""
    revoked = await services.tokens.revoke(name)
    terminal.print_result(token_json(revoked), f"{name} is revoked", as_json=as_json)


def _describe(token: AccessToken) -> str:
    return f"{token.name} may {token.scope.value}: {token.reach}"


def _row(terminal: Terminal, one: AccessToken) -> tuple[str, ...]:
    moments = (one.created_at, one.used_at, one.expires_at, one.revoked_at)
    dates = [terminal.local_time(at) if at else "" for at in moments]
    return (one.name, one.scope.value, one.reach, dates[0], one.created_by, *dates[1:])
