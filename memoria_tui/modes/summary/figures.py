"""The figures of the Summary screen as charts and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from string import ascii_uppercase

from textual.color import Color

from memoria_tui.modes.summary.state import Figures, group_name
from memoria_tui.text import present
from memoria_tui.text.work_text import CATEGORY_COLOURS
from memoria_tui.widgets.bar_layout import Bar
from memoria_tui.widgets.figure_table import Row, Table
from memoria_tui.widgets.stacked_bars import Chart
from services.model import MemoryType, ReportBy, SessionCategory
from services.search.memory_counts import AgentTotal, MemoryMonths
from services.times import duration
from services.work.days_off import asked_of_day
from services.work.report_values import ReportGroup, ReportUnit

Variables = Mapping[str, str]
"""Of the theme."""
SERIES = 7
"""Series with a colour of their own, as many as can be told apart."""
_DIMMED = 0.45
"""How much of the background is in the colours of the next so many."""
_MIDDLE = Color(128, 128, 128)
"""In its place where the terminal alone knows it."""
_FIGURES = ("TIME", "HOURS", "SESS", "DAYS", "A DAY")
_AGENTS = 4
"""Agents with a row of their own."""
_SIGNS = ascii_uppercase
"""Of the parts of a chart on a terminal without colours."""
_TITLE = 36
"""Cells."""
_BAR = 12
"""Cells of the longest bar beside a tag."""


def work_chart(figures: Figures, variables: Variables) -> Chart:
    """Hours a bar; groups that share a colour are one part."""
    report = figures.report
    colours = group_colours(figures, variables)
    parts = list(dict.fromkeys(colours))
    place = {group.name: parts.index(colour) for colour, group in zip(colours, report.groups, strict=True)}
    hours: dict[date, list[float]] = {start: [0.0] * len(parts) for start in figures.asked.starts}
    for cell in report.cells:
        hours[cell.start][place[cell.name]] += cell.seconds / 3600
    days = figures.asked.unit is ReportUnit.DAY
    bars = tuple(Bar(f"{start:%-d}" if days else f"{start:%b}", tuple(each)) for start, each in hours.items())
    if not days:
        return Chart(bars if parts else (), tuple(parts), tuple(_SIGNS[: len(parts)]), " h")
    goals = (asked_of_day(day, figures.work_day_hours, figures.off) for day in figures.asked.starts)
    unmarked = frozenset(number for number, goal in enumerate(goals) if not goal)
    signs = tuple(_SIGNS[: len(parts)])
    return Chart(bars if parts else (), tuple(parts), signs, " h", figures.work_day_hours, unmarked)


def group_table(figures: Figures, variables: Variables) -> Table:
    """Clients, projects or categories; the squares are the legend of the chart."""
    report, by = figures.report, figures.asked.by
    colours = group_colours(figures, variables)
    signs = dict(zip(dict.fromkeys(colours), _SIGNS, strict=False))
    rows = [
        Row(
            group_name(group.name, by),
            _figures(group.seconds, group.sessions, group.days),
            colour,
            signs[colour],
        )
        for colour, group in zip(colours, report.groups, strict=True)
    ]
    total = Row("total", _figures(report.total_seconds, report.sessions, report.days))
    return Table((by.value.upper(), *_FIGURES), tuple(rows), total if rows else None)


def unit_table(figures: Figures) -> Table:
    """The months or days of the chart, a row each."""
    if not figures.report.groups:
        return Table()
    units = {unit.start: unit for unit in figures.report.units}
    days = figures.asked.unit is ReportUnit.DAY
    rows = []
    for start in figures.asked.starts:
        unit = units.get(start)
        cells = _figures(unit.seconds, unit.sessions, unit.days) if unit else ("",) * len(_FIGURES)
        name = f"{start:%a %-d %b}" if days else f"{start:%b %Y}"
        off = f" {figures.off[start]}" if start in figures.off else ""
        rows.append(Row(name + off, cells[:3] if days else cells))
    return Table(("DAY", *_FIGURES[:3]) if days else ("MONTH", *_FIGURES), tuple(rows))


def memory_chart(memories: MemoryMonths, variables: Variables) -> Chart:
    """Memories made in each month, by type."""
    bars = [
        Bar(f"{month:%b}", tuple(float(counts.get(kind, 0)) for kind in MemoryType))
        for month, counts in memories.months
    ]
    colours = tuple(_type_colour(kind, variables) for kind in MemoryType)
    signs = tuple(map(present.glyph, MemoryType))
    return Chart(tuple(bars) if any(bar.total for bar in bars) else (), colours, signs)


def type_table(memories: MemoryMonths, variables: Variables) -> Table:
    """Memories of all months by type: the legend of their chart."""
    total = {kind: sum(counts.get(kind, 0) for _, counts in memories.months) for kind in MemoryType}
    rows = [
        Row(kind.value, (f"{number:,}",), _type_colour(kind, variables), present.glyph(kind))
        for kind, number in total.items()
    ]
    return Table(("MEMORIES", ""), tuple(rows)) if any(total.values()) else Table()


def tag_table(memories: MemoryMonths) -> Table:
    """The tags that were used most, with a bar each."""
    most = max((tag.count for tag in memories.tags), default=1)
    rows = [Row(tag.value, (_bar(tag.count / most), f"{tag.count:,}")) for tag in memories.tags]
    return Table(("TAG", "", ""), tuple(rows)) if rows else Table()


def agent_chart(figures: Figures, variables: Variables) -> Chart:
    """Memories that agents wrote in each month; agents beyond those that have a row are one part."""
    agents = figures.agents or ()
    parts = [*agents[:_AGENTS], *([_rest(agents)] if len(agents) > _AGENTS else [])]
    bars = [
        Bar(f"{month:%b}", tuple(float(one.months[place]) for one in parts))
        for place, month in enumerate(figures.asked.months)
    ]
    colours = tuple(series_colour(at, variables) for at in range(len(parts)))
    return Chart(tuple(bars) if parts else (), colours, tuple(_SIGNS[: len(parts)]))


def agent_table(figures: Figures, variables: Variables) -> Table:
    """What agents wrote, and what of it is reviewed: the legend of their chart."""
    agents = figures.agents or ()
    parts = [*agents[:_AGENTS], *([_rest(agents)] if len(agents) > _AGENTS else [])]
    rows = [
        Row(
            present.line(one.name),
            (f"{one.written:,}", f"{sum(one.reviewed):,}"),
            series_colour(at, variables),
            _SIGNS[at],
        )
        for at, one in enumerate(parts)
    ]
    return Table(("AGENT", "WRITTEN", "REVIEWED"), tuple(rows) or (Row("no agent wrote", ("0", "0")),))


def _rest(agents: Sequence[AgentTotal]) -> AgentTotal:
    """The agents that have no row, as one."""
    rest = agents[_AGENTS:]
    written, reviewed = (tuple(map(sum, zip(*many, strict=True))) for many in (
        [one.months for one in rest], [one.reviewed for one in rest]
    ))  # fmt: skip
    return AgentTotal(f"{len(rest)} others", written, reviewed)


def recalled_table(figures: Figures) -> Table:
    """What was shown to agents most often, with the number of times."""
    rows = [Row(present.clip(present.line(one.title), _TITLE), (f"{one.access_count:,}",)) for one in figures.recalled]
    return Table(("RECALLED MOST", "TIMES"), tuple(rows)) if rows else Table()


def _figures(seconds: float, sessions: int, days: int) -> tuple[str, ...]:
    average = duration(seconds / days) if days else ""
    return (duration(seconds), f"{seconds / 3600:,.2f}", f"{sessions:,}", f"{days:,}", average)


def _bar(share: float) -> str:
    halves = max(1, round(share * _BAR * 2))
    return ("━" * (halves // 2) + "╸" * (halves % 2)).ljust(_BAR)


def _type_colour(kind: MemoryType, variables: Variables) -> Color:
    return Color.parse(variables[present.colour(kind).removeprefix("$")])


def group_colours(figures: Figures, variables: Variables) -> list[Color]:
    """The colour of each group: its own one in every period, by the order in which clients or projects were made.

    Those that have none are grey. After `2 * SERIES` clients or projects the colours begin again.
    """
    return [_group_colour(group, figures.asked.by, variables) for group in figures.report.groups]


def _group_colour(group: ReportGroup, by: ReportBy, variables: Variables) -> Color:
    if by is ReportBy.CATEGORY and group.name is not None:
        return Color.parse(variables[CATEGORY_COLOURS[SessionCategory(group.name)].removeprefix("$")])
    if group.number is None:
        return series_colour(SERIES, variables)
    again, number = divmod(group.number, SERIES)
    colour, background = series_colour(number, variables), Color.parse(variables["background"])
    dimmed = colour.blend(_MIDDLE if background.ansi is not None else background, _DIMMED)
    return dimmed if again % 2 else colour


def series_colour(number: int, variables: Variables) -> Color:
    """The colour of the series of this number; all from `SERIES` on share one."""
    return Color.parse(variables[f"series-{number + 1 if number < SERIES else 'rest'}"])
