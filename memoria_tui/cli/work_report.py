"""The commands that list and add up work time: `work log` and `work report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli.json_output import logged_session_json, report_json
from memoria_tui.cli.options import Json
from memoria_tui.cli.text_table import table_lines
from memoria_tui.cli.with_services import terminal_of, with_services
from services.errors import InvalidInput
from services.model import ReportBy, SessionCategory, SessionStatus

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.model import WorkSession
    from services.times import Period
    from services.work.work_values import DayPart, Flaw, Report, SessionFilter

commands = typer.Typer()

Clients = Annotated[list[str] | None, typer.Option("--client", "-c", metavar="NAME", help="Only this; repeatable.")]
Projects = Annotated[list[str] | None, typer.Option("--project", "-p", metavar="NAME", help="Only this; repeatable.")]
Categories = Annotated[list[SessionCategory] | None, typer.Option("--category", help="Only this; repeatable.")]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="DAY", help="First day: 2026-11-20, 2026-11, last-week, monday, 7d."),
]
To = Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last day, included.")]

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Filters:
    """What the options say about which sessions are meant."""

    first: str | None
    last: str | None
    clients: Sequence[str] | None = None
    """"" for those without; so for projects."""
    projects: Sequence[str] | None = None
    categories: Sequence[SessionCategory] | None = None
    statuses: Sequence[SessionStatus] | None = None
    text: str = ""

    def where(self, today: date, week_begins: int) -> SessionFilter:
        """Raises InvalidInput for what is no day, or a last day before the first."""
        from services.times import parse_days
        from services.work.work_values import SessionFilter

        first = None if self.first is None else parse_days(self.first, today, week_begins).first
        last = None if self.last is None else parse_days(self.last, today, week_begins).last
        if first and last and last < first:
            raise InvalidInput(f"the last day, {last}, is before the first, {first}")
        return SessionFilter(
            first=first,
            last=last,
            clients=tuple(name or None for name in self.clients or ()),
            projects=tuple(name or None for name in self.projects or ()),
            categories=tuple(self.categories or ()),
            statuses=tuple(self.statuses or ()),
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


@commands.command()
@with_services
async def log(
    services: Services,
    terminal: Terminal,
    first: From = None,
    last: To = None,
    client: Clients = None,
    project: Projects = None,
    category: Categories = None,
    state: Annotated[list[SessionStatus] | None, typer.Option("--status", help="Only this; repeatable.")] = None,
    text: Annotated[str, typer.Option("--text", metavar="TEXT", help="In the description, a note, the branch.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Most sessions to print.")] = 20,
    as_json: Json = False,
) -> None:
    """Print sessions, newest first, cut at midnight as in the report; times are exact."""
    logged = await _logged(services, Filters(first, last, client, project, category, state, text), limit)
    if as_json:
        sessions = {part.session.id: part.session for part in logged.parts}
        listed = [_logged_json(session, logged) for session in sessions.values()]
        terminal.print_json({"sessions": listed, "more": logged.more})
        return
    table = [_log_row(part, logged) for part in logged.parts]
    for row in table_lines(("ID", "", "START", "END", "TIME", "WHAT", "CLIENT / PROJECT", ""), table, right={"TIME"}):
        terminal.print(row)
    if not table:
        terminal.print("no sessions")
    elif logged.more:
        terminal.print("… and more; --limit shows them")


async def _logged(services: Services, filters: Filters, limit: int) -> Logged:
    from services.times import first_weekday

    now, zone = services.clock(), await services.reports.zone()
    where = filters.where(now.astimezone(zone).date(), first_weekday(services.settings))
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
    """The complete session, with its seconds in each of the days that were asked for."""
    from services.work.timesheet import parts_of

    parts = parts_of(session, logged.now, logged.zone, logged.where.first, logged.where.last)
    days = [(part.day, part.seconds) for part in parts]
    return logged_session_json(session, logged.now, days, logged.flaws.get(session.id, ()))


@commands.command()
def report(
    context: typer.Context,
    day: Annotated[bool, typer.Option("--day", help="Today.")] = False,
    week: Annotated[bool, typer.Option("--week", help="This week.")] = False,
    month: Annotated[bool, typer.Option("--month", help="This month; also without any other.")] = False,
    year: Annotated[bool, typer.Option("--year", help="This year.")] = False,
    first: From = None,
    last: To = None,
    by: Annotated[ReportBy, typer.Option("--by", help="What to add up by.")] = ReportBy.CLIENT,
    client: Clients = None,
    project: Projects = None,
    category: Categories = None,
    running: Annotated[bool, typer.Option("--running", help="Count what still runs too.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV, by day and group.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: Json = False,
) -> None:
    """Add up worked time to the second, in days of your zone. MCP Memoria counts whole minutes of each session."""
    from services.work.export import as_csv, as_markdown

    units = [name for name, wanted in (("day", day), ("week", week), ("month", month), ("year", year)) if wanted]
    if len(units) + bool(first or last) > 1:
        raise typer.BadParameter("give one of --day, --week, --month, --year, or --from and --to")
    if csv + markdown + as_json > 1:
        raise typer.BadParameter("give one of --json, --csv and --markdown")
    terminal, filters = terminal_of(context), Filters(first, last, client, project, category)
    unit = units[0] if units else "month"
    made = terminal.run(lambda services: _report(services, filters, unit, by, running=running))
    if as_json:
        terminal.print_json(report_json(made))
    elif csv:
        terminal.write(as_csv(made))
    elif markdown:
        terminal.print_text(as_markdown(made).rstrip("\n"))
    else:
        _print_report(terminal, made, running=running)


async def _report(services: Services, filters: Filters, unit: str, by: ReportBy, *, running: bool) -> Report:
    from services.times import first_weekday
    from services.work.work_values import ReportUnit

    today = services.clock().astimezone(await services.reports.zone()).date()
    where = filters.where(today, first_weekday(services.settings))
    period = await services.reports.current(ReportUnit(unit))
    if where.first or where.last:
        period = await _between(services, where)
    return await services.reports.report(period, by, ReportUnit.DAY, where, include_open=running)


async def _between(services: Services, where: SessionFilter) -> Period:
    """From the day of the oldest session where no first day is given, to today where no last is."""
    from services.times import Period
    from services.work.work_values import ReportUnit, SessionFilter

    today = (await services.reports.current(ReportUnit.DAY)).first
    last = where.last or max(today, where.first or today)
    first = where.first
    if first is None:
        oldest = (await services.reports.log(SessionFilter(last=last), descending=False, limit=1)).sessions
        first = oldest[0].start.astimezone(await services.reports.zone()).date() if oldest else last
    return Period(min(first, last), last)


def _print_report(terminal: Terminal, made: Report, *, running: bool) -> None:
    from services.work.export import clock, named

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
    for row in table_lines(
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
    from memoria_tui.cli.work_status import ICONS
    from services.work.export import clock

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
    from services.work.export import clock

    return clock(seconds / days) if days else ""
