"""The footer of a mode: the keys that are at hand."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer

from memoria_tui.textual_internals import draws_keys

At = tuple[str, str, str, bool, str]


class KeysFooter(Footer):
    """Makes its row of widgets again only when there are other keys: it is told after every move of the focus."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)
        self._shown: list[At] | None = None

    def compose(self) -> ComposeResult:
        if draws_keys(self):
            self._shown = _at_hand(self.screen)
        yield from super().compose()

    def bindings_changed(self, screen: Screen[object]) -> None:
        if self._shown is None or _at_hand(screen) != self._shown:
            super().bindings_changed(screen)


def _at_hand(screen: Screen[object]) -> list[At]:
    """What the line says of each key, and what it does."""
    return [
        (one.binding.key, one.binding.description, one.binding.action, one.enabled, one.tooltip)
        for one in screen.active_bindings.values()
        if one.binding.show
    ]
