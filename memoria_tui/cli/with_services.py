"""A command as one asynchronous function that gets the open services and the terminal; options of several commands."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Concatenate, ParamSpec

import typer
from typer.core import TyperCommand

from memoria_tui.cli import completing
from services.errors import Ambiguous, Malformed, NotFound
from services.model import SearchMode, SortKey, any_of
from services.storable_text import quoted
from services.unknown_ids import ANY_MEMORY_ID, is_whole_id, only_id
from services.unknown_names import instead

if TYPE_CHECKING:
    from typer._click.core import Context

    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.model import Query

P = ParamSpec("P")
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
CONFIDENCE = typer.Option("--confidence", min=0.0, max=1.0, help="How sure it is, from 0 to 1.")
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")]
Id = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The id, or a beginning of it that fits one memory only.", autocompletion=completing.ids
    ),
]


def terminal_of(context: typer.Context) -> Terminal:
    """The terminal that `main` was given."""
    return context.find_root().obj  # type: ignore[no-any-return]


def read_query(services: Services, text: str, mode: SearchMode = SearchMode.HYBRID) -> Query:
    """What the search box would make of a text. Raises QuerySyntaxError."""
    from services.search.query import parse_query
    from services.times import first_weekday, person_zone

    now = services.clock().astimezone(person_zone(services.settings))
    return parse_query(text, now=now, mode=mode, week_begins=first_weekday(services.settings))


def read_selection(services: Services, text: str) -> Query:
    """As `read_query`, where all that it finds is meant: words must occur. Raises InvalidInput for `like:`, too."""
    query = read_query(services, text)
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


async def here_or_in_trash(services: Services, given: str, trash: Collection[str]) -> str:
    """The memory of an id, or of the only one that begins so, here or in the trash. Raises NotFound or Ambiguous."""
    try:
        here = (await services.memories.get(given)).id
    except Ambiguous:
        raise
    except NotFound:
        return only_id(ANY_MEMORY_ID, given, trash)
    return here if is_whole_id(given) else only_id(ANY_MEMORY_ID, given, {here, *trash})


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


def only_one(options: Mapping[str, object], param_hint: str | None = None) -> None:
    """Raises BadParameter where several of these options are given, by their names."""
    if sum(map(bool, options.values())) > 1:
        raise typer.BadParameter(f"choose one: {any_of(options)}", param_hint=param_hint)


def checked(check: Callable[..., None]) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Refuses options of a command before its services are opened.

    `check` has those that it looks at as parameters of their names, and raises BadParameter or InvalidInput.
    """
    looked_at = inspect.signature(check).parameters

    def decorated(command: Callable[..., int]) -> Callable[..., int]:
        @wraps(command)
        def run(context: typer.Context, **options: object) -> int:
            check(**{name: options[name] for name in looked_at})
            return command(context, **options)

        return run

    return decorated


def with_options(read: Callable[..., object]) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    """Gives a command, as the parameter that is called as `read`, what that makes of its own options: they are those of
    the command, in its place."""
    own = inspect.signature(read, eval_str=True).parameters

    def decorated(command: Callable[..., int | None]) -> Callable[..., int | None]:
        @wraps(command)
        def run(**options: object) -> int | None:
            return command(**{read.__name__: read(**{name: options.pop(name) for name in own})}, **options)

        given = inspect.signature(command, eval_str=True).parameters.values()
        parts = (own.values() if one.name == read.__name__ else (one,) for one in given)
        _take_parameters(run, [one for part in parts for one in part])
        return run

    return decorated


def _take_parameters(command: Callable[..., int | None], parameters: list[inspect.Parameter]) -> None:
    """Makes these the parameters that a command is seen with."""
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}  # typer need not read them once more


def with_services(
    function: Callable[Concatenate[Services, Terminal, P], Awaitable[int | None]],
) -> Callable[..., int]:
    """Opens the services for a command, whose options are the parameters after the first two:

        @commands.command()
        @with_services
        async def show(services: Services, terminal: Terminal, memory_id: Id, as_json: Json = False) -> None: ...

    Its exit status is what it returns; 0 for None. What is wrong with its options is found out before, by `checked`; a
    command that does more before takes the context instead, and calls `Terminal.run` itself.
    """
    for name in list(function.__annotations__)[:2]:
        del function.__annotations__[name]  # types that are not imported when the program runs

    @wraps(function)
    def command(context: typer.Context, *arguments: P.args, **options: P.kwargs) -> int:
        terminal = terminal_of(context)
        return terminal.run(lambda services: function(services, terminal, *arguments, **options)) or 0

    first = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    _take_parameters(command, [first, *list(inspect.signature(function, eval_str=True).parameters.values())[2:]])
    return command
