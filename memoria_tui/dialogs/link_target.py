"""Picks a memory by searching: the other end of a relation, the goal of a path, a place to go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from textual import getters, on, work
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.text.present import clip, labelled, line
from memoria_tui.widgets.choice_list import is_there
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.line_input import LineInput
from services.errors import MemoriaError
from services.model import Memory

Find = Callable[[str], Awaitable[Sequence[Memory]]]
"""Search text → the memories found, best first."""

_TYPING = 0.06
"""Seconds of rest before what was typed is searched for."""
_MOST = 12


class LinkTargetDialog(Dialog[Memory]):
    """Its answer is the memory; while nothing is typed, one of those at hand."""

    KEYS = (("↑↓", "move"), ("enter", "take it"), ("esc", "cancel"))
    BINDINGS = [
        Binding("down", "move(1)", "Down", show=False, id="target.down", tooltip="Next memory"),
        Binding("up", "move(-1)", "Up", show=False, id="target.up", tooltip="Memory before"),
    ]

    options = getters.query_one(OptionList)
    box = getters.query_one(Input)

    def __init__(self, title: str, at_hand: Sequence[Memory], find: Find) -> None:
        super().__init__(title)
        self._at_hand = at_hand[:_MOST]
        self._find = find
        self._shown: Sequence[Memory] = ()
        self._answered = ""
        """The text that is answered by what is shown."""

    def compose_body(self) -> Iterable[Widget]:
        yield LineInput(placeholder="Search for the memory")
        options = OptionList()
        options.can_focus = False
        yield options
        yield LazyStatic(id="hint")

    def on_mount(self) -> None:
        self._show(self._at_hand)

    @on(Input.Changed)
    def search(self, event: Input.Changed) -> None:
        self._search(event.value)

    @work(exclusive=True, group="search")
    async def _search(self, text: str) -> None:
        try:
            if text.strip():
                await asyncio.sleep(_TYPING)
                self._show((await self._find(text))[:_MOST])
            else:
                self._show(self._at_hand)
        except MemoriaError as error:
            self._show(())
            self._say(str(error))
        self._answered = text

    @property
    def owes_answer(self) -> bool:
        return self.is_mounted and self.box.value != self._answered

    def _show(self, memories: Sequence[Memory]) -> None:
        self._shown = memories
        self.options.set_options(Option(_label(memory)) for memory in memories)
        self.options.highlighted = 0 if memories else None
        self._say("" if memories else "Nothing found" if self.box.value.strip() else "Type to search")

    def _say(self, text: str) -> None:
        hint = self.query_one("#hint", Static)
        hint.update(Content(line(text)))
        hint.display = bool(text)

    @on(Input.Submitted)
    def take(self) -> None:
        if not self.owes_answer and (index := self.options.highlighted) is not None:
            self.dismiss(self._shown[index])

    @on(OptionList.OptionSelected)
    def take_clicked(self, event: OptionList.OptionSelected) -> None:
        if is_there(event):
            self.dismiss(self._shown[event.option_index])

    def action_move(self, rows: int) -> None:
        if self._shown:
            self.options.highlighted = ((self.options.highlighted or 0) + rows) % len(self._shown)


def _label(memory: Memory) -> Content:
    project = f"  {clip(line(memory.project), 12)}" if memory.project else ""
    return Content.assemble(" ", labelled(memory, 54), (project, "$foreground 60%"))
