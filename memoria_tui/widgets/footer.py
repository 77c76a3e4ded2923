"""The footer of a mode: the keys that are at hand, with undo, help and quit at its end however narrow it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from textual import events
from textual.binding import ActiveBinding
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget

_ALWAYS = ("undo", "help", "quit")
"""Actions whose keys are seen at every width, in this order."""


@dataclass(frozen=True)
class KeyAtHand:
    """What the line says of a key, and what it does."""

    key: str
    shown: str
    """The key as people call it."""
    description: str
    enabled: bool
    tooltip: str

    @cached_property
    def drawn(self) -> Content:
        key, description = "bold $footer-key-foreground", "$footer-description-foreground"
        drawn = Content.assemble((self.shown, key), (f" {self.description}", description))
        return drawn if self.enabled else drawn.stylize("dim")


class KeysFooter(Widget):
    """One line of keys, to be clicked too. Told after every move of the focus, it draws only what is something else."""

    DEFAULT_CSS = """
    KeysFooter { dock: bottom; height: 1; color: $footer-foreground; background: $footer-background; }
    """
    ALLOW_SELECT = False

    at_hand: reactive[tuple[KeyAtHand, ...]] = reactive(())
    """Shown from the left, as many as there is room for."""
    always: reactive[tuple[KeyAtHand, ...]] = reactive(())

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._follow)

    def _follow(self, screen: Screen[object]) -> None:
        if not self.app.app_focus:
            return
        active = screen.active_bindings.values()
        shown: dict[str, ActiveBinding] = {}
        for one in active:
            if one.binding.show and one.binding.action not in _ALWAYS:
                shown.setdefault(one.binding.action, one)
        always = {one.binding.action: one for one in active if not one.binding.key.startswith("super+")}
        self.at_hand = self._keys(shown.values())
        self.always = self._keys(always[action] for action in _ALWAYS if action in always)

    def _keys(self, active: Iterable[ActiveBinding]) -> tuple[KeyAtHand, ...]:
        shown = self.app.get_key_display
        return tuple(
            KeyAtHand(binding.key, shown(binding), binding.description, enabled, tooltip)
            for _, binding, enabled, tooltip in active
        )

    def _placed(self) -> Iterable[tuple[int, KeyAtHand]]:
        """The keys in sight, each with its first cell: one that has no room for its whole name is not shown."""
        end = max(0, self.size.width - sum(1 + key.drawn.cell_length for key in self.always))
        at = 0
        for key in self.at_hand:
            if at + key.drawn.cell_length > end:
                break
            yield at, key
            at += key.drawn.cell_length + 1
        for key in self.always:
            yield end + 1, key
            end += key.drawn.cell_length + 1

    def render(self) -> Content:
        line = Content()
        for at, key in self._placed():
            line = line.pad_right(at - line.cell_length) + key.drawn
        return line

    def _under(self, event: events.MouseEvent) -> KeyAtHand | None:
        return next((key for at, key in self._placed() if at <= event.x < at + key.drawn.cell_length), None)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        key = self._under(event)
        self.styles.pointer = "pointer" if key else "default"
        self.tooltip = key.tooltip if key else None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        key = self._under(event)
        if key is not None and key.enabled:
            self.app.simulate_key(key.key)
        elif key is not None:
            self.app.bell()
