"""A command as one asynchronous function that gets the open services and the terminal; options of several commands."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Concatenate, ParamSpec

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.terminal import terminal_of
from services.errors import Ambiguous, NotFound
from services.model import any_of
from services.unknown_ids import ANY_MEMORY_ID, is_whole_id, only_id

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services

P = ParamSpec("P")
MOST_SHOWN = 1000
"""What `-n` can be at most."""
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


async def here_or_in_trash(services: Services, given: str, trash: Collection[str]) -> str:
    """The memory of an id, or of the only one that begins so, here or in the trash. Raises NotFound or Ambiguous."""
    try:
        here = (await services.memories.get(given)).id
    except Ambiguous:
        raise
    except NotFound:
        return only_id(ANY_MEMORY_ID, given, trash)
    return here if is_whole_id(given) else only_id(ANY_MEMORY_ID, given, {here, *trash})


def shown_of(shown: int, total: int) -> str:
    """«20 of 309; more with -n 309»: that a list was cut, and how to see more of it."""
    most = min(total, MOST_SHOWN)
    return f"{shown:,} of {total:,}; " + (f"more with -n {most}" if shown < most else f"-n shows no more than {most:,}")


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
