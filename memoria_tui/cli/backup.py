"""The commands that back everything up and restore it, or memories from the trash."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.json_output import archive_json, comparison_json
from memoria_tui.cli.terminal import terminal_of
from memoria_tui.cli.trash import restore_memories
from memoria_tui.cli.with_services import Json, Yes, checked, only_one, with_services
from services.errors import InvalidInput, Malformed
from services.files import given_path, readable_size
from services.model import counted_each
from services.storable_text import quoted

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.backup.backup_values import Comparison, RestoreReport
    from services.container import Services

commands = typer.Typer()

_SUFFIX = ".tar"


def daily_alone(folder: Path | None, keep: int | None, daily: bool) -> None:
    if daily and (folder or keep):
        raise typer.BadParameter("--daily takes no folder and no --keep; MEMORIA_BACKUP_KEEP says how many are kept")


@commands.command()
@checked(daily_alone)
@with_services
async def backup(
    services: Services,
    terminal: Terminal,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Where to; otherwise MEMORIA_HOME/backups.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Delete all but the newest N backups there.")
    ] = None,
    daily: Annotated[
        bool, typer.Option("--daily", help="The one that is made by itself: once a day, when something changed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write everything into one checksummed file, also while others write: vectors, relations, work time, history."""
    start = time.perf_counter()
    place = terminal.settings.backups_dir if folder is None else given_path(folder)
    with terminal.progress_bar() as advance:
        made = services.daily_backups.make() if daily else services.backup.backup(place, keep=keep, progress=advance)
        archive = await made
    if archive is None:
        terminal.print_result({"archive": None}, "no daily backup is due", as_json=as_json)
        return
    seconds = time.perf_counter() - start
    if as_json:
        terminal.print_json(archive_json(archive) | _speed_json(archive.records, seconds))
    else:
        terminal.print_text(str(archive.path))
        terminal.print(f"{_counted(archive.counts)} · {readable_size(archive.bytes)}{_speed(archive.records, seconds)}")


@commands.command()
def restore(
    context: typer.Context,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="BACKUP|FOLDER|ID…",
            help="A backup, a folder (its newest one), or ids of memories in the trash.",
            autocompletion=completing.trashed_ids,
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Finish a restore that was stopped in the middle.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Undo a restore that was stopped in the middle.")] = False,
    merge: Annotated[
        bool, typer.Option("--merge", help="Add what is missing or newer in the backup; keep the rest (default).")
    ] = False,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Replace everything here with the backup; what is here is backed up first."),
    ] = False,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Verify and show what would change, no more.")] = False,
    as_json: Json = False,
) -> None:
    """Bring memories back from the trash, with their relations; or restore a backup."""
    only_one({"--merge": merge, "--replace": replace})
    terminal = terminal_of(context)
    if resume or undo:
        if what or merge or replace or dry_run or (resume and undo):
            raise typer.BadParameter("--resume and --undo take nothing else: they are about a restore that was begun")
        undoing = partial(_undo_restore, terminal=terminal, yes=yes, as_json=as_json)
        finishing = partial(_finish_restore, terminal=terminal, as_json=as_json)
        terminal.run(undoing if undo else finishing, resumes=True)
    elif not what:
        raise typer.BadParameter("give a backup, a folder of them, or ids of memories in the trash")
    elif any(map(_is_backup, what)):
        if len(what) != 1:
            raise Malformed("give one backup, or one folder of them, at a time")
        given = given_path(what[0])
        is_folder = given.is_dir()

        async def act(services: Services) -> None:
            path = await _newest(services, given) if is_folder else given
            await _restore(services, terminal, path, replace=replace, yes=yes, dry_run=dry_run, as_json=as_json)

        terminal.run(act, resumes=True)
    elif merge or replace or dry_run:
        raise typer.BadParameter(f"{quoted(what[0])} is no backup; --merge, --replace and --dry-run are for backups")
    else:
        terminal.run(lambda services: restore_memories(services, terminal, what, as_json=as_json))


def _is_backup(argument: str) -> bool:
    """Whether it names a backup or a folder of them, not a memory in the trash."""
    return "/" in argument or argument.endswith(_SUFFIX) or argument.startswith("~") or os.path.exists(argument)


