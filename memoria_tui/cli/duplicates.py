"""The command about near-identical memories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli.json_output import cluster_json
from memoria_tui.cli.with_services import Json, Yes, with_services
from services.storable_text import shortened

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.curation.duplicates import Cluster

commands = typer.Typer()

_SHOWN = 8
"""Groups that a question names one by one."""
_DIFFERENCES = 4
"""Places in which two texts differ that a line names."""


@commands.command()
@with_services
async def duplicates(
    services: Services,
    terminal: Terminal,
    above: Annotated[
        float, typer.Option("--above", min=0.0, max=1.0, help="Least share of the words that both have.")
    ] = 0.0,
    apply: Annotated[
        bool, typer.Option("--apply", help="Merge all that need no look: same type, project, and words.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Scan all of them again.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Most groups to print.")] = 20,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --apply: only say what would be merged.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Find near-identical memories; those that are kept apart or superseded are left out. `undo` takes a merge back."""
    import asyncio

    from services.curation.duplicates import mergeable
    from services.model import Progress, counted

    with terminal.progress_bar() as advance:
        async for step in services.duplicate_scan.scan(again=again):
            advance(Progress(step.done, step.total, "scanning"))
    found = await services.duplicates.clusters(above=above)
    if not apply:
        _print(terminal, found, limit, as_json=as_json)
        return
    sure = await asyncio.to_thread(mergeable, found)
    number = sum(len(one.others) for one in sure)
    if dry_run:
        if not as_json:
            terminal.print(f"would merge {counted(number)} into {len(sure):,}:")
        _print(terminal, sure, limit, as_json=as_json)
        return
    if sure and not yes:
        more = [f"  … and {len(sure) - _SHOWN:,} more"] if len(sure) > _SHOWN else []
        await terminal.require_yes(
            f"Merge {counted(number)} into {len(sure):,}?",
            details=[*(f"  {line}" for one in sure[:_SHOWN] for line in _lines(one)), *more],
            declined="nothing was merged",
            unattended=f"nothing was merged: {number:,} would go to the trash; add --yes",
            as_json=as_json,
        )
    pairs = [(one.kept, [other.memory for other in one.others]) for one in sure]
    merged = await services.duplicates.merge(pairs) if sure else 0
    told = (
        f"{counted(merged)} merged into {len(sure):,} · undo with: memoria-tui undo" if merged else "nothing to merge"
    )
    terminal.print_result({"merged": merged, "into": len(sure)}, told, as_json=as_json)


def _print(terminal: Terminal, found: Sequence[Cluster], limit: int, *, as_json: bool) -> None:
    if as_json:
        terminal.print_json({"total": len(found), "groups": [cluster_json(one) for one in found[:limit]]})
        return
    for one in found[:limit]:
        for line in _lines(one):
            terminal.print_text_line(line)
    if not found:
        terminal.print("no memory is nearly the same as another one")
    elif len(found) > limit:
        terminal.error(f"showing {limit:,} of {len(found):,} groups; --limit shows more")


def _lines(cluster: Cluster) -> list[str]:
    """The one that would be kept, and below it those that are like it, with the words in whose place theirs stand."""
    lines = [f"{cluster.kept.id[:8]}  {shortened(cluster.kept.title, 100)}"]
    for one in cluster.others:
        lines.append(f"  {one.memory.id[:8]}  {one.shared:>4.0%}  {one.kind:<8} {shortened(one.memory.title, 90)}")
        if told := _differing(cluster.kept.content, one.memory.content):
            lines.append(f"      differs: {told}")
    return lines


def _differing(kept: str, other: str) -> str:
    """«Anna → Maria · +now · −late»; "" where only blanks do."""
    from services.distinctive_words import words_that_differ

    pairs = words_that_differ(kept, other)
    told = [f"{one} → {it}" if one and it else f"−{one}" if one else f"+{it}" for one, it in pairs[:_DIFFERENCES]]
    told += ["…"] if len(pairs) > _DIFFERENCES else []
    return " · ".join(shortened(one, 60) for one in told)
