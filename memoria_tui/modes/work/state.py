"""What the Work screen draws, and its lines of text."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo

from textual.content import Content

from memoria_tui.text import present, work_text
from services.model import counted
from services.times import duration
from services.work.days_off import asked_of_day, left_of_week
from services.work.preferences import WorkPreferences
from services.work.report_values import LogOrder, Report, SessionFilter, WorkStatus, WorkWarning


@dataclass(frozen=True, slots=True)
class OpenWork:
    status: WorkStatus
    zone: tzinfo
    today: Report
    """What was worked today, what is open included."""
    week: Report
    """As `today`, of this week."""
    preferences: WorkPreferences = field(default_factory=WorkPreferences)
    off: Mapping[date, str] = field(default_factory=dict)
    """The days of this week that the goals ask no work for, each with why."""
    day: date = date.min
    """Today."""


@dataclass(frozen=True, slots=True)
class LogQuestion:
    """Which part of the log is shown, and in which order."""

    where: SessionFilter = field(default_factory=SessionFilter)
    order: LogOrder = LogOrder.START
    descending: bool = True


def warning_line(warning: WorkWarning, width: int, running: Collection[str] = ()) -> Content:
    """What is odd, and the keys that help: the first of them, or none, where there is no room for all.

    `running`: ids of sessions whose timers run.
    """
    what, keys = f" ⚠ {present.line(warning.message)}", work_text.way_out(warning, running)
    helps = (f"  ·  {some}" for some in (keys, keys.partition(",")[0]))
    help_ = next((one for one in helps if len(what) + len(one) <= width), "")
    return Content.assemble((present.clip(what, width), "$warning"), (help_, "$foreground 60%"))


def today_facts(work: OpenWork, now: datetime) -> Content:
    """«today 6:12:03 of 8 h ▰▰▰, 1:24:00 of it still open · week …», up to `now`; empty when nothing was worked."""
    today, week = work.today, work.week
    if not week.total_seconds and not today.sessions:
        return Content("")
    hours = asked_of_day(work.day, work.preferences.work_day_hours, work.off)
    day = work_text.goal_line(today.total_seconds + today.since(now), hours)
    of_week = work.preferences.week_hours * left_of_week(work.off)
    in_week = work_text.goal_line(week.total_seconds + week.since(now), of_week)
    is_open = f", {duration(today.open_seconds + today.since(now))} still open" if work.status.sessions else ""
    return Content.assemble("today ", day, f"{is_open} · week ", in_week, work_text.days_off_line(work.off))


def total_facts(total: tuple[int, float]) -> str:
    """«12 sessions, 37:35:00»: all that a filter lets through."""
    sessions, seconds = total
    return f"{counted(sessions, 'session')}, {duration(seconds)}"


def log_facts(question: LogQuestion, figures: Content | str = "") -> Content:
    """«Log  today 6:12:03 · client acme · longest first · esc shows all»; `figures` are of today or of the filter."""
    told = figures if isinstance(figures, Content) else Content(figures)
    parts: list[Content | tuple[str, str]] = [Content("  "), told.stylize_before("$foreground 60%")] if told else []
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
