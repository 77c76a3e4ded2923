"""The Summary screen as one that adds up: asks what the person wants to see, and draws the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import getters, work
from textual.reactive import var
from textual.widgets import Static

from memoria_tui.screens.mode import ModeScreen
from memoria_tui.screens.states import Idle
from memoria_tui.screens.summary_figures import (
    group_table,
    memory_chart,
    tag_table,
    type_table,
    unit_table,
    work_chart,
)
from memoria_tui.screens.summary_states import (
    Adding,
    Asked,
    Failed,
    Figures,
    Loaded,
    State,
    headline,
    nothing,
    notice,
)
from memoria_tui.widgets.figure_table import FigureTable, Table
from memoria_tui.widgets.stacked_bars import Chart, StackedBars
from services.errors import MemoriaError
from services.model import Subject
from services.ports import Clock
from services.search.memory_counts import MemoryMonths
from services.times import month_start
from services.together import together
from services.work.model import ReportUnit

if TYPE_CHECKING:
    from services.container import Services


class SummaryAdding(ModeScreen):
    """What is asked, and the last answer, which stays on screen until the next one is there."""

    FOLLOWS = frozenset({Subject.MEMORIES, Subject.SESSIONS, Subject.NAMES, Subject.SETTINGS})

    state: var[State] = var(Idle, init=False)

    chart = getters.query_one("#chart", StackedBars)
    memories_chart = getters.query_one("#memory-chart", StackedBars)
    groups = getters.query_one("#groups", FigureTable)
    units = getters.query_one("#units", FigureTable)
    types = getters.query_one("#types", FigureTable)
    tags = getters.query_one("#tags", FigureTable)

    def __init__(self, where: str, clock: Clock) -> None:
        super().__init__(where, clock)
        self._asked: Asked | None = None
        self._figures: Figures | None = None
        self._memories_changed = False
        """Memories may be others than when they were counted."""

    # being told

    @property
    def is_waiting(self) -> bool:
        return isinstance(self.state, Idle | Adding)

    def connected(self, services: Services) -> None:
        super().connected(services)
        self._add_up()

    def failed(self, error: MemoriaError) -> None:
        self.state = Failed(error)

    def changed(self) -> None:
        if self.services is not None:
            self._memories_changed = True
            self._add_up()

    def changed_outside(self, subjects: frozenset[Subject]) -> None:
        self._memories_changed |= Subject.MEMORIES in subjects
        self._add_up(quiet=isinstance(self.state, Loaded))

    def watch_state(self, state: State) -> None:
        if isinstance(state, Adding):
            return
        shown = notice(state)
        self.set_class(shown is not None, "-noticed")
        if shown is not None:
            self.query_one("#notice", Static).update(shown)
        if isinstance(state, Loaded):
            before, self._figures = self._figures, state.figures
            self._draw()
            self.chart.cursor = _place(state.figures, before, self.chart.cursor)
            self.units.marked = self.chart.cursor
            if self.focused is None and self.is_current:
                self.chart.focus()
        self.refresh_bindings()

    # adding up

    @work(exclusive=True, group="summary")
    async def _add_up(self, *, quiet: bool = False) -> None:
        """Late answers are never shown: a newer question ends this one.

        `quiet`: nobody asked, so what is there stays when the stores cannot be asked.
        """
        try:
            asked = self._asked or Asked(month_start((await self._services.reports.current(ReportUnit.MONTH)).first))
            self._asked = asked
            if not quiet:
                self.state = Adding(asked)
            reports = self._services.reports
            report, preferences, memories = await together(
                reports.report(asked.period, asked.by, asked.unit, asked.where),
                self._services.work.preferences(),
                self._memories(asked),
            )
            today = (await reports.current(ReportUnit.DAY)).first
            figures = Figures(asked, report, preferences.work_day_hours, today, memories)
        except MemoriaError as error:
            if not quiet:
                self.state = Failed(error)
        else:
            self.shown()
            self.state = Loaded(figures)

    async def _memories(self, asked: Asked) -> MemoryMonths | None:
        """None while the vector store cannot be asked: work is shown all the same."""
        shown = self._figures
        known = shown.memories if shown is not None and shown.asked.months == asked.months else None
        if known and not self._memories_changed:
            return known
        try:
            counted = await self._services.memory_counts.by_month(asked.months)
        except MemoriaError:
            return None
        self._memories_changed = False
        return counted

    def _draw(self) -> None:
        figures, variables = self._figures, self.app.theme_variables
        if figures is None:
            return
        memories = figures.memories
        self.query_one("#headline", Static).update(headline(figures))
        empty = nothing(figures)
        self.set_class(empty is not None, "-empty")
        self.query_one("#nothing", Static).update(empty or "")
        self.chart.chart, self.chart.opens = work_chart(figures, variables), figures.asked.month is None
        self.groups.table, self.units.table = group_table(figures, variables), unit_table(figures)
        self.memories_chart.chart = memory_chart(memories, variables) if memories else Chart()
        self.types.table = type_table(memories, variables) if memories else Table()
        self.tags.table = tag_table(memories) if memories else Table()
        self.set_class(not self.memories_chart.chart.bars, "-without-memories")

    def _ask(self, asked: Asked) -> None:
        self._asked = asked
        self._add_up()


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
