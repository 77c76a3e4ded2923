"""What others write appears by itself, and leaves selection, marks, texts, dialogs and edits as they are."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from memoria_tui.dialogs.clients_and_projects import ClientsDialog
from memoria_tui.dialogs.dialog import DiscardDialog
from memoria_tui.dialogs.edit_tags import TagsDialog
from memoria_tui.dialogs.memory_history import HistoryDialog
from memoria_tui.dialogs.trash import TrashDialog
from memoria_tui.dialogs.unsaved_text import UnsavedDialog
from memoria_tui.modes.graph.screen import GraphScreen
from memoria_tui.modes.mode import Failed, Loaded
from memoria_tui.modes.summary.screen import SummaryScreen
from memoria_tui.widgets.header import StatusHeader
from services.errors import StoreUnavailable
from services.model import (
    Action,
    Entity,
    Memory,
    MemoryChanges,
    MemoryType,
    Relation,
    RelationType,
    SessionDraft,
    SessionStatus,
    StoreKind,
    StoreStatus,
    Subject,
)
from services.work.billing_values import Terms, changed_terms
from tests.services.servers import query
from tests.tui.conftest import key_event, make_app, press, running, screen_of, settle, titles, toasts, type_text, until
from tests.tui.fakes import NOW, FakeOutside, FakeServices, Store, clock, filled, many, memory_id
from tests.tui.passing_time import passes
from tests.tui.plain_app import plain_app
from tests.tui.quick import quick
from tests.tui.summary_fakes import SummaryServices, a_year, session
from tests.tui.work_world import Desk, WorkServices, one_running, shown, two_days, work_screen

NEWEST = memory_id(7)
ALL = frozenset(Subject)


def followed(store: Store) -> Store:
    """The store with others who write to it."""
    store.others = asyncio.Queue()
    return store


async def told(pilot: Pilot[None], store: Store, *subjects: Subject) -> None:
    """Tells the app that others wrote, and waits until it has shown what it shows of it."""
    assert store.others is not None
    store.others.put_nowait(frozenset(subjects))
    await store.others.join()
    await settle(pilot)


def written(store: Store, number: int, content: str, minutes_ago: float = 0.0) -> None:
    made = NOW - timedelta(minutes=minutes_ago)
    store.memories[memory_id(number)] = Memory(memory_id(number), MemoryType.SEMANTIC, content, made, made)


def current(pilot: Pilot[None]) -> str:
    """The memory under the cursor, which the preview shows."""
    screen = screen_of(pilot)
    assert screen.memory_list.current is not None
    assert screen.preview.shown is not None
    assert screen.memory_list.current.memory.id == screen.preview.shown.id
    return screen.preview.shown.id


def line_of_cursor(pilot: Pilot[None]) -> int:
    listed = screen_of(pilot).memory_list
    return listed.cursor * 2 - listed.scroll_offset.y


async def test_memories_and_timers_of_others_come_in_and_cursor_marks_and_search_text_stay() -> None:
    store = followed(filled())
    async with running(store) as pilot:
        screen = screen_of(pilot)
        await press(pilot, "down", "space", "up")
        held, marks, result = current(pilot), screen.memory_list.marked, screen.search_bar.result_line
        written(store, 100, "written by an agent")
        await told(pilot, store, Subject.MEMORIES)
        assert titles(pilot)[0] == "written by an agent"
        assert screen.memory_list.scroll_offset.y == 0
        assert (current(pilot), screen.memory_list.marked) == (held, marks)
        assert screen.search_bar.result_line == result.replace("7 memories", "8 memories")
        await press(pilot, "slash")
        await type_text(pilot, "agent type:")
        store.sessions = (replace(store.sessions[0], description="agent's work"),)
        await told(pilot, store, *ALL)
        assert [one.description for one in screen.query_one(StatusHeader).status.sessions] == ["agent's work"]
        assert screen.search_bar.text == "agent type:"
        assert screen.search_bar.has_focus_within
        assert toasts(pilot) == []


async def test_what_one_deletes_oneself_is_not_told_as_others_where_the_stores_tell_of_it_first() -> None:
    store = followed(filled())
    async with running(store) as pilot:
        await press(pilot, "down")
        memories = screen_of(pilot).services.memories
        delete = memories.delete

        async def told_of(ids: Sequence[str]) -> int:
            number = await delete(ids)
            assert store.others is not None
            store.others.put_nowait(frozenset({Subject.MEMORIES}))
            await store.others.join()
            await until(pilot, lambda: screen_of(pilot).memory_list.total == len(store.memories))
            return number

        memories.delete = told_of  # type: ignore[method-assign, assignment]
        for left in (6, 5):
            await press(pilot, "d")
            assert len(store.memories) == left
        assert all("somebody else" not in one and "nowhere" not in one for one in toasts(pilot))


async def test_a_key_pressed_as_others_delete_what_is_seen_acts_on_nothing() -> None:
    store = followed(filled())
    async with running(store) as pilot:
        for before in ((), ("enter",)):
            await press(pilot, "…", "home", "down", *before)
            pilot.app.clear_notifications()
            del store.memories[current(pilot)]
            there, early = dict(store.memories), key_event("d")
            await told(pilot, store, Subject.MEMORIES)
            assert "is here no more: somebody else changed or deleted it" in toasts(pilot)[-1], before
            pilot.app.post_message(early)
            await settle(pilot)
            assert store.memories == there, before
            assert "What was typed right behind that went nowhere" in toasts(pilot), before


async def test_deep_in_a_long_list_the_eye_stays_on_its_memory_or_goes_to_the_one_beside_it() -> None:
    store = followed(many(1500))
    async with running(store) as pilot:
        listed = screen_of(pilot).memory_list
        listed.cursor = 750
        await settle(pilot)
        held, line = current(pilot), line_of_cursor(pilot)
        for number in range(5000, 5350):
            written(store, number, f"agent {number}", minutes_ago=-number)
        await told(pilot, store, Subject.MEMORIES)
        assert (current(pilot), line_of_cursor(pilot), listed.cursor) == (held, line, 1100)
        following = store.matching(screen_of(pilot)._query)[1101].id
        for number in (0, 1, 5300):
            del store.memories[memory_id(number)]
        del store.memories[held]
        await told(pilot, store, Subject.MEMORIES)
        assert (current(pilot), line_of_cursor(pilot)) == (following, line)
        await press(pilot, "…", "G", "up")  # keys right behind it go nowhere
        above = current(pilot)
        await press(pilot, "down")
        del store.memories[current(pilot)]
        await told(pilot, store, Subject.MEMORIES)
        assert current(pilot) == above


async def test_the_text_under_the_eye_does_not_jump() -> None:
    store = followed(filled())
    text = "\n\n".join(f"paragraph {number}" for number in range(80))
    store.memories[NEWEST] = replace(store.memories[NEWEST], content=text)
    async with running(store) as pilot:
        page = screen_of(pilot).preview.query_one("#preview-page")
        page.scroll_to(y=60, animate=False)
        await settle(pilot)
        store.relations.append(Relation("r9", NEWEST, memory_id(1), RelationType.SUPPORTS))
        store.memories[NEWEST] = replace(store.memories[NEWEST], access_count=9, content=f"{text}\n\nand more")
        await told(pilot, store, Subject.MEMORIES, Subject.RELATIONS)
        assert page.scroll_offset.y == 60
        assert page.max_scroll_y > 60


async def test_an_open_dialog_waits_over_what_it_is_about_and_the_change_comes_after() -> None:
    store = followed(filled())
    async with running(store) as pilot:
        held = current(pilot)
        await press(pilot, "t", "=new-tag")
        del store.memories[NEWEST]
        written(store, 100, "written by an agent")
        await told(pilot, store, Subject.MEMORIES)
        assert isinstance(pilot.app.screen, TagsDialog)
        assert screen_of(pilot).memory_list.current is not None
        assert current(pilot) == held
        assert "written by an agent" not in titles(pilot)
        await press(pilot, "escape")
        if isinstance(pilot.app.screen, DiscardDialog):
            await press(pilot, "ctrl+d")
        assert titles(pilot)[0] == "written by an agent"
        assert current(pilot) != held


async def test_lists_in_dialogs_follow_what_others_write_and_the_cursor_stays() -> None:
    store = followed(filled())
    others = replace(store.memories[NEWEST], id=memory_id(90), content="thrown away by an agent", tags=("new-tag",))

    async def is_shown(pilot: Pilot[None], text: str, *subjects: Subject) -> bool:
        await told(pilot, store, *subjects)
        return text in shown(pilot)

    async with running(store) as pilot:
        await press(pilot, "T")
        assert "The trash is empty." in shown(pilot)
        store.trash[others.id] = others
        assert await is_shown(pilot, "thrown away by an agent", Subject.MEMORIES)
        for number in (91, 92):
            store.trash[memory_id(number)] = replace(others, id=memory_id(number), content=f"thrown {number}")
            await told(pilot, store, Subject.MEMORIES)
            trash = pilot.app.screen
            assert isinstance(trash, TrashDialog)
            assert trash._current is not None
            assert trash._current.memory.id == others.id
        early = key_event("enter")
        del store.trash[others.id]
        assert await is_shown(pilot, "was restored or erased by another program", Subject.HISTORY)
        pilot.app.post_message(early)
        await settle(pilot)
        assert pilot.app.screen is trash, "the key was meant for none of these"
        await press(pilot, "a")
        gone = dict(store.trash)
        store.trash.clear()
        assert await is_shown(pilot, "The trash is empty.", Subject.HISTORY)
        store.trash.update(gone)
        assert await is_shown(pilot, "Trash · 2 ", Subject.HISTORY)
        await press(pilot, "escape", "H")
        assert "Nothing was changed here yet." in shown(pilot)
        await screen_of(pilot).services.memories.update(store.memories[NEWEST], MemoryChanges(tags=("by-an-agent",)))
        assert await is_shown(pilot, store.undoable[-1][1], Subject.HISTORY)
        await press(pilot, "escape", "h")
        history = pilot.app.screen
        assert isinstance(history, HistoryDialog)
        changes = len(history._changes)
        await screen_of(pilot).services.memories.update(store.memories[NEWEST], MemoryChanges(tags=("new-tag",)))
        await told(pilot, store, Subject.HISTORY)
        assert (len(history._changes), history.options.highlighted) == (changes + 1, 1)
        await press(pilot, "r")
        assert store.memories[NEWEST].tags == ("by-an-agent",), "the change that came meanwhile was seen"
        await press(pilot, "h", "down")
        history = pilot.app.screen
        assert isinstance(history, HistoryDialog)
        changes += 1
        for _ in range(120):
            store.record(Action.UPDATED, None, others)
        store.changes[-120:] = [replace(one, entity_id=NEWEST) for one in store.changes[-120:]]
        await told(pilot, store, Subject.HISTORY)
        assert history.options.highlighted == 121, "it stays on its change"
        await press(pilot, "G", "G")
        assert (history.options.option_count, history.options.highlighted) == (changes + 121, changes + 120)
        history.post_message(OptionList.OptionHighlighted(history.options, Option("of a longer list"), 999))
        early = key_event("r")
        store.changes[:] = [replace(store.changes[-1], id=store.changes[-1].id + 1)]
        assert await is_shown(pilot, "was erased by another program", Subject.HISTORY)
        pilot.app.post_message(early)
        await settle(pilot)
        assert pilot.app.screen is history
        await press(pilot, "escape", "number_sign")
        store.memories[others.id] = replace(others, tags=("brand-new",))
        assert await is_shown(pilot, "brand-new", Subject.MEMORIES)


async def test_an_edit_goes_on_and_says_once_what_happens_outside() -> None:
    store = followed(filled())
    async with running(store) as pilot:
        preview = screen_of(pilot).preview
        await press(pilot, "e")
        await type_text(pilot, "MINE ")
        await told(pilot, store, *ALL)
        assert "outside" not in pilot.app.export_screenshot()
        store.memories[NEWEST] = replace(store.memories[NEWEST], content="THEIRS")
        await told(pilot, store, Subject.MEMORIES)
        assert "changed&#160;outside" in pilot.app.export_screenshot()
        assert preview.edited_text.startswith("MINE ")
        await press(pilot, "escape")
        assert "not&#160;saved" in pilot.app.export_screenshot()
        await told(pilot, store, Subject.HISTORY)
        assert "not&#160;saved" in pilot.app.export_screenshot()
        del store.memories[NEWEST]
        await told(pilot, store, Subject.MEMORIES)
        assert "deleted&#160;outside" in pilot.app.export_screenshot()
        assert preview.edited_text.startswith("MINE ")


async def test_an_edit_of_the_only_memory_stays_where_that_is_deleted_outside() -> None:
    store = filled()
    store.memories = {NEWEST: store.memories[NEWEST]}
    async with running(followed(store)) as pilot:
        preview = screen_of(pilot).preview
        await press(pilot, "e")
        await type_text(pilot, "MINE ")
        del store.memories[NEWEST]
        await told(pilot, store, Subject.MEMORIES)
        await type_text(pilot, "and more ")
        assert preview.edited_text.startswith("MINE and more ")
        assert preview.region.area > 0
        assert preview.has_focus_within
        await press(pilot, "escape", "escape")
        assert not preview.editing
        assert "No memories" in str(screen_of(pilot).query_one("#notice", Static).content)
        assert screen_of(pilot).query_one("#notice").display
        await press(pilot, "n")
        assert isinstance(pilot.app.screen, UnsavedDialog)  # which offers it as a new one


async def test_a_store_that_is_away_for_a_moment_leaves_the_list_and_one_that_is_back_fills_the_page() -> None:
    store = followed(filled())
    async with running(store) as pilot:
        store.failure = StoreUnavailable("qdrant: away")
        await told(pilot, store, Subject.MEMORIES)
        assert isinstance(screen_of(pilot).state, Loaded)
        await press(pilot, "r")
        assert isinstance(screen_of(pilot).state, Loaded)
        assert len(titles(pilot)) == 7
        await press(pilot, "slash", "=another")
        assert isinstance(screen_of(pilot).state, Failed)
        store.failure = None
        await told(pilot, store, Subject.MEMORIES)
        assert isinstance(screen_of(pilot).state, Loaded)


SILENT = (
    StoreStatus(
        StoreKind.QDRANT, False, "db:6333", silent=True,
        failing_since=NOW + timedelta(seconds=71), answered_at=NOW + timedelta(seconds=65),
    ),
    StoreStatus(StoreKind.POSTGRES, True, "db:5432"),
    StoreStatus(StoreKind.EMBEDDER, True, "bundled"),
)  # fmt: skip


async def test_while_a_store_hangs_what_is_shown_says_as_of_when_and_an_unopened_mode_says_which_store_it_is() -> None:
    store = followed(filled())
    async with running(store) as pilot:
        assert "does&#160;not&#160;answer" not in pilot.app.export_screenshot()
        store.stores = SILENT
        await told(pilot, store, Subject.HISTORY)
        assert "qdrant does not answer since 15:31:11 · shown as of 15:31:05" in shown_now(pilot)
        assert len(titles(pilot)) == 7
        store.hangs = asyncio.Event()
        pilot.app.post_message(key_event("3"))
        await until(pilot, lambda: isinstance(pilot.app.screen, GraphScreen))
        await until(pilot, lambda: "qdrant does not answer since 15:31:11" in shown_now(pilot))
        assert "shown as of" not in shown_now(pilot)
        store.hangs.set()
        store.stores = None
        await told(pilot, store, Subject.HISTORY)
        assert "does not answer" not in shown_now(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, GraphScreen)
        assert screen.around is not None


async def test_what_waits_is_embedded_as_soon_as_the_embedder_answers_again() -> None:
    store = followed(filled())
    async with running(store) as pilot:
        store.stores = tuple(replace(one, ok=one.kind is not StoreKind.EMBEDDER) for one in SILENT)
        await told(pilot, store, Subject.HISTORY)
        store.recovered.clear()
        store.stores = None
        await told(pilot, store, Subject.HISTORY)
        assert store.recovered == [False], "also what is not due yet"


async def test_what_another_program_deleted_is_said() -> None:
    store = followed(filled())
    services = FakeServices(store)
    app = quick(plain_app(services.opened, clock=clock))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(pilot)
        services.memories.outside = FakeOutside("one")
        await told(pilot, store, Subject.MEMORIES, Subject.DELETIONS)
        await passes(10)
        await until(pilot, lambda: any("1 memory was deleted by another program" in one for one in toasts(pilot)))
        with warnings.catch_warnings(record=True) as left_over:
            warnings.simplefilter("always")
            app.background._begin_refreshing()
            app.workers.cancel_all()  # as the end of the app does
            await settle(pilot)
            app.background._refreshing = None
            gc.collect()
        assert not [str(one.message) for one in left_over], "nothing is left of work that never began"


def shown_now(pilot: Pilot[None]) -> str:
    return pilot.app.export_screenshot().replace("&#160;", " ")


async def test_before_the_first_answer_it_is_said_what_is_started() -> None:
    store = followed(filled())
    store.stores = ()
    store.hangs = asyncio.Event()
    async with make_app(store).run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "Starting PostgreSQL …" in shown_now(pilot))
        assert "Loading the model …" in shown_now(pilot)
        store.stores = SILENT[1:]
        assert store.others is not None
        store.others.put_nowait(frozenset())
        await until(pilot, lambda: "Starting PostgreSQL …" not in shown_now(pilot))
        assert "Opening the memories …" in shown_now(pilot)
        store.hangs.set()
        await settle(pilot)
        assert len(titles(pilot)) == 7


async def test_a_person_who_waits_for_an_answer_does_not_wait_longer() -> None:
    store = followed(filled())
    store.delays = {"token": 0.2}
    async with running(store) as pilot:
        screen_of(pilot).search_bar.set_text("token")
        while not any(one.text == "token" for one in store.asked):
            await pilot.pause()
        written(store, 100, "a token by an agent")
        assert store.others is not None
        for _ in range(3):
            store.others.put_nowait(ALL)
        await store.others.join()
        assert sum(one.text == "token" for one in store.asked) == 1
        await settle(pilot)
        assert "a token by an agent" in titles(pilot)
        assert sum(one.text == "token" for one in store.asked) == 2


async def test_the_graph_grows_and_keeps_selection_folds_and_trail() -> None:
    store = followed(filled())
    store.relations.append(Relation("r3", memory_id(2), memory_id(4), RelationType.CAUSES))
    async with running(store, mode="graph") as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, GraphScreen)
        tree = screen.relation_tree
        await press(pilot, "down", "space")
        held = screen.node
        assert held is not None
        assert tree.current is not None
        assert tree.is_folded(tree.current)
        before = screen.state
        await told(pilot, store, Subject.RELATIONS)
        assert screen.state is before
        store.relations.append(Relation("r4", memory_id(1), memory_id(5), RelationType.SUPPORTS))
        store.relations.append(Relation("r5", memory_id(6), memory_id(1), RelationType.FOLLOWS))
        await told(pilot, store, Subject.RELATIONS)
        assert screen.around is not None
        assert {memory_id(5), memory_id(6)} <= {node.id for node in screen.around.nodes}
        assert screen.node is not None
        assert screen.node.id == held.id
        assert tree.current is not None
        assert tree.is_folded(tree.current)
        store.relations = [one for one in store.relations if held.id not in (one.source_id, one.target_id)]
        await told(pilot, store, Subject.RELATIONS)
        assert held.id not in {node.id for node in screen.around.nodes}
        assert toasts(pilot)[-1].endswith("is related here no more: somebody else changed that")
        assert screen.node is not None
        assert screen.node.id == memory_id(5)
        assert screen.around.center == memory_id(1)


async def test_a_key_pressed_as_others_stop_the_session_under_the_cursor_acts_on_no_other(
    desk: Desk,
) -> None:
    async def before(services: WorkServices) -> None:
        followed(services.store)
        await one_running(services)
        await services.work.start(SessionDraft("another one"))

    async with desk.working(before) as pilot:
        screen = work_screen(pilot)
        await press(pilot, "tab")
        held = screen.pointed
        assert held is not None
        query(
            desk.settings.database_url or "",
            "UPDATE work_sessions SET status = 'completed', end_time = now() WHERE id = %s",
            held.id,
        )
        early = key_event("space")
        await told(pilot, desk.services.store, Subject.SESSIONS)
        assert toasts(pilot)[-1] == f'"{held.description}" was stopped or deleted by somebody else'
        pilot.app.post_message(early)
        await settle(pilot)
        assert [one.status for one in screen.running.sessions] == [SessionStatus.ACTIVE]
        (left,) = screen.running.sessions
        query(desk.settings.database_url or "", "DELETE FROM work_sessions WHERE id = %s", left.id)
        gone = f'"{left.description}" was deleted by another program'
        for keys in (("s", "enter"), ("N", "=too late", "enter"), ("e", "=!", "ctrl+s")):
            await press(pilot, "…", *keys)
            assert str(pilot.app.screen.query_one("#hint", Static).content).removeprefix("Not saved: ") == gone, keys
            await press(pilot, "escape", *["ctrl+d"] * (keys[0] != "s"))
        await press(pilot, "space")
        assert toasts(pilot)[-1] == f'Not done: pause "{left.description}" · {gone}'


async def test_sessions_of_others_come_into_the_log_and_the_cursor_stays(desk: Desk) -> None:
    async def before(services: WorkServices) -> None:
        followed(services.store)
        await two_days(services)

    async with desk.working(before) as pilot:
        screen, store = work_screen(pilot), desk.services.store
        await press(pilot, "down", "down")
        held, below = screen.log_list.current, screen.log_list.sessions[3]
        assert held is not None
        query(
            desk.settings.database_url or "",
            "INSERT INTO work_sessions (description, start_time) VALUES ('by an agent', %s)",
            NOW - timedelta(minutes=5),
        )
        await told(pilot, store, Subject.SESSIONS)
        assert "by an agent" in [one.description for one in screen.log_list.sessions]
        assert "by an agent" in [one.description for one in screen.running.sessions]
        assert screen.log_list.current == held
        query(desk.settings.database_url or "", "DELETE FROM work_sessions WHERE id = %s", held.id)
        query(desk.settings.database_url or "", "UPDATE clients SET name = 'Acme & Sons' WHERE name = 'Acme'")
        await told(pilot, store, Subject.SESSIONS, Subject.NAMES)
        assert screen.log_list.current is not None
        assert screen.log_list.current.id == below.id
        assert "Acme & Sons" in shown(pilot)


async def test_the_list_of_clients_follows_what_others_write_also_once_what_lies_above_it_is_closed(desk: Desk) -> None:
    async def before(services: WorkServices) -> None:
        followed(services.store)
        await two_days(services)
        await services.clients.create_client("Unused")

    async with desk.working(before) as pilot:
        store, url = desk.services.store, desk.settings.database_url or ""
        await press(pilot, "c", "j", "j")
        dialog = pilot.app.screen
        assert isinstance(dialog, ClientsDialog)

        def listed() -> dict[str, bool]:
            """The names, and which one is under the cursor."""
            names = [line.entity.name if line.entity is not None else "" for line in dialog._lines]
            return {name: place == dialog.options.highlighted for place, name in enumerate(names)}

        assert listed()["Birch"]
        query(url, "INSERT INTO clients (name) VALUES ('Ash')")
        await told(pilot, store, Subject.NAMES)
        assert listed()["Birch"], "the cursor stays"
        assert "Ash" in listed()
        terms = changed_terms(Terms(), {"budget": "12"}, NOW.date())
        await desk.services.billing.set_terms(Entity.CLIENT, "Birch", terms)
        await press(pilot, "P")
        assert pilot.app.screen.query_one("#budget", Input).value == "12", "as it is now, before anybody told of it"
        query(url, "INSERT INTO clients (name) VALUES ('Cedar')")
        await told(pilot, store, Subject.NAMES)
        assert "Cedar" not in listed(), "what a form is about stays under it"
        await press(pilot, "escape")
        assert "Cedar" in listed()
        await press(pilot, "slash", "=Unused", "enter")
        assert listed()["Unused"]
        query(url, "DELETE FROM clients WHERE name = 'Unused'")
        early = key_event("d")
        await told(pilot, store, Subject.NAMES)
        assert '"Unused" was deleted or merged by another program' in shown(pilot)
        before_key = listed()
        pilot.app.post_message(early)
        await settle(pilot)
        assert listed() == before_key, "the key was meant for none of these"


async def test_the_summary_adds_up_again_where_it_stands_and_memories_only_when_they_changed() -> None:
    services = SummaryServices(a_year())
    store = followed(services.store)
    app = quick(plain_app(services.opened, clock=clock))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5", "left")
        screen = app.screen
        assert isinstance(screen, SummaryScreen)
        cursor, asked, before = screen.chart.cursor, services.memory_counts.asked, screen.state
        services.table.sessions.append(session(NOW - timedelta(hours=3), 1.5, "Newcomer"))
        await told(pilot, store, Subject.SESSIONS)
        assert "Newcomer" in [row.name for row in screen.groups.table.rows]
        assert (screen.chart.cursor, services.memory_counts.asked) == (cursor, asked)
        await told(pilot, store, Subject.MEMORIES)
        assert services.memory_counts.asked == asked + 1
        assert screen.state != before
        store.failure = StoreUnavailable("postgres: away")
        await told(pilot, store, Subject.SESSIONS)
        assert "Newcomer" in [row.name for row in screen.groups.table.rows]
