"""A list of memories of any length: draws only what is seen, asks for pages as they come near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView

from services.model import Hit, Query
from services.ports import Clock


class MemoryList(ScrollView, can_focus=True):
    """Two lines a memory, ranked or paged, with a cursor and marks."""

    cursor: reactive[int] = reactive(0)
    marked: reactive[frozenset[str]] = reactive(frozenset)

    @dataclass
    class PageWanted(Message):
        """These rows will be seen soon; answer with `put_page`."""

        offset: int
        limit: int

    @dataclass
    class Highlighted(Message):
        """The cursor stands on another memory (or on none)."""

        hit: Hit | None

    @dataclass
    class Selected(Message):
        """Enter or a second click on the current memory."""

        hit: Hit

    @dataclass
    class MarksChanged(Message):
        """Other memories are marked."""

        marked: frozenset[str]

    def __init__(self, clock: Clock, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._clock = clock

    @property
    def total(self) -> int:
        """Rows, loaded or not."""
        return 0

    @property
    def current(self) -> Hit | None:
        """The memory under the cursor; None while it is not loaded."""
        return None

    def show_hits(self, hits: Sequence[Hit], query: Query, *, empty: str = "") -> None:
        """Shows ranked hits; `empty` is said when there are none."""

    def show_listing(self, total: int, query: Query, *, first: Sequence[Hit] = (), empty: str = "") -> None:
        """Shows a plain list of `total` rows, whose first rows may be given at once; the others are asked for.

        The same query again is a refresh: the cursor stays on its memory and the memory on its line.
        """

    def put_page(self, offset: int, hits: Sequence[Hit]) -> None:
        """Fills rows from `offset` on."""

    def mark_all(self, ids: frozenset[str]) -> None:
        """Marks exactly these."""

    def hits(self) -> tuple[Hit, ...]:
        """All loaded rows in order."""
        return ()
