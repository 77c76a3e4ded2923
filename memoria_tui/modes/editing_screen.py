"""The modes in which the text of a memory is edited: what they know of it, and what the editor asks for."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from textual import on

from memoria_tui.keys.dialog_actions import asks
from memoria_tui.modes.mode import ModeScreen
from memoria_tui.widgets.memory_editor import MemoryEditor
from memoria_tui.widgets.part import Part
from memoria_tui.widgets.preview import Preview

if TYPE_CHECKING:
    from memoria_tui.modes.memories.editing import Editing
    from memoria_tui.user_files.drafts import Draft
    from services.model import Memory


class EditingScreen(ModeScreen):
    """A mode whose preview becomes the editor of what it shows."""

    preview = Part(Preview)
    _editing: Editing

    @abstractmethod
    async def _read_current(self) -> Memory | None:
        """The memory that keys act on, read again; None after telling why there is none."""

    @abstractmethod
    def _close_editor(self) -> None:
        """Shows the memory in its place."""

    @property
    def unsaved(self) -> tuple[str, ...]:
        return self._editing.unsaved if self.is_mounted else ()

    @property
    def draft(self) -> Draft | None:
        return self._editing.draft if self.is_mounted else None

    @property
    def is_editing(self) -> bool:
        return self.is_mounted and self.preview.editing is not None

    @asks
    async def action_editor(self) -> None:
        if memory := await self._read_current():
            await self._editing.edit_outside(memory, memory.content)

    @on(MemoryEditor.ExternalWanted)
    @asks
    async def go_on_outside(self, event: MemoryEditor.ExternalWanted) -> None:
        await self._editing.go_on_outside(event.base, event.content)

    @on(MemoryEditor.Saved)
    def save(self, event: MemoryEditor.Saved) -> None:
        self._editing.save(event.base, event.content)

    @on(Preview.EditCancelled)
    def leave_editor(self, event: Preview.EditCancelled) -> None:
        self._close_editor()
        self._editing.set_aside(event.base, event.text)
