"""A shortest way between two memories as a chain, and the memory on it to go to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.present import clip, colour, glyph, title
from services.graph.model import PathStep


class PathDialog(Dialog[str]):
    """Every memory on the way with the relation that leads on; the answer is an id."""

    KEYS = (("enter", "walk there"), ("esc", "close"))

    def __init__(self, steps: Sequence[PathStep]) -> None:
        hops = len(steps) - 1
        super().__init__(f"Path of {hops} relation{'' if hops == 1 else 's'}")
        self._steps = steps

    def compose_body(self) -> Iterable[Widget]:
        options = OptionList(*(Option(_row(step), id=step.id) for step in self._steps))
        options.highlighted = len(self._steps) - 1
        yield options

    @on(OptionList.OptionSelected)
    def go(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._steps[event.option_index].id)


def _row(step: PathStep) -> Content:
    memory = step.memory
    what = (
        Content.assemble((f"{glyph(memory.type)} ", f"$memory-{memory.type.value}"), clip(title(memory), 76))
        if memory is not None
        else Content.styled("? missing memory", "$warning")
    )
    row = Content.assemble((f"{step.step:>3}  ", "$foreground 60%"), what)
    if step.relation is None:
        return row
    way = f"{'↓' if step.outgoing else '↑'} {step.relation.value.replace('_', ' ')}"
    return Content.assemble(row, "\n", "     │ ", (way, colour(step.relation)))
