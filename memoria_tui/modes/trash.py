"""The trash, opened from any mode: memories are brought back from it, or erased for good after a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memoria_tui.dialogs.confirm import ConfirmDialog, sure_of_many
from memoria_tui.dialogs.trash import Trash, TrashDialog
from memoria_tui.text.present import clip, erased, title
from memoria_tui.write_queue import written
from services.model import counted

if TYPE_CHECKING:
    from memoria_tui.modes.mode import ModeScreen

_LOADED = 500
"""Deleted memories that the dialog lists; the command line reaches all."""


_NAMED = 3
"""Memories that the question before they are erased names."""


async def open_trash(screen: ModeScreen) -> None:
    """Says what was done and shows what is there then."""
    services = screen.services
    await written(screen.app)

    async def read() -> Trash:
        return Trash(await services.memories.trash(_LOADED), await services.memories.trash_ids())

    if (trash := await screen.attempt(read())) is None:
        return
    dialog = TrashDialog(trash, read, screen.clock)
    if (choice := await screen.ask(dialog)) is None:
        return
    trash = dialog.trash
    what = counted(len(choice.ids))
    if choice.purge:
        titles = [f'"{clip(title(one.memory), 40)}"' for one in trash.newest if one.memory.id in choice.ids[:_NAMED]]
        named = f": {', '.join(titles)}{' …' if len(choice.ids) > len(titles) else ''}" if titles else ""
        question = f"Erase {what} for good, with text, vectors and history{named}? This cannot be undone."
        if not await screen.ask(ConfirmDialog("Erase for good", question, "erase")):
            return
        seen = {**trash.numbers, **{one.memory.id: one.number for one in trash.newest}}
        act = services.memories.purge(choice.ids, {one: seen[one] for one in choice.ids})
        purged = await screen.write(f"erase {what}", act, once=choice.ids, vectors=True)
        done = None if purged is None else erased(purged.memories, len(purged.left)).replace("e", "E", 1)
    else:
        question = "They come back with their relations. One u undoes it."
        if not await sure_of_many(screen.app, len(choice.ids), f"Restore {what}?", question, "restore"):
            return
        restoring = services.memories.restore(choice.ids)
        number = await screen.write(f"restore {what}", restoring, once=choice.ids, vectors=True)
        done = None if number is None else f"Restored {counted(number)}"
    if done is not None:
        screen.say(done)
        screen.changed()
