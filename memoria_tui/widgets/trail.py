"""The line that says which way one came and how far one sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from memoria_tui.text import present

_STEP, _HERE = 28, 44
"""Cells of a title on the way, and of the one where the way ends."""
_LEAD = "trail  "
_QUIET = "$foreground 60%"


class Trail(Widget):
    """«trail  first › second › here», the facts at the right; the beginning of a long way is left out."""

    DEFAULT_CSS = """
    Trail { height: 1; padding: 0 1; link-color: $foreground 60%; link-style: none; link-style-hover: underline; }
    """

    @dataclass
    class WentBack(Message):
        """A step was clicked."""

        step: int
        """Its number, from 0."""

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
        gap = " " * (room + 2 - came.cell_length)
        return Content.assemble((_LEAD, _QUIET), came.stylize(_QUIET), (here, "bold"), gap, (facts, "$primary"))

    def action_go_back(self, step: int) -> None:
        self.post_message(self.WentBack(step))


def _came(steps: Sequence[str], room: int) -> Content:
    """As many of the last steps as have room; a click on one goes back to it."""
    came = Content("")
    for left, step in reversed(list(enumerate(steps))):
        linked = Content(step).stylize(Style.from_meta({"@click": f"go_back({left})"}))
        longer = Content.assemble(linked, " › ", came)
        if longer.cell_length > room - (4 if left else 0):
            return Content.assemble("… › ", came) if room >= came.cell_length + 4 else came
        came = longer
    return came
