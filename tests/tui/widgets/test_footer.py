"""The line of keys says what is at hand; a key in it can be clicked, and says more when the mouse is on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import Button

from memoria_tui.widgets.footer import KeysFooter
from tests.tui.conftest import settle
from tests.tui.quick import quick


class Opener(Button):
    BINDINGS = [Binding("o", "open", "Open", tooltip="Open what is behind it")]

    opened = 0
    closed = False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return None if self.closed else True

    def action_open(self) -> None:
        self.opened += 1


class Keys(App[None]):
    """Two buttons that can do the same, and one that can do nothing."""

    BINDINGS = [Binding("q", "quit", "Quit")]

    def compose(self) -> ComposeResult:
        yield Opener(id="one")
        yield Opener(id="other")
        yield Button(id="none")
        yield KeysFooter()

    @property
    def line(self) -> str:
        return self.query_one(KeysFooter).render().plain


@asynccontextmanager
async def keys() -> AsyncIterator[tuple[Keys, Pilot[None]]]:
    app = quick(Keys())
    async with app.run_test(size=(20, 10)) as pilot:
        yield app, pilot


async def test_keys_are_those_of_what_has_the_focus() -> None:
    async with keys() as (app, pilot):
        said = {}
        for name in ("one", "other", "none"):
            app.query_one(f"#{name}").focus()
            await settle(pilot)
            said[name] = app.line
    assert said == {"one": "o Open        q Quit", "other": "o Open        q Quit", "none": "              q Quit"}


async def test_a_key_that_has_no_room_for_its_whole_name_is_not_shown() -> None:
    async with keys() as (app, pilot):
        app.query_one("#one").focus()
        for width in (13, 12):
            await pilot.resize_terminal(width, 10)
            await settle(pilot)
            assert app.line == ("o Open q Quit" if width == 13 else "      q Quit")


async def test_a_click_presses_the_key() -> None:
    async with keys() as (app, pilot):
        opener = app.query_one("#one", Opener)
        opener.focus()
        await settle(pilot)
        for x in (7, 5):
            await pilot.click(KeysFooter, offset=(x, 0))
            await settle(pilot)
        assert opener.opened == 1


async def test_a_key_that_does_nothing_now_is_dim_and_no_click_presses_it() -> None:
    async with keys() as (app, pilot):
        opener = app.query_one("#one", Opener)
        opener.closed = True
        opener.focus()
        await settle(pilot)
        await pilot.click(KeysFooter, offset=(0, 0))
        await settle(pilot)
        assert opener.opened == 0
        (key,) = app.query_one(KeysFooter).at_hand
        assert any(span.style == "dim" for span in key.drawn.spans)
        assert not any(span.style == "dim" for span in replace(key, enabled=True).drawn.spans)


async def test_the_mouse_on_a_key_says_more_of_it() -> None:
    async with keys() as (app, pilot):
        app.query_one("#one").focus()
        await settle(pilot)
        footer = app.query_one(KeysFooter)
        said = []
        for x in (0, 8, 5):
            await pilot.hover(KeysFooter, offset=(x, 0))
            said.append(footer.tooltip)
        assert said == ["Open what is behind it", None, "Open what is behind it"]
