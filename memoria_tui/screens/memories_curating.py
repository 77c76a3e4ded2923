"""The Memories screen as a curator: acts on the marked memories, or on the one under the cursor when none is marked."""

from __future__ import annotations

import re
from functools import partial

from textual import work
from textual.content import Content

from memoria_tui.present import glyph
from memoria_tui.screens.memories_editing import UNDO, MemoryEditing, named
from memoria_tui.screens.modals.choice import Choice, ChoiceDialog
from memoria_tui.screens.modals.prompt import PromptDialog, importance_problem
from memoria_tui.screens.modals.tags import TagsDialog
from memoria_tui.screens.modals.trash import TrashDialog
from memoria_tui.screens.modals.why import WhyDialog
from services.model import Memory, MemoryType

_BATCH = 1000
"""Rows fetched at once when all hits are marked."""


class MemoryCurating(MemoryEditing):
    """Everything that is done to memories without opening their text."""

    def targets(self) -> tuple[str, ...]:
        """Ids of the marked memories, else of the one under the cursor; says so when there is none."""
        if marked := self.memory_list.marked:
            return tuple(sorted(marked))
        if hit := self.memory_list.current:
            return (hit.memory.id,)
        self.tell("No memory is under the cursor")
        return ()

    async def memories(self, ids: tuple[str, ...]) -> tuple[Memory, ...]:
        """The memories of these ids, from the list where it has them."""
        loaded = {hit.memory.id: hit.memory for hit in self.memory_list.hits()}
        return tuple([loaded.get(one) or await self._services.memories.get(one) for one in ids])

    def _done(self, what: str) -> None:
        self.memory_list.mark_all(frozenset())
        self.tell(f"{what} · {UNDO}")
        self.changed()

    # marks

    @work(exclusive=True, group="mark")
    async def action_mark_all(self) -> None:
        if self._listing is None:
            ids = frozenset(hit.memory.id for hit in self.memory_list.hits())
        else:
            found: set[str] = set()
            for offset in range(0, self._listing.total, _BATCH):
                page = await self.attempt(self._listing.page(offset, _BATCH))
                if page is None:
                    return
                found |= {hit.memory.id for hit in page}
            ids = frozenset(found)
        self.memory_list.mark_all(frozenset() if ids == self.memory_list.marked else ids)

    # tags, importance, project, type

    @work(exclusive=True, group="dialog")
    async def action_tags(self) -> None:
        if not (ids := self.targets()):
            return
        memories = await self.attempt(self.memories(ids))
        if memories is None:
            return
        edit = await self.app.push_screen_wait(TagsDialog(memories, partial(self.completions, "tag")))
        if edit is None:
            return
        act = self._services.memories.edit_many(ids, add_tags=edit.added, remove_tags=edit.removed)
        if number := await self.attempt(act):
            signs = [f"+{tag}" for tag in edit.added] + [f"−{tag}" for tag in edit.removed]
            self._done(f"Tags {' '.join(signs)} on {counted(number)}")

    @work(exclusive=True, group="dialog")
    async def action_set(self) -> None:
        if not (ids := self.targets()):
            return
        what = await self.app.push_screen_wait(
            ChoiceDialog(
                f"Set on {counted(len(ids))}",
                (
                    Choice("i", "importance", Content("importance")),
                    Choice("p", "project", Content("project")),
                    Choice("t", "type", Content("type")),
                ),
            )
        )
        match what:
            case "importance":
                await self._set_importance(ids)
            case "project":
                await self._set_project(ids)
            case "type":
                await self._set_type(ids)

    async def _set_importance(self, ids: tuple[str, ...]) -> None:
        text = await self.app.push_screen_wait(
            PromptDialog("Importance", hint="From 0 to 1", check=importance_problem, value=self._current_importance())
        )
        if text is not None:
            importance = float(text)
            if number := await self.attempt(self._services.memories.edit_many(ids, importance=importance)):
                self._done(f"Importance {importance:g} on {counted(number)}")

    def _current_importance(self) -> str:
        hit = self.memory_list.current
        return f"{hit.memory.importance:g}" if hit else ""

    async def _set_project(self, ids: tuple[str, ...]) -> None:
        complete = partial(self.completions, "project")
        project = await self.app.push_screen_wait(
            PromptDialog("Project", hint="Nothing takes the project away", complete=complete)
        )
        if project is not None and (
            number := await self.attempt(self._services.memories.edit_many(ids, project=project))
        ):
            self._done(f"Project {project or 'none'} on {counted(number)}")

    async def _set_type(self, ids: tuple[str, ...]) -> None:
        hit = self.memory_list.current
        choices = [
            Choice(
                kind.value[0], kind.value, Content.assemble((glyph(kind), f"$memory-{kind.value}"), f" {kind.value}")
            )
            for kind in (MemoryType.SEMANTIC, MemoryType.EPISODIC, MemoryType.PROCEDURAL)
        ]
        kind = await self.app.push_screen_wait(ChoiceDialog("Type", choices, hit.memory.type.value if hit else None))
        if kind is not None and (
            number := await self.attempt(self._services.memories.edit_many(ids, type=MemoryType(kind)))
        ):
            self._done(f"Type {kind} on {counted(number)}")

    # trash

    @work(exclusive=True, group="delete")
    async def action_delete(self) -> None:
        if not (ids := self.targets()):
            return
        hit = self.memory_list.current
        alone = hit is not None and ids == (hit.memory.id,)
        if number := await self.attempt(self._services.memories.delete(ids)):
            self._done(f"Deleted {named(hit.memory) if alone and hit else counted(number)}")

    @work(exclusive=True, group="dialog")
    async def action_trash(self) -> None:
        trashed = await self.attempt(self._services.memories.trash())
        if trashed is None:
            return
        ids = await self.app.push_screen_wait(TrashDialog(trashed, self._clock))
        if ids and (number := await self.attempt(self._services.memories.restore(ids))):
            self._done(f"Restored {counted(number)}")

    # looking and copying

    def action_why(self) -> None:
        if hit := self.memory_list.current:
            self.app.push_screen(WhyDialog(hit, self._query))

    def action_more_like(self) -> None:
        if hit := self.memory_list.current:
            self.search_bar.set_text(f"like:{hit.memory.id}")

    def action_copy_text(self) -> None:
        if hit := self.memory_list.current:
            self.app.copy_to_clipboard(clean(hit.memory.content))
            self.tell(f"Copied the text of {named(hit.memory)}")

    def action_copy_id(self) -> None:
        if hit := self.memory_list.current:
            self.app.copy_to_clipboard(hit.memory.id)
            self.tell(f"Copied {hit.memory.id}")


def counted(number: int, noun: str = "memory") -> str:
    """«1 memory», «1,204 memories», «2 records»."""
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else many}"


def clean(text: str) -> str:
    """The text as another program may get it from the clipboard: without controls that a terminal would obey."""
    return _CONTROLS.sub("", text).encode("utf-8", "replace").decode()


_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
