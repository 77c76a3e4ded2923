"""Runs the app on fake services and waits until nothing moves any more."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from textual import _callback, events, screen
from textual.app import App
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from memoria_tui.app import MemoriaApp
from memoria_tui.keys.typing_ahead import TypingAhead
from memoria_tui.modes.memories.screen import MemoriesScreen
from memoria_tui.setup import LoadDemo
from memoria_tui.user_files.config import DEFAULT_MODE, Config
from tests.tui.fakes import FakeServices, Store, clock
from tests.tui.on_a_terminal import Ready
from tests.tui.passing_time import can_pass, passes
from tests.tui.plain_app import NOTHING_SET, plain_app
from tests.tui.quick import (
    Unseen,
    has_only_to_draw,
    has_to_draw,
    is_moving,
    quick,
    quick_number_of_parameters,
    remembered_handlers,
    remembered_variables,
)

if TYPE_CHECKING:
    from tests.tui.work_world import Desk, WorkDatabases

_PATIENCE = 60.0
"""Seconds after which a test fails since something still moves."""
_FIRST_LOOK, _LOOK = 0.0005, 0.004
"""Seconds between the first two looks at it, and between later ones."""
_REST = 0.6
"""Seconds between keys that are not typed in one go."""
_READ = 0.4
"""Seconds after which a key can answer what is on the screen, and after which another is of no text with it."""
_TURNS = 4
"""Turns of the loop, one after the other, in which nothing moves: what waits for the next turn is no message yet."""


@pytest.fixture(scope="session", autouse=True)
def quick_apps() -> Iterator[None]:
    """Apps draw what a test looks at: frames that nobody saw were a third of their time. No cursor blinks, and what
    the colours of a theme are called is found once. Time passes at once where a test says so.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screen, "Compositor", Unseen)
        patch.setattr(App, "get_css_variables", remembered_variables)
        patch.setattr(MessagePump, "_get_dispatch_methods", remembered_handlers)
        patch.setattr(_callback, "_count_parameters", quick_number_of_parameters)
        for field in (Input, TextArea):
            patch.setattr(vars(field)["cursor_blink"], "_default", False)
        can_pass(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def ready() -> Iterator[None]:
    """Ends what forks apps on terminals."""
    yield
    Ready.end()


@pytest.fixture(scope="session")
def work_databases(postgres_server: str) -> WorkDatabases:
    from tests.tui.work_world import WorkDatabases  # it uses this module

    return WorkDatabases(postgres_server)


@pytest.fixture
def desk(work_databases: WorkDatabases, tmp_path: Path) -> Iterator[Desk]:
    """Work on a database of its own, which the first app makes."""
    from tests.tui.work_world import at_desk

    with at_desk(work_databases, tmp_path) as desk:
        yield desk


def make_app(
    store: Store,
    *,
    mode: str = DEFAULT_MODE,
    config: Config = NOTHING_SET,
    load_demo: LoadDemo | None = None,
    drafts: Path | None = None,
) -> MemoriaApp:
    """The app on a fake store, at a time that stands still; it opens with this mode."""
    services, config = FakeServices(store), replace(config, mode=mode)
    return quick(plain_app(services.opened, config=config, load_demo=load_demo, clock=clock, drafts=drafts))


@asynccontextmanager
async def running(
    store: Store,
    *,
    size: tuple[int, int] = (120, 40),
    mode: str = DEFAULT_MODE,
    config: Config = NOTHING_SET,
    load_demo: LoadDemo | None = None,
    drafts: Path | None = None,
) -> AsyncIterator[Pilot[None]]:
    """A running app that has shown what it has."""
    app = make_app(store, mode=mode, config=config, load_demo=load_demo, drafts=drafts)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        yield pilot
        draw_each(app)


def draw(app: App[None]) -> None:
    """Draws the whole screen."""
    app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)


def draw_each(app: App[None]) -> None:
    """Draws all that is on the screen without putting it together, which fails where a widget cannot be drawn."""
    for widget in app.screen._compositor.visible_widgets:
        for line in range(widget.size.height):
            widget.render_line(line)


async def settle(pilot: Pilot[None]) -> None:
    """Waits until no worker runs, no message waits and all is drawn.

    It looks at what is under way; `Pilot.pause` sends a message through every widget, and sees less.
    """
    app, still, look = pilot.app, 0, _FIRST_LOOK
    try:
        async with asyncio.timeout(_PATIENCE):
            while still < _TURNS:
                if app._exception is not None:
                    raise app._exception
                if not is_moving(app):
                    still += 1
                    await asyncio.sleep(0)
                    continue
                if has_only_to_draw(app):
                    app.screen._on_timer_update()
                still = 0
                await asyncio.sleep(look)
                look = min(2 * look, _LOOK)
    except TimeoutError:
        raise AssertionError(f"not settled: {_what_moves(app)}") from None


def _what_moves(app: App[None]) -> str:
    """What a test waited for in vain."""
    keys = app._next_wait if isinstance(app, TypingAhead) and app.keys_under_way else None
    workers = [f"{one.group} {one.name}" for one in app.workers if not one.is_finished]
    return (
        f"keys wait for {keys.what if keys else None}, workers {workers}, {app.screen_stack}, draws {has_to_draw(app)}"
    )


async def until(pilot: Pilot[None], reached: Callable[[], bool]) -> None:
    """Waits for what may come before all is settled, or only after that."""
    async with asyncio.timeout(_PATIENCE):
        while not reached():
            if pilot.app._exception is not None:
                raise pilot.app._exception
            await asyncio.sleep(_LOOK)


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Presses keys, waiting after each until its effect is there; «=text» pastes a text, «…» is a rest."""
    for key in keys:
        if key == "…":
            await passes(_REST)
            await settle(pilot)
        elif key.startswith("="):
            await type_text(pilot, key[1:])
        elif getattr(pilot.app.screen, "QUESTION", False):
            await answer(pilot, key)
            await settle(pilot)
        else:
            pilot.app.post_message(key_event(key))
            await settle(pilot)


async def answer(pilot: Pilot[None], key: str) -> None:
    """Presses a key on a question that was read, and nothing behind it; its effect is not waited for."""
    await passes(2 * _READ)
    event = key_event(key)
    event.time -= _READ
    pilot.app.post_message(event)


def type_at_once(pilot: Pilot[None], *keys: str) -> None:
    """Keys that come at one moment, however long it takes to send them; their effect is not waited for."""
    together = [key_event(key) for key in keys]
    for event in together:
        event.time = together[0].time
        pilot.app.post_message(event)


def key_event(key: str) -> events.Key:
    """The event of a key, named as for `Pilot.press`."""
    name = _character_to_key(key) if len(key) == 1 and not key.isalnum() else key
    character: str | None
    try:
        character = unicodedata.lookup(_get_unicode_name_from_key(REPLACED_KEYS.get(name, name)))
    except KeyError:
        character = name if len(name) == 1 else None
    return events.Key(name, character)


async def type_text(pilot: Pilot[None], text: str) -> None:
    """Pastes a text into what has the focus."""
    pilot.app.post_message(events.Paste(text))
    await settle(pilot)


def keys(*names: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """For `snap_compare`: settles, presses keys, settles, also after a drawing: only that tells some widgets how high
    they are.
    """

    async def before(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await press(pilot, *names)
        draw(pilot.app)
        await settle(pilot)

    return before


async def poll_status(pilot: Pilot[None]) -> None:
    """Has the app ask how the stores are, as it does every few seconds."""
    assert isinstance(pilot.app, MemoriaApp)
    pilot.app.background.work_changed()
    await settle(pilot)


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
