"""Text areas: what is typed and taken back stays the text, however long it is."""

from __future__ import annotations

import pytest
from textual import events

from memoria_tui.widgets.memory_editor import SafeTextArea
from tests.tui.widgets.scene import Scene, lines

_UNDO, _REDO = "ctrl+z", "ctrl+y"
_LONG = "\n".join(f"pasted {number}" for number in range(40))


@pytest.mark.parametrize(
    ("presses", "text", "cursor"),
    [
        ([_UNDO], "words ", (0, 6)),
        ([_UNDO, _REDO], f"words {_LONG}", (39, 9)),
        (["f7", "backspace", _UNDO, _UNDO], "words ", (0, 6)),
        (["f7", "backspace", _UNDO, _REDO], "", (0, 0)),
    ],
    ids=lambda it: "-".join(it) if isinstance(it, list) else "",
)
async def test_a_paste_by_which_the_field_scrolls_is_undone_and_redone(
    presses: list[str], text: str, cursor: tuple[int, int]
) -> None:
    area = SafeTextArea("words ")
    async with Scene(area).open(height=10) as pilot:
        area.focus()
        area.post_message(events.Paste(_LONG))
        await pilot.pause()
        assert area.show_vertical_scrollbar
        await pilot.press(*presses)
        await pilot.pause()
        assert (area.text, area.cursor_location) == (text, cursor)
        assert area.show_vertical_scrollbar is ("\n" in text)


class PaintedFirst(SafeTextArea):
    """Is painted at its new size before it knows of it, as on a terminal."""

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Resize):
            lines(self.app)
        await super().on_event(event)


async def test_a_text_is_drawn_anew_where_another_width_wraps_it_into_as_many_lines() -> None:
    area = PaintedFirst("one two three four five six", compact=True)
    async with Scene(area).open(width=27, height=6) as pilot:
        for width, wrapped in ((17, "one two three\nfour five six"), (27, "one two three four five\nsix")):
            await pilot.resize_terminal(width, 6)
            assert "\n".join(line.strip() for line in lines(pilot.app)).strip() == wrapped
