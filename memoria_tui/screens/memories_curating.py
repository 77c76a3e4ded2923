"""The Memories screen as a curator: acts on the marked memories, or on the one under the cursor when none is marked."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Sequence
from time import monotonic

from textual import work
from textual.content import Content

from memoria_tui.modes.trash import open_trash
from memoria_tui.present import counted, glyph
from memoria_tui.screens.memories_editing import UNDO, MemoryEditing, named
from memoria_tui.screens.modals.choice import Choice, ChoiceDialog
from memoria_tui.screens.modals.prompt import PromptDialog, importance_problem
from memoria_tui.screens.modals.tags import TagEdit, TagsDialog
from memoria_tui.screens.modals.why import WhyDialog
from memoria_tui.typing_ahead import asks
from memoria_tui.writes import pressed_before, write
from services.model import Memory, MemoryType

_BATCH = 1000
"""Rows fetched at once when all hits are marked."""
_ALL, _SHOWN = "all", "shown"


class MemoryCurating(MemoryEditing):
    """Everything that is done to memories without opening their text."""

    async def targets(self) -> tuple[str, ...]:
        """Ids of the marked memories, else of the one under the cursor; says so when there is none.

        Asks what is meant when some of the marked are not in the list.
        """
        marked = self.memory_list.marked
        if not marked:
            if hit := self.memory_list.current:
                return (hit.memory.id,)
            self.tell("No memory is under the cursor")
            return ()
        if hidden := self.hidden_marks:
            marked = await self._ask_about_hidden(marked, hidden)
        return tuple(sorted(marked))

    async def _ask_about_hidden(self, marked: frozenset[str], hidden: frozenset[str]) -> frozenset[str]:
        are = "1 marked memory is" if len(hidden) == 1 else f"{len(hidden):,} marked memories are"
        shown = marked - hidden
        choices = [Choice("a", _ALL, Content(f"all {len(marked):,}"))]
        choices += [Choice("s", _SHOWN, Content(f"only the {len(shown):,} shown"))] if shown else []
        chosen = await self.app.push_screen_wait(ChoiceDialog(f"{are} not in the list: act on", choices))
        return {_ALL: marked, _SHOWN: shown}.get(chosen or "", frozenset())

    async def memories(self, ids: tuple[str, ...]) -> tuple[Memory, ...]:
        """The memories of these ids, from the list where it has them."""
        loaded = self._loaded()
        return tuple([loaded.get(one) or await self.services.memories.get(one) for one in ids])

    def _loaded(self) -> dict[str, Memory]:
        return {hit.memory.id: hit.memory for hit in self.memory_list.hits()}

    def listed(self, ids: Sequence[str]) -> str:
        """«"the first line"», «3 memories: "one", "two", …»."""
        loaded = self._loaded()
        names = [named(loaded[one]) for one in ids if one in loaded]
        if len(ids) == 1:
            return names[0] if names else counted(1)
        some = ", ".join([*names[:2], *(["…"] if len(ids) > min(2, len(names)) else [])])
        return f"{counted(len(ids))}: {some}" if names else counted(len(ids))

    def _done(self, what: str) -> None:
        self.tell(f"{what} · {UNDO}")
        self.changed()

    # marks

    @work(exclusive=True, group="mark")
    async def action_mark_all(self) -> None:
        if self._listing is None:
            return
        found: set[str] = set()
        for offset in range(0, self._listing.total, _BATCH):
            page = await self.attempt(self._listing.page(offset, _BATCH))
            if page is None:
                return
            found |= {hit.memory.id for hit in page}
        ids = frozenset(found)
        self.memory_list.mark_all(frozenset() if ids == self.memory_list.marked else ids)

    # tags, importance, project, type

    @asks
    async def action_tags(self) -> None:
        if not (ids := await self.targets()):
            return
        memories = await self.attempt(self.memories(ids))
        if memories is None:
            return

        async def save(edit: TagEdit) -> str:
            act = self.services.memories.edit_many(ids, add_tags=edit.added, remove_tags=edit.removed)
            signs = [f"+{tag}" for tag in edit.added] + [f"−{tag}" for tag in edit.removed]
            return await self._set(f"Tags {' '.join(signs)}", ids, act)

        self._set_as(await self.app.push_screen_wait(TagsDialog(memories, self.names("tag"), save)))

    async def _set(self, what: str, ids: tuple[str, ...], act: Coroutine[object, object, int]) -> str:
        """Writes while a dialog stays open; gives what was done, "" when nothing had to be. Raises the act's errors."""
        told = f"{what} on {self.listed(ids)}"
        return told if await write(self.app, told, act, vectors=True) else ""

    def _set_as(self, told: str | None) -> None:
        """Tells what a dialog wrote; None: it was left."""
        if told:
            self._done(told)
        elif told is not None:
            self.tell("Nothing was changed: it was so already")

    @asks
    async def action_set(self) -> None:
        if not (ids := await self.targets()):
            return
        what = await self.app.push_screen_wait(
            ChoiceDialog(
                f"Set on {counted(len(ids))}",
                (
                    Choice("i", "importance", Content("importance")),
                    Choice("p", "project", Content("project")),
                    Choice("t", "type", Content("type")),
                    Choice("n", "no project", Content("remove the project")),
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
            case "no project":
                await self._set_at_once("No project", ids, self.services.memories.edit_many(ids, project=""))

    async def _set_at_once(self, what: str, ids: tuple[str, ...], act: Coroutine[object, object, int]) -> None:
        told = f"{what} on {self.listed(ids)}"
        if (number := await self.write(told, act, vectors=True)) is not None:
            self._set_as(told if number else "")

    async def _set_importance(self, ids: tuple[str, ...]) -> None:
        async def save(text: str) -> str:
            act = self.services.memories.edit_many(ids, importance=float(text))
            return await self._set(f"Importance {float(text):g}", ids, act)

        value = self._common(ids, lambda memory: f"{memory.importance:g}")
        dialog = PromptDialog("Importance", hint="From 0 to 1", check=importance_problem, value=value, save=save)
        self._set_as(await self.app.push_screen_wait(dialog))

    def _common(self, ids: tuple[str, ...], what: Callable[[Memory], str]) -> str:
        """What all of these memories have; "" when they differ or are not in the list."""
        loaded = self._loaded()
        found = {what(loaded[one]) if one in loaded else "" for one in ids}
        return found.pop() if len(found) == 1 else ""

    async def _set_project(self, ids: tuple[str, ...]) -> None:
        async def save(project: str) -> str:
            return await self._set(f"Project {project}", ids, self.services.memories.edit_many(ids, project=project))

        dialog = PromptDialog(
            "Project",
            value=self._common(ids, lambda memory: memory.project or ""),
            hint="s n removes the project",
            check=lambda text: None if text else "A project needs a name; esc, then s n removes the project",
            names=self.names("project"),
            save=save,
        )
        self._set_as(await self.app.push_screen_wait(dialog))

    async def _set_type(self, ids: tuple[str, ...]) -> None:
        choices = [
            Choice(
                kind.value[0], kind.value, Content.assemble((glyph(kind), f"$memory-{kind.value}"), f" {kind.value}")
            )
            for kind in (MemoryType.SEMANTIC, MemoryType.EPISODIC, MemoryType.PROCEDURAL)
        ]
        now = self._common(ids, lambda memory: memory.type.value)
        if kind := await self.app.push_screen_wait(ChoiceDialog("Type", choices, now or None)):
            act = self.services.memories.edit_many(ids, type=MemoryType(kind))
            await self._set_at_once(f"Type {kind}", ids, act)

    # trash

    @asks
    async def action_delete(self) -> None:
        if pressed_before(self.app, self._deleted_at):
            self.tell("Not deleted: d was pressed before the list had changed")
            return
        if not (ids := await self.targets()):
            return
        ids = tuple(one for one in ids if one not in self._going) or ids
        told = self.listed(ids)
        self._going |= set(ids)
        try:
            number = await self.write(f"delete {told}", self.services.memories.delete(ids), once=ids, vectors=True)
        finally:
            self._going -= set(ids)
        if number:
            self._deleted_at = monotonic()
            self.memory_list.mark_all(self.memory_list.marked - set(ids))
            self._done(f"Deleted {told}")

    @asks
    async def action_trash(self) -> None:
        if told := await open_trash(self):
            self.tell(told)
            self.changed()

    # looking and copying

    def action_why(self) -> None:
        if hit := self.memory_list.current:
            self.app.push_screen(WhyDialog(hit, self._query))

    def action_more_like(self) -> None:
        if hit := self.memory_list.current:
            self.search_bar.set_text(f"like:{hit.memory.id}")

    @asks
    async def action_copy_text(self) -> None:
        if not (ids := await self.targets()):
            return
        if (memories := await self.attempt(self.memories(ids))) is not None:
            self.app.copy_to_clipboard("\n\n".join(clean(memory.content) for memory in memories))
            self.tell(f"Copied the text of {self.listed(ids)}")

    @asks
    async def action_copy_id(self) -> None:
        if ids := await self.targets():
            self.app.copy_to_clipboard("\n".join(ids))
            self.tell(f"Copied {ids[0] if len(ids) == 1 else f'the ids of {counted(len(ids))}'}")


def clean(text: str) -> str:
    """The text as another program may get it from the clipboard: without controls that a terminal would obey."""
    return _CONTROLS.sub("", text).encode("utf-8", "replace").decode()


_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
