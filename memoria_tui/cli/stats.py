"""`stats`: what the memories are, in numbers."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli.views import ByView, viewed
from memoria_tui.cli.with_services import Json, QueryCommand, read_selection, with_services
from services.model import MemoryType, counted

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.curation.memory_health import MemoryHealth

commands = typer.Typer()

_SHOWN = 10
"""Tags and projects that a person is told."""


@commands.command(cls=QueryCommand)
@with_services
async def stats(
    services: Services,
    terminal: Terminal,
    query: Annotated[
        list[str] | None, typer.Argument(metavar="[QUERY]", help="Only those that it finds; words must occur.")
    ] = None,
    view: ByView = None,
    as_json: Json = False,
) -> None:
    """Count memories by type, project, tag and age; without a query also relations, sessions and what else there is."""
    text, _ = viewed(terminal, view, " ".join(query or ()))
    parsed = read_selection(services, text)
    facets = asdict(await services.search.facets(parsed))
    total = (await services.search.listing(parsed)).total
    rest = {}
    if not text:
        rest = {name: number for one in await services.health.status() for name, number in one.counts.items()}
        rest = {name: number for name, number in rest.items() if name not in {"memories", *MemoryType}}
    health = None if text else await services.memory_health.look()
    if as_json:
        counts = {name: {one["value"]: one["count"] for one in values} for name, values in facets.items()}
        terminal.print_json({"memories": total, **counts, "stores": rest} | _health_json(health))
        return
    terminal.print(counted(total))
    for name, values in facets.items():
        shown = [f"{one['value']} {one['count']:,}" for one in values[:_SHOWN]]
        shown += [f"and {len(values) - _SHOWN:,} more"] if len(values) > _SHOWN else []
        terminal.print_text_line(f"{name:<9} {' · '.join(shown) or 'none'}")
    if rest:
        terminal.print_text_line(f"{'stores':<9} {' · '.join(f'{name} {number:,}' for name, number in rest.items())}")
    if health is not None:
        told = [(one, f"({health.share(one):.0%})") for one in health.numbers]
        for one, of in (*told, *((one, "in 30 days") for one in health.growth)):
            terminal.print_text_line(f"{one.name[:20]:<13} {one.count:>7,} {of:<10}  {one.query}")


def _health_json(health: MemoryHealth | None) -> dict[str, object]:
    if health is None:
        return {}
    return {"health": [asdict(one) for one in health.numbers], "growth": [asdict(one) for one in health.growth]}
