"""The commands that import and export."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.import_differences import print_both_texts
from memoria_tui.cli.import_options import reading
from memoria_tui.cli.json_output import import_json, remarks_json
from memoria_tui.cli.queries import read_query
from memoria_tui.cli.terminal import terminal_of
from memoria_tui.cli.with_services import Json, only_one, with_options
from services.errors import InvalidInput
from services.files import given_path, other_name
from services.model import any_of, counted, counted_each
from services.storable_text import quoted
from services.transfer.reader_parts import READABLE_SOURCES
from services.transfer.reader_parts.reading_options import ReadingOptions
from services.transfer.writers import Format, format_of
from services.unknown_ids import is_id_part

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.transfer.import_outcome import Side
    from services.transfer.import_run import ImportReport, Remark, Take
    from services.transfer.importing import RecordSource, Retire

commands = typer.Typer()

_SHOWN = 10
"""Remarks of one kind that are printed."""
_MOST_AROUND = 100_000
"""Memories of a neighbourhood."""


@commands.command("import")
@with_options(reading)
def import_(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE…",
            help=f"Each {READABLE_SOURCES}; - reads JSON lines from standard input.",
        ),
    ] = None,
    memori: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="A PostgreSQL with Memori's schema `memori`: postgresql://user@host/db. It is only read.",
        ),
    ] = None,
    *,
    reading: ReadingOptions,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be imported and write nothing.")] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show both texts where here and the source changed one.")
    ] = False,
    sides: Annotated[
        list[str] | None,
        typer.Option(
            "--take",
            metavar="SIDE[:ID]",
            help="Where both changed one: theirs, as the source has it, or mine.",
            autocompletion=completing.sides,
        ),
    ] = None,
    retire: Annotated[
        bool, typer.Option("--retire-missing", help="Ask whether what a source has no longer goes to the trash.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Import memories, relations and work time from files or from Memori. What was changed here since stays."""
    if memori is None and not files:
        raise typer.BadParameter("name a file, or a database with --memori", param_hint="FILE…")
    if [*map(str, files or ())].count("-") > 1:
        raise typer.BadParameter("standard input can be read once: give - once", param_hint="FILE…")
    take = _sides(sides or ())
    terminal = terminal_of(context)
    if memori is not None and dry_run and not files:
        _preview_memori(terminal, memori, as_json=as_json)
        return 0

    async def act(services: Services) -> ImportReport:
        from services.container import memori_source
        from services.transfer.reader_parts.source import Source

        read = partial(Source, options=reading)
        sources: list[RecordSource] = [
            read(None, terminal.stdin) if str(file) == "-" else read(given_path(file)) for file in files or ()
        ]
        if memori is not None:
            sources.append(memori_source(memori))
        asks = partial(_may_retire, terminal) if retire else None
        return await _imported(terminal, services, sources, dry_run=dry_run, retire=asks, take=take)

    report = terminal.run(act)
    if as_json:
        terminal.print_json(import_json(report, dry_run=dry_run))
    else:
        _print_report(terminal, report, dry_run=dry_run, diff=diff)
    if (problem := _problem(report)) is None:
        return 0
    terminal.error(problem)
    return 1


async def _imported(
    terminal: Terminal,
    services: Services,
    sources: Sequence[RecordSource],
    *,
    dry_run: bool,
    retire: Retire | None,
    take: Take,
) -> ImportReport:
    """Imports them under a bar; says when it is stopped what is written by then."""
    parts: list[ImportReport] = []
    try:
        with terminal.progress_bar() as advance:
            return await services.importing.import_sources(
                sources, dry_run=dry_run, retire=retire, written=parts.append, take=take, progress=advance
            )
    except asyncio.CancelledError:
        if parts:
            terminal.error(
                f"stopped: {counted(parts[-1].memories, 'memory')} imported, to be undone by one undo; "
                "the same command goes on there"
            )
        raise


def _print_report(terminal: Terminal, report: ImportReport, *, dry_run: bool, diff: bool) -> None:
    problem = _problem(report)
    terminal.print(f"dry run, nothing was written: {report.summary()}" if dry_run else report.summary())
    _print_remarks(terminal, "left out", [one for one in report.failed if str(one) != problem])
    _print_remarks(terminal, "kept", report.kept)
    if diff:
        print_both_texts(terminal, report.kept)
    elif report.kept:
        shows = "--diff shows what differs; " if any(one.texts for one in report.kept) else ""
        terminal.print(f"{shows}--take theirs or mine decides, for one of them --take theirs:ID")
    if not report.retired:
        _print_remarks(terminal, "gone", report.missing)
    _print_remarks(terminal, "note", report.notes)


