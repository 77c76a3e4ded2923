"""One memory to read and to edit: Markdown, metadata, relations, history."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from memoria_tui import present
from memoria_tui.widgets import memory_facts
from memoria_tui.widgets.editor import MemoryEditor
from memoria_tui.widgets.safe_markdown import SafeMarkdown, first_part
from services.errors import MemoriaError
from services.model import Change, Hit, Memory, RelatedMemory
from services.ports import Clock

LoadDetails = Callable[[str], Awaitable[tuple[tuple[RelatedMemory, ...], tuple[Change, ...]]]]
"""Id of a memory → its relations and its history. May raise MemoriaError."""

_RESTING = 0.08
"""Seconds on one memory before its relations and history are asked for."""
_SETTLE = 0.03
"""Seconds of rest before a memory is drawn: a held key in the list does not draw all it passes."""
_UNSAVED = "not saved · ctrl+s saves · esc again leaves, and e offers it again"
_TOO_LONG = "too long to edit here · ctrl+e opens $EDITOR"
_HINT = "ctrl+s save · esc cancel · ctrl+e $EDITOR"
_HINT_TOO_LONG = "ctrl+e $EDITOR · esc back"


class Preview(Vertical):
    """Shows the memory under the cursor; edits it in place."""

    DEFAULT_CSS = """
    Preview {
        height: 1fr;
        padding: 0 1;
        & > VerticalScroll { scrollbar-size-vertical: 1; height: 1fr; }
        & Static { height: auto; }
        & #preview-head { text-wrap: nowrap; text-overflow: ellipsis; margin-bottom: 1; }
        & #preview-more { color: $accent; margin-bottom: 1; }
        & .preview-section {
            border-top: solid $foreground 20%;
            border-title-color: $foreground 60%;
            padding-bottom: 1;
            text-wrap: nowrap;
            text-overflow: ellipsis;
        }
        & #preview-metadata { text-wrap: wrap; }
        & MemoryEditor, & MemoryEditor:focus { height: 1fr; border: none; padding: 0; background: transparent; }
        & #preview-notice { color: $warning; text-style: bold; }
        & #preview-hint { color: $foreground 60%; }
    }
    """
    BINDINGS = [
        Binding("plus", "show_more", "More text", show=False, id="preview.more", tooltip="Show more of a long text"),
    ]

    @dataclass
    class EditCancelled(Message):
        """The person left the editor without saving."""

        base: Memory
        text: str
        """What stood in it."""

    def __init__(self, clock: Clock, load: LoadDetails | None = None, *, id: str | None = None) -> None:  # noqa: A002
        """`load`: how relations and history of what is shown are read."""
        super().__init__(id=id)
        self._clock = clock
        self._load = load
        self.editor = MemoryEditor(id="preview-editor")
        self._hit: Hit | None = None
        self._relations: tuple[RelatedMemory, ...] = ()
        self._history: tuple[Change, ...] = ()
        self._parts = 1
        self._drawn: tuple[str, str | None] = ("", None)
        """Id and text of what is drawn."""
        self._warned = False
        self._settling: Timer | None = None

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="preview-page"):
            yield Static(id="preview-head")
            yield SafeMarkdown(id="preview-body")
            yield Static(id="preview-more")
            for section in ("metadata", "relations", "history"):
                box = Static(id=f"preview-{section}", classes="preview-section")
                box.border_title = section
                yield box
        yield Static(id="preview-notice")
        yield self.editor
        yield Static(Content(_HINT), id="preview-hint")

    def on_mount(self) -> None:
        self._show_editor(False)
        self._draw()

    # reading

    @property
    def shown(self) -> Memory | None:
        return self._hit.memory if self._hit is not None else None

    def show(self, hit: Hit | None) -> None:
        """Shows a memory, or nothing; relations and history are empty until they are given."""
        if hit is not None and self._load is not None:
            self._read_details(hit.memory.id, self._load)
        if hit is not None and self._hit is not None and hit.memory == self._hit.memory:
            self._hit = hit
            return
        if hit is None or self.shown is None or hit.memory.id != self.shown.id:
            self._relations, self._history, self._parts = (), (), 1
        self._hit = hit
        self._draw_soon()

    @work(exclusive=True, group="details")
    async def _read_details(self, memory_id: str, load: LoadDetails) -> None:
        await asyncio.sleep(_RESTING)
        try:
            relations, history = await load(memory_id)
        except MemoriaError:
            return  # the text can be read without them, and the header says which store is away
        if self.shown is not None and self.shown.id == memory_id:
            self.show_relations(relations)
            self.show_history(history)

    def show_relations(self, relations: tuple[RelatedMemory, ...]) -> None:
        self._relations = relations
        self._draw_sections()

    def show_history(self, changes: tuple[Change, ...]) -> None:
        """Shows the changes of the memory shown, newest first."""
        self._history = changes
        self._draw_sections()

    def show_more(self) -> None:
        """Shows the next part of a very long text."""
        self._parts += 1
        self._draw_body()

    def action_show_more(self) -> None:
        self.show_more()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        if self.is_mounted:
            self._drawn = (self._drawn[0], None)
            self._draw_soon()

    def _draw_soon(self) -> None:
        if self._settling is not None:
            self._settling.stop()
        if self.is_mounted:
            self._settling = self.set_timer(_SETTLE, self._draw)

    def _draw(self) -> None:
        """Another memory is read from its beginning; in the same one the eye stays where it is."""
        if self._drawn[0] != (self.shown.id if self.shown is not None else ""):
            self.query_one("#preview-page").scroll_home(animate=False)
        self._draw_body()
        self._draw_sections()

    def _draw_body(self) -> None:
        memory_id, text = ("", "") if self.shown is None else (self.shown.id, self.shown.content)
        part = first_part(text, self._parts)
        rest = len(text) - len(part)
        if self._drawn != (memory_id, part):
            self._drawn = (memory_id, part)
            self.query_one(SafeMarkdown).update(part)
        more = self.query_one("#preview-more", Static)
        more.display = rest > 0
        more.update(Content(f"… {rest:,} more characters · + shows more"))

    def _draw_sections(self) -> None:
        if not self.is_mounted:
            return
        now = self._clock()
        memory = self.shown
        parts = {
            "head": memory_facts.head(memory, now, self._history) if memory is not None else Content(""),
            "metadata": memory_facts.metadata(memory) if memory is not None else Content(""),
            "relations": memory_facts.relations(self._relations),
            "history": memory_facts.history(self._history, now),
        }
        for name, content in parts.items():
            box = self.query_one(f"#preview-{name}", Static)
            box.update(content)
            box.display = bool(content)

    # editing

    @property
    def editing(self) -> Memory | None:
        """The memory as it was when editing began; None while reading."""
        return self.editor.base

    @property
    def edited_text(self) -> str:
        """What stands in the editor; "" while reading."""
        return self.editor.content if self.editing is not None else ""

    def begin_edit(self, memory: Memory, content: str | None = None) -> None:
        """Opens the editor on the memory's text, or on `content` (a draft that goes on)."""
        self._show_editor(True)
        self._notice("")
        editor = self.editor
        editor.open(memory, memory.content if content is None else content)
        if editor.read_only:
            self._notice(_TOO_LONG)
        self.query_one("#preview-hint", Static).update(Content(_HINT_TOO_LONG if editor.read_only else _HINT))
        editor.focus()

    def rebase(self, saved: Memory) -> None:
        """Lets what is typed on go on from what was saved."""
        self.editor.base = saved

    def end_edit(self) -> None:
        """Closes the editor after a save succeeded; until then it stays open so that no text is lost."""
        self.editor.base = None
        self._show_editor(False)

    def show_external_change(self, what: str = "changed outside since you opened it") -> None:
        """Says above the editor that the memory changed meanwhile."""
        self._notice(what)

    def _show_editor(self, editing: bool) -> None:
        self.query_one("#preview-page").display = not editing
        for name in ("notice", "editor", "hint"):
            self.query_one(f"#preview-{name}").display = editing

    def _notice(self, text: str) -> None:
        self._warned = False
        notice = self.query_one("#preview-notice", Static)
        notice.update(Content(present.line(text)))
        notice.display = bool(text)

    @on(MemoryEditor.Left)
    def _left(self, event: MemoryEditor.Left) -> None:
        """Leaves; with typed text only on the second request."""
        event.stop()
        if event.changed and not self._warned:
            self._notice(_UNSAVED)
            self._warned = True
        elif (base := self.editing) is not None:
            left = self.EditCancelled(base, self.edited_text)
            self.end_edit()
            self.post_message(left)

    @on(MemoryEditor.Changed)
    def _typed(self, event: MemoryEditor.Changed) -> None:
        event.stop()
        if self._warned:
            self._notice("")
