"""Commands that take files in and write them, with progress on a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from memoria_tui.cli.terminal import Terminal
from services.errors import InvalidInput

if TYPE_CHECKING:
    from services.container import Services
    from services.model import Progress
    from services.transfer.import_run import ImportReport, Remark
    from services.transfer.importing import RecordSource

_SHOWN = 10
"""Remarks of one kind that are printed."""


def import_files(terminal: Terminal, files: Sequence[Path], memori: str | None, *, dry_run: bool, as_json: bool) -> int:
    """`memori` is the URL of a database of Memori's, read after the files."""

    async def act(services: Services) -> ImportReport:
        from services.transfer.formats.source import Source

        sources: list[RecordSource] = [
            Source(None, terminal.stdin) if str(file) == "-" else Source(file.expanduser()) for file in files
        ]
        if memori is not None:
            sources.append(_memori(memori))
        with progress_bar(terminal) as advance:
            return await services.importing.import_sources(sources, dry_run=dry_run, progress=advance)

    report = terminal.run(act)
    if as_json:
        terminal.print_json(_report_json(report, dry_run=dry_run))
    else:
        terminal.print(f"dry run, nothing was written: {report.summary()}" if dry_run else report.summary())
        _print_remarks(terminal, "left out", report.failed)
        _print_remarks(terminal, "kept", report.kept)
        _print_remarks(terminal, "note", report.notes)
    if (problem := _problem(report)) is None:
        return 0
    terminal.complain(problem)
    return 1


def _problem(report: ImportReport) -> str | None:
    """Why the import is not done, in one line; None when it is."""
    unreadable = [one for one in report.failed if not one.record]
    if len(unreadable) > 1:
        return f"{len(unreadable)} sources could not be read: {', '.join(one.source for one in unreadable)}"
    if report.broken is not None:
        return report.broken
    if report.barren:
        return f"nothing could be imported from {', '.join(report.barren)}; the reasons are above"
    return None


def _report_json(report: ImportReport, *, dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "memories": report.memories,
        "relations": report.relations,
        "sessions": report.sessions,
        "unchanged": report.unchanged,
        "failed": _remarks_json(report.failed),
        "kept": _remarks_json(report.kept),
        "notes": _remarks_json(report.notes),
    }


def preview_memori(terminal: Terminal, url: str, *, as_json: bool) -> int:
    """Tells what an import from Memori would read; neither side is written."""
    from services.transfer.import_run import Remark
    from services.transfer.tally import tally

    source = _memori(url)
    counts, bad = tally(source)
    failed = [Remark(source.name, one.where, one.reason) for one in bad]
    if as_json:
        terminal.print_json({"rows": source.size, **counts.as_json(), "failed": _remarks_json(failed)})
        return 0
    terminal.print(f"{source.name}: {source.size or 0:,} rows; nothing was imported")
    terminal.print(f"memories:  {_listed(counts.memories)}")
    terminal.print(f"relations: {_listed(counts.relations)}")
    terminal.print(f"expired:   {counts.expired:,}, imported with the tag «expired»")
    terminal.print(f"left out:  {len(failed):,}")
    _print_remarks(terminal, "left out", failed)
    return 0


def _memori(url: str) -> RecordSource:
    from services.container import memori_source

    return memori_source(url)


def _listed(counts: Mapping[str, int]) -> str:
    """«1,200 semantic, 30 episodic»."""
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items(), key=lambda one: -one[1])) or "none"


def _remarks_json(remarks: Sequence[Remark]) -> list[dict[str, str]]:
    return [{"source": one.source, "record": one.record, "reason": one.reason} for one in remarks]


def _print_remarks(terminal: Terminal, what: str, remarks: Sequence[Remark]) -> None:
    for one in remarks[:_SHOWN]:
        terminal.print_text(f"{what}: {one}")
    if len(remarks) > _SHOWN:
        terminal.print(f"{what}: {len(remarks) - _SHOWN:,} more; --json lists all")


def export(terminal: Terminal, file: Path, ids: Sequence[str] | None, *, force: bool, as_json: bool) -> int:
    path = file.expanduser()
    if path.is_file() and not force:
        raise InvalidInput(f"{file} is there already; nothing was written. --force writes over it")

    async def act(services: Services) -> int:
        wanted = [(await services.memories.get(one)).id for one in ids] if ids else None
        if str(file) == "-":
            async for line in services.exporting.lines(wanted):
                terminal.write(line.decode("ascii"))
            return 0
        with progress_bar(terminal) as advance:
            counts = await services.exporting.export(path, wanted, progress=advance)
        if as_json:
            terminal.print_json({"file": str(file), **counts})
        else:
            terminal.print(f"{file}: " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))
        return 0

    return terminal.run(act)


@contextlib.contextmanager
def progress_bar(terminal: Terminal) -> Iterator[Callable[[Progress], None]]:
    """A bar with rate and time left on a terminal that draws; nothing in a pipe, nor where no codes are wanted."""
    plain = terminal.environment.get("NO_COLOR") or terminal.environment.get("TERM") == "dumb"
    if plain or not terminal.stderr.isatty():
        yield lambda progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(file=terminal.stderr), transient=True) as bar:
        task = bar.add_task("", total=None, rate="")

        def advance(progress: Progress) -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed:,.0f}/s" if speed else ""
            bar.update(task, description=progress.what, completed=progress.done, total=progress.total, rate=rate)

        yield advance
