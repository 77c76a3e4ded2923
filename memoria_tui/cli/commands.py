"""All commands of the program, as a tree that knows names, options and help; the work is done next door."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import graph_commands, store_commands, trash, undo, work_commands
from memoria_tui.cli.options import Id, Json, Yes, terminal_of
from services.integrity.model import DefectKind, Keep
from services.model import MemoryType, SearchMode

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(
    help="Search, read, edit and link the long-term memories of AI agents, in the terminal.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(store_commands.database, name="db")
app.add_typer(work_commands.app, name="work")
app.add_typer(trash.app, name="trash")
app.command()(trash.purge)

Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="Ids, or beginnings of ids that fit one memory only.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", "-t", metavar="TAG", help="A tag; may be repeated.")]
Project = Annotated[str | None, typer.Option("--project", "-p", metavar="NAME", help="The project.")]
Importance = Annotated[float | None, typer.Option("--importance", "-i", min=0.0, max=1.0, help="From 0 to 1.")]
Kind = Annotated[MemoryType | None, typer.Option("--type", help="The type.")]


class Defects(StrEnum):
    """What `repair` takes."""

    ALL = "all"
    HEADLESS = DefectKind.HEADLESS.value
    NESTED = DefectKind.NESTED.value
    UNEVEN = DefectKind.UNEVEN.value
    STALE = DefectKind.STALE.value
    CHUNK_ENDS = DefectKind.CHUNK_ENDS.value
    ORPHANS = DefectKind.ORPHANS.value


@cache
def program() -> Callable[..., object]:
    """The whole command line."""
    return typer.main.get_command(app)


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> int:
    """Opens the program in the terminal; with a command, does that one thing."""
    from memoria_tui.cli import screen

    if context.invoked_subcommand is not None:
        return 0
    return screen.print_version(terminal_of(context)) if version else screen.open_app(terminal_of(context))


@app.command()
def demo(
    context: typer.Context,
    reset: Annotated[bool, typer.Option("--reset", help="Throw the demo store away and make it anew.")] = False,
    as_json: Json = False,
) -> int:
    """Try the program on a year of a small software company, in a store of its own."""
    from memoria_tui.cli import screen

    return screen.demo(terminal_of(context), reset=reset, as_json=as_json)


@app.command()
def doctor(context: typer.Context, as_json: Json = False) -> int:
    """Say how the stores are, and what is wrong with what they hold."""
    from memoria_tui.cli import stores

    return stores.doctor(terminal_of(context), as_json=as_json)


@app.command(name="repair")
def repair_(
    context: typer.Context,
    kinds: Annotated[
        list[Defects] | None,
        typer.Argument(metavar="[KIND…|all]", help="What to repair; without it, what is wrong is told and left."),
    ] = None,
    keep: Annotated[
        Keep,
        typer.Option(
            "--keep",
            help="For uneven: values of the first or newest chunk, or all tags and the highest importance (union). "
            "For stale: stored accepts the older state; else it becomes as the history has it.",
        ),
    ] = Keep.FIRST,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Repair what others left in disorder: headless, nested, uneven, stale, chunk-ends, orphans. `undo` undoes it."""
    from memoria_tui.cli import repair

    return repair.repair(terminal_of(context), kinds or [], keep, sure=yes, as_json=as_json)


@app.command()
def search(
    context: typer.Context,
    query: Annotated[
        list[str], typer.Argument(metavar="QUERY", help="Words and operators, such as type:semantic tag:auth.")
    ],
    mode: Annotated[SearchMode, typer.Option(help="Which ways of finding to use.")] = SearchMode.HYBRID,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Most hits to print.")] = 20,
    as_json: Json = False,
) -> int:
    """Find memories by meaning and by words."""
    from memoria_tui.cli import memories

    return memories.search(terminal_of(context), " ".join(query), mode, limit, as_json=as_json)


@app.command()
def show(context: typer.Context, memory_id: Id, as_json: Json = False) -> int:
    """Print one memory with its relations."""
    from memoria_tui.cli import memories

    return memories.show(terminal_of(context), memory_id, as_json=as_json)


