"""Runs the app on fake services and waits until nothing moves any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from memoria_tui.app import MemoriaApp
from memoria_tui.config import Config
from memoria_tui.screens.memories import MemoriesScreen
from memoria_tui.screens.memories_files import LoadDemo
from tests.tui.fakes import FakeServices, Store, clock

_WAITING_FOR_A_PERSON = {"dialog", "live"}
"""Worker groups that may go on while everything is settled: they wait for a person, or for others who write."""


def make_app(store: Store, *, config: Config | None = None, load_demo: LoadDemo | None = None) -> MemoriaApp:
    """The app on a fake store, at a time that stands still."""
    services = FakeServices(store)
    return MemoriaApp(services.opened, config=config, load_demo=load_demo, clock=clock)


@asynccontextmanager
async def running(
    store: Store,
    *,
    size: tuple[int, int] = (120, 40),
    config: Config | None = None,
    load_demo: LoadDemo | None = None,
) -> AsyncIterator[Pilot[None]]:
    """A running app that has shown what it has."""
    app = make_app(store, config=config, load_demo=load_demo)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        yield pilot


async def settle(pilot: Pilot[None]) -> None:
    """Waits until no worker runs and no message waits; cursors stop blinking."""
    for _ in range(200):
        await pilot.pause()
        busy = [one for one in pilot.app.workers if not one.is_finished and one.group not in _WAITING_FOR_A_PERSON]
        if not busy and not getattr(pilot.app, "keys_under_way", False):
            break
        await asyncio.sleep(0.01)
    for field in pilot.app.screen.query("Input, TextArea").results():
        if isinstance(field, Input | TextArea):
            field.cursor_blink = False
    await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Presses keys, waiting after each until its effect is there; «=text» pastes a text."""
    for key in keys:
        if key.startswith("="):
            await type_text(pilot, key[1:])
        else:
            await pilot.press(key)
            await settle(pilot)


async def type_text(pilot: Pilot[None], text: str) -> None:
    """Pastes a text into what has the focus."""
    pilot.app.post_message(events.Paste(text))
    await settle(pilot)


def keys(*names: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """For `snap_compare`: settles, presses keys, settles."""

    async def before(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await press(pilot, *names)

    return before


def screen_of(pilot: Pilot[None]) -> MemoriesScreen:
    """The Memories screen, also under a dialog."""
    screen = pilot.app.screen_stack[0]
    assert isinstance(screen, MemoriesScreen)
    return screen


def titles(pilot: Pilot[None]) -> list[str]:
    """First lines of the memories in the list."""
    return [hit.memory.title for hit in screen_of(pilot).memory_list.hits()]


def toasts(pilot: Pilot[None]) -> list[str]:
    """What the toasts say, oldest first."""
    return [toast.message for toast in pilot.app._notifications]
