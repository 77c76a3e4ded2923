"""Acts on one memory and on marked ones, marks, copying, files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.pilot import Pilot
from textual.widgets import Input, Static

from memoria_tui.dialogs.choice import ChoiceDialog
from memoria_tui.dialogs.confirm import ConfirmDialog
from memoria_tui.dialogs.line_prompt import PromptDialog
from memoria_tui.dialogs.relation_type import RelationTypeDialog
from memoria_tui.dialogs.why_found import WhyDialog
from memoria_tui.terminal.clipboard import clipboards
from memoria_tui.user_files.config import Config
from services.model import MemoryType, Progress, Query, RelationType
from tests.tui.conftest import (
    press,
    running,
    screen_of,
    settle,
    titles,
    toasts,
    type_at_once,
    type_text,
    until,
)
from tests.tui.fakes import Store, filled, many, memory_id
from tests.tui.passing_time import passes_until

if TYPE_CHECKING:
    from services.container import Services

NEWEST, SECOND = memory_id(7), memory_id(1)


async def at_once(pilot: Pilot[None], *keys: str) -> None:
    """Keys in one go, then a look at what became of them."""
    type_at_once(pilot, *keys)
    await settle(pilot)


async def test_tags_are_added_completed_and_switched_off_and_marked_memories_keep_what_only_some_have() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "down", "t", "=urgent, api", "enter", "down", "space", "ctrl+s")
        assert store.memories[SECOND].tags == ("jwt", "urgent", "api")
        assert toasts(pilot) == ['Tags +urgent +api −auth on "JWT expiry was set to 10 s; tokens…" · u to undo']
        await press(pilot, "up", "t", "=run", "right", "ctrl+s")
        assert store.memories[NEWEST].tags == ("postgres", "runbook"), "completed"
        await press(pilot, "space", "space", "t", "=shared", "enter", "ctrl+s")
        assert store.memories[NEWEST].tags == ("postgres", "runbook", "shared")
        assert store.memories[SECOND].tags == ("jwt", "urgent", "api", "shared")
        assert screen_of(pilot).memory_list.marked == {NEWEST, SECOND}
        await press(pilot, "escape")
        assert not screen_of(pilot).memory_list.marked


async def test_importance_project_and_type_are_set_on_marked_memories() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "space", "space", "equals_sign", "i")
        await pilot.press("ctrl+u")
        await type_text(pilot, "7")
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, PromptDialog)
        await pilot.press("ctrl+u")
        await type_text(pilot, "0.7")
        await press(pilot, "enter")
        assert {store.memories[one].importance for one in (NEWEST, SECOND)} == {0.7}
        await press(pilot, "escape", "equals_sign", "p")
        await type_text(pilot, "mobile")
        await press(pilot, "enter")
        await press(pilot, "equals_sign", "t", "p")
        changed = screen_of(pilot).memory_list.current
        assert changed is not None
        assert store.memories[changed.memory.id].project == "mobile"
        assert store.memories[changed.memory.id].type is MemoryType.PROCEDURAL


async def test_what_another_program_set_meanwhile_is_shown_before_it_is_overwritten() -> None:
    store = filled()
    cases: tuple[tuple[str, dict[str, Any], str, str], ...] = (
        ("i", {"importance": 0.1}, "0.9", "0.1"),
        ("p", {"project": "projB"}, "projA", "projB"),
    )
    async with running(store) as pilot:
        for key, theirs, typed, told in cases:
            await press(pilot, "equals_sign", key, "ctrl+u", f"={typed}")
            store.memories[NEWEST] = replace(store.memories[NEWEST], **theirs)
            await press(pilot, "enter")
            (hint,) = pilot.app.screen.query("#hint").results(Static)
            assert f'changed by another program: "{told}" stands there now' in str(hint.content)
            await press(pilot, "enter")
            assert toasts(pilot)[-1].split(" on ")[0].endswith(typed)


async def test_a_project_stays_until_it_is_taken_away_by_name() -> None:
    store = filled()
    async with running(store) as pilot:
        project = store.memories[NEWEST].project
        assert project
        await press(pilot, "equals_sign", "p", "enter")
        assert store.memories[NEWEST].project == project
        await press(pilot, "equals_sign", "p", "ctrl+u", "enter")
        assert isinstance(pilot.app.screen, PromptDialog)
        await press(pilot, "escape", "ctrl+d")
        assert store.memories[NEWEST].project == project
        await press(pilot, "equals_sign", "n")
        assert store.memories[NEWEST].project is None


async def test_all_hits_are_marked_and_deleted_as_one_act() -> None:
    store = many(2500)
    async with running(store) as pilot:
        await press(pilot, "a")
        assert len(screen_of(pilot).memory_list.marked) == 2500
        await press(pilot, "d", "y")
        assert not store.memories
        assert toasts(pilot) == ['Deleted 2,500 memories: "memory 2400", "memory 2401", … · u to undo']
        await press(pilot, "u")
        assert len(store.memories) == 2500


async def test_one_key_changes_more_than_twenty_memories_only_after_a_question_that_says_how_many() -> None:
    store = many(21)
    async with running(store) as pilot:
        before = dict(store.memories)
        await press(pilot, "a")
        for keys, question in (
            (("d",), "Delete 21 memories?"),
            (("comma",), "Confirm 21 memories?"),
            (("full_stop",), "Let 21 memories expire?"),
            (("equals_sign", "n"), "Remove the project of 21 memories?"),
            (("equals_sign", "t", "e"), "Make 21 memories episodic?"),
        ):
            await press(pilot, *keys)
            assert isinstance(pilot.app.screen, ConfirmDialog)
            assert str(pilot.app.screen.query_one("#dialog").border_title) == question
            await press(pilot, "n")
        assert store.memories == before
        await press(pilot, "space", "d")
        assert len(store.trash) == 20
        await press(pilot, "d", "T", "a", "enter")
        assert isinstance(pilot.app.screen, ConfirmDialog)
        await press(pilot, "y")
        assert store.memories.keys() == before.keys()


async def test_what_is_pasted_without_marks_deletes_no_list() -> None:
    store = many(193)
    async with running(store) as pilot:
        pasted = ["space" if one == " " else one for one in "a d = y Z y"]
        await at_once(pilot, *pasted, "enter", "T", "space", "Z", "space", "y", "space", "E", "space", "y", "enter")
        assert len(store.memories) == 193


async def test_a_key_acts_on_what_was_searched_for_however_fast_it_comes() -> None:
    store = filled()
    store.delays = {"token": 0.3, "release": 0.3}
    async with running(store) as pilot:
        await at_once(pilot, "l", *"release", "enter")
        assert isinstance(pilot.app.screen, RelationTypeDialog)
        assert "How we cut a release" in pilot.app.export_screenshot().replace("&#160;", " ")
        await press(pilot, "escape")
        await at_once(pilot, "/", *"token", "enter", "d")
        (deleted,) = store.trash.values()
        assert "token" in deleted.content
        assert deleted.id != NEWEST


async def test_a_key_behind_a_facet_acts_on_what_the_facet_leaves() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "f", "down")
        await at_once(pilot, "space", "d")
        (deleted,) = store.trash.values()
        narrowed = next(query for query in reversed(store.asked) if query != Query())
        store.memories[deleted.id] = deleted
        assert deleted in store.matching(narrowed)
        assert deleted.id != NEWEST


async def test_a_search_that_cannot_be_understood_keeps_the_keys_behind_it() -> None:
    store = filled()
    async with running(store) as pilot:
        for text in ("type:nonsense", "since:xyz"):
            await at_once(pilot, "/", *text, "enter", "d")
            assert not store.trash
            assert screen_of(pilot).search_bar.text == f"{text}d"
            assert screen_of(pilot).search_bar.has_focus_within
            await press(pilot, "ctrl+u", "escape")


async def test_a_search_that_is_never_answered_keeps_nobody_from_leaving() -> None:
    store = filled()
    store.delays = {"token": 3600.0}
    async with running(store) as pilot:
        type_at_once(pilot, "/", *"token", "enter", "d", "ctrl+q")
        await passes_until(lambda: pilot.app._exit)
    assert not store.trash


async def test_keys_behind_mark_all_wait_for_the_marks_and_escape_takes_them_back() -> None:
    store = filled()
    store.page_seconds = 0.2
    async with running(store) as pilot:
        screen = screen_of(pilot)
        await at_once(pilot, "a", "escape")
        assert not screen.memory_list.marked
        await at_once(pilot, "a", "d")
        assert not store.memories


async def test_why_shows_the_parts_of_the_score() -> None:
    async with running(filled()) as pilot:
        await press(pilot, "slash")
        await type_text(pilot, "token")
        await press(pilot, "enter", "down", "w")
        assert isinstance(pilot.app.screen, WhyDialog)
        shown = pilot.app.export_screenshot()
        for part in ("meaning", "words", "graph", "0.83", "0.30"):
            assert part in shown


async def test_text_and_id_go_to_the_clipboard_without_what_a_terminal_would_obey() -> None:
    store = filled()
    store.memories = {"x": store.memories[NEWEST].__class__("x", MemoryType.SEMANTIC, "a\x1b[2J\n\tb \ud800")}
    async with running(store) as pilot:
        await press(pilot, "y")
        assert pilot.app.clipboard == "a[2J\n\tb ?"
        assert toasts(pilot)[-1].endswith(" is sent to the terminal, for its clipboard")
        await press(pilot, "Y")
        assert pilot.app.clipboard == "x"
        assert toasts(pilot)[-1].startswith("The id is sent to the terminal, for its clipboard: ")


async def test_where_a_program_takes_what_is_copied_that_is_told_and_one_that_fails_is_passed_over(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "kept"
    for name, script in (("tmux", "exit 1"), ("xclip", f"/bin/cat > {kept}")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    here = {"PATH": str(tmp_path), "TMUX": "x", "DISPLAY": ":0"}
    assert [one.command[0] for one in clipboards(here)] == ["tmux", "xclip"]
    assert [one.command[0] for one in clipboards({**here, "SSH_CONNECTION": "x"})] == ["tmux"]
    commands = [replace(one, command=(str(tmp_path / one.command[0]), *one.command[1:])) for one in clipboards(here)]
    async with running(filled(), config=Config(clipboards=tuple(commands))) as pilot:
        await press(pilot, "y")
        await until(pilot, lambda: bool(toasts(pilot)))
        assert toasts(pilot)[-1].endswith(" is in the clipboard")
        assert kept.read_text() == filled().memories[NEWEST].content


async def test_a_store_whose_memories_are_all_in_the_trash_says_so() -> None:
    async with running(filled()) as pilot:
        await press(pilot, "a", "d")
        notice = str(screen_of(pilot).query_one("#notice", Static).render())
        assert "No memories: 7 are in the trash." in notice
        assert "T  see the trash" in notice


async def test_marked_memories_are_exported_to_a_new_file(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    async with running(filled()) as pilot:
        await press(pilot, "space", "x")
        pilot.app.screen.query_one(Input).value = str(file)
        await press(pilot, "enter")
        await until(pilot, file.exists)
        await settle(pilot)
        assert file.read_text().split() == [NEWEST]


async def test_an_empty_store_greets_and_takes_a_file(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("one\n\ntwo\n")
    store = Store()
    async with running(store) as pilot:
        assert "No&#160;memories&#160;yet" in pilot.app.export_screenshot()
        await press(pilot, "i")
        pilot.app.screen.query_one(Input).value = str(tmp_path / "absent")
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, PromptDialog)
        await press(pilot, "ctrl+u")
        await type_text(pilot, str(tmp_path / "no"))
        await until(pilot, lambda: pilot.app.screen.query_one(Input)._suggestion != "")
        await press(pilot, "tab", "enter")
        shown = pilot.app.export_screenshot()
        for told in ("2&#160;new", "1&#160;left&#160;out", "notes.txt:&#160;2:&#160;empty", "two"):
            assert told in shown
        assert not store.memories
        await press(pilot, "enter")
        await until(pilot, lambda: len(titles(pilot)) == 2)
        await settle(pilot)
        assert toasts(pilot) == ["2 memories imported · 1 left out · notes.txt: 2: empty"]


async def test_an_import_asks_which_side_stands_where_both_changed(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("one of mine | eins of theirs\ntwo of mine | zwei of theirs\nthree | drei\n")
    store = Store()
    async with running(store) as pilot:
        await press(pilot, "i")
        pilot.app.screen.query_one(Input).value = str(file)
        await press(pilot, "enter")
        assert "enter" not in pilot.app.screen.active_bindings  # nothing would be written
        await press(pilot, "c")
        shown = pilot.app.export_screenshot()
        for told in ("one", "eins", "take&#160;the&#160;source", "decide&#160;later"):
            assert told in shown
        await press(pilot, "t", "m", "escape")
        shown = pilot.app.export_screenshot()
        for told in ("yours&#160;is&#160;taken", "source&#x27;s&#160;is&#160;taken", "stays&#160;as&#160;it&#160;is"):
            assert told in shown
        assert shown.count("kept&#160;as&#160;it&#160;is") == 1
        assert "2&#160;decided" in shown
        assert [text in shown for text in ("eins&#160;of", "two&#160;of", "one&#160;of", "zwei&#160;of")] == [
            True, True, False, False,
        ]  # fmt: skip
        await press(pilot, "enter")
        await until(pilot, lambda: len(titles(pilot)) == 2)
        assert sorted(titles(pilot)) == ["eins of theirs", "two of mine"]


async def test_demo_data_is_loaded_into_an_empty_store_only() -> None:
    store = Store()

    async def load(services: Services, progress: Callable[[Progress], None]) -> str:
        progress(Progress(1, 2, "Making"))
        store.memories = {SECOND: filled().memories[SECOND]}
        screen_of(pilot).changed()
        await until(pilot, lambda: len(titles(pilot)) == 1)
        store.memories = filled().memories
        return "7 memories of a small company"

    async with running(store, load_demo=load) as pilot:
        await press(pilot, "D")
        await until(pilot, lambda: len(titles(pilot)) == 7)
        await settle(pilot)
        assert toasts(pilot) == ["7 memories of a small company · u to undo"]
        assert screen_of(pilot).memory_list.cursor == 0
        store.memories = {}
        await press(pilot, "D")
        assert not store.memories


async def test_an_act_on_marked_memories_that_are_not_in_the_list_asks_first() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "space", "/", "=JWT expiry", "enter")
        memories = screen_of(pilot).memory_list
        assert len(titles(pilot)) == 1
        assert memories.marked == {NEWEST}
        for marks, answer, deleted in (
            ((), "escape", set()),
            ((), "a", {NEWEST}),
            ((), "s", {SECOND}),
            (("space",), "s", {SECOND}),
        ):
            memories.mark_all({NEWEST})
            await press(pilot, *marks, "d")
            assert isinstance(pilot.app.screen, ChoiceDialog), answer
            assert "1 marked memory is not in the list." in str(pilot.app.screen.query_one(".text", Static).render())
            assert not store.trash, answer
            await press(pilot, "…", answer)
            assert set(store.trash) == deleted, answer
            if deleted:
                await press(pilot, "u")
        title = "A title in more words than the dialog is wide"
        pilot.app.push_screen(ChoiceDialog(title, []))
        await settle(pilot)
        assert pilot.app.screen.query_one("#dialog").region.width > len(title) + 2


async def test_a_key_confirms_or_retires_the_one_under_the_cursor_and_one_is_superseded() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "comma")
        assert store.memories[NEWEST].last_verified is not None
        assert toasts(pilot)[-1].startswith("Confirmed on ")
        await press(pilot, "full_stop")
        assert store.memories[NEWEST].expires_at is not None
        await press(pilot, "greater_than_sign", "enter")
        (made,) = store.relations_of(NEWEST)
        assert made.type is RelationType.SUPERSEDES
        await press(pilot, "semicolon")
        assert "It replaced" in str(pilot.app.screen.query_one("#difference", Static).content)
        await press(pilot, "down", "enter")
        assert screen_of(pilot).preview.shown == store.memories[made.target_id]
