"""The commands about the inbox: what agents and imports wrote and no person has reviewed since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli.json_output import pending_json
from memoria_tui.cli.with_services import Json, checked, terminal_of, with_services
from services.curation.inbox import GroupBy
from services.errors import Ambiguous, NotFound

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.ports import PendingReview

commands = typer.Typer(help="What agents and imports wrote and you have not reviewed yet.", invoke_without_command=True)
_ALL = 1_000_000


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
    pending = await services.inbox.pending(limit)
    total = await services.inbox.count()
    items = {one.pending.memory_id: one for one in await services.inbox.items(pending)}
    groups = await services.inbox.grouped([one.pending for one in items.values()], by)
    if as_json:
        told = [
            {"name": one.name, "at": one.at.isoformat()}
            | {"memories": [pending_json(items[it.memory_id]) for it in one.pending]}
            for one in groups
        ]
        terminal.print_json({"total": total, "by": by, "groups": told})
        return
    for group in groups:
        name = group.name or "no project"
        terminal.print_text_line(f"{name} · {terminal.local_time(group.at)} · {len(group.pending)}")
        for one in group.pending:
            item = items[one.memory_id]
            terminal.print_text_line(f"  {one.memory_id[:8]}  {item.change:<8} {item.memory.title[:100]}")
    if not pending:
        terminal.print("nothing waits for your review")
    elif total > len(pending):
        terminal.error(f"showing {len(pending):,} of {total:,}; --limit shows more")


def _names_some(ids: Sequence[str] | None, everything: bool) -> None:
    if bool(ids) is everything:
        raise typer.BadParameter("name memories, or give --all", param_hint="ID…")


@commands.command()
@checked(_names_some)
@with_services
async def keep(
    services: Services,
    terminal: Terminal,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID…]", help="Ids, or beginnings of ids.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that wait now.")] = False,
    as_json: Json = False,
) -> None:
    """Say that you have seen memories and keep them as they are; `undo` undoes it."""
    pending = await services.inbox.pending(_ALL)
    if ids:
        pending = [_beginning(pending, prefix.strip().lower()) for prefix in ids]
    count = await services.inbox.keep({one.memory_id: one.last_change for one in pending})
    terminal.print_result({"reviewed": count}, f"{count:,} reviewed · undo with: memoria-tui undo", as_json=as_json)


def _beginning(pending: list[PendingReview], prefix: str) -> PendingReview:
    found = [one for one in pending if one.memory_id.startswith(prefix)]
    if len(found) > 1:
        raise Ambiguous(f"{len(found)} memories that wait begin with {prefix!r}; give more of the id")
    if not found:
        raise NotFound(f"no memory that waits for your review has an id that begins with {prefix!r}")
    return found[0]
