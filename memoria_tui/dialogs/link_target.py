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
from memoria_tui.present import clip, labelled, line
from memoria_tui.widgets.line_input import LineInput
from services.errors import MemoriaError
from services.model import Memory

Find = Callable[[str], Awaitable[Sequence[Memory]]]
"""Search text → the memories found, best first."""

_TYPING = 0.06
"""Seconds of rest before what was typed is searched for."""
_MOST = 12


class _SearchBox(LineInput):
    """An input whose first key may be a digit that means something else."""

    SHORTCUTS = "123456789"

    def check_consume_key(self, key: str, character: str | None) -> bool:
        digit = not self.value and character is not None and character in self.SHORTCUTS
        return not digit and super().check_consume_key(key, character)


class LinkTargetDialog(Dialog[Memory]):
    """Its answer is the memory. What is at hand has a digit each, taken while nothing is typed."""

    KEYS = (("↑↓", "move"), ("enter", "take it"), ("1-9", "take one at hand"), ("esc", "cancel"))
    BINDINGS = [
        *(
            Binding(
                str(number),
                f"take_at_hand({number})",
                "At hand",
                show=False,
                priority=True,
                id=f"target.{number}",
                tooltip="Take this one",
            )
            for number in range(1, 10)
        ),
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
        self._takes_first = False
        """Enter was pressed before the text was answered."""

    def compose_body(self) -> Iterable[Widget]:
        yield _SearchBox(placeholder="Search for the memory")
        options = OptionList()
        options.can_focus = False
        yield options
        yield Static(id="hint")

    def on_mount(self) -> None:
        self._show(self._at_hand)

    @on(Input.Changed)
    def search(self, event: Input.Changed) -> None:
        self._takes_first = False
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
            self._takes_first = False
            self._say(str(error))
            return
        self._answered = text
        if self._takes_first:
            self.take()

    def _show(self, memories: Sequence[Memory]) -> None:
        self._shown = memories
        numbered = not self.box.value.strip()
        self.options.set_options(
            Option(_label(memory, str(number) if numbered and number < 10 else ""))
            for number, memory in enumerate(memories, 1)
        )
        self.options.highlighted = 0 if memories else None
        self._say("" if memories else "Type to search" if numbered else "Nothing found")

    def _say(self, text: str) -> None:
        hint = self.query_one("#hint", Static)
        hint.update(Content(line(text)))
        hint.display = bool(text)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return not (action == "take_at_hand" and self.is_mounted and self.box.value)

    def action_take_at_hand(self, number: int) -> None:
        if number <= len(self._shown):
            self.dismiss(self._shown[number - 1])

    @on(Input.Submitted)
    def take(self) -> None:
        self._takes_first = self.box.value != self._answered
        if not self._takes_first and (index := self.options.highlighted) is not None:
            self.dismiss(self._shown[index])

    @on(OptionList.OptionSelected)
    def take_clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._shown[event.option_index])

    def action_move(self, rows: int) -> None:
        if self._shown:
            self.options.highlighted = ((self.options.highlighted or 0) + rows) % len(self._shown)


def _label(memory: Memory, digit: str) -> Content:
    return Content.assemble(
        (f" {digit or ' '} ", "bold $accent"),
        labelled(memory, 54),
        (f"  {clip(line(memory.project), 12)}" if memory.project else "", "$foreground 60%"),
    )
