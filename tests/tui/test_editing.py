"""Writing: new memories, edits, conflicts, earlier versions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input, Static, TextArea

from memoria_tui.dialogs.confirm import ConfirmDialog
from memoria_tui.dialogs.conflict import ConflictDialog
from memoria_tui.dialogs.dialog import DiscardDialog
from memoria_tui.dialogs.memory_history import HistoryDialog
from memoria_tui.dialogs.new_memory import NewMemoryDialog
from memoria_tui.dialogs.trash import TrashDialog
from memoria_tui.terminal.external_editor import Edited, EditorFile, editor_command
from services.errors import InvalidInput, StoreUnavailable
from services.model import MemoryType
from tests.tui.conftest import press, running, screen_of, settle, toasts, type_at_once, type_text
from tests.tui.fakes import Store, filled, memory_id

NEWEST = memory_id(7)


async def test_a_new_memory_is_written_with_its_fields() -> None:
    store = Store()
    async with running(store) as pilot:
        await press(pilot, "n")
        await type_text(pilot, "hello")
        await press(pilot, "tab", "tab")
        await type_text(pilot, "api")
        await press(pilot, "tab")
        await type_text(pilot, "a, b,a")
        await press(pilot, "ctrl+s")
        (memory,) = store.memories.values()
        assert (memory.content, memory.project, memory.tags) == ("hello", "api", ("a", "b"))
        assert memory.type is MemoryType.SEMANTIC
        assert toasts(pilot) == ['Created "hello" · u to undo']


async def test_a_new_memory_without_text_is_refused_and_text_is_not_lost_by_esc() -> None:
    async with running(Store()) as pilot:
        await press(pilot, "n", "tab", "tab", "tab", "tab", "=7", "ctrl+s")
        form = pilot.app.screen
        assert isinstance(form, NewMemoryDialog)
        told = {line.id: str(line.render()) for line in form.query(".problem").results(Static) if line.display}
        assert told == {
            "text-problem": "A memory needs a text",
            "importance-problem": "Importance is a number from 0 to 1",
        }
        assert form.text.has_focus, "the first that is wrong"
        await type_text(pilot, "draft")
        assert not any(line.display for line in form.query(".problem"))
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, DiscardDialog)
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, NewMemoryDialog)
        assert pilot.app.screen.text.text == "draft"
        await press(pilot, "escape", "ctrl+d")
        assert screen_of(pilot).is_current


async def test_nothing_that_is_typed_on_behind_esc_throws_the_text_away() -> None:
    async with running(Store()) as pilot:
        await press(pilot, "n")
        await type_text(pilot, "draft")
        for typed in ("enter", "y", "=and on it went", "n"):
            await press(pilot, "escape", "…", typed)
            assert isinstance(pilot.app.screen, DiscardDialog), typed
            said = str(pilot.app.screen.query_one("#hint", Static).content)
            assert said == "Only ctrl+d, esc answer this: other keys go nowhere", typed
            await press(pilot, "escape")
            assert isinstance(pilot.app.screen, NewMemoryDialog), typed
            assert pilot.app.screen.text.text == "draft", typed


async def test_what_was_masked_in_a_text_is_said_when_it_is_saved() -> None:
    async with running(Store(masks=True)) as pilot:
        await press(pilot, "n", "=DB_PASSWORD=hunter2-and-more", "ctrl+s")
        assert toasts(pilot)[-1] == 'Created "DB_PASSWORD=[password]"; masked a password · u to undo'
        await press(pilot, "e", "=AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY ", "ctrl+s")
        assert "; masked a" in toasts(pilot)[-1]


async def test_an_edit_in_place_stays_while_it_cannot_be_saved_is_saved_undone_and_left_after_a_second_escape() -> None:
    store = filled()
    before = store.memories[NEWEST].content
    async with running(store) as pilot:
        await press(pilot, "e", "=X")
        store.failure = StoreUnavailable("qdrant: away")
        await press(pilot, "ctrl+s")
        assert "X" in screen_of(pilot).preview.edited_text
        assert toasts(pilot)[-1] == "Not saved: qdrant: away"
        store.failure = None
        text = pilot.app.screen.query_one(TextArea).text
        pilot.app.screen.query_one(TextArea).text = " \n\u200b"
        await press(pilot, "ctrl+s")
        assert store.memories[NEWEST].content == before
        assert "a memory needs a text" in toasts(pilot)[-1]
        assert screen_of(pilot).preview.editing is not None
        pilot.app.screen.query_one(TextArea).text = text
        await press(pilot, "ctrl+s")
        assert "X" in store.memories[NEWEST].content
        assert screen_of(pilot).memory_list.has_focus
        await press(pilot, "u")
        assert store.memories[NEWEST].content == before
        assert toasts(pilot)[-1] == "Undone: edited text"
        await press(pilot, "e", "d", "n", "x")
        assert len(store.memories) == 7, "keys of the screen are letters here"
        assert pilot.app.screen.query_one(TextArea).text.startswith("dnx")
        await press(pilot, "escape")
        assert "dnx" in screen_of(pilot).preview.edited_text
        await press(pilot, "escape")
        assert screen_of(pilot).preview.editing is None
        assert screen_of(pilot).memory_list.has_focus
        assert store.memories[NEWEST].content == before


async def _to_conflict(store: Store, pilot: object) -> None:
    await press(pilot, "e")  # type: ignore[arg-type]
    await type_text(pilot, "MINE ")  # type: ignore[arg-type]
    store.memories[NEWEST] = replace(store.memories[NEWEST], content="THEIRS")
    await press(pilot, "ctrl+s")  # type: ignore[arg-type]


async def test_of_two_versions_the_person_chooses_one_or_merges_them_without_another_question() -> None:
    store = filled()
    before = store.memories[NEWEST]
    async with running(store) as pilot:
        for key, kept in (("t", "THEIRS"), ("m", "MINE ")):
            await _to_conflict(store, pilot)
            assert isinstance(pilot.app.screen, ConflictDialog), key
            await press(pilot, key)
            assert store.memories[NEWEST].content.startswith(kept), key
            assert screen_of(pilot).preview.editing is None, key
            store.memories[NEWEST] = before
            screen_of(pilot).changed()
            await settle(pilot)
        await _to_conflict(store, pilot)
        await press(pilot, "e")
        text = screen_of(pilot).preview.edited_text
        assert "THEIRS" in text
        assert "MINE" in text
        await press(pilot, "ctrl+s")
        assert store.memories[NEWEST].content == text


async def test_what_others_write_while_the_person_chooses_is_a_conflict_again() -> None:
    store = filled()
    async with running(store) as pilot:
        await _to_conflict(store, pilot)
        store.memories[NEWEST] = replace(store.memories[NEWEST], content="THEIR SECOND")
        await press(pilot, "m")
        assert store.memories[NEWEST].content == "THEIR SECOND"
        assert isinstance(pilot.app.screen, ConflictDialog)
        await press(pilot, "m")
        assert store.memories[NEWEST].content.startswith("MINE ")


async def test_the_text_of_a_memory_deleted_outside_brings_it_back_and_that_of_a_purged_one_is_a_new_one() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "e", "=MINE ")
        store.trash[NEWEST] = store.memories.pop(NEWEST)
        await press(pilot, "ctrl+s", "m")
        assert store.memories[NEWEST].content.startswith("MINE ")
        await press(pilot, "e", "=AGAIN ")
        purged = store.memories.pop(NEWEST)
        await press(pilot, "ctrl+s", "m")
        assert isinstance(pilot.app.screen, NewMemoryDialog)
        await press(pilot, "ctrl+s")
        (made,) = [one for one in store.memories.values() if one.content.startswith("AGAIN ")]
        assert (made.id != NEWEST, made.tags, made.project) == (True, purged.tags, purged.project)
        assert screen_of(pilot).preview.editing is None


async def test_an_earlier_version_is_compared_and_brought_back() -> None:
    store = filled()
    before = store.memories[NEWEST].content
    async with running(store) as pilot:
        await press(pilot, "e")
        await type_text(pilot, "FIRST ")
        await press(pilot, "ctrl+s", "e")
        await type_text(pilot, "SECOND ")
        await press(pilot, "ctrl+s", "h")
        assert "SECOND" in pilot.app.export_screenshot()
        await press(pilot, "down", "enter")
        assert isinstance(pilot.app.screen, HistoryDialog)
        await press(pilot, "r")
        assert store.memories[NEWEST].content == "FIRST " + before
        assert "is as it was on" in toasts(pilot)[-1]
        await press(pilot, "h", "r")
        assert toasts(pilot) == ["Nothing was changed: it is that version already"]


async def test_of_deleted_memories_what_the_trash_shows_is_restored_and_erased_for_good_only_after_a_yes() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "d")
        assert NEWEST not in store.memories
        assert toasts(pilot)[-1].endswith("u to undo")
        await press(pilot, "T")
        assert isinstance(pilot.app.screen, TrashDialog)
        await press(pilot, "enter")
        assert NEWEST in store.memories
        await press(pilot, "d", "d", "d", "T", "a")
        first, *others = store.trash.values()
        dialog = pilot.app.screen
        assert isinstance(dialog, TrashDialog)
        await press(pilot, "slash", *first.content.split()[0], "enter")
        assert [one.memory.id for one in dialog._shown] == [first.id]
        await press(pilot, "enter")
        assert list(store.trash.values()) == others
        await press(pilot, "T", "a", "Z")
        assert isinstance(pilot.app.screen, ConfirmDialog)
        asked = pilot.app.export_screenshot().replace("&#160;", " ")
        assert all(one.title[:12] in asked for one in others)
        await press(pilot, "escape")
        assert len(store.trash) == 2
        await press(pilot, "T", "E", "y")
        assert store.trash == {}
        assert toasts(pilot)[-1] == "Erased 2 memories for good"


def test_without_a_setting_the_first_editor_that_is_there_is_taken(tmp_path: Path) -> None:
    assert editor_command(None, str(tmp_path)) is None
    for name in ("nano", "vi"):
        (tmp_path / name).touch(mode=0o755)
        assert editor_command(None, str(tmp_path)) == name
    assert editor_command("ed -s", str(tmp_path)) == "ed -s"


async def test_the_editor_gets_the_text_and_gives_it_back(tmp_path: Path) -> None:
    script = tmp_path / "editor with space.sh"
    script.write_text('#!/bin/sh\nprintf "%s and more\\n" "$(cat "$1")" > "$1"\n')
    script.chmod(0o700)
    with EditorFile("text \ud800") as file:
        assert await file.edit(f"'{script}'") == Edited("text \ud800 and more")
    appends = "sh -c 'echo more >> \"$0\"'"
    for text in ("text", "text\n", ""):
        with EditorFile(text) as file:
            assert await file.edit("true") == Edited(text), "a newline that was added for the editor is not saved"
            appended = f"{text.strip()}\nmore".lstrip()
            assert (await file.edit(appends)).text.rstrip("\n") == appended, "what is appended is a line of its own"


@pytest.mark.parametrize("command", ["/no/such/editor", "'"])
async def test_an_editor_that_cannot_be_started_is_told_in_one_line(command: str) -> None:
    with EditorFile("text") as file, pytest.raises(InvalidInput) as caught:
        await file.edit(command)
    assert "\n" not in str(caught.value)


async def test_an_editor_that_fails_gives_what_it_saved_and_says_so() -> None:
    with EditorFile("text") as file:
        assert await file.edit("false") == Edited("text", "the editor 'false' ended with status 1")


async def test_bytes_of_an_editor_that_are_no_text_keep_the_rest_of_it() -> None:
    command = 'sh -c \'printf "caf\\\\351 now\\\\n" > "$0"\''
    with EditorFile("text") as file:
        edited = await file.edit(command)
    assert edited == Edited("caf\ufffd now", f"the editor {command!r} saved what is no UTF-8 text")
    assert file.saved == "caf\ufffd now"


async def test_a_new_memory_is_the_one_that_the_next_key_acts_on() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "/", "=JWT", "escape", "n", "=fresh", "ctrl+s")
        assert toasts(pilot) == ['Created "fresh" · search cleared, / ↑ brings it back · u to undo']
        await press(pilot, "/", "up")
        assert screen_of(pilot).search_bar.text == "JWT"
        await press(pilot, "escape", "escape", "j", "j", "n", "=fresh", "ctrl+s")
        current = screen_of(pilot).memory_list.current
        assert current is not None
        assert current.memory.content == "fresh"
        await press(pilot, "t", "=mine", "enter", "ctrl+s")
        assert {one.content for one in store.memories.values() if "mine" in one.tags} == {"fresh"}


async def test_two_deletes_and_a_new_memory_in_one_breath_are_all_written() -> None:
    store = filled()
    async with running(store) as pilot:
        type_at_once(pilot, "d", "d", "n")
        await settle(pilot)
        assert isinstance(pilot.app.screen, NewMemoryDialog)
        await press(pilot, "=after", "ctrl+s")
        assert "after" in {one.content for one in store.memories.values()}
        assert len(store.trash) == 1  # the second one was the same key on the same memory


@pytest.mark.parametrize("opened", ["/", "n"])
async def test_the_editing_keys_of_a_terminal_belong_to_text_fields(opened: str) -> None:
    async with running(Store() if opened == "n" else filled()) as pilot:
        await press(pilot, opened)
        field = pilot.app.focused
        assert isinstance(field, TextArea | Input)
        name = "text" if isinstance(field, TextArea) else "value"
        for keys, left in (
            (("ctrl+k",), "one two"),
            (("ctrl+a", "ctrl+k"), ""),
            (("ctrl+u",), ""),
            (("ctrl+w",), "one "),
            (("ctrl+a", "x"), "xone two"),
            (("ctrl+a", "ctrl+e", "x"), "one twox"),
            (("ctrl+home", "x"), "xone two"),
            (("ctrl+home", "ctrl+end", "x"), "one twox"),
        ):
            setattr(field, name, "")
            await press(pilot, "=one two", *keys)
            assert getattr(field, name) == left, keys
