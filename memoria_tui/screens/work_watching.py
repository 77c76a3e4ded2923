"""The Work screen as a watcher: what runs, its warnings, the log in pages, and the day under the cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, tzinfo

from textual import getters, on, work
from textual.content import Content
from textual.reactive import var
from textual.timer import Timer
from textual.widgets import Static

from memoria_tui.loadable import Failed, Idle, Loadable, Loaded
from memoria_tui.modes.mode import ModeScreen, Setup
from memoria_tui.screens.timing import WorkChanged
from memoria_tui.screens.work_states import (
    LogQuestion,
    OpenWork,
    log_facts,
    today_facts,
    warning_line,
)
from memoria_tui.widgets.day_strip import Block, DayOfWork, DayStrip
from memoria_tui.widgets.running_sessions import RunningSessions
from memoria_tui.widgets.session_log import SessionLog
from services.errors import MemoriaError, StoreUnavailable
from services.model import SessionStatus, StatusSnapshot, Subject
from services.times import Period
from services.work.model import ReportBy, SessionFilter
from services.work.timesheet import day_starts, spans_of

PAGE = 100
"""Sessions asked for at a time."""
_RESTING = 0.08
"""Seconds on one session before its day is asked for."""
_STALE = 60.0
"""Seconds after which warnings are looked for again: time alone makes a session a forgotten one."""
_MOST_WARNINGS = 3


class WorkWatching(ModeScreen):
    """Shows what the services say; asks again when something changed."""

    FOLLOWS = frozenset({Subject.SESSIONS, Subject.NAMES, Subject.SETTINGS})

    state: var[Loadable[OpenWork]] = var(Idle, init=False)
    question: var[LogQuestion] = var(LogQuestion, init=False)

    running = getters.query_one(RunningSessions)
    log_list = getters.query_one(SessionLog)
    day_strip = getters.query_one(DayStrip)

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._ticking: Timer | None = None

    def on_mount(self) -> None:
        self.set_interval(_STALE, self._look_for_warnings)

    # being told

    @property
    def open_work(self) -> OpenWork | None:
        """What runs, as far as it is on screen."""
        return self.state.value if isinstance(self.state, Loaded) else None

    @on(WorkChanged)
    def changed(self) -> None:
        super().changed()

    def load(self) -> None:
        self._look_at_work()
        self._load_log(keep=bool(self.log_list.sessions))

    def watch_status(self, status: StatusSnapshot) -> None:
        super().watch_status(status)
        if self.open_work is not None and status.sessions != self.open_work.status.sessions:
            self.changed()

    # what runs

    def _look_for_warnings(self) -> None:
        if not self.is_current or self.open_work is None or not self.open_work.status.sessions:
            return
        if self.clock().astimezone(self._zone).date() != self.day_strip.today:
            self.changed()  # a new day has begun in the log
        else:
            self._look_at_work()

    @work(exclusive=True, group="status")
    async def _look_at_work(self) -> None:
        try:
            zone = await self.services.reports.zone()
            status = await self.services.work.status()
            today = await self.services.reports.today()
        except MemoriaError as error:
            self._not_read(error)
        else:
            self.shown()
            self.state = Loaded(OpenWork(status, zone, today))

    def _not_read(self, error: MemoriaError) -> None:
        """What is on screen stays while a store is away; the line under the header says as of when it is."""
        if self.open_work is None or not isinstance(error, StoreUnavailable):
            self.state = Failed(error)

    def draw(self, shown: OpenWork) -> None:
        sessions = shown.status.sessions
        self.running.zone = shown.zone
        self.running.sessions = sessions
        self.running.can_focus = bool(sessions)
        self.day_strip.today = self.clock().astimezone(shown.zone).date()
        self._show_warnings()
        self._show_facts()
        self._show_day(self.log_list.day)
        self._tick_while(any(session.status is SessionStatus.ACTIVE for session in sessions))
        if self.focused is None or not self.focused.focusable:
            self.log_list.focus()

    def _show_warnings(self) -> None:
        warnings = self.open_work.status.warnings if self.open_work is not None else ()
        width = self.size.width - 2
        lines = [warning_line(warning, width) for warning in warnings[:_MOST_WARNINGS]]
        if len(warnings) > _MOST_WARNINGS:
            lines.append(Content.styled(f"   and {len(warnings) - _MOST_WARNINGS} more", "$warning"))
        shown = self.query_one("#warnings", Static)
        shown.update(Content("\n").join(lines))
        shown.display = bool(lines)

    def on_resize(self) -> None:
        self._show_warnings()

    def _tick_while(self, ticking: bool) -> None:
        """One beat a second while a clock runs, and none otherwise."""
        if ticking and self._ticking is None:
            self._ticking = self.set_interval(1.0, self._tick)
        elif not ticking and self._ticking is not None:
            self._ticking.stop()
            self._ticking = None

    @property
    def ticking(self) -> bool:
        """Whether clocks run on this screen."""
        return self._ticking is not None

    def _tick(self) -> None:
        if self.is_current:
            self.running.tick()
            self.log_list.tick()
            self._show_facts()

    def _show_facts(self) -> None:
        today = today_facts(self.open_work, self.clock()) if self.open_work is not None else ""
        self.query_one("#log-facts", Static).update(log_facts(self.question, today))

    # the log

    def watch_question(self) -> None:
        if self.is_connected:
            self._load_log(keep=False)

    @property
    def _zone(self) -> tzinfo:
        return self.open_work.zone if self.open_work is not None else UTC

    @work(exclusive=True, group="log")
    async def _load_log(self, *, keep: bool) -> None:
        asked = self.question
        try:
            page = await self.services.reports.log(
                asked.where, asked.order, descending=asked.descending, limit=max(PAGE, self._held if keep else 0)
            )
            zone = await self.services.reports.zone()
        except MemoriaError as error:
            if keep:
                self._not_read(error)
            else:
                self.state = Failed(error)
            return
        self._show_facts()
        empty = "No session fits." if asked != LogQuestion() else "Nothing was worked yet."
        by_day = asked.order.value == "start"
        self.log_list.show(page, zone, by_day=by_day, keep=keep, empty=empty)
        await self._add_totals(self.log_list.days)

    @property
    def _held(self) -> int:
        """Sessions to ask for so that the one under the cursor and what is seen below it stay."""
        return min(len(self.log_list.sessions), self.log_list.cursor + PAGE)

    @on(SessionLog.MoreWanted)
    def load_more(self) -> None:
        self._more(self.log_list.cursor_for_more)

    @work(exclusive=True, group="more")
    async def _more(self, after: str | None) -> None:
        asked, log = self.question, self.log_list
        try:
            page = await self.services.reports.log(
                asked.where, asked.order, descending=asked.descending, after=after, limit=PAGE
            )
        except MemoriaError as error:
            self.tell(str(error), wrong=True)
            return
        if asked == self.question and after == log.cursor_for_more:
            known = set(log.days)
            log.add(page)
            await self._add_totals([day for day in log.days if day not in known])

    async def _add_totals(self, days: Sequence[date]) -> None:
        """Totals of days, cut at midnight; without them the days stand there all the same."""
        if not days:
            return
        try:
            span = Period(min(days), max(days))
            as_of = self.clock()
            where = self.question.where
            report = await self.services.reports.report(span, ReportBy.DAY, where=where, include_open=True)
        except MemoriaError:
            return  # the next look asks again
        worked = {date.fromisoformat(group.name): group.seconds for group in report.groups if group.name}
        self.log_list.show_totals({day: worked.get(day, 0.0) for day in days}, as_of)

    # the day under the cursor

    @on(SessionLog.Highlighted)
    def follow(self) -> None:
        self._show_day(self.log_list.day)

    @work(exclusive=True, group="day")
    async def _show_day(self, day: date | None) -> None:
        await asyncio.sleep(_RESTING)
        now = self.clock()
        try:
            zone = await self.services.reports.zone()
            day = day or now.astimezone(zone).date()
            page = await self.services.reports.log(SessionFilter(first=day, last=day), limit=5 * PAGE)
        except MemoriaError:
            return
        bounds = day_starts(day, day, zone)
        blocks = [
            Block(max(span.start, bounds[0]), min(span.end, bounds[1]), one.category)
            for one in {part.session.id: part.session for part in page.parts}.values()
            for span in spans_of(one, now)
            if span.start < bounds[1] and span.end > bounds[0]
        ]
        self.day_strip.shown = DayOfWork(day, zone, tuple(blocks))
