"""What dialogs have in common in which a person changes what they show."""

from __future__ import annotations

from abc import abstractmethod

from textual import work

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.write_queue import NOTHING_CHANGED


class ChangingDialog(Dialog[bool]):
    """The answer says whether something was changed."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self._changed = False
        self._asked = False
        """Whether something else is to be shown than what is on screen."""

    def on_mount(self) -> None:
        self._load()

    def leave(self) -> None:
        self.dismiss(self._changed)

    def undone(self, line: str) -> None:
        self._changed = True
        self._done(line)

    @property
    def owes_answer(self) -> bool:
        return self._asked

    def changed_outside(self) -> None:
        """Keys wait for it no longer: they are meant for what is on the screen."""
        self._read()

    def _load(self) -> None:
        self._asked = True
        self._read()

    @work(exclusive=True, group="reading")
    async def _read(self) -> None:
        await self._show()
        self._asked = False

    def _done(self, said: str) -> None:
        """Says it, and reads what there is now."""
        self.say(said)
        self._load()

    async def _show_done(self, told: str) -> None:
        """Says what was done, "": nothing, and shows what there is."""
        self._changed |= bool(told)
        self.say(f"{told} · u to undo" if told else NOTHING_CHANGED)
        await self._show()

    @abstractmethod
    async def _show(self) -> None:
        """Reads and draws; late answers are never shown, for a newer question ends this one."""
