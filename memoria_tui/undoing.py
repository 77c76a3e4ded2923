"""Undo, redo and the list of the last changes, as the app offers them in every mode."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from services.acting import is_done_here
from services.errors import Conflict, MemoriaError, NothingToUndo
from services.model import IfChanged, Undone
from services.times import person_zone

if TYPE_CHECKING:
    from textual.app import App

    from memoria_tui.write_queue import Writes
    from services.container import Services
    from services.model import Act, UndoPreview
    from services.ports import Clock

_LISTED = 100
"""Acts in the list of the last changes."""


class Undoing:
    """Asks where an act would surprise, and says what was done in the words of the act; one after the other."""

    def __init__(
        self,
        app: App[None],
        services: Services,
        writes: Writes,
        clock: Clock,
        say: Callable[..., None],
        done: Callable[[str], None],
    ) -> None:
        """`say` tells a line, with `wrong=True` a bad one; `done` is called with what was undone."""
        self._app = app
        self._services = services
        self._memories = services.memories
        self._clock = clock
        self._since = clock()
        """What is older was done before this app was started, or hardly after: by the person, in one before it."""
        self._say = say
        self._done = done
        self._writes = writes
        self._asked = 0
        """How many dialogs were shown: what was pressed before one is forgotten after it."""

    async def undo(self) -> None:
        """Undoes the last act of this person."""
        skip: list[str] = []

        async def find() -> UndoPreview:
            return await self._memories.undo_preview(None, skip)

        await self._in_turn(find, skip)

    async def redo(self) -> None:
        """Does again what this person undid last."""
        await self._in_turn(self._memories.redo_preview, [])

    async def changes(self) -> None:
        """Lists the last changes of everybody; one that is chosen is undone."""
        from memoria_tui.dialogs.last_changes import ChangesDialog

        async def read() -> Sequence[Act]:
            return (await self._memories.acts.page(_LISTED)).acts

        try:
            acts = await read()
        except MemoriaError as error:
            self._say(str(error), wrong=True)
            return
        zone = person_zone(self._services.settings)
        dialog = ChangesDialog(acts, read, self._memories.acts.changes, self._clock, zone)
        act = await self._app.push_screen_wait(dialog)
        if act is not None:
            await self._in_turn(lambda: self._memories.undo_preview(act.group), None)

    async def _in_turn(self, find: Callable[[], Awaitable[UndoPreview]], skip: list[str] | None) -> None:
        """Carries out what `find` finds once all that was asked for before is written.

        Again after a person passed an act over: then it is in `skip`.
        """
        asked = self._asked
        try:
            while True:
                found = await self._writes.run("undo", self._at_once(find, asked), vectors=True)
                if found is None or isinstance(found, Undone):
                    self._notify_undone(found)
                    return
                asked = self._asked
                if not await self._ask(found, find, skip):
                    return
        except NothingToUndo as nothing:
            self._say(_sentence(str(nothing).partition(";")[0]))
        except MemoriaError as error:
            self._say(str(error), wrong=True)

    async def _at_once(self, find: Callable[[], Awaitable[UndoPreview]], asked: int) -> UndoPreview | Undone | None:
        """Undoes what needs no question; None when a question was asked since the key was pressed."""
        if asked != self._asked:
            return None
        preview = await find()
        if self._reasons(preview) or preview.changed or not preview.effects:
            self._asked += 1
            return preview
        return await self._memories.undo(preview.group)

    def _reasons(self, preview: UndoPreview) -> tuple[str, ...]:
        settings, act = self._services.settings, preview.act
        elsewhere = act.at > self._since and not is_done_here(act.group)
        return preview.reasons(settings.actor, settings.program, elsewhere=elsewhere)

    async def _ask(
        self, preview: UndoPreview, find: Callable[[], Awaitable[UndoPreview]], skip: list[str] | None
    ) -> bool:
        """Shows what an undo would do and does what the person decides; True when they pass the act over.

        What others change while they decide is shown in another question.
        """
        from memoria_tui.dialogs.undo_preview import UndoChoice, UndoDialog

        again = False
        while True:
            dialog = UndoDialog(preview, self._reasons(preview), self._clock, can_skip=skip is not None, again=again)
            if_changed = IfChanged.REFUSE
            match await self._app.push_screen_wait(dialog):
                case None:
                    return False
                case UndoChoice.SKIP:
                    if skip is not None:
                        skip.append(preview.group)
                    return True
                case UndoChoice.REST:
                    if_changed = IfChanged.LEAVE
                case UndoChoice.FORCE:
                    if_changed = IfChanged.FORCE
            undo = self._memories.undo(preview.group, if_changed, preview.changed)
            try:
                self._notify_undone(await self._writes.run("undo", undo, vectors=True))
            except Conflict:
                now = await find()
                if now.group != preview.group or now.changed == preview.changed:
                    raise
                preview, again = now, True
            else:
                return False

    def _notify_undone(self, undone: Undone | None) -> None:
        if undone is not None:
            self._app.clear_notifications()
            self._say(undone.line)
            self._done(undone.line)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
