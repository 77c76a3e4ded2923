"""How work sessions read: times of the person's zone, places, states, the colour of each category. Knows no widget."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, tzinfo

from textual.content import Content

from memoria_tui.idle import Away
from memoria_tui.text import present
from services.model import SESSION_DETAILS, SessionCategory, SessionStatus, WorkSession, counted
from services.times import calendar_day, duration, offset_if_twice
from services.work.report_values import SessionFilter, WarningKind, WorkWarning

CATEGORY_COLOURS: Mapping[SessionCategory, str] = {
    SessionCategory.CODING: "$series-1",
    SessionCategory.REVIEW: "$series-4",
    SessionCategory.MEETING: "$series-2",
    SessionCategory.SUPPORT: "$series-7",
    SessionCategory.RESEARCH: "$series-6",
    SessionCategory.DOCUMENTATION: "$series-8",
    SessionCategory.DEVOPS: "$series-3",
    SessionCategory.OTHER: "$series-rest",
}
"""The theme's colour of each category."""

_GOAL = 10
"""Cells of the bar of a goal."""
_SIGNS = {SessionStatus.ACTIVE: "▶", SessionStatus.PAUSED: "⏸", SessionStatus.COMPLETED: " "}
_WAYS_OUT = {
    WarningKind.FORGOTTEN: "b stops it at its last activity, s now",
    WarningKind.OVERLAP: "enter changes its times",
    WarningKind.SAME_PROJECT: "s stops one",
    WarningKind.PARALLEL_LIMIT: "s stops one",
    WarningKind.FLAWED: "enter corrects it",
    WarningKind.BUDGET: "$ shows the timesheet",
    WarningKind.AWAY: "_ makes it a pause, z hides this",
}


def sign(session: WorkSession) -> str:
    """One cell: running, paused or blank."""
    return _SIGNS[session.status]


def name(session: WorkSession) -> str:
    """The description, safe and on one line."""
    return present.line(session.description) or present.UNTITLED


def place(session: WorkSession) -> str:
    """«acme/api»; "" without client and project."""
    return "/".join(present.line(part) for part in (session.client, session.project) if part)


def references(session: WorkSession) -> list[str]:
    """«#42», «PR 7» and the branch, as far as they are known."""
    known = ((detail, detail.text(session)) for detail in SESSION_DETAILS)
    return [detail.short.format(present.line(text)) for detail, text in known if text]


def clock_time(when: datetime, zone: tzinfo) -> str:
    """«09:30»."""
    return f"{when.astimezone(zone):%H:%M}"


def end_of_piece(when: datetime, zone: tzinfo) -> str:
    """«11:12»; midnight, at which a part of a day ends, is 24:00."""
    told = clock_time(when, zone)
    return "24:00" if told == "00:00" else told


def moment(when: datetime, zone: tzinfo) -> str:
    """«2026-11-20 09:30:15», as the fields of forms show and read it."""
    return f"{when.astimezone(zone):%Y-%m-%d} {second(when, zone)}"


def second(when: datetime, zone: tzinfo) -> str:
    """«09:30:15», and where the clocks show that twice on its day, «02:30:15+02:00»."""
    return f"{when.astimezone(zone):%H:%M:%S}{offset_if_twice(when, zone)}"


def since(when: datetime, now: datetime, zone: tzinfo) -> str:
    """«since 09:30», with the day when it was another one."""
    same = calendar_day(when, zone) == calendar_day(now, zone)
    return f"since {clock_time(when, zone)}" if same else f"since {day_and_time(when, zone)}"


def day_and_time(when: datetime, zone: tzinfo) -> str:
    """«Fri 20 Nov 09:30»."""
    return f"{when.astimezone(zone):%a %d %b %H:%M}"


def span(session: WorkSession, zone: tzinfo) -> str:
    """«Thu 19 Nov 22:00 – Fri 20 Nov 10:30», or «since Thu 19 Nov 22:00»."""
    start = day_and_time(session.start, zone)
    return f"{start} – {day_and_time(session.end, zone)}" if session.end else f"since {start}"


def day_name(day: date, today: date) -> str:
    """«Today», «Yesterday», or «Fri 20 Nov», with the year when it is another one."""
    if day == today:
        return "Today"
    if (today - day).days == 1:
        return "Yesterday"
    return f"{day:%a %d %b}" if day.year == today.year else f"{day:%a %d %b %Y}"


def named(session: WorkSession) -> str:
    """«fix login», as toasts and titles name a session."""
    return f'"{present.clip(name(session), 40)}"'


def way_out(warning: WorkWarning, running: Collection[str]) -> str:
    """What can be done about it, as keys; `running`: ids of sessions whose timers run."""
    if warning.kind is WarningKind.OVERLAP and all(one in running for one in warning.session_ids):
        return "space pauses one"
    return _WAYS_OUT[warning.kind]


def days_off_line(off: Mapping[date, str]) -> str:
    """«, without Mon 21 Dec – Thu 24 Dec (absent), Fri 25 Dec (Christmas Day)»; "" without days off."""
    spans: list[list[date]] = []
    for day in sorted(day for day in off if day.weekday() < 5):
        if spans and off[spans[-1][-1]] == off[day] and (day - spans[-1][-1]).days == 1:
            spans[-1].append(day)
        else:
            spans.append([day])
    told = [
        f"{' – '.join(f'{day:%a %-d %b}' for day in dict.fromkeys((span[0], span[-1])))} "
        f"({present.clip(present.line(off[span[0]]), 24)})"
        for span in spans
    ]
    return f", without {', '.join(told)}" if told else ""


def away_warning(away: Away, sessions: Sequence[WorkSession], zone: tzinfo) -> WorkWarning:
    """«Away 12:05–13:10 (1:05:00) from "fix login"»: what ran while nobody was there."""
    what = "The machine slept" if away.slept else "No key"
    length = duration((away.end - away.start).total_seconds())
    span_ = f"{clock_time(away.start, zone)}–{clock_time(away.end, zone)}"
    ran = named(sessions[0]) if len(sessions) == 1 else counted(len(sessions), "session")
    ids = tuple(session.id for session in sessions)
    return WorkWarning(WarningKind.AWAY, ids, f"{what} {span_} ({length}) while {ran} ran")


def goal_line(seconds: float, hours: float) -> Content:
    """«31:12:00 of 40 h ▰▰▰▰▰▰▰▰▱▱»; without a goal (0) the time alone."""
    worked = duration(seconds)
    if not hours:
        return Content(worked)
    done = min(_GOAL, int(seconds / 3600 / hours * _GOAL))
    style = "$success" if done == _GOAL else "$accent"
    return Content.assemble(f"{worked} of {hours:g} h ", ("▰" * done, style), ("▱" * (_GOAL - done), "$foreground 30%"))


def filter_facts(where: SessionFilter) -> str:
    """The filter in words; "" when it lets everything through."""
    parts = []
    if where.first or where.last:
        parts.append(f"{where.first or '…'} – {where.last or '…'}")
    for what, names in (("client", where.clients), ("project", where.projects)):
        parts += [f"{what} {present.line(one) if one else 'none'}" for one in names]
    parts += [category.value for category in where.categories]
    parts += [status.value for status in where.statuses]
    parts += [f"#{issue}" for issue in where.issues]
    parts += [f"tag {present.line(tag)}" for tag in where.tags]
    parts += [] if where.billable is None else ["billable" if where.billable else "not billable"]
    parts += [f"“{present.line(where.text)}”"] if where.text else []
    return " · ".join(parts)