@app.command()
def add(
    context: typer.Context,
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT|-]", help="The text; - reads it from standard input.")
    ] = None,
    kind: Annotated[MemoryType, typer.Option("--type", help="The type.")] = MemoryType.SEMANTIC,
    tag: Tags = None,
    project: Project = None,
    importance: Importance = None,
    as_json: Json = False,
) -> int:
    """Write a new memory; without a text in your editor."""
    from memoria_tui.cli import memories
    from services.model import MemoryDraft

    draft = MemoryDraft(
        "", kind, tags=tuple(tag or ()), project=project, importance=0.5 if importance is None else importance
    )
    return memories.add(terminal_of(context), text, draft, as_json=as_json)


@app.command()
def edit(
    context: typer.Context,
    memory_id: Id,
    text: Annotated[
        str | None, typer.Option(metavar="TEXT|-", help="The new text; - reads it from standard input.")
    ] = None,
    add_tag: Annotated[
        list[str] | None, typer.Option("--add-tag", "-t", metavar="TAG", help="Add this tag; may be repeated.")
    ] = None,
    remove_tag: Annotated[
        list[str] | None, typer.Option("--remove-tag", metavar="TAG", help="Remove this tag; may be repeated.")
    ] = None,
    tags: Annotated[
        str | None, typer.Option("--tags", metavar="TAG,…", help="These tags in the place of all others; '' for none.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", hidden=True)] = None,
    project: Annotated[
        str | None, typer.Option("--project", "-p", metavar="NAME", help="The project; '' removes it.")
    ] = None,
    importance: Importance = None,
    kind: Kind = None,
    as_json: Json = False,
) -> int:
    """Change a memory and say what changed; without options its text in your editor."""
    from memoria_tui.cli import memories
    from services.model import MemoryChanges

    if tag:
        raise typer.BadParameter("choose --add-tag to add one, --tags to replace all", param_hint="--tag")
    if tags is not None and (add_tag or remove_tag):
        raise typer.BadParameter("it replaces all tags; leave out --add-tag and --remove-tag", param_hint="--tags")
    changes = MemoryChanges(
        content=text,
        tags=None if tags is None else tuple(one for name in tags.split(",") if (one := name.strip())),
        project=project,
        importance=importance,
        type=kind,
    )
    retag = memories.Retag(tuple(add_tag or ()), tuple(remove_tag or ()))
    return memories.edit(terminal_of(context), memory_id, changes, retag, as_json=as_json)


@app.command()
def delete(context: typer.Context, ids: Ids, yes: Yes = False, as_json: Json = False) -> int:
    """Put memories into the trash, with their relations; `undo` and `restore` bring them back. Above 20 it asks."""
    from memoria_tui.cli import memories

    return memories.delete(terminal_of(context), ids, yes=yes, as_json=as_json)


@app.command()
def restore(
    context: typer.Context,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="BACKUP|FOLDER|ID…", help="A backup, a folder (its newest one), or ids of memories in the trash."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Finish a restore that was stopped in the middle.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Undo a restore that was stopped in the middle.")] = False,
    merge: Annotated[
        bool, typer.Option("--merge", help="Of a backup, bring what is missing or newer; the rest stays (default).")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put a backup in the place of what is here, which is backed up first.")
    ] = False,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Verify and show what would change, no more.")] = False,
    as_json: Json = False,
) -> int:
    """Bring memories back from the trash, with their relations; or restore a backup."""
    from memoria_tui.cli import backup as backups
    from memoria_tui.cli import memories

    if merge and replace:
        raise typer.BadParameter("choose one of --merge and --replace")
    if resume or undo:
        if what or merge or replace or dry_run or (resume and undo):
            raise typer.BadParameter("--resume and --undo stand alone: they are about a restore that was begun")
        return backups.finish_restore(terminal_of(context), undo=undo, yes=yes, as_json=as_json)
    if not what:
        raise typer.BadParameter("give a backup, a folder of them, or ids of memories in the trash")
    if any(map(backups.is_backup, what)):
        terminal = terminal_of(context)
        return backups.restore(terminal, what, replace=replace, yes=yes, dry_run=dry_run, as_json=as_json)
    if merge or replace or dry_run:
        raise typer.BadParameter(f"{what[0]!r} is no backup; --merge, --replace and --dry-run are for backups")
    return memories.restore(terminal_of(context), what, as_json=as_json)


for name, command in {**store_commands.COMMANDS, **graph_commands.COMMANDS, **undo.COMMANDS}.items():
    app.command(name)(command)
