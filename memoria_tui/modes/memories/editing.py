"""Everything that changes the text of one memory: new ones, edits in place and outside, conflicts, earlier versions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from memoria_tui.dialogs.conflict import ConflictDialog, Resolution
from memoria_tui.dialogs.memory_history import HistoryDialog, version
from memoria_tui.dialogs.new_memory import NewMemoryDialog, as_typed
from memoria_tui.dialogs.unsaved_text import UnsavedDialog
from memoria_tui.keys.dialog_actions import asks
from memoria_tui.modes.memories.bulk_actions import names_in_use
from memoria_tui.modes.memories.state import named
from memoria_tui.modes.mode import ModeScreen
from memoria_tui.terminal.external_editor import Edited, EditorFile, edit_outside
from memoria_tui.text.present import escape_control, title
from memoria_tui.text.text_difference import merged
from memoria_tui.user_files.drafts import FILE, Draft, DraftKind, keeper_of
from memoria_tui.write_queue import UnderWay, write, written
from services.errors import Conflict, InvalidInput, MemoriaError, NotFound
from services.memories.payload import COUNTERS, State, read_memory
from services.model import Change, Memory, MemoryChanges, MemoryDraft, Query
from services.secret_texts import told_of_masking
from services.storable_text import is_blank
from services.times import WriterZone, minute, person_zone, writer_zone

if TYPE_CHECKING:
    from memoria_tui.widgets.preview import Preview
    from services.memories.memory_service import MemoryService

_LOOK_AFTER = 1.0
"""Seconds after which it is looked what an editor outside has saved, to keep it for the next start."""
_NEWEST = 100
"""Memories among which a new one is looked for that was saved when the program ended."""
_NEW = "new memory"
_EMPTY = "a memory needs a text; esc leaves it as it is, d deletes it"


class Editing:
    """Drives the editor in the preview; every coroutine is awaited in a worker."""

    def __init__(
        self,
        screen: ModeScreen,
        preview: Callable[[], Preview],
        command: str | None,
        created: Callable[[str], str],
        close: Callable[[], None],
    ) -> None:
        """`command`: the person's own editor. `created` is told the id of a new memory and says what
        becomes of a search, `close` closes the editor."""
        self._screen = screen
        self._find_preview = preview
        self._command = command
        self._created = created
        self._close = close
        self._warned_of: tuple[Memory, str | None] | None = None
        """A memory that is edited and the text that is outside, as far as the person was told."""
        self._in_editor: tuple[Memory, EditorFile] | None = None
        """What the person's own editor has; until the program ends when it ends before the editor."""

    @property
    def _preview(self) -> Preview:
        return self._find_preview()

    @property
    def _memories(self) -> MemoryService:
        return self._screen.services.memories

    async def open(self, memory: Memory) -> None:
        """Opens the editor; what was typed into it earlier and not saved is offered first."""
        keeper = keeper_of(self._screen.app)
        keeper.look_again()
        mine = [one for one in keeper.left if (one.kind, one.of) == (DraftKind.EDIT_MEMORY, memory.id)]
        for draft in [one for one in mine if not _is_as(memory, one)][::-1]:
            if (opens := await keeper.offer(draft, UnsavedDialog(draft))) is None:
                return
            if opens:
                await self.reopen(draft)
                return
        self.begin(memory)

    def set_aside(self, base: Memory, text: str) -> None:
        """Keeps what was typed into an editor that was left."""
        if text != base.content:
            keeper = keeper_of(self._screen.app)
            keeper.left.append(_edit(base, text))
            keeper.keep_soon()
            self._screen.run_worker(partial(self._tell_kept, base), group="kept")  # type: ignore[arg-type]

    async def _tell_kept(self, base: Memory) -> None:
        where = f"e on {named(base)} offers it again"
        try:
            await self._memories.get(base.id)
        except NotFound:
            where = f"{named(base)} was deleted; n in Memories offers it as a new memory"
        except MemoriaError:
            pass  # a store is away, which the header says
        self._screen.say(f"Not saved, but kept: {where}")

    async def holds(self, draft: Draft) -> bool:
        """Whether the store has that text. Raises what the services raise."""
        text = draft.values.get("text", "")
        if draft.kind is DraftKind.EDIT_MEMORY:
            return _is_as(await self._memories.get(draft.of), draft)
        newest = await (await self._screen.services.search.listing(Query())).page(0, _NEWEST)
        return any(hit.memory.content == text for hit in newest)

    def begin(self, base: Memory, text: str | None = None) -> None:
        """Opens the editor, with a text other than the memory's own if there is one."""
        self._in_editor = None
        self._preview.begin_edit(base, text)
        self._screen.refresh_bindings()

    @property
    def unsaved(self) -> tuple[str, ...]:
        """What was typed and is not saved, named."""
        if (base := self._preview.editing) is None or self._preview.edited_text == base.content:
            return ()
        return (f"what you typed into {named(base)}",)

    @property
    def draft(self) -> Draft | None:
        """The same, to go on with at the next start."""
        base, text = self._preview.editing, self._preview.edited_text
        if self._in_editor is not None:
            base, file = self._in_editor
            kept = _edit(base, file.saved)
            return replace(kept, values={**kept.values, FILE: file.path})
        if base is None or text == base.content:
            return None
        return _edit(base, text)

    async def reopen(self, draft: Draft) -> bool:
        """Goes on with what was typed before the program ended; False when its memory cannot be read."""
        try:
            if draft.kind is DraftKind.EDIT_MEMORY:
                memory = await self._memories.get(draft.of)
                base = replace(memory, content=draft.values.get("before", memory.content))
                self.begin(base, draft.values.get("text", ""))
                self._preview.editor.action_text_end()
                return True
        except NotFound:
            self._screen.say("That memory is gone: saving makes a new one")
        except MemoriaError as error:
            self._screen.say(str(error), wrong=True)
            return False
        await self.create(_of_new(draft))
        return True

    async def new(self) -> None:
        """Asks for a new memory; what was typed into memories that are gone is offered first, as nothing else opens it.

        Those in the trash count as gone.
        """
        keeper = keeper_of(self._screen.app)
        keeper.look_again()
        for draft in [one for one in keeper.left if one.kind is DraftKind.EDIT_MEMORY][::-1]:
            if await self._is_gone(draft.of) and await keeper.offer(draft, UnsavedDialog(draft)):
                await self.create(_of_new(draft))
                return
        await self.create()

    async def _is_gone(self, memory_id: str) -> bool:
        try:
            await self._memories.get(memory_id)
        except NotFound:
            return True
        except MemoriaError:
            pass
        return False

    async def create(self, draft: Draft | None = None) -> Memory | None:
        """Asks for a new memory; None when none was made."""

        given = ""

        async def create(draft: MemoryDraft) -> Memory:
            nonlocal given
            given = draft.content
            return await write(self._screen.app, _NEW, self._memories.create(draft), about=[_NEW], vectors=True)

        tags, projects = names_in_use(self._screen, "tag"), names_in_use(self._screen, "project")
        if (memory := await self._screen.ask(NewMemoryDialog(tags, projects, create, draft))) is not None:
            cleared = self._created(memory.id)
            self._screen.say_done(f"Created {named(memory)}{_masked(given, memory)}{cleared}")
            self._notify_like(memory)
        return memory

    # in place

    def save(self, base: Memory, content: str) -> None:
        """Closes the editor once the text is written, unless the person typed on, whose base it is then.

        Of a conflict with what another program wrote the person sees both. Keys that wait were meant for what comes
        after the editor.
        """
        self._screen.run_worker(partial(self._save, base, content), group="save")  # type: ignore[arg-type]

    async def _save(self, base: Memory, content: str) -> None:
        if content == base.content:
            self._close()
            return
        if is_blank(content):
            self._not_saved(f"Not saved: {_EMPTY}", wrong=True)
            return
        act = self._memories.update(base, MemoryChanges(content=content))
        try:
            saved = await write(self._screen.app, f"save {named(base)}", act, once=[base.id], vectors=True)
        except UnderWay as under_way:
            self._not_saved(f"{under_way}; ctrl+s again when it is saved")
        except Conflict as conflict:
            self._screen.keys.drop_waiting()
            _resolve(self._screen, self, base, content, conflict)
        except MemoriaError as error:
            self._not_saved(f"Not saved: {error}", wrong=True)
        else:
            if (editing := self._preview.editing) is not None and editing.id == base.id:
                if self._preview.edited_text == content:
                    self._close()
                else:
                    self._preview.rebase(saved)
            self._screen.changed()
            self._screen.say_done(f"Saved {named(saved)}{_masked(content, saved)}")
            self._notify_like(saved)

    def _notify_like(self, memory: Memory) -> None:
        """Tells, as soon as it is known, what a person should know of a text that was saved; no key waits for it."""

        async def tell() -> None:
            if hint := await self._screen.services.duplicate_scan.hint(memory):
                self._screen.notify(escape_control(f"{named(memory)}: {hint}"), markup=False)

        self._screen.run_worker(tell, group="like", exclusive=True)  # type: ignore[arg-type]

    def _not_saved(self, why: str, *, wrong: bool = False) -> None:
        self._screen.keys.drop_waiting()
        self._screen.say(why, wrong=wrong)

    async def resolve(self, base: Memory, mine: str, conflict: Conflict) -> None:
        """The person sees both versions and chooses; esc leaves the editor as it is.

        What is written over is what was seen: another change meanwhile is a conflict again.
        """
        theirs = conflict.current if isinstance(conflict.current, Memory) else None
        match await self._screen.ask(ConflictDialog(mine, theirs.content if theirs else None)):
            case Resolution.THEIRS:
                self._close()
                self._screen.changed()
            case Resolution.MINE:
                if (over := theirs or await self._back(base, mine)) is not None:
                    self.save(over, mine)
            case Resolution.MERGE:
                self._preview.begin_edit(theirs or base, merged(theirs.content if theirs else "", mine))

    async def _back(self, memory: Memory, mine: str) -> Memory | None:
        """Brings a memory back from the trash; the text of one that was purged goes on as a new memory."""
        try:
            act = self._memories.restore([memory.id])
            await write(
                self._screen.app, f"restore {named(memory)}", act, about=[memory.id], vectors=True, then_asks=True
            )
            return await self._memories.get(memory.id)
        except NotFound:
            self._screen.say("That memory was purged: saving makes a new one")
            if await self.create(_as_new(memory, mine)) is not None:
                self._close()
        except MemoriaError as error:
            self._screen.say(f"Not done: {error}", wrong=True)
        return None

    # in the person's own editor

    async def read(self, memory: Memory | None) -> Memory | None:
        """The memory as it is in the store now, to edit it; says why when there is none."""
        if memory is None:
            self._screen.refuse("No memory is under the cursor", wrong=False)
            return None
        await written(self._screen.app)
        return await self._screen.attempt(self._memories.get(memory.id))

    async def go_on_outside(self, base: Memory, content: str) -> None:
        """Opens what is in the editor in the person's own one."""
        await self.edit_outside(await self._base_of(base, content), content)

    async def _base_of(self, base: Memory, content: str) -> Memory:
        """What a text is an edit of: as it is in the store when the text was being saved just now."""
        if await written(self._screen.app):
            stored = await self._screen.attempt(self._memories.get(base.id))
            if stored is not None and stored.content == content:
                return stored
        return base

    async def edit_outside(self, base: Memory, content: str) -> None:
        """Saves the text that the person's editor left; what cannot be saved so goes on in place."""
        try:
            edited = await self._run_editor(base, content)
        except SuspendNotSupported:
            self._screen.say("This terminal cannot be handed to an editor; e edits in place", wrong=True)
            return
        except InvalidInput as error:
            self._screen.say(str(error), wrong=True)
            return
        problem = edited.problem or (_EMPTY if is_blank(edited.text) else "")
        if edited.text in (content, base.content) and (problem or edited.text == base.content):
            self._screen.say(f"Nothing was changed: {problem}" if problem else "Nothing was changed in the editor")
            return
        self.begin(base, edited.text)
        if problem:
            self._screen.say(f"Not saved: {problem}", wrong=True)
            return
        self.save(base, edited.text)

    async def _run_editor(self, base: Memory, content: str) -> Edited:
        looking = self._screen.set_interval(_LOOK_AFTER, lambda: self._screen.post_message(ModeScreen.TypedElsewhere()))
        with EditorFile(content) as file:
            self._in_editor = base, file
            keeper_of(self._screen.app).keep()  # the editor may outlive the program
            try:
                edited = await edit_outside(self._screen.app, self._command, file)
            except Exception:  # a cancellation is the end of the program
                self._in_editor = None
                raise
            finally:
                looking.stop()
        self._in_editor = None
        return edited

    # what others do

    async def warn(self) -> None:
        """Says above the open editor, once for each change, that the memory is another one outside."""
        if (base := self._preview.editing) is None:
            return
        try:
            outside = (await self._memories.get(base.id)).content
        except NotFound:
            outside = None
        except MemoriaError:
            return
        if self._screen.under_way("save") or base is not self._preview.editing or (base, outside) == self._warned_of:
            return
        self._warned_of = (base, outside)
        if outside is None:
            self._preview.show_external_change("deleted outside since you opened it")
        elif outside != base.content:
            self._preview.show_external_change()

    # earlier versions

    async def show_history(self, memory: Memory) -> None:
        """Shows its versions; the one that is chosen is brought back."""

        async def read(before: int | None) -> Sequence[Change]:
            nonlocal memory
            if before is None:
                with suppress(NotFound):  # a version is brought back over what the list shows as the newest
                    memory = await self._memories.get(memory.id)
            return await self._memories.history(memory.id, before=before)

        if (changes := await self._screen.attempt(self._memories.history(memory.id))) is None:
            return
        chosen = await self._screen.ask(HistoryDialog(memory, changes, read, self._screen.clock))
        if chosen is not None:
            await self._bring_back(memory, chosen)

    async def _bring_back(self, memory: Memory, chosen: Change) -> None:
        if (state := version(chosen)) is None:
            self._screen.say("The history does not hold that version", wrong=True)
            return
        settings = self._screen.services.settings
        changes = to_version(memory, state, writer_zone(settings))
        act = self._memories.update(memory, changes)
        if saved := await self._screen.write(f"restore {named(memory)}", act, about=[memory.id], vectors=True):
            if replace(saved, updated_at=memory.updated_at) == memory:
                self._screen.say("Nothing was changed: it is that version already")
                return
            self._screen.say_done(f"{named(saved)} is as it was on {minute(chosen.at, person_zone(settings))}")
            self._screen.changed()


