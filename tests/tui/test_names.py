"""Fields in which a name is typed: what is in use is offered, what is typed is kept, what is new is said to be new."""

from __future__ import annotations

from dataclasses import replace

from textual.pilot import Pilot
from textual.widgets import Input, Select, Static

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.line_prompt import PromptDialog
from memoria_tui.widgets.line_input import Completions
from services.errors import StoreUnavailable
from services.model import MemoryType
from tests.tui.conftest import press, running, screen_of, toasts
from tests.tui.fakes import Store, filled, memory_id

NEWEST = memory_id(7)


def portal() -> Store:
    """A store in which a project «portal» and a tag «incident» are in use."""
    store = filled()
    for number in (1, 2, 3):
        one = store.memories[memory_id(number)]
        store.memories[one.id] = replace(one, project="portal", tags=("incident",))
    return store


def offered(pilot: Pilot[None]) -> str:
    """What the list under the field says; "" while it is closed."""
    lists = [one for one in pilot.app.screen.query(Completions) if one.display]
    return "\n".join(str(one.render()) for one in lists)


def hint(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one("#hint", Static).render())


async def test_a_name_that_begins_as_one_in_use_is_kept_as_it_is_typed_and_said_to_be_new() -> None:
    store = portal()
    async with running(store) as pilot:
        await press(pilot, "equals_sign", "p", "ctrl+u", "p", "o", "r")
        assert "portal  3" in offered(pilot)
        assert "→ takes portal" in offered(pilot)
        assert "enter keeps por" in offered(pilot)
        assert "new project por" in hint(pilot)
        await press(pilot, "enter")
        assert store.memories[NEWEST].project == "por"


async def test_what_the_arrows_choose_is_taken_and_then_saved_with_enter() -> None:
    store = portal()
    project = store.memories[NEWEST].project
    async with running(store) as pilot:
        for keys in (("down", "enter"), ("down", "tab"), ("down", "right"), ("right",), ("up", "enter")):
            await press(pilot, "equals_sign", "p", "ctrl+u", "p", "o", "r", *keys)
            assert isinstance(pilot.app.screen, PromptDialog), keys
            assert pilot.app.screen.query_one(Input).value == "portal", keys
            assert "new" not in hint(pilot), keys
            assert not offered(pilot), keys
            await press(pilot, "enter")
            assert store.memories[NEWEST].project == "portal", keys
            await press(pilot, "u")
            assert store.memories[NEWEST].project == project, keys


async def test_down_on_an_empty_field_offers_the_most_used_and_escape_closes_the_list_before_the_dialog() -> None:
    async with running(portal()) as pilot:
        await press(pilot, "equals_sign", "p", "ctrl+u", "down")
        assert offered(pilot).lstrip().startswith("portal   3")
        await press(pilot, "escape")
        assert not offered(pilot)
        assert isinstance(pilot.app.screen, Dialog)
        await press(pilot, "escape", "ctrl+d")
        assert not isinstance(pilot.app.screen, Dialog)


async def test_the_last_of_several_tags_is_completed_and_each_new_one_is_named() -> None:
    store = portal()
    async with running(store) as pilot:
        await press(pilot, "t", "=urgent, inc")
        assert "incident  3" in offered(pilot)
        assert hint(pilot) == "new tags urgent, inc"
        await press(pilot, "right")
        assert hint(pilot) == "new tag urgent"
        await press(pilot, "enter", "ctrl+s")
        assert store.memories[NEWEST].tags == ("postgres", "urgent", "incident")


async def test_a_new_memory_names_the_new_tags_and_project_and_enter_goes_on_from_its_type() -> None:
    store = portal()
    async with running(store) as pilot:
        await press(pilot, "n", "=text", "tab", "enter")
        assert pilot.app.focused is pilot.app.screen.query_one("#project")
        await press(pilot, "shift+tab", "space", "down", "enter")
        assert pilot.app.screen.query_one(Select).value is MemoryType.EPISODIC
        await press(pilot, "tab", "=por", "tab", "=inc, incident")
        assert hint(pilot) == "new project por · new tag inc"
        await press(pilot, "ctrl+s")
        made = next(one for one in store.memories.values() if one.content == "text")
        assert (made.project, made.tags, made.type) == ("por", ("inc", "incident"), MemoryType.EPISODIC)


async def test_a_store_that_does_not_answer_leaves_the_field_a_plain_one() -> None:
    store = portal()
    async with running(store) as pilot:
        store.failure = StoreUnavailable("no answer")
        await press(pilot, "equals_sign", "p")
        store.failure = None
        await press(pilot, "=mobile", "down")
        assert not offered(pilot)
        assert "new" not in hint(pilot)
        await press(pilot, "enter")
        assert store.memories[NEWEST].project == "mobile"


async def test_a_memory_that_another_program_deleted_is_told_by_its_title() -> None:
    store = filled()
    async with running(store) as pilot:
        del store.memories[NEWEST]
        await press(pilot, "e")
        assert toasts(pilot) == ['There is no memory "Postgres autovacuum needs a lower s…"']


async def test_a_text_too_long_to_edit_here_offers_the_editor_and_no_save() -> None:
    store = filled()
    store.memories[NEWEST] = replace(store.memories[NEWEST], content="word " * 20_000)
    async with running(store) as pilot:
        await press(pilot, "e")
        assert screen_of(pilot).preview.editing is not None
        keys = [binding.binding.description for binding in pilot.app.screen.active_bindings.values()]
        assert "$EDITOR" in keys
        assert "Save" not in keys
        said = str(screen_of(pilot).preview.query_one("#preview-hint", Static).render())
        assert said == "ctrl+e $EDITOR · esc back"
