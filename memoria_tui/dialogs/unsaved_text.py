"""Offers at the start what was typed before the program ended and was not saved."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.dialogs.confirm import ConfirmDialog
from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.drafts import Draft
from memoria_tui.present import clip, line, safe

_LINES, _CELLS = 6, 68


class UnsavedDialog(Dialog[bool]):
    """True opens the text, False throws it away, None leaves it for the next start."""

    UNASKED = True

    BINDINGS = [
        Binding("o,enter", "open", "Open", id="unsaved.open", tooltip="Open the text and go on with it"),
        Binding("d", "discard", "Discard", id="unsaved.discard", tooltip="Discard the text"),
    ]
    KEYS = (("o", "open it"), ("d", "discard it"), ("esc", "later"))

    def __init__(self, draft: Draft) -> None:
        super().__init__("A text that was not saved")
        self._shown = draft

    def compose_body(self) -> Iterable[Widget]:
        typed = {name: text for name, text in self._shown.values.items() if name != "before" and text}
        text = typed.get("text") or "\n".join(f"{name}: {value}" for name, value in typed.items())
        lines = safe(text).splitlines()
        shown = [clip(one, _CELLS) for one in lines[:_LINES]] + (["…"] if len(lines) > _LINES else [])
        head = f"Typed into: {line(self._shown.title)}, before the program ended"
        yield Static(Content("\n".join([clip(head, _CELLS), "", *shown])), classes="text")

    def action_open(self) -> None:
        self.dismiss(True)

    def action_discard(self) -> None:
        self.app.push_screen(ConfirmDialog("Not saved", "Discard the text?", "discard"), self._discard_if)

    def _discard_if(self, sure: bool | None) -> None:
        if sure:
            self.dismiss(False)