async def _restore(
    services: Services, terminal: Terminal, path: Path, *, replace: bool, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Compares, shows, asks on a terminal, restores. Raises InvalidInput where nobody can be asked."""
    with terminal.progress_bar() as advance:
        comparison = await services.restoring.compare(path, progress=advance)
    if dry_run and as_json:
        terminal.print_json(comparison_json(comparison))
    elif not as_json:
        _print_comparison(terminal, comparison, replace=replace)
    if dry_run:
        return
    if not yes:
        await _require_yes(terminal, loses=replace and not comparison.empty)
    start = time.perf_counter()
    with terminal.progress_bar() as advance:
        report = await services.restoring.restore(comparison, replace=replace, progress=advance)
    _print_report(terminal, report, time.perf_counter() - start, as_json=as_json)


async def _finish_restore(services: Services, terminal: Terminal, *, as_json: bool) -> None:
    """Finishes the restore that was begun. Raises NotFound when there is none."""
    start = time.perf_counter()
    with terminal.progress_bar() as advance:
        report = await services.restoring.finish(progress=advance)
    _print_report(terminal, report, time.perf_counter() - start, as_json=as_json)


async def _undo_restore(services: Services, terminal: Terminal, *, yes: bool, as_json: bool) -> None:
    """Undoes the restore that was begun. Raises NotFound when there is none."""
    if not yes:
        await terminal.require_yes("Undo the restore that was begun?", declined="nothing was undone", unattended=None)
    with terminal.progress_bar() as advance:
        await services.restoring.take_back(progress=advance)
    undone = "the restore was undone: what was here before it is here again"
    terminal.print_result({"undone": True}, undone, as_json=as_json)


async def _newest(services: Services, folder: Path) -> Path:
    """The newest complete archive of a folder."""
    found = await services.backup.archives(folder)
    complete = next((archive for archive in found if archive.problem is None), None)
    if complete is None:
        why = f": {found[0].problem}" if found else ""
        raise InvalidInput(f"{folder}: there is no backup in this folder that could be restored{why}")
    return complete.path


async def _require_yes(terminal: Terminal, *, loses: bool) -> None:
    """`loses`: what is here is replaced; only then somebody must answer."""
    question = "Replace what is here with this backup? What is here is backed up first." if loses else "Restore this?"
    refused = "--replace replaces what is here: add --yes where nobody can be asked"
    await terminal.require_yes(question, declined="nothing was restored", unattended=refused if loses else None)


def _print_comparison(terminal: Terminal, comparison: Comparison, *, replace: bool) -> None:
    """What the restore would do."""
    archive = comparison.archive
    made = terminal.local_time(archive.made_at) if archive.made_at else "unknown"
    terminal.print_text(f"{archive.path} · made {made} · {readable_size(archive.bytes)} · verified, no damage")
    for remark in comparison.remarks:
        terminal.print_text(remark)
    if comparison.empty:
        terminal.print(f"the store is empty · restores {_counted(archive.counts)}")
        return
    older = "here newer, replaced" if replace else "here newer, kept"
    gone = "only here, deleted" if replace else "only here, kept"
    head = ("", "new", "changed", older, "same", gone)
    table = [
        (one.kind, *(f"{count:,}" for count in (one.new, one.newer, one.older, one.same, one.only_here)))
        for one in comparison.differences
        if one.kind != "changes" and any((one.new, one.newer, one.older, one.same, one.only_here))
    ]
    terminal.print_table(head, table, right=head[1:])
    if replace:
        terminal.print_text("what is here is backed up first; the history stays, and deleted memories are in the trash")


def _print_report(terminal: Terminal, report: RestoreReport, seconds: float, *, as_json: bool) -> None:
    records = report.archive.records
    if as_json:
        safety = None if report.safety is None else str(report.safety.path)
        told = {"restored": dict(report.counts), "unchanged": report.unchanged, "safety_backup": safety}
        terminal.print_json(archive_json(report.archive) | told | _speed_json(records, seconds))
        return
    if report.safety is not None:
        terminal.print_text(f"what was here before is in {report.safety.path}")
    nothing = "nothing changed, all of the backup is here already: nothing to undo"
    restored = f"restored: {_counted(report.counts)}" if report.counts else nothing
    terminal.print(f"{restored} · {report.unchanged:,} unchanged{_speed(records, seconds)}")


def _counted(counts: Mapping[str, int]) -> str:
    return counted_each({kind: count for kind, count in counts.items() if count}) or "0 memories"


def _speed(records: int, seconds: float) -> str:
    return f" · {seconds:,.1f} s · {records / max(seconds, 0.001):,.0f} records/s"


def _speed_json(records: int, seconds: float) -> dict[str, object]:
    return {"seconds": round(seconds, 3), "records_per_second": round(records / max(seconds, 0.001))}
