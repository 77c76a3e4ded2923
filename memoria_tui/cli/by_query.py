"""What is done to all memories that a query finds: shown first, asked, and undone as one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.with_services import read_query
from services.errors import NotFound
from services.model import SortKey, counted

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.model import Memory

ByQuery = Annotated[
    str | None,
    typer.Option("--query", "-q", metavar="QUERY", help="All that it finds, as in the search box; words must occur."),
]
Ids = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ID…]", help="Ids, or beginnings of ids that fit one memory only.", autocompletion=completing.ids
    ),
]
_PAGE, _SHOWN = 1000, 5


@dataclass(frozen=True, slots=True)
class Asked:
    """Options of a command that changes many."""

    dry_run: bool
    yes: bool
    as_json: bool


async def memories_meant(services: Services, ids: Sequence[str], query: str | None) -> list[Memory]:
    """Those of the ids, or all that the query finds, the newest first. Raises NotFound when there are none."""
    if bool(ids) is (query is not None):
        raise typer.BadParameter("name memories by their ids, or give --query", param_hint="[ID…]")
    if query is None:
        return [await services.memories.get(one) for one in ids]
    parsed = read_query(services, query)
    if parsed.text and parsed.sort is SortKey.RELEVANCE:
        parsed = replace(parsed, sort=SortKey.UPDATED)
    listing = await services.search.listing(parsed)
    pages = [await listing.page(offset, _PAGE) for offset in range(0, listing.total, _PAGE)]
    if not (found := [hit.memory for page in pages for hit in page]):
        raise NotFound("no memory is found by that; nothing was changed")
    return found


async def change_all(
    terminal: Terminal,
    memories: Sequence[Memory],
    what: str,
    act: Callable[[Sequence[str]], Awaitable[int]],
    asked: Asked,
    *,
    unasked: int = 1,
    key: str = "changed",
    done: str = "changed",
) -> None:
    """Does `what` («pin {}») to them; above `unasked` of them after a look and a question.

    `key` and `done`: how JSON and a person are told how many were.
    """
    intent = what.replace("{}", counted(len(memories)), 1)
    shown = [f"  {one.id[:8]}  {one.title[:80]}" for one in memories[:_SHOWN]]
    shown += [f"  … and {len(memories) - _SHOWN:,} more"] if len(memories) > _SHOWN else []
    if not (asked.dry_run or asked.yes) and len(memories) > unasked:
        await terminal.require_yes(
            f"{intent[0].upper()}{intent[1:]}?",
            details=shown,
            declined="nothing was changed",
            unattended=f"nothing was changed: {counted(len(memories))} found; add --yes",
            as_json=asked.as_json,
        )
    ids = [one.id for one in memories]
    changed = 0 if asked.dry_run else await act(ids)
    if asked.as_json:
        terminal.print_json({"found": len(ids), key: changed, "ids": ids})
        return
    if asked.dry_run:
        terminal.print(f"would {intent}:")
        for line in shown:
            terminal.print_text(line)
        return
    terminal.print(f"{counted(changed)} {done} · undo with: memoria-tui undo" if changed else "nothing to change")
