"""The header: states of the stores, timers that tick only while they run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from textual.color import Color

from memoria_tui.widgets.header import StatusHeader
from services.model import Pause, SessionCategory, SessionStatus, StatusSnapshot, WorkSession
from tests.tui.widgets.scene import NOW, STORES, Scene, clock, lines

FIX = WorkSession(
    "1",
    "fix login",
    SessionCategory.CODING,
    SessionStatus.ACTIVE,
    NOW - timedelta(seconds=5025),
    client="acme",
    project="api",
)
REVIEW = replace(
    FIX,
    id="2",
    description="review",
    status=SessionStatus.PAUSED,
    client=None,
    project=None,
    pauses=(Pause(NOW - timedelta(seconds=2613)),),
)


async def test_stores_timers_and_pending_work_stand_in_one_line() -> None:
    top = StatusHeader(clock, "embedded")
    app = Scene(top)
    async with app.open(120) as pilot:
        top.status = StatusSnapshot(STORES, 3, sessions=(FIX, REVIEW))
        await pilot.pause()
        line = lines(app)[0]
        assert line.startswith(" memoria · embedded  ")
        assert (
            "● qdrant  ✖ postgres  ● bundled  ◌ 3 pending   ⏱ 1:23:45 fix login · acme/api   ⏸ 0:40:12 review" in line
        )


async def test_unknown_stores_are_shown_as_unknown() -> None:
    app = Scene(StatusHeader(clock))
    async with app.open(120) as pilot:
        await pilot.pause()
        assert "○ qdrant  ○ postgres  ○ embedder" in lines(app)[0]


async def test_what_has_no_room_gives_way_to_the_timers() -> None:
    top = StatusHeader(clock, "embedded")
    app = Scene(top)
    async with app.open(60) as pilot:
        top.status = StatusSnapshot(STORES, sessions=(FIX, replace(FIX, id="3"), REVIEW))
        await pilot.pause()
        told = "embedded ● ✖ postgres ● ⏱ 1:23:45 ⏱ 1:23:45 ⏸ 0:40:12"
        assert lines(app)[0].split() == told.split()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("number", [1, 3, 5])
async def test_the_place_and_the_running_time_are_never_dropped(width: int, number: int) -> None:
    top = StatusHeader(clock, "db.acme.example")
    app = Scene(top)
    long = replace(FIX, description="a description that is much longer than there is room for", client="A client " * 4)
    async with app.open(width) as pilot:
        sessions = (*(replace(REVIEW, id=f"p{one}") for one in range(number - 1)), long)
        top.status = StatusSnapshot(STORES, 1_200, sessions=sessions)
        await pilot.pause()
        line = lines(app)[0]
        assert "1:23:45" in line
        assert "db.acme" in line
        assert "✖ postgres" in line


async def test_a_store_that_does_not_answer_is_hollow_and_red() -> None:
    top = StatusHeader(clock)
    app = Scene(top)
    async with app.open(120) as pilot:
        top.status = StatusSnapshot((replace(STORES[0], ok=False, silent=True), *STORES[1:]))
        await pilot.pause()
        assert "○ qdrant  ✖ postgres  ● bundled" in lines(app)[0]
        hollow = next(one for one in app.screen._compositor.render_strips()[0] if one.text == "○")
        assert hollow.style is not None
        assert hollow.style.color == Color.parse(app.theme_variables["error"]).rich_color


async def test_only_a_running_timer_ticks() -> None:
    times = iter(NOW + timedelta(seconds=second) for second in range(100))

    def running_clock() -> datetime:
        return next(times)

    top = StatusHeader(running_clock)
    app = Scene(top)
    async with app.open(120) as pilot:
        assert not top.ticking
        top.status = StatusSnapshot(sessions=(REVIEW,))
        assert not top.ticking
        top.status = StatusSnapshot(sessions=(FIX, REVIEW))
        assert top.ticking
        await pilot.pause(0.01)
        before = lines(app)[0]
        await pilot.pause(1.1)
        assert lines(app)[0] != before
        assert "0:40:12 review" in lines(app)[0]
        top.status = StatusSnapshot(sessions=())
        assert not top.ticking


@pytest.mark.parametrize("width", [40, 80])
async def test_a_long_wait_leaves_room_for_stores_and_place(width: int) -> None:
    top = StatusHeader(clock, "embedded")
    app = Scene(top)
    async with app.open(width) as pilot:
        top.status = StatusSnapshot(STORES)
        top.busy = "waiting for process 12345, which takes the vectors of another model into use"
        await pilot.pause()
        line = lines(app)[0]
        assert "waiting for process" in line
        assert "✖" in line
        assert "embed" in line
