"""The line of keys says what is at hand, and is made anew only when that is something else."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.widgets import Button
from textual.widgets._footer import FooterKey

from memoria_tui.widgets.footer import KeysFooter
from tests.tui.conftest import settle
from tests.tui.quick import quick


class Opener(Button):
    BINDINGS = [Binding("o", "open", "Open")]


class Keys(App[None]):
    """Two buttons that can do the same, and one that can do nothing."""

    BINDINGS = [Binding("q", "quit", "Quit")]

    def compose(self) -> ComposeResult:
        yield Opener(id="one")
        yield Opener(id="other")
        yield Button(id="none")
        yield KeysFooter()

    def keys(self) -> list[FooterKey]:
        return list(self.query(FooterKey))


async def test_keys_are_made_anew_only_when_they_are_others() -> None:
    app = quick(Keys())
    async with app.run_test() as pilot:
        said = {}
        for name in ("one", "other", "none"):
            app.query_one(f"#{name}").focus()
            await settle(pilot)
            said[name] = app.keys()
    assert [key.description for key in said["one"]] == ["Open", "Quit"]
    assert said["other"] == said["one"]
    assert [key.description for key in said["none"]] == ["Quit"]
