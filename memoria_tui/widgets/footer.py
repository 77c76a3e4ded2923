"""The footer of a mode: the keys that are at hand, with help and quit at its end however narrow it is."""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.containers import HorizontalGroup
from textual.screen import Screen
from textual.widgets import Footer

from memoria_tui.textual_internals import FooterKey, draws_keys

At = tuple[str, str, str, bool, str]
_ALWAYS = ("help", "quit")
"""Actions whose keys are seen at every width, in this order."""


class KeysFooter(Footer):
    """Makes its row of widgets again only when there are other keys: it is told after every move of the focus."""

    DEFAULT_CSS = """
    KeysFooter .always {
        dock: right; width: auto; height: 1; padding: 0 0 0 1; background: $footer-background;
        & > FooterKey:last-of-type { margin: 0; }
    }
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)
        self._shown: list[At] | None = None

    def compose(self) -> ComposeResult:
        if draws_keys(self):
            self._shown = _at_hand(self.screen)
        for widget in super().compose():
            if not (isinstance(widget, FooterKey) and widget.action in _ALWAYS):
                yield widget
        if draws_keys(self):
            with HorizontalGroup(classes="always"):
                yield from self._always()
        self.call_after_refresh(self._hide_cut)

    def on_resize(self) -> None:
        for key in self._keys():
            key.visible = True  # one that is hidden has no place
        self.call_after_refresh(self._hide_cut)

    def _keys(self) -> Iterable[FooterKey]:
        return self.query_children(FooterKey).results(FooterKey)

    def _hide_cut(self) -> None:
        """A key that has no room for its whole name is not shown."""
        end = min((one.region.x for one in self.query_children(".always")), default=self.region.right)
        for key in self._keys():
            key.visible &= key.region.right <= end

    def _always(self) -> Iterable[FooterKey]:
        active = {one.binding.action: one for one in self.screen.active_bindings.values()}
        for one in (active[action] for action in _ALWAYS if action in active):
            binding = one.binding
            shown = self.app.get_key_display(binding)
            key = FooterKey(binding.key, shown, binding.description, binding.action, not one.enabled, one.tooltip)
            key.compact = True
            yield key

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
