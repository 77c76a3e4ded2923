"""The commands `backup` and `restore`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from memoria_tui.cli.files import progress_bar
from memoria_tui.cli.table import rows
from memoria_tui.cli.terminal import Terminal
from services.errors import InvalidInput

if TYPE_CHECKING:
    from services.backup.values import Archive, Comparison, RestoreReport
    from services.container import Services

_SUFFIX = ".tar"


def backup(terminal: Terminal, folder: Path | None, keep: int | None, *, as_json: bool) -> int:
    place = terminal.settings.backups_dir if folder is None else folder.expanduser()

    async def act(services: Services) -> tuple[Archive, float]:
        start = time.perf_counter()
        with progress_bar(terminal) as advance:
            archive = await services.backup.backup(place, keep=keep, progress=advance)
        return archive, time.perf_counter() - start

    archive, seconds = terminal.run(act)
    if as_json:
        terminal.print_json({**_archive_json(archive), **_speed_json(archive.records, seconds)})
    else:
        terminal.print_text(str(archive.path))
        terminal.print(f"{_counted(archive.counts)} · {_size(archive.bytes)}{_speed(archive.records, seconds)}")
    return 0


def is_backup(argument: str) -> bool:
    """Whether an argument of `restore` names a backup or a folder of them, not a memory in the trash."""
    return "/" in argument or argument.endswith(_SUFFIX) or argument.startswith("~") or Path(argument).exists()


def restore(
    terminal: Terminal, arguments: Sequence[str], *, replace: bool, yes: bool, dry_run: bool, as_json: bool
) -> int:
    """Compares, shows, asks on a terminal, restores. Raises InvalidInput where nobody can be asked."""
    if len(arguments) != 1:
        raise InvalidInput("give one backup, or one folder of them, at a time")

    given = Path(arguments[0]).expanduser()
    folder = given if given.is_dir() else None

    async def act(services: Services) -> int:
        path = given if folder is None else await _newest(services, folder)
        with progress_bar(terminal) as advance:
            comparison = await services.restoring.compare(path, progress=advance)
        if dry_run:
            _show(terminal, comparison, replace=replace, as_json=as_json)
            return 0
        if not as_json:
            _show(terminal, comparison, replace=replace, as_json=False)
        if not yes and not await _agreed(terminal, comparison, replace=replace):
            terminal.complain("nothing was restored")
            return 1
        start = time.perf_counter()
        with progress_bar(terminal) as advance:
            report = await services.restoring.restore(comparison, replace=replace, progress=advance)
        _report(terminal, report, time.perf_counter() - start, as_json=as_json)
        return 0

    return terminal.run(act, resumes=True)


def finish_restore(terminal: Terminal, *, undo: bool, yes: bool, as_json: bool) -> int:
    """Finishes the restore that was begun, or undoes it. Raises NotFound when there is none."""

    async def act(services: Services) -> int:
        question = "Undo the restore that was begun?"
        if undo and not yes and terminal.converses and not await terminal.agrees(question):
            terminal.complain("nothing was taken back")
            return 1
        start = time.perf_counter()
        with progress_bar(terminal) as advance:
            if undo:
                await services.restoring.take_back(progress=advance)
            else:
                report = await services.restoring.finish(progress=advance)
        if not undo:
            _report(terminal, report, time.perf_counter() - start, as_json=as_json)
        elif as_json:
            terminal.print_json({"undone": True})
        else:
            terminal.print("the restore was taken back: what was here before it is here again")
        return 0

    return terminal.run(act, resumes=True)


async def _newest(services: Services, folder: Path) -> Path:
    """The newest whole archive of a folder."""
    found = await services.backup.archives(folder)
    whole = next((archive for archive in found if archive.problem is None), None)
    if whole is None:
        why = f": {found[0].problem}" if found else ""
        raise InvalidInput(f"{folder}: there is no backup in this folder that could be restored{why}")
    return whole.path


async def _agreed(terminal: Terminal, comparison: Comparison, *, replace: bool) -> bool:
    loses = replace and not comparison.empty
    if not terminal.converses:
        if loses:
            raise InvalidInput("--replace replaces what is here: add --yes where nobody can be asked")
        return True
    if loses:
        return await terminal.agrees("Replace what is here with this backup? What is here is backed up first.")
    return await terminal.agrees("Restore this?")


def _show(terminal: Terminal, comparison: Comparison, *, replace: bool, as_json: bool) -> None:
    """What the restore would do."""
    archive = comparison.archive
    if as_json:
        differences = {
            one.kind: {
                "new": one.new,
                "newer": one.newer,
                "older": one.older,
                "same": one.same,
                "only_here": one.only_here,
            }
            for one in comparison.differences
        }
        about = {"empty": comparison.empty, "re_embed": comparison.re_embed, "continues": comparison.continues}
        terminal.print_json({**_archive_json(archive), **about, "differences": differences})
        return
    made = terminal.local(archive.made_at) if archive.made_at else "unknown"
    terminal.print_text(f"{archive.path} · made {made} · {_size(archive.bytes)} · every byte is as it was written")
    if comparison.continues:
        terminal.print("its restore was begun and not finished: it goes on")
    if comparison.re_embed:
        terminal.print_text(f"{comparison.re_embed}: they are made anew")
    if comparison.empty:
        terminal.print(f"the store is empty · restores {_counted(archive.counts)}")
        return
    kept = "here newer, replaced" if replace else "here newer, kept"
    gone = "only here, deleted" if replace else "only here, kept"
    head = ("", "new", "changed", kept, "same", gone)
    table = [
        (one.kind, *(f"{count:,}" for count in (one.new, one.newer, one.older, one.same, one.only_here)))
        for one in comparison.differences
        if one.kind != "changes" and any((one.new, one.newer, one.older, one.same, one.only_here))
    ]
    for line in rows(head, table, right=head[1:]):
        terminal.print(line)
    if replace:
        terminal.print_text("what is here is backed up first; the history stays, and deleted memories lie in the trash")


def _report(terminal: Terminal, report: RestoreReport, seconds: float, *, as_json: bool) -> None:
    records = report.archive.records
    if as_json:
        safety = None if report.safety is None else str(report.safety.path)
        told = {"restored": dict(report.counts), "unchanged": report.unchanged, "safety_backup": safety}
        terminal.print_json({**_archive_json(report.archive), **told, **_speed_json(records, seconds)})
        return
    if report.safety is not None:
        terminal.print_text(f"what was here before is in {report.safety.path}")
    restored = _counted(report.counts) if report.counts else "nothing was new"
    terminal.print(f"restored: {restored} · {report.unchanged:,} unchanged{_speed(records, seconds)}")


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count) or "0 memories"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"


def _speed(records: int, seconds: float) -> str:
    return f" · {seconds:,.1f} s · {records / max(seconds, 0.001):,.0f} records/s"


def _speed_json(records: int, seconds: float) -> dict[str, object]:
    return {"seconds": round(seconds, 3), "records_per_second": round(records / max(seconds, 0.001))}


def _archive_json(archive: Archive) -> dict[str, object]:
    return {
        "file": str(archive.path),
        "made_at": archive.made_at.isoformat() if archive.made_at else None,
        "bytes": archive.bytes,
        "counts": dict(archive.counts),
        "model": archive.model,
        "dimensions": archive.dimensions,
        "sha256": archive.digest,
    }
