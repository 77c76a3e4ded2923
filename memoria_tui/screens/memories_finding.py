"""The Memories screen as a reader: asks as the person types, lists, counts, previews, and notices outside changes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from textual import getters, on, work
from textual.content import Content
from textual.reactive import var

from memoria_tui.loadable import Failed, Idle, Loadable, Loaded, Loading
from memoria_tui.modes.mode import ModeScreen, Setup
from memoria_tui.operators import active, toggled
from memoria_tui.screens.states import Found, greeting, result_line
from memoria_tui.widgets.facets import FacetPanel
from memoria_tui.widgets.memory_list import MemoryList
from memoria_tui.widgets.name_input import Names
from memoria_tui.widgets.preview import Preview
from memoria_tui.widgets.search_bar import SearchBar
from services.errors import MemoriaError, NotFound, QuerySyntaxError, StoreUnavailable
from services.model import FacetCount, Facets, Memory, Query, Subject
from services.search.query import parse_query
from services.search.ranked import FIRST
from services.times import first_weekday
from services.together import together

if TYPE_CHECKING:
    from services.search.listing import Listing
    from services.search.ranked import RankedHits

PAGE = 100
"""Rows fetched with a listing, so that the list is full in one go."""
_TYPING = 0.001
"""Seconds of rest before a keystroke becomes a question: keys that arrive together ask once."""
_THINKING = 0.6
"""Seconds of rest before text that cannot be understood is marked."""
_RESTING = 0.08
"""Seconds on one memory before its relations and history are asked for."""
_SLOW = 0.2
"""Seconds after which a search is said to be running."""
_MILLISECOND = timedelta(milliseconds=1)


class MemoryFinding(ModeScreen):
    """Search and browse."""

    FOLLOWS = frozenset({Subject.MEMORIES, Subject.RELATIONS, Subject.HISTORY})

    state: var[Loadable[Found]] = var(Idle, init=False)

    search_bar = getters.query_one(SearchBar)
    memory_list = getters.query_one(MemoryList)
    facet_panel = getters.query_one(FacetPanel)
    preview = getters.query_one(Preview)

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._load_demo = setup.load_demo
        self._query = Query()
        self._answered = Query()
        """What the list answers."""
        self._listing: Listing | RankedHits | None = None
        self._counted: Query | None = None
        """What the facets are of."""
        self._asking = 0
        """Questions under way."""
        self._outdated = False
        """Something was written while a question was under way: its answer may be older."""
        self._warned_of: tuple[Memory, str | None] | None = None
        """A memory that is edited and the text that stands outside, as far as the person was told."""
        self._keys_for: tuple[type[object], bool] | None = None
        self._carried: frozenset[str] = frozenset()
        """Marks that were made in the answer to another question."""
        self._going: set[str] = set()
        """Memories that are being deleted."""
        self._deleted_at = 0.0
        """When the last of them were, in monotonic seconds."""

    def changed(self) -> None:
        if self._asking:
            self._outdated = True  # asking again now would make a person wait longer who is waiting already
        elif self.is_connected:
            self._search(self._query, quiet=True)

    def changed_outside(self, subjects: frozenset[Subject]) -> None:
        self.changed()
        self._warn_editor()

    def notice(self, state: Loadable[Found]) -> Content | None:
        if isinstance(state, Loaded) and state.value.empty_store:
            return greeting(demo=self._load_demo is not None)
        return super().notice(state)

    def draw(self, shown: Found) -> None:
        """The list is drawn already, from the pages of the answer."""

    def watch_state(self, state: Loadable[Found]) -> None:
        super().watch_state(state)
        if not isinstance(state, Loading):
            self._tell_result()
        if self.focused is None and self.notice(state) is None:
            self.memory_list.focus()

    @on(MemoryList.MarksChanged)
    def _tell_result(self) -> None:
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
        try:
            week_begins = 0 if not self.is_connected else first_weekday(self.services.settings)
            query = parse_query(bar.text, now=self.clock(), mode=bar.mode, week_begins=week_begins)
        except QuerySyntaxError as error:
            self._point_at(error, bar.text)
            return
        bar.error = None
        self._query = query
        self.facet_panel.active = active(query)
        if self.is_connected:
            self._search(query, rest=rest)

    @work(exclusive=True, group="mistake")
    async def _point_at(self, error: QuerySyntaxError, raw: str) -> None:
        """Marks what cannot be understood, once the person rests: half of an operator is no mistake yet."""
        await asyncio.sleep(_THINKING)
        if self.search_bar.text == raw:
            self.search_bar.error = error

    @work(exclusive=True, group="search")
    async def _search(self, query: Query, *, rest: float = 0.0, quiet: bool = False) -> None:
        self._asking += 1
        try:
            await asyncio.sleep(rest)
            await self._answer(query, quiet=quiet)
        finally:
            self._asking -= 1
        if self._outdated:
            self._outdated = False
            self.call_later(self.changed)

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
                    self.tell(str(error), wrong=True)
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
        return Found(query, ranked.total, ranked.took_ms, ranked.notices)

    def _show_ranked(self, ranked: RankedHits) -> None:
        """The hits that are read, and places for the others."""
        self.memory_list.show_listing(ranked.total, ranked.query, first=ranked.hits, empty="Nothing fits.")

    def _show_fewer(self, ranked: RankedHits) -> None:
        if ranked is self._listing and isinstance(self.state, Loaded):
            self._show_ranked(ranked)
            self.state = Loaded(replace(self.state.value, total=ranked.total))

    async def _list(self, query: Query, *, again: bool) -> Found | None:
        """As `_rank`."""
        started = self.clock()
        listing = await self.services.search.listing(query, again=again)
        first = await listing.page(0, PAGE) if listing.total else ()
        if query != self._query:
            return None
        self._carry_marks(query)
        self._listing = listing
        listing.corrected = self.changed
        self.memory_list.show_listing(listing.total, query, first=first, empty="Nothing fits.")
        return Found(query, listing.total, (self.clock() - started) / _MILLISECOND)

    def _carry_marks(self, query: Query) -> None:
        if self._answered != query:
            self._answered = query
            self._carried = self.memory_list.marked

    @property
    def hidden_marks(self) -> frozenset[str]:
        """Marked memories that are not in the list, as far as it is loaded."""
        return (self._carried & self.memory_list.marked) - {hit.memory.id for hit in self.memory_list.hits()}

    def select(self, memory_id: str) -> None:
        """Shows all memories with the cursor on this one, which was written just now."""
        self.memory_list.aim_at(memory_id)
        self.search_bar.set_text("")
        self.changed()

    @work(exclusive=True, group="facets")
    async def _count(self, query: Query) -> None:
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

    def names(self, noun: str) -> Names:
        """The tags or projects of the memories, for a field that asks for some."""

        async def load(owner: str) -> Sequence[FacetCount]:
            return await self.services.search.in_use(noun)

        return Names(noun, load)

    # what is read

    @on(MemoryList.Highlighted)
    def read(self) -> None:
        self.show_current()

    def show_current(self) -> None:
        """Shows the memory under the cursor, unless one is being edited."""
        if self.preview.editing is not None:
            return
        hit = self.memory_list.current
        self.preview.show(hit)
        if hit is not None:
            self._details(hit.memory.id)

    @work(exclusive=True, group="details")
    async def _details(self, memory_id: str) -> None:
        await asyncio.sleep(_RESTING)
        memories = self.services.memories
        try:
            relations, history = await together(memories.relations(memory_id), memories.history(memory_id))
        except MemoriaError:
            return  # the text can be read without them, and the top line says which store is away
        if (current := self.memory_list.current) is not None and current.memory.id == memory_id:
            self.preview.show_relations(relations)
            self.preview.show_history(history)

    # what others do

    @work(exclusive=True, group="outside")
    async def _warn_editor(self) -> None:
        """Says above the open editor, once for each change, that the memory is another one outside."""
        if (base := self.preview.editing) is None:
            return
        try:
            outside = (await self.services.memories.get(base.id)).content
        except NotFound:
            outside = None
        except MemoriaError:
            return
        if base is not self.preview.editing or (base, outside) == self._warned_of:
            return
        self._warned_of = (base, outside)
        if outside is None:
            self.preview.show_external_change("deleted outside since you opened it")
        elif outside != base.content:
            self.preview.show_external_change()
