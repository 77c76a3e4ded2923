"""Reading a memory over the whole width, following what leads further, and the way back."""

from __future__ import annotations

from textual.pilot import Pilot

from services.model import Relation, RelationType
from tests.tui.conftest import press, running, screen_of, settle, titles, toasts, type_at_once, until
from tests.tui.fakes import Store, filled, memory_id


def linked() -> Store:
    """Two memories are related; the one from which the relation starts is the second one in the list."""
    store = filled()
    store.relations = [Relation("r", memory_id(1), memory_id(4), RelationType.FIXES)]
    return store


def read(pilot: Pilot[None]) -> str:
    """The id of the memory that is read over the whole width, "" for none."""
    place = screen_of(pilot).place
    return place.memory_id if place is not None else ""


async def test_enter_reads_over_the_whole_width_and_esc_goes_back_to_where_one_was() -> None:
    async with running(linked()) as pilot:
        screen = screen_of(pilot)
        await press(pilot, "down", "enter")
        assert read(pilot) == memory_id(1)
        assert screen.preview.region.width == 120
        await press(pilot, "escape")
        assert read(pilot) == ""
        assert screen.memory_list.has_focus
        assert screen.memory_list.cursor == 1


async def test_what_is_related_is_followed_and_back_and_forward_lead_through_all_modes() -> None:
    async with running(linked()) as pilot:
        screen = screen_of(pilot)
        await press(pilot, "slash", "=JWT", "enter", "enter", "shift+tab", "enter")
        assert read(pilot) == memory_id(4)
        await press(pilot, "ctrl+g")
        assert pilot.app.current_mode == "graph"
        await press(pilot, "alt+left")
        assert (pilot.app.current_mode, read(pilot)) == ("memories", memory_id(4))
        await press(pilot, "escape", "slash", "ctrl+u", "=deploy", "enter")
        assert "JWT" not in "".join(titles(pilot))
        await press(pilot, "alt+left", "alt+left")
        assert (read(pilot), screen.search_bar.text) == (memory_id(1), "JWT")
        await press(pilot, "alt+left")
        assert toasts(pilot)[-1] == "Nothing was read before this"
        await press(pilot, "alt+right", "alt+right")
        assert pilot.app.current_mode == "graph"


async def test_a_tag_that_is_followed_is_searched_for_and_back_and_forward_lead_to_it_too() -> None:
    async with running(linked()) as pilot:
        screen = screen_of(pilot)
        await press(pilot, "down", "enter", "tab", "tab", "enter")
        assert screen.search_bar.text == "tag:auth"
        assert (read(pilot), screen.memory_list.has_focus) == ("", True)
        await press(pilot, "alt+left")
        assert (read(pilot), screen.search_bar.text) == (memory_id(1), "")
        await press(pilot, "alt+right")
        assert (read(pilot), screen.search_bar.text, screen.memory_list.has_focus) == ("", "tag:auth", True)
        await press(pilot, "escape", "3", *["tab"] * 4, "enter")
        assert (pilot.app.current_mode, screen.search_bar.text) == ("memories", "tag:auth")
        await press(pilot, "alt+left")
        assert pilot.app.current_mode == "graph"
        await press(pilot, "alt+right")
        assert (pilot.app.current_mode, screen.search_bar.text) == ("memories", "tag:auth")


async def test_keys_act_on_what_is_read_and_not_on_what_is_under_the_cursor_or_marked() -> None:
    store = linked()
    async with running(store) as pilot:
        await press(pilot, "end", "space", "home", "down", "enter", "shift+tab", "enter", "d")
        assert list(store.trash) == [memory_id(4)]
        assert read(pilot) == ""


async def test_what_is_read_is_edited_at_its_place_and_shown_as_it_was_saved() -> None:
    store = linked()
    async with running(store) as pilot:
        await press(pilot, "down", "enter", "e", "=New ", "ctrl+s")
        assert read(pilot) == memory_id(1)
        shown = screen_of(pilot).preview.shown
        assert shown is not None
        assert shown.content == store.memories[memory_id(1)].content
        assert shown.content.startswith("New ")
        assert screen_of(pilot).preview.page.has_focus


async def test_keys_typed_behind_a_link_act_on_what_it_leads_to() -> None:
    store = linked()
    async with running(store) as pilot:
        await press(pilot, "down", "enter", "shift+tab")
        type_at_once(pilot, "enter", "d")
        await until(pilot, lambda: bool(store.trash))
        await settle(pilot)
        assert list(store.trash) == [memory_id(4)]
