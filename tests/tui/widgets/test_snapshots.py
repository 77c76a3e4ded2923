"""What the widgets look like: empty, loaded, with odd text, and in little room."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from memoria_tui.widgets.facets import FacetPanel
from memoria_tui.widgets.header import StatusHeader
from memoria_tui.widgets.memory_list import MemoryList
from memoria_tui.widgets.preview import Preview
from memoria_tui.widgets.search_bar import SearchBar
from services.errors import QuerySyntaxError
from services.model import Hit, Query, StatusSnapshot
from services.search.query import operators
from tests.tui.passing_time import passes
from tests.tui.widgets.scene import (
    FACETS,
    HISTORY,
    HITS,
    JWT,
    ODD,
    QUERY,
    RELATIONS,
    STORES,
    Scene,
    clock,
    eventually,
    lines,
)
from tests.tui.widgets.test_header import FIX, REVIEW

Compare = Callable[..., bool]


async def settled(pilot: Pilot[None]) -> None:
    """Waits until the screen has stopped changing."""
    before: list[str] = []
    for _ in range(50):
        await passes(0.1)
        await pilot.pause()
        if lines(pilot.app) == before:
            return
        before = lines(pilot.app)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_list_of_hits(snap_compare: Compare, width: int) -> None:
    async def load(pilot: Pilot[None]) -> None:
        listed = pilot.app.query_one(MemoryList)
        listed.show_listing(len(HITS), QUERY, first=HITS)
        listed.mark_all({HITS[1].memory.id})
        listed.focus()
        await settled(pilot)

    assert snap_compare(Scene(MemoryList(clock)), run_before=load, terminal_size=(width, 16))


def test_plain_list_with_rows_to_come(snap_compare: Compare) -> None:
    async def load(pilot: Pilot[None]) -> None:
        pilot.app.query_one(MemoryList).show_listing(100_000, Query(), first=HITS[:3])
        await settled(pilot)

    assert snap_compare(Scene(MemoryList(clock)), run_before=load, terminal_size=(80, 16))


def test_list_without_hits(snap_compare: Compare) -> None:
    async def load(pilot: Pilot[None]) -> None:
        pilot.app.query_one(MemoryList).show_listing(0, QUERY)
        await settled(pilot)

    assert snap_compare(Scene(MemoryList(clock)), run_before=load, terminal_size=(80, 8))


@pytest.mark.parametrize("hit", [Hit(JWT), Hit(ODD), None], ids=["loaded", "odd", "empty"])
def test_preview(snap_compare: Compare, hit: Hit | None) -> None:
    async def load(pilot: Pilot[None]) -> None:
        preview = pilot.app.query_one(Preview)
        preview.show(hit)
        if hit is not None:
            preview.show_details(RELATIONS, HISTORY)
            await eventually(pilot, "ttl = 900" if hit.memory == JWT else "html")
        await settled(pilot)

    assert snap_compare(Scene(Preview(clock)), run_before=load, terminal_size=(60, 40))


def test_preview_editing(snap_compare: Compare) -> None:
    async def load(pilot: Pilot[None]) -> None:
        preview = pilot.app.query_one(Preview)
        preview.begin_edit(ODD)
        preview.show_external_change()
        await settled(pilot)

    assert snap_compare(Scene(Preview(clock)), run_before=load, terminal_size=(60, 16))


def test_facets(snap_compare: Compare) -> None:
    async def load(pilot: Pilot[None]) -> None:
        panel = pilot.app.query_one(FacetPanel)
        panel.facets, panel.active = FACETS, frozenset({("tag", "auth")})
        panel.focus()
        await settled(pilot)

    assert snap_compare(Scene(FacetPanel()), run_before=load, terminal_size=(40, 20))


@pytest.mark.parametrize("state", ["empty", "completing", "wrong"])
def test_search_bar(snap_compare: Compare, state: str) -> None:
    async def load(pilot: Pilot[None]) -> None:
        bar = pilot.app.query_one(SearchBar)
        bar.focus()
        bar.result_line = "hybrid · 38 hits · 21 ms"
        if state == "completing":
            await pilot.press(*"tokens type:")
        elif state == "wrong":
            bar.set_text("tokens importance:9")
            await pilot.pause()
            bar.error = QuerySyntaxError("importance goes from 0 to 1", 7, 19)
        await settled(pilot)

    assert snap_compare(Scene(SearchBar(operators())), run_before=load, terminal_size=(80, 10))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_header(snap_compare: Compare, width: int) -> None:
    async def load(pilot: Pilot[None]) -> None:
        top = pilot.app.query_one(StatusHeader)
        top.status = StatusSnapshot(STORES, 3, sessions=(FIX, REVIEW))
        await settled(pilot)

    assert snap_compare(Scene(StatusHeader(clock, "embedded")), run_before=load, terminal_size=(width, 3))
