"""The commands about tags and projects of memories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.terminal import terminal_of
from memoria_tui.cli.with_services import DryRun, Json, Yes
from services.curation.curation_values import Naming
from services.errors import InvalidInput, Malformed
from services.model import counted
from services.storable_text import quoted, require_name
from services.unknown_names import instead

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services


def _names(ctx: typer.Context, incomplete: str) -> completing.Offered:
    """Those in use: tags below `tags`, else projects."""
    complete = completing.tags if ctx.parent and ctx.parent.info_name == "tags" else completing.projects
    return complete(ctx, incomplete)


def _group(naming: Naming) -> typer.Typer:
    """`tags` or `projects`: list, rename, merge, delete."""
    noun = f"{naming}s"
    commands = typer.Typer(help=f"The {noun} of memories: list, rename, merge, delete.", invoke_without_command=True)

    @commands.callback()
    def show(context: typer.Context, as_json: Json = False) -> int:
        if context.invoked_subcommand is None:
            terminal = terminal_of(context)
            terminal.run(lambda services: _print(services, terminal, naming, as_json=as_json))
        return 0

    @commands.command("list")
    def list_names(context: typer.Context, as_json: Json = False) -> None:
        """Print all of them with their memories, most used first, and which are spelled otherwise."""
        terminal = terminal_of(context)
        terminal.run(lambda services: _print(services, terminal, naming, as_json=as_json))

    @commands.command()
    def rename(
        context: typer.Context,
        old: Annotated[str, typer.Argument(metavar="OLD", autocompletion=_names)],
        new: Annotated[str, typer.Argument(metavar="NEW", autocompletion=_names)],
        dry_run: DryRun = False,
        yes: Yes = False,
        as_json: Json = False,
    ) -> None:
        """Give one another name in all memories; one that is in use takes it over. `undo` undoes it."""
        _run(context, naming, {old: new.strip()}, dry_run=dry_run, yes=yes, as_json=as_json)

    @commands.command()
    def merge(
        context: typer.Context,
        names: Annotated[list[str] | None, typer.Argument(metavar="[NAME…]", autocompletion=_names)] = None,
        into: Annotated[
            str | None, typer.Option("--into", metavar="NAME", help="The one that stays.", autocompletion=_names)
        ] = None,
        spellings: Annotated[
            bool, typer.Option("--similar", help="All that are spelled otherwise, each into the most used.")
        ] = False,
        dry_run: DryRun = False,
        yes: Yes = False,
        as_json: Json = False,
    ) -> None:
        """Make one of several in all memories. `undo` undoes it."""
        if spellings is bool(names or into) or (names and not into):
            raise typer.BadParameter("name some and --into, or give --similar", param_hint="NAME…")
        renamed = None if spellings else {one: (into or "").strip() for one in names or () if one != into}
        _run(context, naming, renamed, dry_run=dry_run, yes=yes, as_json=as_json)

    @commands.command()
    def delete(
        context: typer.Context,
        names: Annotated[list[str], typer.Argument(metavar="NAME…", autocompletion=_names)],
        dry_run: DryRun = False,
        yes: Yes = False,
        as_json: Json = False,
    ) -> None:
        """Take them from all memories, which stay. `undo` undoes it."""
        _run(context, naming, dict.fromkeys(names), dry_run=dry_run, yes=yes, as_json=as_json)

    return commands


tags, projects = _group(Naming.TAG), _group(Naming.PROJECT)


async def _print(services: Services, terminal: Terminal, naming: Naming, *, as_json: bool) -> None:
    from services.curation.tags_and_projects import similar

    names = await services.names.in_use(naming)
    alike = similar(names)
    if as_json:
        listed = [{"name": one.value, "memories": one.count} for one in names]
        terminal.print_json({f"{naming}s": listed, "similar": [[one.value for one in some] for some in alike]})
        return
    beside = {one.value: [it.value for it in some if it is not one] for some in alike for one in some}
    rows = [(one.value, f"{one.count:,}", ", ".join(beside.get(one.value, ()))) for one in names]
    terminal.print_table((str(naming), "memories", "also spelled"), rows, right=("memories",))
    if not names:
        terminal.print(f"no memory has a {naming}")


def _run(
    context: typer.Context,
    naming: Naming,
    names: Mapping[str, str | None] | None,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    terminal = terminal_of(context)
    if names is not None and "" in (*names, *names.values()):
        raise Malformed(f"a {naming} needs a name")

    async def act(services: Services) -> None:
        await _rename(services, terminal, naming, names, dry_run=dry_run, yes=yes, as_json=as_json)

    terminal.run(act)


async def _rename(
    services: Services,
    terminal: Terminal,
    naming: Naming,
    wanted: Mapping[str, str | None] | None,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """`wanted` None: all that are spelled otherwise."""
    from services.curation.tags_and_projects import similar

    counts = {one.value: one.count for one in await services.names.in_use(naming)}
    if wanted is None:
        alike = similar(await services.names.in_use(naming))
        wanted = {one.value: some[0].value for some in alike for one in some[1:]}
    if missing := [one for one in wanted if one not in counts]:
        raise InvalidInput(f"no memory has the {naming} {quoted(missing[0])}; {instead(missing[0], counts)}")
    for new in filter(None, wanted.values()):
        require_name(new)
    number = len(await services.names.memories_with(naming, list(wanted))) if wanted else 0
    told = [_summary_line(old, new, counts) for old, new in wanted.items()]
    if wanted and not (dry_run or yes):
        await terminal.require_yes(
            f"Change {counted(number)}?",
            details=[f"  {line}" for line in told],
            declined="nothing was changed",
            unattended=f"nothing was changed: it would change {counted(number)}; add --yes",
            as_json=as_json,
        )
    changed = 0
    if wanted and not dry_run:
        with terminal.progress_bar() as advance:
            changed = await services.names.rename(naming, wanted, advance)
    if as_json:
        terminal.print_json({"names": wanted, "memories": number, "changed": changed})
        return
    for line in told if dry_run else ():
        terminal.print_text_line(line)
    done = f"{counted(changed)} changed · undo with: memoria-tui undo"
    terminal.print(f"{counted(number)} would change" if dry_run else done if changed else "nothing to change")


def _summary_line(old: str, new: str | None, counts: Mapping[str, int]) -> str:
    """«auths → auth (38)», the memories that have it in brackets."""
    goal = "deleted" if new is None else f"{new}, which {counts[new]:,} have" if new in counts else new
    return f"{old} ({counts[old]:,}) → {goal}"
