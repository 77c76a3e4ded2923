"""The Work mode: the timer, the log, clients and projects."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, tzinfo
from time import monotonic

from textual import on, work
from textual.binding import Binding
from textual.content import Content
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.dialogs.choice import Choice, ChoiceDialog
from memoria_tui.dialogs.clients_and_projects import ClientsDialog
from memoria_tui.dialogs.line_prompt import PromptDialog
from memoria_tui.dialogs.session_filter import session_filter
from memoria_tui.dialogs.timesheet import TimesheetDialog
from memoria_tui.dialogs.typed_paths import why_not_new
from memoria_tui.dialogs.week import WeekDialog
from memoria_tui.keys.dialog_actions import asks
from memoria_tui.keys.waiting_keys import takes_text
from memoria_tui.modes.mode import Failed, Idle, Loadable, Loaded, ModeScreen
from memoria_tui.modes.timer_actions import Timing, WorkChanged
from memoria_tui.modes.work.log_file import SUFFIXES, write_log
from memoria_tui.modes.work.state import (
    ORDERS,
    LogQuestion,
    OpenWork,
    log_facts,
    today_facts,
    total_facts,
    warning_line,
)
from memoria_tui.setup import Setup
from memoria_tui.text import work_text
from memoria_tui.text.present import clip, line
from memoria_tui.widgets.day_timeline import Block, DayOfWork, DayTimeline
from memoria_tui.widgets.every_second import EverySecond
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.part import Part
from memoria_tui.widgets.running_sessions import RunningSessions
from memoria_tui.widgets.session_log import SessionLog
from services.errors import MemoriaError, StoreUnavailable
from services.files import expanded
from services.model import SEARCHED, ReportBy, SessionStatus, StatusSnapshot, Subject, WorkSession, counted
from services.times import Period, day_of
from services.work.report_values import LogOrder, ReportUnit, SessionFilter, WarningKind, WorkWarning
from services.work.rules import overlap_mark
from services.work.worked_time import day_starts, spans_of

PAGE = 100
"""Sessions asked for at a time."""
_RESTING = 0.08
"""Seconds on one session before its day is asked for."""
_STALE = 60.0
"""Seconds after which warnings are looked for again: time alone makes a session a forgotten one."""
_MOST_WARNINGS = 3
_ON_WHAT_RUNS = frozenset({"note", "stop", "cut_back"})
_ON_A_SESSION = frozenset({"edit", "delete", "resume_stopped", "remember", "split", "merge", "duplicate"})


class WorkScreen(ModeScreen):
    """What runs above, then the day under the cursor, then the log."""

    CSS_PATH = "work.tcss"
    HELP = "Work: start and stop the timer, correct the log"

    FOLLOWS = frozenset({Subject.SESSIONS, Subject.NAMES, Subject.SETTINGS})

    MOVED = {
        "a": "finished work is added by A now",
        "w": "another piece of work is started by W now",
        "m": "a memory of the session is kept by i now",
    }
    FROM_ELSEWHERE = frozenset(
        {"start", "stop", "add", "switch_work", "note", "filter", "search", "sort", "week", "clients", "timesheet"}
        | {"export", "preferences"}
    )
    BINDINGS = [
        Binding("n", "start", "Start", id="work.start", tooltip="Start work"),
        Binding("space", "pause", "Pause", id="work.pause", tooltip="Pause with a reason, or resume"),
        Binding("space", "resume", "Resume", id="work.resume", tooltip="Pause with a reason, or resume"),
        Binding("s", "stop", "Stop", id="work.stop", tooltip="Stop, with a note and a memory of it"),
        Binding("A", "add", "Add", id="work.add", tooltip="Add finished work, from when to when"),
        Binding(
            "W", "switch_work", "Switch", id="work.change", show=False, tooltip="Pause what runs and start another"
        ),
        Binding("C", "continue_work", "Continue", id="work.continue", show=False, tooltip="Start the same work again"),
        Binding("N", "note", "Note", id="work.note", tooltip="Add a note to a running session"),
        Binding("e", "edit", "Edit", id="work.edit", tooltip="Details; change times, pauses, client and all else"),
        Binding("f", "filter", "Filter", id="work.filter", tooltip="Which sessions the log shows"),
        Binding("slash", "search", "Find", id="work.search", show=False, tooltip="Search the log"),
        Binding("o", "sort", "Sort", id="work.sort", tooltip="Sort the log"),
        Binding("v", "week", "Week", id="work.week", show=False, tooltip="The week as lanes, its gaps and overlaps"),
        Binding("c", "clients", "Clients", id="work.clients", tooltip="Clients and projects, with their totals"),
        Binding("dollar_sign", "timesheet", "Timesheet", id="work.timesheet", tooltip="What is billed for a month"),
        Binding(
            "x",
            "export",
            "Export",
            id="work.export",
            tooltip="Write what the log shows to a file",
        ),
        Binding("d", "delete", "Delete", id="work.delete", show=False, tooltip="Delete the session"),
        Binding(
            "b", "cut_back", "Stop at last activity", id="work.cut", show=False, tooltip="Stop at the last activity"
        ),
        Binding("R", "resume_stopped", "Resume", id="work.unstop", show=False, tooltip="Resume a stopped session"),
        Binding("vertical_line", "split", "Split", id="work.split", show=False, tooltip="Make two of the session"),
        Binding("M", "merge", "Merge", id="work.merge", show=False, tooltip="Merge the session with the one before it"),
        Binding(
            "ampersand", "duplicate", "Duplicate", id="work.duplicate", show=False, tooltip="Add work like the session"
        ),
        Binding("i", "remember", "Remember", id="work.remember", show=False, tooltip="Keep a memory of the session"),
        Binding("P", "preferences", "Settings", id="work.settings", show=False, tooltip="Settings of work"),
        Binding(
            "tab", "switch", "Log or timers", id="work.switch", show=False, tooltip="Switch between timers and log"
        ),
        Binding(
            "underscore",
            "pause_away",
            "Pause for it",
            id="work.away",
            show=False,
            tooltip="Make the time away a pause",
        ),
        Binding("z", "hide_warnings", "Hide", id="work.hide", show=False, tooltip="Hide the warnings that are shown"),
        Binding("r", "retry", "Again", id="work.retry", show=False, tooltip="Refresh"),
        Binding("escape", "show_all", "All", id="work.all", show=False, tooltip="Back to the log, then to all of it"),
    ]

    state: var[Loadable[OpenWork]] = var(Idle, init=False)
    question: var[LogQuestion] = var(LogQuestion, init=False)

    running = Part(RunningSessions)
    log_list = Part(SessionLog)
    day_timeline = Part(DayTimeline)

    def __init__(self, mode: str, setup: Setup) -> None:
        super().__init__(mode, setup)
        self._seconds = EverySecond(self, self._tick)
        self._answered_question = LogQuestion()
        """What the log answers."""
        self._order_read = False
        """Whether it is known how a person sorted the log last."""
        self._log_changed_at = 0.0
        self._others_wrote = False
        """Whether the newest look at the stores was because of what others wrote."""
        self._hidden: set[tuple[WarningKind, tuple[str, ...]]] = set()
        """Warnings that the person has seen enough of, until the program ends."""
        self._total: tuple[int, float] | None = None
        """Sessions and seconds of all that the filter lets through, once they are added up."""

    def compose_body(self) -> Iterable[Widget]:
        yield RunningSessions(self.clock, id="running")
        yield LazyStatic(id="warnings")
        yield DayTimeline(id="day")
        yield LazyStatic(log_facts(LogQuestion()), id="log-facts")
        yield SessionLog(self.clock, id="log")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "retry":
            return not isinstance(self.state, Idle)
        if action == "show_all":
            return True
        if self.open_work is None:
            return action not in {binding.action for binding in self.BINDINGS if isinstance(binding, Binding)}
        if action in ("pause", "resume"):
            return bool(self.open_work.status.sessions) and self._would_resume is (action == "resume")
        if action == "pause_away":
            return self._away_warning is not None
        if action == "hide_warnings":
            return bool(self._warnings)
        if action in _ON_WHAT_RUNS:
            return bool(self.open_work.status.sessions)
        if action in _ON_A_SESSION:
            return self.selected is not None
        return True

    def on_mount(self) -> None:
        self.set_interval(_STALE, self._look_for_warnings)

    # being told

    @property
    def open_work(self) -> OpenWork | None:
        """What runs, as far as it is on screen."""
        return self.state.value if isinstance(self.state, Loaded) else None

    @on(WorkChanged)
    def _follow_change(self, event: WorkChanged) -> None:
        if event.started:
            self.log_list.aim_at(event.started)
        self.changed()

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
        if day_of(self.clock(), self._zone) != self.day_timeline.today:
            self.changed()  # a new day has begun in the log
        else:
            self._look_again()

    @work(exclusive=True, group="again")
    async def _look_again(self) -> None:
        await self._read_open_work()

    @work(exclusive=True, group="open")
    async def _look_at_work(self) -> None:
        await self._read_open_work()

    async def _read_open_work(self) -> None:
        try:
            zone = await self.services.reports.zone()
            status = await self.services.billing.watched(await self.services.work.status())
            today = await self.services.reports.today()
            week = await self.services.reports.current(ReportUnit.WEEK)
            worked = await self.services.reports.report(week, ReportBy.CATEGORY, include_open=True)
            preferences = await self.services.work.preferences()
            off = await self.services.work.days_off(week)
        except MemoriaError as error:
            self._not_read(error)
        else:
            self.shown()
            self.state = Loaded(OpenWork(status, zone, today, worked, preferences, off, day_of(self.clock(), zone)))

    def _not_read(self, error: MemoriaError) -> None:
        """What is on screen stays while a store is away; the line under the header says as of when it is."""
        if self.open_work is None or not isinstance(error, StoreUnavailable):
            self.state = Failed(error)

    def changed(self) -> None:
        self._others_wrote = False
        super().changed()

    def changed_outside(self, subjects: frozenset[Subject]) -> None:
        super().changed_outside(subjects)
        self._others_wrote = True

    def draw(self, shown: OpenWork) -> None:
        sessions = tuple(sorted(shown.status.sessions, key=lambda one: one.status is not SessionStatus.ACTIVE))
        pointed = self.pointed
        self.running.zone = shown.zone
        self.running.sessions = sessions
        if self._others_wrote and pointed is not None and pointed.id not in {one.id for one in sessions}:
            self.say_taken(
                pointed.id, f'"{clip(line(pointed.description), 40)}" was stopped or deleted by somebody else'
            )
        self.running.can_focus = bool(sessions)
        self.day_timeline.today = day_of(self.clock(), shown.zone)
        self._show_warnings()
        self._show_facts()
        self._show_day(self.log_list.day)
        self._seconds.run(runs=any(session.status is SessionStatus.ACTIVE for session in sessions))
        if self.focused is None or not self.focused.focusable:
            self.log_list.focus()

    @property
    def _away_warning(self) -> WorkWarning | None:
        """What ran while nobody was there, as far as it still runs."""
        if self.away is None or self.open_work is None:
            return None
        end = self.away.end
        ran = [one for one in self.running.sessions if one.status is SessionStatus.ACTIVE and one.start < end]
        return work_text.away_warning(self.away, ran, self._zone) if ran else None

    @property
    def _warnings(self) -> Sequence[WorkWarning]:
        """Those that are shown."""
        known = self.open_work.status.warnings if self.open_work is not None else ()
        away = self._away_warning
        shown = [one for one in known if (one.kind, one.session_ids) not in self._hidden]
        return [away, *shown] if away is not None else shown

    def watch_away(self) -> None:
        if self.open_work is not None:
            self._show_warnings()
            self.offer_keys()

    def _show_warnings(self) -> None:
        warnings = self._warnings
        width = self.size.width - 2
        sessions = self.open_work.status.sessions if self.open_work else ()
        running = {session.id for session in sessions if session.status is SessionStatus.ACTIVE}
        lines = [warning_line(warning, width, running) for warning in warnings[:_MOST_WARNINGS]]
        if len(warnings) > _MOST_WARNINGS:
            lines.append(Content.styled(f"   and {len(warnings) - _MOST_WARNINGS} more", "$warning"))
        shown = self.query_one("#warnings", Static)
        shown.update(Content("\n").join(lines))
        shown.display = bool(lines)

    def on_resize(self) -> None:
        self._show_warnings()

    @property
    def ticking(self) -> bool:
        """Whether clocks run on this screen."""
        return self._seconds.runs

    def _tick(self) -> None:
        if self.is_current:
            self.running.tick()
            self._show_facts()

    def _show_facts(self) -> None:
        """Also in the log, of the same instant: what both tell is one number."""
        now = self.clock()
        self.log_list.tick(now)
        figures = today_facts(self.open_work, now) if self.open_work is not None else ""
        if self.question.where != SessionFilter():
            figures = total_facts(self._total) if self._total is not None else ""
        self.query_one("#log-facts", Static).update(log_facts(self.question, figures))

    # the log

    def watch_question(self) -> None:
        self._total = None
        if self.is_connected:
            self._load_log(keep=False)

    @property
    def owes_answer(self) -> bool:
        return self.under_way("open", "log") or self._answered_question != self.question

    def give_up(self) -> None:
        for group in ("open", "log"):
            self.workers.cancel_group(self, group)
        self.set_reactive(WorkScreen.question, self._answered_question)
        self._show_facts()

    @property
    def _zone(self) -> tzinfo:
        return self.open_work.zone if self.open_work is not None else UTC

    @work(exclusive=True, group="log")
    async def _load_log(self, *, keep: bool) -> None:
        limit = max(PAGE, self._held if keep else 0)
        before = [session.id for session in self.log_list.sessions[:limit]]
        asked = self.question
        try:
            asked = await self._first_question() if not self._order_read else asked
            page = await self.services.reports.log(asked.where, asked.order, descending=asked.descending, limit=limit)
            zone = await self.services.reports.zone()
        except MemoriaError as error:
            if keep:
                self._not_read(error)
            else:
                self.state = Failed(error)
                self._answered_question = asked
            return
        self._show_facts()
        anything = asked.where == SessionFilter()
        empty = "No work recorded yet: n starts some, A adds what is done." if anything else "No results."
        by_day = asked.order.value == "start"
        self.log_list.show(page, zone, by_day=by_day, keep=keep, empty=empty)
        self._answered_question = asked
        if before != [session.id for session in page.sessions[: len(before)]]:
            self._log_changed_at = monotonic()
        await self._add_totals(self.log_list.days)
        await self._add_total(asked)
        await self._mark_overlaps(self.log_list.sessions)

    async def _first_question(self) -> LogQuestion:
        """All of the log in the order of an earlier start, unless another mode asked for some of it."""
        order, descending = await self.services.reports.log_order()
        self._order_read = True
        if self.question == LogQuestion():
            self._answered_question = LogQuestion(order=order, descending=descending)
            self.set_reactive(WorkScreen.question, self._answered_question)
        return self.question

    @work(exclusive=True, group="keep")
    async def _keep_order(self) -> None:
        with suppress(MemoriaError):  # the next start sorts as this one did
            await self.services.reports.keep_log_order(self.question.order, descending=self.question.descending)

    async def _add_total(self, asked: LogQuestion) -> None:
        """How much all that the filter lets through is; without it the log is there all the same."""
        if asked.where == SessionFilter():
            return
        with suppress(MemoriaError):
            total = await self.services.reports.total(asked.where)
            if asked == self.question:
                self._total = total
                self._show_facts()

    async def _mark_overlaps(self, sessions: Sequence[WorkSession]) -> None:
        """Those among these that were worked on at once with others; without it the log is there all the same."""
        with suppress(MemoriaError):
            found = await self.services.reports.overlaps(sessions)
            self.log_list.show_overlaps(
                {one.id: overlap_mark(found[one.id]) for one in sessions if one.id in found},
                of={one.id for one in sessions},
            )

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
            self.say(str(error), wrong=True)
            return
        if asked == self.question and after == log.cursor_for_more:
            known, seen = set(log.days), {one.id for one in log.sessions}
            log.add(page)
            await self._add_totals([day for day in log.days if day not in known])
            await self._mark_overlaps([one for one in log.sessions if one.id not in seen])

    async def _add_totals(self, days: Sequence[date]) -> None:
        """Totals of days, cut at midnight; without them the days stand there all the same."""
        if not days:
            return
        try:
            span = Period(min(days), max(days))
            where = self.question.where
            report = await self.services.reports.report(span, ReportBy.DAY, where=where, include_open=True)
        except MemoriaError:
            return  # the next look asks again
        worked = {date.fromisoformat(group.name): group.seconds for group in report.groups if group.name}
        self.log_list.show_totals({day: worked.get(day, 0.0) for day in days}, report)
        self._show_facts()

    # the day under the cursor

    @on(SessionLog.Highlighted)
    def follow(self) -> None:
        self.offer_keys()
        self._show_day(self.log_list.day)

    @on(RunningSessions.Moved)
    def follow_timer(self) -> None:
        self.offer_keys()

    @work(exclusive=True, group="day")
    async def _show_day(self, day: date | None) -> None:
        await asyncio.sleep(_RESTING)
        now = self.clock()
        try:
            zone = await self.services.reports.zone()
            day = day or day_of(now, zone)
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
        self.day_timeline.shown = DayOfWork(day, zone, tuple(blocks))

    # the timer and single sessions

    @property
    def timing(self) -> Timing:
        """The acts of the timer, asked here."""
        return Timing(self, self.services, self.clock, self.running.sessions)

    @property
    def pointed(self) -> WorkSession | None:
        """The open session under the cursor where the focus is; None when that one is not open."""
        if self.running.has_focus:
            return self.running.current
        current = self.log_list.current
        return next((one for one in self.running.sessions if current is not None and one.id == current.id), None)

    @property
    def _would_resume(self) -> bool:
        """Whether the only session that `space` can mean is paused."""
        meant = self.pointed or (self.running.sessions[0] if len(self.running.sessions) == 1 else None)
        return meant is not None and meant.status is SessionStatus.PAUSED

    @property
    def selected(self) -> WorkSession | None:
        """The session under the cursor where the focus is."""
        return self.pointed or self.log_list.current

    @takes_text
    @asks
    async def action_start(self) -> None:
        await self.timing.start()

    @takes_text
    @asks
    async def action_switch_work(self) -> None:
        await self.timing.switch()

    @asks
    async def action_continue_work(self) -> None:
        await self.timing.continue_work(self.selected)

    @takes_text
    @asks
    async def action_add(self) -> None:
        await self.timing.add()

    @asks
    async def action_pause(self) -> None:
        await self.timing.pause_or_resume(self.pointed)

    def action_resume(self) -> None:
        self.action_pause()

    @takes_text
    @asks
    async def action_note(self) -> None:
        await self.timing.note(self.pointed)

    @takes_text
    @asks
    async def action_stop(self) -> None:
        await self.timing.stop(self.pointed)

    @takes_text
    @asks
    async def action_cut_back(self) -> None:
        await self.timing.cut_back(self.pointed)

    @on(RunningSessions.Selected)
    @on(SessionLog.Selected)
    def open_selected(self, event: RunningSessions.Selected | SessionLog.Selected) -> None:
        self._edit(event.session)

    @takes_text
    def action_edit(self) -> None:
        if self.selected is not None:
            self._edit(self.selected)

    @asks
    async def _edit(self, session: WorkSession) -> None:
        await self.timing.edit(session, self._zone)

    @asks
    async def action_delete(self) -> None:
        if self.was_pressed_on(self._log_changed_at):
            await self.timing.delete(self.selected)

    @asks
    async def action_resume_stopped(self) -> None:
        await self.timing.resume_stopped(self.selected)

    @takes_text
    @asks
    async def action_split(self) -> None:
        await self.timing.split(self.selected, self._zone)

    @asks
    async def action_merge(self) -> None:
        """With the newest of the log that began before it."""
        if not self.was_pressed_on(self._log_changed_at) or (session := self.selected) is None:
            return
        if self.question.where != SessionFilter() or self.question.order is not LogOrder.START:
            self.say("Merge needs the log by start and without a filter: esc shows it")
            return
        earlier = [one for one in self.log_list.sessions if one.start < session.start]
        await self.timing.merge(session, max(earlier, key=lambda one: one.start, default=None), self._zone)

    @takes_text
    @asks
    async def action_duplicate(self) -> None:
        await self.timing.add(like=self.selected)

    @asks
    async def action_remember(self) -> None:
        await self.timing.remember(self.selected)

    # warnings

    @asks
    async def action_pause_away(self) -> None:
        away, warning = self.away, self._away_warning
        if away is not None and warning is not None and await self.timing.pause_away(away, warning.session_ids):
            self.post_message(self.AwayAnswered())

    def action_hide_warnings(self) -> None:
        """What is told of the same sessions again stays hidden."""
        self._hidden |= {(one.kind, one.session_ids) for one in self._warnings}
        self.post_message(self.AwayAnswered())
        self._show_warnings()
        self.offer_keys()

    # what the log shows

    def narrow(self, where: SessionFilter) -> None:
        """Shows these sessions only, as another mode asks."""
        self.question = LogQuestion(where)

    @asks
    async def action_filter(self) -> None:
        dialog = session_filter(self.services, self.question.where)
        if (where := await self.ask(dialog)) is not None:
            self.question = replace(self.question, where=where)

    @asks
    async def action_search(self) -> None:
        hint = f"In {SEARCHED}; empty shows all"
        text = await self.ask(PromptDialog("Find", value=self.question.where.text, hint=hint))
        if text is not None:
            self.question = replace(self.question, where=replace(self.question.where, text=text))

    @asks
    async def action_sort(self) -> None:
        keys = dict(zip("nolsdb", ORDERS, strict=True))
        choices = [Choice(key, key, Content(ORDERS[order])) for key, order in keys.items()]
        now = (self.question.order, self.question.descending)
        current = next(key for key, order in keys.items() if order == now)
        if (chosen := await self.ask(ChoiceDialog("Sort", choices, current))) is not None:
            self.question = LogQuestion(self.question.where, *keys[chosen])
            self._keep_order()

    @asks
    async def action_export(self) -> None:
        dialog = PromptDialog(
            "Export the log", value="work.csv", hint=f"A file that ends in {SUFFIXES}", check=why_not_new
        )
        if (path := await self.ask(dialog)) is not None:
            act = write_log(self.services.reports, self.question, expanded(path), self._zone, self.clock())
            if (made := await self.attempt(act)) is not None:
                number, lost = made
                told = f" · not exported: {lost}" if lost else ""
                self.say(f"Exported {counted(number, 'session')} to {expanded(path)}{told}")

    # clients, projects, settings

    @asks
    async def action_clients(self) -> None:
        if await self.ask(ClientsDialog(self.services)):
            self.post_message(WorkChanged())

    @asks
    async def action_week(self) -> None:
        """The week of the day under the cursor."""
        day = self.log_list.day or day_of(self.clock(), self._zone)
        if await self.ask(WeekDialog(self.services, self.clock, day)):
            self.post_message(WorkChanged())

    @asks
    async def action_timesheet(self) -> None:
        """Of the client and month of the session under the cursor."""
        session = self.selected
        client, month = (session.client, day_of(session.start, self._zone)) if session else (None, None)
        if await self.ask(TimesheetDialog(self.services, self.clock, client, month)):
            self.post_message(WorkChanged())

    @asks
    async def action_preferences(self) -> None:
        await self.timing.settings()

    # where the eyes and hands are

    @on(RunningSessions.Left)
    def to_log(self) -> None:
        self.log_list.focus()

    @on(SessionLog.Left)
    def to_clocks(self) -> None:
        if self.running.sessions:
            self.running.focus()

    def action_switch(self) -> None:
        if self.running.has_focus or not self.running.sessions:
            self.log_list.focus()
        else:
            self.running.focus()

    def action_show_all(self) -> None:
        if self.running.has_focus:
            self.log_list.focus()
        elif (before := self.question) != LogQuestion():
            self.question = LogQuestion()
            if before != LogQuestion(before.where):
                self._keep_order()
