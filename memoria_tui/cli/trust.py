"""The commands about the life of memories: confirmed, pinned, outdated from a day on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, assert_never

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.bulk_by_query import Asked, change_all, memories_meant, require_query
from memoria_tui.cli.queries import QueryCommand
from memoria_tui.cli.terminal import terminal_of
from memoria_tui.cli.with_services import DryRun, Json, Yes, checked, with_services
from services.model import MemoryType, any_of, counted
from services.storable_text import shortened

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.curation.trust import LifetimeOf

commands = typer.Typer()
_SHOWN = 5
"""Memories that a question names one by one."""

Which = Annotated[
    list[str],
    typer.Argument(
        metavar="QUERY", help="What the search box takes; all words must occur.", autocompletion=completing.queries
    ),
]


@commands.command(cls=QueryCommand)
def verify(
    context: typer.Context, query: Which, dry_run: DryRun = False, yes: Yes = False, as_json: Json = False
) -> None:
    """Say that memories are true still; what expires lives as long again. `undo` undoes it."""

    async def act(services: Services, ids: Sequence[str]) -> int:
        return await services.trust.verify(ids)

    _run(context, query, "confirm {}", act, dry_run=dry_run, yes=yes, as_json=as_json)


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
    """Let memories be outdated from a day on: agents are not told of them then. `undo` undoes it."""
    if never is (days is not None):
        raise typer.BadParameter("give --in DAYS or --never", param_hint="--in")

    async def act(services: Services, ids: Sequence[str]) -> int:
        from datetime import timedelta

        at = None if days is None else services.clock() + timedelta(days)
        return await services.trust.expire(ids, at)

    what = "never let {} expire" if days is None else f"let {{}} expire in {days} days" if days else "let {} expire now"
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
    """Pin memories: they are never stale, and no rule lets them expire. `undo` undoes it."""

    async def act(services: Services, ids: Sequence[str]) -> int:
        return await services.trust.pin(ids, pinned=not off)

    _run(context, query, "unpin {}" if off else "pin {}", act, dry_run=dry_run, yes=yes, as_json=as_json)


def _chosen(tag: str | None, kind: MemoryType | None) -> list[tuple[LifetimeOf, str]]:
    """What was given to choose memories by."""
    from services.curation.trust import LifetimeOf

    def given(by: LifetimeOf) -> str | None:
        match by:
            case LifetimeOf.TAG:
                return tag
            case LifetimeOf.TYPE:
                return kind
        assert_never(by)

    return [(by, value) for by in LifetimeOf if (value := given(by)) is not None]


def _ways() -> str:
    """«--tag or --type»."""
    from services.curation.trust import LifetimeOf

    return any_of(f"--{by}" for by in LifetimeOf)


def _one_rule(tag: str | None, kind: MemoryType | None, days: int | None) -> None:
    if len(_chosen(tag, kind)) != (days is not None):
        raise typer.BadParameter(f"a rule is --days with either {_ways()}", param_hint="--days")
    if tag is not None and not tag.strip():
        raise typer.BadParameter("the name of the tag is empty", param_hint="--tag")


@commands.command()
@checked(_one_rule)
@with_services
async def lifetimes(
    services: Services,
    terminal: Terminal,
    tag: Annotated[
        str | None,
        typer.Option("--tag", metavar="TAG", help="Set the rule of this tag.", autocompletion=completing.tags),
    ] = None,
    kind: Annotated[MemoryType | None, typer.Option("--type", help="Set the rule of this type.")] = None,
    days: Annotated[
        int | None, typer.Option("--days", min=0, max=36_500, help="Days after the last change; 0: no rule.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Let those expire whose time is over, after a question.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Rules by which memories of a tag or type expire so many days after they were last confirmed or changed.

    None runs by itself: `--apply` does it, which asks.
    """
    from services.curation.trust import Lifetime

    new = None if days is None else Lifetime(*_chosen(tag, kind)[0], days)
    if new and not dry_run:
        await services.trust.set_rule(new)
    rules, due = await services.trust.rules(new), await services.trust.due(new)
    shown = [await services.memories.get(one) for one in [*due][:_SHOWN]]
    listed = [f"  {one.id[:8]}  {terminal.local_time(due[one.id])[:10]}  {shortened(one.title, 80)}" for one in shown]
    listed += [f"  … and {len(due) - _SHOWN:,} more"] if len(due) > _SHOWN else []
    if apply and due and not (dry_run or yes):
        await terminal.require_yes(
            f"Let {counted(len(due))} expire by the rules?",
            details=listed,
            declined="nothing expired",
            unattended=f"nothing expired: it would be {counted(len(due))}; add --yes",
            as_json=as_json,
        )
    done = await services.trust.apply_rules() if apply and not dry_run else None
    if as_json:
        told = [{"field": one.field, "value": one.value, "days": one.days} for one in rules]
        number = {"due": len(due), "ids": [*due]} if done is None else {"applied": done}
        terminal.print_json({"rules": told, **number})
        return
    if not rules:
        terminal.print(f"no rule is set, so nothing expires by one; {_ways()} with --days sets one")
        return
    terminal.print_table(
        ("rule", "days"), [(f"{one.field}:{one.value}", str(one.days)) for one in rules], right=("days",)
    )
    if done is not None:
        terminal.print(f"{counted(done)} expired by them{' · undo with: memoria-tui undo' if done else ''}")
        return
    terminal.print(f"{counted(len(due))} would expire by them{'; --apply does it:' if due else ''}")
    for line in listed:
        terminal.print_text(line)


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
    require_query(" ".join(query))

    async def run(services: Services) -> None:
        found = await memories_meant(services, terminal, (), " ".join(query))
        await change_all(terminal, found, what, lambda ids: act(services, ids), Asked(dry_run, yes, as_json))

    terminal.run(run)
