"""Commands about the trash, and the one that erases memories for good."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli.memories import in_trash
from memoria_tui.cli.options import Json, Yes, terminal_of
from memoria_tui.cli.terminal import Terminal, memory_json
from services.errors import NotFound

if TYPE_CHECKING:
    from services.container import Services
    from services.model import Memory, TrashedMemory

app = typer.Typer(help="Deleted memories: list, restore, or erase them for good.", rich_markup_mode=None)

_SHOWN = 5
"""Memories that a question names one by one."""


@app.command("list")
def list_trash(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Most memories to print.")] = 20,
    as_json: Json = False,
) -> int:
    """Print what is in the trash, last deleted first."""
    terminal = terminal_of(context)

    async def act(services: Services) -> int:
        trashed = await services.memories.trash(limit)
        total = len(await services.memories.trash_ids())
        if as_json:
            terminal.print_json({"total": total, "memories": [_json(one) for one in trashed]})
            return 0
        from memoria_tui.cli.table import rows

        for text in rows(("id", "deleted", "by", "title"), [_row(terminal, one) for one in trashed]):
            terminal.print(text)
        if not trashed:
            terminal.print("the trash is empty")
        elif total > len(trashed):
            terminal.complain(f"showing {len(trashed):,} of {total:,}; --limit shows more")
        return 0

    return terminal.run(act)


@app.command("restore")
def restore(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Ids, or beginnings of ids in the trash.")],
    as_json: Json = False,
) -> int:
    """Bring memories back, with their relations."""
    from memoria_tui.cli import memories

    return memories.restore(terminal_of(context), ids, as_json=as_json)


@app.command("empty")
def empty(
    context: typer.Context,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID…]", help="Only these; otherwise all that is in the trash.")
    ] = None,
    older_than: Annotated[
        int | None,
        typer.Option(
            "--older-than", min=0, max=36_500, metavar="DAYS", help="Only what was deleted more than DAYS days ago."
        ),
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Erase what is in the trash for good: text, vectors and history. This cannot be undone."""
    if ids and older_than is not None:
        raise typer.BadParameter("it goes without ids", param_hint="--older-than")
    terminal = terminal_of(context)

    async def act(services: Services) -> int:
        before = None if older_than is None else services.clock() - timedelta(days=older_than)
        trash = await services.memories.trash_ids(before)
        chosen = [in_trash(one, trash) for one in ids] if ids else trash
        return await _purge(terminal, services, chosen, yes=yes, as_json=as_json)

    return terminal.run(act)


@app.command("missing")
def missing(context: typer.Context, yes: Yes = False, as_json: Json = False) -> int:
    """Put into the trash what the history knows and the vector store lacks, because another program deleted it."""
    terminal = terminal_of(context)

    async def act(services: Services) -> int:
        found = await services.memories.outside.find()
        if found.ids and not yes:
            if as_json or not terminal.converses:
                terminal.complain(f"nothing was done: {found.told}; add --yes")
                return 1
            terminal.remark(found.told)
            if not await terminal.agrees(f"Put {len(found.ids):,} of {found.living:,} memories into the trash?"):
                terminal.complain("nothing was done")
                return 1
        count = await services.memories.outside.accept(found.ids) if found.ids else 0
        if as_json:
            terminal.print_json({"trashed": count, "living": found.living - count})
        else:
            terminal.print(f"{count:,} put into the trash" if count else "none is missing")
        return 0

    return terminal.run(act)


def purge(
    context: typer.Context,
    ids: Annotated[
        list[str], typer.Argument(metavar="ID…", help="Ids, or beginnings of ids, of memories here or in the trash.")
    ],
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Erase memories for good: text, vectors and history. This cannot be undone."""
    terminal = terminal_of(context)

    async def act(services: Services) -> int:
        trash = await services.memories.trash_ids()
        chosen = [await _named(services, one, trash) for one in ids]
        return await _purge(terminal, services, chosen, yes=yes, as_json=as_json)

    return terminal.run(act)


async def _named(services: Services, prefix: str, trash: Sequence[str]) -> str:
    """The memory of an id, here or in the trash. Raises NotFound or Ambiguous."""
    try:
        return (await services.memories.get(prefix)).id
    except NotFound:
        return in_trash(prefix, trash)


async def _here_or_deleted(services: Services, memory_id: str) -> Memory:
    try:
        return await services.memories.get(memory_id)
    except NotFound:
        return await services.memories.deleted(memory_id)


async def _purge(terminal: Terminal, services: Services, ids: Sequence[str], *, yes: bool, as_json: bool) -> int:
    from memoria_tui.present import clip, counted, line, title

    if not ids:
        if as_json:
            terminal.print_json({"purged": 0, "ids": []})
        else:
            terminal.print("nothing to erase")
        return 0
    if not yes:
        if as_json or not terminal.converses:
            terminal.complain("nothing was erased: it cannot be undone, and nobody can be asked here; add --yes")
            return 1
        for memory_id in ids[:_SHOWN]:
            memory = await _here_or_deleted(services, memory_id)
            terminal.remark(f"  {memory.id[:8]}  {clip(line(title(memory)), 70)}")
        if len(ids) > _SHOWN:
            terminal.remark(f"  … and {len(ids) - _SHOWN:,} more")
        if not await terminal.agrees(
            f"Erase {counted(len(ids))} for good, with text, vectors and history? This cannot be undone."
        ):
            terminal.complain("nothing was erased")
            return 1
    purged = await services.memories.purge(ids)
    if as_json:
        terminal.print_json({"purged": purged.memories, "ids": list(ids)})
    else:
        terminal.print(f"erased {counted(purged.memories)} for good")
    return 0


def _row(terminal: Terminal, trashed: TrashedMemory) -> tuple[str, ...]:
    from memoria_tui.present import title

    return trashed.memory.id[:8], terminal.local(trashed.deleted_at), trashed.actor, title(trashed.memory)


def _json(trashed: TrashedMemory) -> dict[str, object]:
    return memory_json(trashed.memory) | {
        "deleted_at": trashed.deleted_at.isoformat(),
        "deleted_by": trashed.actor,
        "relations": trashed.relations,
    }
