"""The Memories screen as a writer: new memories, edits in place and in the person's editor, earlier versions."""

from __future__ import annotations

from dataclasses import replace

from textual import on, work
from textual.app import SuspendNotSupported

from memoria_tui.difference import merged
from memoria_tui.drafts import Draft, DraftKind
from memoria_tui.modes.mode import Setup
from memoria_tui.present import clip, title
from memoria_tui.screens.memories_finding import MemoryFinding
from memoria_tui.screens.modals.conflict import ConflictDialog, Resolution
from memoria_tui.screens.modals.history import HistoryDialog, version
from memoria_tui.screens.modals.new_memory import NewMemoryDialog
from memoria_tui.suspending import edit_outside
from memoria_tui.typing_ahead import asks
from memoria_tui.widgets.preview import Preview
from memoria_tui.writes import UnderWay, write, written
from services.errors import Conflict, InvalidInput, MemoriaError, NotFound
from services.memories.payload import State, read_memory
from services.model import Change, Memory, MemoryChanges, MemoryDraft
from services.times import WriterZone, minute, person_zone, writer_zone

UNDO = "u to undo"
_EMPTY = "a memory needs a text; esc leaves it as it is, d deletes it"


def named(memory: Memory) -> str:
    """«the first line», short enough for a toast."""
    return f"«{clip(title(memory), 36)}»"


