"""What a memory replaced and what replaced it, the newest first, and in which words each differs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import tzinfo

from textual import on, work
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.difference_view import difference, excerpt
from memoria_tui.text.present import clip, labelled, line, title
from memoria_tui.text.text_difference import compare
from memoria_tui.widgets.choice_list import ChoiceList, is_there
from memoria_tui.widgets.lazy_static import LazyStatic
from services.curation.lineage import LineageStep
from services.errors import MemoriaError
from services.model import Memory, Subject

_MUTED = "$foreground 60%"
_TITLE = 200


Read = Callable[[], Awaitable[Sequence[LineageStep]]]
"""The steps as they are now."""


class LineageDialog(Dialog[str]):
    """Its answer is the id of the memory that is to be read."""

    AUTO_FOCUS = "ChoiceList"
    HELP = "What it replaced, and what replaced it"
    KEYS = (("↑↓", "memory"), ("enter", "read it"), ("esc", "close"))
    FOLLOWS = frozenset({Subject.MEMORIES, Subject.RELATIONS})

    def __init__(self, memory: Memory, steps: Sequence[LineageStep], read: Read, zone: tzinfo) -> None:
        """`read` reads them again."""
        super().__init__(f"Lineage of {title(memory)}")
        self._of = memory
        self._steps = steps
        self._read = read
        self._zone = zone

    def compose_body(self) -> Iterable[Widget]:
        rows = ChoiceList(markup=False)
        rows.set_options(self._options())
        rows.highlighted = place = next(n for n, one in enumerate(self._steps) if one.memory.id == self._of.id)
        yield rows
        with VerticalScroll(id="words"):
            yield LazyStatic(_words(self._steps[place]), id="difference")

    def _options(self) -> Iterable[Content]:
        return (_row(step, step.memory.id == self._of.id, self._zone) for step in self._steps)

    @work(exclusive=True, group="reading")
    async def changed_outside(self) -> None:
        try:
            now = await self._read()
        except MemoriaError:
            return  # what is read next tells it
        rows = self.query_one(ChoiceList)
        here = self._steps[rows.highlighted].memory.id if rows.highlighted is not None else self._of.id
        self._steps = now
        rows.set_options(self._options())
        rows.highlighted = next((n for n, one in enumerate(now) if one.memory.id == here), 0) if now else None

    @on(OptionList.OptionHighlighted)
    def show(self, event: OptionList.OptionHighlighted) -> None:
        if is_there(event):
            self.query_one("#difference", Static).update(_words(self._steps[event.option_index]))

    @on(OptionList.OptionSelected)
    def read(self, event: OptionList.OptionSelected) -> None:
        if is_there(event):
            self.dismiss(self._steps[event.option_index].memory.id)


def _row(step: LineageStep, is_shown: bool, zone: tzinfo) -> Content:
    """«▶ 2026-11-17 – 2026-11-20  ◆ the first line»."""
    made = f"{step.memory.created_at.astimezone(zone):%Y-%m-%d}" if step.memory.created_at else "no date   "
    until = f"– {step.superseded_at.astimezone(zone):%Y-%m-%d}" if step.superseded_at else "– now       "
    sign = "▶ " if is_shown else "  "
    return Content.assemble((sign, "bold $accent"), (f"{made} {until}  ", _MUTED), labelled(step.memory, _TITLE))


def _words(step: LineageStep) -> Content:
    """In what it differs from each that it replaced; of the first one its text."""
    if not step.replaced:
        return Content("\n").join(
            [Content.styled("It replaced nothing. It says:", _MUTED), excerpt(step.memory.content)]
        )
    parts = []
    for old in step.replaced:
        head = f"It replaced {old.id[:8]} {clip(line(title(old)), 60)}:"
        parts += [Content.styled(head, _MUTED), difference(compare(old.content, step.memory.content))]
    return Content("\n").join(parts)
