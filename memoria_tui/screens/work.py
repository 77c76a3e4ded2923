"""The Work mode: the timer, what was worked, and for whom."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.loadable import Idle
from memoria_tui.screens.work_booking import WorkBooking
from memoria_tui.screens.work_states import LogQuestion, log_facts
from memoria_tui.widgets.day_strip import DayStrip
from memoria_tui.widgets.running_sessions import RunningSessions
from memoria_tui.widgets.session_log import SessionLog

_ON_WHAT_RUNS = frozenset({"pause", "note", "stop", "cut_back"})
_ON_A_SESSION = frozenset({"edit", "delete", "resume_stopped", "remember"})


class WorkScreen(WorkBooking):
    """What runs above, then the day under the cursor, then the log."""

    CSS_PATH = "work.tcss"
    HELP = "Work: start and stop the timer, put the log right"

    BINDINGS = [
        Binding("n", "start", "Start", id="work.start", tooltip="Start work"),
        Binding("space", "pause", "Pause", id="work.pause", tooltip="Pause with a reason, or resume"),
        Binding("s", "stop", "Stop", id="work.stop", tooltip="Stop, with a note and a memory of it"),
        Binding("N", "note", "Note", id="work.note", tooltip="Note something on what runs"),
        Binding("e", "edit", "Edit", id="work.edit", tooltip="Details; change times, pauses, client and all else"),
        Binding("f", "filter", "Filter", id="work.filter", tooltip="Which sessions the log shows"),
        Binding("slash", "search", "Find", id="work.search", key_display="/", show=False, tooltip="Find by a text"),
        Binding("o", "sort", "Sort", id="work.sort", tooltip="Sort the log"),
        Binding("c", "clients", "Clients", id="work.clients", tooltip="Clients and projects, with their totals"),
        Binding("x", "export", "Export", id="work.export", tooltip="Write what the log shows to a CSV file"),
        Binding("d", "delete", "Delete", id="work.delete", show=False, tooltip="Delete the session"),
        Binding("b", "cut_back", "Cut back", id="work.cut", show=False, tooltip="Stop at the last sign of life"),
        Binding("R", "resume_stopped", "Run on", id="work.unstop", show=False, tooltip="Let a stopped session run on"),
        Binding("m", "remember", "Remember", id="work.remember", show=False, tooltip="Keep a memory of the session"),
        Binding(
            "P", "preferences", "Settings", id="work.settings", show=False, tooltip="Default client, hours, memory"
        ),
        Binding("tab", "switch", "Log or clocks", id="work.switch", show=False, tooltip="Between clocks and log"),
        Binding("r", "retry", "Again", id="work.retry", show=False, tooltip="Look again"),
        Binding("escape", "show_all", "All", id="work.all", show=False, tooltip="Back to the log, then to all of it"),
    ]

    def compose_body(self) -> Iterable[Widget]:
        yield RunningSessions(self.clock, id="running")
        yield Static(id="warnings")
        yield DayStrip(id="day")
        yield Static(log_facts(LogQuestion()), id="log-facts")
        yield SessionLog(self.clock, id="log")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "retry":
            return not isinstance(self.state, Idle)
        if action == "show_all":
            return True
        if self.open_work is None:
            return action not in {binding.action for binding in self.BINDINGS if isinstance(binding, Binding)}
        if action in _ON_WHAT_RUNS:
            return bool(self.open_work.status.sessions)
        if action in _ON_A_SESSION:
            return self.selected is not None
        return True

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
        elif self.question != LogQuestion():
            self.question = LogQuestion()
