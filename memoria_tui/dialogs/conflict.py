"""Shows both versions when a memory was changed outside while it was edited here, and asks which one shall stand."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.difference_view import difference, excerpt
from memoria_tui.text.text_difference import compare


class Resolution(StrEnum):
    """Which version stands in the end."""

    THEIRS = "theirs"
    MINE = "mine"
    MERGE = "merge"


class ConflictDialog(Dialog[str]):
    """Theirs at the left, mine as changes to it at the right; answers a Resolution."""

    QUESTION = True
    KEYS = (("t", "take theirs"), ("m", "keep mine"), ("e", "merge in the editor"), ("esc", "go on editing"))
    KEYS_OF_SOURCE = (("t", "take the source's"), ("m", "keep mine"), ("esc", "decide later"))
    BINDINGS = [
        Binding("t", "answer('theirs')", "Theirs", id="conflict.theirs", tooltip="Drop my text"),
        Binding("m", "answer('mine')", "Mine", id="conflict.mine", tooltip="Write my text over theirs"),
        Binding("e", "answer('merge')", "Merge", id="conflict.merge", tooltip="Put both into the editor"),
    ]

    def __init__(self, mine: str, theirs: str | None, source: str = "") -> None:
        """`theirs` is None when the memory was deleted; `source` is the place of an import that theirs stands in."""
        title = f"Changed here and in {source}" if source else "Changed by another program"
        super().__init__(title, keys=self.KEYS_OF_SOURCE if source else self.KEYS)
        self._mine = mine
        self._theirs = theirs
        self._source = source

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return (parameters != (Resolution.MERGE,) or not self._source) and super().check_action(action, parameters)

    def compose_body(self) -> Iterable[Widget]:
        with Horizontal(classes="sides"):
            with VerticalScroll() as left:
                left.border_title = f"theirs: the text as it is {'there' if self._source else 'stored'} now"
                yield self._left()
            with VerticalScroll() as right:
                right.border_title = "mine: my changes to it"
                yield Static(difference(compare(self._theirs or "", self._mine)))

    def _left(self) -> Static:
        if self._theirs is None:
            return Static(Content.styled("The memory was deleted. Keeping mine brings it back.", "$foreground 60%"))
        return Static(excerpt(self._theirs))
