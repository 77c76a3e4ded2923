"""What differs between texts as they are here and in the source of an import."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.transfer.import_run import Remark

_GAP = "  "
_NARROWEST = 24
"""Cells of a column that still is one."""


def print_both_texts(terminal: Terminal, kept: Sequence[Remark]) -> None:
    """The lines that differ: for a person side by side and folded, into a pipe whole, one after the other."""
    for one in kept:
        if one.texts is None:
            continue
        here, there = (text.splitlines() for text in one.texts)
        steps = difflib.SequenceMatcher(None, here, there, autojunk=False).get_opcodes()
        changed = [(here[a:b], there[c:d]) for step, a, b, c, d in steps if step != "equal"]
        terminal.print()
        width = (terminal.columns - len(_GAP)) // 2
        if terminal.prints_to_person and width >= _NARROWEST:
            heads = (f"here: {one.record}", "in the source")
            pairs = (pair for both in changed for pair in itertools.zip_longest(*both, fillvalue=""))
            for pair in (heads, *pairs):
                for line in _side_by_side(pair, width):
                    terminal.print(line)
            continue
        terminal.print_text(f"here: {one.record} (-), in the source (+)")
        for before, after in changed:
            for line in (*(f"- {line}" for line in before), *(f"+ {line}" for line in after)):
                terminal.print_text(line)


def _side_by_side(pair: tuple[str, str], width: int) -> Iterator[str]:
    """Two lines in columns of so many cells, each folded into as many as it needs."""
    from memoria_tui.text.present import fit

    for left, right in itertools.zip_longest(*(_folded(text, width) for text in pair), fillvalue=""):
        yield f"{fit(left, width)}{_GAP}{right}".rstrip()


def _folded(text: str, width: int) -> list[str]:
    """Pieces of at most so many cells, of which each but the last one ends in «…»."""
    from rich.cells import cell_len, chop_cells

    from memoria_tui.text.present import escape_control

    text = escape_control(text).expandtabs(4)
    if cell_len(text) <= width:
        return [text]
    *pieces, last = chop_cells(text, width - 1)
    return [*(f"{piece}…" for piece in pieces), last]
