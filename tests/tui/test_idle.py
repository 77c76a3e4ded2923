"""When nobody is there while work runs: what counts as that, the offer of a pause, and the reminder of a break."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from textual.widgets import Static

from memoria_tui.idle import Away, IdleWatch
from memoria_tui.modes.work.state import warning_line
from memoria_tui.widgets.header import break_due
from services.model import Pause, SessionCategory, SessionStatus, WorkSession
from services.work.report_values import WarningKind, WorkWarning
from tests.services.worktables import HeldClock
from tests.tui.conftest import press, settle
from tests.tui.work_world import NOW, Desk, one_running, work_screen

NINE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("ticks", "key", "away"),
    [
        ([1, 2, 3], 4, None),
        ([*range(1, 12)], 12, Away(at(0), at(12))),
        ([1, 2, 62, 63], 65, Away(at(2), at(65), slept=True)),
        ([1, 2, 62, 63, 200], 210, Away(at(2), at(210), slept=True)),
        ([1, 2], 90, Away(at(2), at(90), slept=True)),
        ([*range(1, 16), 70], 71, Away(at(0), at(71))),
    ],
)
def test_a_time_without_a_key_or_a_sleep_of_the_machine_is_told_with_the_next_key(
    ticks: list[int], key: int, away: Away | None
) -> None:
    clock = HeldClock(NINE)
    watch = IdleWatch(timedelta(minutes=10), clock)
    for minutes in ticks:
        clock.at = at(minutes)
        watch.tick()
    clock.at = at(key)
    assert watch.key() == away
    assert watch.key() is None, "it is told once"


@pytest.mark.parametrize(
    ("minutes", "after", "told"),
    [(0, 60, ""), (25, 10, "15:00 left"), (25, 25, "break +0:00"), (25, 40.5, "break +15:30"), (25, 65, "20:00 left")],
)
def test_the_header_reminds_of_a_break_after_work_at_a_stretch(minutes: int, after: float, told: str) -> None:
    pauses = (Pause(at(50), at(60)),) if after > 60 else ()
    session = WorkSession("", "work", SessionCategory.CODING, SessionStatus.ACTIVE, NINE, pauses=pauses)
    assert break_due(session, at(after), minutes) == told


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.settings = replace(desk.settings, idle_minutes=10, pomodoro_minutes=25)
    return desk


async def test_a_pause_is_offered_for_the_time_away_while_keys_go_on_and_undone_as_one_act(desk: Desk) -> None:
    def warned() -> str:
        return str(work_screen(pilot).query_one("#warnings", Static).render())

    async with desk.working(one_running) as pilot:
        assert "break +35:00" in str(work_screen(pilot).header.render_line(0).text)
        desk.clock.go(minutes=30)
        await press(pilot, "N", "=a thought", "enter")
        (session,) = work_screen(pilot).running.sessions
        assert session.notes == ("a thought",), "no key was taken for the offer"
        assert 'The machine slept 15:30–16:00 (0:30:00) while "fix login" ran' in warned()
        await press(pilot, "underscore")
        await settle(pilot)
        (session,) = work_screen(pilot).running.sessions
        assert session.pauses == (Pause(NOW, NOW + timedelta(minutes=30), "away"),)
        assert session.status is SessionStatus.ACTIVE
        assert "fix login" not in warned()
        await press(pilot, "u")
        await settle(pilot)
        assert work_screen(pilot).running.sessions[0].pauses == ()
        desk.clock.go(minutes=30)
        await press(pilot, "down", "z")
        await settle(pilot)
        assert "slept" not in warned()


def test_where_it_is_narrow_the_line_of_a_time_away_keeps_the_key_that_makes_it_a_pause() -> None:
    told = WorkWarning(WarningKind.AWAY, (), 'No key 14:46–15:27 (0:41:00) while "fix login" ran')
    assert str(warning_line(told, 118)).endswith("_ makes it a pause, z hides this")
    assert str(warning_line(told, 78)).endswith("_ makes it a pause")
    assert str(warning_line(told, 60)).endswith('while "fix login" ran')


def test_of_an_overlap_it_is_told_to_pause_only_where_both_timers_run() -> None:
    told = WorkWarning(WarningKind.OVERLAP, ("a", "b"), '"one" overlaps "two" by 0:05:00')
    assert str(warning_line(told, 78, running={"a", "b"})).endswith("space pauses one")
    for running in ({"a"}, set[str]()):
        assert str(warning_line(told, 78, running=running)).endswith("enter changes its times")
