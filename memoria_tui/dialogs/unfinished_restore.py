"""Says at the start that a restore was begun and not finished, and offers to finish or to undo it."""

from __future__ import annotations

from textual.binding import Binding

from memoria_tui.dialogs.dialog import Dialog

FINISH, UNDO = "finish", "undo"


class UnfinishedRestoreDialog(Dialog[str]):
    """Answers FINISH or UNDO; None to look at the stores as they are."""

    UNASKED = True

    BINDINGS = [
        Binding("ctrl+f", "answer('finish')", "Finish", id="unfinished_restore.finish", tooltip="Finish the restore"),
        Binding("ctrl+u", "answer('undo')", "Undo", id="unfinished_restore.undo", tooltip="Undo the restore"),
    ]
    KEYS = (("ctrl+f", "finish it"), ("ctrl+u", "undo it"), ("esc", "look first"))

    def __init__(self, advice: str) -> None:
        super().__init__("A restore is not finished", advice)
        self.makes_way = True
