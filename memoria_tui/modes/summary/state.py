"""What the Summary screen asks for and gets, and its lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import assert_never

from textual.content import Content

from memoria_tui.modes.notices import key
from memoria_tui.modes.registry import WORK
from memoria_tui.text import present
from memoria_tui.text.work_text import filter_facts
from memoria_tui.widgets.parts_line import GAP, Part
from services.model import Memory, ReportBy, SessionCategory, counted
from services.search.memory_counts import AgentTotal, MemoryMonths
from services.times import Period, duration, month_end, month_start
from services.work.report_files import named
from services.work.report_values import Report, ReportUnit, SessionFilter

_QUIET = "$foreground 70%"
GROUPINGS = tuple(by for by in ReportBy if by is not ReportBy.DAY)
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person wants to see."""

    last: date
    """First day of the last of the twelve months."""
    month: date | None = None
    """First day of the month that is open to its days; None for all twelve."""
    by: ReportBy = ReportBy.CLIENT
    where: SessionFilter = field(default_factory=SessionFilter)
    running: bool = False
    """Whether what is still open counts too."""
    agents: bool = False
    """Whether memories are counted by the agents that wrote them, instead of by type."""

    @property
    def months(self) -> tuple[date, ...]:
        """First days of the twelve months."""
        return tuple(shifted(self.last, number - MONTHS + 1) for number in range(MONTHS))

    @property
    def period(self) -> Period:
        if self.month is not None:
            return Period(self.month, month_end(self.month))
        return Period(self.months[0], month_end(self.last))

    @property
    def unit(self) -> ReportUnit:
        return ReportUnit.MONTH if self.month is None else ReportUnit.DAY

    @property
    def starts(self) -> tuple[date, ...]:
        """First day of each bar."""
        if self.month is None:
            return self.months
        return tuple(self.month + timedelta(number) for number in range(month_end(self.month).day))

    @property
    def before(self) -> Asked:
        """The twelve months or the month before."""
        if self.month is None:
            return replace(self, last=shifted(self.last, -MONTHS))
        return replace(self, month=shifted(self.month, -1))

    @property
    def title(self) -> str:
        """«Dec 2025 – Nov 2026» or «November 2026»."""
        if self.month is not None:
            return f"{self.month:%B %Y}"
        return f"{self.months[0]:%b %Y} – {self.last:%b %Y}"


@dataclass(frozen=True, slots=True)
class Figures:
    asked: Asked
    report: Report
    work_day_hours: float
    today: date
    before: float | None = None
    """Seconds of the year or month before; None: it cannot be compared."""
    memories: MemoryMonths | None = None
    """None: they cannot be counted at the moment."""
    agents: tuple[AgentTotal, ...] | None = None
    """None: they are not asked for, or cannot be counted at the moment."""
    off: Mapping[date, str] = field(default_factory=dict)
    """The days of the month that the goals ask no work for, each with why."""
    recalled: tuple[Memory, ...] = ()
    """Those that were shown to agents most often, with `agents`."""


def shifted(month: date, months: int) -> date:
    """The first day of the month so many months later."""
    number = month.year * 12 + month.month - 1 + months
    return month_start(date(number // 12, number % 12 + 1, 1))


def nothing(figures: Figures) -> Content | None:
    """What stands in place of an empty chart."""
    if figures.report.groups:
        return None
    if figures.asked.where != SessionFilter():
        ways = [key("f", "change the filter")]
    elif figures.report.open_sessions:
        ways = [key("space", "count open sessions too")]
    else:
        ways = [key("[", "look further back"), key(WORK.key, "go to Work and start something")]
    headline = Content.styled(f"No work in {present.line(figures.asked.title)}.", "bold $foreground")
    return Content("\n").join([headline, Content(""), *ways])


def sessions_of(figures: Figures, group: int | None, bar: int) -> SessionFilter:
    """Which sessions the row of a group adds up, or with None that of a bar."""
    asked, where = figures.asked, figures.asked.where
    if group is None:
        first = asked.starts[bar]
        return replace(where, first=first, last=first if asked.month is not None else month_end(first))
    where = replace(where, first=asked.period.first, last=asked.period.last)
    name = figures.report.groups[group].name
    match asked.by:
        case ReportBy.CLIENT:
            return replace(where, clients=(name,))
        case ReportBy.PROJECT:
            return replace(where, projects=(name,))
        case ReportBy.CATEGORY:
            return replace(where, categories=(SessionCategory(name),) if name else ())
        case ReportBy.DAY:
            day = date.fromisoformat(str(name))
            return replace(where, first=day, last=day)
    assert_never(asked.by)


def headline(figures: Figures) -> list[Part]:
    """«Dec 2025 – Nov 2026   by client   1,234:05:06   523 sessions · 214 days · 2 running».

    Where there is no room, what runs, is impossible or is left out by the filter stays longest.
    """
    report, asked = figures.report, figures.asked
    parts = [
        Part(Content.styled(f"‹ {asked.title} ›", "bold $primary")),
        Part(Content.styled(f"by {asked.by.value}", _QUIET), 5),
        Part(Content.styled(duration(report.total_seconds), "bold $accent")),
    ]
    facts = [(counted(report.sessions, "session"), 4), (counted(report.days, "day"), 2)]
    facts += [(f"{report.open_line}{' counted' if asked.running else ''}", 0)] if report.open_line else []
    for place, (text, weight) in enumerate(facts):
        parts.append(Part(Content.styled(text, _QUIET), weight, " · " if place else GAP))
    if figures.before:
        more = report.total_seconds - figures.before
        sign, share = "+" if more >= 0 else "−", abs(more) / figures.before
        parts.append(Part(Content.styled(f"{sign}{share:.0%} against {asked.before.title}", _QUIET), 3))
        parts.append(Part(Content.styled(f"({sign}{duration(abs(more))})", _QUIET), 1, " "))
    if report.flawed:
        parts.append(Part(Content.styled(f"! {counted(len(report.flawed), 'impossible session')}", "$warning")))
    if words := filter_facts(asked.where):
        parts.append(Part(Content.styled(f"only {words}", "$warning")))
    return parts


def group_name(name: str | None, by: ReportBy) -> str:
    """Client, project or category as tables and dialogs show it."""
    return present.line(named(name, by))
