"""Inputs of one line."""

from __future__ import annotations

from textual import events
from textual.app import App, ComposeResult

from memoria_tui.widgets.line_input import LONGEST, LineInput


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


async def test_what_is_far_too_long_for_a_line_is_not_pasted_and_the_line_stays() -> None:
    class Form(App[None]):
        def compose(self) -> ComposeResult:
            yield LineInput("typed")

    async with Form().run_test(size=(80, 8)) as pilot:
        line = pilot.app.query_one(LineInput)
        for text in ("x" * (LONGEST + 1), " more"):
            line.focus()
            line.action_end()
            line.post_message(events.Paste(text))
            await pilot.pause()
        assert line.value == "typedmore"
        assert [one.message for one in pilot.app._notifications] == [
            "Not pasted: 10,001 characters, and a line takes 10,000"
        ]
