"""The commands that change many memories at once: those of ids, or all that a query finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli.bulk_by_query import Asked, ByQuery, Ids, change_all, memories_meant, names_memories
from memoria_tui.cli.completing import projects, several_tags
from memoria_tui.cli.with_services import CONFIDENCE, DryRun, Json, Yes, checked, with_services
from services.model import MemoryType, any_of, trust_keys
from services.model.history import ASKS_ABOVE
from services.storable_text import require_name, split_tags

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services

commands = typer.Typer()


@commands.command()
@checked(names_memories)
@with_services
async def delete(
    services: Services,
    terminal: Terminal,
    ids: Ids = None,
    query: ByQuery = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Put memories into the trash, with their relations; `undo` and `restore` bring them back.

    What a query finds is shown first, and it asks; above 20 of ids, too.
    """
    found = await memories_meant(services, terminal, ids or (), query)
    yes = yes or (query is None and (as_json or not terminal.is_interactive))
    await change_all(
        terminal,
        found,
        "put {} into the trash",
        services.memories.delete,
        Asked(dry_run, yes, as_json),
        unasked=ASKS_ABOVE if query is None else 0,
        key="deleted",
        done="in the trash",
    )


def _some_tags(ids: Sequence[str] | None, query: str | None, add: list[str] | None, remove: list[str] | None) -> None:
    if not split_tags(*add or (), *remove or ()):
        raise typer.BadParameter("say which, by --add-tag or --remove-tag", param_hint="--add-tag")
    names_memories(ids, query)


@commands.command()
@checked(_some_tags)
@with_services
async def tag(
    services: Services,
    terminal: Terminal,
    ids: Ids = None,
    query: ByQuery = None,
    add: Annotated[
        list[str] | None,
        typer.Option(
            "--add-tag", "--add", "-t", metavar="TAG,…", help="Add these; may be repeated.", autocompletion=several_tags
        ),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            "--remove-tag",
            "--remove",
            metavar="TAG,…",
            help="Remove these; may be repeated.",
            autocompletion=several_tags,
        ),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Add tags to memories and remove some; what a query finds is shown first, and it asks."""
    added, removed = split_tags(*add or ()), split_tags(*remove or ())
    for one in added:
        require_name(one)

    async def change(found: Sequence[str]) -> int:
        return await services.memories.edit_many(found, add_tags=added, remove_tags=removed)

    what = f"set on {{}} the tags {' '.join([f'+{one}' for one in added] + [f'−{one}' for one in removed])}"
    found = await memories_meant(services, terminal, ids or (), query)
    await change_all(terminal, found, what, change, Asked(dry_run, yes, as_json))


def _some_values(
    ids: Sequence[str] | None,
    query: str | None,
    importance: float | None,
    project: str | None,
    confidence: float | None,
    kind: MemoryType | None,
) -> None:
    values = {"--importance": importance, "--confidence": confidence, "--project": project, "--type": kind}
    if all(value is None for value in values.values()):
        raise typer.BadParameter(f"say what, by {any_of(values)}", param_hint="--importance")
    names_memories(ids, query)


@commands.command("set")
@checked(_some_values)
@with_services
async def set_values(
    services: Services,
    terminal: Terminal,
    ids: Ids = None,
    query: ByQuery = None,
    importance: Annotated[
        float | None, typer.Option("--importance", "-i", min=0.0, max=1.0, help="From 0 to 1.")
    ] = None,
    project: Annotated[
        str | None,
        typer.Option("--project", "-p", metavar="NAME", help="The project; '' removes it.", autocompletion=projects),
    ] = None,
    confidence: Annotated[float | None, CONFIDENCE] = None,
    kind: Annotated[MemoryType | None, typer.Option("--type", help="The type.")] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Set importance, confidence, project or type of memories; what a query finds is shown first, and it asks."""
    require_name((project or "").strip())
    values = [f"importance {importance:g}"] if importance is not None else []
    values += [f"confidence {confidence:g}"] if confidence is not None else []
    values += [f"project {project}" if project else "no project"] if project is not None else []
    values += [f"type {kind}"] if kind is not None else []

    async def change(found: Sequence[str]) -> int:
        keys: dict[str, object] = {} if confidence is None else {trust_keys.CONFIDENCE: confidence}
        edits = services.memories.edit_many
        return await edits(found, importance=importance, project=project, type=kind, metadata=keys)

    found = await memories_meant(services, terminal, ids or (), query)
    await change_all(terminal, found, f"set on {{}} {', '.join(values)}", change, Asked(dry_run, yes, as_json))
