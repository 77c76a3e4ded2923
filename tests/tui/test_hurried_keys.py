"""Every key twice, as fast as keys arrive, on slow stores: nothing is done twice, lost, out of order or half."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, chdir
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, TextArea

from memoria_tui.app import MemoriaApp
from memoria_tui.dialogs.choice import ChoiceDialog
from memoria_tui.dialogs.confirm import ConfirmDialog
from memoria_tui.dialogs.dialog import DiscardDialog
from memoria_tui.dialogs.link_target import LinkTargetDialog
from memoria_tui.dialogs.new_memory import NewMemoryDialog
from memoria_tui.dialogs.trash import TrashDialog
from memoria_tui.dialogs.undo_preview import UndoDialog
from memoria_tui.modes.memories.screen import MemoriesScreen
from memoria_tui.modes.mode import ModeScreen
from memoria_tui.modes.registry import MODES
from memoria_tui.modes.work.screen import WorkScreen
from memoria_tui.terminal.driver import EscAnd, KeyParser, KeysTogether
from memoria_tui.user_files.config import Config
from services.errors import StoreUnavailable
from services.model import Kind, RelationType
from services.work.reports import ReportService
from tests.tui.conftest import key_event, screen_of, settle, titles, toasts, type_at_once, until
from tests.tui.fakes import Away, FakeServices, Store, clock, filled, memory_id
from tests.tui.graph_fakes import suggested
from tests.tui.health_fakes import HealthServices
from tests.tui.passing_time import passes
from tests.tui.plain_app import plain_app
from tests.tui.quick import quick
from tests.tui.slow import Acts, slow_down
from tests.tui.summary_fakes import SummaryServices, a_year
from tests.tui.work_world import Desk, two_days

_SLOW = 0.03
_REST = 0.6
"""Seconds between keys that are not typed in one go."""
_PATIENCE = 30.0


@asynccontextmanager
async def slow_app(services: FakeServices, *names: str, mode: str = "1") -> AsyncIterator[tuple[Pilot[None], Acts]]:
    """The app in a mode, on services whose writes take a while."""
    for name in ("work", "clients"):
        if not hasattr(services, name):
            setattr(services, name, Away())
    acts = slow_down(services, _SLOW, *names)
    (name,) = (one.name for one in MODES if one.key == mode)
    app = quick(plain_app(services.opened, config=Config(mode=name), clock=clock))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(pilot)
        yield pilot, acts
        acts.go_on.set()


async def hurry(pilot: Pilot[None], *keys: str) -> None:
    """Keys as a hurried person types them, then a look at what became of them."""
    type_at_once(pilot, *keys)
    await written(pilot)


async def written(pilot: Pilot[None]) -> None:
    """Waits until all is written and shown."""
    app = cast("MemoriaApp", pilot.app)
    deadline = time.monotonic() + _PATIENCE
    await settle(pilot)
    while app.writes.waiting and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
        await settle(pilot)
    await settle(pilot)
    assert not app.writes.waiting


@pytest.mark.parametrize(("typed", "kept"), [("dn note well", "note well"), ("jjkkdudu", ""), ("nfoo", "foo")])
async def test_a_text_that_waits_begins_behind_the_keys_that_act(typed: str, kept: str) -> None:
    async with slow_app(FakeServices(filled()), "memories") as (pilot, acts):
        acts.held = True
        type_at_once(pilot, "d", *typed, "ctrl+s", *"nmore to do", "ctrl+s")
        app = cast("MemoriaApp", pilot.app)
        await until(pilot, lambda: app.waiting_text == f"{kept}\nmore to do".strip())


async def test_no_letter_of_a_text_answers_a_question() -> None:
    async with slow_app(FakeServices(filled()), "memories") as (pilot, _):
        for typed in ("dy", "ye", "days", "y no"):
            answers: list[bool | None] = []
            question = ConfirmDialog("Undo this?", "Asked because it was an import.", "undo")
            pilot.app.push_screen(question, answers.append)
            await settle(pilot)
            await hurry(pilot, *typed)
            assert pilot.app.screen is question, typed
            await passes(_REST)
            await hurry(pilot, "y")
            assert answers == [True], typed


async def test_a_letter_typed_right_behind_the_key_that_asks_undoes_nothing() -> None:
    services = FakeServices(filled())
    async with slow_app(services, "memories") as (pilot, acts):
        await hurry(pilot, "d")
        services.store.act = replace(services.store.act, kind=Kind.IMPORT)
        await hurry(pilot, "u", *"you")
        assert isinstance(pilot.app.screen, UndoDialog)
        assert acts.done == ["delete"]


async def test_a_key_that_is_no_letter_is_told_when_it_comes_again_too_early(desk: Desk) -> None:
    async with slow_desk(desk) as (pilot, acts):
        await hurry(pilot, "down", "down", "s")
        await passes(_REST)
        await hurry(pilot, "1", "enter")
        await passes(_REST)
        await hurry(pilot, "ctrl+k", "ctrl+k")
        assert acts.done == ["stop", "resume"]
        assert "ctrl+k came again before that was done, and did nothing" in toasts(pilot)


@pytest.mark.parametrize(("key", "act"), [("N", "note"), ("s", "stop")])
async def test_a_form_opened_right_behind_the_key_that_resumes_takes_what_is_typed(
    desk: Desk, key: str, act: str
) -> None:
    async with slow_desk(desk) as (pilot, acts):
        await hurry(pilot, "down", "down", "s")
        await passes(_REST)
        await hurry(pilot, "1", "enter")
        (paused,) = (await desk.services.work.status()).sessions
        await passes(_REST)
        await hurry(pilot, "space", key, *"walked home", "enter")
        assert acts.done == ["stop", "resume", act], toasts(pilot)
        assert "walked home" in (await desk.services.work.session(paused.id)).notes


MEMORIES = {
    "d d": ["delete"],
    "space space d d": ["delete"],
    "t t ctrl+s ctrl+s": ["edit_many"],
    "equals_sign equals_sign t p p": ["edit_many"],
    "equals_sign n equals_sign n": ["edit_many", "edit_many"],
    "n n ctrl+s ctrl+s": ["create"],
    "e e ctrl+s ctrl+s": ["update"],
    "e x ctrl+s y ctrl+s ctrl+s": ["update"],
    "d u": ["delete", "undo"],
    "d u u": ["delete", "undo"],
    "l enter f f": ["link_many"],
}
"""Keys → what must be written, no more and no less, in this order."""


async def test_writing_keys_of_memories() -> None:
    services = FakeServices(filled())
    async with slow_app(services, "memories", "graph") as (pilot, acts):
        for keys, written in MEMORIES.items():
            await hurry(pilot, *keys.split())
            assert acts.done == written, (keys, toasts(pilot), pilot.app.screen_stack)
            assert acts.most_at_once == 1, keys
            assert_whole(pilot.app)
            await begin_again(pilot, services.store, acts)


async def begin_again(pilot: Pilot[None], store: Store, acts: Acts) -> None:
    """A mode as at its beginning, over what there was then, and after a rest."""
    await get_back(pilot)
    vars(store).update(vars(filled()))
    mode = pilot.app.screen
    assert isinstance(mode, ModeScreen)
    mode.changed()
    await settle(pilot)
    await passes(_REST)
    await hurry(pilot, "home")
    acts.done.clear()
    acts.most_at_once = 0


async def test_a_dialog_takes_no_text_while_what_stands_in_it_is_saved() -> None:
    services = FakeServices(filled())
    async with slow_app(services, "memories") as (pilot, _):
        await hurry(pilot, "n", "x")
        dialog = pilot.app.screen
        assert isinstance(dialog, NewMemoryDialog)
        text = dialog.text
        await hurry(pilot, "ctrl+s", "y", "tab", "z")
        assert text.content == "x"
        assert pilot.app.screen is not dialog
        assert "x" in {one.content for one in services.store.memories.values()}


async def test_what_was_typed_behind_a_slow_save_is_saved_too_before_the_program_ends() -> None:
    services = FakeServices(filled())
    async with slow_app(services, "memories") as (pilot, acts):
        acts.held = True
        type_at_once(pilot, "n", "x", "ctrl+s", "n", "y", "ctrl+s", "ctrl+q", "ctrl+q")
        # As long as a key to leave waits for what may never come.
        async with asyncio.timeout(_PATIENCE):
            while not is_told(pilot, "Saving 1 change, then leaving"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            acts.go_on.set()
            while not pilot.app._exit:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert {"x", "y"} <= {one.content for one in services.store.memories.values()}


async def test_esc_behind_slow_saves_is_meant_for_what_was_typed_before_it() -> None:
    services = FakeServices(filled())
    async with slow_app(services, "memories") as (pilot, _):
        edits = ("e", *"one two ", "ctrl+s", "down", "e", *"three four ", "ctrl+s")
        await hurry(pilot, *edits, "n", *"five six", "escape")
        texts = {one.content for one in services.store.memories.values()}
        assert len([text for text in texts if text.startswith(("one two ", "three four "))]) == 2
        assert isinstance(pilot.app.screen, DiscardDialog)


def is_told(pilot: Pilot[None], line: str) -> bool:
    return any(one.startswith(line) for one in toasts(pilot))


async def test_esc_twice_behind_saves_loses_no_word_that_was_ended_before_it() -> None:
    services = FakeServices(filled())
    async with slow_app(services, "memories") as (pilot, _):
        await hurry(pilot, "n", *"first", "ctrl+s", "n", *"other", "ctrl+s", "escape", "escape")
        assert {"first", "other"} <= {one.content for one in services.store.memories.values()}


async def test_text_that_waits_for_a_save_that_never_ends_is_kept_when_a_person_gives_up() -> None:
    services = FakeServices(filled())
    async with slow_app(services, "memories") as (pilot, acts):
        acts.held = True
        type_at_once(pilot, "n", "x", "ctrl+s", "n", *"five six")
        await until(pilot, lambda: bool(acts.under_way))
        app = cast("MemoriaApp", pilot.app)
        await until(pilot, lambda: app.waiting_text == "five six")
        assert app.draft is not None
        assert app.draft.values == {"text": "five six"}
        for said in ("Keys wait for the stores: esc again gives up", "What was typed meanwhile is kept"):
            await passes(_REST)
            pilot.app.post_message(key_event("escape"))
            await until(pilot, partial(is_told, pilot, said))
        assert [one.values for one in app.drafts.left] == [{"text": "five six"}]
        type_at_once(pilot, *"third")
        await until(pilot, partial(is_told, pilot, "What was typed before that is saved went nowhere"))
        pilot.app.post_message(key_event("d"))
        acts.go_on.set()
        await until(pilot, lambda: not app.saves(app.screen))
        await settle(pilot)
        assert acts.done == ["create"]
        await passes(_REST)
        await hurry(pilot, "d")
        assert acts.done == ["create", "delete"]


async def test_a_dialog_whose_text_could_not_be_saved_is_written_on() -> None:
    async with slow_app(FakeServices(filled()), "memories") as (pilot, _):
        services = cast("FakeServices", pilot.app.services)  # type: ignore[attr-defined]
        services.store.failure = StoreUnavailable("away")
        await hurry(pilot, "n", "x", "ctrl+s")
        dialog = pilot.app.screen
        assert isinstance(dialog, NewMemoryDialog)
        await hurry(pilot, "y")
        assert dialog.text.content == "xy"


async def test_keys_behind_the_one_that_saves_an_edited_text_are_meant_for_the_list() -> None:
    services = FakeServices(filled())
    async with slow_app(services, "memories") as (pilot, acts):
        await hurry(pilot, "e", "x", "ctrl+s", "slash", "ctrl+u", *"quick", "enter")
        screen = cast("MemoriesScreen", pilot.app.screen)
        assert acts.done == ["update"]
        assert screen.preview.editing is None
        assert screen.search_bar.text == "quick"
        assert sum(one.content.startswith("xPostgres") for one in services.store.memories.values()) == 1


async def test_a_text_that_could_not_be_saved_takes_no_keys_that_were_meant_for_the_list() -> None:
    async with slow_app(FakeServices(filled()), "memories") as (pilot, _):
        services = cast("FakeServices", pilot.app.services)  # type: ignore[attr-defined]
        await hurry(pilot, "e")
        services.store.failure = StoreUnavailable("away")
        await hurry(pilot, "x", "ctrl+s", "slash", "y")
        screen = cast("MemoriesScreen", pilot.app.screen)
        assert screen.preview.edited_text.startswith("xPostgres")
        await hurry(pilot, "z")
        assert screen.preview.edited_text.startswith("xzPostgres")


async def test_keys_behind_one_that_could_not_open_what_they_were_meant_for_go_nowhere() -> None:
    async with slow_app(FakeServices(filled()), "memories") as (pilot, acts):
        services = cast("FakeServices", pilot.app.services)  # type: ignore[attr-defined]
        services.store.failure = StoreUnavailable("away")
        await hurry(pilot, "e", *"do exit")
        assert isinstance(pilot.app.screen, MemoriesScreen)
        assert (acts.done, toasts(pilot)[0]) == ([], "away")


async def test_a_search_that_begins_with_a_digit_is_text_where_a_memory_is_picked() -> None:
    async with slow_app(FakeServices(filled()), "graph") as (pilot, acts):
        await hurry(pilot, "l", *"2 pages")
        assert isinstance(pilot.app.screen, LinkTargetDialog)
        assert pilot.app.screen.box.value == "2 pages"
        assert not acts.done


async def test_enter_right_behind_a_search_takes_what_it_finds() -> None:
    services = FakeServices(filled())
    services.store.delays = dict.fromkeys(("billing", "trash"), 0.3)
    async with slow_app(services, "graph") as (pilot, acts):
        await hurry(pilot, "l", *"billing", "enter", "f")
        assert acts.done == ["link_many"], pilot.app.screen
        assert "billing job" in toasts(pilot)[-1]


async def test_enter_right_behind_a_text_runs_what_the_palette_finds() -> None:
    services = FakeServices(filled())
    services.store.delays = dict.fromkeys(("billing", "trash"), 0.3)
    async with slow_app(services, "graph") as (pilot, _):
        await hurry(pilot, "ctrl+p", *"trash", "enter")
        assert isinstance(pilot.app.screen, TrashDialog), (pilot.app.screen, toasts(pilot), services.store.asked[-3:])


async def test_escape_gives_up_a_search_that_never_ends_and_says_before_what_keys_wait_for() -> None:
    services = FakeServices(filled())
    services.store.delays = {"billing": 3600}
    async with slow_app(services, "memories") as (pilot, acts):
        screen = screen_of(pilot)
        type_at_once(pilot, "slash", *"billing", "enter", "d")
        await until(pilot, lambda: screen.busy == "keys wait for the stores · esc")
        pilot.app.post_message(key_event("escape"))
        await until(pilot, lambda: not screen.busy and not screen.owes_answer)
        assert screen.search_bar.text == ""
        assert len(titles(pilot)) == 7
        await hurry(pilot, "d")
        assert acts.done == ["delete"]


@pytest.mark.parametrize("typed", ["XX", ("delete",)], ids=["letters", "delete"])
async def test_escape_behind_a_text_that_is_to_be_saved_gives_nothing_up_at_once(typed: Sequence[str]) -> None:
    services = FakeServices(filled())
    services.store.delays = {"billing": 3600}
    async with slow_app(services, "memories") as (pilot, _):
        screen = screen_of(pilot)
        type_at_once(pilot, "slash", *"billing", "enter", "e", *typed, "ctrl+s")
        await until(pilot, lambda: screen.busy == "keys wait for the stores · esc")
        for said in ("Keys wait for the stores: esc again gives up", "The search was given up"):
            assert not is_told(pilot, said)
            pilot.app.post_message(key_event("escape"))
            await until(pilot, partial(is_told, pilot, said))
            await passes(_REST)
        kept = [one.values for one in cast("MemoriaApp", pilot.app).drafts.left]
        assert kept == ([{"text": "XX"}] if typed == "XX" else [])


async def test_the_trash_shows_what_is_being_deleted() -> None:
    async with slow_app(FakeServices(filled()), "memories") as (pilot, acts):
        await hurry(pilot, "d", "T")
        assert acts.done == ["delete"]
        dialog = pilot.app.screen
        assert isinstance(dialog, TrashDialog)
        assert dialog.query_one(OptionList).option_count == 1


GRAPH = {
    "L L": ["unlink"],
    "equals_sign t r enter": ["change"],
    "equals_sign w 0 enter enter": ["change"],
    "l enter f f": ["link_many"],
    "S enter enter": ["accept"],
    "S d d": ["reject", "reject"],
    "S enter u": ["accept", "undo"],
    "Q enter escape": ["accept"],
}


async def test_writing_keys_of_the_graph() -> None:
    services = FakeServices(filled())
    known = services.store.memories
    services.suggestions.given = [
        suggested(known[one], known[other], RelationType.RELATED)
        for one in (memory_id(1), memory_id(2), memory_id(3))
        for other in (memory_id(4), memory_id(5))
    ]
    async with slow_app(services, "memories", "graph", "suggestions", mode="3") as (pilot, acts):
        for keys, written in GRAPH.items():
            await hurry(pilot, "down", *keys.split())
            assert acts.done in (written, written[:1]), (keys, toasts(pilot))
            assert acts.most_at_once == 1, keys
            assert_whole(pilot.app)
            services.suggestions.rejected.clear()
            await begin_again(pilot, services.store, acts)


@asynccontextmanager
async def slow_desk(desk: Desk) -> AsyncIterator[tuple[Pilot[None], Acts]]:
    """The Work mode over a database that takes a while."""
    app = desk.app(two_days)
    acts = slow_down(desk.services, _SLOW, "work", "clients")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(pilot)
        acts.done.clear()
        yield pilot, acts


async def test_a_reason_typed_behind_what_resumed_a_session_does_nothing(desk: Desk) -> None:
    async with slow_desk(desk) as (pilot, acts):
        for part in (("down", "down", "space"), ("1", "escape"), ("space",), ("1", *"dd lunch", "enter")):
            await hurry(pilot, *part)
            await passes(_REST)
        assert acts.done == ["pause", "resume"]
        assert len(pilot.app.screen_stack) == 1
        assert any("which was paused" in toast for toast in toasts(pilot))


async def test_escape_gives_up_a_log_that_never_comes(desk: Desk) -> None:
    async with slow_desk(desk) as (pilot, _):
        work = pilot.app.screen
        assert isinstance(work, WorkScreen)
        reports, before = desk.services.reports, work.question
        hanging = {name: getattr(reports, name) for name in ("zone", "report", "today")}
        hanging["log"] = lambda *_, **__: asyncio.sleep(3600)
        desk.services.reports = cast("ReportService", SimpleNamespace(**hanging))
        type_at_once(pilot, "slash", *"fix", "enter", "d")
        await until(pilot, lambda: work.busy == "keys wait for the stores · esc")
        pilot.app.post_message(key_event("escape"))
        await until(pilot, lambda: not work.busy and not work.owes_answer)
        assert work.question == before


async def test_keys_behind_a_save_wait_for_it_and_then_do_what_they_are_for() -> None:
    services = FakeServices(filled())
    async with slow_app(services, "memories") as (pilot, acts):
        await hurry(pilot, "n", *"one", "ctrl+s", "n", *"add", "ctrl+s")
        assert acts.done == ["create", "create"]
        assert {"one", "add"} <= {one.content for one in services.store.memories.values()}


async def test_a_key_that_came_again_too_early_is_told() -> None:
    async with slow_app(FakeServices(filled()), "memories") as (pilot, acts):
        await hurry(pilot, "d", "d")
        assert acts.done == ["delete"]
        assert "d came again before that was done, and did nothing" in toasts(pilot)


async def test_what_comes_right_behind_a_key_that_was_pressed_too_early_undoes_nothing() -> None:
    async with slow_app(FakeServices(filled()), "memories") as (pilot, acts):
        early = [key_event("d"), key_event("u")]
        await hurry(pilot, "d")
        for event in early:
            pilot.app.post_message(event)
        await written(pilot)
        assert acts.done == ["delete"]
        assert "Pressed before the list had changed: it did nothing" in toasts(pilot)


async def test_what_comes_right_behind_a_key_whose_act_failed_undoes_nothing() -> None:
    services = FakeServices(filled())
    async with slow_app(services, "memories") as (pilot, _):
        services.store.failure = StoreUnavailable("away")
        await hurry(pilot, "d", "u")
        assert any(one.startswith("Not done: delete") for one in toasts(pilot))
        assert not any("undo" in one.lower() for one in toasts(pilot))
        assert "What was typed right behind that went nowhere" in toasts(pilot)


def in_one_go(key: str) -> events.Key:
    """Esc and a key, as a terminal sends them that takes both for one."""
    parser = KeyParser()
    (event,) = (one for text in (f"\x1b{key}", "") for one in parser.feed(text) if isinstance(one, EscAnd))
    return event


async def test_esc_and_a_letter_in_one_go_act_on_nothing_in_a_field_and_are_told() -> None:
    async with slow_app(FakeServices(filled()), "memories") as (pilot, acts):
        await hurry(pilot, "slash")
        there = pilot.app.screen
        pilot.app.post_message(in_one_go("n"))
        await written(pilot)
        assert pilot.app.screen is there
        assert "press them apart" in toasts(pilot)[-1]
        assert not acts.done
        assert cast("MemoriesScreen", pilot.app.screen).search_bar.text == ""


@pytest.mark.parametrize("before", [(), ("s",), ("n", *"saved", "ctrl+s")])
async def test_a_letter_right_behind_esc_does_what_it_does_alone(before: tuple[str, ...]) -> None:
    """To most terminals they are one key, alt and the letter."""
    async with slow_app(FakeServices(filled()), "memories") as (pilot, acts):
        saved = ["create"] if "n" in before else []
        for event in (*map(key_event, before), in_one_go("n"), *map(key_event, "add it now dd")):
            pilot.app.post_message(event)
        await until(pilot, lambda: [one.text for one in pilot.app.screen.query(TextArea)] == ["add it now dd"])
        assert isinstance(pilot.app.screen, NewMemoryDialog)
        assert acts.done == saved


async def test_a_paste_without_marks_where_no_text_is_typed_acts_on_nothing() -> None:
    async with slow_app(FakeServices(filled()), "memories") as (pilot, acts):
        for before in ("", "s"):
            await passes(_REST)
            pilot.app.clear_notifications()
            await hurry(pilot, *before)
            for part in (
                "dear all, deployment is delayed until monday, ",
                "do not restart anything before that day, please",
            ):
                (pasted,) = KeyParser().feed(part)
                pilot.app.post_message(pasted)
            await written(pilot)
            assert not acts.done, before
            assert toasts(pilot)[-1] == "A text came where none is typed: it went nowhere", before


@pytest.mark.parametrize("opening", ["n", "1n"])
async def test_a_text_that_arrives_together_behind_the_key_that_opens_a_field_is_typed(opening: str) -> None:
    text = "dear all, deployment is delayed until monday"
    async with slow_app(FakeServices(filled()), "memories") as (pilot, _):
        (typed,) = KeyParser().feed(opening + text)
        assert isinstance(typed, KeysTogether)
        pilot.app.post_message(typed)
        await until(pilot, lambda: [one.text for one in pilot.app.screen.query(TextArea)] == [text])


_LINES = "/usr/local/bin/deploy.sh\rdrop old hooks\r.env must stay\runder no account: d\r"


@pytest.mark.parametrize("sizes", [(4096,), (27, 4096), (72, 4096)])
async def test_no_line_of_a_paste_without_marks_acts_behind_the_line_that_goes_to_a_field(
    sizes: tuple[int, ...],
) -> None:
    async with slow_app(FakeServices(filled()), "memories") as (pilot, acts):
        at = 0
        for size in sizes:
            for event in KeyParser().feed(_LINES[at : at + size]):
                pilot.app.post_message(event)
            at += size
        await written(pilot)
        screen = cast("MemoriesScreen", pilot.app.screen)
        assert (acts.done, toasts(pilot), pilot.app.screen_stack) == ([], [], [screen])
        assert screen.search_bar.text.startswith("usr/local/bin/deploy.sh drop old hooks .env must")


async def test_lines_behind_a_key_that_opens_no_field_are_told_and_act_on_nothing() -> None:
    async with slow_app(FakeServices(Store()), "memories") as (pilot, acts):
        for part in ("edit the list of hosts\rnone is left", "\r1 dropped\r"):
            for event in KeyParser().feed(part):
                pilot.app.post_message(event)
        await written(pilot)
        assert (acts.done, len(pilot.app.screen_stack)) == ([], 1)
        assert toasts(pilot) == ["A text came where none is typed: it went nowhere"]


async def test_the_line_end_behind_one_line_is_a_key(desk: Desk) -> None:
    async with slow_desk(desk) as (pilot, acts):
        for line_end, saved in (("\ry", 0), ("\r", 1), ("\r\r", 1)):
            (typed,) = KeyParser().feed(f"nwrite the monthly report of all clients{line_end}")
            pilot.app.post_message(typed)
            await written(pilot)
            assert acts.done == ["start"] * saved, line_end
            await get_back(pilot)
            await passes(_REST)
            await hurry(pilot, *"u" * saved)
            await passes(_REST)
            acts.done.clear()


def test_keys_that_are_held_down_or_are_few_are_no_text() -> None:
    for keys in ("j" * 200, "jjjjjjdkku", "jkjkjkjkjkjkjkjkjkjkjkjkjkjkjkjkjkjkj"):
        assert not any(isinstance(one, KeysTogether) for one in KeyParser().feed(keys))


async def test_a_search_typed_again_begins_at_its_first_hit_however_fast_it_is_typed() -> None:
    services = FakeServices(filled())
    async with slow_app(services, "memories") as (pilot, _):
        await hurry(pilot, "slash", *"the", "enter")
        screen = cast("MemoriesScreen", pilot.app.screen)
        assert screen.memory_list.total > 2
        await hurry(pilot, "down", "down")
        for text in ("", "the"):  # before anything is asked
            screen.search_bar.set_text(text)
        await hurry(pilot, "enter")
        assert (screen.search_bar.text, screen.memory_list.cursor) == ("the", 0)


async def test_keys_behind_a_new_memory_act_on_it_also_where_the_list_takes_long() -> None:
    services = FakeServices(filled())
    listing = services.search.listing

    async def slowly(*args: Any, **options: Any) -> Any:
        await asyncio.sleep(0.3)
        return await listing(*args, **options)

    async with slow_app(services, "memories") as (pilot, acts):
        services.search.listing = slowly  # type: ignore[method-assign]
        for key in ("n", *"one", "ctrl+s", "t", *"fresh", "enter", "ctrl+s"):
            pilot.app.post_message(key_event(key))
            await asyncio.sleep(0.01)
        await written(pilot)
        assert acts.done == ["create", "edit_many"], toasts(pilot)
        assert [one.content for one in services.store.memories.values() if "fresh" in one.tags] == ["one"]


WORK = {
    "n x enter enter": ["start"],
    "A x tab tab tab tab tab tab tab tab tab 9 : 0 0 tab tab 1 h enter enter": ["add"],
    "W x enter enter": ["switch"],
    "end C C": ["continue_work"],
    "d d": ["delete"],
    "down down R R": ["reopen"],
    "down down i i": ["remember"],
    "down down space | 1 space | 1 enter enter": ["pause", "explain_pause"],
    "down down N | 1 x enter enter": ["note"],
    "down down s | 1 enter enter": ["stop"],
    "down down b | 1 enter enter": ["stop"],
    "ctrl+t | 1 enter enter": ["stop"],
    "c n a enter enter": ["create_client"],
    "e x enter enter": ["edit"],
    "P tab tab backspace 7 enter enter": ["set_preference"],
}


async def test_writing_keys_of_work(desk: Desk) -> None:
    async with slow_desk(desk) as (pilot, acts):
        work, reports = desk.services.work, desk.services.reports
        before = (await work.status()).sessions, (await reports.log()).sessions
        for keys, written in WORK.items():
            for part in keys.split("|"):  # a question before what the key is for takes none typed right behind it
                await hurry(pilot, *part.split())
                await passes(_REST)
            assert acts.done == written, (keys, toasts(pilot))
            assert acts.most_at_once == 1, keys
            assert_whole(pilot.app)
            await get_back(pilot)
            for _ in set(written) - {"set_preference"}:
                await passes(_REST)
                await hurry(pilot, "u")
            now = (await work.status()).sessions, (await reports.log()).sessions
            assert now == before, (keys, toasts(pilot))
            await passes(_REST)
            await hurry(pilot, "home")
            acts.done.clear()


async def test_keys_behind_a_start_act_on_what_was_started_also_where_reading_what_runs_takes_long(desk: Desk) -> None:
    async with slow_desk(desk) as (pilot, acts):
        read = desk.services.work.status

        async def slowly() -> Any:
            await asyncio.sleep(0.3)
            return await read()

        desk.services.work.status = slowly  # type: ignore[method-assign]
        await hurry(pilot, "down", "down", "s")
        await passes(_REST)
        for key in ("1", "enter", "s", "enter", "n", "x", "enter", "space", "y", "enter"):
            pilot.app.post_message(key_event(key))
            await asyncio.sleep(0.01)
        await written(pilot)
        assert acts.done == ["stop", "stop", "start", "pause", "explain_pause"], toasts(pilot)
        (only,) = (await read()).sessions
        assert [pause.reason for pause in only.pauses] == ["y"]


async def test_no_letter_of_a_text_that_was_meant_for_another_dialog_chooses(desk: Desk) -> None:
    async with slow_desk(desk) as (pilot, acts):
        for key in ("s", "N", "space"):
            await hurry(pilot, "down", "down", key, *"2 things", "enter")
            assert isinstance(pilot.app.screen, ChoiceDialog)
            assert toasts(pilot) == ["What was typed right behind that went nowhere"]
            await passes(_REST)
            await hurry(pilot, "escape")
        assert not acts.done


def all_keys(app: App[Any]) -> dict[str, str]:
    """Every key of the program that does something where the app is, and its id.

    Those that leave or change the mode are not among them.
    """
    bound = [one.binding for one in app.screen.active_bindings.values() if one.enabled and one.binding.id]
    left_out = {"ctrl+q", "ctrl+c", "ctrl+z", *"123456"}
    return {one.key: one.id or "" for one in sorted(bound, key=lambda one: one.key) if one.key not in left_out}


async def get_back(pilot: Pilot[None]) -> None:
    """Closes all that is open."""
    for _ in range(8):
        if len(pilot.app.screen_stack) == 1 and not isinstance(pilot.app.focused, Input | TextArea):
            return
        pilot.app.post_message(key_event("escape"))
        await settle(pilot)
        if type(pilot.app.screen).__name__ == "DiscardDialog":
            pilot.app.post_message(key_event("ctrl+d"))
            await settle(pilot)
    raise AssertionError(f"no way back from {pilot.app.screen_stack} {pilot.app.focused}")


async def every_key_twice(pilot: Pilot[None], mode: str) -> None:
    """Also in what a key opens, where not yet; what opens in every mode is gone through in the first."""
    seen, there = set[str](), pilot.app.current_mode
    for keys in ("S escape", "ctrl+p escape ctrl+p"):
        await hurry(pilot, *keys.split())
        assert_whole(pilot.app)
        await get_back(pilot)
    for key, id_ in all_keys(pilot.app).items():
        await hurry(pilot, key, key)
        assert_whole(pilot.app)
        name = type(pilot.app.screen).__name__
        opened = len(pilot.app.screen_stack) > 1 and name not in seen
        inside = all_keys(pilot.app) if opened and (mode == "1" or not id_.startswith("app.")) else {}
        new = [one for one, what in inside.items() if what not in seen]
        seen |= {name, *inside.values()}
        await get_back(pilot)
        for one in new:
            await hurry(pilot, mode, key, one, one)
            assert_whole(pilot.app)
            await get_back(pilot)
        if pilot.app.current_mode != there:
            await hurry(pilot, mode)


def services_of(mode: str) -> FakeServices:
    if mode == "5":
        return SummaryServices(a_year())
    return HealthServices() if mode == "6" else FakeServices(filled())


@pytest.mark.parametrize("mode", "12356")
async def test_every_key_of_a_mode_twice(mode: str, tmp_path: Path) -> None:
    with chdir(tmp_path):  # what is exported goes there
        async with slow_app(services_of(mode), "memories", "graph", mode=mode) as (pilot, _):
            await every_key_twice(pilot, mode)


async def test_every_key_of_work_twice(desk: Desk) -> None:
    async with slow_desk(desk) as (pilot, _):
        await every_key_twice(pilot, "4")


def assert_whole(app: App[Any]) -> None:
    """Each dialog is there once, and what has the focus is in the one on top."""
    kinds = Counter(type(screen).__name__ for screen in app.screen_stack)
    assert not [name for name, number in kinds.items() if number > 1], kinds
    assert app.screen.is_running
