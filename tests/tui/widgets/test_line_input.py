"""Inputs of one line."""

from __future__ import annotations

from textual.app import App, ComposeResult

from memoria_tui.widgets.line_input import LineInput


async def test_a_hint_without_room_ends_in_an_ellipsis_and_stays_whole_for_more_room() -> None:
    class Form(App[None]):
        def compose(self) -> ComposeResult:
            yield LineInput(placeholder="hours to work; empty: five days", compact=True)

    async with Form().run_test(size=(20, 3)) as pilot:
        line = pilot.app.query_one(LineInput)
        shown = line.render_line(0).text.rstrip()
        assert shown.startswith("hours to work;")
        assert shown.endswith("…")
        assert line.placeholder == "hours to work; empty: five days"
