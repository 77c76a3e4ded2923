"""What is done to all memories that a query finds: shown first, asked, and undone as one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.queries import read_selection, unused_name
from services.errors import Malformed, NotFound
from services.model import counted
from services.storable_text import shortened

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.model import Memory

ByQuery = Annotated[
    str | None,
    typer.Option(
        "--query",
        "-q",
        metavar="QUERY",
        help="All that it finds, as in the search box; words must occur.",
        autocompletion=completing.queries,
    ),
]
Ids = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ID…]", help="Ids, or beginnings of ids that fit one memory only.", autocompletion=completing.ids
    ),
]
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """Options of a command that changes many."""

    dry_run: bool
    yes: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class Meant:
    """The memories that a command is about."""

    ids: Sequence[str]
    shown: Sequence[Memory]
    """The first of them."""
    numbers: Callable[[Sequence[str]], Awaitable[Mapping[str, int]]]
    """The number of the newest change of each memory, as it is now."""


def names_memories(ids: Sequence[str] | None, query: str | None) -> None:
    """Raises BadParameter where it is neither ids nor a query, or both."""
    if bool(ids) is (query is not None):
        raise typer.BadParameter("name memories by their ids, or give --query", param_hint="[ID…]")
    if query is not None:
        require_query(query)


def require_query(query: str) -> None:
    """Raises InvalidInput for one that asks for nothing, as of a variable that is not set or holds a line break."""
    if not query.replace('"', "").replace("-", "").strip():
        raise Malformed("the query is empty; nothing was changed. sort:created means all memories")


async def memories_meant(services: Services, terminal: Terminal, ids: Sequence[str], query: str | None) -> Meant:
    """Those of the ids, or all that the query finds, the newest first.

    Raises NotFound when there are none.
    """
    if query is None:
        named = {one.id: one for one in [await services.memories.get(one) for one in ids]}
        return Meant(list(named), list(named.values())[:_SHOWN], services.memories.numbers)
    if not (found := await services.search.ids(selection := read_selection(services, terminal, query))):
        raise NotFound(f"no memory is found by that, nothing was changed{await unused_name(services, selection)}")
    return Meant(found, [await services.memories.get(one) for one in found[:_SHOWN]], services.memories.numbers)


async def change_all(
    terminal: Terminal,
    meant: Meant,
    what: str,
    act: Callable[[Sequence[str]], Awaitable[int]],
    asked: Asked,
    *,
    unasked: int = 1,
    key: str = "changed",
    done: str = "changed",
) -> None:
    """Does `what` («pin {}») to them; above `unasked` of them after a look and a question.

    What others change while it asks is left out, which is told: the answer was not about that. `key` and `done`: how
    JSON and a person are told how many were.
    """
    number = len(meant.ids)
    intent = what.replace("{}", counted(number), 1)
    shown = [f"  {one.id[:8]}  {shortened(one.title, 80)}" for one in meant.shown]
    shown += [f"  … and {number - _SHOWN:,} more"] if number > _SHOWN else []
    ids = meant.ids
    if not (asked.dry_run or asked.yes) and number > unasked:
        seen = await meant.numbers(ids)
        await terminal.require_yes(
            f"{intent[0].upper()}{intent[1:]}?",
            details=shown,
            declined="nothing was changed",
            unattended=f"nothing was changed: {counted(number)} found; add --yes",
            as_json=asked.as_json,
        )
        now = await meant.numbers(ids)
        ids = [one for one in ids if now.get(one) == seen.get(one)]
        if len(ids) < number:
            terminal.info(f"{counted(number - len(ids))} changed by others meanwhile: left as they are")
    changed = 0 if asked.dry_run or not ids else await act(ids)
    if asked.as_json:
        terminal.print_json({"found": number, key: changed, "ids": ids})
        return
    if asked.dry_run:
        terminal.print_text_line(f"would {intent}:")
        for line in shown:
            terminal.print_text(line)
        return
    terminal.print(f"{counted(changed)} {done} · undo with: memoria-tui undo" if changed else "nothing to change")
