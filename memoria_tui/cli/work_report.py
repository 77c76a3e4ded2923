"""The commands that list, export and add up work time: `work log`, `work export` and `work report`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.json_output import logged_session_json, overlaps_json, report_json
from memoria_tui.cli.terminal import terminal_of
from memoria_tui.cli.with_services import Json, only_one, with_options
from services.errors import InvalidInput, Malformed
from services.files import other_name
from services.model import SEARCHED, ReportBy, SessionCategory, SessionStatus, any_of, counted
from services.storable_text import split_tags
from services.transfer.time_writers import TimeFormat, time_format_of, time_formats

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.model import Flaw, WorkSession
    from services.times import Period
    from services.work.report_values import DayPart, Report, SessionFilter

commands = typer.Typer()

_BY_SUFFIX = any_of(f"{suffix} ({one})" for suffix, one in time_formats().items())
_PAGE = 500
_LISTED = 20
"""Sessions that are printed unless more are wanted."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The sessions that the options of a command mean."""

    days: str | None
    unit: str | None
    """Of the days, else of now."""
    first: str | None
    last: str | None
    conditions: SessionFilter
    """But for the days."""

    async def where(self, services: Services) -> SessionFilter:
        """Raises InvalidInput for what is no day, or a last day before the first."""
        from services.times import first_weekday, parse_days
        from services.work.report_values import ReportUnit
        from services.work.worked_time import period

        today, week_begins = await services.reports.this_day(), first_weekday(services.settings)
        texts = (self.days, self.first, self.last)
        named, first, last = (None if one is None else parse_days(one, today, week_begins) for one in texts)
        if self.unit is not None:
            unit = ReportUnit(self.unit)
            named = period(unit, named.first, week_begins) if named else await services.reports.current(unit)
        first, last = named or first, named or last
        if first and last and last.last < first.first:
            raise Malformed(f"the last day, {last.last}, is before the first, {first.first}")
        return replace(self.conditions, first=first.first if first else None, last=last.last if last else None)


def chosen(
    days: Annotated[
        str | None,
        typer.Argument(
            metavar="DAYS",
            help="2026-10, last-month, last-week, 2026, yesterday.",
            show_default=False,
            autocompletion=completing.spans,
        ),
    ] = None,
    day: Annotated[bool, typer.Option("--day", help="Today, or the day of DAYS.")] = False,
    week: Annotated[bool, typer.Option("--week", help="This week, or that of DAYS.")] = False,
    month: Annotated[bool, typer.Option("--month", help="This month, or that of DAYS: --month 2026-10.")] = False,
    year: Annotated[bool, typer.Option("--year", help="This year, or that of DAYS.")] = False,
    first: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="DAY",
            help="First day: 2026-11-20, 2026-11, last-week, monday, 7d.",
            autocompletion=completing.spans,
        ),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option("--to", metavar="DAY", help="Last day, included.", autocompletion=completing.spans),
    ] = None,
    client: Annotated[
        list[str] | None,
        typer.Option(
            "--client", "-c", metavar="NAME", help="Only this; repeatable.", autocompletion=completing.clients
        ),
    ] = None,
    project: Annotated[
        list[str] | None,
        typer.Option(
            "--project", "-p", metavar="NAME", help="Only this; repeatable.", autocompletion=completing.work_projects
        ),
    ] = None,
    category: Annotated[list[SessionCategory] | None, typer.Option("--category", help="Only this; repeatable.")] = None,
    issue: Annotated[
        list[int] | None, typer.Option("--issue", min=1, metavar="NUMBER", help="Only this; repeatable.")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            "--tag", metavar="TAG,…", help="With these tags; repeatable.", autocompletion=completing.session_tags
        ),
    ] = None,
    text: Annotated[str, typer.Option("--text", metavar="TEXT", help=f"In {SEARCHED}.")] = "",
) -> Chosen:
    """ "" is for sessions without a client or project. Raises BadParameter where days contradict each other."""
    from services.work.report_values import SessionFilter

    units = {"day": day, "week": week, "month": month, "year": year}
    wanted = [name for name, given in units.items() if given]
    if len(wanted) + bool(first or last) > 1 or (days and (first or last)):
        raise typer.BadParameter(f"give one of {', '.join(f'--{unit}' for unit in units)}, or --from and --to")
    conditions = SessionFilter(
        clients=tuple(name or None for name in client or ()),
        projects=tuple(name or None for name in project or ()),
        categories=tuple(category or ()),
        issues=tuple(issue or ()),
        tags=split_tags(*tag or ()),
        text=text,
    )
    return Chosen(days, wanted[0] if wanted else None, first, last, conditions)