@asks
async def _resolve(_: ModeScreen, editing: Editing, base: Memory, mine: str, conflict: Conflict) -> None:
    await editing.resolve(base, mine, conflict)


def to_version(memory: Memory, state: State, zone: WriterZone) -> MemoryChanges:
    """What must be set and removed to make a memory again what a version of it was; its dates and counters stay."""
    return to_earlier(memory, read_memory(memory.id, state, zone))


def to_earlier(memory: Memory, earlier: Memory) -> MemoryChanges:
    """As `to_version`."""
    return MemoryChanges(
        content=earlier.content,
        tags=earlier.tags,
        importance=earlier.importance,
        project=earlier.project or "",
        type=earlier.type,
        metadata={key: value for key, value in earlier.metadata.items() if key not in COUNTERS},
        removed_keys=tuple(key for key in memory.metadata if key not in {*earlier.metadata, *COUNTERS}),
    )


def _masked(given: str, written: Memory) -> str:
    """What was taken out of a text as it was saved, to be said behind that."""
    told = told_of_masking(given, written.content)
    return f"; {told}" if told else ""


def _edit(base: Memory, text: str) -> Draft:
    values = {**_as_new(base, text).values, "before": base.content}  # as it may be gone when it is opened
    return Draft(DraftKind.EDIT_MEMORY, base.id, title(base), values)


def _as_new(memory: Memory, text: str) -> Draft:
    """A new memory like this one, with another text."""
    return Draft(DraftKind.NEW_MEMORY, title=title(memory), values=as_typed(memory, text))


def _of_new(draft: Draft) -> Draft:
    """The same as a new memory, where the one that it was typed into is gone."""
    values = {name: value for name, value in draft.values.items() if name != "before"}
    return replace(draft, kind=DraftKind.NEW_MEMORY, of="", values=values)


def _is_as(memory: Memory, draft: Draft) -> bool:
    """Whether saving it would change nothing of a memory, or nothing was typed."""
    return draft.values.get("text", "") in (memory.content, draft.values.get("before"))
