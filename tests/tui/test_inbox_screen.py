"""The Inbox mode: one memory at a time, one key a decision, nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from memoria_tui.dialogs.unsaved_text import UnsavedDialog
from memoria_tui.modes.inbox.screen import InboxScreen
from memoria_tui.modes.inbox.state import compared, near_row, what
from memoria_tui.widgets.memory_list import AGES
from services.curation.curation_values import GroupBy
from services.curation.inbox import InboxItem, Near
from services.errors import StoreUnavailable
from services.model import Kind, RelationType, Subject
from tests.services.worktables import HeldClock
from tests.tui.conftest import answer, key_event, keys, make_app, poll_status, press, running, settle, toasts, until
from tests.tui.fakes import NOW, FakeServices, Store, filled, many, memory_id
from tests.tui.inbox_fakes import morning, pending
from tests.tui.passing_time import passes
from tests.tui.plain_app import plain_app
from tests.tui.quick import quick

Compare = Callable[..., Any]
_SIZES = [(80, 24), (120, 40), (200, 50)]


def inbox_of(pilot: Pilot[None]) -> InboxScreen:
    screen = pilot.app.screen_stack[0]
    assert isinstance(screen, InboxScreen)
    return screen


def shown(pilot: Pilot[None]) -> tuple[str, str]:
    """How far it is, and the memory under review."""
    screen = inbox_of(pilot)
    told = str(screen.query_one("#progress", Static).content).strip().split(" · ")[0]
    return told, screen.item.memory.id if screen.item is not None else ""


async def test_keys_decide_one_after_the_other_and_undo_brings_back() -> None:
    store = morning()
    async with running(store, mode="inbox") as pilot:
        assert shown(pilot) == ("1 of 5", memory_id(2))
        await press(pilot, "enter")
        assert shown(pilot) == ("2 of 5", memory_id(4))
        await press(pilot, "d")
        assert shown(pilot) == ("3 of 5", memory_id(1))
        assert memory_id(4) in store.trash
        await press(pilot, "u")
        assert shown(pilot) == ("2 of 5", memory_id(4))
        assert list(store.unreviewed) == [memory_id(number) for number in (4, 1, 8, 7)]
        await press(pilot, "u")
        assert shown(pilot) == ("1 of 5", memory_id(2))
        await pilot.press("enter", "z", "enter")
        await until(pilot, lambda: len(store.unreviewed) == 2)
        assert list(store.unreviewed) == [memory_id(8), memory_id(7)], "on what is there by then"
        assert store.snoozed_until == datetime(2026, 11, 21, tzinfo=UTC), "tomorrow"


async def test_the_chosen_one_at_the_right_is_what_it_is_merged_into_or_supersedes_and_of_groups_all_are_kept() -> None:
    store = morning()
    async with running(store, mode="inbox") as pilot:
        await press(pilot, "down", "greater_than_sign")
        ends = [(one.source_id, one.target_id) for one in store.relations if one.type is RelationType.SUPERSEDES]
        assert ends == [(memory_id(2), memory_id(3))]
        await press(pilot, "right", "M")
        assert memory_id(1) not in store.memories
        await press(pilot, "u", "u", "2", "home")
        assert shown(pilot) == ("1 of 5", memory_id(2))
        await press(pilot, "asterisk")
        assert shown(pilot) == ("3 of 5", memory_id(1))
        await press(pilot, "o", "o")
        assert list(store.unreviewed) == [memory_id(number) for number in (1, 8, 7)], "groups can be others"


async def test_grouped_by_findings_it_begins_with_what_needs_a_look_and_the_rest_is_kept_by_one_key() -> None:
    store = morning()
    async with running(store, mode="inbox") as pilot:
        await press(pilot, "right", "o", "o", "o")
        assert shown(pilot) == ("1 of 5", memory_id(2))
        assert "contradicts another" in str(inbox_of(pilot).query_one("#progress", Static).content)
        await press(pilot, "greater_than_sign", "right", "asterisk")
        assert "of nothing found" in toasts(pilot)[-1]
    await the_next_start_groups_so_and_ages_go_on(morning(), store.group_by)


async def the_next_start_groups_so_and_ages_go_on(store: Store, by: GroupBy) -> None:
    store.group_by, now = by, HeldClock(NOW)
    app = quick(plain_app(FakeServices(store).opened, clock=now))
    async with app.run_test(notifications=True) as pilot:
        await press(pilot, "…", "2")
        assert "contradicts another" in str(inbox_of(pilot).query_one("#progress", Static).content)
        what = inbox_of(pilot).query_one("#what", Static)
        assert "9 h ago" in str(what.content)
        now.go(hours=2)
        await passes(AGES)
        await until(pilot, lambda: "11 h ago" in str(what.content))


async def test_what_findings_need_is_looked_at_beforehand_and_who_waits_for_it_sees_how_far_it_is() -> None:
    store = morning()
    async with running(store) as pilot:
        store.hangs = asyncio.Event()
        await pilot.press("2")
        await until(pilot, lambda: inbox_of(pilot).under_way("compare"))
        await pilot.press("right")
        await until(pilot, lambda: shown(pilot) == ("2 of 5", memory_id(4)))
        await pilot.press("o", "o", "o")
        await until(pilot, lambda: shown(pilot)[0] == "comparing with all memories")
        store.hangs.set()
        await until(pilot, lambda: shown(pilot) == ("1 of 5", memory_id(2)))


async def test_a_group_of_more_than_twenty_is_kept_after_a_question() -> None:
    store = many(21)
    store.unreviewed = {one.memory_id: one for one in (pending(number, number + 1, 1) for number in range(21))}
    async with running(store, mode="inbox") as pilot:
        await press(pilot, "asterisk", "n")
        assert len(store.unreviewed) == 21
        await press(pilot, "asterisk", "y")
        assert not store.unreviewed


async def test_what_an_agent_deleted_is_left_or_restored() -> None:
    store = morning()
    store.trash[memory_id(8)] = store.known[memory_id(8)]
    async with running(store, mode="inbox") as pilot:
        await press(pilot, "right", "right", "right", "R")
        assert memory_id(8) in store.memories
        assert memory_id(8) not in store.unreviewed


async def test_an_edit_reviews_and_goes_on_and_one_that_is_left_is_kept() -> None:
    store = morning()
    async with running(store, mode="inbox") as pilot:
        await press(pilot, "e", "=by hand ", "ctrl+s")
        assert store.memories[memory_id(2)].content.startswith("by hand ")
        assert shown(pilot) == ("2 of 5", memory_id(4))
        await press(pilot, "e", "=lost? ", "escape", "escape")
        assert shown(pilot)[1] == memory_id(4)
        await press(pilot, "e")
        assert isinstance(pilot.app.screen, UnsavedDialog)
        await answer(pilot, "escape")
        await settle(pilot)
        assert len(pilot.app.screen_stack) == 1
        assert not inbox_of(pilot).has_class("-editing"), "what is beside it has its room again"


async def test_secrets_are_told_and_masked_by_one_key_and_what_is_masked_is_kept() -> None:
    store = morning()
    first = replace(store.memories[memory_id(2)], content="the password is hunter2hunter2")
    store.memories[first.id] = first
    async with running(store, mode="inbox") as pilot:
        assert "has a password, ( masks" in str(inbox_of(pilot).query_one("#what", Static).content)
        await press(pilot, "left_parenthesis")
        assert store.memories[first.id].content == "the password is [password]"
        assert 'Masked a password in "the password is [password]"' in toasts(pilot)[-1]
        assert shown(pilot) == ("2 of 5", memory_id(4))
        await press(pilot, "u")
        assert store.memories[first.id] == first
        assert first.id in store.unreviewed
        await press(pilot, "right", "left_parenthesis")
        assert "is found in the text" in toasts(pilot)[-1]


async def test_a_key_typed_ahead_changes_no_memory_that_was_not_on_screen() -> None:
    store = morning()
    async with running(store, mode="inbox") as pilot:
        for key in ("d", "full_stop", "M", "greater_than_sign", "asterisk"):
            before, typed_ahead = dict(store.memories), key_event(key)
            await press(pilot, "enter")
            pilot.app.post_message(typed_ahead)
            await settle(pilot)
            assert toasts(pilot)[-1] == "Pressed before the list had changed: it did nothing", key
            assert len(store.unreviewed) == 4, key
            assert store.memories == before, key
            assert shown(pilot) == ("2 of 5", memory_id(4)), key
            await press(pilot, "…", "u")
            pilot.app.clear_notifications()


async def test_what_agents_write_meanwhile_appears_and_a_key_right_behind_a_change_of_the_shown_one_is_lost() -> None:
    store = morning()
    store.others = asyncio.Queue()

    async def others_write(number: int) -> None:
        assert store.others is not None
        store.unreviewed[memory_id(number)] = pending(number, 9, 0)
        store.others.put_nowait(frozenset({Subject.HISTORY}))
        await store.others.join()
        await settle(pilot)

    async with running(store, mode="inbox") as pilot:
        await press(pilot, "right")
        await others_write(5)
        assert shown(pilot) == ("2 of 6", memory_id(4))
        await press(pilot, "left")
        meant_for_the_old_text = key_event("enter")
        await others_write(2)
        pilot.app.post_message(meant_for_the_old_text)
        await settle(pilot)
        assert memory_id(2) in store.unreviewed
        assert any("was changed or reviewed by somebody else" in one for one in toasts(pilot))


async def test_a_key_right_behind_another_deletion_of_what_is_chosen_beside_takes_no_other() -> None:
    store = morning()
    store.others = asyncio.Queue()
    async with running(store, mode="inbox") as pilot:
        await press(pilot, "down")
        meant_for_the_second = key_event("greater_than_sign")
        first, _ = store.near[memory_id(2)]
        for near in ((first, Near(store.memories[memory_id(4)], 0.84, ())), (first,)):
            store.near[memory_id(2)] = near
            store.others.put_nowait(frozenset({Subject.HISTORY}))
            await store.others.join()
            await settle(pilot)
        pilot.app.post_message(meant_for_the_second)
        await settle(pilot)
        assert not any(one.type is RelationType.SUPERSEDES for one in store.relations)
        assert "was changed or deleted by somebody else" in toasts(pilot)[-2]


async def test_after_a_refused_merge_no_other_takes_the_place_of_the_chosen_one_that_is_gone() -> None:
    store = morning()
    async with running(store, mode="inbox") as pilot:
        await press(pilot, "down")
        screen, first = inbox_of(pilot), store.near[memory_id(2)][0]
        store.near[memory_id(2)] = (first,)
        store.memories[memory_id(3)] = replace(store.memories[memory_id(3)], content="Unlike all else")
        await press(pilot, "M")
        assert "was changed meanwhile" in toasts(pilot)[-1]
        assert memory_id(3) not in toasts(pilot)[-1]
        assert (screen.near_list.option_count, screen.near) == (1, None)
        assert "is here no more" in str(screen.query_one("#comparison", Static).content)
        await press(pilot, "…", "M")
        assert memory_id(2) in store.memories
        assert "None at the right is chosen" in toasts(pilot)[-1]
        await press(pilot, "…", "down", "M")
        assert memory_id(2) not in store.memories


async def test_what_changed_since_it_was_shown_is_not_kept_alone_or_of_a_group_and_that_is_told() -> None:
    store = morning()
    async with running(store, mode="inbox") as pilot:
        store.unreviewed[memory_id(2)] = pending(2, 9, 0)
        await press(pilot, "asterisk")
        assert list(store.unreviewed) == [memory_id(number) for number in (2, 1, 8, 7)]
        assert toasts(pilot)[-1] == "Kept 1 memory; 1 changed since that was shown · u to undo"
        assert shown(pilot)[1] == memory_id(2)
        store.unreviewed[memory_id(2)] = pending(2, 10, 0)
        await press(pilot, "…", "enter")
        assert memory_id(2) in store.unreviewed
        assert "it changed since that was shown" in toasts(pilot)[-1]


async def test_an_edit_stays_where_somebody_else_reviews_its_memory() -> None:
    store = morning()
    store.unreviewed = {memory_id(2): store.unreviewed[memory_id(2)]}
    store.others = asyncio.Queue()
    async with running(store, mode="inbox") as pilot:
        await press(pilot, "e", "=mine ")
        for left in ({}, {memory_id(4): pending(4, 9, 0)}):
            store.unreviewed = left
            store.others.put_nowait(frozenset({Subject.HISTORY}))
            await store.others.join()
            await settle(pilot)
            await press(pilot, "=more ")
        screen = inbox_of(pilot)
        assert screen.preview.edited_text.startswith("mine more more ")
        assert screen.preview.region.area > 0
        await press(pilot, "ctrl+s")
        assert store.memories[memory_id(2)].content.startswith("mine more more ")
        assert shown(pilot)[1] == memory_id(4)


@pytest.mark.parametrize("size", _SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_new_one(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(morning(), mode="inbox"), terminal_size=size, run_before=keys())


def test_a_changed_one(snap_compare: Compare) -> None:
    assert snap_compare(make_app(morning(), mode="inbox"), terminal_size=(120, 40), run_before=keys("right", "right"))


def test_a_deleted_one(snap_compare: Compare) -> None:
    assert snap_compare(make_app(morning(), mode="inbox"), terminal_size=(120, 40), run_before=keys("left", "left"))


@pytest.mark.parametrize("size", _SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_nothing_waits(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(filled(), mode="inbox"), terminal_size=size, run_before=keys())


@pytest.mark.parametrize("size", _SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_failing_store(snap_compare: Compare, size: tuple[int, int]) -> None:
    store: Store = morning()

    async def fail(pilot: Pilot[None]) -> None:
        await settle(pilot)
        store.failure = StoreUnavailable("PostgreSQL at 127.0.0.1:5432 does not answer: start it, then press r")
        await press(pilot, "2")
        await poll_status(pilot)

    assert snap_compare(make_app(store), terminal_size=size, run_before=fail)


@pytest.mark.parametrize(
    ("cosine", "differing", "said"),
    [
        (0.95, (("10", "60"),), "contradicts: 10 ≠ 60"),
        (0.85, (("10", "60"),), "differs in: 10 ≠ 60"),
        (0.95, (("1", "2"), ("3", "4"), ("5", "6")), "differs in: 1 ≠ 2"),
    ],
)
def test_only_what_differs_in_little_else_is_said_to_contradict(
    cosine: float, differing: tuple[tuple[str, str], ...], said: str
) -> None:
    near = Near(filled().memories[memory_id(1)], cosine, differing)
    assert said in near_row(near).plain
    assert ("it is newer" in near_row(near, NOW - timedelta(days=999)).plain, "newer" in near_row(near, NOW).plain) == (
        True,
        False,
    )


@pytest.mark.parametrize(("shared", "passage", "said"), [(0.9, "d", ["−", "+"]), (0.1, "", ["A"]), (0.1, "d", ["d"])])
def test_of_texts_that_share_hardly_a_word_the_one_is_shown_where_it_is_alike(
    shared: float, passage: str, said: list[str]
) -> None:
    here, there = (replace(filled().memories[memory_id(1)], content=text) for text in ("A b c", "A b d"))
    item = InboxItem(pending(1, 1, 1), None, here)
    shown = compared(item, Near(there, 0.9, (), shared, passage=passage)).plain
    assert [part[0] for part in shown.splitlines()] == said


def test_an_import_is_not_said_to_be_by_an_import() -> None:
    item = InboxItem(pending(1, 1, 1, actor="anna", kind=Kind.IMPORT), None, filled().memories[memory_id(1)])
    assert what(item, "", NOW).plain.startswith("new import by anna · ")


async def test_a_step_reads_the_one_memory_and_not_all_that_waits_again() -> None:
    store = morning()
    async with running(store, mode="inbox") as pilot:
        del store.unreviewed[memory_id(7)]  # which nobody told
        await press(pilot, "right", "right")
        assert shown(pilot) == ("3 of 5", memory_id(1))
        await press(pilot, "enter")
        assert shown(pilot) == ("5 of 5", memory_id(8))
