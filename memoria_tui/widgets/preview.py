"""One memory to read and to edit: Markdown with what a search found in it, metadata, relations, history.

What leads further in it (project, tags, the memories that it is related to) is followed by key and by click.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.timer import Timer
from textual.widgets import Static

from memoria_tui.terminal.textual_internals import sure
from memoria_tui.text import present
from memoria_tui.widgets import memory_facts
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.memory_editor import MemoryEditor
from memoria_tui.widgets.memory_facts import Link
from memoria_tui.widgets.safe_markdown import SafeMarkdown, first_part, line_of
from services.curation.provenance import provenance
from services.errors import MemoriaError
from services.model import Change, Hit, Memory, RelatedMemory, RelationType
from services.ports import Clock, Review

Details = tuple[tuple[RelatedMemory, ...], tuple[Change, ...], Review | None]
"""Relations, history and review of a memory."""
LoadDetails = Callable[[str], Awaitable[Details]]
"""By the id of a memory. May raise MemoriaError."""

_RESTING = 0.08
"""Seconds on one memory before its relations and history are asked for."""
_SETTLE = 0.03
"""Seconds of rest before a memory is drawn: a held key in the list does not draw all it passes."""
_OF_A_PASSAGE = 200
"""Characters by which a passage is looked for in its text."""
_LAYOUTS = 50
"""Refreshes of the screen after which a text has its place on it at the latest."""
_UNSAVED = "not saved · ctrl+s saves · esc again leaves, and the text is kept"
_TOO_LONG = "too long to edit here · ctrl+e opens $EDITOR"
_HINT = "ctrl+s save · esc cancel · ctrl+e $EDITOR"
_HINT_TOO_LONG = "ctrl+e $EDITOR · esc back"


class _Facts(LazyStatic):
    """Facts with links in them, which a click follows."""

    def action_follow(self, number: int) -> None:
        self.post_message(_Clicked(number))


@dataclass
class _Clicked(Message):
    """A link was clicked."""

    number: int


class Preview(Vertical):
    """Shows the memory under the cursor; edits it in place."""

    DEFAULT_CSS = """
    Preview {
        height: 1fr;
        padding: 0 1;
        & > VerticalScroll { scrollbar-size-vertical: 1; height: 1fr; }
        & Static { height: auto; }
        & #preview-head { margin-bottom: 1; }
        & #preview-before, & #preview-more { color: $accent; margin-bottom: 1; }
        & #preview-place { dock: bottom; height: 1; color: $foreground 60%; }
        & _Facts { link-color: $primary; link-style: none; link-style-hover: underline; link-background-hover: $panel; }
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
        Binding("n", "match(1)", "Next match", show=False, id="preview.next", tooltip="Go to the next match"),
        Binding("N", "match(-1)", "Match before", show=False, id="preview.previous", tooltip="Go to the match before"),
        Binding("tab", "link(1, True)", "Next link", show=False, id="preview.link", tooltip="Go to the next link"),
        Binding("shift+tab", "link(-1, True)", "Link before", show=False, id="preview.link_before", tooltip="Go to it"),
        Binding("right", "link(1)", "Link at the right", show=False, id="preview.right", tooltip="Go to the next link"),
        Binding("left", "link(-1)", "Link at the left", show=False, id="preview.left", tooltip="Go to the one before"),
        Binding("enter", "follow", "Follow", show=False, id="preview.follow", tooltip="Go where the link leads"),
        Binding("j", "scroll(1)", "Down", show=False, id="preview.down", tooltip="A line down"),
        Binding("k", "scroll(-1)", "Up", show=False, id="preview.up", tooltip="A line up"),
        Binding("ctrl+d", "scroll_pages(0.5)", "Half page down", show=False, id="preview.half_down", tooltip="Down"),
        Binding("ctrl+u", "scroll_pages(-0.5)", "Half page up", show=False, id="preview.half_up", tooltip="Up"),
        Binding("g", "scroll_to_start", "Top", show=False, id="preview.home", tooltip="To the start of the text"),
        Binding("G", "scroll_to_end", "Bottom", show=False, id="preview.end", tooltip="To the end of the text"),
        Binding("plus", "show_more", "More text", show=False, id="preview.more", tooltip="Show more of a long text"),
        Binding("minus", "show_before", "Text before", show=False, id="preview.before", tooltip="Show the text before"),
    ]

    @dataclass
    class Followed(Message):
        """The person goes where something beside the memory leads."""

        link: Link

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
        self._review: Review | None = None
        self._pattern: re.Pattern[str] | None = None
        self._start, self._parts = 0, 1
        """Where in a long text the part begins that is drawn, and how long it is."""
        self._drawn: tuple[str, str | None] = ("", None)
        """Id and text of what is drawn."""
        self._opens = False
        """Whether the eye is to be put on the passage that was found."""
        self._opened_by = 0
        """The drawing of the text after which it is."""
        self._folded = True
        self._links: tuple[Link, ...] = ()
        self._at: int | None = None
        """The link that enter follows."""
        self._theme = ""
        self._warned = False
        self._settling: Timer | None = None

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="preview-page"):
            yield _Facts(id="preview-head")
            yield LazyStatic(id="preview-before")
            yield SafeMarkdown(id="preview-body")
            yield LazyStatic(id="preview-more")
            for section in ("metadata", "relations", "history"):
                box = _Facts(id=f"preview-{section}", classes="preview-section")
                box.border_title = section
                yield box
        yield LazyStatic(id="preview-place")
        yield LazyStatic(id="preview-notice")
        yield self.editor
        yield LazyStatic(Content(_HINT), id="preview-hint")

    def on_mount(self) -> None:
        self._show_editor()
        self._draw()

    # reading

    @property
    def shown(self) -> Memory | None:
        return self._hit.memory if self._hit is not None else None

    @property
    def page(self) -> VerticalScroll:
        """What scrolls, and has the focus while a person reads."""
        return self.query_one("#preview-page", VerticalScroll)

    def show(self, hit: Hit | None, pattern: re.Pattern[str] | None = None, *, rest: float = _SETTLE) -> None:
        """Shows a memory, or nothing, after so many seconds without another one; relations and history are empty until
        they are given.

        What the pattern finds is marked, and a hit is opened at its passage.
        """
        if hit is not None and self._load is not None:
            self._read_details(hit.memory.id, self._load, max(rest, _RESTING))
        same = hit is not None and self._hit is not None and hit.memory == self._hit.memory
        if same and pattern == self._pattern:
            self._hit = hit
            return
        if hit is None or self.shown is None or hit.memory.id != self.shown.id:
            self._relations, self._history, self._review, self._folded, self._at = (), (), None, True, None
        if hit is None or self.shown is None or hit.memory.id != self.shown.id or pattern != self._pattern:
            self._start, self._parts = _part_of(hit), 1
            self._opens = hit is not None and pattern is not None
        self._hit, self._pattern = hit, pattern
        self._draw_soon(rest)

    @work(exclusive=True, group="details")
    async def _read_details(self, memory_id: str, load: LoadDetails, rest: float) -> None:
        await asyncio.sleep(rest)
        try:
            relations, history, review = await load(memory_id)
        except MemoriaError:
            return  # the text can be read without them, and the header says which store is away
        if self.shown is not None and self.shown.id == memory_id:
            self.show_details(relations, history, review)

    def show_details(
        self, relations: tuple[RelatedMemory, ...], changes: tuple[Change, ...], review: Review | None = None
    ) -> None:
        """Shows the relations of the memory shown, its changes, newest first, and whether it was reviewed."""
        self._relations, self._history, self._review = relations, changes, review
        self._draw_sections()

    def action_show_more(self) -> None:
        """Shows the next part of a very long text."""
        self._parts += 1
        self._draw_body()

    def action_show_before(self) -> None:
        """Shows what comes before the part of a very long text that is drawn."""
        self._start = 0
        self._draw_body()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        if self.is_mounted and self.app.theme != self._theme:
            self._theme = self.app.theme
            self.query_one(SafeMarkdown).forget()
            self._drawn = (self._drawn[0], None)
            self._draw_soon()

    def _draw_soon(self, rest: float = _SETTLE) -> None:
        if self._settling is not None:
            self._settling.stop()
        if self.is_mounted:
            self._settling = sure(self.set_timer(rest, self._draw))

    def _draw(self) -> None:
        """Another memory is read from its beginning or its passage; in the same one the eye stays where it is."""
        if self._drawn[0] != (self.shown.id if self.shown is not None else ""):
            self.page.scroll_home(animate=False)
        self._draw_body()
        self._draw_sections()

    def _draw_body(self) -> None:
        memory_id, text = ("", "") if self.shown is None else (self.shown.id, self.shown.content)
        part = first_part(text[self._start :], self._parts)
        rest = len(text) - len(part) - self._start
        self._drawn = (memory_id, part)
        asked = self.query_one(SafeMarkdown).show(part, self._pattern)
        if self._opens:
            self._opens, self._opened_by = False, asked
        self._show_rest("before", self._start, f"… {self._start:,} characters before · - shows them")
        self._show_rest("more", rest, f"… {rest:,} more characters · + shows more")

    def _show_rest(self, name: str, characters: int, line: str) -> None:
        told = self.query_one(f"#preview-{name}", Static)
        told.display = characters > 0
        told.update(Content(line))

    def _draw_sections(self) -> None:
        if not self.is_mounted:
            return
        now, memory, folded = self._clock(), self.shown, self._folded
        self._links = memory_facts.links(memory, self._relations, folded=folded) if memory is not None else ()
        parts = {
            "head": self._head(memory, now) if memory else Content(""),
            "metadata": memory_facts.metadata(memory, self._look, folded=folded) if memory else Content(""),
            "relations": memory_facts.relations(self._relations, self._look),
            "history": memory_facts.history(self._history, now),
        }
        for name, content in parts.items():
            box = self.query_one(f"#preview-{name}", Static)
            box.update(content)
            box.display = bool(content)

    def _head(self, memory: Memory, now: datetime) -> Content:
        known = provenance(memory, self._history, self._review)
        superseded = any(one.relation.type is RelationType.SUPERSEDES and not one.outgoing for one in self._relations)
        return memory_facts.head(memory, now, self._look, known, superseded=superseded, folded=self._folded)

    # what was found

    @on(SafeMarkdown.Shown)
    def _open_at_the_passage(self, event: SafeMarkdown.Shown) -> None:
        event.stop()
        self._show_place()
        if event.number == self._opened_by:
            self.call_after_refresh(self._go_to_the_passage)

    def _go_to_the_passage(self, tries: int = _LAYOUTS) -> None:
        body = self.query_one(SafeMarkdown)
        if self._hit is None or not self.page.region:
            return
        if not body.is_laid_out and tries:
            self.call_after_refresh(self._go_to_the_passage, tries - 1)
            return
        at = self._hit.memory.content.find(self._hit.passage[:_OF_A_PASSAGE]) if self._hit.passage else 0
        lines_before = self._hit.memory.content.count("\n", self._start, max(self._start, at))
        self._look_at(body.go_near(lines_before))
        self._show_place()

    def action_match(self, by: int) -> None:
        """Goes to the next match; says so where there is none."""
        body = self.query_one(SafeMarkdown)
        number, _ = body.place
        line = body.go_to(number - 1 + by if number else min(0, by))
        if line is None:
            self.notify("Nothing is marked: search first, and n goes to what was found", markup=False)
        else:
            self._look_at(line)
        self._show_place()

    def _show_place(self) -> None:
        number, matches = self.query_one(SafeMarkdown).place
        line = self.query_one("#preview-place", Static)
        line.display = matches > 0 and self.editing is None
        told = f"match {number:,} of {matches:,}" if number else f"{matches:,} marked"
        part = " in this part" if self.shown is not None and self._drawn[1] != self.shown.content else ""
        line.update(Content(f"{told}{part} · n N"), layout=False)

    def _look_at(self, line: int) -> None:
        """Scrolls until a line of the screen is in sight, with some text above it."""
        page = self.page
        top = page.content_region.y
        if not top <= line < top + page.content_region.height:
            page.scroll_to(y=page.scroll_offset.y + line - top - page.content_region.height // 3, animate=False)

    def action_scroll(self, lines: int) -> None:
        self.page.scroll_relative(y=lines, animate=False)

    def action_scroll_pages(self, pages: float) -> None:
        self.page.scroll_relative(y=round(pages * self.page.content_region.height), animate=False)

    def action_scroll_to_start(self) -> None:
        self.page.scroll_home(animate=False)

    def action_scroll_to_end(self) -> None:
        self.page.scroll_end(animate=False)

    # what leads further

    def _look(self, link: Link, text: Content) -> Content:
        """A link as it is drawn: it can be clicked, and the one that enter follows stands out."""
        number = self._links.index(link)
        text = text.stylize(Style.from_meta({"@click": f"follow({number})"}))
        return text.stylize("reverse") if number == self._at else text

    def action_link(self, by: int, leaves: bool = False) -> None:
        """Goes to the next link; `leaves`: from the last one to what has the focus next."""
        before = self._at if self._at is not None else len(self._links) if by < 0 else -1
        inside = 0 <= before + by < len(self._links)
        if inside or leaves:
            self._at = before + by if inside else None
            self._draw_sections()
        if inside:
            self.call_after_refresh(self._show_link)
        elif leaves:
            (self.screen.focus_next if by > 0 else self.screen.focus_previous)()

    def _show_link(self) -> None:
        for box in self.query(_Facts):
            content = box.content
            for span in content.spans if isinstance(content, Content) else ():
                if span.style == "reverse":
                    self._look_at(line_of(box, span.end))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "follow":
            return self._at is not None
        return self.editing is None

    def action_follow(self) -> None:
        if self._at is not None:
            self._follow(self._links[self._at])

    @on(_Clicked)
    def _clicked(self, event: _Clicked) -> None:
        event.stop()
        if event.number < len(self._links):
            self._follow(self._links[event.number])

    def _follow(self, link: Link) -> None:
        if link.kind == "more":
            self._folded, self._at = False, None
            self._draw_sections()
        else:
            self.post_message(self.Followed(link))

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
        editor = self.editor
        editor.open(memory, memory.content if content is None else content)
        self._show_editor()
        self._notice("")
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
        self._show_editor()

    def show_external_change(self, what: str = "changed outside since you opened it") -> None:
        """Says above the editor that the memory changed meanwhile."""
        self._notice(what)

    def _show_editor(self) -> None:
        """Or the page, where nothing is edited."""
        editing = self.editing is not None
        self.page.display = not editing
        self._show_place()
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


def _part_of(hit: Hit | None) -> int:
    """Where the part of a long text begins that has the passage of a hit; 0 where that is in the first one."""
    if hit is None or not hit.passage:
        return 0
    text = hit.memory.content
    at = text.find(hit.passage[:_OF_A_PASSAGE])
    if at + len(hit.passage) <= len(first_part(text)):
        return 0
    before = text.rfind("\n\n", 0, at)
    return before + 2 if before >= 0 else max(0, text.rfind("\n", 0, at))
