"""One line to type into, which holds no character that a terminal would obey or that nobody sees."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding
from textual.widgets import Input

from memoria_tui import present


class LineInput(Input):
    """An input whose text is one harmless line, whatever is typed, pasted or set."""

    BINDINGS = [
        Binding("ctrl+home", "home", "Start", id="line.start", show=False, tooltip="Start of the line"),
        Binding("ctrl+end", "end", "End", id="line.end", show=False, tooltip="End of the line"),
    ]
    SHORTCUTS: ClassVar[str] = ""
    """Characters that do something else than to be typed."""

    def validate_value(self, value: str) -> str:
        return present.harmless(value)

    def _on_paste(self, event: events.Paste) -> None:
        """Takes all lines of what is pasted as one."""
        event.stop()
        event.prevent_default()
        self.replace(" ".join(event.text.split()), *self.selection)
