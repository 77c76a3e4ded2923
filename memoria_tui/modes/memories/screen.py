"""The Memories mode: search and browse are one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, get_args

from textual import events, on, work
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.back_and_forward import Place
from memoria_tui.dialogs.choice import Choice, ChoiceDialog
from memoria_tui.dialogs.views import ViewsDialog
from memoria_tui.dialogs.why_found import WhyDialog
from memoria_tui.keys.dialog_actions import asks
from memoria_tui.keys.waiting_keys import takes_text
from memoria_tui.modes.duplicates import MergedTexts, open_duplicates
from memoria_tui.modes.editing_screen import EditingScreen
from memoria_tui.modes.linking import Linking
from memoria_tui.modes.memories.bulk_actions import SETTABLE_NAMES, BulkActions
from memoria_tui.modes.memories.editing import Editing
from memoria_tui.modes.memories.state import Found, Targets, active, greeting, named, nearest, result_line, toggled
from memoria_tui.modes.mode import Failed, Idle, Loadable, Loaded, Loading
from memoria_tui.modes.registry import MEMORIES
from memoria_tui.modes.trash import open_trash
from memoria_tui.terminal.clipboard import copy
from memoria_tui.text.present import clip, clipboard_text, sought, title
from memoria_tui.user_files.drafts import Draft, DraftKind
from memoria_tui.user_files.search_history import SearchHistory
from memoria_tui.user_files.views import View
from memoria_tui.widgets.facets import FacetPanel
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.memory_list import MemoryList
from memoria_tui.widgets.part import Part
from memoria_tui.widgets.preview import Preview
from memoria_tui.widgets.search_bar import SearchBar
from memoria_tui.write_queue import written
from services.errors import MemoriaError, NotFound, QuerySyntaxError, StoreUnavailable
from services.model import Facets, Hit, Memory, Query, RelationType, Subject, counted
from services.ports import NewRelation
from services.search.hits import FIRST
from services.search.query import CHANGES_WITH, Known, operators, parse_query
from services.times import first_weekday, person_zone

if TYPE_CHECKING:
    from memoria_tui.modes.memories.import_export import MemoryFiles
    from memoria_tui.setup import Setup
    from services.search.hits import RankedHits
    from services.search.listing import Listing

PAGE = 100
"""Rows fetched with a listing, so that the list is full in one go."""
_TYPING = 0.001
"""Seconds of rest before a keystroke becomes a question: keys that arrive together ask once."""
_THINKING = 0.6
"""Seconds of rest before text that cannot be understood is marked."""
_TYPIST = 0.12
"""Seconds without another answer after which who types rests: what stands beside the list would hold up the next key.
"""
_SLOW = 0.2
"""Seconds after which a search is said to be running."""
_MILLISECOND = timedelta(milliseconds=1)
_BATCH = 1000
"""Rows fetched at once when all hits are marked."""
_TAKEN = "somebody else changed or deleted it"
"""Why what the cursor stood on is here no more."""
_ALL, _SHOWN = "all", "shown"
_ON_A_MEMORY = frozenset(
    {"edit", "editor", "tags", "set", "more_like", "history", "why", "copy_text", "copy_id", "delete", "export"}
    | {"mark_all", "link", "graph", "start_work", "verify", "retire", "supersede", "lineage"}
)
"""Actions that need a memory in the list."""
_NOT_WHILE_EDITING = _ON_A_MEMORY | {"new", "import", "load_demo", "trash", "merge", "names", "retry", "views"}


class MemoriesScreen(EditingScreen):
    """Search box above; facets, list and preview side by side, or one under the other where it is narrow."""

    CSS_PATH = "memories.tcss"
    HELP = "Memories: search, read, write and curate what is remembered"
    HELP_RULES = (
        (
            "memories.edit memories.editor memories.history memories.lineage memories.read memories.why memories.more "
            "memories.work memories.graph",
            "what opens one memory takes the one that is read, else the one under the cursor",
        ),
        (
            "memories.tags memories.set memories.verify memories.retire memories.delete memories.link memories.export "
            "memories.copy memories.copy_id",
            "what acts takes the marked ones, else the one under the cursor",
        ),
        ("hidden marks", "marked memories that are not in the list: it asks first which are meant"),
        ("esc", "marks stay until esc in the list"),
    )

    FOLLOWS = frozenset({Subject.MEMORIES, Subject.HISTORY, *(CHANGES_WITH[one] for one in get_args(Known))})

    MOVED = {
        "g": "g goes to the top; the graph is ctrl+g now",
        "s": "importance, project and type are set by = now",
        "F": "the counts are f now",
        "f": "f goes to the counts; ' and a letter goes to a title",
    }
    FROM_ELSEWHERE = frozenset({"search", "new", "import", "load_demo", "trash", "merge", "names", "views", "facets"})
    BINDINGS = [
        Binding("slash", "search", "Search", id="memories.search", tooltip="Type a search"),
        Binding("n", "new", "New", id="memories.new", tooltip="Write a new memory"),
        Binding("e", "edit", "Edit", id="memories.edit", tooltip="Edit the text in place"),
        Binding("t", "tags", "Tags", id="memories.tags", tooltip="Add and remove tags"),
        Binding("m", "more_like", "Similar", id="memories.more", tooltip="More like it"),
        Binding("l", "link", "Link", id="memories.link", tooltip="Link it, or the marked pair"),
        Binding("ctrl+g", "graph", "Graph", id="memories.graph", tooltip="Show it in the graph"),
        Binding("h", "history", "History", id="memories.history", tooltip="Earlier versions: compare and restore"),
        Binding("d", "delete", "Delete", id="memories.delete", tooltip="Put into the trash"),
        Binding(
            "M",
            "merge",
            "Duplicates",
            id="memories.merge",
            show=False,
            tooltip="Duplicates, or the marked ones, to merge",
        ),
        Binding("W", "start_work", "Work", id="memories.work", show=False, tooltip="Start work on what it says"),
        Binding("w", "why", "Why", id="memories.why", tooltip="Why it was found: the parts of its score"),
        Binding("a", "mark_all", "Mark all", id="memories.mark_all", show=False, tooltip="Mark all hits, or none"),
        Binding(
            "equals_sign",
            "set",
            "Set",
            id="memories.set",
            show=False,
            tooltip=f"Set {SETTABLE_NAMES}",
        ),
        Binding("ctrl+e", "editor", "Editor", id="memories.editor", show=False, tooltip="Edit in $EDITOR"),
        Binding("y", "copy_text", "Copy text", id="memories.copy", show=False, tooltip="Copy the text"),
        Binding("Y", "copy_id", "Copy id", id="memories.copy_id", show=False, tooltip="Copy the id"),
        Binding("x", "export", "Export", id="memories.export", show=False, tooltip="Export the marked to a file"),
        Binding("i", "import", "Import", id="memories.import", show=False, tooltip="Import a file or a folder"),
        Binding("D", "load_demo", "Demo data", id="memories.demo", show=False, tooltip="Load the demo data"),
        Binding(
            "number_sign", "names", "Tags", id="memories.names", show=False, tooltip="Tags and projects of all memories"
        ),
        Binding("comma", "verify", "Confirm", id="memories.verify", show=False, tooltip="True still: confirm it"),
        Binding("full_stop", "retire", "Retire", id="memories.retire", show=False, tooltip="Outdated: let it expire"),
        Binding(
            "greater_than_sign",
            "supersede",
            "Supersedes",
            id="memories.supersede",
            show=False,
            tooltip="It supersedes another one",
        ),
        Binding("at", "views", "Views", id="memories.views", show=False, tooltip="Saved searches: open, save, delete"),
        Binding(
            "semicolon",
            "lineage",
            "Lineage",
            id="memories.lineage",
            show=False,
            tooltip="What it replaced, and what replaced it",
        ),
        Binding("T", "trash", "Trash", id="memories.trash", show=False, tooltip="See and restore what was deleted"),
        Binding("f", "facets", "Filter", id="memories.facets", show=False, tooltip="Go to the counts at the left"),
        Binding("v", "read", "Read", id="memories.read", show=False, tooltip="Go to the text and scroll it"),
        Binding("r", "retry", "Again", id="memories.retry", show=False, tooltip="Refresh"),
        Binding("escape", "leave_search", "List", id="memories.list", tooltip="Go to the list"),
        Binding("escape", "back", "Back", id="memories.back", show=False, tooltip="Back to the list, then to all"),
    ]

    state: var[Loadable[Found]] = var(Idle, init=False)

    search_bar = Part(SearchBar)
    memory_list = Part(MemoryList)
    facet_panel = Part(FacetPanel)

    def __init__(self, mode: str, setup: Setup) -> None:
        super().__init__(mode, setup)
        self._load_demo = setup.load_demo
        self._searches = setup.searches
        self._settings = setup.config.file
        self._bulk = BulkActions(self)
        self._editing = Editing(self, lambda: self.preview, setup.config.editor, self._select, self._close_editor)
        self._linking = Linking(self)
        self._query = Query()
        self._read_text = ""
        """What stood in the search box when it was last read."""
        self._mistake: QuerySyntaxError | None = None
        """Why that cannot be understood."""
        self._answered = Query()
        """What the list answers."""
        self._listing: Listing | RankedHits | None = None
        self._counted: Query | None = None
        """What the facets are of."""
        self._outdated = False
        """Something was written while a question was under way: its answer may be older."""
        self._others_wrote = False
        """Whether the newest look at the stores was because of what others wrote."""
        self._is_older = False
        """Whether the list was read before a person asked again, or before something that this program wrote."""
        self._reading: Hit | None = None
        """What is read over the whole width, wherever the cursor of the list is."""
        self._keys_for: tuple[type[object], bool] | None = None
        self._carried: frozenset[str] = frozenset()
        """Marks that were made in the answer to another question."""

    def compose_body(self) -> Iterable[Widget]:
        yield SearchBar(operators(), SearchHistory(self._searches))
        with Horizontal(id="body"):
            yield FacetPanel(id="facets")
            with Vertical(id="centre"):
                yield MemoryList(self.clock, id="memories")
            yield Preview(self.clock, self.read_details, id="preview")
        yield LazyStatic(id="progress")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in _NOT_WHILE_EDITING and self.is_editing:
            return False
        match action:
            case "load_demo":
                empty = isinstance(self.state, Loaded) and self.state.value.empty_store
                return empty and self._load_demo is not None
            case "search" | "leave_search":
                return self._searching is (action == "leave_search")
            case "views":
                return self._settings is not None
            case "retry":
                return not isinstance(self.state, Idle)
            case "new" | "import" | "trash" | "merge" | "names":
                return self.is_connected
            case _ if action in _ON_A_MEMORY:
                listed = isinstance(self.state, Loaded | Loading) and self.memory_list.total > 0
                return listed if self._reading is None else action != "mark_all"
        return True

    @property
    def owes_answer(self) -> bool:
        unread = self.is_mounted and self.search_bar.text != self._read_text
        asks = self.under_way("search") and self._answered != self._query
        return unread or asks or self._is_older or self.under_way("reading")

    def give_up(self) -> None:
        self._is_older = False
        self.workers.cancel_group(self, "reading")
        if self.owes_answer:
            self.search_bar.mode = self._answered.mode
            self.search_bar.set_text(self._answered.raw)
            self.say("The search was given up: the list is as it was")

    @property
    def _searching(self) -> bool:
        return self.is_mounted and self.search_bar.has_focus_within

    def changed(self) -> None:
        self._is_older, self._others_wrote = self.is_connected, False
        self._look_again()

    def changed_outside(self, subjects: frozenset[Subject]) -> None:
        self._others_wrote = True
        self._look_again()
        self._warn_editor()

    def _look_again(self) -> None:
        if self._reading is not None and self.is_connected:
            self._read_again(self._reading)
        if self.under_way("search"):
            self._outdated = True  # asking again now would make a person wait longer who is waiting already
        elif self.is_connected:
            self._search(self._query, quiet=True)

    @on(MemoryList.Gone)
    def notify_gone(self, event: MemoryList.Gone) -> None:
        """Others took away what the cursor stood on: what a person presses then was not meant for its neighbour."""
        if self._others_wrote and self._reading is None and not self._searching:
            self._notify_gone(event.hit, "others wrote much" if event.elsewhere else _TAKEN)

    def _notify_gone(self, hit: Hit, why: str) -> None:
        self.say_taken(hit.memory.id, f'"{clip(title(hit.memory), 40)}" is here no more: {why}')

    def notice(self, state: Loadable[Found]) -> Content | None:
        if isinstance(state, Loaded) and state.value.empty_store:
            return greeting(demo=self._load_demo is not None, trashed=state.value.trashed)
        return super().notice(state)

    def draw(self, shown: Found) -> None:
        """The list is drawn already, from the pages of the answer."""

    def watch_state(self, state: Loadable[Found]) -> None:
        super().watch_state(state)
        if not isinstance(state, Loading):
            self._show_result()
        if self.focused is None and self.notice(state) is None:
            self.memory_list.focus()

    @on(MemoryList.MarksChanged)
    def _show_result(self) -> None:
        self.search_bar.result_line = result_line(self.state, len(self.memory_list.marked))

    def offer_keys(self) -> None:
        """Only when other keys work: that takes longer than a search."""
        standing = (type(self.state), isinstance(self.state, Loaded) and self.state.value.total > 0)
        if standing != self._keys_for:
            self._keys_for = standing
            super().offer_keys()

    # what is asked

    @on(SearchBar.Changed)
    def ask_while_typing(self) -> None:
        if self._searching:
            self._leave_reading()
        self.memory_list.forget_place()  # also where the text is the same as before in the end
        self.load(rest=_TYPING)

    @on(SearchBar.ModeChanged)
    def ask_in_other_mode(self) -> None:
        self.load()

    @on(FacetPanel.Toggled)
    def narrow(self, event: FacetPanel.Toggled) -> None:
        self.search_bar.set_text(toggled(self.search_bar.text, event.kind, event.value))

    def load(self, rest: float = 0.0) -> None:
        """Reads the search box and asks; text that cannot be understood is marked and asks nothing."""
        bar = self.search_bar
        self._read_text, self._mistake = bar.text, None
        try:
            week_begins = 0 if not self.is_connected else first_weekday(self.services.settings)
            query = parse_query(bar.text, now=self.clock(), mode=bar.mode, week_begins=week_begins)
        except QuerySyntaxError as error:
            self._mistake = error
            self._point_at(error, bar.text)
            return
        bar.error = None
        self._query = query
        self.facet_panel.active = active(query)
        if self.is_connected:
            self._is_older = True
            self._search(query, rest=rest)

    @work(exclusive=True, group="mistake")
    async def _point_at(self, error: QuerySyntaxError, raw: str) -> None:
        """Marks what cannot be understood, once the person rests: half of an operator is no mistake yet."""
        await asyncio.sleep(_THINKING)
        if self.search_bar.text == raw:
            self.search_bar.error = error

    @work(exclusive=True, group="search")
    async def _search(self, query: Query, *, rest: float = 0.0, quiet: bool = False) -> None:
        """One that is cancelled leaves the keys waiting for the one that takes its place."""
        await asyncio.sleep(rest)
        await self._answer(query, quiet=quiet)
        self._is_older &= self._outdated
        if self._outdated:
            self._outdated = False
            self.call_later(self._look_again)

    async def _answer(self, query: Query, *, quiet: bool) -> None:
        """`quiet`: nobody asked, so nobody is told that it is asked, how long it took, or that it failed.

        The answer that is on screen stays while a store is away, until something else is asked.
        """
        slow, before = None, self.state
        if not quiet:
            self.state = Loading()
            slow = self.set_timer(_SLOW, self._say_slow)
        shown = self.state
        try:
            found = await (self._rank(query) if query.ranked else self._list(query, again=quiet))
        except MemoriaError as error:
            if isinstance(before, Loaded) and before.value.query == query and isinstance(error, StoreUnavailable):
                self.state = before
                if not quiet:
                    self.say(str(error), wrong=True)
            elif not isinstance(shown, Loaded):
                self.state = Failed(error)
        else:
            if found is not None:
                self.shown()
                took_ms = shown.value.took_ms if isinstance(shown, Loaded) else found.took_ms
                self.state = Loaded(replace(found, took_ms=took_ms))
                self._count(query)
        finally:
            if slow is not None:
                slow.stop()

    def _say_slow(self) -> None:
        self.search_bar.result_line = "searching …"

    async def _rank(self, query: Query) -> Found | None:
        """None when the person has asked something else meanwhile."""
        ranked = await self.services.search.ranked(query)
        if ranked.query != self._query:
            return None
        self._carry_marks(query)
        self._listing = ranked
        ranked.corrected = partial(self._show_fewer, ranked)
        self._show_ranked(ranked)
        return Found(query, ranked.total, ranked.took_ms, ranked.notices, ranked.answered)

    def _show_ranked(self, ranked: RankedHits) -> None:
        """The hits that are read, and places for the others."""
        self.memory_list.show_listing(ranked.total, ranked.query, first=ranked.hits)

    def _show_fewer(self, ranked: RankedHits) -> None:
        if ranked is self._listing and isinstance(self.state, Loaded):
            self._show_ranked(ranked)
            self.state = Loaded(replace(self.state.value, total=ranked.total))

    async def _list(self, query: Query, *, again: bool) -> Found | None:
        started = self.clock()
        listing = await self.services.search.listing(query, again=again)
        hurried = self._shown_at is None
        first = await listing.page(0, PAGE, relations=not hurried) if listing.total else ()
        if query != self._query:
            return None
        self._carry_marks(query)
        self._listing = listing
        listing.corrected = self._look_again
        self.memory_list.show_listing(listing.total, query, first=first)
        if hurried and first:
            self.call_after_refresh(self._page, listing, 0, PAGE)  # with their relations, when the database has started
        found = Found(query, listing.total, (self.clock() - started) / _MILLISECOND)
        return replace(found, trashed=len(await self.services.memories.trash_ids())) if found.empty_store else found

    def _carry_marks(self, query: Query) -> None:
        if self._answered != query:
            self._answered = query
            self._carried = self.memory_list.marked

    def _select(self, memory_id: str) -> str:
        """Shows all memories with the cursor on this one, which was written just now; says what becomes of a search."""
        self.memory_list.aim_at(memory_id)
        searched = self.search_bar.remember()
        self.search_for("")
        self.changed()
        return " · search cleared, / ↑ brings it back" if searched else ""

    @work(exclusive=True, group="facets")
    async def _count(self, query: Query) -> None:
        if query.ranked:
            await asyncio.sleep(_TYPIST)
            if query != self._query:
                return
        try:
            facets = await self.services.search.facets(query)
        except MemoriaError:
            if query == self._counted:
                return
            facets = Facets()
        if query == self._query:
            self._counted = query
            self.facet_panel.facets = facets
            if query.ranked and self._listing is not None and self._listing.total > FIRST:
                self._page(self._listing, FIRST, self._listing.total)  # to count the hits, all were read

    @on(MemoryList.PageWanted)
    def fetch_page(self, event: MemoryList.PageWanted) -> None:
        if self._listing is not None:
            self._page(self._listing, event.offset, event.limit)

    @work(group="pages")
    async def _page(self, listing: Listing | RankedHits, offset: int, limit: int) -> None:
        try:
            hits = await listing.page(offset, limit)
        except StoreUnavailable:
            return  # the rows that were read stay, and the others are asked for again when the store is back
        except MemoriaError as error:
            self.state = Failed(error)
            return
        if listing is self._listing:
            self.memory_list.put_page(offset, hits)

    @on(SearchBar.CompletionWanted)
    def complete(self, event: SearchBar.CompletionWanted) -> None:
        if self.is_connected:
            self._complete(event.operator, event.prefix)

    @work(exclusive=True, group="completion")
    async def _complete(self, operator: str, prefix: str) -> None:
        self.search_bar.offer(await self.completions(operator, prefix))

    async def completions(self, operator: str, prefix: str) -> tuple[str, ...]:
        """Values in use, most used first; none when the store does not answer: typing goes on."""
        try:
            return await self.services.search.complete(operator, prefix)
        except MemoriaError:
            return ()

    # what is read

    @on(MemoryList.Highlighted)
    def _show_current(self) -> None:
        """Shows the memory under the cursor, unless one is being edited or read over the whole width."""
        if not self.is_editing and self._reading is None:
            hit, pattern = self.memory_list.current, sought(self._answered)
            if self._searching:
                self.preview.show(hit, pattern, rest=_TYPIST)
            else:
                self.preview.show(hit, pattern)

    @property
    def _current(self) -> Hit | None:
        """What is read, else the memory under the cursor."""
        return self._reading or self.memory_list.current

    @on(MemoryList.Selected)
    def read_selected(self, event: MemoryList.Selected) -> None:
        self._read(event.hit)

    def _read(self, hit: Hit) -> None:
        """Opens a memory over the whole width; not while one is edited there."""
        if self.is_editing:
            self.refuse("Save what is edited first, or leave it with esc", wrong=False)
            return
        self._reading = hit
        self.add_class("-full")
        self.preview.show(hit, sought(self._answered))
        self.preview.page.focus()
        self.refresh_bindings()
        self.post_message(self.Visited(self.place))

    def _leave_reading(self) -> None:
        if self._reading is not None:
            self._reading = None
            self.remove_class("-full")
            self.refresh_bindings()
            self._show_current()

    @property
    def place(self) -> Place:
        if (reading := self._reading) is not None:
            return Place(MEMORIES.name, reading.memory.id, self._answered.raw)
        return Place(MEMORIES.name, "", self.search_bar.text)

    def go_to(self, place: Place) -> None:
        if self.search_bar.text != place.search:
            self.memory_list.aim_at(place.memory_id)
            self.search_bar.set_text(place.search)
        if place.memory_id:
            self._open(place.memory_id)
        else:
            self._leave_reading()
            self.memory_list.focus()

    def search_for(self, text: str) -> None:
        """Puts a search into the box, from wherever one is."""
        self._leave_reading()
        self.search_bar.set_text(text)
        if text:
            self.post_message(self.Visited(self.place))

    @on(Preview.Followed)
    def follow_link(self, event: Preview.Followed) -> None:
        """Reads a memory that another one is related to, or searches for a tag or project."""
        if event.link.kind == "memory":
            self._open(event.link.value)
        else:
            self.search_for(event.link.search)
            self.memory_list.focus()

    @work(exclusive=True, group="reading")
    async def _open(self, memory_id: str) -> None:
        if (memory := await self.attempt(self.services.memories.get(memory_id))) is not None:
            hits = {hit.memory.id: hit for hit in self.memory_list.hits()}
            self._read(replace(hits.get(memory_id, Hit(memory)), memory=memory))

    @work(exclusive=True, group="read again")
    async def _read_again(self, before: Hit) -> None:
        """Shows what became of the memory that is read; of one that is gone the list is left."""
        try:
            memory = await self.services.memories.get(before.memory.id)
        except NotFound:
            if self._reading is before and not self.is_editing:
                self._leave_reading()
                self.memory_list.focus()
                if self._others_wrote:
                    self._notify_gone(before, _TAKEN)
        except MemoriaError:
            return  # what is read stays, and the header says which store is away
        else:
            if self._reading is before:
                self._reading = replace(before, memory=memory)
                if not self.is_editing:
                    self.preview.show(self._reading, sought(self._answered))

    # what is done to memories

    @property
    def _loaded(self) -> dict[str, Memory]:
        return {hit.memory.id: hit.memory for hit in self.memory_list.hits()}

    def title_of(self, memory_id: str) -> str | None:
        memory = self._loaded.get(memory_id)
        return named(memory) if memory is not None else None

    @property
    def hidden_marks(self) -> frozenset[str]:
        """Marked memories that are not in the list, as far as it is loaded."""
        return (self._carried & self.memory_list.marked) - self._loaded.keys()

    async def _targets(self) -> Targets | None:
        """The marked memories, else the one under the cursor; says so when there is none.

        Asks what is meant when some of the marked are not in the list.
        """
        if self._reading is not None:
            return Targets((self._reading.memory.id,), {self._reading.memory.id: self._reading.memory})
        if marked := self.memory_list.marked:
            if hidden := self.hidden_marks:
                marked = await self._ask_about_hidden(marked, hidden)
            return Targets(tuple(sorted(marked)), self._loaded) if marked else None
        if (hit := self.memory_list.current) is None:
            self.refuse("No memory is under the cursor", wrong=False)
            return None
        return Targets((hit.memory.id,), self._loaded)

    async def _ask_about_hidden(self, marked: frozenset[str], hidden: frozenset[str]) -> frozenset[str]:
        """Where none of the marked is in the list, the one under the cursor may be meant."""
        are = "1 marked memory is" if len(hidden) == 1 else f"{len(hidden):,} marked memories are"
        shown, current = marked - hidden, self.memory_list.current
        choices = [Choice("a", _ALL, Content("the marked one" if len(marked) == 1 else f"all {len(marked):,}"))]
        if shown:
            choices.append(Choice("s", _SHOWN, Content(f"only the {len(shown):,} shown")))
        elif current is not None:
            shown = frozenset({current.memory.id})
            choices.append(Choice("s", _SHOWN, Content(f'only the one under the cursor, "{title(current.memory)}"')))
        about = f"{are} not in the list."
        chosen = await self.ask(ChoiceDialog("Act on which memories?", choices, about=about, first=True))
        return {_ALL: marked, _SHOWN: shown}.get(chosen or "", frozenset())

    @asks
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

    @takes_text
    @asks
    async def action_tags(self) -> None:
        if targets := await self._targets():
            await self._bulk.tag(targets)

    @asks
    async def action_set(self) -> None:
        if targets := await self._targets():
            await self._bulk.set(targets)

    @asks
    async def action_delete(self) -> None:
        if self._bulk.may_delete() and (targets := await self._targets()):
            gone = await self._bulk.delete(targets)
            self.memory_list.mark_all(self.memory_list.marked - gone)

    @asks
    async def action_trash(self) -> None:
        await open_trash(self)

    @asks
    async def action_merge(self) -> None:
        chosen: tuple[Memory, ...] = ()
        if len(self.memory_list.marked) > 1:
            if (targets := await self._targets()) is None or (read := await self._bulk.read(targets)) is None:
                return
            chosen = read
        await open_duplicates(self, chosen)

    @asks
    async def action_verify(self) -> None:
        if targets := await self._targets():
            act = partial(self.services.trust.verify, targets.ids)
            await self._bulk.set_at_once("Confirmed", "Confirm {}?", targets, act)

    @asks
    async def action_retire(self) -> None:
        if self._bulk.may_delete() and (targets := await self._targets()):
            act = partial(self.services.trust.expire, targets.ids, self.clock())
            await self._bulk.set_at_once("Expires now", "Let {} expire?", targets, act)

    @takes_text
    @asks
    async def action_supersede(self) -> None:
        """What is chosen supersedes one that is searched for; the nearest are offered first."""
        if not (targets := await self._targets()) or (memories := await self._bulk.read(targets)) is None:
            return
        at_hand = nearest(self.memory_list.hits(), self._current, {one.id for one in memories})
        if (target := await self._linking.pick(f"{targets.describe()} supersedes", at_hand)) is not None:
            new = [NewRelation(one.id, target.id, RelationType.SUPERSEDES) for one in memories if one.id != target.id]
            told = f"{targets.describe()} supersedes {named(target)}"
            if await self.write(told, self.services.graph.link_many(new)):
                self.say_done(told)
                self.changed()

    @asks
    async def action_lineage(self) -> None:
        from memoria_tui.dialogs.lineage import LineageDialog

        if (memory := await self._read_current()) is None:
            return
        chain = partial(self.services.lineage.chain, memory.id)
        if (steps := await self.attempt(chain())) is None:
            return
        if len(steps) == 1:
            self.say(
                f"{named(memory)} replaced nothing, and nothing replaced it: > says that it supersedes another one"
            )
        elif chosen := await self.ask(LineageDialog(memory, steps, chain, person_zone(self.services.settings))):
            self._open(chosen)

    @asks
    async def action_names(self) -> None:
        from memoria_tui.dialogs.tags_and_projects import NamesDialog

        await written(self.app)
        if await self.ask(NamesDialog(self.services)):
            self.changed()

    @asks
    async def action_views(self) -> None:
        assert self._settings is not None
        searched = View("", self.search_bar.text, self.search_bar.mode)
        if (view := await self.ask(ViewsDialog(self._settings, searched))) is not None:
            self.search_bar.mode = view.mode
            self.search_for(view.query)
            self.load()
            self.memory_list.focus()

    @asks
    async def action_copy_text(self) -> None:
        if (targets := await self._targets()) and (memories := await self._bulk.read(targets)) is not None:
            text = "\n\n".join(clipboard_text(memory.content) for memory in memories)
            self.say(f"The text of {targets.describe()} is {await copy(self.app, text)}")

    @asks
    async def action_copy_id(self) -> None:
        if targets := await self._targets():
            ids = targets.ids
            ids_are = "ids are" if len(ids) > 1 else "id is"
            where = await copy(self.app, "\n".join(ids))
            self.say(f"The {ids_are} {where}: {targets.describe()}")

    @takes_text
    @asks
    async def action_link(self) -> None:
        """A pair that is marked, or marked and under the cursor, is linked at once; else the target is asked for."""
        if (targets := await self._targets()) is None:
            return
        ids, current = set(targets.ids), self._current
        if current is not None and len(ids) < 2:
            ids.add(current.memory.id)
        memories = await self._bulk.read(Targets(tuple(sorted(ids)), targets.loaded))
        if memories is None:
            return
        if len(memories) == 2:
            await self._linking.link_pair(*memories)
            return
        what = f'"{clip(title(memories[0]), 48)}"' if len(memories) == 1 else counted(len(memories))
        at_hand = nearest(self.memory_list.hits(), current, ids)
        if (target := await self._linking.pick(f"Link {what}", at_hand)) is not None:
            await self._linking.link(memories, target)

    # files

    @cached_property
    def _files(self) -> MemoryFiles:
        from memoria_tui.modes.memories.import_export import MemoryFiles

        return MemoryFiles(self, self._show_progress)

    @asks
    async def action_export(self) -> None:
        if targets := await self._targets():
            await self._files.export(targets.ids)

    @asks
    async def action_import(self) -> None:
        await self._files.import_()

    @asks
    async def action_load_demo(self) -> None:
        if self._load_demo is not None and await self._files.load_demo(self._load_demo):
            self.memory_list.forget_place()  # on one of the first that came
            self.load()

    def _show_progress(self, progress: str | None) -> None:
        self.set_class(progress is not None, "-busy")
        self.query_one("#progress", Static).update(Content(progress or ""))

    # one memory

    async def reopen(self, draft: Draft) -> bool:
        """Goes on with what was typed before the program ended; False when its memory cannot be read."""
        return await self._asker(draft).reopen(draft)

    async def holds(self, draft: Draft) -> bool:
        """Whether the stores have what was typed: the program ended just after that was saved."""
        try:
            return await self._asker(draft).holds(draft)
        except MemoriaError:
            return False

    def _asker(self, draft: Draft) -> Editing | BulkActions | MergedTexts:
        match draft.kind:
            case DraftKind.NEW_MEMORY | DraftKind.EDIT_MEMORY:
                return self._editing
            case DraftKind.MERGED_TEXT:
                return MergedTexts(self, self._editing.create)
        return self._bulk

    async def _read_current(self) -> Memory | None:
        hit = self._current
        return await self._editing.read(hit.memory if hit is not None else None)

    @takes_text
    @asks
    async def action_new(self) -> None:
        await self._editing.new()

    @takes_text
    @asks
    async def action_edit(self) -> None:
        if memory := await self._read_current():
            await self._editing.open(memory)

    def _close_editor(self) -> None:
        self.preview.end_edit()
        self.watch_state(self.state)  # which may say by now that there is nothing any more
        self.action_leave_search()
        self.refresh_bindings()
        self._show_current()
        if self._reading is not None:
            self._read_again(self._reading)

    @work(exclusive=True, group="outside")
    async def _warn_editor(self) -> None:
        await self._editing.warn()

    @asks
    async def action_history(self) -> None:
        if memory := await self._read_current():
            await self._editing.show_history(memory)

    def action_why(self) -> None:
        if hit := self._current:
            self.app.push_screen(WhyDialog(hit, self._query))

    @takes_text
    @asks
    async def action_start_work(self) -> None:
        from memoria_tui.modes.timer_actions import Timing  # its forms need not be there for the first paint

        if hit := self._current:
            await Timing(self, self.services, self.clock, self.status.sessions).start(memory=hit.memory)

    def action_more_like(self) -> None:
        if hit := self._current:
            self.search_for(f"like:{hit.memory.id}")
            self.memory_list.focus()

    def action_graph(self) -> None:
        if (hit := self._current) is not None:
            self.post_message(self.GraphWanted(hit.memory.id))

    # where the eyes and hands are

    @on(SearchBar.Submitted)
    def to_list(self) -> None:
        if isinstance(self.state, Failed):
            self.action_retry()
        elif self.search_bar.text != self._read_text:
            self.load()
        if self._mistake is None:
            self._leave_reading()
            self.memory_list.focus()
        else:
            self.search_bar.error = self._mistake  # it stays in the box: keys would act on what nobody asked for

    def action_read(self) -> None:
        self.preview.page.focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Where it is narrow, what has the focus gets the room."""
        self.set_class(self.preview.has_focus_within, "-reading")
        self.set_class(self.facet_panel.has_focus, "-choosing")

    @takes_text
    def action_search(self) -> None:
        self.search_bar.focus()

    def action_leave_search(self) -> None:
        below = self.preview.page if self._reading is not None else self.memory_list
        self.set_focus(None if self.has_class("-noticed") else below)

    def action_facets(self) -> None:
        self.add_class("-choosing")
        self.facet_panel.focus()

    def action_back(self) -> None:
        """One step back: to the list, then no marks, then no search."""
        if not (self.memory_list.has_focus or self.has_class("-noticed")):
            self.remove_class("-reading", "-choosing")
            self._leave_reading()
            self.memory_list.focus()
        elif self.memory_list.marked:
            self.memory_list.mark_all(frozenset())
        else:
            self.search_bar.set_text("")
