"""Questions with yes and no."""

from __future__ import annotations

from textual.app import App
from textual.binding import Binding

from memoria_tui.dialogs.dialog import Dialog
from services.model.history import ASKS_ABOVE


class ConfirmDialog(Dialog[bool]):
    """One question with yes and no."""

    QUESTION = True
    BINDINGS = [
        Binding("y", "answer(True)", "Yes", id="confirm.yes", tooltip="Do it"),
        Binding("n", "leave", "No", id="confirm.no", show=False, tooltip="Do not do it"),
    ]

    def __init__(self, title: str, question: str, yes: str) -> None:
        super().__init__(title, question, (("y", yes), ("esc", "back")))


async def sure_of_many(app: App[object], number: int, title: str, question: str, yes: str) -> bool:
    """Whether a person wants so many things changed at once: of as many as an undo asks about they are asked.

    To be awaited in a worker.
    """
    return number <= ASKS_ABOVE or await app.push_screen_wait(ConfirmDialog(title, question, yes)) is True
