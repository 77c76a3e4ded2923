"""Asks for one of a few things, each with its own key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual import events, on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from memoria_tui.dialogs.dialog import Dialog


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be chosen, by its key or from the list."""

    key: str
    value: str
    label: Content


class ChoiceDialog(Dialog[str]):
    """A short list; the answer is the value of the chosen line."""

    KEYS = (("enter", "choose"), ("esc", "cancel"))

    def __init__(self, title: str, choices: Sequence[Choice], current: str | None = None, about: str = "") -> None:
        """`about` is said above the list."""
        super().__init__(title)
        self.set_class(bool(about), "-about")
        self._about = about
        self._choices = choices
        self._current = current

    def compose_body(self) -> Iterable[Widget]:
        if self._about:
            yield Static(Content(self._about), classes="text")
        options = OptionList(
            *(
                Option(Content.assemble((f" {choice.key} ", "bold $accent"), " ", choice.label), id=choice.value)
                for choice in self._choices
            )
        )
        values = [choice.value for choice in self._choices]
        options.highlighted = values.index(self._current) if self._current in values else 0
        yield options

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def on_key(self, event: events.Key) -> None:
        for choice in self._choices:
            if event.character == choice.key:
                event.stop()
                self.dismiss(choice.value)
