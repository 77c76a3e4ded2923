"""The Memories screen as a reader: asks as the person types, lists, counts, previews, and notices outside changes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from textual import getters, on, work
from textual.reactive import var
from textual.widgets import Static

from memoria_tui.operators import active, toggled
from memoria_tui.screens.mode import ModeScreen
from memoria_tui.screens.states import Failed, Idle, Loaded, Searching, State, notice, result_line
from memoria_tui.widgets.facets import FacetPanel
from memoria_tui.widgets.memory_list import MemoryList
from memoria_tui.widgets.preview import Preview
from memoria_tui.widgets.search_bar import SearchBar
from services.errors import MemoriaError, NotFound, QuerySyntaxError
from services.model import Facets, Query
from services.ports import Clock
from services.search.query import parse_query

if TYPE_CHECKING:
    from services.container import Services
    from services.search.listing import Listing

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
_OUTSIDE = 3.0
"""Seconds between two looks for changes made by others."""


class MemoryFinding(ModeScreen):
    """Search and browse."""

    state: var[State] = var(Idle, init=False)

    search_bar = getters.query_one(SearchBar)
    memory_list = getters.query_one(MemoryList)
    facet_panel = getters.query_one(FacetPanel)
    preview = getters.query_one(Preview)

    def __init__(self, where: str, clock: Clock, *, demo: bool) -> None:
        super().__init__(where, clock)
        self._demo = demo
        self._query = Query()
        self._listing: Listing | None = None
        self._latest: str | None = None
        self._keys_for: tuple[type[State], bool] | None = None

    def connected(self, services: Services) -> None:
        super().connected(services)
        self.ask()
        self.set_interval(_OUTSIDE, self._look_outside, name="outside")

    def failed(self, error: MemoriaError) -> None:
        self.state = Failed(error)

    def changed(self) -> None:
        if self.services is not None:
            self._search(self._query, quiet=True)

    def watch_state(self, state: State) -> None:
        shown = notice(state, self._demo)
        if not isinstance(state, Searching):
            self.set_class(shown is not None, "-noticed")
            self._tell_result()
            self._offer_keys(state)
        if shown is not None:
            self.query_one("#notice", Static).update(shown)
        elif self.focused is None:
            self.memory_list.focus()

    @on(MemoryList.MarksChanged)
    def _tell_result(self) -> None:
        self.search_bar.result_line = result_line(self.state, len(self.memory_list.marked))

    def _offer_keys(self, state: State) -> None:
        """Draws the footer anew only when other keys work: that takes longer than a search."""
        standing = (type(state), isinstance(state, Loaded) and state.total > 0)
        if standing != self._keys_for:
            self._keys_for = standing
            self.refresh_bindings()

    # what is asked

    @on(SearchBar.Changed)
    def ask_while_typing(self) -> None:
        self.ask(rest=_TYPING)

    @on(SearchBar.ModeChanged)
    def ask_in_other_mode(self) -> None:
        self.ask()

    @on(FacetPanel.Toggled)
    def narrow(self, event: FacetPanel.Toggled) -> None:
        self.search_bar.set_text(toggled(self.search_bar.text, event.kind, event.value))

    def ask(self, rest: float = 0.0) -> None:
        """Reads the search box and asks; text that cannot be understood is marked and asks nothing."""
        bar = self.search_bar
        try:
            query = parse_query(bar.text, now=self._clock(), mode=bar.mode)
        except QuerySyntaxError as error:
            self._point_at(error, bar.text)
            return
        bar.error = None
        self._query = query
        self.facet_panel.active = active(query)
        if self.services is not None:
            self._search(query, rest=rest)

    @work(exclusive=True, group="mistake")
    async def _point_at(self, error: QuerySyntaxError, raw: str) -> None:
        """Marks what cannot be understood, once the person rests: half of an operator is no mistake yet."""
        await asyncio.sleep(_THINKING)
        if self.search_bar.text == raw:
            self.search_bar.error = error

    @work(exclusive=True, group="search")
    async def _search(self, query: Query, *, rest: float = 0.0, quiet: bool = False) -> None:
        await asyncio.sleep(rest)
        if not quiet:
            self.state = Searching(query)
        slow = self.set_timer(_SLOW, self._say_slow)
        try:
            await (self._rank(query) if query.ranked else self._list(query))
        except MemoriaError as error:
            self.state = Failed(error)
        else:
            self._count(query)
        finally:
            slow.stop()

    def _say_slow(self) -> None:
        self.search_bar.result_line = "searching …"

    async def _rank(self, query: Query) -> None:
        result = await self._services.search.search(query)
        if result.query != self._query:
            return
        self._listing = None
        self.memory_list.show_hits(result.hits, query, empty="Nothing fits.")
        self.state = Loaded(query, result.total, result.took_ms, result.notices)

    async def _list(self, query: Query) -> None:
        started = self._clock()
        listing = await self._services.search.listing(query)
        first = await listing.page(0, PAGE) if listing.total else ()
        if query != self._query:
            return
        self._listing = listing
        listing.corrected = self.changed
        self.memory_list.show_listing(listing.total, query, first=first, empty="Nothing fits.")
        self.state = Loaded(query, listing.total, (self._clock() - started) / _MILLISECOND)

    @work(exclusive=True, group="facets")
    async def _count(self, query: Query) -> None:
        try:
            facets = await self._services.search.facets(query)
        except MemoriaError:
            facets = Facets()
        if query == self._query:
            self.facet_panel.facets = facets

    @on(MemoryList.PageWanted)
    def fetch_page(self, event: MemoryList.PageWanted) -> None:
        if self._listing is not None:
            self._page(self._listing, event.offset, event.limit)

    @work(group="pages")
    async def _page(self, listing: Listing, offset: int, limit: int) -> None:
        try:
            hits = await listing.page(offset, limit)
        except MemoriaError as error:
            self.state = Failed(error)
            return
        if listing is self._listing:
            self.memory_list.put_page(offset, hits)

    @on(SearchBar.CompletionWanted)
    def complete(self, event: SearchBar.CompletionWanted) -> None:
        if self.services is not None:
            self._complete(event.operator, event.prefix)

    @work(exclusive=True, group="completion")
    async def _complete(self, operator: str, prefix: str) -> None:
        self.search_bar.offer(await self.completions(operator, prefix))

    async def completions(self, operator: str, prefix: str) -> tuple[str, ...]:
        """Values in use, most used first; none when the store does not answer: typing goes on."""
        try:
            return await self._services.search.complete(operator, prefix)
        except MemoriaError:
            return ()

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
        memories = self._services.memories
        try:
            relations, history = await asyncio.gather(memories.relations(memory_id), memories.history(memory_id))
        except MemoriaError:
            return  # the text can be read without them, and the top line says which store is away
        if (current := self.memory_list.current) is not None and current.memory.id == memory_id:
            self.preview.show_relations(relations)
            self.preview.show_history(history)

    # what others do

    @work(exclusive=True, group="outside")
    async def _look_outside(self) -> None:
        try:
            latest = await self._services.memories.latest_update()
        except MemoriaError:
            return
        if latest != self._latest and self._latest is not None:
            self.changed()
            await self._warn_editor()
        self._latest = latest

    async def _warn_editor(self) -> None:
        if (base := self.preview.editing) is None:
            return
        try:
            current = await self._services.memories.get(base.id)
        except NotFound:
            self.preview.show_external_change("deleted outside since you opened it")
        except MemoriaError:
            return
        else:
            if current.content != base.content:
                self.preview.show_external_change()
