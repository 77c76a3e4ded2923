"""Offers at the start what was typed before the program ended and was not saved."""

from __future__ import annotations

from textual.binding import Binding

from memoria_tui.dialogs.dialog import Dialog, discard_first
from memoria_tui.text.present import clip, escape_control, line
from memoria_tui.user_files.drafts import Draft

_LINES, _CELLS = 6, 68
_EMPTY = "Its text was emptied: the text is empty."


class UnsavedDialog(Dialog[bool]):
    """True opens the text, False throws it away, None leaves it for the next start. No letter of a text answers it."""

    UNASKED = True

    BINDINGS = [
        Binding("ctrl+o", "answer(True)", "Open", id="unsaved.open", tooltip="Open the text and go on with it"),
        Binding("ctrl+d", "discard", "Discard", id="unsaved.discard", tooltip="Discard the text"),
    ]
    KEYS = (("ctrl+o", "open it"), ("ctrl+d", "discard it"), ("esc", "later"))

    def __init__(self, draft: Draft, *, makes_way: bool = False) -> None:
        """`makes_way`: nobody asked for it."""
        typed = {name: text for name, text in draft.values.items() if not name.startswith("before") and text}
        text = (
            typed.get("text")
            or "\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in typed.items())
            or _EMPTY
        )
        lines = escape_control(text).splitlines()
        shown = [clip(one, _CELLS) for one in lines[:_LINES]] + (["…"] if len(lines) > _LINES else [])
        head = f"Typed into: {line(draft.title)}"
        super().__init__("A text that was not saved", "\n".join([clip(head, _CELLS), "", *shown]))
        self.makes_way = makes_way

    def action_discard(self) -> None:
        discard_first(self, "Discard the text?", False)
