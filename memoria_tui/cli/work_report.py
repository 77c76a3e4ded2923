"""`work log` and `work report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING

from memoria_tui.cli.table import rows
from memoria_tui.cli.terminal import Terminal
from memoria_tui.cli.work_status import ICONS, session_json
from services.errors import InvalidInput
from services.model import SessionCategory, SessionStatus, WorkSession
from services.times import Period, first_weekday, parse_days
from services.work.model import DayPart, Flaw, Report, ReportBy, ReportUnit, SessionFilter
from services.work.report_export import as_csv, as_markdown, clock, named
from services.work.timesheet import parts_of

if TYPE_CHECKING:
    from services.container import Services

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the options say about which sessions are meant."""

    first: str | None
    last: str | None
    clients: Sequence[str] = ()
    """"" for those without; so for projects."""
    projects: Sequence[str] = ()
    categories: Sequence[SessionCategory] = ()
    statuses: Sequence[SessionStatus] = ()
    text: str = ""

    def where(self, today: date, week_begins: int) -> SessionFilter:
        """Raises InvalidInput for what is no day, or a last day before the first."""
        first, last = _first(self.first, today, week_begins), _last(self.last, today, week_begins)
        if first and last and last < first:
            raise InvalidInput(f"the last day, {last}, lies before the first, {first}")
        return SessionFilter(
            first=first,
            last=last,
            clients=tuple(name or None for name in self.clients),
            projects=tuple(name or None for name in self.projects),
            categories=tuple(self.categories),
            statuses=tuple(self.statuses),
            text=self.text,
        )


@dataclass(frozen=True, slots=True)
class Logged:
    """What a log prints."""

    parts: Sequence[DayPart]
    flaws: Mapping[str, Sequence[Flaw]]
    more: bool
    where: SessionFilter
    now: datetime
    zone: tzinfo


def log(terminal: Terminal, chosen: Chosen, limit: int, *, as_json: bool) -> int:
    """Prints sessions cut at midnight, as reports count them."""
    logged = terminal.run(lambda services: _logged(services, chosen, limit))
    if as_json:
        sessions = {part.session.id: part.session for part in logged.parts}
        listed = [_logged_json(session, logged) for session in sessions.values()]
        terminal.print_json({"sessions": listed, "more": logged.more})
        return 0
    table = [_log_row(part, logged) for part in logged.parts]
    for row in rows(("ID", "", "START", "END", "TIME", "WHAT", "CLIENT / PROJECT", ""), table, right={"TIME"}):
        terminal.print(row)
    if not table:
        terminal.print("no sessions")
    elif logged.more:
        terminal.print("… and more; --limit shows them")
    return 0


async def _logged(services: Services, chosen: Chosen, limit: int) -> Logged:
    now, zone = services.clock(), await services.reports.zone()
    where = chosen.where(now.astimezone(zone).date(), first_weekday(services.settings))
    parts: list[DayPart] = []
    flaws: dict[str, tuple[Flaw, ...]] = {}
    after: str | None = None
    number = 0
    while number < limit:
        page = await services.reports.log(where, after=after, limit=min(_PAGE, limit - number))
        parts += page.parts
        flaws |= page.flaws
        number += len(page.sessions)
        if (after := page.next) is None:
            break
    return Logged(parts, flaws, after is not None, where, now, zone)


def _logged_json(session: WorkSession, logged: Logged) -> dict[str, object]:
    """The whole session, with its seconds in each of the days that were asked for."""
    where = logged.where
    parts = parts_of(session, logged.now, logged.zone, where.first, where.last)
    return session_json(session, logged.now) | {
        "ended_at": session.end and session.end.isoformat(),
        "days": [{"day": part.day, "seconds": part.seconds} for part in parts],
        "issue": session.issue_number,
        "pr": session.pr_number,
        "branch": session.branch,
        "notes": list(session.notes),
        "memory_id": session.memory_id,
        "flaws": list(logged.flaws.get(session.id, ())),
    }