class MemoryEditing(MemoryFinding):
    """Everything that changes the text of one memory."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._editor = setup.editor

    @property
    def unsaved(self) -> tuple[str, ...]:
        if not self.is_mounted or (base := self.preview.editing) is None or self.preview.edited_text == base.content:
            return ()
        return (f"what you typed into {named(base)}",)

    @property
    def draft(self) -> Draft | None:
        if not self.unsaved or (base := self.preview.editing) is None:
            return None
        values = {"text": self.preview.edited_text, "before": base.content}
        return Draft(DraftKind.EDIT_MEMORY, base.id, title(base), values)

    async def reopen(self, draft: Draft) -> bool:
        """Goes on with what was typed before the program ended; False when its memory cannot be read."""
        try:
            if draft.kind is DraftKind.EDIT_MEMORY:
                memory = await self.services.memories.get(draft.of)
                base = replace(memory, content=draft.values.get("before", memory.content))
                self.preview.begin_edit(base, draft.values.get("text", ""))
                self.refresh_bindings()
                return True
        except NotFound:
            self.tell("That memory is gone: saving makes a new one")
        except MemoriaError as error:
            self.tell(str(error), wrong=True)
            return False
        await self._write_new(draft)
        return True

    def title_of(self, memory_id: str) -> str | None:
        found = (hit.memory for hit in self.memory_list.hits() if hit.memory.id == memory_id)
        return next((named(memory) for memory in found), None)

    # new

    @asks
    async def action_new(self) -> None:
        await self._write_new()

    async def _write_new(self, draft: Draft | None = None) -> None:
        async def create(draft: MemoryDraft) -> Memory:
            return await write(self.app, "new memory", self.services.memories.create(draft), vectors=True)

        tags, projects = self.names("tag"), self.names("project")
        if (memory := await self.app.push_screen_wait(NewMemoryDialog(tags, projects, create, draft))) is not None:
            self.select(memory.id)
            self.tell(f"Created {named(memory)} · {UNDO}")

    # in place

    @asks
    async def action_edit(self) -> None:
        if memory := await self._opened():
            self.preview.begin_edit(memory)
            self.refresh_bindings()

    @on(Preview.Edited)
    def save(self, event: Preview.Edited) -> None:
        self._save(event.base, event.content)

    @on(Preview.EditCancelled)
    def _close_editor(self) -> None:
        self.preview.end_edit()
        self.memory_list.focus()
        self.refresh_bindings()
        self.show_current()

    @work(group="save")
    async def _save(self, base: Memory, content: str, *, force: bool = False) -> None:
        """Closes the editor once the text is written, unless the person typed on, whose base it is then."""
        if content == base.content and not force:
            self._close_editor()
            return
        if not content.strip():
            self.tell(f"Not saved: {_EMPTY}", wrong=True)
            return
        act = self.services.memories.update(base, MemoryChanges(content=content), force=force)
        try:
            saved = await write(self.app, f"save {named(base)}", act, once=[base.id], vectors=True)
        except UnderWay as under_way:
            self.tell(f"{under_way}; ctrl+s again when it is saved")
        except Conflict as conflict:
            self._resolve(base, content, conflict)
        except MemoriaError as error:
            self.tell(f"Not saved: {error}", wrong=True)
        else:
            if (editing := self.preview.editing) is not None and editing.id == base.id:
                if self.preview.edited_text == content:
                    self._close_editor()
                else:
                    self.preview.rebase(saved)
            self.tell(f"Saved {named(saved)} · {UNDO}")
            self.changed()

    @asks
    async def _resolve(self, base: Memory, mine: str, conflict: Conflict) -> None:
        """The person sees both versions and chooses; esc leaves the editor as it is."""
        theirs = conflict.current if isinstance(conflict.current, Memory) else None
        match await self.app.push_screen_wait(ConflictDialog(mine, theirs)):
            case Resolution.THEIRS:
                self._close_editor()
                self.changed()
            case Resolution.MINE:
                back = 1 if theirs else await self._restore(base)
                if back:
                    self._save(theirs or base, mine, force=True)
            case Resolution.MERGE:
                self.preview.begin_edit(theirs or base, merged(theirs.content if theirs else "", mine))

    async def _restore(self, memory: Memory) -> int | None:
        act = self.services.memories.restore([memory.id])
        return await self.write(f"restore {named(memory)}", act, vectors=True)

    # in the person's own editor

    @asks
    async def action_editor(self) -> None:
        if memory := await self._opened():
            await self._edit_outside(memory, memory.content)

    @on(Preview.ExternalEditorWanted)
    @asks
    async def go_on_outside(self, event: Preview.ExternalEditorWanted) -> None:
        base = event.base
        if await written(self.app):
            stored = await self.attempt(self.services.memories.get(base.id))
            if stored is not None and stored.content == event.content:
                base = stored  # the text was being saved here
        await self._edit_outside(base, event.content)

    async def _edit_outside(self, base: Memory, content: str) -> None:
        """Saves what the editor left; what cannot be saved so goes on in place."""
        try:
            edited = await edit_outside(self.app, self._editor, content)
        except SuspendNotSupported:
            self.tell("This terminal cannot be handed to an editor; e edits in place", wrong=True)
            return
        except InvalidInput as error:
            self.tell(str(error), wrong=True)
            return
        problem = edited.problem or ("" if edited.text.strip() else _EMPTY)
        if edited.text in (content, base.content) and (problem or edited.text == base.content):
            self.tell(f"Nothing was changed: {problem}" if problem else "Nothing was changed in the editor")
            return
        self.preview.begin_edit(base, edited.text)
        self.refresh_bindings()
        if problem:
            self.tell(f"Not saved: {problem}", wrong=True)
        else:
            self._save(base, edited.text)

    async def _opened(self) -> Memory | None:
        """The memory under the cursor as it stands in the store now, to edit it."""
        if (hit := self.memory_list.current) is None:
            self.tell("No memory is under the cursor")
            return None
        await written(self.app)
        return await self.attempt(self.services.memories.get(hit.memory.id))

    # earlier versions

    @asks
    async def action_history(self) -> None:
        if (memory := await self._opened()) is None:
            return
        changes = await self.attempt(self.services.memories.history(memory.id))
        if changes is None:
            return
        chosen = await self.app.push_screen_wait(HistoryDialog(memory, changes, self.clock))
        if chosen is not None:
            await self._bring_back(memory, chosen)

    async def _bring_back(self, memory: Memory, chosen: Change) -> None:
        if (state := version(chosen)) is None:
            self.tell("The history does not hold that version", wrong=True)
            return
        settings = self.services.settings
        changes = to_version(memory, state, writer_zone(settings))
        act = self.services.memories.update(memory, changes)
        if saved := await self.write(f"restore {named(memory)}", act, vectors=True):
            self.tell(f"{named(saved)} is as it was on {minute(chosen.at, person_zone(settings))} · {UNDO}")
            self.changed()


def to_version(memory: Memory, state: State, zone: WriterZone) -> MemoryChanges:
    """What must be set and removed to make a memory again what a version of it was; its dates and counters stay."""
    earlier = read_memory(memory.id, state, zone)
    return MemoryChanges(
        content=earlier.content,
        tags=earlier.tags,
        importance=earlier.importance,
        project=earlier.project or "",
        type=earlier.type,
        metadata=earlier.metadata,
        removed_keys=tuple(key for key in memory.metadata if key not in earlier.metadata),
    )
