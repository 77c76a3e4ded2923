"""The commands `work clients` and `work projects`."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.json_output import client_total_json, project_total_json
from memoria_tui.cli.with_services import Json, checked, with_services
from memoria_tui.cli.work import REFRESH, BilledToo
from services.errors import Billed, NotFound
from services.model import Entity
from services.storable_text import shortened
from services.work.billing_values import BUDGET_FORM, RATE_FORM

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.work.billing_values import BudgetUse

clients = typer.Typer(help="Clients, with total time.")
projects = typer.Typer(help="Projects, with total time.")


def _names(ctx: typer.Context, incomplete: str) -> completing.Offered:
    """Those that there are: clients below `clients`, else projects."""
    complete = completing.clients if ctx.parent and ctx.parent.info_name == "clients" else completing.work_projects
    return complete(ctx, incomplete)


Name = Annotated[str, typer.Argument(metavar="NAME", help="The name, or the id.", autocompletion=_names)]
Called = Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")]
NewName = Annotated[str, typer.Argument(metavar="NEW", help="The new name.")]
Into = Annotated[str | None, typer.Option("--into", metavar="NAME", help="The one that stays.", autocompletion=_names)]
Other = Annotated[str | None, typer.Argument(metavar="[INTO]", help="The same, without --into.", autocompletion=_names)]
Rates = Annotated[
    list[str] | None,
    typer.Option("--rate", metavar="RATE", help=f"{RATE_FORM}; all of them; '' for none."),
]
Rounding = Annotated[
    str | None, typer.Option("--rounding", metavar="ROUNDING", help="6, 10 or 15, up or nearest, session or day; none.")
]
Budget = Annotated[str | None, typer.Option("--budget", metavar="HOURS", help=f"{BUDGET_FORM}; none.")]

_TOTALS = ("TIME", "SESSIONS", "LAST", "LEFT")
_RULE = (
    "TIME (exact; MCP Memoria counts whole minutes), SESSIONS and LAST: of completed sessions · LEFT: of the budget, "
    "less the billable ones of them"
)


def _needs_one_target(other: str | None, into: str | None) -> None:
    if (other is None) is (into is None):
        raise typer.BadParameter("name the one that stays, once", param_hint="--into")


def _add_commands(group: typer.Typer, kind: Entity, merges: str, deletes: str) -> None:
    """The commands that both groups have, with the help of those that differ."""
    rounds = ", rounding" if kind is Entity.CLIENT else ""

    @group.callback(invoke_without_command=True, help=f"List the {kind}s, with totals; or change them.")
    def alone(context: typer.Context, as_json: Json = False) -> int:
        return 0 if context.invoked_subcommand else list_all(context, as_json=as_json)

    @group.command("list")
    @with_services
    async def list_all(services: Services, terminal: Terminal, as_json: Json = False) -> None:
        """List them with their totals."""
        await (_list_projects if kind is Entity.PROJECT else _list_clients)(services, terminal, as_json=as_json)

    @group.command(help=f"Give a {kind} another name.")
    @with_services
    async def rename(services: Services, terminal: Terminal, name: Name, new: NewName) -> None:
        await _change(terminal, services.clients.rename(kind, name, new), f"{name} is called {new} now")

    @group.command(help=f"Show what is billed for a {kind}, or change it: rates, budget{rounds}.")
    @with_services
    async def terms(
        services: Services,
        terminal: Terminal,
        name: Name,
        rate: Rates = None,
        rounding: Rounding = None,
        budget: Budget = None,
        as_json: Json = False,
    ) -> None:
        given = {"rates": None if rate is None else "\n".join(rate), "rounding": rounding, "budget": budget}
        typed = {term: text for term, text in given.items() if text is not None}
        await _terms(services, terminal, kind, name, typed, as_json=as_json)

    @group.command(help=merges)
    @checked(_needs_one_target)
    @with_services
    async def merge(
        services: Services,
        terminal: Terminal,
        name: Name,
        other: Other = None,
        into: Into = None,
        yes: BilledToo = False,
    ) -> None:
        target = into or other or ""
        merge = partial(services.clients.merge, kind, name, target)
        await _change_billed(terminal, "Merge", merge, f"{name} is part of {target} now", yes=yes)

    @group.command(help=deletes)
    @with_services
    async def delete(services: Services, terminal: Terminal, name: Name) -> None:
        await _change(terminal, services.clients.delete(kind, name), f"deleted {name}")


_add_commands(
    clients,
    Entity.CLIENT,
    "Make everything of one client another's.",
    "Delete a client that has neither sessions nor projects.",
)
_add_commands(
    projects, Entity.PROJECT, "Make all sessions of one project another's.", "Delete a project that has no sessions."
)


@clients.command("create")
@with_services
async def create_client(services: Services, terminal: Terminal, name: Called, as_json: Json = False) -> None:
    """Make a client."""
    made = await services.clients.create_client(name)
    if as_json:
        terminal.print_json({"id": made.id, "name": made.name})
    else:
        terminal.print_text(f"made the client {made.name}")


@projects.command("create")
@with_services
async def create_project(
    services: Services,
    terminal: Terminal,
    name: Called,
    client: Annotated[
        str | None,
        typer.Option("--client", "-c", metavar="NAME", help="Its client.", autocompletion=completing.clients),
    ] = None,
    repo: Annotated[str | None, typer.Option("--repo", metavar="OWNER/NAME", help="Its repository.")] = None,
    as_json: Json = False,
) -> None:
    """Make a project."""
    made = await services.clients.create_project(name, client, repo)
    if as_json:
        terminal.print_json({"id": made.id, "name": made.name, "client": made.client, "repo": made.repo})
    else:
        terminal.print_text(f"made the project {made.name}")


@projects.command("move")
@with_services
async def move_project(
    services: Services,
    terminal: Terminal,
    name: Name,
    client: Annotated[
        str,
        typer.Argument(metavar="CLIENT", help="The new client; '' for none.", autocompletion=completing.clients),
    ],
    yes: BilledToo = False,
) -> None:
    """Give a project, with its sessions, to another client."""
    move = partial(services.clients.move_project, name, client or None)
    await _change_billed(terminal, "Move", move, f"{name} belongs to {client or 'no client'} now", yes=yes)


async def _terms(
    services: Services,
    terminal: Terminal,
    kind: Entity,
    name: str,
    typed: Mapping[str, str],
    *,
    as_json: bool,
) -> None:
    """Changes the terms of a client or project by what was typed, by their names, and shows them.

    Raises InvalidInput, NotFound.
    """
    from memoria_tui.cli.json_output import terms_json
    from services.work.billing_values import changed_terms, terms_of

    try:
        meant = await (services.clients.project(name) if kind is Entity.PROJECT else services.clients.client(name))
    except NotFound as error:
        make = f"memoria-tui work {kind}s create {shlex.quote(shortened(name))}"
        raise NotFound(f"{error} · make it with: {make}") from error
    terms = before = terms_of(meant.metadata)
    if typed:
        today = await services.reports.this_day()
        terms = changed_terms(before, typed, today)
        await services.billing.set_terms(kind, meant.id, terms, before)
    if as_json:
        terminal.print_json({"name": meant.name} | terms_json(terms))
        return
    terminal.print_text(f"{meant.name}: {terms.description or 'no rates yet'}")


async def _change(terminal: Terminal, change: Awaitable[int | None], done: str) -> None:
    """Waits for a change, which gives how many sessions it moved, and says what was done."""
    from services.model import counted

    moved = await change
    terminal.spawn_detached(*REFRESH)
    sessions = f" · {counted(moved, 'session')} moved" if moved is not None else ""
    terminal.print_text(f"{done}{sessions} · undo with: memoria-tui undo")


async def _change_billed(
    terminal: Terminal, verb: str, change: Callable[..., Awaitable[int]], done: str, *, yes: bool
) -> None:
    """As `_change`; asks first where what was billed is changed too."""
    try:
        await _change(terminal, change(billed_too=yes), done)
    except Billed as billed:
        await terminal.require_yes(
            f"{billed}. {verb} it all the same?",
            declined="nothing was changed",
            unattended=f"{billed}: nothing was changed; add --yes",
            as_json=False,
        )
        await _change(terminal, change(billed_too=True), done)


async def _uses(services: Services) -> dict[str, BudgetUse]:
    return {use.id: use for use in await services.billing.budgets(open_too=False)}


async def _list_clients(services: Services, terminal: Terminal, *, as_json: bool) -> None:
    from services.model import ReportBy

    worked, uses = await services.reports.worked(ReportBy.CLIENT), await _uses(services)
    ids = [(one, one.client.id if one.client else None) for one in await services.clients.clients()]
    rows = [(one, worked.get(id_, 0.0), uses.get(id_ or "")) for one, id_ in ids]
    if as_json:
        terminal.print_json({"clients": [client_total_json(*row) for row in rows]})
        return
    table = [
        (one.client.name if one.client else "no client", *_totals(terminal, seconds, one.sessions, one.last, use))
        for one, seconds, use in rows
    ]
    _print(terminal, ("CLIENT", *_TOTALS), table, "no clients yet")


async def _list_projects(services: Services, terminal: Terminal, *, as_json: bool) -> None:
    from services.model import ReportBy

    worked, uses = await services.reports.worked(ReportBy.PROJECT), await _uses(services)
    ids = [(one, one.project.id if one.project else None) for one in await services.clients.projects()]
    rows = [(one, worked.get(id_, 0.0), uses.get(id_ or "")) for one, id_ in ids]
    if as_json:
        terminal.print_json({"projects": [project_total_json(*row) for row in rows]})
        return
    table = [
        (
            one.project.name if one.project else "no project",
            (one.project and one.project.client) or "",
            *_totals(terminal, seconds, one.sessions, one.last, use),
        )
        for one, seconds, use in rows
    ]
    _print(terminal, ("PROJECT", "CLIENT", *_TOTALS), table, "no projects yet")


def _totals(
    terminal: Terminal, seconds: float, sessions: int, last: datetime | None, budget: BudgetUse | None
) -> tuple[str, ...]:
    from services.times import duration

    left = f"{budget.left / 3600:.2f} h" if budget else ""
    return duration(seconds), f"{sessions:,}", terminal.local_time(last)[:10] if last else "", left


def _print(terminal: Terminal, head: tuple[str, ...], table: Sequence[tuple[str, ...]], nothing: str) -> None:
    terminal.print_table(head, table, right={"TIME", "SESSIONS", "LEFT"})
    terminal.print(_RULE if table else nothing)
