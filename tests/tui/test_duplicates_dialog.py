"""Duplicates: both texts side by side, one key a decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from memoria_tui.dialogs.duplicates import DuplicatesDialog
from services.curation.duplicates import Alike
from services.errors import StoreUnavailable
from services.model import RelationType
from tests.tui.conftest import keys, make_app, press, running
from tests.tui.fakes import Store, filled, memory_id

Compare = Callable[..., Any]
_LONG = "JWT expiry was set to 10 s; tokens died in flight.\nSet it in auth.toml.\nAsk Anna before it is changed again."


def alike() -> Store:
    """The small team's store, with two pairs and one that differs in a fact."""
    store = filled()
    memories = store.memories
    for number, text, like in (
        (21, f"{_LONG}\nSee the runbook.", 1),
        (22, _LONG.replace("Ask Anna", "Ask Priya"), 21),
        (23, memories[memory_id(3)].content.upper(), 3),
    ):
        memories[memory_id(number)] = replace(
            memories[memory_id(like)], id=memory_id(number), content=text, importance=0.3
        )
    store.duplicates = [
        (memory_id(3), memory_id(23), 1.0, Alike.SAME),
        (memory_id(21), memory_id(22), 0.94, Alike.NEAR),
    ]
    return store


def dialog_of(pilot: Pilot[None]) -> DuplicatesDialog:
    dialog = pilot.app.screen
    assert isinstance(dialog, DuplicatesDialog)
    return dialog


async def test_keys_merge_into_either_keep_both_and_supersede_each_with_its_undo() -> None:
    store = alike()
    async with running(store) as pilot:
        await press(pilot, "M", "space", "M")
        assert memory_id(3) in store.trash
        await press(pilot, "u", "M")
        assert memory_id(23) in store.trash
        await press(pilot, "enter")
        assert [one.type for one in store.relations_of(memory_id(22))] == [RelationType.RELATED]
        assert str(dialog_of(pilot).query_one("#scan", Static).content) == "No duplicates"
        await press(pilot, "u", "greater_than_sign")
        assert [one.type for one in store.relations_of(memory_id(22))] == [RelationType.SUPERSEDES]


async def test_a_merge_takes_lines_of_both_as_they_are_edited() -> None:
    store = alike()
    async with running(store) as pilot:
        await press(pilot, "M", "down", "e")
        await press(pilot, "=They agree. ", "ctrl+s")
        text = store.memories[memory_id(21)].content
        assert all(name in text for name in ("They agree. ", "Anna", "Priya", "runbook"))
        assert text.count("auth.toml") == 1


async def test_all_that_need_no_look_are_merged_after_a_preview() -> None:
    store = alike()
    async with running(store) as pilot:
        await press(pilot, "M", "asterisk", "n")
        assert "Merge 2 memories into 2" in str(pilot.app.screen.query_one("#dialog").border_title)
        await press(pilot, "y")
        assert {memory_id(22), memory_id(23)} <= store.trash.keys()


async def test_marked_memories_are_compared_however_little_they_are_alike() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "space", "space", "M", "M")
        assert len(store.trash) == 1
        assert dialog_of(pilot)._pair is None


async def test_what_is_saved_is_told_to_be_nearly_the_same_as_another() -> None:
    store = filled()
    store.hints["twice"] = 'nearly the same as 00000001 "JWT expiry"'
    async with running(store) as pilot:
        await press(pilot, "n", "=twice", "ctrl+s")
        _, told = [one.message for one in pilot.app._notifications]
        assert "nearly the same as" in told


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_duplicates(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(alike()), terminal_size=size, run_before=keys("M", "down"))


def test_no_duplicates(snap_compare: Compare) -> None:
    assert snap_compare(make_app(filled()), terminal_size=(80, 24), run_before=keys("M"))


def test_duplicates_of_a_store_that_is_away(snap_compare: Compare) -> None:
    store = filled()

    async def opened(pilot: Pilot[None]) -> None:
        await keys()(pilot)
        store.failure = StoreUnavailable("Qdrant at 10.0.0.5:6333 cannot be reached")
        await press(pilot, "M")

    assert snap_compare(make_app(store), terminal_size=(80, 24), run_before=opened)
