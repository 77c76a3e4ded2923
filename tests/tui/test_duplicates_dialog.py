"""Duplicates: both texts side by side, one key a decision."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static, TextArea

from memoria_tui.dialogs.choice import ChoiceDialog
from memoria_tui.dialogs.duplicates import DuplicatesDialog, _merge_line
from memoria_tui.dialogs.merged_text import MergedText
from memoria_tui.widgets.choice_list import ChoiceList
from services.curation.duplicates import Cluster
from services.curation.text_likeness import Alike, Duplicate
from services.errors import StoreUnavailable
from services.model import Relation, RelationType, Subject
from tests.tui.conftest import keys, make_app, press, running, settle, type_at_once
from tests.tui.fakes import FakeDuplicates, Store, filled, memory_id
from tests.tui.test_live import followed, shown_now
from tests.tui.test_live import told as others_wrote

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


def told(pilot: Pilot[None]) -> str:
    """What the dialog says last."""
    return str(pilot.app.screen.query_one("#hint", Static).content)


async def test_keys_merge_into_either_keep_both_and_supersede_each_with_its_undo() -> None:
    store = alike()
    async with running(store) as pilot:
        await press(pilot, "M", "question_mark")
        assert "The left one supersedes the right one" in shown_now(pilot)
        await press(pilot, "escape", "space", "M")
        assert memory_id(3) in store.trash
        await press(pilot, "u", "M")
        assert memory_id(23) in store.trash
        await press(pilot, "enter")
        assert [one.type for one in store.relations_of(memory_id(22))] == [RelationType.RELATED]
        assert str(dialog_of(pilot).query_one("#scan", Static).content) == "No duplicates"
        await press(pilot, "u", "greater_than_sign")
        assert [one.type for one in store.relations_of(memory_id(22))] == [RelationType.SUPERSEDES]


async def test_of_very_many_pairs_the_first_are_listed_and_the_others_follow() -> None:
    store = alike()
    some = store.memories[memory_id(3)]
    store.memories |= {memory_id(number): replace(some, id=memory_id(number)) for number in range(100, 510)}
    store.duplicates = [(memory_id(one), memory_id(one + 1), 1.0, Alike.SAME) for one in range(100, 510, 2)]
    async with running(store) as pilot:
        await press(pilot, "M")
        assert "the first 200 of 205 pairs are listed" in str(dialog_of(pilot).query_one("#scan", Static).content)
        await press(pilot, "M")
        assert dialog_of(pilot).query_one(ChoiceList).option_count == 200
        assert "the first 200 of 204 pairs are listed" in str(dialog_of(pilot).query_one("#scan", Static).content)


async def test_all_that_need_no_look_are_found_beside_the_event_loop_and_merged_after_a_preview() -> None:
    store, here = alike(), set[str]()
    async with running(store) as pilot:
        await press(pilot, "M")
        sys.setprofile(lambda frame, *_: here.add(frame.f_code.co_name))
        try:
            await press(pilot, "asterisk")
        finally:
            sys.setprofile(None)
        assert isinstance(pilot.app.screen, ChoiceDialog)
        assert "says_the_same" not in here
        await press(pilot, "n")
        assert "Merge 1 memory into 1" in str(pilot.app.screen.query_one("#dialog").border_title)
        question = str(pilot.app.screen.query_one(".text", Static).content)
        assert question == "Rotate the signing key without sign…  ← 1 · the same words"
        await press(pilot, "y")
        assert {memory_id(22), memory_id(23)} & store.trash.keys() == {memory_id(23)}  # 22 asks another person


def test_the_question_before_all_are_merged_says_which_words_are_lost() -> None:
    kept = filled().memories[memory_id(1)]
    kept = replace(kept, content="The deploy runs at 9 on Mondays, and Anna looks at it.")
    other = replace(kept, id=memory_id(2), content="the deploy runs late at 9 on Monday, and Anna looks at it.")
    told = _merge_line(Cluster(kept, (Duplicate(other, 0.99, 0.95, Alike.NEAR),)))
    assert told == "The deploy runs at 9 on Mondays, an…  ← 1 · lost: late, Monday"


async def test_a_merged_text_takes_lines_of_both_is_drawn_safe_and_stays_until_it_is_written() -> None:
    store = alike()
    odd = f"{_LONG}\nSee the runbook.\x1b]0;x\x07 one\x0btwo\u2028three"
    store.memories[memory_id(21)] = replace(store.memories[memory_id(21)], content=odd)
    async with running(store) as pilot:
        await press(pilot, "M", "down", "e")
        dialog = pilot.app.screen
        assert isinstance(dialog, MergedText)
        assert not dialog.typed()
        assert "\x1b" not in dialog.query_one(TextArea).text
        store.failure = StoreUnavailable("Qdrant cannot be reached")
        await press(pilot, "=\nThey agree.", "ctrl+s")
        assert pilot.app.screen is dialog
        assert told(pilot) == "Not saved: Qdrant cannot be reached"
        store.failure = None
        await press(pilot, "ctrl+s")
        text = store.memories[memory_id(21)].content
        assert "\x1b]0;x\x07 one\x0btwo\u2028three" in text
        assert text.endswith("\nThey agree.")
        assert all(name in text for name in ("Anna", "Priya", "runbook"))
        assert text.count("auth.toml") == 1


async def test_a_click_on_a_pair_decides_nothing_and_sides_stay_as_a_person_turned_them() -> None:
    store = alike()
    async with running(store) as pilot:
        await press(pilot, "M")
        before = list(store.relations)
        await pilot.click(ChoiceList, offset=(5, 1))
        await settle(pilot)
        assert dialog_of(pilot).rows.highlighted == 1
        assert store.relations == before
        await press(pilot, "up", "space")
        dialog_of(pilot).undone("")
        await settle(pilot)
        await press(pilot, "M")
        assert memory_id(3) in store.trash, "also when the list is drawn again"


async def test_keys_behind_a_decision_act_on_what_is_left() -> None:
    class Slow(FakeDuplicates):
        async def clusters(self, above: float = 0.0) -> tuple[Cluster, ...]:
            for _ in range(50):
                await asyncio.sleep(0.001)
            return await super().clusters(above)

    store = alike()
    async with running(store) as pilot:
        await press(pilot, "M")
        dialog_of(pilot)._services.duplicates = Slow(store)
        type_at_once(pilot, "M", "enter")
        await settle(pilot)
        assert memory_id(23) in store.trash
        assert not store.relations_of(memory_id(23))
        assert store.relations_of(memory_id(22))


def change_outside(store: Store, number: int, text: str) -> None:
    store.memories[memory_id(number)] = replace(store.memories[memory_id(number)], content=text)


async def test_a_pair_that_was_changed_meanwhile_is_read_again_and_one_that_is_gone_is_told_of() -> None:
    store = alike()
    async with running(store) as pilot:
        await press(pilot, "M")
        change_outside(store, 23, "It moved to port 9090")
        await press(pilot, "M")
        assert "was changed meanwhile" in told(pilot)
        assert not store.trash
        texts = [str(one.content) for one in pilot.app.screen.query(".text").results(Static)]
        assert any("9090" in one for one in texts)
        await press(pilot, "M")
        assert len(store.trash) == 1
        store.duplicates.clear()
        dialog_of(pilot)._scan()
        await settle(pilot)
        assert told(pilot) == "The pair that was here is listed no more"


async def test_a_merged_text_is_saved_over_what_was_changed_meanwhile_after_that_was_shown() -> None:
    store = alike()
    async with running(store) as pilot:
        await press(pilot, "M", "e", "=\nmy own words")
        change_outside(store, 23, "It moved to port 9090")
        await press(pilot, "ctrl+s")
        text = pilot.app.screen.query_one(TextArea).text
        assert "It moved to port 9090" in text
        assert "my own words" in text
        assert "between marks" in told(pilot)
        await press(pilot, "ctrl+s")
        assert len(store.trash) == 1
        assert any(one.content == text for one in store.memories.values())


async def test_what_others_write_into_the_pair_that_is_shown_or_delete_of_it_is_shown_and_told() -> None:
    store = followed(alike())
    async with running(store) as pilot:
        await press(pilot, "M")
        change_outside(store, 23, "It moved to port 9090")
        await others_wrote(pilot, store, Subject.MEMORIES)
        texts = [str(one.content) for one in pilot.app.screen.query(".text").results(Static)]
        assert any("9090" in one for one in texts)
        assert "was changed by another program" in told(pilot)
        await press(pilot, "M")
        assert len(store.trash) == 1
        del store.memories[memory_id(22)]
        await others_wrote(pilot, store, Subject.MEMORIES)
        assert dialog_of(pilot)._pair is None
        assert "was deleted by another program" in told(pilot)


async def test_a_merged_text_goes_into_the_one_that_is_left_when_the_other_was_deleted_meanwhile() -> None:
    store = alike()
    async with running(store) as pilot:
        await press(pilot, "M", "down", "e", "=\nmy own words")
        del store.memories[memory_id(22)]
        await press(pilot, "ctrl+s")
        assert "was deleted meanwhile: ctrl+s again writes the text into" in told(pilot)
        assert memory_id(22) not in told(pilot)
        assert "my own words" in pilot.app.screen.query_one(TextArea).text
        await press(pilot, "ctrl+s")
        assert "my own words" in store.memories[memory_id(21)].content


async def test_the_others_of_the_marked_memories_stay_listed_after_each_decision_and_its_undo() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, *["space"] * 4, "M")
        rows, listed = dialog_of(pilot).rows, list[int]()
        for key in ("M", "enter", "u", "u"):
            await press(pilot, key)
            listed.append(rows.option_count)
        assert listed == [2, 1, 2, 3]


async def test_marked_memories_are_compared_however_little_they_are_alike_and_what_was_so_is_not_called_done() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "space", "space", "M")
        pair = dialog_of(pilot)._pair
        assert pair is not None
        store.relations = [Relation("known", pair[0].id, pair[1].id, RelationType.SUPERSEDES)]
        await press(pilot, "greater_than_sign")
        assert told(pilot) == "Nothing was changed: it was so already"
        store.relations = []
        await press(pilot, "escape", "M", "M")
        assert len(store.trash) == 1
        assert dialog_of(pilot)._pair is None


async def test_what_is_saved_is_told_to_be_nearly_the_same_as_another() -> None:
    store = filled()
    store.hints["twice"] = 'nearly the same as 00000001 "JWT expiry"'
    async with running(store) as pilot:
        await press(pilot, "n", "=twice", "ctrl+s")
        _, toast = [one.message for one in pilot.app._notifications]
        assert "nearly the same as" in toast


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
