"""The commands about relations between memories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.json_output import (
    lineage_json,
    neighbor_json,
    related_json,
    relation_json,
    step_json,
    suggestion_json,
)
from memoria_tui.cli.with_services import Id, Json, with_services
from services.errors import Ambiguous, InvalidInput, NotFound
from services.model import RelationType, quoted_title
from services.storable_text import quoted
from services.unknown_ids import RELATION_ID, unknown_id

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.model import Memory, Relation

commands = typer.Typer()

Source = Annotated[
    str,
    typer.Argument(
        metavar="A", help="Where the relation starts: an id or a unique beginning.", autocompletion=completing.ids
    ),
]
Target = Annotated[
    str,
    typer.Argument(metavar="B", help="Where it ends: an id or a unique beginning.", autocompletion=completing.ids),
]
Depth = Annotated[int, typer.Option("--depth", "-d", min=1, max=10, help="Most hops.")]

_TITLE = 100
"""Cells of a title at most."""


@commands.command()
@with_services
async def link(
    services: Services,
    terminal: Terminal,
    source: Source,
    target: Target,
    type_: Annotated[RelationType, typer.Option("--type", "-t", help="How A relates to B.")],
    weight: Annotated[float, typer.Option("--weight", "-w", min=0.0, max=1.0, help="From 0 to 1.")] = 1.0,
    as_json: Json = False,
) -> None:
    """Relate one memory to another: `link FIX BUG --type fixes`."""
    made = await services.graph.link(await _id(services, source), await _id(services, target), type_, weight)
    terminal.print_result(relation_json(made), f"{made.id}  {_arrow(made)}", as_json=as_json)


@commands.command()
@with_services
async def unlink(
    services: Services,
    terminal: Terminal,
    source: Annotated[
        str,
        typer.Argument(metavar="A", help="A memory, or alone the id of a relation.", autocompletion=completing.ids),
    ],
    target: Annotated[
        str | None,
        typer.Argument(metavar="[B]", help="Where the relation ends.", autocompletion=completing.ids),
    ] = None,
    type_: Annotated[RelationType | None, typer.Option("--type", "-t", help="Only this type; else all.")] = None,
    as_json: Json = False,
) -> None:
    """Remove the relations from A to B, or one by its id; `undo` brings them back."""
    if target is None:
        ids = [_relation_id(source)]
    else:
        ids = await _relations_from(services, await _id(services, source), await _id(services, target), type_)
    removed = await services.graph.unlink(ids)
    if not removed:
        raise unknown_id(RELATION_ID, source)
    told = "\n".join(f"unlinked {_arrow(relation)} · undo with: memoria-tui undo" for relation in removed)
    terminal.print_result({"unlinked": [relation_json(relation) for relation in removed]}, told, as_json=as_json)


@commands.command()
@with_services
async def neighbors(
    services: Services,
    terminal: Terminal,
    memory_id: Id,
    depth: Depth = 1,
    types: Annotated[
        list[RelationType] | None, typer.Option("--type", "-t", help="Follow only this type; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the neighbours of a memory."""
    from memoria_tui.text.neighbor_tree import branch_out, name, sign
    from memoria_tui.text.present import clip, direction

    found = await services.graph.neighborhood(await _id(services, memory_id), depth, types or ())
    if as_json:
        nodes, edges = [neighbor_json(node) for node in found.nodes], [relation_json(edge) for edge in found.edges]
        terminal.print_json({"center": found.center, "depth": depth, "nodes": nodes, "edges": edges})
        return
    branches = list(branch_out(found).walk())
    leads = [
        f"{'  ' * (branch.node.depth - 1)}{direction(branch.type, branch.outgoing) if branch.type else ''}"
        for branch in branches
    ]
    width = max(map(len, leads))
    for branch, lead in zip(branches, leads, strict=True):
        padded = f"{lead:{width}}  " if width else ""
        terminal.print(f"{padded}{branch.id[:8]}  {sign(branch.node)} {clip(name(branch.node), _TITLE)}")
    if found.more:
        terminal.error(f"only the nearest {len(found.nodes)} memories are shown; give --type or less --depth")


