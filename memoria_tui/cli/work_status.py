"""`work status`: called by prompts and status lines every few seconds, so that it imports and connects to little."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from string import Formatter
from typing import TYPE_CHECKING

from memoria_tui.cli.json_output import session_json, warning_json
from memoria_tui.cli.terminal import Terminal, one_line
from services.errors import Malformed
from services.model import ReportBy, SessionStatus, WorkSession, counted
from services.ports import machine_clock
from services.storable_text import quoted
from services.times import duration

if TYPE_CHECKING:
    from services.open_work import ReadOnlyWork
    from services.work.report_values import Report, WorkStatus

ICONS: Mapping[SessionStatus, str] = {
    SessionStatus.ACTIVE: "▶",
    SessionStatus.PAUSED: "⏸",
    SessionStatus.COMPLETED: "■",
}
_BETWEEN = "   "
_TOO_WIDE = re.compile(r"\d{4}|\{")
"""In what follows the colon of a field: a width that no line has, or one that another field gives."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What runs, and as far as it is wanted what was worked."""

    status: WorkStatus
    zone: tzinfo
    today: Report | None = None
    """What is open counts."""
    goals: _Goals | None = None


@dataclass(frozen=True, slots=True)
class _Goals:
    """Seconds; 0: no goal."""

    day: float
    week: float
    worked_in_week: float
    days_off: int
    """Working days of this week that are off."""


def print_status(terminal: Terminal, template: str | None, *, as_json: bool) -> int:
    """What runs; without a running server or a database made yet, nothing is started for long or made."""
    seen = asyncio.run(_read_status(terminal, today="{today" in (template or ""), everything=template is None))
    found, today, zone, goals = seen.status, seen.today, seen.zone, seen.goals
    if as_json:
        warnings = [warning_json(warning) for warning in found.warnings]
        sessions = [session_json(session, found.now) for session in found.sessions]
        worked = {"today_seconds": today.total_seconds, "today_open_seconds": today.open_seconds} if today else {}
        if goals:
            worked |= {"today_goal_seconds": goals.day, "week_seconds": goals.worked_in_week}
            worked |= {"week_goal_seconds": goals.week}
        terminal.print_json({"sessions": sessions, "warnings": warnings, **worked})
    elif template is not None:
        if found.sessions:
            terminal.print(_BETWEEN.join(_fill_in(template, one, found.now, zone, today) for one in found.sessions))
    else:
        for session in found.sessions:
            terminal.print(_status_line(session, found.now, zone))
        for warning in found.warnings:
            terminal.print(f"! {one_line(warning.message)}")
        if not found.sessions:
            terminal.print("no session is running · start with: memoria-tui work start DESCRIPTION")
        if today is not None and goals is not None and (today.sessions or goals.worked_in_week):
            terminal.print(_worked_line(today, goals))
    return 0


def _worked_line(today: Report, goals: _Goals) -> str:
    """«today 6:12:03 of 8 h, 1:24:00 still open · week 31:12:00 of 32 h, 1 day off»."""
    running = f", {duration(today.open_seconds)} of it still open" if today.open_seconds else ""
    off = f", {counted(goals.days_off, 'day')} off" if goals.days_off else ""
    day, week = _with_goal(today.total_seconds, goals.day), _with_goal(goals.worked_in_week, goals.week)
    return f"today {day}{running} · week {week}{off}"


def _with_goal(seconds: float, goal: float) -> str:
    return f"{duration(seconds)} of {goal / 3600:g} h" if goal else duration(seconds)


async def _read_status(terminal: Terminal, *, today: bool, everything: bool) -> _Seen:
    """What runs; with `today` what was worked today, with `everything` also budgets and goals."""
    from services.open_work import open_work
    from services.times import person_zone

    async with open_work(terminal.settings, machine_clock) as opened:
        status = await opened.work.status()
        seen = _Seen(status, person_zone(terminal.settings))
        if not today and not everything:
            return seen
        seen = replace(seen, today=await opened.reports.today())
        if not everything:
            return seen
        watched = await opened.billing.watched(status) if status.sessions else status
        return replace(seen, status=watched, goals=await _goals(opened))


async def _goals(opened: ReadOnlyWork) -> _Goals:
    from services.work.days_off import WORKING_DAYS, asked_of_day, left_of_week
    from services.work.report_values import ReportUnit

    day, week = [await opened.reports.current(unit) for unit in (ReportUnit.DAY, ReportUnit.WEEK)]
    wanted, off = await opened.work.preferences(), await opened.work.days_off(week)
    worked = await opened.reports.report(week, ReportBy.CATEGORY, include_open=True)
    return _Goals(
        asked_of_day(day.first, wanted.work_day_hours, off) * 3600,
        wanted.week_hours * left_of_week(off) * 3600,
        worked.total_seconds,
        sum(one.weekday() < WORKING_DAYS for one in off),
    )


def _status_line(session: WorkSession, now: datetime, zone: tzinfo) -> str:
    place = " / ".join(name for name in (session.client, session.project) if name)
    parts = [
        f"{ICONS[session.status]} {duration(session.elapsed_seconds(now))}  {session.description}",
        *([place] if place else []),
        session.category.value,
        f"since {session.start.astimezone(zone):%Y-%m-%d %H:%M}",
        *([f"paused {duration(paused)}"] if (paused := session.paused_seconds(now)) else []),
        session.id[:8],
    ]
    return one_line(" · ".join(parts))


FIELDS: Mapping[str, Callable[[WorkSession, datetime, tzinfo, Report | None], str]] = {
    "id": lambda session, now, zone, today: session.id[:8],
    "description": lambda session, now, zone, today: session.description,
    "status": lambda session, now, zone, today: session.status.value,
    "icon": lambda session, now, zone, today: ICONS[session.status],
    "elapsed": lambda session, now, zone, today: duration(session.elapsed_seconds(now)),
    "paused": lambda session, now, zone, today: duration(session.paused_seconds(now)),
    "seconds": lambda session, now, zone, today: str(int(session.elapsed_seconds(now))),
    "client": lambda session, now, zone, today: session.client or "",
    "project": lambda session, now, zone, today: session.project or "",
    "category": lambda session, now, zone, today: session.category.value,
    "today": lambda session, now, zone, today: duration(today.total_seconds) if today else "",
    "started": lambda session, now, zone, today: f"{session.start.astimezone(zone):%H:%M}",
}
"""What a template can name; the report is of today."""


def _fill_in(template: str, session: WorkSession, now: datetime, zone: tzinfo, today: Report | None) -> str:
    fields = {name: field(session, now, zone, today) for name, field in FIELDS.items()}
    try:
        if any(spec and _TOO_WIDE.search(spec) for _, _, spec, _ in Formatter().parse(template)):
            raise Malformed("--format takes widths of at most 999")
        return one_line(template.format_map(fields))
    except (KeyError, IndexError, AttributeError) as error:
        other = f"not {quoted(error.args[0])}" if isinstance(error, KeyError) else "and no parts of them"
        raise Malformed(f"--format knows {', '.join(f'{{{name}}}' for name in fields)}, {other}") from error
    except ValueError as error:
        raise Malformed(f"--format cannot be filled in: {error}; write {{{{ and }}}} for braces") from error
