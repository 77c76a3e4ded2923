"""The figures of the Summary screen as charts and tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from math import fsum

from textual.color import Color

from memoria_tui import present
from memoria_tui.present import colour_style
from memoria_tui.screens.summary_states import Figures, group_name
from memoria_tui.widgets.bar_layout import Bar
from memoria_tui.widgets.chart_ink import SERIES, series_colour
from memoria_tui.widgets.figure_table import Row, Table
from memoria_tui.widgets.stacked_bars import Chart
from services.memory_counts import MemoryMonths
from services.model import MemoryType
from services.worktime import ReportUnit

Variables = Mapping[str, str]
"""Of the theme."""
_BAR = 12
"""Cells of the longest bar beside a tag."""


def work_chart(figures: Figures, variables: Variables) -> Chart:
    """Hours a bar; groups beyond those with a colour of their own are one part."""
    report = figures.report
    place = {group.name: min(number, len(SERIES)) for number, group in enumerate(report.groups)}
    series = max(place.values(), default=-1) + 1
    hours: dict[date, list[float]] = {start: [0.0] * series for start in figures.asked.starts}
    for cell in report.cells:
        hours[cell.start][place[cell.name]] += cell.seconds / 3600
    days = figures.asked.unit is ReportUnit.DAY
    bars = tuple(Bar(f"{start:%-d}" if days else f"{start:%b}", tuple(parts)) for start, parts in hours.items())
    colours = tuple(series_colour(number, variables) for number in range(series))
    return Chart(bars if series else (), colours, " h", figures.work_day_hours if days else None)


def group_table(figures: Figures, variables: Variables) -> Table:
    """Clients, projects or categories; the squares are the legend of the chart."""
    report, by = figures.report, figures.asked.by
    rows = [
        Row(
            group_name(group.name, by),
            _figures(group.seconds, group.sessions, group.days),
            series_colour(number, variables),
        )
        for number, group in enumerate(report.groups)
    ]
    total = Row("total", _figures(report.total_seconds, report.sessions, report.days))
    return Table((by.value.upper(), "TIME", "SESSIONS", "DAYS", "A DAY"), tuple(rows), total if rows else None)


def unit_table(figures: Figures) -> Table:
    """The months or days of the chart, a row each."""
    if not figures.report.groups:
        return Table()
    seconds: dict[date, list[float]] = {start: [] for start in figures.asked.starts}
    sessions = dict.fromkeys(figures.asked.starts, 0)
    for cell in figures.report.cells:
        seconds[cell.start].append(cell.seconds)
        sessions[cell.start] += cell.sessions
    if figures.asked.unit is ReportUnit.DAY:
        days = [Row(f"{start:%a %-d %b}", _of_day(fsum(parts), sessions[start])) for start, parts in seconds.items()]
        return Table(("DAY", "TIME", "SESSIONS"), tuple(days))
    months = [
        Row(f"{start:%b %Y}", _figures(fsum(parts), sessions[start], figures.days.get(start, 0)))
        for start, parts in seconds.items()
    ]
    return Table(("MONTH", "TIME", "SESSIONS", "DAYS", "A DAY"), tuple(months))


def memory_chart(memories: MemoryMonths, variables: Variables) -> Chart:
    """Memories made in each month, by type."""
    bars = [
        Bar(f"{month:%b}", tuple(float(counts.get(kind, 0)) for kind in MemoryType))
        for month, counts in memories.months
    ]
    colours = tuple(_type_colour(kind, variables) for kind in MemoryType)
    return Chart(tuple(bars) if any(bar.total for bar in bars) else (), colours)


def type_table(memories: MemoryMonths, variables: Variables) -> Table:
    """Memories of all months by type: the legend of their chart."""
    total = {kind: sum(counts.get(kind, 0) for _, counts in memories.months) for kind in MemoryType}
    rows = [Row(kind.value, (f"{number:,}",), _type_colour(kind, variables)) for kind, number in total.items()]
    return Table(("MEMORIES", ""), tuple(rows)) if any(total.values()) else Table()


def tag_table(memories: MemoryMonths) -> Table:
    """The tags that were used most, with a bar each."""
    most = max((tag.count for tag in memories.tags), default=1)
    rows = [Row(tag.value, (_bar(tag.count / most), f"{tag.count:,}")) for tag in memories.tags]
    return Table(("TAG", "", ""), tuple(rows)) if rows else Table()


def _figures(seconds: float, sessions: int, days: int) -> tuple[str, ...]:
    if not sessions:
        return ("", "", "", "")
    average = present.duration(seconds / days) if days else ""
    return (present.duration(seconds), f"{sessions:,}", f"{days:,}", average)


def _of_day(seconds: float, sessions: int) -> tuple[str, ...]:
    return (present.duration(seconds), f"{sessions:,}") if sessions else ("", "")


def _bar(share: float) -> str:
    halves = max(1, round(share * _BAR * 2))
    return ("━" * (halves // 2) + "╸" * (halves % 2)).ljust(_BAR)


def _type_colour(kind: MemoryType, variables: Variables) -> Color:
    return colour_style(kind, variables).foreground or Color(128, 128, 128)
