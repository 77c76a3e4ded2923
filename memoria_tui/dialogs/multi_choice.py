"""Asks which of a list: any number of them, nothing for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from textual import events, getters, on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.widgets.choice_list import KeyedList

Value = TypeVar("Value")


class MultiChoiceDialog(Dialog[tuple[Value, ...]]):
    """A list to mark in with space; answers what is marked in its order, nothing stands for all."""

    options = getters.query_one(OptionList)

    def __init__(
        self, title: str, values: Sequence[Value], marked: Iterable[Value], draw: Callable[[Value, str], Content]
    ) -> None:
        """`draw` is given a value and the sign before it."""
        super().__init__(title)
        self._values = values
        self._marked = set(marked)
        self._marked_before = frozenset(self._marked)
        self._draw = draw

    def compose_body(self) -> Iterable[Widget]:
        yield KeyedList(*(Option(self._row(value)) for value in self._values))

    def _row(self, value: Value) -> Content:
        return self._draw(value, "✓" if value in self._marked else " ")

    def typed(self) -> Mapping[str, str]:
        return {} if self._marked == self._marked_before else {"marked": f"{len(self._marked)}"}

    def value_of_key(self, character: str | None) -> Value | None:
        """What a key of its own marks."""
        return None

    def on_key(self, event: events.Key) -> None:
        value = self.value_of_key(event.character)
        if event.key == "space" and (place := self.options.highlighted) is not None:
            value = self._values[place]
        if value is not None:
            event.stop()
            self._marked ^= {value}
            self.options.replace_option_prompt_at_index(self._values.index(value), self._row(value))

    @on(OptionList.OptionSelected)
    def show(self) -> None:
        self.dismiss(tuple(value for value in self._values if value in self._marked))

    def action_all(self) -> None:
        self.dismiss(())
