"""The commands about whole stores and files, with their names, options and help; the work is done next door."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from memoria_tui.cli.options import Json, terminal_of

database = typer.Typer(help="The database of relations, work time and history.", rich_markup_mode=None)


def backup(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Where to; otherwise MEMORIA_HOME/backups.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Delete all but the newest N backups there.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Write everything into one checksummed file, also while others write: vectors, relations, work time, history."""
    from memoria_tui.cli import backup as backups

    return backups.backup(terminal_of(context), folder, keep, as_json=as_json)


def import_(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE…",
            help="Exports and backups of MCP Memoria or of this program, "
            "JSON lines, Markdown and text files or folders of them; - reads JSON lines from standard input.",
        ),
    ] = None,
    memori: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="A PostgreSQL with Memori's schema `memori`: postgresql://user@host/db. It is only read.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be imported and write nothing.")] = False,
    as_json: Json = False,
) -> int:
    """Import memories, relations and work time from files or from Memori. What was changed here since stays."""
    from memoria_tui.cli import files as transfer

    if memori is None and not files:
        raise typer.BadParameter("name a file, or a database with --memori", param_hint="FILE…")
    if memori is not None and dry_run and not files:
        return transfer.preview_memori(terminal_of(context), memori, as_json=as_json)
    return transfer.import_files(terminal_of(context), files or [], memori, dry_run=dry_run, as_json=as_json)


def export(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file to write, JSON lines; - writes to standard output.")
    ],
    ids: Annotated[
        list[str] | None, typer.Option("--id", metavar="ID", help="Only this memory; may be repeated.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Write over a file that is there.")] = False,
    as_json: Json = False,
) -> int:
    """Write everything into a file that `import` makes the same store of: memories, relations, work time, history."""
    from memoria_tui.cli import files as transfer

    return transfer.export(terminal_of(context), file, ids, force=force, as_json=as_json)


def reembed(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", metavar="NAME", help="`bundled`, or a model of Ollama; else as the settings say."
        ),
    ] = None,
    ollama: Annotated[
        str | None, typer.Option(metavar="HOST", help="Where Ollama is; otherwise MEMORIA_OLLAMA_HOST, or here.")
    ] = None,
    dimensions: Annotated[
        int | None, typer.Option(min=1, max=65536, help="Size of the vectors; otherwise as the model makes them.")
    ] = None,
    show: Annotated[bool, typer.Option("--status", help="Say which vectors are in use, under way and kept.")] = False,
    drop_old: Annotated[bool, typer.Option("--drop-old", help="Delete the vectors in use before.")] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Throw away what was embedded and not taken into use.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask where a program that shares the store cannot follow.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Move all memories to another embedding model while they stay usable; goes on where it was stopped."""
    from memoria_tui.cli import reembed as reembedding

    if show + drop_old + cancel + (model is not None) > 1 or (show + drop_old + cancel and (ollama or dimensions)):
        raise typer.BadParameter("choose one of --model, --status, --drop-old and --cancel")
    terminal = terminal_of(context)
    if show:
        return reembedding.status(terminal, as_json=as_json)
    if drop_old:
        return reembedding.drop_old(terminal, as_json=as_json)
    if cancel:
        return reembedding.cancel(terminal, as_json=as_json)
    return reembedding.reembed(terminal, model, ollama, dimensions, yes=yes, as_json=as_json)


@database.command("status")
def database_status(context: typer.Context, as_json: Json = False) -> int:
    """Say whether the database has the tables of this program."""
    from memoria_tui.cli import stores

    return stores.database_status(terminal_of(context), as_json=as_json)


@database.command("upgrade")
def database_upgrade(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the SQL and change nothing.")] = False,
    sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask on a terminal.")] = False,
    as_json: Json = False,
) -> int:
    """Add to the database what this program needs; what is there stays as it is."""
    from memoria_tui.cli import stores

    return stores.database_upgrade(terminal_of(context), dry_run=dry_run, sure=sure, as_json=as_json)


COMMANDS: Mapping[str, Callable[..., int]] = {"backup": backup, "import": import_, "export": export, "reembed": reembed}
"""By name."""
