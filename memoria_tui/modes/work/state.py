"""What the Work screen draws, and its lines of text."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from textual.content import Content

from memoria_tui import present, work_text
from services.model import SessionStatus
from services.work.report_values import LogOrder, Report, SessionFilter, WorkStatus, WorkWarning


@dataclass(frozen=True, slots=True)
class OpenWork:
    status: WorkStatus
    zone: tzinfo
    today: Report
    """What was worked today, what is open included."""


@dataclass(frozen=True, slots=True)
class LogQuestion:
    """Which part of the log is shown, and in which order."""

    where: SessionFilter = field(default_factory=SessionFilter)
    order: LogOrder = LogOrder.START
    descending: bool = True


def warning_line(warning: WorkWarning, width: int) -> Content:
    """What is odd, and the keys that help; the keys go first where there is no room."""
    what, help_ = f" ⚠ {present.line(warning.message)}", f"  ·  {work_text.way_out(warning)}"
    if len(what) + len(help_) > width:
        help_ = ""
    return Content.assemble((present.clip(what, width), "$warning"), (help_, "$foreground 60%"))


def today_facts(work: OpenWork, now: datetime) -> str:
    """«today 6:12:03, 1:24:00 of it still open», up to `now`; "" when nothing was worked."""
    timers = sum(session.status is SessionStatus.ACTIVE for session in work.status.sessions)
    since = timers * max(0.0, (now - work.status.now).total_seconds())
    if not work.today.sessions:
        return ""
    if not work.status.sessions:
        return f"today {present.duration(work.today.total_seconds)}"
    total, running = work.today.total_seconds + since, work.today.open_seconds + since
    return f"today {present.duration(total)}, {present.duration(running)} of it still open"


def total_facts(total: tuple[int, float]) -> str:
    """«12 sessions, 37:35:00»: all that a filter lets through."""
    sessions, seconds = total
    return f"{present.counted(sessions, 'session')}, {present.duration(seconds)}"


def log_facts(question: LogQuestion, figures: str = "") -> Content:
    """«Log  today 6:12:03 · client acme · longest first · esc shows all»; `figures` are of today or of the filter."""
    parts = [(f"  {figures}", "$foreground 60%")] if figures else []
    asked = question != LogQuestion()
    if facts := work_text.filter_facts(question.where):
        parts.append((f"  {facts}", "$accent"))
    if (question.order, question.descending) != (LogOrder.START, True):
        parts.append((f"  {ORDERS[question.order, question.descending]}", "$accent"))
    back = ("  esc shows all, newest first", "$foreground 45%") if asked else ("", "")
    return Content.assemble((" Log", "bold $primary"), *parts, back)


ORDERS = {
    (LogOrder.START, True): "newest first",
    (LogOrder.START, False): "oldest first",
    (LogOrder.DURATION, True): "longest first, by whole minutes",
    (LogOrder.DURATION, False): "shortest first, by whole minutes",
    (LogOrder.DESCRIPTION, False): "by description",
    (LogOrder.DESCRIPTION, True): "by description, backwards",
}
"""The orders of the log in words."""
