"""The terminal in the hands of another program for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memoria_tui.editor import Edited, EditorFile

if TYPE_CHECKING:
    from textual.app import App


async def edit_outside(app: App[object], command: str | None, file: EditorFile) -> Edited:
    """`EditorFile.edit` in the place of the app, which draws nothing then and goes on afterwards, whatever happened.

    Raises as that, and SuspendNotSupported.
    """
    failure: BaseException | None = None
    # Textual resumes only when nothing is raised inside.
    with app.batch_update(), app.suspend():
        try:
            return_value = await file.edit(command)
        except BaseException as error:
            failure = error
    if failure is not None:
        raise failure
    return return_value
