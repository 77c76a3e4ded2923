"""Queries on the command line: the search box's language as arguments of a command."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from typer.core import TyperCommand

from services.errors import Malformed
from services.model import SearchMode, SortKey
from services.storable_text import quoted
from services.unknown_names import instead

if TYPE_CHECKING:
    from typer._click.core import Context

    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.model import Query


def read_query(services: Services, terminal: Terminal, text: str, mode: SearchMode = SearchMode.HYBRID) -> Query:
    """What the search box would make of a text; it is told what looks like an operator and is none.

    Raises QuerySyntaxError.
    """
    from services.search.query import parse_query
    from services.times import first_weekday, person_zone

    now = services.clock().astimezone(person_zone(services.settings))
    query = parse_query(text, now=now, mode=mode, week_begins=first_weekday(services.settings))
    if query.notice:
        terminal.error(query.notice)
    return query


def read_selection(services: Services, terminal: Terminal, text: str) -> Query:
    """As `read_query`, where all that it finds is meant: words must occur. Raises InvalidInput for `like:`, too."""
    query = read_query(services, terminal, text)
    if query.like:
        raise Malformed("like: only says what comes first, and leaves no memory out; search by it, and name ids")
    return replace(query, sort=SortKey.UPDATED) if query.ranked else query


async def unused_name(services: Services, query: Query) -> str:
    """«; no memory has the tag 'aut': did you mean 'auth'?» of the first name that a query has in vain; "" for none."""
    from services.curation.curation_values import Naming  # later: hardly any command needs it

    for naming, wanted in ((Naming.TAG, query.tags), (Naming.PROJECT, query.projects)):
        known = [one.value for one in await services.names.in_use(naming)] if wanted else []
        for name in wanted:
            if name not in known:
                return f"; no memory has the {naming} {quoted(name)}: {instead(name, known)}"
    return ""


class QueryCommand(TyperCommand):
    """A command whose words may begin with a minus, as `-tag:old` and `-draft` do in the search box."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        own = {name for param in self.params for name in param.opts}
        valued = {name for param in self.params if not getattr(param, "is_flag", True) for name in param.opts}
        options, words, rest = list[str](), list[str](), iter(args)
        for arg in rest:
            if arg == "--":
                words += rest
            elif arg in valued:
                if (value := next(rest, None)) is None:
                    return super().parse_args(ctx, [arg])  # which says that it lacks its value
                options += [arg, value]
            elif arg.startswith("--") or arg in own or (arg[:2] in own and arg[2:].isdecimal()) or len(arg) == 2:
                (options if arg.startswith("-") else words).append(arg)
            else:
                words.append(arg)
        return super().parse_args(ctx, [*options, "--", *words])
