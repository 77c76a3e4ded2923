"""The line that says which way one came and how far one sees."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from memoria_tui import present

_STEP, _HERE = 28, 44
"""Cells of a title on the way, and of the one where the way ends."""
_LEAD = "trail  "


class Trail(Widget):
    """«trail  first › second › here», the facts at the right; the beginning of a long way is left out."""

    DEFAULT_CSS = "Trail { height: 1; padding: 0 1; }"

    steps: reactive[Sequence[str]] = reactive(())
    facts: reactive[str] = reactive("")

    def render(self) -> Content:
        if not self.steps:
            return Content("")
        width = self.content_size.width
        here = present.clip(self.steps[-1], min(_HERE, width // 3))
        facts = present.clip(self.facts, width - len(_LEAD) - cell_len(here) - 2)
        room = width - len(_LEAD) - cell_len(here) - cell_len(facts) - 2
        came = _came([present.clip(step, _STEP) for step in self.steps[:-1]], room)
        gap = room + 2 - cell_len(came)
        return Content.assemble((_LEAD + came, "$foreground 60%"), (here, "bold"), " " * gap, (facts, "$primary"))


def _came(steps: Sequence[str], room: int) -> str:
    """As many of the last steps as have room."""
    came = ""
    for left, step in reversed(list(enumerate(steps))):
        longer = f"{step} › {came}"
        if cell_len(longer) > room - (4 if left else 0):
            return f"… › {came}" if room >= cell_len(came) + 4 else came
        came = longer
    return came
