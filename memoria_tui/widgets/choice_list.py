"""A short list of lines to choose from, with the keys that all lists have."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding
from textual.events import Resize
from textual.message import Message
from textual.widgets import OptionList


def is_there(event: OptionList.OptionMessage) -> bool:
    """Whether the list still has the line that the message is about: it may have been drawn again since."""
    lines = event.option_list.options
    return event.option_index < len(lines) and lines[event.option_index] is event.option


class KeyedList(OptionList):
    """An option list with the keys that all lists have."""

    BINDINGS = [
        Binding("j", "cursor_down", "Down", id="choices.down", show=False, tooltip="Next line"),
        Binding("k", "cursor_up", "Up", id="choices.up", show=False, tooltip="Line before"),
        Binding("g", "first", "Top", id="choices.first", show=False, tooltip="First line"),
        Binding("G", "last", "Bottom", id="choices.last", show=False, tooltip="Last line"),
        Binding("ctrl+d", "page_down", "Page down", id="choices.page_down", show=False, tooltip="A page down"),
        Binding("ctrl+u", "page_up", "Page up", id="choices.page_up", show=False, tooltip="A page up"),
    ]

    def action_cursor_down(self) -> None:
        """Stays on the last line: a key for that one must not act on the first."""
        if any(not one.disabled for one in self.options[0 if self.highlighted is None else self.highlighted + 1 :]):
            super().action_cursor_down()

    def action_cursor_up(self) -> None:
        """Stays on the first line."""
        if self.highlighted is None or any(not one.disabled for one in self.options[: self.highlighted]):
            super().action_cursor_up()


class ChoiceList(KeyedList):
    """Lines of any height; the cursor stays where it was when they are drawn again."""

    @dataclass
    class Widened(Message):
        """Its lines were made for another width."""

        choices: ChoiceList

        @property
        def control(self) -> ChoiceList:
            return self.choices

    DEFAULT_CSS = """
    ChoiceList {
        border: none;
        padding: 0;
        background: $background;
        background-tint: $foreground 0%;
        scrollbar-size-vertical: 1;
        & > .option-list--option { padding: 0; }
        & > .option-list--option-highlighted { background: $block-cursor-blurred-background; }
        & > .option-list--option-disabled { color: $foreground 45%; }
        &:focus { border: none; background-tint: $foreground 0%; }
        &:focus > .option-list--option-highlighted { background: $block-cursor-background; color: $foreground; }
    }
    """
    _drawn_for = 0

    def on_resize(self, event: Resize) -> None:
        if event.size.width != self._drawn_for:
            self._drawn_for = event.size.width
            self.post_message(self.Widened(self))
