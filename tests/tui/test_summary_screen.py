"""The Summary screen: what it adds up, where its keys lead, and how every state of it looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from memoria_tui.app import MemoriaApp
from memoria_tui.dialogs.work_profile import ProfileDialog, profile
from memoria_tui.modes.summary.figures import SERIES, group_colours
from memoria_tui.modes.summary.screen import SummaryScreen
from memoria_tui.modes.summary.state import Asked, Figures
from memoria_tui.modes.work.screen import WorkScreen
from memoria_tui.themes import THEMES
from memoria_tui.user_files.config import DEFAULT_THEME, Config
from memoria_tui.widgets.figure_table import FigureTable
from services.errors import StoreInUse, StoreUnavailable
from services.model import Query, ReportBy, SessionStatus, WorkSession
from services.work.report_values import Report, ReportGroup, ReportUnit, SessionFilter
from tests.tui.conftest import keys, poll_status, press, settle, toasts
from tests.tui.fakes import clock, filled
from tests.tui.plain_app import plain_app
from tests.tui.quick import quick
from tests.tui.summary_fakes import FakeMemoryCounts, SummaryServices, a_year, one_month, session

Compare = Callable[..., Any]

_AWAY = StoreUnavailable("the embedded PostgreSQL in /home/anna/.local/share/memoria-tui does not start: no reason")


def make(services: SummaryServices, *, theme: str = DEFAULT_THEME, mode: str = "summary") -> MemoriaApp:
    return quick(plain_app(services.opened, config=Config(theme=theme, mode=mode), clock=clock))


@asynccontextmanager
async def summary(
    sessions: Sequence[WorkSession],
    size: tuple[int, int] = (120, 40),
    counts: FakeMemoryCounts | None = None,
    kept: Mapping[str, object] | None = None,
) -> AsyncIterator[tuple[Pilot[None], SummaryScreen, SummaryServices]]:
    """The screen after its first answer; `kept`: what earlier starts kept."""
    services = SummaryServices(sessions, counts=counts)
    services.table.kept |= kept or {}
    app = make(services)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, SummaryScreen)
        yield pilot, app.screen, services


def first_names(screen: SummaryScreen) -> list[str]:
    return [row.name for row in screen.groups.table.rows]


def headline(screen: SummaryScreen) -> str:
    return str(screen.query_one("#headline").render())


async def test_twelve_months_end_with_this_one_memories_are_counted_again_after_a_change_and_r_ends_a_failure() -> None:
    counts = FakeMemoryCounts()
    async with summary(one_month(), counts=counts) as (pilot, screen, services):
        labels = [bar.label for bar in screen.chart.chart.bars]
        assert (labels[0], labels[-1], len(labels)) == ("Dec", "Nov", 12)
        assert screen.chart.cursor == 11
        assert screen.chart.has_focus
        (acme,) = screen.groups.table.rows
        assert (acme.name, acme.figures) == ("acme", ("26:30:00", "26.50", "5", "5", "5:18:00"))
        assert screen.units.table.rows[-1].figures == ("26:30:00", "26.50", "5", "5", "5:18:00")
        assert screen.units.table.rows[0].figures == ("", "", "", "", "")
        first = counts.asked
        await press(pilot, "o", "enter", "escape")
        assert counts.asked == first
        await press(pilot, "left_square_bracket")
        assert counts.asked == first + 1, "for other months"
        await press(pilot, "1", "5")
        assert counts.asked == first + 2
        assert screen.groups.table.head[0] == "PROJECT"
        services.store.failure = _AWAY
        await press(pilot, "o")
        assert screen.has_class("-noticed")
        services.store.failure = None
        await press(pilot, "r")
        assert not screen.has_class("-noticed")
        assert screen.groups.table.head[0] == "CATEGORY"


async def test_tables_are_exact_across_midnight_and_month_ends_in_the_zone_of_the_settings() -> None:
    over = session(datetime(2026, 10, 31, 21, 59, 30, tzinfo=UTC), 3)
    async with summary([over]) as (pilot, screen, _services):
        months = {row.name: row.figures[0] for row in screen.units.table.rows}
        assert (months["Oct 2026"], months["Nov 2026"]) == ("1:00:30", "1:59:30")
        assert screen.groups.table.total is not None
        assert screen.groups.table.total.figures[:4] == ("3:00:00", "3.00", "1", "2")
        await press(pilot, "enter")
        assert screen.units.table.rows[0].figures == ("1:59:30", "1.99", "1")


async def test_a_month_opens_to_its_days_and_brackets_go_by_years_and_in_a_month_by_months() -> None:
    async with summary(a_year()) as (pilot, screen, _services):
        await press(pilot, "enter")
        assert screen.chart.chart.bars[screen.chart.cursor].label == "20", "today"
        assert screen.units.marked == screen.chart.cursor
        await press(pilot, "escape", "left", "left", "enter")
        assert "September 2026" in headline(screen)
        assert len(screen.chart.chart.bars) == 30
        assert screen.chart.chart.mark == 7.5
        assert sorted(screen.chart.chart.unmarked)[:3] == [2, 4, 5], "a day off, and a weekend"
        assert screen.units.table.rows[2].name == "Thu 3 Sep absent"
        await press(pilot, "enter")
        assert "September 2026" in headline(screen)
        await press(pilot, "escape")
        assert len(screen.chart.chart.bars) == 12
        assert screen.chart.chart.mark is None
        assert screen.chart.cursor == 9
        await press(pilot, "left_square_bracket")
        assert "Dec 2024 – Nov 2025" in headline(screen)
        assert screen.has_class("-empty")
        await press(pilot, "right_square_bracket", "home")
        assert screen.units.marked == 0
        await press(pilot, "enter")
        assert "December 2025" in headline(screen)
        await press(pilot, "left_square_bracket")
        assert "November 2025" in headline(screen)
        await press(pilot, "right_square_bracket", "right_square_bracket", "escape")
        assert "Dec 2025 – Nov 2026" in headline(screen)
        assert screen.chart.cursor == 1


async def test_open_sessions_are_told_and_count_by_choice_and_the_hours_of_work_are_shown() -> None:
    begun = session(clock() - timedelta(hours=2), 1)
    still = replace(begun, id="00000000-0000-4000-8000-0000000000ff", status=SessionStatus.ACTIVE, end=None, pauses=())
    async with summary([*one_month(), still]) as (pilot, screen, _services):
        assert "1 running" in headline(screen)
        assert "1 running counted" not in headline(screen)
        assert "26:30:00" in headline(screen)
        await press(pilot, "space")
        assert "28:30:00" in headline(screen)
        assert "1 running counted" in headline(screen)
        await press(pilot, "%")
        assert isinstance(pilot.app.screen, ProfileDialog)
        assert "28:30:00" in "".join(str(one.render()) for one in pilot.app.screen.query(Static))
        await press(pilot, "escape", "space")
        assert "26:30:00" in headline(screen)


async def test_where_all_sessions_are_open_or_impossible_that_is_told() -> None:
    running = session(datetime(2026, 11, 20, 9, 0, tzinfo=UTC), 0)
    paused = replace(running, id="other", status=SessionStatus.PAUSED)
    reversed_ = session(datetime(2026, 11, 18, 9, 0, tzinfo=UTC), -2)
    async with summary([running, paused, reversed_]) as (_, screen, _services):
        assert "1 running, 1 paused" in headline(screen)
        assert "1 impossible session" in headline(screen)


def test_the_hours_of_a_day_are_shown_from_the_one_at_which_days_begin() -> None:
    saturday = [3600.0 if hour == 1 else 0.0 for hour in range(24)]
    grid = profile([saturday if day == 5 else [0.0] * 24 for day in range(7)], 0, 4).plain.splitlines()
    assert grid[0].split()[:2] == ["04", "06"]
    assert grid[6].index("█") == grid[0].index("00") + 2


async def test_o_goes_through_the_groupings_and_the_total_stays_and_a_filter_counts_only_what_is_marked() -> None:
    async with summary(a_year()) as (pilot, screen, _services):
        totals, kinds = [], []
        for _ in range(3):
            assert screen.groups.table.total is not None
            totals.append(screen.groups.table.total.figures)
            kinds.append(screen.groups.table.head[0])
            await press(pilot, "o")
        assert kinds == ["CLIENT", "PROJECT", "CATEGORY"]
        assert len(set(totals)) == 1
        await press(pilot, "f", "space", "enter")
        assert first_names(screen) == ["Globex"]
        assert "only client Globex" in headline(screen)
        await press(pilot, "f", "backspace")
        assert len(first_names(screen)) == 5
        await press(pilot, "f", "escape")
        assert len(first_names(screen)) == 5
        await asyncio.gather(*(pilot.press("o") for _ in range(5)))
        await settle(pilot)
        assert screen.groups.table.head[0] == "CATEGORY", "the answer to the last key"
    async with summary([], (120, 30), kept=_services.table.kept) as (pilot, screen, _services):
        assert "by category" in headline(screen), "as the last start"
        assert not screen.query_one("#memories").display, "work has the room of a terminal that is low"
        await press(pilot, "tab")
        assert screen.query_one("#memories").display
        await press(pilot, "tab", "O")
        assert screen.query_one("#memories").display, "what it counts by agents"


def test_a_client_has_its_colour_in_every_period_and_shares_it_with_none_while_there_are_others() -> None:
    variables = {**THEMES[0].variables, "background": "#14161d"}
    names = [f"client {number}" for number in range(2 * SERIES)]

    def colours(*shown: int) -> dict[str, str]:
        groups = [ReportGroup(names[number], 100.0 - number, 1, 1, number) for number in shown]
        groups.append(ReportGroup(None, 1000.0, 1, 1))
        report = Report(_year()[0], "UTC", ReportBy.CLIENT, ReportUnit.MONTH, tuple(groups), (), 0, 0, 0)
        figures = Figures(Asked(date(2026, 11, 1)), report, 8, date(2026, 11, 20))
        found = group_colours(figures, variables)
        return {str(group.name): one.hex for group, one in zip(groups, found, strict=True)}

    everything = colours(*range(len(names)))
    assert len(set(everything.values())) == len(everything)
    for shown in ((5,), (12, 5), (7, 0, 3), (13, 12, 6)):
        assert colours(*shown).items() <= everything.items()


async def test_parts_of_the_bars_add_up_to_the_total() -> None:
    async with summary(a_year(9)) as (_, screen, services):
        report = await services.reports.report(*_year(), by=ReportBy.CLIENT)
        assert len(report.groups) == 10
        hours = sum(bar.total for bar in screen.chart.chart.bars)
        assert hours * 3600 == pytest.approx(report.total_seconds)


def _year() -> tuple[Any]:
    from services.times import Period

    return (Period(date(2025, 12, 1), date(2026, 11, 30)),)


async def test_what_is_seen_goes_to_a_file_but_not_over_one_that_is_there(tmp_path: Path) -> None:
    async with summary(one_month()) as (pilot, _screen, _services):
        for name, begin, total in (
            ("seen.csv", "month,client,hours", "26.50"),
            ("seen.md", "# Work by client", "26:30"),
        ):
            file = tmp_path / name
            await press(pilot, "x", "ctrl+u", f"={file}", "enter")
            assert any(name in toast for toast in toasts(pilot))
            assert file.read_text("utf-8").startswith(begin)
            assert total in file.read_text("utf-8")
        file.write_text("mine", "utf-8")
        await press(pilot, "x", "ctrl+u", f"={file}", "enter")
        assert "exists already" in str(pilot.app.screen.query_one("#hint").render())
        assert file.read_text("utf-8") == "mine"


async def test_work_is_shown_while_the_memories_cannot_be_counted() -> None:
    held = FakeMemoryCounts(failure=StoreInUse("another program holds it"))
    async with summary(one_month(), counts=held) as (_, screen, _services):
        assert first_names(screen) == ["acme"]
        assert screen.has_class("-without-memories")


async def test_where_it_is_narrow_the_cursor_keys_work_in_the_table_too() -> None:
    async with summary(a_year(), size=(80, 24)) as (pilot, screen, _services):
        await press(pilot, "v", "up", "up")
        assert screen.units.marked == 9
        await press(pilot, "tab")
        assert screen.query_one("#memories").display
        await press(pilot, "tab", "v", "left")
        assert screen.chart.cursor == 8


_SIZES = [(80, 24), (120, 40), (200, 50)]


def _by_size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


@pytest.mark.parametrize("size", _SIZES, ids=_by_size)
def test_a_year_of_work(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = make(SummaryServices(a_year(9 if size[0] == 200 else 4)))
    assert snap_compare(app, terminal_size=size, run_before=keys())


def test_a_year_in_the_light(snap_compare: Compare) -> None:
    app = make(SummaryServices(a_year()), theme="memoria-light")
    assert snap_compare(app, terminal_size=(120, 40), run_before=keys())


@pytest.mark.parametrize("size", _SIZES[:2], ids=_by_size)
def test_the_days_of_a_month(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(make(SummaryServices(a_year())), terminal_size=size, run_before=keys("left", "enter"))


@pytest.mark.parametrize("size", _SIZES, ids=_by_size)
def test_one_month_only(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(make(SummaryServices(one_month())), terminal_size=size, run_before=keys())


@pytest.mark.parametrize("size", _SIZES, ids=_by_size)
def test_nothing_yet(snap_compare: Compare, size: tuple[int, int]) -> None:
    services = SummaryServices([], counts=FakeMemoryCounts(none=True))
    assert snap_compare(make(services), terminal_size=size, run_before=keys())


@pytest.mark.parametrize("size", _SIZES, ids=_by_size)
def test_a_store_that_fails(snap_compare: Compare, size: tuple[int, int]) -> None:
    services = SummaryServices(a_year())

    async def fail(pilot: Pilot[None]) -> None:
        await settle(pilot)
        services.store.failure = _AWAY
        await press(pilot, "5")
        await poll_status(pilot)

    assert snap_compare(make(services, mode="memories"), terminal_size=size, run_before=fail)


@pytest.mark.parametrize("key", ["v", "tab"])
def test_table_and_memories_where_it_is_narrow(snap_compare: Compare, key: str) -> None:
    assert snap_compare(make(SummaryServices(a_year())), terminal_size=(80, 24), run_before=keys(key))


def test_memories_by_agent_and_by_use(snap_compare: Compare) -> None:
    services = SummaryServices(a_year())
    services.store.memories = {
        one.id: replace(one, access_count=max(0, 47 - 9 * place))
        for place, one in enumerate(filled().matching(Query()))
    }
    assert snap_compare(make(services), terminal_size=(120, 40), run_before=keys("O"))


def test_the_filter(snap_compare: Compare) -> None:
    before = keys("f", "space", "down", "space")
    assert snap_compare(make(SummaryServices(a_year())), terminal_size=(120, 40), run_before=before)


async def test_every_row_and_bar_leads_to_its_sessions_in_work() -> None:
    async with summary(a_year()) as (pilot, screen, _services):
        await press(pilot, "left", "W")
        work = pilot.app.screen
        assert isinstance(work, WorkScreen)
        assert work.question.where == SessionFilter(date(2026, 10, 1), date(2026, 10, 31))
        names = first_names(screen)
        for keys, where in (
            (("J", "J"), SessionFilter(date(2025, 12, 1), date(2026, 11, 30), clients=(names[1],))),
            (("K",), SessionFilter(date(2025, 12, 1), date(2026, 11, 30), clients=(names[0],))),
            (("left",), SessionFilter(date(2026, 9, 1), date(2026, 9, 30))),
            (("enter", "home"), SessionFilter(date(2026, 9, 1), date(2026, 9, 1))),
        ):
            await press(pilot, "5", *keys, "W")
            assert work.question.where == where


def told_of_more(table: FigureTable) -> dict[int, str]:
    """What is said of rows for which there is no room, by the line of the table."""
    lines = [table.render_line(y).text.rstrip() for y in range(table.size.height)]
    return {y: line for y, line in enumerate(lines) if "more" in line}


async def test_clients_for_which_there_is_no_room_come_into_sight() -> None:
    sessions = [
        session(datetime(2026, 11, 2, 8, 0, tzinfo=UTC), 1 + number, f"client {number}") for number in range(16)
    ]
    async with summary(sessions, (120, 22)) as (pilot, screen, _services):
        assert screen.groups.size.height < 16
        assert told_of_more(screen.groups) == {screen.groups.size.height - 2: " … 11 more · J K"}
        seen, told = set[str](), set[int]()
        for _ in range(16):
            await press(pilot, "J")
            marked = screen.groups.marked
            assert marked is not None
            seen.add(screen.groups.table.rows[marked].name)
            (line,) = [
                strip.text
                for strip in map(screen.groups.render_line, range(screen.groups.size.height))
                if screen.groups.table.rows[marked].name + " " in strip.text
            ]
            assert line
            told.add(len(told_of_more(screen.groups)))
        assert len(seen) == 16
        assert told == {1, 2}, "above and below, where it is neither end"
        assert told_of_more(screen.groups) == {1: " … 11 more · J K"}
        await press(pilot, "v")
        assert told_of_more(screen.groups) == {1: " … 3 more · J K"}, "the tables have the room of the chart"