def report(terminal: Terminal, chosen: Chosen, span: str | None, by: str, *, running: bool, form: str | None) -> int:
    if by not in tuple(ReportBy):
        raise InvalidInput(f"--by is {by!r}; it must be one of {', '.join(ReportBy)}")

    async def act(services: Services) -> Report:
        today = services.clock().astimezone(await services.reports.zone()).date()
        where = chosen.where(today, first_weekday(services.settings))
        period = await services.reports.current(ReportUnit(span or ReportUnit.MONTH))
        if where.first or where.last:
            period = await _between(services, where)
        return await services.reports.report(period, ReportBy(by), ReportUnit.DAY, where, include_open=running)

    made = terminal.run(act)
    match form:
        case "json":
            terminal.print_json(report_json(made))
        case "csv":
            terminal.write(as_csv(made))
        case "markdown":
            terminal.print_text(as_markdown(made).rstrip("\n"))
        case _:
            _print_report(terminal, made, running=running)
    return 0


def report_json(made: Report) -> Mapping[str, object]:
    """A report as scripts get it; both days are included."""
    return {
        "from": made.period.first,
        "to": made.period.last,
        "zone": made.zone,
        "by": made.by,
        "groups": [
            {"name": group.name, "seconds": group.seconds, "sessions": group.sessions, "days": group.days}
            for group in made.groups
        ],
        "total_seconds": made.total_seconds,
        "open_sessions": made.open_sessions,
        "open_seconds": made.open_seconds,
    }


async def _between(services: Services, where: SessionFilter) -> Period:
    """From the day of the oldest session where no first day is given, to today where no last is."""
    today = (await services.reports.current(ReportUnit.DAY)).first
    last = where.last or max(today, where.first or today)
    first = where.first
    if first is None:
        oldest = (await services.reports.log(SessionFilter(last=last), descending=False, limit=1)).sessions
        first = oldest[0].start.astimezone(await services.reports.zone()).date() if oldest else last
    return Period(min(first, last), last)


def _print_report(terminal: Terminal, made: Report, *, running: bool) -> None:
    period = made.period
    terminal.print(f"{period.first} to {period.last} · {made.zone} · by {made.by}")
    table = [
        (
            named(one.name, made.by),
            clock(one.seconds),
            f"{one.sessions:,}",
            f"{one.days:,}",
            _average(one.seconds, one.days),
        )
        for one in made.groups
    ]
    total = ("total", clock(made.total_seconds), f"{made.sessions:,}", f"{made.days:,}")
    numbers = ("TIME", "SESSIONS", "DAYS", "A DAY")
    for row in rows(
        (made.by.upper(), *numbers), [*table, (*total, _average(made.total_seconds, made.days))], right=numbers
    ):
        terminal.print(row)
    counted = ", counted here" if running else "; --running counts them"
    if made.open_sessions:
        terminal.print(f"{made.open_sessions} still running, {clock(made.open_seconds)} so far{counted}")
    terminal.print("TIME is exact; MCP Memoria counts whole minutes of each session")
    for session_id, flaws in made.flawed:
        terminal.print(f"! session {session_id[:8]} {', '.join(flaws)}")


def _log_row(part: DayPart, logged: Logged) -> tuple[str, ...]:
    session, start = part.session, part.start.astimezone(logged.zone)
    notes = [f"! {', '.join(odd)}"] if (odd := logged.flaws.get(session.id)) else []
    if not part.is_complete:
        notes.append(f"part of {clock(session.elapsed_seconds(logged.now))}")
    return (
        session.id[:8],
        ICONS[session.status],
        f"{start:%Y-%m-%d %H:%M}",
        _until(part, logged.zone),
        clock(part.seconds),
        session.description,
        " / ".join(name for name in (session.client, session.project) if name),
        " · ".join(notes),
    )


def _until(part: DayPart, zone: tzinfo) -> str:
    """`17:30`; `24:00` where the session goes on the next day; "" while it is open."""
    if part.end is None:
        return ""
    end = part.end.astimezone(zone)
    return f"{end:%H:%M}" if end.date() == part.day else "24:00"


def _average(seconds: float, days: int) -> str:
    return clock(seconds / days) if days else ""


def _first(text: str | None, today: date, week_begins: int) -> date | None:
    if text is None:
        return None
    return parse_days(text, today, week_begins).first


def _last(text: str | None, today: date, week_begins: int) -> date | None:
    if text is None:
        return None
    return parse_days(text, today, week_begins).last
