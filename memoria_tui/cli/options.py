"""What the commands of all parts have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The id, or a beginning of it that fits one memory only.")]


def terminal_of(context: typer.Context) -> Terminal:
    """The world that the command was started in."""
    return context.find_root().obj  # type: ignore[no-any-return]
