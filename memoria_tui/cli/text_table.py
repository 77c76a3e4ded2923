"""A table as lines of text."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal

_WIDEST = 48
"""Cells of a column at most."""


def print_table(
    terminal: Terminal, head: Sequence[str], table: Sequence[Sequence[str]], *, right: Collection[str] = ()
) -> None:
    """Prints a table under its head, each cell safe and on one line; nothing when it is empty.

    `right`: the heads of the columns that are aligned right.
    """
    from rich.cells import cell_len

    from memoria_tui.present import clip, fit, line

    if not table:
        return
    cells = [list(head), *([clip(line(cell), _WIDEST) for cell in row] for row in table)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        fitted = (fit(cell, width, right=name in right) for name, cell, width in zip(head, row, widths, strict=True))
        terminal.print("  ".join(fitted).rstrip())
