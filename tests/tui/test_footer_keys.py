"""Every key that a mode's footer offers does something there."""

from __future__ import annotations

from textual.app import App
from textual.pilot import Pilot

from memoria_tui.app import MemoriaApp
from memoria_tui.widgets.footer import KeysFooter
from tests.tui.conftest import make_app, press, settle, toasts
from tests.tui.fakes import clock
from tests.tui.health_fakes import HealthServices
from tests.tui.quick import quick
from tests.tui.test_graph_snapshots import woven
from tests.tui.test_resize import shown


def offered(app: App[None]) -> list[str]:
    """Keys in the footer but that which ends the app, and that which asks the stores again and finds the same."""
    footer = app.screen.query_one(KeysFooter)
    return [one.key for one in (*footer.at_hand, *footer.always) if one.enabled and one.key not in ("ctrl+q", "r")]


async def dead_keys(pilot: Pilot[None], mode: str, *first: str) -> list[str]:
    """Keys of the footer of a mode that change nothing that can be seen; `first` are pressed before each."""
    app, dead = pilot.app, []
    await _back(pilot, mode, *first)
    for key in offered(app):
        before = (shown(app), app.screen, app.focused, toasts(pilot))
        await press(pilot, key)
        if (shown(app), app.screen, app.focused, toasts(pilot)) == before:
            dead.append(key)
        else:
            await _back(pilot, mode, *first)
    return dead


async def _back(pilot: Pilot[None], mode: str, *first: str) -> None:
    """Leaves what a key opened."""
    app = pilot.app
    while len(app.screen_stack) > 1:
        app.screen.dismiss(None)
        await settle(pilot)
    await press(pilot, "escape", mode, *first)
    app.clear_notifications()
    await settle(pilot)


async def test_no_key_in_the_footer_of_memories_and_the_graph_is_dead() -> None:
    async with make_app(woven()).run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        assert (await dead_keys(pilot, "1"), await dead_keys(pilot, "3", "down")) == ([], [])


async def test_no_key_in_the_footer_of_health_is_dead() -> None:
    app = quick(MemoriaApp(HealthServices().opened, clock=clock))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        assert await dead_keys(pilot, "6") == []
