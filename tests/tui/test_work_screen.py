"""The Work mode: the timer under the fingers, the log, clients; over the real services."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import psycopg
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Select, Static, TextArea

from memoria_tui.dialogs.add_session import holds_added
from memoria_tui.dialogs.choice import ChoiceDialog
from memoria_tui.dialogs.clients_and_projects import ClientsDialog
from memoria_tui.dialogs.form import FormDialog
from memoria_tui.dialogs.help import HelpDialog
from memoria_tui.dialogs.line_prompt import PromptDialog
from memoria_tui.dialogs.timesheet import TimesheetDialog
from memoria_tui.dialogs.week import WeekDialog
from memoria_tui.modes.work.screen import WorkScreen
from memoria_tui.write_queue import writes_of
from services.model import (
    Memory,
    MemoryType,
    Pause,
    SessionCategory,
    SessionChanges,
    SessionDraft,
    SessionStatus,
    WorkSession,
)
from services.work.preferences import WorkPreferences
from services.work.report_values import LogOrder, LogPage, Report
from services.work.reports import ReportService
from tests.tui.conftest import key_event, press, settle, toasts, type_at_once, until
from tests.tui.fakes import Away, memory_id
from tests.tui.work_world import NOW, Desk, WorkServices, one_running, shown, two_days, work_screen


def names(screen: WorkScreen) -> list[str]:
    return [session.description for session in screen.log_list.sessions]


def newest_of(pilot: Pilot[None]) -> WorkSession:
    return max(work_screen(pilot).running.sessions, key=lambda session: session.start)


def said_at(pilot: Pilot[None], field: str) -> str:
    """What stands under a field of the form; "" when nothing does."""
    lines = pilot.app.screen.query(f"#{field}-problem").results(Static)
    return "".join(str(line.render()) for line in lines if line.display)


def composed(pilot: Pilot[None]) -> str:
    """What is on the terminal: the screens under dialogs, too."""
    return re.sub("<[^>]*>", "", pilot.app.export_screenshot()).replace("&#160;", " ")


async def to_row(pilot: Pilot[None], description: str) -> None:
    """Lets the cursor of the log go to a session."""
    log = work_screen(pilot).log_list
    await press(pilot, "home")
    for _ in log.sessions:
        if log.current is not None and log.current.description == description:
            return
        await press(pilot, "j")
    raise AssertionError(f"{description} is not in {names(work_screen(pilot))}")


async def test_before_anything_is_worked_nothing_ticks_and_each_dialog_says_by_its_help_key_what_can_be_done_in_it(
    desk: Desk,
) -> None:
    async with desk.working() as pilot:
        assert not work_screen(pilot).ticking
        assert not work_screen(pilot).header.ticking
        for key in ("c", "dollar_sign", "v"):
            await press(pilot, key, "question_mark")
            dialog = pilot.app.screen
            assert isinstance(dialog, HelpDialog), key
            assert dialog._sections[0].title == "Here", key
            await press(pilot, "escape", "escape")
            assert work_screen(pilot).is_current, key


async def test_work_starts_from_a_form_that_says_at_each_field_what_is_wrong_with_it(desk: Desk) -> None:
    async with desk.working() as pilot:
        await press(pilot, "n", "enter")
        dialog = pilot.app.screen
        assert isinstance(dialog, FormDialog)
        for field, text, problem in (
            ("description", "", "needs a description"),
            ("start", "tomorrow", "not a time"),
            ("start", "today 23:59", "in the future"),
            ("issue", "x1", "not a number"),
        ):
            dialog.query_one(f"#{field}", Input).value = text
            await press(pilot, "enter")
            assert problem in said_at(pilot, field), field
            assert dialog.focused is dialog.query_one(f"#{field}")
            assert work_screen(pilot).running.sessions == ()
            dialog.query_one(f"#{field}", Input).value = "" if text else "fix login"
            await settle(pilot)
            assert said_at(pilot, field) == ""
        dialog.query_one("#description").focus()
        await press(pilot, "tab", "=Acme", "tab", "=api", "tab", "tab", "tab", "=#42", *["tab"] * 4, "=-15m", "enter")
        (session,) = work_screen(pilot).running.sessions
        assert (session.description, session.start) == ("fix login", NOW - timedelta(minutes=15))
        assert (session.client, session.project, session.issue_number) == ("Acme", "api", 42)
        assert names(work_screen(pilot)) == ["fix login"]
        assert toasts(pilot)[-1].startswith('Started "fix login"')


async def test_the_default_client_and_the_branch_are_filled_in_and_can_be_cleared_and_a_new_client_is_said_to_be_new(
    desk: Desk,
) -> None:
    async def prefers_acme(services: WorkServices) -> None:
        await services.clients.create_client("Acme")
        await services.work.set_preference("default_client", "Acme")

    async with desk.working(prefers_acme) as pilot:
        await press(pilot, "n")
        assert pilot.app.screen.query_one("#client", Input).value == "Acme"
        await press(pilot, "=one", "enter")
        assert newest_of(pilot).start == NOW
        await press(pilot, "n", "=two", "tab", "ctrl+u", "tab", "tab", "space", "down", "enter")
        kind = pilot.app.screen.query_one(Select)
        assert kind.value != "coding"
        assert pilot.app.focused is kind, "the list of kinds took the key"
        await press(pilot, "tab", "ctrl+u", "shift+tab", "enter")
        await press(pilot, "n", "=three", "tab", "ctrl+u", "=Birch", "enter")
        started = {one.description: one for one in work_screen(pilot).running.sessions}
        assert {name: one.client for name, one in started.items()} == {"one": "Acme", "two": None, "three": "Birch"}
        assert (started["one"].branch, started["two"].branch) == ("fix/login", None)
        assert (started["one"].category.value, started["two"].category.value) == ("coding", kind.value)
        assert any("new client Birch" in told for told in toasts(pilot))
        assert not any("new client Acme" in told for told in toasts(pilot))


async def test_a_start_waits_for_the_defaults_so_that_an_empty_field_means_none(desk: Desk) -> None:
    """What is typed while the settings are read goes into the form, which shows the default client by then."""
    read = asyncio.Event()

    async with desk.working() as pilot:
        work = desk.services.work
        await work.set_preference("default_client", "Acme")
        preferences = work.preferences

        async def slowly() -> WorkPreferences:
            await read.wait()
            return await preferences()

        work.preferences = slowly  # type: ignore[method-assign]
        type_at_once(pilot, *"nquick", "tab", "ctrl+u", "enter")
        await until(pilot, lambda: pilot.app.waiting_text == "quick")  # type: ignore[attr-defined]
        read.set()
        await settle(pilot)
        (session,) = work_screen(pilot).running.sessions
        assert (session.description, session.client) == ("quick", None)


async def test_names_and_texts_from_before_are_completed_and_what_is_new_is_said_to_be_new(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        asked, log = 0, desk.services.reports.log

        async def counted(*args: Any, **options: Any) -> LogPage:
            nonlocal asked
            asked += options.get("limit") == 500
            return await log(*args, **options)

        desk.services.reports.log = counted  # type: ignore[method-assign]
        await press(pilot, "n", "=tok", "right", "tab", "=acm")
        assert asked == 1, "the fields share what they offer"
        hint = pilot.app.screen.query_one("#hint", Static)
        assert str(hint.render()) == "new client acm"
        await press(pilot, "right", "tab", "=site")
        assert pilot.app.screen.query_one("#client", Input).value == "Acme"
        assert str(hint.render()) == "new project site"
        await press(pilot, "ctrl+u", *["tab"] * 3, "=4", "down", "enter", "enter")
        started = newest_of(pilot)
        assert (started.description, started.client, started.issue_number) == ("token refresh", "Acme", 42)
        await press(pilot, "f", "tab", "tab", "tab", "=acm")
        assert str(pilot.app.screen.query_one("#hint", Static).render()) == "no client acm"
        await press(pilot, "enter")
        assert "no client" in said_at(pilot, "client")


async def test_a_session_of_the_log_is_deleted_once_comes_back_with_undo_runs_on_and_is_continued(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        screen = work_screen(pilot)
        log, before = screen.log_list, names(screen)
        await to_row(pilot, "answer tickets")
        await press(pilot, "d")
        assert names(screen) == [name for name in before if name != "answer tickets"]
        await press(pilot, "u")
        assert names(screen) == before
        await press(pilot, "end", "k", "C")
        assert toasts(pilot) == ['Continued "token refresh" · u to undo']
        newest = newest_of(pilot)
        assert (newest.description, newest.project, newest.branch) == ("token refresh", "api", "fix/token")
        await press(pilot, "u")
        await to_row(pilot, "answer tickets")
        await press(pilot, "R")
        assert len(screen.running.sessions) == 3
        assert log.current is not None
        assert (log.current.description, log.current.status) == ("answer tickets", SessionStatus.ACTIVE)
        await press(pilot, "end", "k")
        gone, count, at_once = log.current, len(log.sessions), key_event("d")
        await press(pilot, "d")
        pilot.app.post_message(at_once)
        await settle(pilot)
        assert (len(log.sessions), gone.id in {one.id for one in log.sessions}) == (count - 1, False)
        assert [toast.partition(" ")[0] for toast in toasts(pilot)] == ["Deleted", "Pressed"]


async def test_a_clock_goes_on_until_the_key_that_pauses_it_also_where_another_program_stops_it_then(
    desk: Desk,
) -> None:
    async with desk.working(one_running) as pilot:
        screen = work_screen(pilot)
        assert "1:00:00" in shown(pilot)
        desk.clock.go(seconds=7)
        screen._tick()
        await settle(pilot)
        assert "1:00:07" in shown(pilot)
        await press(pilot, "space")
        paused_at = desk.clock()
        (session,) = screen.running.sessions
        assert session.status is SessionStatus.PAUSED
        desk.clock.go(minutes=5)
        await press(pilot, "=lunch", "enter")
        (session,) = screen.running.sessions
        assert (session.pauses[0].start, session.pauses[0].reason) == (paused_at, "lunch")
        assert not screen.ticking
        desk.clock.go(hours=2)
        assert session.elapsed_seconds(desk.clock()) == 3607
        await press(pilot, "space")
        assert screen.running.sessions[0].status is SessionStatus.ACTIVE
        assert screen.ticking
        await press(pilot, "…", "space")
        await desk.services.work.stop(session.id)
        await press(pilot, "=tea", "enter")
        told = 'Kept the reason of the pause of "fix login", which is paused no more · tea · u to undo'
        assert toasts(pilot)[-1] == told


async def test_a_stop_shows_its_time_refuses_a_wrong_end_is_undone_and_can_keep_a_memory(desk: Desk) -> None:
    async with desk.working(one_running) as pilot:
        screen = work_screen(pilot)
        await press(pilot, "s")
        facts = pilot.app.screen.query_one("#facts")
        assert "1:00:00" in str(facts.render())
        desk.clock.go(seconds=7)
        await until(pilot, lambda: "1:00:07" in str(facts.render()))
        await press(pilot, "=all done", "escape")
        assert "⏱ 1:00:0" in (seen := composed(pilot))
        assert "Discard it?" in seen
        desk.clock.go(seconds=7)
        screen.header._tick()
        await settle(pilot)
        assert "⏱ 1:00:14 fix login" in composed(pilot), "the clock of the mode goes on under two dialogs"
        desk.clock.go(seconds=-7)
        await press(pilot, "escape", "tab")
        for end, problem in (
            ("15:50", "in the future"),
            ("22:00", "in the future"),
            ("14:00", 'before "fix login" began'),
        ):
            await press(pilot, "ctrl+u", f"={end}", "enter")
            assert problem in said_at(pilot, "end"), end
        await press(pilot, "ctrl+u", "enter")
        assert not screen.running.sessions
        assert screen.log_list.sessions[0].notes == ("all done",)
        assert toasts(pilot)[-1].startswith('Stopped "fix login" after 1:00:07')
        await press(pilot, "u")
        assert [one.status for one in screen.running.sessions] == [SessionStatus.ACTIVE]
        await press(pilot, "s", "tab", "tab")
        pilot.app.screen.query_one(Select).value = "keep one"
        await press(pilot, "ctrl+s")
        assert [draft.content.splitlines()[0] for draft in desk.services.kept.drafts] == ["fix login"]
        assert screen.log_list.sessions[0].memory_id


async def test_with_several_open_the_one_under_the_cursor_is_meant_and_named_else_the_person_is_asked_which(
    desk: Desk,
) -> None:
    async with desk.working(two_days) as pilot:
        screen = work_screen(pilot)
        assert screen.log_list.has_focus
        await press(pilot, "k")
        assert screen.running.has_focus
        await press(pilot, "j", "N")
        assert isinstance(pilot.app.screen, PromptDialog)
        await press(pilot, "=looks good", "enter")
        assert screen.running.sessions[1].notes == ("looks good",)
        await press(pilot, "j")
        assert screen.log_list.has_focus
        await to_row(pilot, "fix login")
        await press(pilot, "s")
        assert isinstance(pilot.app.screen, FormDialog)
        assert "fix login" in shown(pilot)
        await press(pilot, "escape", "space")
        assert 'Paused "fix login"' in str(pilot.app.screen.query_one("#dialog").border_title)
        await press(pilot, "escape", "N")
        assert 'Note on "fix login"' in str(pilot.app.screen.query_one("#dialog").border_title)
        await press(pilot, "escape")
        await to_row(pilot, "answer tickets")
        await press(pilot, "s")
        assert isinstance(pilot.app.screen, ChoiceDialog)
        rows = [str(option.prompt) for option in pilot.app.screen.query_one(OptionList).options]
        assert ["1:24:00" in rows[0], "0:30:00" in rows[1]] == [True, True], (
            "the same as in the screen: no pause counts"
        )
        await press(pilot, "…")
        type_at_once(pilot, "2", "2", "x")
        await settle(pilot)
        assert isinstance(pilot.app.screen, FormDialog)
        assert pilot.app.screen.query_one("#note", Input).value == "x", "a key pressed twice answers one dialog"
        await press(pilot, "enter")
        assert [one.description for one in screen.running.sessions] == ["fix login"]


async def test_everything_of_a_session_can_be_edited_and_what_it_would_book_is_shown_and_checked(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        screen = work_screen(pilot)
        assert "[bold]read␛[31m logs[/]" in shown(pilot), "hostile text is shown harmless"
        assert "\x1b" not in shown(pilot)
        before = screen.log_list.sessions
        await press(pilot, "j", "j", "enter")
        assert "\x1b" not in shown(pilot)
        await press(pilot, "ctrl+s")
        assert screen.log_list.sessions == before
        assert "\x1b" in before[2].description
        await press(pilot, "u")
        assert "Changed" not in " ".join(toasts(pilot)), "nothing was written"
        await press(pilot, "enter")
        dialog = pilot.app.screen

        async def enter(**values: str) -> None:
            for field, text in values.items():
                dialog.query_one(f"#{field}", Input).value = text
            await settle(pilot)

        facts = dialog.query_one("#facts", Static)
        assert str(facts.render()).startswith("0:30:00  ·")
        as_shown = {field: dialog.query_one(f"#{field}", Input).value for field in ("start", "end", "description")}
        for typed, booked in (
            ("yesterday 22:00", "12:30:00  ·  Thu 19 Nov 22:00 – Fri 20 Nov 10:30"),
            ("22:00", "Start: that time is in the future"),
            ("09:00", "1:30:00  ·  Fri 20 Nov 09:00 – Fri 20 Nov 10:30"),
        ):
            await enter(start=typed)
            assert str(facts.render()).startswith(booked)
        await enter(**as_shown)
        for field, text, problem in (
            ("end", "09:00", "after the start"),
            ("start", "10:45", "after the start"),
            ("pause_1_start", "yesterday 07:00", "the pause is outside"),
            ("pause_1_start", "lunch", "not a time"),
            ("description", "", "needs a description"),
        ):
            await enter(**{field: text})
            await press(pilot, "ctrl+s")
            assert problem in said_at(pilot, field), (field, text)
            await enter(**{field: as_shown.get(field, "")})
        wrong = {"description": "", "issue": "x1", "start": "soon", "pause_1_end": "tea", "pause_2_start": "noon-ish"}
        await enter(**wrong, pause_1_start="10:10")
        await press(pilot, "ctrl+s")
        assert {field for field in (*wrong, "end", "pause_1_start") if said_at(pilot, field)} == {*wrong}, "all at once"
        assert dialog.focused is dialog.query_one("#description"), "the first of them"
        await enter(**as_shown, issue="", pause_1_start="", pause_1_end="", pause_2_start="")
        await enter(description="read the logs", client="Cedar", end="11:00")
        await enter(pause_1_start="10:10", pause_1_end="10:20", pause_1_reason="tea")
        await enter(pause_2_start="10:30", pause_2_end="10:35")
        dialog.query_one("#notes", TextArea).text = "one\ntwo"
        await press(pilot, "ctrl+s")
        session = screen.log_list.sessions[2]
        assert (session.description, session.client, session.notes) == ("read the logs", "Cedar", ("one", "two"))
        assert session.end == NOW.replace(hour=11, minute=0)
        assert [pause.reason for pause in session.pauses] == ["tea", None]
        assert session.elapsed_seconds(NOW) == 45 * 60
        assert toasts(pilot)[-1] == 'Changed "read the logs" · 0:45:00 · new client Cedar · u to undo'
        await press(pilot, "u")
        assert screen.log_list.sessions[2].elapsed_seconds(NOW) == 30 * 60


async def test_what_is_typed_right_behind_the_key_goes_into_the_form_which_shows_its_day_and_is_not_left_unasked(
    desk: Desk,
) -> None:
    desk.clock.at = NOW.replace(hour=0, minute=30)
    async with desk.working() as pilot:
        for key in "nfixcsx":
            pilot.app.post_message(events.Key(key, key))
        await settle(pilot)
        assert pilot.app.screen.query_one("#description", Input).value == "fixcsx"
        await press(pilot, *["tab"] * 9, "=23:50")
        assert "Starts Thu 19 Nov 23:50, 0:40:00 ago" in shown(pilot)
        await press(pilot, "ctrl+u", "=17:00", "enter")
        assert "17:00 is still to come" in said_at(pilot, "start")
        assert not pilot.app.screen.query_one("#facts").display, "it is said once"
        await press(pilot, "escape", "escape")
        assert isinstance(pilot.app.screen, FormDialog)
        await press(pilot, "escape", "ctrl+d")
        assert work_screen(pilot).is_current


async def test_a_field_that_another_program_changed_is_overwritten_once_the_form_said_what_stands_there(
    desk: Desk,
) -> None:
    async with desk.working(two_days) as pilot:
        session, work = work_screen(pilot).log_list.sessions[3], desk.services.work
        await press(pilot, "j", "j", "j", "enter")
        form = pilot.app.screen
        form.query_one("#description", Input).value = "mine"
        form.query_one("#notes", TextArea).text = "my note"
        first = await work.edit(session, SessionChanges("theirs", SessionCategory.RESEARCH, notes=("one", "two")))
        await press(pilot, "ctrl+s")
        assert said_at(pilot, "description").endswith("ctrl+s again overwrites what stands there now: theirs")
        assert said_at(pilot, "notes").endswith("now:\none\ntwo")
        assert form.query_one("#category", Select).value == "research", "what was not touched is as outside"
        assert form.query_one("#description", Input).value == "mine"
        form.query_one("#pause_1_start", Input).value = session.start.isoformat()
        form.query_one("#pause_1_end", Input).value = (session.start + timedelta(minutes=1)).isoformat()
        added = Pause(session.start + timedelta(minutes=5), session.start + timedelta(minutes=6), "their pause")
        second = await work.edit(first, SessionChanges("theirs anew", branch="main", pauses=(added,)))
        await press(pilot, "ctrl+s")
        assert said_at(pilot, "description").endswith("now: theirs anew"), "a change in between is said too"
        assert await work.session(session.id) == second, "nothing was overwritten unasked"
        await press(pilot, "ctrl+s")
        now = await work.session(session.id)
        assert (now.description, now.notes, now.category) == ("mine", ("my note",), SessionCategory.RESEARCH)
        assert now.branch == "main"
        assert [one.start for one in now.pauses] == [session.start, added.start], "both have their pause"
        assert work_screen(pilot).is_current
        await to_row(pilot, "fix login")
        await press(pilot, "enter")
        form = pilot.app.screen
        for field, text in (
            ("description", "fix the login"),
            ("project", "web"),
            ("client", "Birch"),
            ("branch", "main"),
        ):
            form.query_one(f"#{field}", Input).value = text
        (running,) = [one for one in work_screen(pilot).running.sessions if one.description == "fix login"]
        changed = await work.edit(running, SessionChanges("fix the login", client="Cedar"))
        await press(pilot, "ctrl+s")
        assert said_at(pilot, "client").endswith("now: Cedar")
        changed = await work.edit(changed, SessionChanges(client="Elm", project="site"))
        stopped = await work.stop(changed.id)
        await press(pilot, "ctrl+s")
        assert said_at(pilot, "description") == "", "they wrote the same"
        row, upper, lower = (form.query_one(one).region for one in ("#client", "#client-problem", "#project-problem"))
        assert (upper.y, lower.y) == (row.bottom, upper.bottom), "in the order of the fields, under their row"
        await press(pilot, "ctrl+s")
        now = await work.session(running.id)
        assert (now.client, now.project, now.end) == ("Birch", "web", stopped.end)
        assert (now.description, now.branch) == ("fix the login", "main")
        assert work_screen(pilot).is_current


async def test_settings_of_work_are_kept_for_other_programs_and_theirs_not_overwritten_unasked(desk: Desk) -> None:
    async with desk.working() as pilot:
        work = desk.services.work
        await press(pilot, "P")
        form = pilot.app.screen
        form.query_one("#work_day_hours", Input).value = "25"
        await press(pilot, "enter")
        assert said_at(pilot, "work_day_hours").endswith("it must be hours, more than 0 and at most 24")
        form.query_one("#work_day_hours", Input).value = "7.5"
        form.query_one("#default_client", Input).value = "Acme"
        await press(pilot, "enter", "n", "=work", "enter")
        assert (await work.preferences()).work_day_hours == 7.5
        assert work_screen(pilot).running.sessions[0].client == "Acme"
        await press(pilot, "P")
        form = pilot.app.screen
        form.query_one("#work_day_hours", Input).value = "7"
        await work.set_preference("work_day_hours", 6.0)
        await work.set_preference("default_client", "Birch")
        await press(pilot, "enter")
        assert said_at(pilot, "work_day_hours").endswith("enter again overwrites what stands there now: 6")
        assert form.query_one("#default_client", Input).value == "Birch"
        assert (await work.preferences()).work_day_hours == 6
        await press(pilot, "enter")
        kept = await work.preferences()
        assert (kept.work_day_hours, kept.default_client) == (7, "Birch")


async def test_days_have_totals_cut_at_midnight(desk: Desk) -> None:
    async def over_midnight(services: WorkServices) -> None:
        start = NOW.replace(hour=23, minute=0) - timedelta(days=2)
        session = await services.work.start(SessionDraft("deploy", start=start))
        await services.work.stop(session.id, at=start + timedelta(hours=3))
        await services.work.start(SessionDraft("fix", start=NOW - timedelta(minutes=30)))

    async with desk.working(over_midnight) as pilot:
        lines = [line for line in shown(pilot).splitlines() if "──" in line]
        assert [(line.split()[0], line.split()[-1]) for line in lines] == [
            ("Today", "0:30:00"),
            ("Yesterday", "2:00:00"),
            ("Wed", "1:00:00"),
        ]
        assert "00:00–02:00 ←   2:00:00" in shown(pilot)
        assert "23:00–24:00 →   1:00:00" in shown(pilot)
        assert "today 0:30:00 of 8 h" in shown(pilot)
        assert ", 0:30:00 still open · week " in shown(pilot)
        desk.clock.go(seconds=5)
        work_screen(pilot)._tick()
        await settle(pilot)
        assert sum("0:30:05" in line for line in shown(pilot).splitlines()) >= 3

        read = desk.services.reports.today

        async def takes_long() -> Report:
            desk.clock.go(seconds=2)
            return await read()

        desk.services.reports.today = takes_long  # type: ignore[method-assign]
        work_screen(pilot).changed()
        await settle(pilot)
        assert re.findall(r"(?:today|Today ─+) (\S+)", shown(pilot)) == ["0:30:07"] * 2


async def test_the_log_loads_further_pages_as_they_come_near(desk: Desk) -> None:
    async with desk.working() as pilot:
        await desk.services.postgres.read(
            "INSERT INTO work_sessions (description, category, start_time, end_time, status) SELECT 's' || n, 'coding',"
            " :now - n * interval '1 hour', :now - n * interval '1 hour' + interval '1 minute', 'completed'"
            " FROM generate_series(1, 250) n RETURNING id",
            {"now": NOW},
        )
        screen = work_screen(pilot)
        screen.changed()
        await settle(pilot)
        assert len(names(screen)) == 100
        await press(pilot, "G", "G", "G")
        assert names(screen) == [f"s{number}" for number in range(1, 251)]
        assert screen.log_list.current is screen.log_list.sessions[-1]


async def test_the_log_is_narrowed_and_sorted_and_says_how_many_sessions_are_left_and_how_long_they_are(
    desk: Desk,
) -> None:
    async with desk.working(two_days) as pilot:
        screen = work_screen(pilot)
        await press(pilot, "slash", "=aCm", "enter")
        assert names(screen) == ["fix login", "token refresh", "plan the sprint"], "of the client Acme"
        assert "3 sessions, 4:39:00" in shown(pilot)
        await press(pilot, "escape")
        assert "3 sessions" not in shown(pilot)
        assert "today 3:44:00" in shown(pilot)
        await press(pilot, "f", "tab", "=today", "tab", "=yesterday", "enter")
        assert "is before the first" in said_at(pilot, "last")
        await press(pilot, "home", "shift+end", "=today", "enter")
        assert "answer tickets" in names(screen)
        assert "token refresh" not in names(screen)
        await press(pilot, "escape", "f", "tab", "tab", "tab", "=Acme", "enter")
        assert names(screen) == ["fix login", "token refresh", "plan the sprint"]
        await press(pilot, "o", "l")
        assert screen.question.order is LogOrder.DURATION
        assert names(screen) == ["token refresh", "plan the sprint"]
        assert await desk.services.reports.log_order() == (LogOrder.DURATION, True)
        await press(pilot, "escape", "slash", "=ticket", "enter")
        assert await desk.services.reports.log_order() == (LogOrder.START, True)
        assert names(screen) == ["answer tickets"]
        await press(pilot, "escape")
        assert len(names(screen)) == 6


async def test_the_export_holds_what_the_log_shows_and_no_formula(desk: Desk, tmp_path: Path) -> None:
    async def formula(services: WorkServices) -> None:
        await two_days(services)
        await services.work.start(SessionDraft("=cmd()", start=NOW - timedelta(minutes=1)))
        await services.reports.keep_log_order(LogOrder.START, descending=False)

    async with desk.working(formula) as pilot:
        assert "oldest first" in shown(pilot), "as it was sorted in an earlier start"
        assert names(work_screen(pilot))[0] == "plan the sprint"
        await press(pilot, "x")
        pilot.app.screen.query_one(Input).value = str(tmp_path / "work.csv")
        await press(pilot, "enter")
        text = (tmp_path / "work.csv").read_text("utf-8")
        assert "'=cmd()" in text
        assert (
            "2026-11-19,2026-11-19T08:00:00+00:00,2026-11-19T08:45:00+00:00,2700.000000,0.75,0.000000,completed,meeting,Acme"
            in text
        )
        assert toasts(pilot)[-1].startswith("Exported 7 sessions")


async def test_a_forgotten_session_is_warned_about_and_cut_back(desk: Desk) -> None:
    async with desk.working(one_running) as pilot:
        desk.clock.go(hours=9)
        work_screen(pilot).changed()
        await settle(pilot)
        assert "has been running for 10.0 hours" in shown(pilot)
        assert "b stops it" in shown(pilot)
        await press(pilot, "b")
        # The last sign of life is when the database wrote it down, by its own clock.
        assert datetime.fromisoformat(pilot.app.screen.query_one("#end", Input).value)
        pilot.app.screen.query_one("#end", Input).value = "16:30"
        await press(pilot, "enter")
        assert work_screen(pilot).log_list.sessions[0].elapsed_seconds(NOW) == 2 * 3600


async def test_clients_are_renamed_merged_moved_deleted_and_as_they_were_with_undo(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await press(pilot, "c")
        dialog = pilot.app.screen
        assert isinstance(dialog, ClientsDialog)

        def lines() -> list[tuple[str, int]]:
            return [(line.entity.name if line.entity else "-", line.sessions) for line in dialog._lines]

        before = lines()
        assert before == [("Acme", 2), ("api", 1), ("Birch", 1), ("shop", 1), ("-", 1)]
        await press(pilot, "M", "=Birch", "enter")
        assert len(lines()) < len(before)
        await press(pilot, "u")
        assert dialog.is_current
        assert lines() == before
        assert toasts(pilot) == ['Undone: merged client "Acme" into "Birch", 3 sessions']
        assert "Undone: merged client" in str(dialog.query_one("#hint").render())
        await press(pilot, "home", "e")
        pilot.app.screen.query_one(Input).value = "Zorn"
        await press(pilot, "enter", "M")
        assert 'Merge "Zorn" into' in str(pilot.app.screen.query_one("#dialog").border_title), "the cursor stays on it"
        await press(pilot, "escape", "e", "ctrl+u", "=Acorn", "enter", "n", "=Cedar", "enter")
        await press(pilot, "home", "down", "equals_sign", "=Cedar", "enter")
        assert ("Cedar", 1) in lines()
        await press(pilot, "home", "M", "=Birch", "enter")
        assert lines() == [("Birch", 2), ("shop", 1), ("Cedar", 1), ("api", 1), ("-", 1)]
        await press(pilot, "d")
        assert "sessions" in str(dialog.query_one("#hint").render())
        await press(pilot, "escape")
        assert {session.client for session in work_screen(pilot).log_list.sessions} == {"Birch", "Cedar", None}


async def test_many_clients_fit_into_80_columns_with_exact_times_and_all_keys_and_are_found_by_a_part_of_the_name(
    desk: Desk,
) -> None:
    async def thirty_clients(services: WorkServices) -> None:
        await two_days(services)
        for number in range(30):
            await services.clients.create_client(f"client {number}")
        session = await services.work.start(SessionDraft("odd", client="Acme", start=NOW - timedelta(days=4)))
        await services.work.stop(session.id, at=NOW - timedelta(days=4) + timedelta(seconds=107))

    async with desk.working(thirty_clients, size=(80, 24)) as pilot:
        await press(pilot, "c")
        dialog = pilot.app.screen
        assert isinstance(dialog, ClientsDialog)
        for size in ((120, 40), (80, 24)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            (keys,) = [line for line in shown(pilot).splitlines() if "n client" in line]
            told = ("n client", "A project", "e rename", "M merge", "= move", "d delete", "esc close")
            assert all(word in keys for word in told), size
            assert "MCP Memoria counts whole minutes" in shown(pilot)
            assert any("Acme" in line and "3:16:47" in line for line in shown(pilot).splitlines())
        await press(pilot, "question_mark")
        assert isinstance(pilot.app.screen, HelpDialog)
        seen = " ".join(shown(pilot).split())
        for line in ("n Make a client", "M Merge it into another one", "esc close"):
            assert line in seen
        await press(pilot, "escape")
        assert dialog.is_current
        await press(pilot, "n", "=Zeta", "enter")
        assert dialog._line is not None
        assert dialog._line.entity is not None
        assert dialog._line.entity.name == "Zeta"
        assert 'Created client "Zeta" · u to undo' in shown(pilot)
        assert "u undo" in shown(pilot)
        await press(pilot, "u")
        assert dialog.is_current
        assert "Zeta" not in str([one.entity for one in dialog._lines])
        await press(pilot, "slash", "=NT 17", "enter", "e")
        assert 'Rename "client 17"' in shown(pilot)
        await press(pilot, "escape", "slash", "=nobody", "enter")
        assert 'No client or project has "nobody" in its name' in shown(pilot)


async def test_work_that_is_being_written_counts_for_its_client(desk: Desk) -> None:
    written = asyncio.Event()

    async def adds() -> None:
        await written.wait()
        start = NOW - timedelta(days=4)
        await desk.services.work.add(
            SessionDraft("odd", client="Acme", start=start, end=start + timedelta(seconds=107))
        )

    async with desk.working(two_days) as pilot:
        adding = asyncio.create_task(writes_of(pilot.app.screen.app).run("Add", adds()))
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ClientsDialog) and bool(pilot.app.screen._lines))
        await until(pilot, lambda: "…" in shown(pilot))
        written.set()
        await adding
        await settle(pilot)
        assert any("Acme" in line and "3:16:47" in line for line in shown(pilot).splitlines())


async def test_work_is_started_paused_and_stopped_from_any_mode(desk: Desk) -> None:
    async with desk.working() as pilot:
        await press(pilot, "1", "ctrl+t", "=fix login", "enter")
        (session,) = pilot.app.screen.status.sessions  # type: ignore[attr-defined]
        assert session.description == "fix login"
        await press(pilot, "ctrl+k")
        assert pilot.app.screen.status.sessions[0].status is SessionStatus.PAUSED  # type: ignore[attr-defined]
        await press(pilot, "ctrl+k", "ctrl+t", "enter")
        assert pilot.app.screen.status.sessions == ()  # type: ignore[attr-defined]


async def test_it_runs_at_any_size_and_shows_what_is_started_at_the_top_of_the_log(desk: Desk) -> None:
    async with desk.working(two_days, size=(20, 6)) as pilot:
        screen = work_screen(pilot)
        for size in ((20, 6), (200, 50), (40, 12)):
            await pilot.resize_terminal(*size)
            await press(pilot, "tab", "j", "j", "j", "k", "enter", "escape", "n", "escape")
            assert len(names(screen)) == 6, size
        desk.clock.go(seconds=1)
        await press(pilot, "j", "n", "=third", "enter")
        assert screen.log_list.scroll_offset.y == 0
        assert screen.log_list.current is not None
        assert screen.log_list.current.description == "third"


async def test_many_hours_are_shown_and_confirmed_before_they_are_booked(desk: Desk) -> None:
    async def since_last_week(services: WorkServices) -> None:
        await services.work.start(SessionDraft("long ago", start=desk.clock() - timedelta(hours=197)))

    async with desk.working(since_last_week) as pilot:
        await press(pilot, "s", "tab", "=00:30")
        dialog = pilot.app.screen
        assert isinstance(dialog, FormDialog)
        assert "until Fri 20 Nov 00:30" in str(dialog.query_one("#facts").render())
        await press(pilot, "enter")
        assert "enter again" in str(dialog.query_one("#end-problem").render())
        assert work_screen(pilot).running.sessions
        await press(pilot, "enter")
        assert work_screen(pilot).running.sessions == ()


async def test_names_of_clients_and_sessions_are_shown_and_never_obeyed(desk: Desk) -> None:
    hostile = "[b]x[/] \x1b]52;c;aGk=\x07 \x1b[31mred \u202eevil \x9b1m"

    async def named(services: WorkServices) -> None:
        client = await services.clients.create_client("Acme")
        project = await services.clients.create_project("api", "Acme")
        session = await services.work.start(SessionDraft("x", client="Acme", project="api"))
        async with await psycopg.AsyncConnection.connect(services.settings.database_url or "") as connection:
            await connection.execute("UPDATE clients SET name = %s WHERE id = %s", (hostile, client.id))
            await connection.execute("UPDATE projects SET name = %s WHERE id = %s", (hostile, project.id))
            await connection.execute(
                "UPDATE work_sessions SET description = %s, notes = %s WHERE id = %s", (hostile, [hostile], session.id)
            )

    async with desk.working(named) as pilot:
        for keys in ((), ("s",), ("escape", "N"), ("escape", "enter"), ("escape", "c"), ("e",)):
            await press(pilot, *keys)
            seen = shown(pilot)
            assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(seen), keys
            assert "[b]x[/]" in seen, keys


async def test_finished_work_is_entered_with_its_times_shown_while_they_are_typed(desk: Desk) -> None:
    async with desk.working(one_running) as pilot:
        await press(pilot, "A", "=stand-up", "tab", "=Acme", *["tab"] * 8, "=9:00", "tab", "tab", "=8:00")
        dialog = pilot.app.screen
        assert isinstance(dialog, FormDialog)
        facts = dialog.query_one("#facts")
        assert "in the future" in str(facts.render())
        await press(pilot, "ctrl+u", "=6:15")
        assert str(facts.render()) == "6:15:00  Fri 20 Nov 09:00 – Fri 20 Nov 15:15"
        await press(pilot, "tab", "=15:00", "tab", "=15:20", "tab", "=tea", "enter")
        assert "the pause is outside the session" in said_at(pilot, "pause_1_start")
        await press(pilot, "ctrl+u", "=12:00", "tab", "ctrl+u", "=12:30")
        assert str(facts.render()) == "5:45:00  Fri 20 Nov 09:00 – Fri 20 Nov 15:15  0:30:00 paused"
        await press(pilot, "enter")
        assert toasts(pilot) == ['Added "stand-up" · 5:45:00 · overlaps "fix login" by 0:45:00 · u to undo']
        (pause,) = next(one.pauses for one in work_screen(pilot).log_list.sessions if one.pauses)
        assert (f"{pause.start:%H:%M}", f"{pause.end:%H:%M}", pause.reason) == ("12:00", "12:30", "tea")
        typed = {"description": "stand-up", "start": "2026-11-20 9:00", "duration": "6:15"}
        typed |= {"pause_1_start": "12:00", "pause_1_end": "12:30", "pause_1_reason": "tea"}
        for more, is_held in (({}, True), ({"pause_2_start": "13:00", "pause_2_end": "13:10"}, False)):
            assert await holds_added(work_screen(pilot).services, typed | more, NOW) is is_held
        log = work_screen(pilot).log_list
        assert log.current is not None
        assert (log.current.description, log.current.client) == ("stand-up", "Acme")
        await press(pilot, "u")
        assert [one.description for one in log.sessions] == ["fix login"]


async def test_a_switch_pauses_what_runs_and_is_undone_as_one(desk: Desk) -> None:
    async with desk.working(one_running) as pilot:
        await press(pilot, "W", "=review", "enter")
        assert toasts(pilot) == ['Started "review" · "fix login" is paused · u to undo']
        states = {one.description: one.status.value for one in work_screen(pilot).running.sessions}
        assert states == {"fix login": "paused", "review": "active"}
        await press(pilot, "u")
        (only,) = work_screen(pilot).running.sessions
        assert (only.description, only.status.value, only.pauses) == ("fix login", "active", ())


async def test_work_starts_on_what_a_memory_says(desk: Desk) -> None:
    memory = Memory(memory_id(1), MemoryType.SEMANTIC, "# JWT expiry\nwas set to 10 s", project="api")

    async def remembered(services: WorkServices) -> None:
        services.store.memories[memory.id] = memory
        await services.work.start(SessionDraft("x", client="Acme", project="api", start=NOW - timedelta(hours=1)))

    async with desk.working(remembered) as pilot:
        await press(pilot, "1", "W", "enter", "4")
        started = newest_of(pilot)
        assert (started.description, started.client, started.project) == ("JWT expiry", "Acme", "api")


async def test_what_runs_stands_above_what_is_paused_and_the_footer_says_what_space_would_do(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await press(pilot, "tab", "space", "escape", "down", "space", "…")
        assert [one.description for one in work_screen(pilot).running.sessions] == ["review #7", "fix login"]
        await until(pilot, lambda: "space Pause" in shown(pilot))
        await press(pilot, "down")
        await until(pilot, lambda: "space Resume" in shown(pilot))
        await press(pilot, "space", "…")
        assert toasts(pilot) == ['Resumed "fix login", which was paused · u to undo']
        await until(pilot, lambda: "space Pause" in shown(pilot))


async def test_a_pause_keeps_what_was_not_typed_of_it_and_goes_when_its_row_is_emptied(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        screen = work_screen(pilot)
        await press(pilot, "tab", "down", "enter")
        before = screen.running.sessions[1].pauses
        pilot.app.screen.query_one("#pause_1_reason", Input).value = "a longer lunch"
        await press(pilot, "ctrl+s")
        (pause,) = screen.running.sessions[1].pauses
        assert (pause.start, pause.end, pause.reason) == (before[0].start, before[0].end, "a longer lunch")
        await press(pilot, "enter")
        dialog = pilot.app.screen
        dialog.query_one("#pause_2_end", Input).value = "15:00"
        await press(pilot, "ctrl+s")
        assert "when the pause began" in str(dialog.query_one("#pause_2_start-problem").render())
        dialog.query_one("#pause_2_start", Input).value = "14:50"
        await press(pilot, "ctrl+s")
        assert len(screen.running.sessions[1].pauses) == 2


async def test_a_month_is_priced_billed_and_undone_by_keys(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await press(pilot, "j", "dollar_sign", "P", "=95 EUR", "tab", "=15 up", "ctrl+s")
        sheet = pilot.app.screen
        assert isinstance(sheet, TimesheetDialog)
        assert "worked 3:15, to bill 3:15, 308.75 EUR" in shown(pilot)
        await press(pilot, "equals_sign")
        assert "all of it is billed" in shown(pilot)
        await press(pilot, "enter", "=!", "ctrl+s")
        assert '"plan the sprint" was billed for 2026-11' in shown(pilot)
        await press(pilot, "ctrl+s")
        assert "plan the sprint!" in shown(pilot)
        await press(pilot, "u", "u")
        assert "all of it is billed" not in shown(pilot)
        await press(pilot, "left_square_bracket")
        assert "nothing to bill" in shown(pilot)
        await press(pilot, "right_square_bracket", "J")
        assert "Birch, November 2026" in shown(pilot)


async def test_what_is_billed_is_what_was_exported_or_is_on_screen(desk: Desk, tmp_path: Path) -> None:
    async def more(what: str, hours: int = 10) -> None:
        start = NOW - timedelta(hours=hours)
        await desk.services.work.add(SessionDraft(what, client="Acme", start=start, end=start + timedelta(hours=1)))

    async with desk.working(two_days) as pilot:
        await press(pilot, "j", "dollar_sign")
        await more("write the docs")
        await press(pilot, "x")
        pilot.app.screen.query_one(Input).value = str(tmp_path / "bill.csv")
        await press(pilot, "enter")
        assert "write the docs" in shown(pilot)
        await press(pilot, "G")
        await more("call", hours=60)
        await press(pilot, "equals_sign")
        assert "changed since it was read" in shown(pilot)
        lines = pilot.app.screen.query_one(OptionList)
        assert "call" in str(lines.options[0].prompt)
        assert lines.highlighted_option is not None
        assert "write the docs" in str(lines.highlighted_option.prompt)
        assert "all of it is billed" not in shown(pilot)
        await press(pilot, "equals_sign")
        assert "all of it is billed" in shown(pilot)


async def test_undo_is_not_offered_where_the_timesheet_or_rates_were_so_already(desk: Desk) -> None:
    async def with_a_colon(services: WorkServices) -> None:
        start = NOW - timedelta(hours=2)
        await services.work.add(SessionDraft("x", client="ACME: North", start=start, end=start + timedelta(hours=1)))

    async with desk.working(with_a_colon) as pilot:
        await press(pilot, "dollar_sign")
        assert "ACME: North, November 2026 ›   worked 1:00" in shown(pilot)
        await press(pilot, "P", "ctrl+s")
        assert "Nothing was changed: it was so already" in shown(pilot)
        billing = desk.services.billing
        await billing.mark(await billing.timesheet("ACME: North", NOW.date()), billed=True)
        await press(pilot, "equals_sign")
        assert "Nothing was changed: it was so already" in shown(pilot)
        assert "u to undo" not in shown(pilot)
        assert "all of it is billed" in shown(pilot)


async def test_a_gap_of_the_week_is_filled_and_its_sessions_are_opened_with_arrows(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await press(pilot, "v")
        week, reports = pilot.app.screen, desk.services.reports
        assert isinstance(week, WeekDialog)
        await press(pilot, "up", "right")
        assert "Thu 19 Nov  08:45 – 10:00  1:15:00  a gap: enter fills it" in shown(pilot)
        await press(pilot, "enter", "=stand-up", "enter")
        assert 'Added "stand-up"' in shown(pilot)
        assert "08:45 – 10:00  1:15:00  stand-up" in shown(pilot)
        await press(pilot, "left", "enter", "=!", "ctrl+s")
        assert "08:00 – 08:45  0:45:00  plan the sprint!" in shown(pilot)
        early = NOW.replace(day=19, hour=6)
        await desk.services.work.add(SessionDraft("mail", start=early, end=early + timedelta(hours=1)))
        week.changed_outside()
        await settle(pilot)
        assert "mail" in shown(pilot)
        assert "08:00 – 08:45  0:45:00  plan the sprint!" in shown(pilot)
        desk.services.reports = cast("ReportService", Away())
        await press(pilot, "left_square_bracket")
        desk.services.reports = reports
        await press(pilot, "left_square_bracket", "right_square_bracket")
        assert "week 47" in shown(pilot), "from the one that is seen"
        await press(pilot, "left_square_bracket", "escape")
        assert "stand-up" in names(work_screen(pilot))


async def test_work_at_once_is_marked_in_the_log_and_told_in_the_week(desk: Desk) -> None:
    async def twice(services: WorkServices) -> None:
        start = NOW - timedelta(days=1)
        for name, begins, ends in (("review", 0, 60), ("call", 48, 90)):
            first, last = start + timedelta(minutes=begins), start + timedelta(minutes=ends)
            await services.work.add(SessionDraft(name, start=first, end=last))

    async with desk.working(twice, size=(140, 40)) as pilot:
        assert '⚠ overlap 0:12:00 with "review"' in shown(pilot)
        assert '⚠ overlap 0:12:00 with "call"' in shown(pilot)
        await press(pilot, "v")
        assert 'review  overlaps "call" by 0:12:00' in shown(pilot)


async def test_a_session_is_split_merged_and_duplicated_by_keys(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        screen = work_screen(pilot)
        before = names(screen)
        await press(pilot, "G", "k", "M")
        assert toasts(pilot)[-1].endswith("differ in project: make it the same first"), "before anything is asked"
        assert (screen.is_current, names(screen)) == (True, before)
        await press(pilot, "G", "vertical_line", "=8:30", "enter")
        assert names(screen)[-2:] == ["plan the sprint"] * 2
        for shows_a_part in (("o", "l"), ("slash", "=sprint", "enter")):
            await press(pilot, *shows_a_part, "M")
            assert toasts(pilot) == ["Merge needs the log by start and without a filter: esc shows it"]
            await press(pilot, "escape")
        await press(pilot, "G", "k", "M")
        assert (names(screen).count("plan the sprint"), screen.log_list.sessions[-1].pauses) == (1, ())
        await press(pilot, "G", "ampersand", *["tab"] * 9, "=13:00", "tab", "tab", "=15m", "enter")
        assert names(screen).count("plan the sprint") == 2
        assert "Added" in toasts(pilot)[-1]
        await press(pilot, "ampersand", *["tab"] * 9, "=10:45", "tab", "tab", "=15m", "enter", "k", "M")
        question = re.sub(r"\W+", " ", shown(pilot))
        assert "plan the sprint Fri 20 Nov 10 45 Fri 20 Nov 11 00" in question, "a long gap is asked for, of both"
        assert "plan the sprint Fri 20 Nov 13 00 Fri 20 Nov 13 15" in question
        assert "The 2 00 00 between them becomes a pause the first one stays" in question
        await press(pilot, "n")
        assert names(screen).count("plan the sprint") == 3
