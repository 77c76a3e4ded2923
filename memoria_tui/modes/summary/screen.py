"""The Summary mode: what work and memories add up to, in charts and tables."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from textual import on, work
from textual.binding import Binding
from textual.containers import Container, Horizontal, Vertical
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.dialogs.line_prompt import PromptDialog
from memoria_tui.dialogs.summary_filter import SummaryFilterDialog, filter_of
from memoria_tui.dialogs.timesheet import TimesheetDialog
from memoria_tui.dialogs.typed_paths import why_not_new
from memoria_tui.dialogs.work_profile import ProfileDialog
from memoria_tui.keys.dialog_actions import asks
from memoria_tui.modes.mode import Failed, Idle, Loadable, Loaded, Loading, ModeScreen
from memoria_tui.modes.summary.figures import (
    agent_chart,
    agent_table,
    group_table,
    memory_chart,
    recalled_table,
    tag_table,
    type_table,
    unit_table,
    work_chart,
)
from memoria_tui.modes.summary.state import GROUPINGS, MONTHS, Asked, Figures, headline, nothing, sessions_of, shifted
from memoria_tui.setup import Setup
from memoria_tui.terminal.textual_internals import bindings_of
from memoria_tui.widgets.figure_table import FigureTable, Table
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.part import Part
from memoria_tui.widgets.parts_line import PartsLine
from memoria_tui.widgets.stacked_bars import Chart, StackedBars
from services.concurrency import together
from services.errors import MemoriaError
from services.files import expanded, write_file
from services.model import Memory, Query, ReportBy, SortKey, Subject, any_of
from services.search.memory_counts import AgentTotal, MemoryMonths
from services.times import first_weekday, month_start
from services.work.report_files import as_csv, as_markdown
from services.work.report_values import Report, ReportUnit

_RECALLED = 10
"""Memories that are listed as those that were recalled most."""
_WRITERS = {".csv": as_csv, ".md": as_markdown}
_SUFFIXES = any_of(_WRITERS)
_ON_FIGURES = frozenset(
    {
        "shift",
        "group",
        "filter",
        "export",
        "table",
        "memories",
        "agents",
        "sessions",
        "mark_group",
        "timesheet",
        "running",
        "profile",
    }
)
"""Actions that need figures on screen."""


class SummaryScreen(ModeScreen):
    """Twelve months, or the days of one; chart and tables side by side, or one at a time where it is narrow or asked.

    The last answer stays on screen until the next one is there.
    """

    CSS_PATH = "summary.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]
    HELP = "Summary: what work and memories add up to"

    FOLLOWS = frozenset({Subject.MEMORIES, Subject.SESSIONS, Subject.NAMES, Subject.SETTINGS})

    MOVED = {
        "full_stop": "the filter is f now",
        "s": "its sessions are W now",
        "m": "memories by month are tab now",
        "h": "the arrows go from bar to bar",
    }
    FROM_ELSEWHERE = frozenset({"group", "filter", "timesheet", "running", "profile", "agents", "export"})
    BINDINGS = [
        Binding(
            "W", "sessions", "Sessions", id="summary.sessions", tooltip="Show the sessions of the marked row in Work"
        ),
        Binding(
            "left_square_bracket",
            "shift(-1)",
            "Earlier",
            id="summary.earlier",
            tooltip="Previous year or month",
        ),
        Binding(
            "right_square_bracket",
            "shift(1)",
            "Later",
            id="summary.later",
            tooltip="Next year or month",
        ),
        Binding("o", "group", "Group", id="summary.group", tooltip=f"By {any_of(GROUPINGS)}"),
        Binding("f", "filter", "Filter", id="summary.filter", tooltip="Filter"),
        Binding("J", "mark_group(1)", "Next row", id="summary.next", show=False, tooltip="Mark the next client"),
        Binding("K", "mark_group(-1)", "Row before", id="summary.before", show=False, tooltip="Mark the client before"),
        Binding("dollar_sign", "timesheet", "Timesheet", id="summary.timesheet", tooltip="What is billed for a month"),
        Binding(
            "space", "running", "Running", id="summary.running", show=False, tooltip="Count open sessions too, or not"
        ),
        Binding(
            "percent_sign",
            "profile",
            "Hours",
            id="summary.profile",
            show=False,
            tooltip="On which weekdays, at which hours",
        ),
        Binding(
            "O", "agents", "Agents", id="summary.agents", show=False, tooltip="Memories by agent and by use, or by type"
        ),
        Binding("x", "export", "Export", id="summary.export", tooltip=f"Write the hours of work: {_SUFFIXES}"),
        Binding("v", "table", "Table", id="summary.table", tooltip="Months or days as a table, or the chart again"),
        Binding("tab", "memories", "Memories", id="summary.memories", tooltip="To memories by month and tag, and back"),
        Binding("r", "retry", "Again", id="summary.retry", show=False, tooltip="Refresh"),
        Binding("escape", "back", "Months", id="summary.back", tooltip="Back to the twelve months"),
    ]

    state: var[Loadable[Figures]] = var(Idle, init=False)

    chart = Part("#chart", StackedBars)
    memories_chart = Part("#memory-chart", StackedBars)
    groups = Part("#groups", FigureTable)
    units = Part("#units", FigureTable)
    types = Part("#types", FigureTable)
    tags = Part("#tags", FigureTable)

    def __init__(self, mode: str, setup: Setup) -> None:
        super().__init__(mode, setup)
        self._asked: Asked | None = None
        self._drawn: Figures | None = None
        """The last answer, also after a failure."""
        self._memories_changed = False
        """Memories may be others than when they were counted."""

    def compose_body(self) -> Iterable[Widget]:
        yield PartsLine(id="headline")
        with Vertical(id="body"):
            with Horizontal(id="work"):
                with Container(id="stage"):
                    yield StackedBars(id="chart")
                    yield LazyStatic(id="nothing")
                with Vertical(id="tables"):
                    yield FigureTable(id="groups")
                    yield FigureTable(id="units")
            with Horizontal(id="memories"):
                yield StackedBars(cursor=False, id="memory-chart")
                with Vertical(id="tags-and-types"):
                    yield FigureTable(id="types")
                    yield FigureTable(id="tags")

    def on_mount(self) -> None:
        keys = {one.id: self.app.get_key_display(one) for one in bindings_of(self)}
        self.groups.more_by = f"{keys['summary.next']} {keys['summary.before']}"
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw_figures())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in _ON_FIGURES and not isinstance(self.state, Loaded | Loading):
            return False
        match action:
            case "table" | "sessions" | "mark_group":
                return not self.has_class("-empty")
            case "memories":
                return not self.has_class("-without-memories")
            case "retry":
                return not isinstance(self.state, Idle)
            case "back":
                return self._asked is not None and self._asked.month is not None
        return True

    # adding up

    def changed(self) -> None:
        self._memories_changed = True
        super().changed()

    def changed_outside(self, subjects: frozenset[Subject]) -> None:
        self._memories_changed |= Subject.MEMORIES in subjects
        self.load(quiet=isinstance(self.state, Loaded))

    @work(exclusive=True, group="summary")
    async def load(self, *, quiet: bool = False) -> None:
        """Late answers are never shown: a newer question ends this one.

        `quiet`: nobody asked, so what is there stays when the stores cannot be asked.
        """
        try:
            asked = self._asked = self._asked or await self._first()
            if not quiet:
                self.state = Loading()
            reports = self.services.reports
            report, before, preferences, memories = await together(
                reports.report(asked.period, asked.by, asked.unit, asked.where, include_open=asked.running),
                reports.report(asked.before.period, ReportBy.CATEGORY, ReportUnit.YEAR, asked.where),
                self.services.work.preferences(),
                self._memories(asked),
            )
            agents, recalled = await self._agents(asked)
            off = await self.services.work.days_off(asked.period) if asked.month is not None else {}
            today = (await reports.current(ReportUnit.DAY)).first
            figures = Figures(
                asked, report, preferences.work_day_hours, today, before.total_seconds, memories, agents, off, recalled
            )
        except MemoriaError as error:
            if not quiet:
                self.state = Failed(error)
        else:
            self.shown()
            self.state = Loaded(figures)

    async def _first(self) -> Asked:
        """The twelve months up to this one, grouped as a person did last."""
        reports = self.services.reports
        return Asked(month_start((await reports.current(ReportUnit.MONTH)).first), by=await reports.group_by())

    async def _memories(self, asked: Asked) -> MemoryMonths | None:
        """None while the vector store cannot be asked: work is shown all the same."""
        drawn = self._drawn
        known = drawn.memories if drawn is not None and drawn.asked.months == asked.months else None
        if known and not self._memories_changed:
            return known
        try:
            counted = await self.services.memory_counts.by_month(asked.months)
        except MemoriaError:
            return None
        self._memories_changed = False
        return counted

    async def _agents(self, asked: Asked) -> tuple[tuple[AgentTotal, ...] | None, tuple[Memory, ...]]:
        """What agents wrote, and what was shown to them most; None while a store cannot be asked."""
        if not asked.agents:
            return None, ()
        try:
            agents = await self.services.memory_counts.by_agent(asked.months)
            used = await self.services.search.search(Query(sort=SortKey.ACCESS_COUNT, limit=_RECALLED))
        except MemoriaError:
            return None, ()
        return agents, tuple(hit.memory for hit in used.hits if hit.memory.access_count)

    def draw(self, shown: Figures) -> None:
        before, self._drawn = self._drawn, shown
        if before is None or before.asked != shown.asked:
            self.groups.marked = None
        elif (marked := self.groups.marked) is not None:
            name = before.report.groups[marked].name
            self.groups.marked = next((at for at, one in enumerate(shown.report.groups) if one.name == name), None)
        self._draw_figures()
        self.chart.cursor = _place(shown, before, self.chart.cursor)
        self.units.marked = self.chart.cursor
        if self.focused is None and self.is_current:
            self.chart.focus()

    def _draw_figures(self) -> None:
        figures, variables = self._drawn, self.app.theme_variables
        if figures is None:
            return
        memories = figures.memories
        self.query_one(PartsLine).parts = headline(figures)
        empty = nothing(figures)
        self.set_class(empty is not None, "-empty")
        self.query_one("#nothing", Static).update(empty or "")
        self.chart.chart, self.chart.opens = work_chart(figures, variables), figures.asked.month is None
        self.groups.table, self.units.table = group_table(figures, variables), unit_table(figures)
        self.memories_chart.chart = memory_chart(memories, variables) if memories else Chart()
        self.types.table = type_table(memories, variables) if memories else Table()
        self.tags.table = tag_table(memories) if memories else Table()
        self.set_class(not self.memories_chart.chart.bars, "-without-memories")
        if figures.agents is not None:
            self.memories_chart.chart = agent_chart(figures, variables)
            self.types.table, self.tags.table = agent_table(figures, variables), recalled_table(figures)
        self.set_class(figures.agents is not None, "-by-agent")

    def _ask(self, asked: Asked) -> None:
        self._asked = asked
        self.load()

    # what a person can do

    @on(StackedBars.Moved)
    def follow(self, event: StackedBars.Moved) -> None:
        self.units.marked, self.groups.marked = event.number, None

    def action_mark_group(self, by: int) -> None:
        """Goes through clients, projects or categories; those for which there is no room come into sight."""
        if rows := len(self.groups.table.rows):
            marked = self.groups.marked
            self.groups.marked = (0 if by > 0 else rows - 1) if marked is None else (marked + by) % rows

    def action_sessions(self) -> None:
        """Those of the marked client, project or category in all that is shown, else those of the bar."""
        if (figures := self._drawn) is not None and figures.report.groups:
            self.post_message(self.SessionsWanted(sessions_of(figures, self.groups.marked, self.chart.cursor)))

    @asks
    async def action_timesheet(self) -> None:
        """Of the marked client, in the month that is open or marked."""
        if (figures := self._drawn) is None:
            return
        asked, marked = figures.asked, self.groups.marked
        of_client = asked.by is ReportBy.CLIENT and marked is not None
        client = figures.report.groups[marked].name if of_client and marked is not None else None
        month = asked.month or asked.months[self.chart.cursor]
        if await self.ask(TimesheetDialog(self.services, self.clock, client, month)):
            self.changed()

    @on(StackedBars.Opened)
    def open_month(self, event: StackedBars.Opened) -> None:
        if self._asked is not None and self._asked.month is None:
            self._ask(replace(self._asked, month=self._asked.months[event.number]))

    def action_back(self) -> None:
        if self._asked is not None and self._asked.month is not None:
            self._ask(replace(self._asked, month=None))

    def action_shift(self, steps: int) -> None:
        """In a month the month before or after, else the twelve months before or after."""
        asked = self._asked
        if asked is None:
            return
        if asked.month is None:
            self._ask(replace(asked, last=shifted(asked.last, steps * MONTHS)))
            return
        month = shifted(asked.month, steps)
        last = asked.last if asked.months[0] <= month <= asked.last else shifted(asked.last, steps * MONTHS)
        self._ask(replace(asked, month=month, last=last))

    def action_group(self) -> None:
        if self._asked is not None:
            by = GROUPINGS[(GROUPINGS.index(self._asked.by) + 1) % len(GROUPINGS)]
            self._ask(replace(self._asked, by=by))
            self._keep_group_by(by)

    @work(exclusive=True, group="keep")
    async def _keep_group_by(self, by: ReportBy) -> None:
        with suppress(MemoriaError):  # the next start groups as this one did
            await self.services.reports.keep_group_by(by)

    def action_agents(self) -> None:
        if self._asked is not None:
            if not (self._asked.agents or self.query_one("#memories").display):
                self.action_memories()
            self._ask(replace(self._asked, agents=not self._asked.agents))

    def action_running(self) -> None:
        if self._asked is not None:
            self._ask(replace(self._asked, running=not self._asked.running))

    @asks
    async def action_profile(self) -> None:
        """Of the months or the month on screen."""
        if (asked := self._asked) is None:
            return
        act = self.services.reports.hours(asked.period, asked.where, include_open=asked.running)
        if (hours := await self.attempt(act)) is not None:
            settings = self.services.settings
            await self.ask(ProfileDialog(asked.title, hours, first_weekday(settings), settings.day_begins))

    def action_table(self) -> None:
        """The chart keeps the keys, for the cursor is the table's too."""
        self.remove_class("-remembering")
        self.toggle_class("-listing")
        self.call_after_refresh(self.chart.focus)

    def action_memories(self) -> None:
        self.toggle_class("-remembering")
        self.call_after_refresh(self.chart.focus)

    @asks
    async def action_filter(self) -> None:
        asked = self._asked
        clients = await self.attempt(self.services.clients.clients())
        projects = await self.attempt(self.services.clients.projects())
        if asked is None or clients is None or projects is None:
            return
        owners = [one.client.name for one in clients if one.client]
        names = dict.fromkeys(one.project.name for one in projects if one.project)
        marked = await self.ask(SummaryFilterDialog(asked.where, owners, list(names)))
        if marked is not None:
            self._ask(replace(asked, where=filter_of(marked)))

    @asks
    async def action_export(self) -> None:
        figures = self._drawn
        if figures is None:
            return
        asked = figures.asked
        span = f"{asked.month:%Y-%m}" if asked.month else f"{asked.months[0]:%Y-%m}-to-{asked.last:%Y-%m}"
        hint = f"A file whose name ends in {_SUFFIXES}"
        dialog = PromptDialog(
            "Export hours of work", value=f"work-by-{asked.by.value}-{span}.csv", hint=hint, check=_unwritable
        )
        path = await self.ask(dialog)
        if path is None:
            return
        try:
            await asyncio.to_thread(_write, path, figures.report)
        except FileExistsError:
            self.say(f"{path} exists already; choose another name", wrong=True)
        except MemoriaError as error:
            self.say(str(error), wrong=True)
        else:
            self.say(f"Wrote {path}")


def _place(figures: Figures, before: Figures | None, cursor: int) -> int:
    """Where the cursor goes: to the month one comes back from, to the present month or day, else it stays."""
    asked, starts = figures.asked, figures.asked.starts
    if before is not None and before.asked.unit is asked.unit:
        return cursor
    if before is not None and before.asked.month in starts:
        return starts.index(before.asked.month)
    now = figures.today if asked.unit is ReportUnit.DAY else month_start(figures.today)
    if now in starts:
        return starts.index(now)
    return 0 if asked.unit is ReportUnit.DAY else len(starts) - 1


def _unwritable(text: str) -> str | None:
    if expanded(text).suffix.lower() not in _WRITERS:
        return f"The name must end in {_SUFFIXES}"
    return why_not_new(text)


def _write(path: str, report: Report) -> None:
    """In the form that the name asks for; never over a file that is there."""
    file = expanded(path)
    write_file(file, _WRITERS[file.suffix.lower()](report), replace=False)