@commands.command()
def export(
    context: typer.Context,
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="The file or folder to write; - writes to standard output.")
    ],
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="By default that of the end of the name, else jsonl, which has everything: `import` makes the same "
            "store of it.",
        ),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(
            "--query",
            "-q",
            metavar="QUERY",
            help="Only what it finds, such as 'type:semantic tag:auth'.",
            autocompletion=completing.queries,
        ),
    ] = None,
    around: Annotated[
        str | None,
        typer.Option(
            "--around", metavar="ID", help="Only this memory and its neighbours.", autocompletion=completing.ids
        ),
    ] = None,
    depth: Annotated[int, typer.Option("--depth", "-d", min=1, max=10, help="Most hops from it.")] = 2,
    ids: Annotated[
        list[str] | None,
        typer.Option("--id", metavar="ID", help="Only this memory; may be repeated.", autocompletion=completing.ids),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Write over a file that is there, or into a folder.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write memories with what belongs to them: everything, or what is chosen, in a format of your choice."""
    only_one({"--query": query, "--around": around, "--id": ids}, "--query")
    terminal, path = terminal_of(context), given_path(target)
    chosen = format_ or (format_of(path) if path.suffix else None) or Format.JSONL
    if str(target) != "-" and chosen.writer.is_taken(path) and not force:
        how = "into" if path.is_dir() else "over"
        raise InvalidInput(f"{target} is there already; nothing was written. --force writes {how} it")

    async def act(services: Services) -> None:
        from services.transfer.export_source import Selection

        selection, writer = Selection(await _chosen(services, terminal, query, around, depth, ids)), chosen.writer
        if str(target) == "-":
            made = await services.exporting.stream(writer, lambda piece: terminal.write(piece.decode()), selection)
            if made.lost:
                terminal.error(f"not exported: {made.lost}")
            return
        with terminal.progress_bar() as advance:
            made = await services.exporting.write(path, writer, selection, replace=force, progress=advance)
        if told := await services.memories.outside.emptied():
            terminal.error(told)
        counts = {name.removeprefix("user_").replace("_", " "): count for name, count in made.counts.items()}
        told = f"{target}: {counted_each(counts) or 'nothing in it, for no memory was found'}"
        lines = [told, *([f"not exported: {made.lost}"] if made.lost else [])]
        if format_ is None and path.suffix and format_of(path) is None:
            lines.append(f"{path.suffix} says no format: it is written as {chosen}; --format writes another")
        elif path.suffix and (named := format_of(path)) is not None and named.writer.suffix != writer.suffix:
            lines.append(other_name(path, named, chosen))
        about = {"file": str(target), "format": chosen, **made.counts, "not_exported": made.lost}
        terminal.print_result(about, "\n".join(lines), as_json=as_json)

    terminal.run(act)


async def _chosen(
    services: Services,
    terminal: Terminal,
    query: str | None,
    around: str | None,
    depth: int,
    ids: Sequence[str] | None,
) -> Sequence[str] | None:
    """The memories that are wanted; None for all. Raises NotFound, QuerySyntaxError."""
    if query is not None:
        return await services.search.ids(read_query(services, terminal, query))
    if around is not None:
        center = (await services.memories.get(around)).id
        found = await services.graph.neighborhood(center, depth, limit=_MOST_AROUND)
        return [node.id for node in found.nodes]
    return [(await services.memories.get(one)).id for one in ids] if ids else None


async def _may_retire(terminal: Terminal, missing: Sequence[Remark]) -> bool:
    """Asks; where nobody can be asked it says what to do, and no is the answer."""
    what = f"{counted(len(missing), 'memory')} that the source has no longer"
    if not terminal.is_interactive:
        terminal.error(
            f"{what}: kept, for --retire-missing asks and nobody can be asked here; "
            "run it in a terminal, or delete them with: memoria-tui delete ID…"
        )
        return False
    for one in missing[:_SHOWN]:
        terminal.info(f"{one.record}: {one.reason.partition(' is no longer')[0]}")
    return await terminal.confirm(f"Move {what} to the trash, from where undo brings them back?")


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


def _sides(texts: Sequence[str]) -> Callable[[str], Side | None]:
    """By a memory, the side that is asked for: for it, else for all."""
    from services.transfer.import_outcome import Side

    chosen: dict[str, Side] = {}
    for text in texts:
        side, colon, prefix = text.partition(":")
        if side not in list(Side) or (colon and not is_id_part(prefix)):
            told = f"{quoted(text)}: write {any_of(Side)}, with :ID for one memory"
            raise typer.BadParameter(told, param_hint="--take")
        chosen[prefix.lower()] = Side(side)
    by_length = sorted(chosen, key=len, reverse=True)
    return lambda memory_id: next((chosen[one] for one in by_length if memory_id.startswith(one)), None)


def _preview_memori(terminal: Terminal, url: str, *, as_json: bool) -> None:
    """What an import from Memori would read; neither side is written."""
    from services.container import memori_source
    from services.transfer.import_run import Remark
    from services.transfer.reader_parts.memori import tally

    source = memori_source(url)
    counts, bad = tally(source)
    failed = [Remark(source.name, one.where, one.reason) for one in bad]
    if as_json:
        terminal.print_json({"rows": source.size, **counts.as_json(), "failed": remarks_json(failed)})
        return
    terminal.print(f"{source.name}: {source.size or 0:,} rows; nothing was imported")
    terminal.print(f"memories:  {_listed(counts.memories)}")
    terminal.print(f"relations: {_listed(counts.relations)}")
    terminal.print(f'expired:   {counts.expired:,}, imported with the tag "expired"')
    terminal.print(f"left out:  {len(failed):,}")
    _print_remarks(terminal, "left out", failed)


def _listed(counts: Mapping[str, int]) -> str:
    """`1,200 semantic, 30 episodic`."""
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items(), key=lambda one: -one[1])) or "none"


def _print_remarks(terminal: Terminal, what: str, remarks: Sequence[Remark]) -> None:
    for one in remarks[:_SHOWN]:
        terminal.print_text(f"{what}: {one}")
    if len(remarks) > _SHOWN:
        terminal.print(f"{what}: {len(remarks) - _SHOWN:,} more; --json lists all")
