"""Tags and projects of all memories: renamed, merged and deleted by keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.widgets import Static

from memoria_tui.dialogs.tags_and_projects import NamesDialog
from memoria_tui.widgets.keys_line import KeysLine
from services.curation.curation_values import Naming
from services.errors import StoreUnavailable
from services.model import FacetCount
from tests.tui.conftest import keys, make_app, press, running, settle, type_at_once
from tests.tui.fakes import FakeNames, Store, filled, memory_id

Compare = Callable[..., Any]


def spelled() -> Store:
    """The small team's store, with tags that are spelled in several ways."""
    store = filled()
    for number, tag in ((1, "Auth"), (2, "auths"), (3, "run-book")):
        memory = store.memories[memory_id(number)]
        store.memories[memory.id] = replace(memory, tags=(*memory.tags, tag))
    return store


def tags(store: Store) -> set[str]:
    return {tag for memory in store.memories.values() for tag in memory.tags}


async def test_a_tag_is_renamed_merged_and_deleted_each_with_its_undo() -> None:
    store = spelled()
    async with running(store) as pilot:
        await press(pilot, "number_sign", "slash", "=jwt", "enter", "e")
        pilot.app.screen.query_one("Input").value = "tokens"  # type: ignore[attr-defined]
        await press(pilot, "enter")
        assert "jwt" not in tags(store)
        assert "tokens" in tags(store)
        told = str(pilot.app.screen.query_one("#hint", Static).content)
        assert told.startswith('Renamed "jwt" to "tokens" in')
        await press(pilot, "u", "asterisk", "y")
        assert {"Auth", "auths"}.isdisjoint(tags(store))
        assert "jwt" in tags(store)
        await press(pilot, "u", "slash", "=run-book", "enter", "space", "d", "y")
        assert "run-book" not in tags(store)


async def test_marked_projects_are_merged_into_the_one_that_is_named() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "number_sign", "tab", "space", "space", "M", "enter")
        projects = {one.project for one in store.memories.values() if one.project}
        assert len(projects) == len({one.project for one in filled().memories.values() if one.project}) - 1


async def test_a_tag_becomes_one_with_another_only_when_that_was_said_and_names_are_named_before_they_go() -> None:
    store = spelled()
    async with running(store) as pilot:
        await press(pilot, "number_sign", "slash", "=jwt", "enter", "e", "ctrl+u", "=deploy", "enter")
        assert "jwt" in tags(store)
        assert '"deploy" has 2 memories already' in str(pilot.app.screen.query_one("#hint", Static).content)
        await press(pilot, "enter")
        assert "jwt" not in tags(store)
        await press(pilot, "u", "slash", "=jwt", "enter", "space", "space", "d")
        assert str(pilot.app.screen.query_one("#dialog").border_title) == 'Delete "jwt" and "postgres"?'


async def test_a_name_that_was_typed_stays_until_it_is_written() -> None:
    store = spelled()
    async with running(store) as pilot:
        await press(pilot, "number_sign")
        for key in ("e", "M"):
            await press(pilot, "slash", "ctrl+u", "=jwt", "enter", key, "ctrl+u", "=tokens")
            dialog = pilot.app.screen
            store.failure = StoreUnavailable("Qdrant cannot be reached")
            await press(pilot, "enter")
            assert pilot.app.screen is dialog, key
            assert "jwt" in tags(store), key
            store.failure = None
            await press(pilot, "enter")
            assert "tokens" in tags(store), key
            assert "jwt" not in tags(store), key
            await press(pilot, "u")


async def test_a_key_behind_tab_acts_on_what_is_listed_then() -> None:
    class Slow(FakeNames):
        async def in_use(self, naming: Naming) -> tuple[FacetCount, ...]:
            for _ in range(50):
                await asyncio.sleep(0.001)
            return await super().in_use(naming)

    store = spelled()
    async with running(store) as pilot:
        await press(pilot, "number_sign")
        dialog = pilot.app.screen
        assert isinstance(dialog, NamesDialog)
        dialog._services.names = Slow(store)
        type_at_once(pilot, "tab", "d")
        await settle(pilot)
        first = (await FakeNames(store).in_use(Naming.PROJECT))[0].value
        assert str(pilot.app.screen.query_one("#dialog").border_title) == f'Delete "{first}"?'
        assert "tab tags" in str(dialog.query_one(KeysLine).render())


async def test_tags_still_listed_are_what_keys_change_when_projects_cannot_be_read_and_what_is_gone_is_told() -> None:
    store = spelled()
    async with running(store) as pilot:
        await press(pilot, "number_sign", "slash", "=jwt", "enter")
        store.failure = StoreUnavailable("Qdrant cannot be reached")
        await press(pilot, "tab")
        store.failure = None
        await press(pilot, "d", "y")
        assert "jwt" not in tags(store)
        await press(pilot, "u")
        assert "jwt" in tags(store)
        for one in store.memories.values():
            store.memories[one.id] = replace(one, tags=())
        await press(pilot, "d", "y")
        told = str(pilot.app.screen.query_one("#hint", Static).content)
        assert told == "Nothing was changed: it was so already"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_tags(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(spelled()), terminal_size=size, run_before=keys("number_sign", "space"))


def test_tags_of_a_store_that_is_away(snap_compare: Compare) -> None:
    store = filled()

    async def opened(pilot: Any) -> None:
        await keys()(pilot)
        store.failure = StoreUnavailable("Qdrant at 10.0.0.5:6333 cannot be reached")
        await press(pilot, "number_sign")

    assert snap_compare(make_app(store), terminal_size=(80, 24), run_before=opened)
