"""Asks for one of a few things, each with its own key where it has one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual import events, on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.keys.typing_ahead import TypingAhead
from memoria_tui.widgets.choice_list import KeyedList


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be chosen, by its key or from the list."""

    key: str
    """"" for none."""
    value: str
    label: Content

    @property
    def row(self) -> Content:
        return Content.assemble((f" {self.key} ", "bold $accent"), " ", self.label) if self.key else self.label


class ChoiceDialog(Dialog[str]):
    """A short list; the answer is the value of the chosen line."""

    KEYS = (("enter", "choose"), ("esc", "cancel"))

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        current: str | None = None,
        about: str = "",
        *,
        first: bool = False,
    ) -> None:
        """`about` is said above the list. `first`: it is asked before what the key is for, only now and then.

        What is typed right behind that key was meant for what it is for.
        """
        super().__init__(title, about)
        self._first = first
        self.set_class(bool(about), "-about")
        self._choices = choices
        self._current = current

    def on_mount(self) -> None:
        super().on_mount()
        if self._first and isinstance(self.app, TypingAhead):
            self.app.ignore_burst()

    def compose_body(self) -> Iterable[Widget]:
        if not self._choices:
            self.show_empty(True)
        if self._text:
            yield from super().compose_body()
        if self._choices:
            options = KeyedList(*(Option(choice.row, id=choice.value) for choice in self._choices))
            values = [choice.value for choice in self._choices]
            options.highlighted = values.index(self._current) if self._current in values else 0
            yield options

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def on_key(self, event: events.Key) -> None:
        for choice in self._choices:
            if choice.key and event.character == choice.key:
                event.stop()
                self.dismiss(choice.value)
