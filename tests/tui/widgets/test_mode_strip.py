"""The line of modes: all of them at every width, the current one marked, each to be clicked."""

from __future__ import annotations

import pytest

from memoria_tui.app import MemoriaApp
from memoria_tui.modes.registry import MODES
from memoria_tui.user_files.config import Config
from memoria_tui.widgets.mode_strip import ModeStrip, ModeTab
from services.model import StatusSnapshot
from tests.tui.conftest import running, settle
from tests.tui.fakes import filled
from tests.tui.widgets.scene import STORES, Scene, lines

TABS = (ModeTab("memories", "1", "Memories"), ModeTab("inbox", "2", "Inbox", "12", is_current=True),
        ModeTab("graph", "3", "Graph"), ModeTab("work", "4", "Work"), ModeTab("summary", "5", "Summary"),
        ModeTab("health", "6", "Health", "!"))  # fmt: skip


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (80, " 1 Memories  2 Inbox 12  3 Graph  4 Work  5 Summary  6 Health !"),
        (60, " 1 Memories 2 Inbox·12 3 Graph 4 Work 5 Summary 6 Health·!"),
        (40, " 1 2 Inbox·12 3 4 5 6·!"),
    ],
)
async def test_the_modes_are_named_in_the_widest_form_that_fits(width: int, line: str) -> None:
    strip = ModeStrip()
    app = Scene(strip)
    async with app.open(width) as pilot:
        strip.tabs = TABS
        await pilot.pause()
        assert lines(app)[0] == line


async def test_a_click_leads_to_a_mode_which_then_is_the_marked_one() -> None:
    async with running(filled()) as pilot:
        at = str(pilot.app.screen.query_one(ModeStrip).render()).index("Graph")
        await pilot.click(ModeStrip, offset=(at, 0))
        await settle(pilot)
        assert pilot.app.current_mode == "graph"
        assert [tab.name for tab in pilot.app.screen.query_one(ModeStrip).tabs if tab.is_current] == ["graph"]


async def test_keys_are_shown_as_they_are_remapped_and_what_is_wrong_is_marked() -> None:
    async with running(filled(), config=Config(keymap={"app.work": "f3"})) as pilot:
        app = pilot.app
        assert isinstance(app, MemoriaApp)
        strip = app.screen.query_one(ModeStrip)
        assert [(tab.key, tab.mark) for tab in strip.tabs] == [
            *(("1", ""), ("2", ""), ("3", ""), ("f3", ""), ("5", ""), ("6", ""))
        ]
        app.mode_screens[0].status = StatusSnapshot(STORES)
        assert [tab.mark for tab in strip.tabs if tab.name == MODES[-1].name] == ["!"]
