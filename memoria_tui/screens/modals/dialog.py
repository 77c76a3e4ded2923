"""What all dialogs share: a quiet box over the dimmed screen, a title, a line of keys; esc leaves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.present import clip, line

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer | None]):
    """A box with a title; its answer is None when the person left with esc."""

    CSS_PATH = "dialog.tcss"
    AUTO_FOCUS = "*"
    KEYS: tuple[tuple[str, str], ...] = (("esc", "cancel"),)
    """What the last line of the box says."""

    BINDINGS = [Binding("escape", "leave", "Cancel", id="dialog.leave", tooltip="Close without doing anything")]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = clip(line(title), 72)
        self._keys = self.KEYS

    def _on_mount(self, event: events.Mount) -> None:
        super()._on_mount(event)
        # What was done before is no news any more, and a toast would cover the keys.
        self.app.clear_notifications()

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as box:
            box.border_title = Content(self._title)
            yield from self.compose_body()
            yield Static(keys_line(self._keys), id="keys")

    def compose_body(self) -> Iterable[Widget]:
        """What stands in the box."""
        raise NotImplementedError

    def action_leave(self) -> None:
        self.dismiss(None)


def keys_line(keys: Iterable[tuple[str, str]]) -> Content:
    """«enter save  esc cancel», keys in the accent colour."""
    return Content("   ").join(Content.assemble((key, "bold $accent"), f" {what}") for key, what in keys)