@commands.command()
@with_services
async def lineage(services: Services, terminal: Terminal, memory_id: Id, as_json: Json = False) -> None:
    """Print what a memory replaced and what replaced it, the newest first, with the lines that differ."""
    from memoria_tui.text.text_difference import compare

    steps = await services.lineage.chain(await _id(services, memory_id))
    if as_json:
        terminal.print_json({"steps": [lineage_json(one) for one in steps]})
        return
    for one in steps:
        made = terminal.local_time(one.memory.created_at) if one.memory.created_at else "no date"
        until = f", superseded {terminal.local_time(one.superseded_at)}" if one.superseded_at else ""
        terminal.print_text_line(f"{one.memory.id[:8]}  {made}{until}  {one.memory.title[:_TITLE]}")
        for old in one.replaced:
            terminal.print_text_line(f"  replaced {old.id[:8]}:")
            for line in compare(old.content, one.memory.content):
                terminal.print_text_line(f"    {line.plain}")


@commands.command()
@with_services
async def path(
    services: Services,
    terminal: Terminal,
    start: Source,
    goal: Target,
    depth: Depth = 10,
    as_json: Json = False,
) -> None:
    """Print the shortest path from one memory to another over relations in either direction."""
    steps = await services.graph.path(await _id(services, start), await _id(services, goal), depth)
    if as_json:
        terminal.print_json({"steps": [step_json(step) for step in steps]})
        return
    for step in steps:
        terminal.print(f"{step.step:>3}  {step.id[:8]}  {_title(step.memory)}")
        if step.relation is not None:
            terminal.print(f"       {'↓' if step.outgoing else '↑'} {step.relation.label}")


@commands.command()
@with_services
async def suggest(
    services: Services,
    terminal: Terminal,
    memory_id: Id,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="Most suggestions.")] = 10,
    as_json: Json = False,
) -> None:
    """Print what a memory may be related to, with confidence and reason; nothing is written."""
    from memoria_tui.text.present import clip, direction, fit, line

    memory = await services.memories.get(memory_id)
    found = await services.suggestions.suggest(memory.id, limit)
    if as_json:
        suggestions = [suggestion_json(one, memory.id) for one in found]
        terminal.print_json({"id": memory.id, "suggestions": suggestions})
        return
    for one in found:
        outgoing = one.source.id == memory.id
        other = one.target if outgoing else one.source
        lead = fit(direction(one.type, outgoing), 12)
        terminal.print(f"{one.confidence:>4.0%}  {lead}  {other.id[:8]}  {clip(_title(other), 60)}")
        terminal.print(f"      {line(one.reason)}")
    if not found:
        terminal.error("nothing to suggest")


@commands.command()
@with_services
async def relations(services: Services, terminal: Terminal, memory_id: Id, as_json: Json = False) -> None:
    """Print the relations of a memory with their ids."""
    from memoria_tui.text.present import direction, fit

    center = await _id(services, memory_id)
    related = await services.memories.relations(center)
    if as_json:
        terminal.print_json({"id": center, "relations": [related_json(one) for one in related]})
        return
    for one in related:
        relation = one.relation
        other = relation.target_id if one.outgoing else relation.source_id
        lead = fit(direction(relation.type, one.outgoing), 12)
        terminal.print(f"{relation.id}  {lead}  {relation.weight:<4g}  {other[:8]}  {_title(one.other)}")
    if not related:
        terminal.error("it has no relations")


async def _id(services: Services, given: str) -> str:
    """The memory's id; a complete id that only relations know stands for itself."""
    try:
        return (await services.memories.get(given)).id
    except Ambiguous:
        raise
    except NotFound:
        try:
            return str(UUID(given))
        except ValueError:
            pass
        raise


async def _relations_from(services: Services, source: str, target: str, type_: RelationType | None) -> list[str]:
    between = await services.graph.between(source, target)
    matching = [one for one in between if type_ is None or one.type is type_]
    if ids := [one.id for one in matching if one.source_id == source]:
        return ids
    kind = f" {type_.value}" if type_ else ""
    memories = await services.graph.memories([source, target])
    start, end = (quoted_title(memories.get(one)) for one in (source, target))
    back = f"; there is one from {end} to {start}" if matching else ""
    raise NotFound(f"there is no{kind} relation from {start} to {end}{back}")


def _relation_id(given: str) -> str:
    try:
        return str(UUID(given))
    except ValueError:
        raise InvalidInput(f"{quoted(given)} is no id of a relation; give two memories, or see: relations ID") from None


def _arrow(relation: Relation) -> str:
    return f"{relation.source_id[:8]} → {relation.type.value} → {relation.target_id[:8]}"


def _title(memory: Memory | None) -> str:
    from memoria_tui.text.present import clip, line

    return clip(line(memory.title), _TITLE) if memory is not None else "missing memory"
