"""Commands that take files in and write them, with progress on a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from memoria_tui.cli.terminal import Terminal

if TYPE_CHECKING:
    from services.container import Services
    from services.model import Progress
    from services.transfer.importing import RecordSource
    from services.transfer.memori import MemoriSource
    from services.transfer.run import ImportReport

_SHOWN_FAILURES = 10


def import_files(terminal: Terminal, files: Sequence[Path], memori: str | None, *, as_json: bool) -> int:
    """`memori` is the URL of a database of Memori's, read after the files."""

    async def act(services: Services) -> ImportReport:
        from services.transfer.formats.source import Source

        sources: list[RecordSource] = [
            Source(None, terminal.stdin) if str(file) == "-" else Source(file.expanduser()) for file in files
        ]
        if memori is not None:
            sources.append(_memori(memori))
        with progress_bar(terminal) as advance:
            return await services.importing.import_sources(sources, progress=advance)

    report = terminal.run(act)
    failed = [(one.record, one.reason) for one in report.failed]
    if as_json:
        terminal.print_json(
            {
                "memories": report.memories,
                "relations": report.relations,
                "sessions": report.sessions,
                "unchanged": report.unchanged,
                "failed": _failed_json(failed),
            }
        )
    else:
        terminal.print(
            f"{report.memories:,} memories, {report.relations:,} relations, {report.sessions:,} work sessions taken in"
            f" · {report.unchanged:,} unchanged · {len(failed):,} left out"
        )
        _print_failed(terminal, failed)
    if report.broken is None:
        return 0
    terminal.complain(report.broken)
    return 1


def preview_memori(terminal: Terminal, url: str, *, as_json: bool) -> int:
    """Tells what an import from Memori would read; neither side is written."""
    from services.transfer.memori import tally

    source = _memori(url)
    counts, bad = tally(source)
    failed = [(one.where, one.reason) for one in bad]
    if as_json:
        terminal.print_json({"rows": source.size, **counts.as_json(), "failed": _failed_json(failed)})
        return 0
    terminal.print(f"{source.name}: {source.size or 0:,} rows; nothing was taken in")
    terminal.print(f"memories:  {_listed(counts.memories)}")
    terminal.print(f"relations: {_listed(counts.relations)}")
    terminal.print(f"expired:   {counts.expired:,}, taken in with the tag «expired»")
    terminal.print(f"left out:  {len(failed):,}")
    _print_failed(terminal, failed)
    return 0


def _memori(url: str) -> MemoriSource:
    from services.adapters.memori import MemoriDatabase
    from services.container import now
    from services.transfer.memori import MemoriSource

    return MemoriSource(MemoriDatabase(url), now)


def _listed(counts: Mapping[str, int]) -> str:
    """«1,200 semantic, 30 episodic»."""
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items(), key=lambda one: -one[1])) or "none"


def _failed_json(failed: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"record": record, "reason": reason} for record, reason in failed]


def _print_failed(terminal: Terminal, failed: Sequence[tuple[str, str]]) -> None:
    for record, reason in failed[:_SHOWN_FAILURES]:
        terminal.print_text(f"left out: {record}: {reason}")
    if len(failed) > _SHOWN_FAILURES:
        terminal.print(f"… and {len(failed) - _SHOWN_FAILURES:,} more; --json lists all")


def export(terminal: Terminal, file: Path, ids: Sequence[str] | None, *, as_json: bool) -> int:
    path = file.expanduser()

    async def act(services: Services) -> int:
        wanted = [(await services.memories.get(one)).id for one in ids] if ids else None
        if str(file) == "-":
            async for line in services.exporting.lines(wanted):
                terminal.stdout.write(line.decode("ascii"))
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
    """A bar with rate and time left on a terminal, nothing in a pipe."""
    if not terminal.stderr.isatty():
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
