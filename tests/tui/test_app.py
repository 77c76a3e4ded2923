"""The frame: themes, keys, palette, help, the header, undo."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from operator import mul
from pathlib import Path
from time import monotonic
from weakref import ref

import pytest
from textual import events
from textual.binding import Binding
from textual.color import Color
from textual.command import CommandList, CommandPalette
from textual.dom import DOMNode
from textual.geometry import Region
from textual.pilot import Pilot
from textual.theme import Theme
from textual.widgets import TextArea

from memoria_tui.app import MemoriaApp
from memoria_tui.dialogs.clients_and_projects import ClientsDialog
from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.go_to_memory import WalkDialog
from memoria_tui.dialogs.help import HelpDialog
from memoria_tui.dialogs.last_changes import ChangesDialog
from memoria_tui.dialogs.new_memory import NewMemoryDialog
from memoria_tui.dialogs.trash import TrashDialog
from memoria_tui.dialogs.undo_preview import UndoDialog
from memoria_tui.keys.key_help import _descendants, all_keys
from memoria_tui.modes.memories.screen import MemoriesScreen
from memoria_tui.themes import THEMES
from memoria_tui.user_files.config import Config, load_config
from memoria_tui.widgets.header import StatusHeader
from memoria_tui.widgets.memory_list import MemoryList
from services.acting import note_act
from services.container import Services
from services.model import ChangedSince, Entity, Kind, MemoryDraft, MemoryType, Query, RelationType
from services.settings import Settings
from tests.services.edge_here import services_here
from tests.tui.conftest import make_app, press, running, screen_of, settle, titles, toasts, type_text, until
from tests.tui.fakes import clock, filled, memory_id
from tests.tui.plain_app import plain_app
from tests.tui.quick import quick


def test_garbage_is_collected_while_nobody_types() -> None:
    class Cycle:
        def __init__(self) -> None:
            self.own = self

    app, held = make_app(filled()), Cycle()
    for _ in range(10):
        gc.collect(1)  # as Python does by itself, until what stays is among the oldest
    known = ref(held)
    del held
    app.pressed_at = monotonic()
    app._collect_garbage()
    assert known() is not None
    app.pressed_at = 0.0
    app._collect_garbage()
    assert known() is None


async def test_the_header_tells_stores_running_work_and_what_the_stores_wait_for_of_another_program() -> None:
    async with running(filled()) as pilot:
        app = pilot.app
        assert isinstance(app, MemoriaApp)
        line = screen_of(pilot).query_one(StatusHeader)
        assert [store.ok for store in line.status.stores] == [True, True, True]
        assert [session.description for session in line.status.sessions] == ["fix login"]
        app.say_wait("waiting for process 12, which replaces all memories")
        await until(pilot, lambda: "waiting for process 12" in screen_of(pilot).busy)
        app.say_wait("")
        await until(pilot, lambda: not screen_of(pilot).busy)


async def test_keys_are_remapped_by_their_ids() -> None:
    async with running(filled(), config=Config(keymap={"memories.new": "N", "app.undo": "ctrl+z"})) as pilot:
        await press(pilot, "n")
        assert screen_of(pilot).is_current
        await press(pilot, "N")
        assert isinstance(pilot.app.screen, NewMemoryDialog)


async def test_a_theme_chosen_while_it_runs_is_there_at_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    async with running(filled(), config=Config(file=file)) as pilot:
        assert not file.exists()
        pilot.app.theme = "memoria-light"
        await settle(pilot)
    assert load_config(file, {}).theme == "memoria-light"


async def test_a_key_that_moved_says_where_it_went() -> None:
    async with running(filled()) as pilot:
        await press(pilot, "s")
        assert toasts(pilot) == ["importance, project and type are set by = now"]
        await press(pilot, "end", "g")
        assert screen_of(pilot).memory_list.cursor == 0
        assert "the graph is ctrl+g now" in toasts(pilot)[-1]


async def test_what_the_config_names_wrongly_is_told_and_the_app_starts() -> None:
    config = Config(theme="nope", keymap={"memories.nope": "N"}, problems=("config.toml: bad",))
    async with running(filled(), mode="start", config=config) as pilot:
        assert pilot.app.theme == "memoria-dark"
        told = " ".join(toasts(pilot))
        for part in ("config.toml: bad", "'nope'", "mode is 'start'", "memories.nope"):
            assert part in told
        assert len(titles(pilot)) == 7


@pytest.mark.parametrize("owner", [MemoriaApp, MemoriesScreen])
def test_every_binding_has_an_id_a_description_and_a_tooltip(owner: type[MemoriaApp | MemoriesScreen]) -> None:
    for binding in owner.BINDINGS:
        assert isinstance(binding, Binding)
        assert binding.id
        assert binding.description
        assert binding.tooltip


async def test_help_names_every_key_and_operator() -> None:
    async with running(filled(), size=(120, 120)) as pilot:
        await press(pilot, "question_mark")
        assert isinstance(pilot.app.screen, HelpDialog)
        shown = pilot.app.export_screenshot().replace("&#160;", " ")
        for part in ("Write a new memory", "Undo the last change", "Mark this memory", "importance:", "since:"):
            assert part in shown
        await press(pilot, "escape")
        assert screen_of(pilot).is_current


def first_found(pilot: Pilot[None]) -> str:
    """What stands first in the palette."""
    found = pilot.app.screen.query_one(CommandList)
    return str(found.get_option_at_index(0).prompt) if found.option_count else ""


async def test_the_palette_finds_memories_and_runs_commands() -> None:
    async with running(filled()) as pilot:
        await press(pilot, "ctrl+p")
        assert isinstance(pilot.app.screen, CommandPalette)
        await type_text(pilot, "autovacuum")
        await until(pilot, lambda: "autovacuum" in first_found(pilot))
        await settle(pilot)
        await press(pilot, "enter")
        assert screen_of(pilot).search_bar.text == f"id:{memory_id(7)}"
        assert len(titles(pilot)) == 1
        await press(pilot, "ctrl+p", "=write a new")
        await until(pilot, lambda: "new memory" in first_found(pilot))
        await settle(pilot)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, NewMemoryDialog)


async def test_the_palette_finds_commands_of_other_modes_and_carries_out_there_what_needs_no_cursor() -> None:
    dialogs = list[type]()
    async with running(filled()) as pilot:
        for typed, found, mode, then in (
            ("best-connected", "Overview\nin Graph: O  The best-connected memories", "graph", ""),
            ("in place memories", "Edit\nin Memories: e  Edit the text in place", "memories", "e does that here"),
            ("trash", "Trash\nT  See and restore", "memories", ""),
        ):
            await press(pilot, "ctrl+p", f"={typed}")
            await until(pilot, partial(lambda found: first_found(pilot).startswith(found), found))
            await settle(pilot)
            await press(pilot, "enter")
            assert pilot.app.current_mode == mode
            assert "".join(toasts(pilot)[-1:]).startswith(then)
            dialogs.append(type(pilot.app.screen))
            await press(pilot, "escape")
        assert dialogs == [WalkDialog, MemoriesScreen, TrashDialog]


async def test_undo_says_what_was_changed_since_and_leaves_forces_or_passes_over() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "d")
        payload = {"payload": {"content": "theirs", "tags": ["new"]}}
        store.changed_since = (
            ChangedSince(Entity.MEMORY, memory_id(7), "theirs", "text, tags", None, payload),
            ChangedSince(Entity.SESSION, memory_id(8), "work", "end time", {"end_time": "ten"}, {"end_time": "eleven"}),
        )
        await press(pilot, "u")
        assert isinstance(pilot.app.screen, UndoDialog)
        shown = pilot.app.export_screenshot().replace("&#160;", " ")
        for part in ("theirs", "it would be removed", "end time", "eleven", "undo all the same", "act before"):
            assert part in shown
        await press(pilot, "y")
        assert memory_id(7) not in store.memories, "y is for acts of which nothing was changed"
        await press(pilot, "s")
        assert toasts(pilot) == ["There is no change of yours left to undo"]
        await press(pilot, "u", "escape", "u", "f")
        assert memory_id(7) in store.memories


async def test_what_others_change_while_the_question_of_an_undo_or_redo_is_open_is_asked_again() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "d")
        for key in ("u", "U"):
            before = set(store.memories)
            store.changed_since = (ChangedSince(Entity.MEMORY, memory_id(7), "theirs", "text", None, {"payload": {}}),)
            await press(pilot, key)
            store.changed_since = (ChangedSince(Entity.MEMORY, memory_id(7), "TWO", "text", None, {"payload": {}}),)
            await press(pilot, "f")
            assert set(store.memories) == before, key
            assert isinstance(pilot.app.screen, UndoDialog), key
            shown = pilot.app.export_screenshot().replace("&#160;", " ")
            assert "TWO" in shown, key
            assert "Another program changed it while you were asked" in shown, key
            await press(pilot, "f")
            assert set(store.memories) == before ^ {memory_id(7)}, key


async def test_undo_asks_before_an_import_and_names_what_would_go() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "d")
        store.act = replace(store.act, kind=Kind.IMPORT, counts={Entity.MEMORY: 307}, titles=("One", "Two"))
        await press(pilot, "u", "u")
        assert isinstance(pilot.app.screen, UndoDialog)
        shown = pilot.app.export_screenshot().replace("&#160;", " ")
        for part in ("it changes 307 things", "it was an import", "&quot;One&quot;, &quot;Two&quot;"):
            assert part in shown
        await press(pilot, "escape")
        assert screen_of(pilot).is_current, "a key pressed before the question asks no second one"
        assert memory_id(7) not in store.memories


async def test_what_another_window_did_meanwhile_is_not_undone_without_a_question() -> None:
    store = filled()
    store.act = replace(store.act, at=clock() + timedelta(minutes=1))
    async with running(store) as pilot:
        await press(pilot, "d")
        note_act(store.undoable[-1][0])
        await press(pilot, "u")
        assert memory_id(7) in store.memories
        await press(pilot, "d", "d", "u")
        assert isinstance(pilot.app.screen, UndoDialog)
        assert "another window of" in pilot.app.export_screenshot().replace("&#160;", " ")


async def test_redo_has_two_keys_and_says_what_it_did_and_as_undo_when_there_is_nothing() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "u")
        assert toasts(pilot)[-1] == "There is no change of yours left to undo"
        await press(pilot, "U")
        assert toasts(pilot)[-1] == "There is nothing to redo"
        await press(pilot, "d", "u")
        for key in ("U", "ctrl+y"):
            assert memory_id(7) in store.memories
            await press(pilot, key)
            assert memory_id(7) not in store.memories, key
            assert toasts(pilot)[-1].startswith("Redone: "), key
            await press(pilot, "u")


async def test_undo_and_redo_work_in_every_mode(postgres_url: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=postgres_url, zone="UTC", actor="tester")
    async with services_here(settings) as services:
        memory = await services.memories.create(MemoryDraft("one"))
        await services.memories.delete([memory.id])

        @asynccontextmanager
        async def opened() -> AsyncIterator[Services]:
            yield services

        async def exists() -> bool:
            return bool((await services.search.search(Query())).hits)

        async with quick(plain_app(opened)).run_test(size=(120, 40), notifications=True) as pilot:
            await settle(pilot)
            for mode, key in zip("123456", ("U", "ctrl+y") * 3, strict=True):
                await press(pilot, mode, "u")
                assert await exists(), f"mode {mode}"
                await press(pilot, key)
                assert not await exists(), f"mode {mode}"
                assert toasts(pilot)[-1] == 'Redone: deleted "one"'


async def test_the_last_changes_are_listed_and_any_can_be_undone() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "d", "d", "H")
        assert isinstance(pilot.app.screen, ChangesDialog)
        await press(pilot, "j", "enter")
        shown = pilot.app.export_screenshot().replace("&#160;", " ")
        assert "memory · deleted" in shown
        await press(pilot, "k", "u")
        assert len(store.undoable) == 1
        assert toasts(pilot)[-1].startswith("Undone: ")


async def test_no_other_key_of_the_program_is_that_of_redo_or_the_list() -> None:
    all_keys()  # imports all modes
    keys = [
        (binding.id, key)
        for node in _descendants(DOMNode)
        if node.__module__.startswith("memoria_tui.") and not issubclass(node, Dialog)
        for binding in node.__dict__.get("BINDINGS", ())
        for key in binding.key.split(",")
    ]
    assert sorted(id_ for id_, key in keys if key in ("u", "U", "ctrl+y", "H")) == [
        *("app.changes", "app.redo", "app.redo", "app.undo")
    ]


async def test_it_runs_at_any_size_and_through_resizing() -> None:
    async with running(filled(), size=(20, 6)) as pilot:
        for size in ((20, 6), (200, 50)):
            await pilot.resize_terminal(*size)
            await press(pilot, "v", "escape", "f", "escape")
            await pilot.resize_terminal(size[1] * 3, size[0])
            await settle(pilot)
            assert len(titles(pilot)) == 7, size


async def test_where_it_is_narrow_the_text_takes_the_room_of_the_list_while_read() -> None:
    async with running(filled(), size=(80, 24)) as pilot:
        screen = screen_of(pilot)
        assert not screen.facet_panel.display
        await press(pilot, "enter")
        assert screen.memory_list.region.height == 0
        await press(pilot, "escape")
        assert screen.memory_list.region.height > 8


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_each_theme_has_a_colour_of_its_own_for_each_memory_and_relation_type(theme: object) -> None:
    variables = theme.variables  # type: ignore[attr-defined]
    memories = [variables[f"memory-{kind.value}"] for kind in MemoryType]
    relations = [variables[f"relation-{kind.value.replace('_', '-')}"] for kind in RelationType]
    assert len(set(memories)) == len(MemoryType)
    assert len(set(relations)) == len(RelationType)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_text_stands_out_from_what_it_is_on_as_wcag_aa_wants(theme: Theme) -> None:
    """Also what is set back to 60 % of the foreground."""
    known = {**theme.to_color_system().generate(), **theme.variables}
    page = Color.parse(theme.background)
    texts = [name for name in known if name.startswith(("memory-", "relation-", "series-"))]
    pairs = [(Color.parse(known[name]), page) for name in (*texts, "success", "warning", "error", "accent", "primary")]
    pairs += [(page.blend(Color.parse(str(theme.foreground)), 0.6), page)]
    for name in ("block-cursor", "block-cursor-blurred"):
        pairs += [(Color.parse(known[f"{name}-foreground"]), Color.parse(known[f"{name}-background"]))]
    pairs += [(Color.parse(known[f"footer-{what}foreground"]), page) for what in ("", "key-", "description-")]
    assert min(contrast(*pair) for pair in pairs) >= 4.5


def contrast(one: Color, other: Color) -> float:
    """Of 1..21; WCAG 2.2, "contrast ratio" and "relative luminance"."""
    weights: tuple[float, ...] = (0.2126, 0.7152, 0.0722)
    linear = [
        [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in colour.normalized]
        for colour in (one, other)
    ]
    dark, light = sorted(float(sum(map(mul, weights, values))) for values in linear)
    return (light + 0.05) / (dark + 0.05)


def test_nothing_slow_is_imported_before_the_first_paint() -> None:
    libraries = ("qdrant_client", "qdrant_edge", "sqlalchemy", "psycopg", "wordllama", "pendulum", "httpx", "numpy")
    slow = [*libraries, "markdown_it", "pygments", "memoria_tui.dialogs.dialog", "services.ports"]
    imported = "memoria_tui.app, memoria_tui.cli.open_app, sys"
    code = f"import {imported}; print([name for name in {slow!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_keys_typed_faster_than_the_screen_follows_go_where_the_person_means_them() -> None:
    async with running(filled()) as pilot:
        for key in ("slash", *"deploy"):
            pilot.app.post_message(events.Key(key, "/" if key == "slash" else key))
        await settle(pilot)
        assert screen_of(pilot).search_bar.text == "deploy"
        for key in ("escape", "n", *"text"):
            pilot.app.post_message(events.Key(key, None if len(key) > 1 else key))
        await settle(pilot)
        assert pilot.app.screen.query_one(TextArea).text == "text"


async def test_keys_typed_right_after_a_mode_is_chosen_wait_until_it_can_take_them(
    postgres_url: str, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, database_url=postgres_url, zone="UTC")
    async with quick(plain_app(lambda: services_here(settings))).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        for key in ("4", "c"):
            pilot.app.post_message(events.Key(key, key))
        await settle(pilot)
        assert isinstance(pilot.app.screen, ClientsDialog)


async def test_keys_typed_while_the_program_starts_are_kept() -> None:
    app = make_app(filled())
    async with app.run_test(size=(120, 40)) as pilot:
        for key in ("n", *"text"):
            app.post_message(events.Key(key, key))
        await settle(pilot)
        assert app.screen.query_one(TextArea).text == "text"


async def test_a_timer_whose_moment_has_passed_before_it_runs_ends_all_the_same() -> None:
    """As after a pause of the process; keys that looked at what they wait for by such a timer waited for ever."""
    async with running(filled()) as pilot:
        ended: list[object] = []
        pilot.app.set_timer(1e-9, lambda: ended.append(pilot.app))
        await until(pilot, lambda: bool(ended))


async def test_what_looks_for_its_widgets_while_the_program_ends_is_no_crash() -> None:
    async with running(filled()) as pilot:
        screen = screen_of(pilot)

        async def late() -> None:
            while pilot.app.is_running:  # noqa: ASYNC110 - nothing tells that it ends
                await asyncio.sleep(0)
            screen.query_one("#never-there")

        screen.run_worker(late())
    app = pilot.app
    assert isinstance(app, MemoriaApp)
    assert app._types, "nobody is asked any more"


async def test_no_line_of_a_toast_is_cut_off() -> None:
    async with running(filled(), size=(80, 24)) as pilot:
        for length in range(34, 42):
            screen_of(pilot).say("x" * length)
            await settle(pilot)
            toast = pilot.app.screen.query("Toast").last()
            assert toast.region.bottom <= 23, length
            pilot.app.clear_notifications()
            await settle(pilot)


async def test_rows_are_drawn_for_the_width_that_the_list_has_after_a_resize() -> None:
    async with running(filled(), size=(80, 24)) as pilot:
        await pilot.resize_terminal(100, 24)
        await settle(pilot)
        shown = pilot.app.screen.query_one(MemoryList)
        first = "".join(segment.text for segment in shown.render_lines(Region(0, 0, shown.size.width, 1))[0])
        assert first.rstrip().endswith("4 h")
        assert "…" in first
