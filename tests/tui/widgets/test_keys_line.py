"""The keys of a dialog take several lines where they must, and none is parted from what it does."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from memoria_tui.widgets.keys_line import KeysLine

KEYS = (("enter", "accept"), ("t", "as another type"), ("u", "undo"), ("esc", "close"))


class Shown(App[None]):
    def compose(self) -> ComposeResult:
        yield KeysLine(KEYS, 2)


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (60, ["enter accept  t as another type  u undo  esc close"]),
        (40, ["enter accept  t as another type  u undo", "esc close"]),
        (33, ["enter accept  t as another type", "u undo  esc close"]),
    ],
)
async def test_a_key_stays_in_the_line_of_what_it_does(width: int, lines: list[str]) -> None:
    app = Shown()
    async with app.run_test(size=(width, 5)):
        keys = app.query_one(KeysLine)
        assert str(keys.render()).split("\n") == lines
        assert keys.size.height == len(lines)