@commands.command()
@with_options(chosen)
def log(
    context: typer.Context,
    *,
    chosen: Chosen,
    state: Annotated[list[SessionStatus] | None, typer.Option("--status", help="Only this; repeatable.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help=f"Most sessions to print; {_LISTED}, with --csv all.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV, a line for each session and day.")] = False,
    as_json: Json = False,
) -> None:
    """Print sessions, newest first, cut at midnight as in the report; times are exact."""
    only_one({"--json": as_json, "--csv": csv})
    terminal = terminal_of(context)

    async def act(services: Services) -> None:
        where = replace(await chosen.where(services), statuses=tuple(state or ()))
        await _print_log(services, terminal, where, limit, csv=csv, as_json=as_json)

    terminal.run(act)


@commands.command("export")
@with_options(chosen)
def export_time(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; - writes to standard output.")],
    *,
    chosen: Chosen,
    format_: Annotated[
        TimeFormat | None,
        typer.Option(
            "--format",
            help=f"By default that of the name: {_BY_SUFFIX}.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Write over a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write stopped sessions for a calendar or another time tracker; `import` reads all of these files."""
    if (written_as := format_ or time_format_of(target)) is None:
        told = f"{target}: the end of the name says no format; it can be {_BY_SUFFIX}, or give --format"
        raise typer.BadParameter(told, param_hint="FILE")
    terminal = terminal_of(context)

    async def act(services: Services) -> None:
        from services.files import expanded, write_file

        where = replace(await chosen.where(services), statuses=(SessionStatus.COMPLETED,))
        sessions = await services.reports.sessions(where)
        made = written_as.writer.written(sessions, await services.reports.zone())
        lost = f"not exported: {made.lost}"
        if str(target) == "-":
            terminal.write(made.text)
            terminal.error(lost)
            return
        try:
            await asyncio.to_thread(write_file, expanded(target), made.text, replace=force)
        except FileExistsError as error:
            raise InvalidInput(f"{target} is there already; nothing was written. --force writes over it") from error
        about = {
            "file": str(target),
            "format": written_as,
            "sessions": made.sessions,
            "left_out": len(sessions) - made.sessions,
            "not_exported": made.lost,
        }
        lines = [f"{target}: {counted(made.sessions, 'work session')}", lost]
        if (named := time_format_of(target)) is not None and named.suffix != written_as.suffix:
            lines.append(other_name(target, named, written_as))
        terminal.print_result(about, "\n".join(lines), as_json=as_json)

    terminal.run(act)


async def _print_log(
    services: Services, terminal: Terminal, where: SessionFilter, limit: int | None, *, csv: bool, as_json: bool
) -> None:
    from services.work.report_files import log_csv
    from services.work.rules import describe_overlaps

    now, zone = services.clock(), await services.reports.zone()
    parts, flaws, more = await _read_log(services, where, limit or (sys.maxsize if csv else _LISTED))
    if csv:
        terminal.write(log_csv(parts, zone, now))
        return
    sessions = {part.session.id: part.session for part in parts}
    beside = await services.reports.overlaps(sessions.values())
    if as_json:
        listed = [
            _logged_json(one, where, now, zone, flaws.get(one.id, ())) | overlaps_json(beside.get(one.id, ()))
            for one in sessions.values()
        ]
        terminal.print_json({"sessions": listed, "more": more})
        return
    odd = {id_: describe_overlaps(found) for id_, found in beside.items()} | {
        id_: ", ".join(found) for id_, found in flaws.items()
    }
    table = [_log_row(part, now, zone, odd.get(part.session.id, "")) for part in parts]
    terminal.print_table(("ID", "", "START", "END", "TIME", "WHAT", "CLIENT / PROJECT", ""), table, right={"TIME"})
    if not table:
        terminal.print("no sessions")
    elif more:
        terminal.print("… and more; --limit shows them")


async def _read_log(
    services: Services, where: SessionFilter, limit: int
) -> tuple[list[DayPart], dict[str, tuple[Flaw, ...]], bool]:
    """So many sessions by day, what cannot be true of each, and whether there are more."""
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
    return parts, flaws, after is not None


def _logged_json(
    session: WorkSession, where: SessionFilter, now: datetime, zone: tzinfo, flaws: Sequence[Flaw]
) -> dict[str, object]:
    """The complete session, with its seconds in each of the days that were asked for."""
    from services.work.worked_time import parts_of

    days = [(part.day, part.seconds) for part in parts_of(session, now, zone, where.first, where.last)]
    return logged_session_json(session, now, days, flaws)


@commands.command()
@with_options(chosen)
def report(
    context: typer.Context,
    *,
    chosen: Chosen,
    by: Annotated[ReportBy, typer.Option("--by", help="What to add up by.")] = ReportBy.CLIENT,
    running: Annotated[bool, typer.Option("--running", help="Count running and paused ones too.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV, by day and group.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: Json = False,
) -> None:
    """Add up worked time of this month to the second, in days of your zone.

    MCP Memoria counts whole minutes of each session.
    """
    from services.work.report_files import as_csv, as_markdown
    from services.work.report_values import ReportUnit

    if not (chosen.days or chosen.unit or chosen.first or chosen.last):
        chosen = replace(chosen, unit=ReportUnit.MONTH)
    only_one({"--json": as_json, "--csv": csv, "--markdown": markdown})
    terminal = terminal_of(context)

    async def act(services: Services) -> Report:
        where = await chosen.where(services)
        period = await _between(services, where)
        return await services.reports.report(period, by, ReportUnit.DAY, where, include_open=running)

    made = terminal.run(act)
    if as_json:
        terminal.print_json(report_json(made))
    elif csv:
        terminal.write(as_csv(made))
    elif markdown:
        terminal.print_text(as_markdown(made).rstrip("\n"))
    else:
        _print_report(terminal, made, running=running)


async def _between(services: Services, where: SessionFilter) -> Period:
    """From the day of the oldest session where no first day is given, to today where no last is."""
    from services.times import Period, day_of
    from services.work.report_values import SessionFilter

    today = await services.reports.this_day()
    last = where.last or max(today, where.first or today)
    first = where.first
    if first is None:
        oldest = (await services.reports.log(SessionFilter(last=last), descending=False, limit=1)).sessions
        first = day_of(oldest[0].start, await services.reports.zone()) if oldest else last
    return Period(min(first, last), last)


def _print_report(terminal: Terminal, made: Report, *, running: bool) -> None:
    from services.times import duration
    from services.work.report_files import named

    period, numbers = made.period, ("TIME", "SESSIONS", "DAYS", "A DAY")
    terminal.print(f"{period.first} to {period.last} · {made.zone} · by {made.by}")
    table = [(named(one.name, made.by), *_figures(one.seconds, one.sessions, one.days)) for one in made.groups]
    table.append(("total", *_figures(made.total_seconds, made.sessions, made.days)))
    terminal.print_table((made.by.upper(), *numbers), table, right=numbers)
    counted = ", counted here" if running else "; --running counts them"
    if made.open_sessions:
        terminal.print(f"{made.open_line}, {duration(made.open_seconds)} so far{counted}")
    terminal.print("TIME is exact; MCP Memoria counts whole minutes of each session")
    for session_id, flaws in made.flawed:
        terminal.print(f"! session {session_id[:8]} {', '.join(flaws)}")


def _figures(seconds: float, sessions: int, days: int) -> tuple[str, str, str, str]:
    from services.times import duration

    return duration(seconds), f"{sessions:,}", f"{days:,}", duration(seconds / days) if days else ""


def _log_row(part: DayPart, now: datetime, zone: tzinfo, odd: str) -> tuple[str, ...]:
    from memoria_tui.cli.work_status import ICONS
    from services.times import duration

    session = part.session
    notes = [f"! {odd}"] if odd else []
    if not part.is_complete:
        notes.append(f"part of {duration(session.elapsed_seconds(now))}")
    return (
        session.id[:8],
        ICONS[session.status],
        f"{part.start.astimezone(zone):%Y-%m-%d %H:%M}",
        _until(part, zone),
        duration(part.seconds),
        session.description,
        " / ".join(name for name in (session.client, session.project) if name),
        " · ".join(notes),
    )


def _until(part: DayPart, zone: tzinfo) -> str:
    """`17:30`; `24:00` where the session goes on behind midnight; "" while it is open."""
    if part.end is None:
        return ""
    end = part.end.astimezone(zone)
    return "24:00" if end.date() != part.day and f"{end:%H:%M:%S}" == "00:00:00" else f"{end:%H:%M}"
