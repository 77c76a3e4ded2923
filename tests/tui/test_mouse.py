"""What can be chosen can be clicked, and what scrolls follows the wheel."""

from __future__ import annotations

from textual import events
from textual.pilot import Pilot
from textual.widget import Widget

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.widgets.line_input import Completions
from memoria_tui.widgets.trail import Trail
from tests.tui.conftest import press, running, screen_of, settle
from tests.tui.fakes import filled, memory_id
from tests.tui.widgets.scene import lines


async def click(pilot: Pilot[None], text: str, inside: Widget | None = None) -> None:
    """Clicks the first place where a text stands on the screen, or inside a widget."""
    where = (inside or pilot.app.screen).region
    rows = [(row, lines(pilot.app)[row][where.x : where.right]) for row in range(where.y, where.bottom)]
    row, column = next((row, where.x + line.index(text)) for row, line in rows if text in line)
    await pilot.click(offset=(column + 1, row))
    await settle(pilot)


async def test_counts_rows_links_and_completions_are_chosen_by_a_click() -> None:
    async with running(filled()) as pilot:
        screen = screen_of(pilot)
        await click(pilot, "runbook", screen.facet_panel)
        assert screen.search_bar.text == "tag:runbook"
        await click(pilot, "Rotate the signing key", screen.memory_list)
        assert screen.place is not None
        await click(pilot, "JWT expiry", screen.preview)
        assert screen.place is not None
        assert screen.place.memory_id == memory_id(1)
        await click(pilot, "#jwt", screen.preview)
        assert screen.search_bar.text == "tag:jwt"
        await press(pilot, "slash", "ctrl+u", "=type:")
        await click(pilot, "procedural", screen.query_one(Completions))
        assert screen.search_bar.text == "type:procedural "


async def test_the_keys_of_a_dialog_are_pressed_by_a_click() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "d", "T")
        for key, marked in (("a mark all", 1), ("space mark", 0)):
            await click(pilot, key)
            assert isinstance(pilot.app.screen, Dialog)
            assert str(pilot.app.screen.query_one("#dialog").border_title).count("1 marked") == marked
        await click(pilot, "esc close")
        assert not isinstance(pilot.app.screen, Dialog)


async def test_the_wheel_scrolls_a_text_and_a_click_goes_back_along_the_trail() -> None:
    store = filled()
    store.memories[memory_id(1)] = store.memories[memory_id(1)].__class__(
        memory_id(1), store.memories[memory_id(1)].type, "word\n\n" * 100
    )
    async with running(store) as pilot:
        screen = screen_of(pilot)
        await press(pilot, "slash", "=word", "enter", "enter")
        page = screen.preview.page
        page.post_message(events.MouseScrollDown(page, 5, 5, 0, 1, 0, False, False, False))
        await settle(pilot)
        assert page.scroll_offset.y > 0
        await press(pilot, "ctrl+g", "down", "enter", "down", "enter")
        steps = pilot.app.screen.query_one(Trail).steps
        assert len(steps) == 3
        await click(pilot, steps[0][:8], pilot.app.screen.query_one(Trail))
        assert pilot.app.screen.query_one(Trail).steps == steps[:1]
