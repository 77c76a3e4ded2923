"""Asks before text that nobody saved is thrown away."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.dialogs.dialog import Dialog


class ConfirmDialog(Dialog[bool]):
    """One question with yes and no."""

    BINDINGS = [
        Binding("y,enter", "yes", "Yes", id="confirm.yes", tooltip="Do it"),
        Binding("n", "leave", "No", id="confirm.no", tooltip="Do not do it"),
    ]

    def __init__(self, title: str, question: str, yes: str) -> None:
        super().__init__(title)
        self._question = question
        self._keys = (("y", yes), ("esc", "back"))

    def compose_body(self) -> Iterable[Widget]:
        yield Static(Content(self._question), classes="text")

    def action_yes(self) -> None:
        self.dismiss(True)
