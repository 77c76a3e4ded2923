"""`stats`: what the memories are, in numbers."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.queries import QueryCommand, read_selection
from memoria_tui.cli.views import ByView, viewed
from memoria_tui.cli.with_services import Json, with_services
from services.model import MemoryType, Query, SortKey, counted
from services.storable_text import shortened
from services.times import months_until
from services.work.report_values import ReportUnit

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.curation.memory_health import MemoryHealth
    from services.model import Memory
    from services.search.memory_counts import AgentTotal

commands = typer.Typer()

_SHOWN = 10
"""Tags, projects and memories recalled most that a person is told."""
_MONTHS = 12
"""For which it is told what agents wrote."""


@commands.command(cls=QueryCommand)
@with_services
async def stats(
    services: Services,
    terminal: Terminal,
    query: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[QUERY]", help="Only those that it finds; words must occur.", autocompletion=completing.queries
        ),
    ] = None,
    view: ByView = None,
    as_json: Json = False,
) -> None:
    """Count memories by type, project, tag and age; without a query also relations, sessions and what else there is."""
    text, _ = viewed(terminal, view, " ".join(query or ()))
    parsed = read_selection(services, terminal, text)
    facets = asdict(await services.search.facets(parsed))
    total = (await services.search.listing(parsed)).total
    rest = {}
    if not text:
        rest = {name: number for one in await services.health.status() for name, number in one.counts.items()}
        rest = {name: number for name, number in rest.items() if name not in {"memories", *MemoryType}}
    health = None if text else await services.memory_health.look()
    agents, recalled = ((), ()) if text else await _agents(services)
    if as_json:
        more = (
            {}
            if text
            else {
                "agents": [{"name": one.name, "written": one.months, "reviewed": one.reviewed} for one in agents],
                "recalled": [{"id": one.id, "title": one.title, "uses": one.access_count} for one in recalled],
            }
        )
        counts = {name: {one["value"]: one["count"] for one in values} for name, values in facets.items()}
        terminal.print_json({"memories": total, **counts, "stores": rest} | _health_json(health) | more)
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
        for one, of in (*told, *((one, f"in {health.growth_days} days") for one in health.growth)):
            terminal.print_text_line(f"{one.name[:20]:<13} {one.count:>7,} {of:<10}  {one.query}")
    for agent in agents:
        reviewed = f"{sum(agent.reviewed):,} reviewed, in {_MONTHS} months"
        terminal.print_text_line(f"{agent.name[:20]:<13} {agent.written:>7,} {'written':<10}  {reviewed}")
    for memory in recalled:
        named = f"{memory.id[:8]} {shortened(memory.title, 80)}"
        terminal.print_text_line(f"{'recalled':<13} {memory.access_count:>7,} {'times':<10}  {named}")


async def _agents(services: Services) -> tuple[tuple[AgentTotal, ...], tuple[Memory, ...]]:
    """What agents wrote in each month, and what was shown to them most."""
    this = (await services.reports.current(ReportUnit.MONTH)).first
    agents = await services.memory_counts.by_agent(months_until(this, _MONTHS))
    used = await services.search.search(Query(sort=SortKey.ACCESS_COUNT, limit=_SHOWN))
    return agents, tuple(hit.memory for hit in used.hits if hit.memory.access_count)


def _health_json(health: MemoryHealth | None) -> dict[str, object]:
    if health is None:
        return {}
    return {"health": [asdict(one) for one in health.numbers], "growth": [asdict(one) for one in health.growth]}
