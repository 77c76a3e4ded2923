"""The commands about relations, with their names, options and help; the work is done in `graph`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from memoria_tui.cli.options import Id, Json, terminal_of
from services.model import RelationType

Source = Annotated[str, typer.Argument(metavar="A", help="Where the relation starts: an id or a unique beginning.")]
Target = Annotated[str, typer.Argument(metavar="B", help="Where it ends: an id or a unique beginning.")]
Depth = Annotated[int, typer.Option("--depth", "-d", min=1, max=10, help="Most relations on the way.")]
Types = Annotated[
    list[RelationType] | None, typer.Option("--type", "-t", help="Follow only this type; may be repeated.")
]


def link(
    context: typer.Context,
    source: Source,
    target: Target,
    type_: Annotated[RelationType, typer.Option("--type", "-t", help="How A relates to B.")],
    weight: Annotated[float, typer.Option("--weight", "-w", min=0.0, max=1.0, help="From 0 to 1.")] = 1.0,
    as_json: Json = False,
) -> int:
    """Relate one memory to another: `link FIX BUG --type fixes`."""
    from memoria_tui.cli import graph

    return graph.link(terminal_of(context), source, target, type_, weight, as_json=as_json)


def unlink(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="A", help="A memory, or alone the id of a relation.")],
    target: Annotated[str | None, typer.Argument(metavar="[B]", help="Where the relation ends.")] = None,
    type_: Annotated[RelationType | None, typer.Option("--type", "-t", help="Only this type; else all.")] = None,
    as_json: Json = False,
) -> int:
    """Take the relations from A to B away, or one by its id; `undo` brings them back."""
    from memoria_tui.cli import graph

    return graph.unlink(terminal_of(context), source, target, type_, as_json=as_json)


def neighbors(
    context: typer.Context, memory_id: Id, depth: Depth = 1, types: Types = None, as_json: Json = False
) -> int:
    """Print what lies around a memory."""
    from memoria_tui.cli import graph

    return graph.neighbors(terminal_of(context), memory_id, depth, types or (), as_json=as_json)


def path(context: typer.Context, start: Source, goal: Target, depth: Depth = 10, as_json: Json = False) -> int:
    """Print the shortest way from one memory to another over relations in either direction."""
    from memoria_tui.cli import graph

    return graph.path(terminal_of(context), start, goal, depth, as_json=as_json)


def suggest(
    context: typer.Context,
    memory_id: Id,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="Most suggestions.")] = 10,
    as_json: Json = False,
) -> int:
    """Print what a memory may be related to, with confidence and reason; nothing is written."""
    from memoria_tui.cli import graph

    return graph.suggest(terminal_of(context), memory_id, limit, as_json=as_json)


def relations(context: typer.Context, memory_id: Id, as_json: Json = False) -> int:
    """Print the relations of a memory with their ids."""
    from memoria_tui.cli import graph

    return graph.relations(terminal_of(context), memory_id, as_json=as_json)


COMMANDS: Mapping[str, Callable[..., int]] = {
    "link": link,
    "unlink": unlink,
    "neighbors": neighbors,
    "path": path,
    "suggest": suggest,
    "relations": relations,
}
"""By name."""
