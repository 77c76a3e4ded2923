"""The commands about the life of memories: confirmed, pinned, outdated from a day on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli.with_services import DryRun, Json, QueryCommand, Yes, read_query, terminal_of, with_services
from services.errors import InvalidInput, NotFound
from services.model import MemoryType, SortKey, counted

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.model import Memory

commands = typer.Typer()

Which = Annotated[list[str], typer.Argument(metavar="QUERY", help="What the search box takes; all words must occur.")]
_PAGE, _SHOWN = 1000, 5


@commands.command(cls=QueryCommand)
def verify(
    context: typer.Context, query: Which, dry_run: DryRun = False, yes: Yes = False, as_json: Json = False
) -> None:
    """Say that memories are true still; what expires lives as long again. `undo` takes it back."""

    async def act(services: Services, ids: Sequence[str]) -> int:
        return await services.trust.verify(ids)

    _run(context, query, "confirm", act, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(cls=QueryCommand)
def expire(
    context: typer.Context,
    query: Which,
    days: Annotated[int | None, typer.Option("--in", min=0, max=36_500, metavar="DAYS", help="0: now.")] = None,
    never: Annotated[bool, typer.Option("--never", help="They do not expire any more.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Let memories be outdated from a day on: agents are not told of them then. `undo` takes it back."""
    if never is (days is not None):
        raise typer.BadParameter("give --in DAYS or --never", param_hint="--in")

    async def act(services: Services, ids: Sequence[str]) -> int:
        from datetime import timedelta

        at = None if days is None else services.clock() + timedelta(days)
        return await services.trust.expire(ids, at)

    what = "never let expire" if days is None else f"let expire in {days} days" if days else "let expire now"
    _run(context, query, what, act, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(cls=QueryCommand)
def pin(
    context: typer.Context,
    query: Which,
    off: Annotated[bool, typer.Option("--off", help="Pin them no more.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Pin memories: they are never stale, and no rule lets them expire. `undo` takes it back."""

    async def act(services: Services, ids: Sequence[str]) -> int:
        return await services.trust.pin(ids, pinned=not off)

    _run(context, query, "unpin" if off else "pin", act, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command()
@with_services
async def lifetimes(
    services: Services,
    terminal: Terminal,
    tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Set the rule of this tag.")] = None,
    kind: Annotated[MemoryType | None, typer.Option("--type", help="Set the rule of this type.")] = None,
    days: Annotated[
        int | None, typer.Option("--days", min=0, max=36_500, help="Days after the last change; 0: no rule.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Let those expire whose time is over.")] = False,
    as_json: Json = False,
) -> None:
    """Rules by which memories of a tag or type expire so many days after they were last confirmed or changed."""
    from services.curation.trust import Lifetime

    if (days is not None) is not ((tag is None) is not (kind is None)):
        raise InvalidInput("a rule is --days with either --tag or --type")
    if days is not None:
        await services.trust.set_rule(Lifetime("tag" if tag else "type", tag or str(kind), days))
    rules = await services.trust.rules()
    due = await services.trust.apply_rules() if apply else len(await services.trust.due())
    if as_json:
        told = [{"field": one.field, "value": one.value, "days": one.days} for one in rules]
        terminal.print_json({"rules": told, "applied" if apply else "due": due})
        return
    terminal.print_table(
        ("rule", "days"), [(f"{one.field}:{one.value}", str(one.days)) for one in rules], right=("days",)
    )
    undo = " · undo with: memoria-tui undo" if apply and due else ""
    terminal.print(f"{counted(due)} {'expire by them now' if apply else 'would expire by them; --apply'}{undo}")


def _run(
    context: typer.Context,
    query: Sequence[str],
    what: str,
    act: Callable[[Services, Sequence[str]], Awaitable[int]],
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Does it to what the query finds, after a look at how many that are."""
    terminal = terminal_of(context)

    async def run(services: Services) -> None:
        found = await _found(services, " ".join(query))
        if not found:
            raise NotFound("no memory is found by that; nothing was changed")
        if not (dry_run or yes) and len(found) > 1:
            more = [f"  … and {len(found) - _SHOWN:,} more"] if len(found) > _SHOWN else []
            await terminal.require_yes(
                f"{what[0].upper()}{what[1:]} {counted(len(found))}?",
                details=[*(f"  {one.id[:8]}  {one.title[:80]}" for one in found[:_SHOWN]), *more],
                declined="nothing was changed",
                unattended=f"nothing was changed: {counted(len(found))} found; add --yes",
                as_json=as_json,
            )
        changed = 0 if dry_run else await act(services, [one.id for one in found])
        told = (
            f"would {what} {counted(len(found))}" if dry_run else f"{counted(changed)} changed · undo: memoria-tui undo"
        )
        terminal.print_result({"found": len(found), "changed": changed}, told, as_json=as_json)

    terminal.run(run)


async def _found(services: Services, text: str) -> list[Memory]:
    """All that the query finds, the newest first."""
    query = read_query(services, text)
    if query.text and query.sort is SortKey.RELEVANCE:
        query = replace(query, sort=SortKey.UPDATED)
    listing = await services.search.listing(query)
    pages = [await listing.page(offset, _PAGE) for offset in range(0, listing.total, _PAGE)]
    return [hit.memory for page in pages for hit in page]
