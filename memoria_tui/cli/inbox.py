"""The commands about the inbox: what agents and imports wrote and no person has reviewed since."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.json_output import pending_json
from memoria_tui.cli.terminal import terminal_of
from memoria_tui.cli.with_services import DryRun, Json, Yes, checked, with_services
from services.curation.curation_values import GroupBy
from services.model import counted
from services.storable_text import shortened
from services.unknown_ids import UNREVIEWED_ID, only_id

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services

commands = typer.Typer(help="What agents and imports wrote and you have not reviewed yet.", invoke_without_command=True)
_ALL = 1_000_000
_SHOWN = 5
"""Memories that a question names one by one."""


@commands.callback()
def show(
    context: typer.Context,
    by: Annotated[GroupBy, typer.Option("--by", help="How it is grouped.")] = GroupBy.SESSION,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Most memories to print.")] = 50,
    as_json: Json = False,
) -> int:
    """Print what waits for your review, oldest first, and how much."""
    if context.invoked_subcommand is not None:
        return 0
    terminal = terminal_of(context)
    terminal.run(lambda services: _print(services, terminal, by, limit, as_json=as_json))
    return 0


async def _print(services: Services, terminal: Terminal, by: GroupBy, limit: int, *, as_json: bool) -> None:
    groups = await services.inbox.grouped(await services.inbox.pending(_ALL), by)
    total = sum(len(one.pending) for one in groups)
    first = list(islice((one for group in groups for one in group.pending), limit))
    items = {one.pending.memory_id: one for one in await services.inbox.items(first)}
    shown = [(group, [items[one.memory_id] for one in group.pending if one.memory_id in items]) for group in groups]
    shown = [(group, some) for group, some in shown if some]
    if as_json:
        told = [
            {"name": group.name, "at": group.at.isoformat(), "total": len(group.pending)}
            | {"memories": [pending_json(one) for one in some]}
            for group, some in shown
        ]
        terminal.print_json({"total": total, "by": by, "groups": told})
        return
    for group, some in shown:
        number = f"{len(some):,} of {len(group.pending):,}" if len(some) < len(group.pending) else f"{len(some):,}"
        terminal.print_text_line(f"{group.name or 'no project'} · {terminal.local_time(group.at)} · {number}")
        for one in some:
            terminal.print_text_line(
                f"  {one.pending.memory_id[:8]}  {one.change:<8} {shortened(one.memory.title, 100)}"
            )
    if not total:
        terminal.print("nothing waits for your review")
    elif total > len(first):
        terminal.error(f"showing {len(first):,} of {total:,}; --limit shows more")


def _names_some(ids: Sequence[str] | None, everything: bool) -> None:
    if bool(ids) is everything:
        raise typer.BadParameter("name memories, or give --all", param_hint="ID…")


@commands.command()
@checked(_names_some)
@with_services
async def keep(
    services: Services,
    terminal: Terminal,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID…]", help="Ids, or beginnings of ids.", autocompletion=completing.waiting_ids),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that wait now, after a question.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Say that you have seen memories and keep them as they are; `undo` undoes it."""
    pending = await services.inbox.pending(_ALL)
    if ids:
        waiting = {one.memory_id: one for one in pending}
        pending = [waiting[one] for one in dict.fromkeys(only_id(UNREVIEWED_ID, given, waiting) for given in ids)]
    listed = [
        f"  {one.pending.memory_id[:8]}  {one.change:<8} {shortened(one.memory.title, 80)}"
        for one in await services.inbox.items(pending[:_SHOWN])
    ]
    listed += [f"  … and {len(pending) - _SHOWN:,} more"] if len(pending) > _SHOWN else []
    if dry_run:
        would = f"would keep {counted(len(pending))} as reviewed{':' if listed else ''}"
        terminal.print_result({"reviewed": 0, "found": len(pending)}, "\n".join([would, *listed]), as_json=as_json)
        return
    if everything and pending and not yes:
        await terminal.require_yes(
            f"Keep {counted(len(pending))} as reviewed, without a look at each?",
            details=listed,
            declined="nothing was reviewed",
            unattended=f"nothing was reviewed: {counted(len(pending))} found; add --yes",
            as_json=as_json,
        )
    count = await services.inbox.keep({one.memory_id: one.last_change for one in pending})
    done = f"{count:,} reviewed · undo with: memoria-tui undo" if count else "nothing to review"
    terminal.print_result({"reviewed": count}, done, as_json=as_json)
