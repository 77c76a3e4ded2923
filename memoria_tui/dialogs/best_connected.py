"""The best-connected memories, and the one to go to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.present import clip, count, glyph, title
from services.graph.graph_values import Connected

_BAR = 16


class OverviewDialog(Dialog[str]):
    """Memories with a bar for the number of their relations; the answer is an id."""

    KEYS = (("enter", "walk there"), ("esc", "close"))

    def __init__(self, best: Sequence[Connected]) -> None:
        super().__init__("Best-connected memories")
        self._best = best

    def compose_body(self) -> Iterable[Widget]:
        if self._best:
            most = self._best[0].degree
            yield OptionList(*(Option(_row(one, most)) for one in self._best))
        else:
            yield Static(Content("There are no relations yet."), classes="text")

    @on(OptionList.OptionSelected)
    def go(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._best[event.option_index].memory_id)


def _row(one: Connected, most: int) -> Content:
    full = max(1, round(one.degree / most * _BAR))
    memory = one.memory
    what = (
        Content.assemble((f"{glyph(memory.type)} ", f"$memory-{memory.type.value}"), clip(title(memory), 62))
        if memory is not None
        else Content.styled("? missing memory", "$warning")
    )
    return Content.assemble(f" {count(one.degree):>5} ", ("━" * full, "$primary"), " " * (_BAR - full + 1), what)
