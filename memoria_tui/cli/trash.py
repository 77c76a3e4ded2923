"""The commands about the trash, and the one that erases memories for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.json_output import trashed_json
from memoria_tui.cli.terminal import terminal_of
from memoria_tui.cli.with_services import Json, Yes, here_or_in_trash, with_services
from services.errors import NotFound
from services.unknown_ids import TRASHED_ID, only_id

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.model import Memory, TrashedMemory

commands = typer.Typer(help="Deleted memories: list, restore, empty, missing.")

_SHOWN = 5
"""Memories that a question names one by one."""


@commands.command("list")
@with_services
async def list_trash(
    services: Services,
    terminal: Terminal,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Most memories to print.")] = 20,
    as_json: Json = False,
) -> None:
    """Print what is in the trash, last deleted first."""
    trashed = await services.memories.trash(limit)
    total = len(await services.memories.trash_ids())
    if as_json:
        terminal.print_json({"total": total, "memories": [trashed_json(one) for one in trashed]})
        return
    terminal.print_table(("id", "deleted", "by", "title"), [_row(terminal, one) for one in trashed])
    if not trashed:
        terminal.print("the trash is empty")
    elif total > len(trashed):
        terminal.error(f"showing {len(trashed):,} of {total:,}; --limit shows more")


@commands.command()
@with_services
async def restore(
    services: Services,
    terminal: Terminal,
    ids: Annotated[
        list[str],
        typer.Argument(
            metavar="ID…", help="Ids, or beginnings of ids in the trash.", autocompletion=completing.trashed_ids
        ),
    ],
    as_json: Json = False,
) -> None:
    """Bring memories back, with their relations."""
    await restore_memories(services, terminal, ids, as_json=as_json)


async def restore_memories(services: Services, terminal: Terminal, ids: Sequence[str], *, as_json: bool) -> None:
    trash = await services.memories.trash_ids()
    count = await services.memories.restore([only_id(TRASHED_ID, one, trash) for one in ids])
    terminal.print_result({"restored": count}, f"{count} restored", as_json=as_json)


@commands.command()
def empty(
    context: typer.Context,
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID…]",
            help="Only these; otherwise all that is in the trash.",
            autocompletion=completing.trashed_ids,
        ),
    ] = None,
    older_than: Annotated[
        int | None,
        typer.Option(
            "--older-than", min=0, max=36_500, metavar="DAYS", help="Only what was deleted more than DAYS days ago."
        ),
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Erase what is in the trash for good: text, vectors and history. This cannot be undone."""
    if ids and older_than is not None:
        raise typer.BadParameter("it goes without ids", param_hint="--older-than")
    terminal = terminal_of(context)

    async def act(services: Services) -> None:
        before = None if older_than is None else services.clock() - timedelta(days=older_than)
        trash = await services.memories.trash_ids(before)
        chosen = [only_id(TRASHED_ID, one, trash) for one in ids] if ids else trash
        await _purge(services, terminal, {one: trash[one] for one in chosen}, yes=yes, as_json=as_json)

    terminal.run(act)


@commands.command()
@with_services
async def missing(services: Services, terminal: Terminal, yes: Yes = False, as_json: Json = False) -> None:
    """Put into the trash what the history knows and the vector store lacks, because another program deleted it."""
    found = await services.memories.outside.find()
    if found.ids and not yes:
        await terminal.require_yes(
            f"Put {len(found.ids):,} of {found.living:,} memories into the trash?",
            details=[found.summary_line],
            declined="nothing was done",
            unattended=f"nothing was done: {found.summary_line}; add --yes",
            as_json=as_json,
        )
    count = await services.memories.outside.accept(found.ids) if found.ids else 0
    told = f"{count:,} put into the trash" if count else "none is missing"
    terminal.print_result({"trashed": count, "living": found.living - count}, told, as_json=as_json)


@with_services
async def purge(
    services: Services,
    terminal: Terminal,
    ids: Annotated[
        list[str],
        typer.Argument(
            metavar="ID…",
            help="Ids, or beginnings of ids, of memories here or in the trash.",
            autocompletion=completing.ids_here_or_in_trash,
        ),
    ],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Erase memories for good: text, vectors and history. This cannot be undone."""
    trash = await services.memories.trash_ids()
    chosen = [await here_or_in_trash(services, one, trash) for one in ids]
    numbers = await services.memories.numbers(chosen)
    await _purge(services, terminal, {one: numbers.get(one, 0) for one in chosen}, yes=yes, as_json=as_json)


async def _purge(services: Services, terminal: Terminal, seen: Mapping[str, int], *, yes: bool, as_json: bool) -> None:
    """`seen`: the memories, with the number of the newest change of each."""
    from memoria_tui.text.present import clip, erased, line, title
    from services.model import counted

    if not seen:
        terminal.print_result({"purged": 0, "ids": [], "left": []}, "nothing to erase", as_json=as_json)
        return
    ids = list(seen)
    if not yes:
        memories = [await _here_or_deleted(services, memory_id) for memory_id in ids[:_SHOWN]]
        more = [f"  … and {len(ids) - _SHOWN:,} more"] if len(ids) > _SHOWN else []
        await terminal.require_yes(
            f"Erase {counted(len(ids))} for good, with text, vectors and history? This cannot be undone.",
            details=[*(f"  {memory.id[:8]}  {clip(line(title(memory)), 70)}" for memory in memories), *more],
            declined="nothing was erased",
            unattended="nothing was erased: it cannot be undone, and nobody can be asked here; add --yes",
            as_json=as_json,
        )
    purged = await services.memories.purge(ids, seen)
    gone = [one for one in ids if one not in purged.left]
    answer = {"purged": purged.memories, "ids": gone, "left": list(purged.left)}
    terminal.print_result(answer, erased(purged.memories, len(purged.left)), as_json=as_json)


async def _here_or_deleted(services: Services, memory_id: str) -> Memory:
    try:
        return await services.memories.get(memory_id)
    except NotFound:
        return await services.memories.deleted(memory_id)


def _row(terminal: Terminal, trashed: TrashedMemory) -> tuple[str, ...]:
    from memoria_tui.text.present import title

    return trashed.memory.id[:8], terminal.local_time(trashed.deleted_at), trashed.actor, title(trashed.memory)
