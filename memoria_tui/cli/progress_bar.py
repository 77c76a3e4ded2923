"""Progress of a long command."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.model import Progress


@contextlib.contextmanager
def progress_bar(terminal: Terminal) -> Iterator[Callable[[Progress], None]]:
    """A bar with rate and time left on a terminal that draws; nothing in a pipe, nor where no codes are wanted."""
    plain = terminal.environment.get("NO_COLOR") or terminal.environment.get("TERM") == "dumb"
    if plain or not terminal.stderr.isatty():
        yield lambda progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(file=terminal.stderr), transient=True) as bar:
        task = bar.add_task("", total=None, rate="")

        def advance(progress: Progress) -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed:,.0f}/s" if speed else ""
            bar.update(task, description=progress.what, completed=progress.done, total=progress.total, rate=rate)

        yield advance
