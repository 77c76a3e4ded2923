"""The commands that undo and redo acts, and list the last ones; each says first what it would do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.json_output import act_json, change_json, undo_preview_json
from memoria_tui.cli.terminal import terminal_of
from memoria_tui.cli.with_services import MOST_SHOWN, Json, Yes, here_or_in_trash, only_one, shown_of, with_services
from services.concurrency import together
from services.errors import InvalidInput

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.model import Act, ChangedSince, IfChanged, UndoPreview

commands = typer.Typer()

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would do, no more.")]
Rest = Annotated[bool, typer.Option("--rest", help="Leave what was changed since, and do it for the rest.")]
Force = Annotated[bool, typer.Option("--force", help="Do it also for what was changed since.")]

_DONE = {"undo": "undone", "redo": "redone"}


@commands.command()
def undo(
    context: typer.Context,
    act: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]", help="An act of `undo --list`; else your last one.", autocompletion=completing.acts
        ),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", "-l", help="List the last changes of everybody.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=MOST_SHOWN, help="Most changes to list.")] = 20,
    rest: Rest = False,
    force: Force = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> int:
    """Undo your last change, or one of the list; above 20 things, of others or long ago it asks."""
    terminal = terminal_of(context)
    if listed:
        return terminal.run(lambda services: _list(services, terminal, limit, as_json=as_json))

    async def preview(services: Services) -> UndoPreview:
        found = None if act is None else await services.memories.acts.find(act)
        return await services.memories.undo_preview(found)

    return _do(terminal, preview, _if_changed(rest, force), yes=yes, dry_run=dry_run, as_json=as_json, named=bool(act))


@commands.command()
@with_services
async def history(
    services: Services,
    terminal: Terminal,
    memory_id: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            help="A memory, also a deleted one; else all acts.",
            autocompletion=completing.ids_here_or_in_trash,
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=MOST_SHOWN, help="Most changes to print.")] = 20,
    as_json: Json = False,
) -> int:
    """Print the last changes of a memory, or the last acts of everybody, newest first: when, who, what."""
    if memory_id is None:
        return await _list(services, terminal, limit, as_json=as_json)
    found = await here_or_in_trash(services, memory_id, await services.memories.trash_ids())
    changes, total = await together(services.memories.history(found, limit), services.memories.change_count(found))
    if as_json:
        terminal.print_json({"id": found, "total": total, "changes": [change_json(one) for one in changes]})
        return 0
    for one in changes:
        when = f"{terminal.local_time(one.at)}  {one.actor} · {one.program}"
        terminal.print_text_line(f"{one.group[:8]}  {when}  {one.summary or one.action}")
    if len(changes) < total:
        terminal.error(shown_of(len(changes), total))
    if not changes:
        terminal.info("no changes are known of it")
    return 0


@commands.command()
def redo(
    context: typer.Context,
    rest: Rest = False,
    force: Force = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> int:
    """Do again what you undid last, as long as you did nothing else since."""

    async def preview(services: Services) -> UndoPreview:
        return await services.memories.redo_preview()

    terminal = terminal_of(context)
    return _do(terminal, preview, _if_changed(rest, force), yes=yes, dry_run=dry_run, as_json=as_json)


def _if_changed(rest: bool, force: bool) -> IfChanged:
    from services.model import IfChanged

    only_one({"--rest": rest, "--force": force})
    return IfChanged.LEAVE if rest else IfChanged.FORCE if force else IfChanged.REFUSE


def _do(
    terminal: Terminal,
    find: Callable[[Services], Awaitable[UndoPreview]],
    if_changed: IfChanged,
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    named: bool = False,
) -> int:
    """`named`: the person chose the act, so that its age and program are no surprise."""
    from services.model import IfChanged

    async def act(services: Services) -> int:
        preview = await find(services)
        verb = "redo" if preview.redo else "undo"
        settings = services.settings
        program = preview.act.program if named else settings.program
        reasons = preview.reasons(settings.actor, program, None if named else services.clock())
        if dry_run:
            _show(terminal, preview, reasons, as_json=as_json)
            return 0
        if preview.changed and if_changed is IfChanged.REFUSE:
            more = f" and {len(preview.changed) - 1:,} more" if len(preview.changed) > 1 else ""
            raise InvalidInput(
                f"nothing was {_DONE[verb]}: changed since: {preview.changed[0].line}{more}; "
                "--rest leaves that as it is, --force does not, --dry-run shows both"
                f"{'' if preview.redo else '; undo --list shows other acts, undo ID undoes one of them'}"
            )
        forced = preview.changed if if_changed is IfChanged.FORCE else ()
        if not yes and (reasons or forced):
            why = f": {', '.join(reasons)}" if reasons else ""
            what = f"{preview.act.summary} ({_when(terminal, preview.act)}){why}"
            await terminal.require_yes(
                f"{verb.capitalize()} {what}?",
                declined=f"nothing was {_DONE[verb]}",
                unattended=f"nothing was {_DONE[verb]}: say --yes to {verb} {what}" if reasons else None,
                details=[line for one in forced for line in _both(one)],
                as_json=as_json,
            )
        undone = await services.memories.undo(preview.group, if_changed, preview.changed)
        if as_json:
            left = [one.line for one in undone.left]
            terminal.print_json({_DONE[verb]: undone.summary, "ids": list(undone.entity_ids), "left": left})
        else:
            terminal.print_text_line(undone.line)
        return 0

    return terminal.run(act)


def _both(one: ChangedSince) -> Iterable[str]:
    """What was changed since, with what is there now and what would be there."""
    from memoria_tui.text.text_difference import compare, differing, shown_value

    yield f"  changed since: {one.line}"
    if one.now is None or one.goal is None:
        yield f"    {'it is not there now' if one.now is None else 'it would be removed'}"
        return
    for key, now, goal in differing(one.now, one.goal, one.what.split(", ")):
        if key == "text" and isinstance(now, str) and isinstance(goal, str):
            yield from (f"    {part.plain}" for part in compare(now, goal))
        else:
            yield f"    {key}: {shown_value(now)} → {shown_value(goal)}"


def _show(terminal: Terminal, preview: UndoPreview, reasons: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        terminal.print_json(undo_preview_json(preview, reasons))
        return
    terminal.print_text_line(f"would {'redo' if preview.redo else 'undo'}: {preview.act.summary}")
    terminal.print_text_line(f"  {_when(terminal, preview.act)}")
    for title in preview.act.titles:
        terminal.print_text_line(f"  {title}")
    for one in preview.changed:
        for line in _both(one):
            terminal.print_text_line(line)
    for one in preview.kept:
        terminal.print_text_line(f"  kept: {one.line}")
    if reasons:
        terminal.print(f"  asks first: {', '.join(reasons)}")


async def _list(services: Services, terminal: Terminal, limit: int, *, as_json: bool) -> int:
    acts = (await services.memories.acts.page(limit)).acts
    if as_json:
        terminal.print_json([act_json(one) for one in acts])
        return 0
    for one in acts:
        undone = "  (undone)" if one.undone else ""
        terminal.print_text_line(f"{one.group[:8]}  {_when(terminal, one)}  {one.kind:<7}  {one.summary}{undone}")
    if not acts:
        brought = "`memoria-tui history ID` shows what a restore or an import brought of a memory"
        terminal.info(f"nothing was changed here yet; {brought}")
    return 0


def _when(terminal: Terminal, act: Act) -> str:
    return f"{terminal.local_time(act.at)}  {act.actor} · {act.program}"
