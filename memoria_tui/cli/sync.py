"""The commands about files and folders that are imported again by themselves."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.import_options import reading
from memoria_tui.cli.json_output import import_json, remarks_json
from memoria_tui.cli.with_services import Json, with_options, with_services
from services.files import given_path
from services.model import counted
from services.transfer.reader_parts.reading_options import ReadingOptions

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services

commands = typer.Typer(help="Files and folders that are imported again by themselves: add, run, status, remove.")
_NAMED = 20
"""Memories that a source has no longer and that are named; all are counted."""
Place = Annotated[Path, typer.Argument(metavar="FOLDER|FILE", help="What `import` takes.")]


@commands.command()
@with_options(reading)
@with_services
async def add(
    services: Services,
    terminal: Terminal,
    path: Place,
    both: Annotated[bool, typer.Option("--both", help="Write edits of texts back into their notes, too.")] = False,
    *,
    reading: ReadingOptions,
) -> int:
    """Import it now, and whenever it changes: at once while the app or `serve` runs, else at the next start."""
    from services.transfer.syncing import Mode

    mode = Mode.BOTH if both else Mode.IN
    added = await services.syncing.add(given_path(path), mode, reading)
    terminal.info(f"{added.path} is synced from now on" + (", both ways" if both else ""))
    return await _run(services, terminal, as_json=False, only=added.path)


@commands.command()
@with_services
async def run(services: Services, terminal: Terminal, as_json: Json = False) -> int:
    """Import what changed in all of them now, and write edits back where that was asked for."""
    return await _run(services, terminal, as_json=as_json)


async def _run(services: Services, terminal: Terminal, *, as_json: bool, only: Path | None = None) -> int:
    """The exit status: 1 when one could not be read, of `only` that alone."""
    with terminal.progress_bar() as advance:
        made = await services.syncing.run(progress=advance)
    if as_json:
        terminal.print_json(
            [
                {"path": str(one.path), "written": [str(path) for path in one.written]}
                | {"not_written": remarks_json(one.not_written)}
                | import_json(one.report, dry_run=False)
                for one in made
            ]
        )
    for one in () if as_json else made:
        terminal.print_text_line(one.summary())
        report = one.report
        for remark in [*report.failed, *report.kept, *report.missing[:_NAMED], *report.notes, *one.not_written]:
            terminal.print_text_line(f"  {remark}")
    if not made and not as_json:
        terminal.print("nothing is synced; add a folder with: memoria-tui sync add FOLDER")
    return int(any(one.report.broken for one in made if only in (None, one.path)))


@commands.command()
@with_services
async def status(services: Services, terminal: Terminal, as_json: Json = False) -> None:
    """Print what is synced, when that was last done, and where both sides changed the same."""
    found = await services.syncing.sources()
    if as_json:
        keys = ("path", "mode", "imported_at", "conflicts", "exists")
        terminal.print_json([{key: getattr(one, key) for key in keys} for one in found])
        return
    for one in found:
        when = f"imported {terminal.local_time(one.imported_at)}" if one.imported_at else "not imported yet"
        facts = [
            "both ways" if one.mode == "both" else "in",
            when,
            f"{counted(one.conflicts, 'conflict')}: see `{_compare(one.path)}`" if one.conflicts else "",
            "" if one.exists else "not there at the moment",
        ]
        terminal.print_text_line(" · ".join([str(one.path), *filter(None, facts)]))
    if not found:
        terminal.print("nothing is synced; add a folder with: memoria-tui sync add FOLDER")


def _compare(path: Path) -> str:
    """The command that shows both texts."""
    return f"memoria-tui import {shlex.quote(str(path))} --dry-run --diff"


@commands.command()
@with_services
async def remove(
    services: Services,
    terminal: Terminal,
    path: Annotated[
        Path,
        typer.Argument(metavar="FOLDER|FILE", help="As `sync status` lists it.", autocompletion=completing.synced),
    ],
) -> None:
    """Leave it alone from now on. What was imported stays."""
    await services.syncing.remove(given_path(path))
    terminal.print(f"{path} is no longer synced; its memories stay")
