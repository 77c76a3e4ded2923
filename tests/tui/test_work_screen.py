"""The Work mode: the timer under the fingers, the log, clients; over the real services."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Select, Static, TextArea

from memoria_tui.dialogs.choice import ChoiceDialog
from memoria_tui.dialogs.clients_and_projects import ClientsDialog
from memoria_tui.dialogs.form import FormDialog
from memoria_tui.dialogs.help import HelpDialog
from memoria_tui.dialogs.line_prompt import PromptDialog
from memoria_tui.dialogs.timesheet import TimesheetDialog
from memoria_tui.dialogs.week import WeekDialog
from memoria_tui.modes.work.screen import WorkScreen
from memoria_tui.write_queue import writes_of
from services.model import Memory, MemoryType, SessionCategory, SessionChanges, SessionDraft, SessionStatus, WorkSession
from services.work.preferences import WorkPreferences
from services.work.report_values import LogOrder
from tests.tui.conftest import key_event, press, settle, toasts, type_at_once, until
from tests.tui.fakes import memory_id
from tests.tui.work_world import NOW, Desk, WorkServices, one_running, shown, two_days, work_screen


def names(screen: WorkScreen) -> list[str]:
    return [session.description for session in screen.log_list.sessions]


def newest_of(pilot: Pilot[None]) -> WorkSession:
    return max(work_screen(pilot).running.sessions, key=lambda session: session.start)


async def test_two_keys_and_a_description_start_work(desk: Desk) -> None:
    async with desk.working() as pilot:
        await press(pilot, "n", "=fix login", "enter")
        (session,) = work_screen(pilot).running.sessions
        assert (session.description, session.start) == ("fix login", NOW)
        assert names(work_screen(pilot)) == ["fix login"]
        assert toasts(pilot)[-1].startswith('Started "fix login"')


async def test_the_form_takes_an_earlier_start_a_new_client_and_numbers(desk: Desk) -> None:
    async with desk.working() as pilot:
        await press(pilot, "n", "=work", "tab", "=Acme", "tab", "=api", "tab", "tab", "tab", "=#42", *["tab"] * 4)
        await press(pilot, "=-15m", "enter")
        (session,) = work_screen(pilot).running.sessions
        assert (session.client, session.project, session.issue_number) == ("Acme", "api", 42)
        assert session.start == NOW - timedelta(minutes=15)


@pytest.mark.parametrize(
    ("typed", "field", "problem"),
    [
        ((), "description", "needs a description"),
        (("=work", *["tab"] * 9, "=tomorrow"), "start", "not a time"),
        (("=work", *["tab"] * 9, "=today 23:59"), "start", "in the future"),
        (("=work", *["tab"] * 5, "=x1"), "issue", "not a number"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(desk: Desk, typed: tuple[str, ...], field: str, problem: str) -> None:
    async with desk.working() as pilot:
        await press(pilot, "n", *typed, "enter")
        dialog = pilot.app.screen
        assert isinstance(dialog, FormDialog)
        assert problem in str(dialog.query_one(f"#{field}-problem").render())
        assert dialog.focused is dialog.query_one(f"#{field}")
        assert work_screen(pilot).running.sessions == ()


async def test_the_branch_one_stands_on_is_filled_in_and_can_be_cleared(desk: Desk) -> None:
    async with desk.working() as pilot:
        await press(pilot, "n", "=one", "enter")
        await press(pilot, "n", "=two", "tab", "tab", "tab", "tab", "ctrl+u", "enter")
        running = work_screen(pilot).running.sessions
        assert {session.description: session.branch for session in running} == {"one": "fix/login", "two": None}


async def test_a_default_client_is_shown_and_can_be_cleared_and_a_new_one_is_said_to_be_new(desk: Desk) -> None:
    async def prefers_acme(services: WorkServices) -> None:
        await services.clients.create_client("Acme")
        await services.work.set_preference("default_client", "Acme")

    async with desk.working(prefers_acme) as pilot:
        await press(pilot, "n")
        await settle(pilot)
        assert pilot.app.screen.query_one("#client", Input).value == "Acme"
        await press(pilot, "=one", "enter")
        await press(pilot, "n", "=two")
        await settle(pilot)
        await press(pilot, "tab", "ctrl+u", "enter")
        await press(pilot, "n", "=three")
        await settle(pilot)
        await press(pilot, "tab", "ctrl+u", "=Birch", "enter")
        running = work_screen(pilot).running.sessions
        clients = {session.description: session.client for session in running}
        assert clients == {"one": "Acme", "two": None, "three": "Birch"}
        assert any("new client Birch" in told for told in toasts(pilot))
        assert not any("new client Acme" in told for told in toasts(pilot))


async def test_known_clients_are_completed_in_any_case(desk: Desk) -> None:
    async with desk.working(one_running) as pilot:
        await press(pilot, "n", "=more", "tab", "a", "c", "right", "enter")
        assert sorted(str(session.client) for session in work_screen(pilot).running.sessions) == ["Acme", "Acme"]


async def test_enter_starts_from_the_kind_too_and_space_opens_its_choices(desk: Desk) -> None:
    async with desk.working() as pilot:
        await press(pilot, "n", "=work", "tab", "tab", "tab", "space", "down", "enter")
        kind = pilot.app.screen.query_one(Select)
        assert kind.value != "coding"
        assert pilot.app.focused is kind
        await press(pilot, "enter")
        (session,) = work_screen(pilot).running.sessions
        assert (session.description, session.category.value) == ("work", kind.value)


async def test_a_new_client_and_project_are_said_to_be_new_before_work_starts(desk: Desk) -> None:
    async with desk.working(one_running) as pilot:
        await press(pilot, "n", "=more", "tab", "=acm")
        hint = pilot.app.screen.query_one("#hint", Static)
        assert str(hint.render()) == "new client acm"
        await press(pilot, "right", "tab", "=site")
        assert pilot.app.screen.query_one("#client", Input).value == "Acme"
        assert str(hint.render()) == "new project site"


async def test_delete_pressed_twice_deletes_one_session_and_says_so(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        log = work_screen(pilot).log_list
        await press(pilot, "down", "down")
        gone, count = log.current, len(log.sessions)
        assert gone is not None
        at_once = key_event("d")
        await press(pilot, "d")
        pilot.app.post_message(at_once)
        await settle(pilot)
        assert (len(log.sessions), gone.id in {one.id for one in log.sessions}) == (count - 1, False)
        assert [toast.partition(" ")[0] for toast in toasts(pilot)] == ["Deleted", "Pressed"]


async def test_a_filter_says_that_a_client_is_not_known(desk: Desk) -> None:
    async with desk.working(one_running) as pilot:
        await press(pilot, "f", "tab", "tab", "tab", "=acm")
        assert str(pilot.app.screen.query_one("#hint", Static).render()) == "no client acm"


async def test_a_pause_begins_with_the_key_and_the_clock_stands_still(desk: Desk) -> None:
    async with desk.working(one_running) as pilot:
        screen = work_screen(pilot)
        await press(pilot, "space")
        (session,) = screen.running.sessions
        assert session.status is SessionStatus.PAUSED
        desk.clock.go(minutes=5)
        await press(pilot, "=lunch", "enter")
        (session,) = screen.running.sessions
        assert (session.pauses[0].start, session.pauses[0].reason) == (NOW, "lunch")
        assert not screen.ticking
        desk.clock.go(hours=2)
        assert session.elapsed_seconds(desk.clock()) == 3600
        await press(pilot, "space")
        assert screen.running.sessions[0].status is SessionStatus.ACTIVE
        assert screen.ticking


async def test_nothing_ticks_while_nothing_runs(desk: Desk) -> None:
    async with desk.working() as pilot:
        assert not work_screen(pilot).ticking
        assert not work_screen(pilot).header.ticking


async def test_a_running_clock_goes_on(desk: Desk) -> None:
    async with desk.working(one_running) as pilot:
        assert "1:00:00" in shown(pilot)
        desk.clock.go(seconds=7)
        work_screen(pilot)._tick()
        await settle(pilot)
        assert "1:00:07" in shown(pilot)


async def test_the_cursor_stands_on_a_new_client_and_u_undoes_it_in_the_dialog(desk: Desk) -> None:
    async with desk.working(two_days, size=(80, 24)) as pilot:
        await press(pilot, "c", "n", "=Zeta", "enter")
        dialog = pilot.app.screen
        assert isinstance(dialog, ClientsDialog)
        line = dialog._line
        assert line is not None
        assert line.entity is not None
        assert line.entity.name == "Zeta"
        text = shown(pilot)
        assert 'Created client "Zeta" · u to undo' in text
        assert all(said in text for said in ("n client", "A project", "e rename", "M merge", "u undo", "esc close"))
        await press(pilot, "u")
        assert dialog.is_current
        assert "Zeta" not in str([one.entity for one in dialog._lines])


async def test_undo_of_a_stop_lets_the_session_run(desk: Desk) -> None:
    async with desk.working(one_running) as pilot:
        await press(pilot, "s", "=all done", "enter")
        assert work_screen(pilot).running.sessions == ()
        assert work_screen(pilot).log_list.sessions[0].notes == ("all done",)
        assert toasts(pilot)[-1].startswith('Stopped "fix login" after 1:00:00')
        await press(pilot, "u")
        assert [one.status for one in work_screen(pilot).running.sessions] == [SessionStatus.ACTIVE]


async def test_a_stop_can_keep_a_memory_of_the_work(desk: Desk) -> None:
    async with desk.working(one_running) as pilot:
        await press(pilot, "s", "tab", "tab")
        pilot.app.screen.query_one(Select).value = "keep one"
        await press(pilot, "ctrl+s")
        assert [draft.content.splitlines()[0] for draft in desk.services.kept.drafts] == ["fix login"]
        assert work_screen(pilot).log_list.sessions[0].memory_id


async def test_with_several_open_and_the_cursor_on_none_of_them_the_person_is_asked_which(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await to_row(pilot, "answer tickets")
        await press(pilot, "s")
        assert isinstance(pilot.app.screen, ChoiceDialog)
        rows = [str(option.prompt) for option in pilot.app.screen.query_one(OptionList).options]
        assert ["1:24:00" in rows[0], "0:30:00" in rows[1]] == [True, True], (
            "the same as in the screen: no pause counts"
        )
        await press(pilot, "…", "2", "enter")
        assert [one.description for one in work_screen(pilot).running.sessions] == ["fix login"]


async def to_row(pilot: Pilot[None], description: str) -> None:
    log = work_screen(pilot).log_list
    while log.current is None or log.current.description != description:
        await press(pilot, "j")


async def test_an_open_session_under_the_cursor_of_the_log_is_meant_and_named(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await to_row(pilot, "fix login")
        await press(pilot, "s")
        assert isinstance(pilot.app.screen, FormDialog)
        assert "fix login" in shown(pilot)
        await press(pilot, "escape", "space")
        assert 'Paused "fix login"' in str(pilot.app.screen.query_one("#dialog").border_title)
        await press(pilot, "escape", "N")
        assert 'Note on "fix login"' in str(pilot.app.screen.query_one("#dialog").border_title)


async def test_the_reason_of_a_pause_after_another_program_stopped_the_session_is_no_pause(desk: Desk) -> None:
    async with desk.working(one_running) as pilot:
        await press(pilot, "space")
        (session,) = (await desk.services.work.status()).sessions
        await desk.services.work.stop(session.id)
        await press(pilot, "=lunch", "enter")
        told = f'Kept the reason of the pause of "{session.description}", which is paused no more · lunch · u to undo'
        assert toasts(pilot)[-1] == told


async def test_a_key_that_answered_a_dialog_and_is_pressed_twice_does_not_reach_the_next(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await to_row(pilot, "answer tickets")
        await press(pilot, "s", "…")
        type_at_once(pilot, "2", "2", "x")
        await settle(pilot)
        assert isinstance(pilot.app.screen, FormDialog)
        assert pilot.app.screen.query_one("#note", Input).value == "x"


async def test_a_card_under_the_cursor_is_meant_without_asking(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await press(pilot, "tab", "j", "N")
        assert isinstance(pilot.app.screen, PromptDialog)
        await press(pilot, "=looks good", "enter")
        assert work_screen(pilot).running.sessions[1].notes == ("looks good",)


async def test_everything_of_a_session_can_be_edited(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        screen = work_screen(pilot)
        await press(pilot, "j", "j", "enter")
        dialog = pilot.app.screen
        dialog.query_one("#description", Input).value = "read the logs"
        dialog.query_one("#client", Input).value = "Cedar"
        dialog.query_one("#end", Input).value = "11:00"
        for field, text in (
            ("0_start", "10:10"),
            ("0_end", "10:20"),
            ("0_reason", "tea"),
            ("1_start", "10:30"),
            ("1_end", "10:35"),
        ):
            dialog.query_one(f"#pause{field}", Input).value = text
        dialog.query_one("#notes", TextArea).text = "one\ntwo"
        await press(pilot, "ctrl+s")
        session = screen.log_list.sessions[2]
        assert (session.description, session.client, session.notes) == ("read the logs", "Cedar", ("one", "two"))
        assert session.end == NOW.replace(hour=11, minute=0)
        assert [pause.reason for pause in session.pauses] == ["tea", None]
        assert session.elapsed_seconds(NOW) == 45 * 60
        await press(pilot, "u")
        assert screen.log_list.sessions[2].elapsed_seconds(NOW) == 30 * 60


async def test_checks_of_an_edit_are_said_at_the_field(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await press(pilot, "j", "j")
        for field, text, problem in (
            ("end", "09:00", "after the start"),
            ("start", "10:45", "after the start"),
            ("pause0_start", "yesterday 07:00", "the pause is outside"),
            ("pause0_start", "lunch", "not a time"),
            ("description", "", "needs a description"),
        ):
            await press(pilot, "enter")
            found = pilot.app.screen.query_one(f"#{field}", Input)
            found.value = text
            await press(pilot, "ctrl+s")
            assert problem in str(pilot.app.screen.query_one(f"#{field}-problem").render()), field
            await press(pilot, "escape", "ctrl+d")
            assert work_screen(pilot).is_current, field


async def test_an_edit_shows_the_days_and_the_time_that_it_would_book(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await press(pilot, "j", "j", "enter")
        facts = pilot.app.screen.query_one("#facts", Static)
        assert str(facts.render()).startswith("0:30:00  ·")
        for typed, shown_as in (
            ("yesterday 22:00", "12:30:00  ·  Thu 19 Nov 22:00 – Fri 20 Nov 10:30"),
            ("22:00", "—"),
            ("09:00", "1:30:00  ·  Fri 20 Nov 09:00 – Fri 20 Nov 10:30"),
        ):
            pilot.app.screen.query_one("#start", Input).value = typed
            await settle(pilot)
            assert str(facts.render()).startswith(shown_as)
        await press(pilot, "ctrl+s")
        assert toasts(pilot)[-1].endswith("· 1:30:00 · u to undo")


async def test_the_day_of_an_earlier_start_is_shown_while_it_is_typed(desk: Desk) -> None:
    desk.clock.at = NOW.replace(hour=0, minute=30)
    async with desk.working() as pilot:
        await press(pilot, "n", "=late", *["tab"] * 9, "=23:50")
        assert "Starts Thu 19 Nov 23:50, 0:40:00 ago" in shown(pilot)
        await press(pilot, "ctrl+u", "=17:00", "enter")
        assert "Starts —" in shown(pilot)
        assert "17:00 is still to come" in shown(pilot)


async def test_what_is_wrong_with_an_end_is_true(desk: Desk) -> None:
    async with desk.working(one_running) as pilot:
        await press(pilot, "s", "tab")
        for end, problem in (
            ("15:50", "in the future"),
            ("22:00", "in the future"),
            ("14:00", 'before "fix login" began'),
        ):
            await press(pilot, "ctrl+u", f"={end}", "enter")
            assert problem in str(pilot.app.screen.query_one("#end-problem").render()), end


async def test_an_edit_that_changes_nothing_writes_nothing(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        before = work_screen(pilot).log_list.sessions
        await press(pilot, "j", "j", "enter", "ctrl+s")
        assert work_screen(pilot).log_list.sessions == before
        await press(pilot, "u")
        assert "Changed" not in " ".join(toasts(pilot))


def said_at(pilot: Pilot[None], field: str) -> str:
    """What stands under a field of the form; "" when nothing does."""
    line = pilot.app.screen.query_one(f"#{field}-problem", Static)
    return str(line.render()) if line.display else ""


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
        second = await work.edit(first, SessionChanges("theirs anew", branch="main"))
        await press(pilot, "ctrl+s")
        assert said_at(pilot, "description").endswith("now: theirs anew"), "a change in between is said too"
        assert await work.session(session.id) == second, "nothing was overwritten unasked"
        await press(pilot, "ctrl+s")
        now = await work.session(session.id)
        assert (now.description, now.notes, now.category) == ("mine", ("my note",), SessionCategory.RESEARCH)
        assert now.branch == "main"
        assert work_screen(pilot).is_current


async def test_a_form_goes_on_where_another_program_wrote_the_same_or_stopped_the_session(desk: Desk) -> None:
    async with desk.working(one_running) as pilot:
        (session,) = work_screen(pilot).running.sessions
        await press(pilot, "enter")
        pilot.app.screen.query_one("#description", Input).value = "fix the login"
        pilot.app.screen.query_one("#branch", Input).value = "main"
        changed = await desk.services.work.edit(session, SessionChanges("fix the login"))
        stopped = await desk.services.work.stop(changed.id)
        await press(pilot, "ctrl+s")
        now = await desk.services.work.session(session.id)
        assert now == replace(stopped, branch="main")
        assert work_screen(pilot).is_current


async def test_a_setting_that_another_program_changed_is_not_overwritten_unasked(desk: Desk) -> None:
    async with desk.working() as pilot:
        work = desk.services.work
        await press(pilot, "P")
        form = pilot.app.screen
        form.query_one("#work_day_hours", Input).value = "7.5"
        await work.set_preference("work_day_hours", 6.0)
        await work.set_preference("default_client", "Acme")
        await press(pilot, "enter")
        assert said_at(pilot, "work_day_hours").endswith("enter again overwrites what stands there now: 6")
        assert form.query_one("#default_client", Input).value == "Acme"
        assert (await work.preferences()).work_day_hours == 6
        await press(pilot, "enter")
        kept = await work.preferences()
        assert (kept.work_day_hours, kept.default_client) == (7.5, "Acme")


async def test_text_that_was_typed_is_not_thrown_away_unasked(desk: Desk) -> None:
    async with desk.working() as pilot:
        await press(pilot, "n", "=half a thought", "escape", "escape")
        assert isinstance(pilot.app.screen, FormDialog)
        await press(pilot, "escape", "ctrl+d")
        assert work_screen(pilot).is_current


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


async def test_what_is_started_is_seen_at_the_top_of_the_log(desk: Desk) -> None:
    async with desk.working(two_days, size=(80, 24)) as pilot:
        desk.clock.go(seconds=1)
        await press(pilot, "j", "n", "=third", "enter")
        screen = work_screen(pilot)
        assert screen.log_list.scroll_offset.y == 0
        assert screen.log_list.current is not None
        assert screen.log_list.current.description == "third"


async def test_the_log_is_narrowed_and_sorted(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        screen = work_screen(pilot)
        await press(pilot, "f", "tab", "tab", "tab", "=Acme", "enter")
        assert names(screen) == ["fix login", "token refresh", "plan the sprint"]
        await press(pilot, "o", "l")
        assert screen.question.order is LogOrder.DURATION
        assert names(screen) == ["token refresh", "plan the sprint"]
        await press(pilot, "escape", "slash", "=ticket", "enter")
        assert names(screen) == ["answer tickets"]
        await press(pilot, "escape")
        assert len(names(screen)) == 6


async def test_a_filter_by_a_name_that_nobody_has_is_refused_at_its_field(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await press(pilot, "f", "tab", "tab", "tab", "=Nobody", "enter")
        assert "no client" in str(pilot.app.screen.query_one("#client-problem").render())


async def test_a_deleted_session_comes_back_with_undo(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        screen = work_screen(pilot)
        before = names(screen)
        await press(pilot, "j", "j", "j", "d")
        assert names(screen) == [name for name in before if name != "answer tickets"]
        await press(pilot, "u")
        assert names(screen) == before


async def test_a_stopped_session_runs_on(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await press(pilot, "j", "j", "R")
        assert len(work_screen(pilot).running.sessions) == 3


async def test_the_export_holds_what_the_log_shows_and_no_formula(desk: Desk, tmp_path: Path) -> None:
    async def formula(services: WorkServices) -> None:
        await two_days(services)
        await services.work.start(SessionDraft("=cmd()", start=NOW - timedelta(minutes=1)))

    async with desk.working(formula) as pilot:
        await press(pilot, "x")
        pilot.app.screen.query_one(Input).value = str(tmp_path / "work.csv")
        await press(pilot, "enter")
        text = (tmp_path / "work.csv").read_text("utf-8")
        assert "'=cmd()" in text
        assert (
            "2026-11-19,2026-11-19T08:00:00+00:00,2026-11-19T08:45:00+00:00,2700,0.75,0,completed,meeting,Acme" in text
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


async def test_clients_are_renamed_merged_moved_and_deleted(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await press(pilot, "c")
        dialog = pilot.app.screen
        assert isinstance(dialog, ClientsDialog)

        def lines() -> list[tuple[str, int]]:
            return [(line.entity.name if line.entity else "-", line.sessions) for line in dialog._lines]

        assert lines() == [("Acme", 3), ("api", 2), ("Birch", 2), ("shop", 1), ("-", 1)]
        await press(pilot, "e")
        pilot.app.screen.query_one(Input).value = "Acorn"
        await press(pilot, "enter", "n", "=Cedar", "enter")
        await press(pilot, "home", "down", "equals_sign", "=Cedar", "enter")
        assert ("Cedar", 2) in lines()
        await press(pilot, "home", "M", "=Birch", "enter")
        assert lines() == [("Birch", 3), ("shop", 1), ("Cedar", 2), ("api", 2), ("-", 1)]
        await press(pilot, "d")
        assert "sessions" in str(dialog.query_one("#hint").render())
        await press(pilot, "escape")
        assert {session.client for session in work_screen(pilot).log_list.sessions} == {"Birch", "Cedar", None}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_clients_dialog_shows_exact_times_and_all_its_keys_in_one_line(
    desk: Desk, size: tuple[int, int]
) -> None:
    async def thirty_clients(services: WorkServices) -> None:
        await two_days(services)
        for number in range(30):
            await services.clients.create_client(f"client {number}")
        session = await services.work.start(SessionDraft("odd", client="Acme", start=NOW - timedelta(days=4)))
        await services.work.stop(session.id, at=NOW - timedelta(days=4) + timedelta(seconds=107))

    async with desk.working(thirty_clients, size=size) as pilot:
        await press(pilot, "c")
        await settle(pilot)
        (keys,) = [line for line in shown(pilot).splitlines() if "n client" in line]
        assert all(word in keys for word in ("A project", "e rename", "M merge", "= move", "d delete", "esc close"))
        assert "MCP Memoria counts whole minutes" in shown(pilot)
        assert any("Acme" in line and "3:16:47" in line for line in shown(pilot).splitlines())


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


async def test_a_start_waits_for_the_defaults_so_that_an_empty_field_means_none(desk: Desk) -> None:
    """What is typed while the settings are read goes into the form, which shows the default client by then."""

    async def prefers_acme(services: WorkServices) -> None:
        await services.work.set_preference("default_client", "Acme")

    async with desk.working(prefers_acme) as pilot:
        read = desk.services.work.preferences

        async def slowly() -> WorkPreferences:
            await asyncio.sleep(0.5)
            return await read()

        desk.services.work.preferences = slowly  # type: ignore[method-assign]
        await press(pilot, "n", "=quick", "tab", "ctrl+u", "enter")
        await settle(pilot)
        (session,) = work_screen(pilot).running.sessions
        assert (session.description, session.client) == ("quick", None)


async def test_an_edit_says_which_client_is_new(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await press(pilot, "j", "j", "enter")
        pilot.app.screen.query_one("#client", Input).value = "Cedar"
        await press(pilot, "ctrl+s")
        assert any("new client Cedar" in told for told in toasts(pilot))


async def test_a_merge_is_undone_in_the_clients_dialog_and_told_in_words(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await press(pilot, "c")
        dialog = pilot.app.screen
        assert isinstance(dialog, ClientsDialog)
        before = [(line.entity, line.sessions) for line in dialog._lines]
        await press(pilot, "M", "=Birch", "enter")
        assert len(dialog._lines) < len(before)
        await press(pilot, "u")
        assert dialog.is_current
        assert [(line.entity, line.sessions) for line in dialog._lines] == before
        assert toasts(pilot) == ['Undone: merged client "Acme" into "Birch", 3 sessions']
        assert "Undone: merged client" in str(dialog.query_one("#hint").render())


async def test_settings_of_work_are_kept_for_other_programs_too(desk: Desk) -> None:
    async with desk.working() as pilot:
        await press(pilot, "P")
        pilot.app.screen.query_one("#work_day_hours", Input).value = "25"
        await press(pilot, "enter")
        assert "cannot be" in str(pilot.app.screen.query_one("#work_day_hours-problem").render())
        pilot.app.screen.query_one("#work_day_hours", Input).value = "7.5"
        pilot.app.screen.query_one("#default_client", Input).value = "Acme"
        await press(pilot, "enter", "n", "=work", "enter")
        assert (await desk.services.work.preferences()).work_day_hours == 7.5
        assert work_screen(pilot).running.sessions[0].client == "Acme"


async def test_work_is_started_paused_and_stopped_from_any_mode(desk: Desk) -> None:
    async with desk.working() as pilot:
        await press(pilot, "1", "ctrl+t", "=fix login", "enter")
        (session,) = pilot.app.screen.status.sessions  # type: ignore[attr-defined]
        assert session.description == "fix login"
        await press(pilot, "ctrl+k")
        assert pilot.app.screen.status.sessions[0].status is SessionStatus.PAUSED  # type: ignore[attr-defined]
        await press(pilot, "ctrl+k", "ctrl+t", "enter")
        assert pilot.app.screen.status.sessions == ()  # type: ignore[attr-defined]


async def test_what_is_typed_right_after_the_key_goes_into_the_form(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        for key in "nfixcsx":
            pilot.app.post_message(events.Key(key, key))
        await settle(pilot)
        assert pilot.app.screen.query_one("#description", Input).value == "fixcsx"


async def test_hostile_text_is_shown_harmless(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        assert "[bold]read␛[31m logs[/]" in shown(pilot)
        assert "\x1b" not in shown(pilot)
        await press(pilot, "j", "j", "enter")
        assert "\x1b" not in shown(pilot)
        await press(pilot, "ctrl+s")
        assert "\x1b" in work_screen(pilot).log_list.sessions[2].description


@pytest.mark.parametrize("size", [(200, 50), (40, 12), (20, 6)])
async def test_it_runs_at_any_size(desk: Desk, size: tuple[int, int]) -> None:
    async with desk.working(two_days, size=size) as pilot:
        await press(pilot, "tab", "j", "j", "j", "k", "enter", "escape", "n", "escape")
        assert len(names(work_screen(pilot))) == 6


async def test_keys_move_between_the_clocks_and_the_log(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        screen = work_screen(pilot)
        assert screen.log_list.has_focus
        await press(pilot, "k")
        assert screen.running.has_focus
        await press(pilot, "j", "j")
        assert screen.log_list.has_focus


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


async def test_after_a_rename_the_cursor_of_the_clients_stays_on_the_renamed_one(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await press(pilot, "c", "e", "ctrl+u", "=Zeta", "enter", "M")
        assert 'Merge "Zeta" into' in str(pilot.app.screen.query_one("#dialog").border_title)


async def test_each_dialog_with_a_help_key_says_what_can_be_done_in_it_before_it_has_lines_too(desk: Desk) -> None:
    async with desk.working() as pilot:
        for key in ("c", "dollar_sign", "v"):
            await press(pilot, key, "question_mark")
            dialog = pilot.app.screen
            assert isinstance(dialog, HelpDialog), key
            assert dialog._sections[0].title == "Here", key
            await press(pilot, "escape", "escape")
            assert work_screen(pilot).is_current, key


async def test_help_in_the_clients_dialog_tells_its_keys_and_fits_into_80_columns(desk: Desk) -> None:
    async with desk.working(two_days, size=(80, 24)) as pilot:
        await press(pilot, "c", "question_mark")
        assert isinstance(pilot.app.screen, HelpDialog)
        seen = " ".join(shown(pilot).split())
        for line in ("n Make a client", "M Merge it into another one", "esc close"):
            assert line in seen
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, ClientsDialog)


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
        await press(pilot, "enter")
        assert toasts(pilot) == ['Added "stand-up" · 6:15:00 · overlaps "fix login" by 0:45:00 · u to undo']
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


async def test_a_session_of_the_log_is_continued_by_one_key(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await press(pilot, "end", "k", "C")
        assert toasts(pilot) == ['Continued "token refresh" · u to undo']
        newest = newest_of(pilot)
        assert (newest.description, newest.project, newest.branch) == ("token refresh", "api", "fix/token")


async def test_descriptions_and_issues_from_before_are_completed(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await press(pilot, "n", "=tok", "right", *["tab"] * 5, "=4", "down", "enter", "enter")
        started = newest_of(pilot)
        assert (started.description, started.issue_number) == ("token refresh", 42)


async def test_work_starts_on_what_a_memory_says(desk: Desk) -> None:
    memory = Memory(memory_id(1), MemoryType.SEMANTIC, "# JWT expiry\nwas set to 10 s", project="api")

    async def remembered(services: WorkServices) -> None:
        services.store.memories[memory.id] = memory
        await services.work.start(SessionDraft("x", client="Acme", project="api", start=NOW - timedelta(hours=1)))

    async with desk.working(remembered) as pilot:
        await press(pilot, "1", "W", "enter", "4")
        started = newest_of(pilot)
        assert (started.description, started.client, started.project) == ("JWT expiry", "Acme", "api")


async def test_a_filter_says_how_many_sessions_it_lets_through_and_how_long_they_are(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        await press(pilot, "slash", "=aCm", "enter")
        assert names(work_screen(pilot)) == ["fix login", "token refresh", "plan the sprint"], "of the client Acme"
        assert "3 sessions, 4:39:00" in shown(pilot)
        await press(pilot, "escape")
        assert "3 sessions" not in shown(pilot)
        assert "today 3:44:00" in shown(pilot)


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


async def test_the_time_of_a_stop_goes_on_while_the_form_is_open(desk: Desk) -> None:
    async with desk.working(one_running) as pilot:
        await press(pilot, "s")
        assert "1:00:00" in str(pilot.app.screen.query_one("#facts").render())
        desk.clock.go(seconds=7)
        await until(pilot, lambda: "1:00:07" in str(pilot.app.screen.query_one("#facts").render()))


async def test_a_pause_keeps_what_was_not_typed_of_it_and_goes_when_its_row_is_emptied(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        screen = work_screen(pilot)
        await press(pilot, "tab", "down", "enter")
        before = screen.running.sessions[1].pauses
        pilot.app.screen.query_one("#pause0_reason", Input).value = "a longer lunch"
        await press(pilot, "ctrl+s")
        (pause,) = screen.running.sessions[1].pauses
        assert (pause.start, pause.end, pause.reason) == (before[0].start, before[0].end, "a longer lunch")
        await press(pilot, "enter")
        dialog = pilot.app.screen
        dialog.query_one("#pause1_end", Input).value = "15:00"
        await press(pilot, "ctrl+s")
        assert "when the pause began" in str(dialog.query_one("#pause1_start-problem").render())
        dialog.query_one("#pause1_start", Input).value = "14:50"
        await press(pilot, "ctrl+s")
        assert len(screen.running.sessions[1].pauses) == 2


async def test_a_client_is_found_by_a_part_of_its_name(desk: Desk) -> None:
    async def thirty_clients(services: WorkServices) -> None:
        for number in range(30):
            await services.clients.create_client(f"client {number}")

    async with desk.working(thirty_clients) as pilot:
        await press(pilot, "c", "slash", "=NT 17", "enter", "e")
        assert 'Rename "client 17"' in shown(pilot)
        await press(pilot, "escape", "slash", "=nobody", "enter")
        assert 'No client or project has "nobody" in its name' in shown(pilot)


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
    async def more(what: str) -> None:
        start = NOW - timedelta(hours=10)
        await desk.services.work.add(SessionDraft(what, client="Acme", start=start, end=start + timedelta(hours=1)))

    async with desk.working(two_days) as pilot:
        await press(pilot, "j", "dollar_sign")
        await more("write the docs")
        await press(pilot, "x")
        pilot.app.screen.query_one(Input).value = str(tmp_path / "bill.csv")
        await press(pilot, "enter")
        assert "write the docs" in shown(pilot)
        await more("call")
        await press(pilot, "equals_sign")
        assert "changed since it was read" in shown(pilot)
        assert "call" in shown(pilot)
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
        week = pilot.app.screen
        assert isinstance(week, WeekDialog)
        await press(pilot, "up", "right")
        assert "Thu 19 Nov  08:45 – 10:00  1:15:00  a gap: enter fills it" in shown(pilot)
        await press(pilot, "enter", "=stand-up", "enter")
        assert 'Added "stand-up"' in shown(pilot)
        assert "08:45 – 10:00  1:15:00  stand-up" in shown(pilot)
        await press(pilot, "left", "enter", "=!", "ctrl+s")
        assert "08:00 – 08:45  0:45:00  plan the sprint!" in shown(pilot)
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


async def test_a_merge_over_a_long_gap_is_asked_for(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        screen = work_screen(pilot)
        before = names(screen)
        await press(pilot, "G", "k", "M")
        assert "between them becomes a pause" in shown(pilot)
        await press(pilot, "n")
        assert names(screen) == before


async def test_a_session_is_split_merged_and_duplicated_by_keys(desk: Desk) -> None:
    async with desk.working(two_days) as pilot:
        screen = work_screen(pilot)
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
