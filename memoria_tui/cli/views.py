"""The commands about views: searches that were saved under a name."""

from __future__ import annotations

from dataclasses import asdict
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.terminal import terminal_of
from memoria_tui.cli.with_services import Json
from services.errors import InvalidInput, Malformed, NotFound
from services.model import SearchMode
from services.storable_text import quoted, require_name
from services.unknown_names import instead

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from memoria_tui.user_files.views import View

commands = typer.Typer(help="Searches that were saved under a name, in the file of settings.")

Name = Annotated[str, typer.Argument(metavar="NAME", autocompletion=completing.views)]
ByView = Annotated[
    str | None,
    typer.Option("--view", metavar="NAME", help="What this view searches for, too.", autocompletion=completing.views),
]


def viewed(terminal: Terminal, name: str | None, text: str, mode: SearchMode | None = None) -> tuple[str, SearchMode]:
    """The query and mode of a view, with what is typed besides.

    Raises NotFound naming those that there are, InvalidInput for one that cannot be searched for.
    """
    from memoria_tui.user_files.views import read_views, unreadable

    if name is None:
        return text, mode or SearchMode.HYBRID
    view = _found(read_views(terminal.config_file, terminal.error), name)
    if wrong := unreadable([view]):
        raise InvalidInput(f"{terminal.config_file}: {wrong[view.name]}")
    return f"{view.query} {text}".strip(), mode or view.mode


def _found(views: tuple[View, ...], name: str) -> View:
    """The one of a name, or of a number."""
    numbered = dict(zip(map(str, range(1, len(views) + 1)), views, strict=True))
    view = next((one for one in views if one.name == name), None) or numbered.get(name)
    if view is None:
        known = instead(name, [one.name for one in views])
        hint = "" if views else "; save one: memoria-tui views save NAME QUERY"
        raise NotFound(f"there is no view {quoted(name)}; {known}{hint}")
    return view


@commands.callback(invoke_without_command=True)
def views(context: typer.Context, as_json: Json = False) -> None:
    """List them with their numbers."""
    from memoria_tui.user_files.views import read_views, unreadable

    if context.invoked_subcommand is not None:
        return
    terminal = terminal_of(context)
    known = read_views(terminal.config_file, terminal.error)
    for line in unreadable(known).values():
        terminal.error(f"{terminal.config_file}: {line}")
    if as_json:
        terminal.print_json([asdict(one) for one in known])
        return
    rows = [(str(number), one.name, one.query, one.mode) for number, one in enumerate(known, 1)]
    terminal.print_table(("", "name", "query", "mode"), rows, right=("",))
    if not known:
        terminal.error("no views yet; save one: memoria-tui views save NAME QUERY")


@commands.command()
def save(
    context: typer.Context,
    name: Name,
    query: Annotated[
        str,
        typer.Argument(
            metavar="QUERY", help="What the search box takes, in quotes.", autocompletion=completing.queries
        ),
    ],
    mode: Annotated[SearchMode, typer.Option(help="How to search.")] = SearchMode.HYBRID,
) -> None:
    """Save a search under a name; one that has it is replaced."""
    from memoria_tui.user_files.views import View, change_views
    from services.search.query import parse_query
    from services.times import first_weekday, person_clock

    terminal = terminal_of(context)
    if not name.strip() or not query.strip():
        raise Malformed("a view needs a name and a query")
    require_name(name.strip())
    parse_query(query, now=person_clock(terminal.settings)(), week_begins=first_weekday(terminal.settings), mode=mode)
    new, is_known = View(name.strip(), query.strip(), mode), False

    def change(known: tuple[View, ...]) -> list[View]:
        nonlocal is_known
        is_known = any(one.name == new.name for one in known)
        return [new if one.name == new.name else one for one in known] if is_known else [*known, new]

    change_views(terminal.config_file, change)
    done = "replaced" if is_known else "saved"
    terminal.print_text(f"{done} {new.name}: memoria-tui search --view {quote(new.name)}")


@commands.command()
def delete(context: typer.Context, name: Name) -> None:
    """Delete a view; memories stay as they are."""
    from memoria_tui.user_files.views import change_views, read_views

    terminal = terminal_of(context)
    gone = _found(read_views(terminal.config_file, terminal.error), name)
    change_views(terminal.config_file, lambda known: [one for one in known if one != gone])
    terminal.print_text(f"deleted {gone.name}: {gone.query}")
