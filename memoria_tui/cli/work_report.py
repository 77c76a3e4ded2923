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
from services.work.model import Flaw, LogPage, Report, ReportBy, ReportUnit, SessionFilter
from services.work.report_export import as_csv, as_markdown, clock, named

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


def log(terminal: Terminal, chosen: Chosen, limit: int, *, as_json: bool) -> int:
    async def act(services: Services) -> tuple[LogPage, datetime, tzinfo]:
        now, zone = services.clock(), await services.reports.zone()
        where = chosen.where(now.astimezone(zone).date(), first_weekday(services.settings))
        sessions: list[WorkSession] = []
        flaws: dict[str, tuple[Flaw, ...]] = {}
        after: str | None = None
        while len(sessions) < limit:
            page = await services.reports.log(where, after=after, limit=min(_PAGE, limit - len(sessions)))
            sessions += page.sessions
            flaws |= page.flaws
            if (after := page.next) is None:
                break
        return LogPage(tuple(sessions), flaws, after), now, zone

    page, now, zone = terminal.run(act)
    if as_json:
        listed = [
            session_json(one, now)
            | {
                "ended_at": one.end and one.end.isoformat(),
                "issue": one.issue_number,
                "pr": one.pr_number,
                "branch": one.branch,
                "notes": list(one.notes),
                "memory_id": one.memory_id,
                "flaws": list(page.flaws.get(one.id, ())),
            }
            for one in page.sessions
        ]
        terminal.print_json({"sessions": listed, "more": page.next is not None})
        return 0
    table = [_log_row(one, now, zone, page.flaws) for one in page.sessions]
    for row in rows(("ID", "", "START", "END", "TIME", "WHAT", "CLIENT / PROJECT", ""), table, right={"TIME"}):
        terminal.print(row)
    if not table:
        terminal.print("no sessions")
    elif page.next is not None:
        terminal.print("… and more; --limit shows them")
    return 0


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
            _print_report(terminal, made)
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


def _print_report(terminal: Terminal, made: Report) -> None:
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
    if made.open_sessions:
        terminal.print(f"{made.open_sessions} still running; --running counts them")
    for session_id, flaws in made.flawed:
        terminal.print(f"! session {session_id[:8]} {', '.join(flaws)}")


def _log_row(session: WorkSession, now: datetime, zone: tzinfo, flaws: Mapping[str, Sequence[Flaw]]) -> tuple[str, ...]:
    start, end = session.start.astimezone(zone), session.end and session.end.astimezone(zone)
    until = "" if end is None else f"{end:%H:%M}" if end.date() == start.date() else f"{end:%m-%d %H:%M}"
    return (
        session.id[:8],
        ICONS[session.status],
        f"{start:%Y-%m-%d %H:%M}",
        until,
        clock(session.elapsed_seconds(now)),
        session.description,
        " / ".join(name for name in (session.client, session.project) if name),
        f"! {', '.join(odd)}" if (odd := flaws.get(session.id)) else "",
    )


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
