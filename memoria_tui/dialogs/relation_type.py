"""Asks how one memory relates to another: a key a type, tab for the direction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual import events, getters, on
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.text.present import colour
from memoria_tui.text.relation_styles import LOOKS
from memoria_tui.widgets.choice_list import KeyedList
from memoria_tui.widgets.lazy_static import LazyStatic
from services.model import RelationType

_TYPES = tuple(RelationType)


def type_of_key(character: str | None) -> RelationType | None:
    return next((kind for kind, look in LOOKS.items() if look.key == character), None)


def described(kind: RelationType, mark: str = "") -> Content:
    """« f  fixes       solves the other's problem»; `mark` stands before it."""
    return Content.assemble(
        (mark, "$accent"),
        (f" {LOOKS[kind].key}  ", "bold $accent"),
        (f"{kind.label:<11}", colour(kind)),
        (f" {LOOKS[kind].meaning}", "$foreground 60%"),
    )


@dataclass(frozen=True, slots=True)
class TypeChoice:
    """A type, and whether the two ends change places."""

    type: RelationType
    turned: bool


class RelationTypeDialog(Dialog[TypeChoice]):
    """Shows both ends and every type with its key; one key answers."""

    KEYS = (("key", "choose"), ("tab", "reverse direction"), ("esc", "cancel"))
    BINDINGS = [
        Binding("tab", "turn", "Reverse direction", id="relation.turn", tooltip="Swap source and target"),
    ]

    ends = getters.query_one("#ends", Static)

    def __init__(self, title: str, source: Content, target: Content, current: RelationType | None = None) -> None:
        super().__init__(title)
        self._source, self._target = source, target
        self._current = current
        self._turned = False

    def compose_body(self) -> Iterable[Widget]:
        yield LazyStatic(id="ends", classes="section ends")
        options = KeyedList(*(Option(described(kind)) for kind in _TYPES))
        options.highlighted = _TYPES.index(self._current) if self._current else 0
        yield options

    def on_mount(self) -> None:
        self._show_ends()

    def action_turn(self) -> None:
        self._turned = not self._turned
        self._show_ends()

    def _show_ends(self) -> None:
        first, second = (self._target, self._source) if self._turned else (self._source, self._target)
        self.ends.update(Content.assemble("  ", first, "\n", ("→ ", "bold $accent"), second))

    def on_key(self, event: events.Key) -> None:
        if (kind := type_of_key(event.character)) is not None:
            event.stop()
            self.dismiss(TypeChoice(kind, self._turned))

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(TypeChoice(_TYPES[event.option_index], self._turned))
