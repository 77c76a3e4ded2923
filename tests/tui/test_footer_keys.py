"""Every key that a mode's footer offers does something there."""

from __future__ import annotations

from textual.app import App
from textual.pilot import Pilot

from memoria_tui.app import MemoriaApp
from memoria_tui.widgets.footer import KeysFooter
from tests.tui.conftest import press, settle, toasts
from tests.tui.fakes import clock
from tests.tui.plain_app import plain_app
from tests.tui.quick import quick
from tests.tui.test_resize import everything, shown
from tests.tui.work_world import Desk, two_days


def offered(app: App[None]) -> list[str]:
    """Keys in the footer but that which ends the app, and that which asks the stores again and finds the same."""
    footer = app.screen.query_one(KeysFooter)
    return [one.key for one in (*footer.at_hand, *footer.always) if one.enabled and one.key not in ("ctrl+q", "r")]


async def dead_keys(pilot: Pilot[None], mode: str, *first: str) -> list[str]:
    """Keys of the footer of a mode that change nothing that can be seen; `first` are pressed before each."""
    app, dead = pilot.app, []
    await _back(pilot, mode, *first)
    keys, there = offered(app), app.current_mode
    assert keys
    for key in keys:
        before = (shown(app), app.screen, app.focused, toasts(pilot))
        await press(pilot, key)
        if (shown(app), app.screen, app.focused, toasts(pilot)) == before:
            dead.append(key)
        elif app.current_mode == there:
            await _back(pilot, *first)
        else:
            await _back(pilot, mode, *first)
    return dead


async def _back(pilot: Pilot[None], *first: str) -> None:
    """Leaves what a key opened, and rests: what is typed right behind some keys goes nowhere."""
    app = pilot.app
    assert isinstance(app, MemoriaApp)
    while len(app.screen_stack) > 1:
        app.screen.dismiss(None)
        await settle(pilot)
    app._ignored_until = 0.0
    await press(pilot, "escape", *first)
    app.clear_notifications()
    await settle(pilot)


async def test_no_key_in_a_footer_is_dead() -> None:
    app = quick(plain_app(everything().opened, clock=clock))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        # the inbox last: what its keys decide is decided
        walks = (("1",), ("3", "down"), ("5",), ("6",), ("2",))
        assert {walk: dead for walk in walks if (dead := await dead_keys(pilot, *walk))} == {}


async def test_no_key_in_the_footer_of_work_is_dead(desk: Desk) -> None:
    async with desk.working(two_days, size=(80, 24)) as pilot:
        assert await dead_keys(pilot, "4") == []
