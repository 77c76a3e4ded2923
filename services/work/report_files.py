"""The log and reports as files for others: CSV that a spreadsheet cannot take for formulas, or Markdown. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import partial

from services.model import SESSION_DETAILS, ReportBy, SessionDetail
from services.times import duration
from services.work.report_values import DayPart, Report, ReportGroup, ReportUnit

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet read the rest of a cell as a formula (OWASP, «CSV Injection»)."""


def as_csv(report: Report) -> str:
    """One row for each group in each unit of time; hours are decimal, seconds exact to the microsecond."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([report.unit.value, report.by.value, "hours", "seconds", "sessions", "days"])
    for cell in report.cells:
        unit, name = _unit(cell.start.isoformat(), report.unit), formula_safe(named(cell.name, report.by))
        writer.writerow([unit, name, hours(cell.seconds), exact(cell.seconds), cell.sessions, cell.days])
    return file.getvalue()


def as_markdown(report: Report) -> str:
    """A heading, the groups with their total, and the units of time by group."""
    period = report.period
    lines = [
        f"# Work by {report.by.value}, {period.first} to {period.last}",
        "",
        escaped(days_line(report.zone, report.day_begins)),
        "",
        *table(
            [report.by.value.capitalize(), "Time", "Hours", "Sessions", "Days", "Average a day"],
            [
                *(_group_row(group, report.by) for group in report.groups),
                _row("**Total**", report.total_seconds, report.sessions, report.days),
            ],
        ),
    ]
    if report.by is not ReportBy.DAY and len({cell.start for cell in report.cells}) > 1:
        lines += ["", *_units(report)]
    return "\n".join(lines) + "\n"


def formula_safe(text: str) -> str:
    """Text that a spreadsheet shows and never computes."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def formula_read(text: str) -> str:
    """The text of which `formula_safe` made this."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def named(name: str | None, by: ReportBy) -> str:
    """What a group is called where it stands alone: «no client» for None."""
    return f"no {by.value}" if name is None else name


def days_line(zone: str, begins: int) -> str:
    """«Days of the zone Europe/Rome, each from 4:00 to 4:00.»: the hour where it is not that of the clock."""
    return f"Days of the zone {zone}" + (f", each from {begins}:00 to {begins}:00." if begins else ".")


def hours(seconds: float) -> str:
    """Decimal hours for a bill, «123.75»."""
    return f"{seconds / 3600:.2f}"


def exact(seconds: float) -> str:
    """To the microsecond, «217071.000000»: a number of one kind in every row."""
    return f"{seconds:.6f}"


def _units(report: Report) -> list[str]:
    names = [group.name for group in report.groups]
    seconds = {(cell.start, cell.name): cell.seconds for cell in report.cells}
    rows = []
    for start in dict.fromkeys(cell.start for cell in report.cells):
        parts = [seconds.get((start, name), 0.0) for name in names]
        cells = [duration(part) if part else "" for part in parts]
        rows.append([_unit(start.isoformat(), report.unit), *cells, duration(sum(parts))])
    head = [report.unit.value.capitalize(), *(escaped(named(name, report.by)) for name in names), "Total"]
    return table(head, rows)


def _group_row(group: ReportGroup, by: ReportBy) -> list[str]:
    return _row(escaped(named(group.name, by)), group.seconds, group.sessions, group.days)


def _row(name: str, seconds: float, sessions: int, days: int) -> list[str]:
    return [name, duration(seconds), hours(seconds), str(sessions), str(days), duration(seconds / days) if days else ""]


def table(head: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> list[str]:
    """A table of Markdown; everything right of the first `texts` columns is a number."""
    ruler = ["---" if place < texts else "---:" for place in range(len(head))]
    return [f"| {' | '.join(cells)} |" for cells in (head, ruler, *rows)]


def _unit(day: str, unit: ReportUnit) -> str:
    """«2026-11» for a month, «2026» for a year, the first day for a week."""
    return {ReportUnit.MONTH: day[:7], ReportUnit.YEAR: day[:4]}.get(unit, day)


def escaped(text: str) -> str:
    """Text as one line that Markdown and HTML leave alone."""
    flat = " ".join(text.split())
    return "".join(f"\\{character}" if character in "\\`*_[]<>|#~&" else character for character in flat)


def _paused(part: DayPart, now: datetime) -> float:
    return max(0.0, ((part.end or now) - part.start).total_seconds() - part.seconds_at(now))


def _detail(detail: SessionDetail, part: DayPart, zone: tzinfo, now: datetime) -> object:
    value = detail.of(part.session) or ""
    return value if detail.is_number else formula_safe(detail.text(part.session))


_COLUMNS: Mapping[str, Callable[[DayPart, tzinfo, datetime], object]] = {
    "day": lambda part, zone, now: part.day.isoformat(),
    "start": lambda part, zone, now: part.start.astimezone(zone).isoformat(timespec="seconds"),
    "end": lambda part, zone, now: part.end.astimezone(zone).isoformat(timespec="seconds") if part.end else "",
    "seconds": lambda part, zone, now: exact(part.seconds_at(now)),
    "hours": lambda part, zone, now: hours(part.seconds_at(now)),
    "paused_seconds": lambda part, zone, now: exact(_paused(part, now)),
    "status": lambda part, zone, now: part.session.status.value,
    "category": lambda part, zone, now: part.session.category.value,
    "client": lambda part, zone, now: formula_safe(part.session.client or ""),
    "project": lambda part, zone, now: formula_safe(part.session.project or ""),
    "description": lambda part, zone, now: formula_safe(part.session.description),
    **{detail.key: partial(_detail, detail) for detail in SESSION_DETAILS},
    "billable": lambda part, zone, now: "yes" if part.session.billable else "no",
    "billed": lambda part, zone, now: " ".join(part.session.billed),
    "notes": lambda part, zone, now: formula_safe("\n".join(part.session.notes)),
    "id": lambda part, zone, now: part.session.id,
}
"""The columns of the log: head and cell."""


def log_csv(parts: Iterable[DayPart], zone: tzinfo, now: datetime) -> str:
    """One line a session and day, times in `zone`, seconds exact; no text can be taken for a formula.

    So the lines of a day add up to its report.
    """
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(_COLUMNS)
    table.writerows([cell(part, zone, now) for cell in _COLUMNS.values()] for part in parts)
    return written.getvalue()
