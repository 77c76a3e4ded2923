"""What is typed and not saved is offered at the next start, whatever ended the program."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input, Static

from memoria_tui.app import MemoriaApp
from memoria_tui.dialogs.conflict import ConflictDialog
from memoria_tui.dialogs.dialog import Dialog, DiscardDialog
from memoria_tui.dialogs.edit_tags import TagsDialog
from memoria_tui.dialogs.form import FormDialog
from memoria_tui.dialogs.line_prompt import PromptDialog
from memoria_tui.dialogs.merged_text import MergedText
from memoria_tui.dialogs.new_memory import EMPTY, NewMemoryDialog, as_typed
from memoria_tui.dialogs.unsaved_text import UnsavedDialog
from memoria_tui.user_files.drafts import Draft, DraftKeeper, DraftKind, Drafts
from memoria_tui.widgets.memory_editor import SafeTextArea
from services.model import Entity
from services.work.billing_values import Terms, changed_terms, terms_of
from tests.tui.conftest import key_event, make_app, press, running, screen_of, settle, toasts, type_at_once, until
from tests.tui.fakes import FakeServices, Store, clock, filled, memory_id
from tests.tui.on_a_terminal import Play, program
from tests.tui.passing_time import passes, passes_until
from tests.tui.plain_app import plain_app
from tests.tui.quick import quick
from tests.tui.work_world import Desk, one_running, work_screen

NEWEST = memory_id(7)
_FIRST_LINE = "Postgres autovacuum"
_MUCH_LATER = 1e9
"""In monotonic seconds: what is on the screen can be read by then."""


def texts(folder: Path) -> list[str]:
    """What stands in the files of a folder; a program may remove one at any moment."""
    found: list[str] = []
    for file in folder.glob("*.json"):
        with suppress(FileNotFoundError):
            found += [one["values"].get("text", "") for one in json.loads(file.read_bytes())]
    return found


def left(folder: Path, *drafts: Draft) -> None:
    """Leaves drafts as a program does that was killed."""
    ended = Drafts(folder, lambda: drafts)
    ended.keep()
    ended.release()


class Timed:
    """The part of an app that a keeper of drafts needs; timers end when the test says so."""

    is_running = True

    def __init__(self) -> None:
        self.due: list[Callable[[], Awaitable[None]]] = []

    def set_timer(self, _: float, act: Callable[[], Awaitable[None]], *, name: str) -> Callable[[], Awaitable[None]]:
        self.due.append(act)
        return act

    def run_worker(self, work: Callable[[], Awaitable[None]], *, group: str) -> None:
        pass


def test_of_a_text_that_was_emptied_the_question_says_so() -> None:
    draft = Draft(DraftKind.EDIT_MEMORY, "1", "a title", values={"before": "words", "text": ""})
    assert "the text is empty" in str(UnsavedDialog(draft)._text)


async def test_text_that_is_still_on_its_way_to_its_field_when_it_is_time_is_kept_once_it_is_there(
    tmp_path: Path,
) -> None:
    app, typing = Timed(), True
    keeper = DraftKeeper(
        cast("App[None]", app), tmp_path, lambda: (), lambda *_, **__: None, lambda: False, lambda: typing
    )
    keeper.keep_soon()
    await app.due.pop()()
    assert len(app.due) == 1
    typing = False
    await app.due.pop()()
    assert app.due == []


async def test_what_went_nowhere_is_told_to_be_kept_only_once_it_is(tmp_path: Path) -> None:
    app, said, folder = Timed(), list[str](), tmp_path / "drafts"
    works = list[Callable[[], Awaitable[None]]]()
    app.run_worker = lambda work, *, group: works.append(work)  # type: ignore[method-assign]
    folder.write_text("no folder")
    keeper = DraftKeeper(
        cast("App[None]", app), folder, lambda: (), lambda line, **_: said.append(line), lambda: False, lambda: False
    )

    async def a_while() -> None:
        await app.due.pop()()
        await works.pop()()

    keeper.set_aside(Draft(DraftKind.NEW_MEMORY, values={"text": "five six"}))
    assert said == []
    for _ in range(2):
        await a_while()
        (line,) = said
        assert line.startswith("What was typed meanwhile is not kept yet: ")
    folder.unlink()
    await a_while()
    assert said[1:] == ["What was typed meanwhile is kept: the next start offers it"]
    assert texts(folder) == ["five six"]


async def offered(pilot: Pilot[None]) -> None:
    """Lets the time pass until the offer of a text takes keys."""
    await passes(2)
    await until(pilot, lambda: isinstance(pilot.app.screen, UnsavedDialog) and pilot.app.screen.was_read(_MUCH_LATER))
    await passes(1)


async def leave(pilot: Pilot[None], times: int = 1) -> None:
    """Presses ctrl+q so often at the most, again when that was asked for, until the app ends."""
    for number in range(times):
        if number:
            await passes_until(lambda: pilot.app._exit or any("ctrl+q again" in one for one in toasts(pilot)))
        pilot.app.post_message(key_event("ctrl+q"))
    await until(pilot, lambda: pilot.app._exit)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_text_survives_every_end_of_the_program(tmp_path: Path, number: signal.Signals) -> None:
    drafts = tmp_path / "drafts"
    with program(Play(drafts=str(drafts))) as terminal:
        terminal.until(_FIRST_LINE)
        terminal.type("n")
        terminal.until("New memory")
        terminal.type("precious")
        terminal.until("precious")
        while number is signal.SIGKILL and texts(drafts) != ["precious"]:
            terminal.read(0.1)
        os.kill(terminal.process, number)
        assert terminal.wait() == (-number if number is signal.SIGKILL else 128 + number)
    assert texts(drafts) == ["precious"]
    (file,) = drafts.glob("*.json")
    assert (file.stat().st_mode & 0o777, drafts.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_what_an_editor_outside_saved_survives_every_end_of_the_program(tmp_path: Path, number: signal.Signals) -> None:
    drafts, editor = tmp_path / "drafts", tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho precious > "$1"\necho editing\nexec sleep 60\n')
    editor.chmod(0o755)
    with program(Play(drafts=str(drafts), editor=str(editor))) as terminal:
        terminal.until(_FIRST_LINE)
        terminal.type("\x05")
        terminal.until("editing")
        while number is signal.SIGKILL and texts(drafts) != ["precious"]:
            terminal.read(0.1)
        os.kill(terminal.process, number)
        assert terminal.wait() == (-number if number is signal.SIGKILL else 128 + number)
    assert texts(drafts) == ["precious"]


async def test_what_an_editor_saves_that_outlives_the_program_is_offered(tmp_path: Path) -> None:
    drafts, go, ended = (tmp_path / name for name in ("drafts", "go", "ended"))
    editor = tmp_path / "editor"
    waiting = f"until [ -e {go} ]; do sleep 0.1; done"
    editor.write_text(f'#!/bin/sh\ntrap "" HUP\necho editing\n{waiting}\necho precious > "$1"\ntouch {ended}\n')
    editor.chmod(0o755)
    with program(Play(drafts=str(drafts), editor=str(editor))) as terminal:
        terminal.until(_FIRST_LINE)
        terminal.type("\x05")
        terminal.until("editing")
        os.kill(terminal.process, signal.SIGKILL)
        terminal.wait()
    async with running(filled(), drafts=drafts) as pilot:
        await passes(1.5)
        await settle(pilot)
        assert screen_of(pilot).is_current  # nothing was saved yet
        go.touch()
        async with asyncio.timeout(60):
            while not ended.exists():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await press(pilot, "e")
        await offered(pilot)
        await press(pilot, "escape")
        await leave(pilot)
    async with running(filled(), drafts=drafts) as pilot:
        await offered(pilot)
        await press(pilot, "ctrl+o")
        assert screen_of(pilot).preview.edited_text == "precious"
        await press(pilot, "escape", "escape")
        await leave(pilot, 2)


async def test_a_copy_that_nobody_typed_into_is_no_text_that_was_not_saved(tmp_path: Path) -> None:
    untouched = {"text": "as it was", "before": "as it was"}
    left(tmp_path, Draft(DraftKind.EDIT_MEMORY, NEWEST, "as it was", untouched))
    async with running(filled(), drafts=tmp_path) as pilot:
        await passes(1.5)
        await settle(pilot)
        assert screen_of(pilot).is_current
        await leave(pilot)
    assert texts(tmp_path) == []


async def test_what_was_kept_at_the_end_stays_when_a_write_was_still_to_come(tmp_path: Path) -> None:
    async with running(filled(), drafts=tmp_path) as pilot:
        app = pilot.app
        assert isinstance(app, MemoriaApp)
        await press(pilot, "n", "=precious")
        app.leaving.end()
    await app.drafts._write()
    await app.drafts.keep_before_a_write()
    assert texts(tmp_path) == ["precious"]


def test_a_text_being_saved_when_a_signal_comes_is_saved_once(tmp_path: Path) -> None:
    drafts, written = tmp_path / "drafts", tmp_path / "written"
    with program(Play(drafts=str(drafts), slow=0.5, written=str(written))) as terminal:
        terminal.until(_FIRST_LINE)
        terminal.type("n")
        terminal.until("New memory")
        terminal.type("kept")
        terminal.until("kept")
        terminal.type("\x13")
        terminal.until("saving")
        os.kill(terminal.process, signal.SIGTERM)
        assert terminal.wait() == 143
    assert [json.loads(line) for line in written.read_text().splitlines()] == ["kept"]
    assert texts(drafts) == []


async def test_a_new_memory_goes_on_with_all_its_fields_and_is_offered_no_more_once_saved(tmp_path: Path) -> None:
    values = {"text": "a\x1b[31m[b]\n\ud800", "type": "episodic", "project": "api", "importance": "0.7", "tags": "x, y"}
    left(tmp_path, Draft(DraftKind.NEW_MEMORY, title="a new memory", values=values))
    store = Store()
    async with running(store, drafts=tmp_path) as pilot:
        await offered(pilot)
        await press(pilot, "ctrl+o")
        assert isinstance(pilot.app.screen, NewMemoryDialog)
        await press(pilot, "ctrl+s")
        (memory,) = store.memories.values()
        assert (memory.content, memory.type, memory.project) == (values["text"], "episodic", "api")
        assert (memory.importance, memory.tags) == (0.7, ("x", "y"))
        await leave(pilot)
    assert texts(tmp_path) == []


async def test_an_edit_goes_on_in_the_editor(tmp_path: Path) -> None:
    store = filled()
    before = store.memories[NEWEST].content
    left(tmp_path, Draft(DraftKind.EDIT_MEMORY, NEWEST, "t", {"text": "my text", "before": before}))
    async with running(store, drafts=tmp_path) as pilot:
        await offered(pilot)
        await press(pilot, "ctrl+o")
        assert screen_of(pilot).preview.edited_text == "my text"
        await press(pilot, "x", "ctrl+s")
        assert store.memories[NEWEST].content == "my textx"


async def test_an_edit_of_what_others_changed_meanwhile_shows_both(tmp_path: Path) -> None:
    left(tmp_path, Draft(DraftKind.EDIT_MEMORY, NEWEST, "t", {"text": "my text", "before": "as it was"}))
    async with running(filled(), drafts=tmp_path) as pilot:
        await offered(pilot)
        await press(pilot, "ctrl+o", "ctrl+s")
        assert isinstance(pilot.app.screen, ConflictDialog)


async def test_an_edit_of_a_memory_that_is_gone_goes_on_as_a_new_one(tmp_path: Path) -> None:
    left(tmp_path, Draft(DraftKind.EDIT_MEMORY, "gone", "t", {"text": "my text", "before": "as it was"}))
    async with running(filled(), drafts=tmp_path) as pilot:
        await offered(pilot)
        await press(pilot, "ctrl+o")
        assert isinstance(pilot.app.screen, NewMemoryDialog)
        assert pilot.app.screen.text.content == "my text"


async def test_what_is_typed_into_dialogs_of_memories_is_asked_about_and_goes_on(tmp_path: Path) -> None:
    cases: list[tuple[tuple[str, ...], type[Dialog[Any]]]] = [
        (("t", "down", "space"), TagsDialog),
        (("t", "=half a tag"), TagsDialog),
        (("equals_sign", "p", "=-new"), PromptDialog),
        (("equals_sign", "i", "=1"), PromptDialog),
        (("n", "tab", "tab", "=api"), NewMemoryDialog),
        (("space", "j", "space", "M", "e", "=more"), MergedText),
    ]
    typed: dict[str, str] = {}
    before: type[Dialog[Any]] | None = None
    for keys, kind in [*cases, ((), None)]:
        async with running(filled(), drafts=tmp_path) as pilot:
            if before is not None:
                await offered(pilot)
                await press(pilot, "ctrl+o")
                assert isinstance(pilot.app.screen, before)
                assert pilot.app.screen.typed() == typed
                await press(pilot, "escape", "ctrl+d")
                assert screen_of(pilot).is_current, before
            if kind is not None:
                await press(pilot, *keys)
                assert isinstance(pilot.app.screen, kind)
                typed = dict(pilot.app.screen.typed())
                assert typed, keys
                await press(pilot, "escape")
                assert isinstance(pilot.app.screen, DiscardDialog), keys
                await press(pilot, "escape")
                await leave(pilot, 2)
            before = kind


async def test_what_was_saved_just_before_the_end_is_not_offered(tmp_path: Path) -> None:
    saved = filled().memories[NEWEST].content
    left(
        tmp_path,
        Draft(DraftKind.NEW_MEMORY, values={"text": saved}),
        Draft(DraftKind.EDIT_MEMORY, NEWEST, "t", {"text": saved, "before": "x"}),
        Draft(DraftKind.TAGS, NEWEST, "t", {"text": "postgres"}),
        Draft(DraftKind.TAGS, NEWEST, "t", {"added": "postgres", "removed": "old"}),
        Draft(DraftKind.PROJECT, NEWEST, "t", {"text": "infra"}),
        Draft(DraftKind.IMPORTANCE, NEWEST, "t", {"text": "0.5"}),
        Draft(DraftKind.MERGED_TEXT, f"{NEWEST},gone", "t", {"text": f"{saved}\n"}),
    )
    async with running(filled(), drafts=tmp_path) as pilot:
        await passes(2)
        keeper = pilot.app.drafts  # type: ignore[attr-defined]
        await until(pilot, lambda: not keeper.left or isinstance(pilot.app.screen, UnsavedDialog))
        assert keeper.left == []
        assert screen_of(pilot).is_current
        await leave(pilot)
    assert texts(tmp_path) == []


async def test_what_a_save_holds_that_is_finished_after_the_start_is_not_offered(tmp_path: Path) -> None:
    left(tmp_path, Draft(DraftKind.NEW_MEMORY, values={"text": "cut short"}, saving=True))
    services = FakeServices(filled())

    async def recover(*, due_only: bool = False) -> int:
        await asyncio.sleep(1.5)
        known = services.store.memories
        known[memory_id(99)] = replace(known[NEWEST], id=memory_id(99), content="cut short")
        return 1

    services.memories.recover = recover  # type: ignore[method-assign]
    async with quick(plain_app(services.opened, clock=clock, drafts=tmp_path)).run_test() as pilot:
        await passes_until(lambda: isinstance(pilot.app.screen, UnsavedDialog) or not texts(tmp_path))
        assert not isinstance(pilot.app.screen, UnsavedDialog)


async def test_texts_go_on_at_their_end_one_after_the_other_also_in_another_mode(tmp_path: Path) -> None:
    left(tmp_path, Draft(DraftKind.NEW_MEMORY, title="a new memory", values={"text": "one\ntwo"}))
    left(tmp_path, Draft(DraftKind.EDIT_MEMORY, NEWEST, "t", {"text": "my text", "before": "as it was"}))
    seen = set[str]()
    async with running(filled(), drafts=tmp_path, mode="graph") as pilot:
        assert cast("MemoriaApp", pilot.app).mode_screens == [screen_of(pilot)], "it has texts to ask about"
        await press(pilot, "3")
        for _ in range(2):
            await offered(pilot)
            await press(pilot, "ctrl+o", "x")
            area = pilot.app.focused
            assert isinstance(area, SafeTextArea)
            seen.add(area.content)
            await press(pilot, "escape", "escape" if screen_of(pilot).is_editing else "ctrl+d")
        assert seen == {"one\ntwox", "my textx"}


async def test_an_edit_that_is_left_is_kept_and_offered_where_it_was_typed(tmp_path: Path) -> None:
    async with running(filled(), drafts=tmp_path) as pilot:
        await press(pilot, "e", "=mine ", "escape", "escape")
        assert screen_of(pilot).preview.editing is None
        assert "kept: e on" in toasts(pilot)[-1]
        await press(pilot, "e")
        await offered(pilot)
        await press(pilot, "ctrl+o")
        assert screen_of(pilot).preview.edited_text.startswith("mine Postgres")
        await press(pilot, "escape", "escape")
        await leave(pilot)
    assert texts(tmp_path)[0].startswith("mine Postgres")


def test_a_memory_that_is_gone_fills_every_field_of_a_new_one() -> None:
    assert as_typed(filled().memories[memory_id(1)], "x").keys() == EMPTY.keys()


async def test_what_was_typed_into_a_memory_that_is_gone_is_offered_as_a_new_one(tmp_path: Path) -> None:
    store = filled()
    async with running(store, drafts=tmp_path) as pilot:
        await press(pilot, "e", "=mine ")
        gone = store.memories.pop(NEWEST)
        await press(pilot, "escape", "escape")
        assert toasts(pilot)[-1].endswith("was deleted; n in Memories offers it as a new memory")
        await press(pilot, "n")
        await offered(pilot)
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, NewMemoryDialog)
        await press(pilot, "escape", "n")
        await offered(pilot)
        await press(pilot, "ctrl+o", "ctrl+s")
        made = next(one for one in store.memories.values() if one.content.startswith("mine Postgres"))
        assert (made.tags, made.project, made.type) == (gone.tags, gone.project, gone.type)
        await until(pilot, lambda: not texts(tmp_path))


async def test_the_offer_says_that_it_takes_no_other_keys(tmp_path: Path) -> None:
    left(tmp_path, Draft(DraftKind.NEW_MEMORY, title="a new memory", values={"text": "one"}))
    async with running(filled(), drafts=tmp_path) as pilot:
        await offered(pilot)
        await press(pilot, "ctrl+d", "x")
        hint = pilot.app.screen.query_one("#hint", Static)
        assert str(hint.content) == "Only ctrl+d, esc answer this: other keys go nowhere"


async def test_it_is_thrown_away_only_after_a_yes_and_kept_for_later_by_escape(tmp_path: Path) -> None:
    one, other = (Draft(DraftKind.NEW_MEMORY, title="a new memory", values={"text": text}) for text in ("one", "other"))
    left(tmp_path, one)
    left(tmp_path, other)
    async with running(Store(), drafts=tmp_path) as pilot:
        await offered(pilot)
        await press(pilot, "escape")
        await offered(pilot)
        await press(pilot, "ctrl+d")
        assert isinstance(pilot.app.screen, DiscardDialog)
        await press(pilot, "escape")
        await offered(pilot)
        await press(pilot, "ctrl+d", "ctrl+d")
        assert screen_of(pilot).is_current
        await leave(pilot)
    assert len(texts(tmp_path)) == 1
    async with running(Store(), drafts=tmp_path) as pilot:
        assert isinstance(pilot.app.screen, UnsavedDialog)


async def test_leaving_with_a_text_keeps_it_and_dropping_it_does_not(tmp_path: Path) -> None:
    async with running(Store(), drafts=tmp_path) as pilot:
        await press(pilot, "n", "=kept")
        await leave(pilot, 2)
    assert texts(tmp_path) == ["kept"]
    async with running(Store(), drafts=tmp_path) as pilot:
        await offered(pilot)
        await press(pilot, "ctrl+o", "escape", "ctrl+d")
        await leave(pilot)
    assert texts(tmp_path) == []


async def test_who_typed_on_after_the_warning_is_warned_again(tmp_path: Path) -> None:
    async with running(Store(), drafts=tmp_path) as pilot:
        for text in ("=one", "=two"):
            await press(pilot, "n", text, "ctrl+q")
            assert "ctrl+q again leaves without: what you typed into New memory" in toasts(pilot)
            assert not pilot.app._exit
            await press(pilot, "escape", "ctrl+d")


async def test_the_offer_waits_for_who_types_and_takes_no_key_that_was_meant_for_something_else(tmp_path: Path) -> None:
    left(tmp_path, Draft(DraftKind.NEW_MEMORY, title="a new memory", values={"text": "kept"}))
    async with running(filled(), drafts=tmp_path) as pilot:
        await offered(pilot)
        dialog = pilot.app.screen
        assert isinstance(dialog, UnsavedDialog)
        dialog._was_shown()
        await press(pilot, "escape")
        assert not pilot.app._exit
        await offered(pilot)
        await leave(pilot)
    async with make_app(filled(), drafts=tmp_path).run_test() as pilot:
        type_at_once(pilot, *"/od")
        async with asyncio.timeout(60):
            while not isinstance(pilot.app.focused, Input) or pilot.app.focused.value != "od":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await passes(1.5)
        await settle(pilot)
        assert screen_of(pilot).is_current
        pilot.app.post_message(key_event("escape"))
        await offered(pilot)
    assert texts(tmp_path) == ["kept"]


async def test_a_text_that_no_store_can_have_is_offered_before_the_stores_tell_what_they_have(tmp_path: Path) -> None:
    left(tmp_path, Draft(DraftKind.NEW_MEMORY, title="a new memory", values={"text": "kept"}))
    services, answers = FakeServices(filled()), asyncio.Event()

    async def unfinished(**_: object) -> None:
        await answers.wait()

    services.restoring.unfinished = unfinished  # type: ignore[method-assign]
    services.memories.recover = unfinished  # type: ignore[assignment]
    async with quick(plain_app(services.opened, clock=clock, drafts=tmp_path)).run_test() as pilot:
        await offered(pilot)
        answers.set()


async def test_an_offer_makes_way_for_keys_that_were_meant_for_the_list_and_comes_again(tmp_path: Path) -> None:
    left(tmp_path, Draft(DraftKind.NEW_MEMORY, title="a new memory", values={"text": "kept"}))
    store = filled()
    async with running(store, drafts=tmp_path) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, UnsavedDialog))
        type_at_once(pilot, "n", *"done", "ctrl+s")
        await until(pilot, lambda: "done" in {one.content for one in store.memories.values()})
        await offered(pilot)
        await press(pilot, "ctrl+o")
        assert isinstance(dialog := pilot.app.screen, NewMemoryDialog)
        assert dialog.text.content == "kept"


async def test_a_key_of_the_list_goes_nowhere_once_an_offer_was_read(tmp_path: Path) -> None:
    left(tmp_path, Draft(DraftKind.NEW_MEMORY, title="a new memory", values={"text": "kept"}))
    store = filled()
    async with running(store, drafts=tmp_path) as pilot:
        await offered(pilot)
        before = len(store.memories)
        await press(pilot, "d")
        assert isinstance(dialog := pilot.app.screen, UnsavedDialog)
        assert str(dialog.query_one("#hint", Static).content).startswith("Only ctrl+o, ctrl+d, esc answer this")
        assert len(store.memories) == before


@pytest.mark.parametrize(("number", "pause"), [(signal.SIGHUP, 0.0), (signal.SIGTERM, 0.05), (signal.SIGHUP, 0.15)])
def test_what_was_typed_in_one_go_just_before_a_signal_is_kept(
    tmp_path: Path, number: signal.Signals, pause: float
) -> None:
    drafts = tmp_path / "drafts"
    with program(Play(drafts=str(drafts))) as terminal:
        terminal.until(_FIRST_LINE)
        terminal.type("nwords typed at once")
        time.sleep(pause)
        os.kill(terminal.process, number)
        assert terminal.wait() == 128 + number
    assert texts(drafts) == ["words typed at once"]


def test_a_save_that_is_done_when_the_program_is_killed_leaves_the_text_as_it_was_saved(tmp_path: Path) -> None:
    drafts, begun = tmp_path / "drafts", tmp_path / "begun"
    with program(Play(drafts=str(drafts), begun=str(begun), slow=600)) as terminal:
        terminal.until(_FIRST_LINE)
        terminal.type("e")
        terminal.until("$EDITOR")
        terminal.type("precious \x13")
        terminal.until_there(begun)
        os.kill(terminal.process, signal.SIGKILL)
        terminal.wait()
    (text,) = texts(drafts)
    assert text.startswith("precious ")


async def test_a_living_program_keeps_its_own(tmp_path: Path) -> None:
    lives = Drafts(tmp_path, lambda: [Draft(DraftKind.NEW_MEMORY, values={"text": "mine"})])
    lives.keep()
    async with running(Store(), drafts=tmp_path) as pilot:
        assert not isinstance(pilot.app.screen, UnsavedDialog)
        lives.release()
    async with running(Store(), drafts=tmp_path) as pilot:
        assert isinstance(pilot.app.screen, UnsavedDialog)
        second = Drafts(tmp_path, list)
        second.adopt()
        assert second.left == []


async def test_what_cannot_be_kept_is_told_and_kept_as_soon_as_it_can_be(tmp_path: Path) -> None:
    drafts = tmp_path / "drafts"
    drafts.write_text("no folder")
    async with running(Store(), drafts=tmp_path / "drafts") as pilot:
        await press(pilot, "n", "=text")
        await passes_until(lambda: any("Drafts cannot be saved" in toast for toast in toasts(pilot)))
        drafts.unlink()
        await passes_until(lambda: texts(drafts) == ["text"])
        await leave(pilot, 2)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1]", b"\xff", b'[{"kind": "new memory"}]', b'[{"kind": 3, "of": 4}]']
)
async def test_a_file_that_is_none_of_ours_is_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    drafts = Drafts(tmp_path, list)
    drafts.adopt()
    assert drafts.left == []
    assert (tmp_path / "x.json").read_bytes() == content


async def test_rates_of_an_earlier_start_go_on_and_say_what_others_wrote_before_they_overwrite_that(
    desk: Desk, tmp_path: Path
) -> None:
    drafts = tmp_path / "drafts"
    async with desk.working(one_running, drafts=drafts) as pilot:
        await press(pilot, "dollar_sign", "P", "=95 EUR")
        await leave(pilot, 2)
    acme = await desk.services.clients.client("Acme")
    theirs = changed_terms(Terms(), {"rates": "140 EUR"}, clock().date())
    await desk.services.billing.set_terms(Entity.CLIENT, acme.id, theirs, Terms())
    async with desk.working(drafts=drafts) as pilot:
        await offered(pilot)
        await press(pilot, "ctrl+o")
        assert pilot.app.screen.query_one("#rates", SafeTextArea).content == "95 EUR"
        await press(pilot, "ctrl+s")
        said = str(pilot.app.screen.query_one("#rates-problem", Static).render())
        assert said.startswith("Changed by another program; ctrl+s again overwrites what stands there now: 140 EUR")
        await press(pilot, "ctrl+s")
        acme = await desk.services.clients.client("Acme")
        assert [str(one)[:6] for one in terms_of(acme.metadata).rates] == ["95 EUR"]
        timing = work_screen(pilot).timing
        for typed, is_saved in (("95.00 eur", True), ("96 EUR", False)):
            assert await timing.holds(Draft(DraftKind.CLIENT_RATES, acme.id, values={"rates": typed})) is is_saved
        await leave(pilot)
    assert texts(drafts) == []


async def test_forms_of_work_go_on(desk: Desk, tmp_path: Path) -> None:
    drafts = tmp_path / "drafts"
    cases: list[tuple[tuple[str, ...], type[Dialog[Any]]]] = [
        (("N", "=a note"), PromptDialog),
        (("e", "=more"), FormDialog),
        (("P", "=acme"), FormDialog),
        (("s", "=done so far"), FormDialog),
        (("n", "=write it"), FormDialog),
        (("space", "=lunch"), PromptDialog),
    ]
    typed, before = "", None
    for keys, kind in [*cases, ((), None)]:
        async with desk.working(None if before else one_running, drafts=drafts) as pilot:
            if before is not None:
                await offered(pilot)
                await press(pilot, "ctrl+o")
                assert isinstance(pilot.app.screen, before)
                assert pilot.app.screen.query_one(Input).value == typed
                await press(pilot, "enter")
            if kind is not None:
                await press(pilot, *keys)
                assert isinstance(pilot.app.screen, kind), keys
                typed = pilot.app.screen.query_one(Input).value
            await leave(pilot, 2)
        before = kind
    assert texts(drafts) == []


async def test_a_merged_text_goes_on_beside_what_others_wrote_into_its_memories_meanwhile(tmp_path: Path) -> None:
    kept, other = filled().memories[NEWEST], filled().memories[memory_id(6)]
    values = {"text": "my text of both", "before": "as it was", "other": other.content}
    left(tmp_path, Draft(DraftKind.MERGED_TEXT, f"{kept.id},{other.id}", "t", values))
    async with running(filled(), drafts=tmp_path) as pilot:
        await offered(pilot)
        await press(pilot, "ctrl+o")
        dialog = pilot.app.screen
        assert isinstance(dialog, MergedText)
        text = dialog.query_one(SafeTextArea).content
        assert kept.content in text
        assert "my text of both" in text
        assert other.content not in text
        assert "Changed meanwhile" in str(dialog.query_one("#hint", Static).render())
        assert dialog.typed()["before"] == kept.content


async def test_a_merged_text_of_an_earlier_start_follows_what_others_write_before_it_is_saved(tmp_path: Path) -> None:
    store = filled()
    kept, other = store.memories[NEWEST], store.memories[memory_id(6)]
    values = {"text": "my text of both", "before": kept.content, "other": other.content}
    left(tmp_path, Draft(DraftKind.MERGED_TEXT, f"{kept.id},{other.id}", "t", values))
    async with running(store, drafts=tmp_path) as pilot:
        await offered(pilot)
        await press(pilot, "ctrl+o")
        store.memories[other.id] = replace(other, content="theirs by now")
        await press(pilot, "ctrl+s")
        text = pilot.app.screen.query_one(SafeTextArea).content
        assert "my text of both" in text
        assert "theirs by now" in text
        await press(pilot, "ctrl+s")
    assert store.memories[kept.id].content == text
    assert other.id in store.trash
