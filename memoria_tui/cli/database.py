"""The commands about the database's schema: `db status` and `db upgrade`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli.with_services import Json, with_services

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services

commands = typer.Typer(help="The database of relations, work time and history.")


@commands.command()
@with_services
async def status(services: Services, terminal: Terminal, as_json: Json = False) -> None:
    """Say whether the database has the tables of this program."""
    status = await services.database.status()
    if as_json:
        terminal.print_json(asdict(status) | {"current": status.current})
        return
    terminal.print(f"{status.place} · PostgreSQL {status.server_version}")
    terminal.print(f"schema {status.schema_version or 'none'} · newest {status.newest_version}")
    lacking = [*status.missing, *(f"indexes of {line}" for line in status.indexes)]
    for line in (*(f"missing: {one}" for one in lacking), *status.problems):
        terminal.print_text(line)
    if lacking and not status.read_only:
        terminal.print("add it with: memoria-tui db upgrade")


@commands.command()
@with_services
async def upgrade(
    services: Services,
    terminal: Terminal,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the SQL and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask on a terminal.")] = False,
    as_json: Json = False,
) -> None:
    """Add to the database what this program needs; what is there stays as it is."""
    from memoria_tui.cli.upgrade_question import lines

    plan = await services.database.plan()
    script = await services.database.upgrade(dry_run=True)
    if not dry_run:
        if plan and not yes:
            await terminal.require_yes(
                "Add this now?", details=lines(plan), declined="nothing was changed", unattended=None
            )
        await services.database.upgrade()
    if as_json:
        upgraded = bool(plan) and not dry_run
        terminal.print_json({"upgraded": upgraded, "sql": script, "indexes": list(plan.indexes)})
    elif dry_run:
        indexes = [f"-- Qdrant at {plan.vectors_place}: indexes of {line}" for line in plan.indexes]
        terminal.print_text("\n".join([*([script] if script else []), *indexes]) or "-- nothing to do")
    else:
        terminal.print("the database was upgraded" if plan else "the database is up to date")
