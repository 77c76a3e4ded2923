"""Writing keys twice, as fast as keys arrive, on slow stores: nothing is done twice, lost, out of order or half."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from textual.app import App
from textual.pilot import Pilot

from memoria_tui.app import MemoriaApp
from services.model import RelationType
from tests.tui.conftest import key_event, settle, toasts
from tests.tui.fakes import FakeServices, clock, filled, memory_id
from tests.tui.graph_fakes import suggested
from tests.tui.quick import quick
from tests.tui.slow import Acts, slow_down

_SLOW = 0.15
_PATIENCE = 30.0


@asynccontextmanager
async def slow_app(services: FakeServices, *names: str, mode: str = "1") -> AsyncIterator[tuple[Pilot[None], Acts]]:
    """The app in a mode, on services whose writes take a while."""
    acts = slow_down(services, _SLOW, *names)
    app = quick(MemoriaApp(services.opened, clock=clock))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press(mode)
        await settle(pilot)
        yield pilot, acts


async def hurry(pilot: Pilot[None], *keys: str) -> None:
    """Keys as a hurried person types them, then a look at what became of them."""
    for key in keys:
        pilot.app.post_message(key_event(key))
    await written(pilot)


async def written(pilot: Pilot[None]) -> None:
    """Waits until all is written and shown."""
    app = cast("MemoriaApp", pilot.app)
    deadline = time.monotonic() + _PATIENCE
    await settle(pilot)
    while app.writes.waiting and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
        await settle(pilot)
    await settle(pilot)
    assert not app.writes.waiting


MEMORIES = {
    "d d": ["delete"],
    "space space d d": ["delete"],
    "t t ctrl+s ctrl+s": ["edit_many"],
    "s s t p p": ["edit_many"],
    "s n s n": ["edit_many", "edit_many"],
    "n n ctrl+s ctrl+s": ["create"],
    "e e ctrl+s ctrl+s": ["update"],
    "e x ctrl+s y ctrl+s ctrl+s": ["update"],
    "d u": ["delete", "undo"],
    "d u u": ["delete", "undo"],
    "l 1 f f": ["link_many"],
}
"""Keys → what must be written, no more and no less, in this order."""


@pytest.mark.parametrize("keys", MEMORIES)
async def test_writing_keys_of_memories(keys: str) -> None:
    async with slow_app(FakeServices(filled()), "memories", "graph") as (pilot, acts):
        await hurry(pilot, *keys.split())
        assert acts.done == MEMORIES[keys], toasts(pilot)
        assert acts.most_at_once == 1
        assert_whole(pilot.app)


async def test_what_is_typed_while_a_text_is_saved_stays_in_the_editor() -> None:
    services = FakeServices(filled())
    async with slow_app(services, "memories") as (pilot, acts):
        await hurry(pilot, "e", "x", "ctrl+s", "y")
        screen = pilot.app.screen
        assert acts.done == ["update"]
        assert screen.preview.edited_text.startswith("xyPostgres")  # type: ignore[attr-defined]
        await hurry(pilot, "ctrl+s")
        assert acts.done == ["update", "update"]
        assert sum(one.content.startswith("xyPostgres") for one in services.store.memories.values()) == 1


GRAPH = {
    "x x": ["unlink"],
    "r r enter": ["change"],
    "w 0 enter enter": ["change"],
    "l 1 f f": ["link_many"],
    "s enter enter": ["accept"],
    "s x x": ["reject", "reject"],
    "s enter u": ["accept", "undo"],
    "S enter escape": ["accept"],
}


@pytest.mark.parametrize("keys", GRAPH)
async def test_writing_keys_of_the_graph(keys: str) -> None:
    services = FakeServices(filled())
    known = services.store.memories
    services.suggestions.given = [
        suggested(known[one], known[other], RelationType.RELATED)
        for one in (memory_id(1), memory_id(2), memory_id(3))
        for other in (memory_id(4), memory_id(5))
    ]
    async with slow_app(services, "memories", "graph", "suggestions", mode="2") as (pilot, acts):
        await hurry(pilot, "down", *keys.split())
        assert acts.done in (GRAPH[keys], GRAPH[keys][:1]), toasts(pilot)
        assert acts.most_at_once == 1
        assert_whole(pilot.app)


def assert_whole(app: App[Any]) -> None:
    """Each dialog is there once, and what has the focus is in the one on top."""
    kinds = Counter(type(screen).__name__ for screen in app.screen_stack)
    assert not [name for name, number in kinds.items() if number > 1], kinds
    assert app.screen.is_running
