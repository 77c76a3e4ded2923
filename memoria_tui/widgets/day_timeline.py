"""A day as a timeline: when was worked, in the colours of the categories; what ran at once lies one under the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo

from textual.content import Content
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from memoria_tui.text import present, work_text
from services.model import SessionCategory

_LANES = 2
_LABEL = 14
_EARLY, _LATE = 8, 18
"""Hours that are always seen."""


@dataclass(frozen=True, slots=True)
class Block:
    """A worked part of the day."""

    start: datetime
    end: datetime
    category: SessionCategory


@dataclass(frozen=True, slots=True)
class DayOfWork:
    """What a timeline shows."""

    day: date
    zone: tzinfo
    blocks: tuple[Block, ...]

    @property
    def hours(self) -> str:
        """«08:00–17:30», from the first block to the last; "" without any."""
        if not self.blocks:
            return ""
        first, last = min(block.start for block in self.blocks), max(block.end for block in self.blocks)
        return f"{work_text.clock_time(first, self.zone)}–{work_text.clock_time(last, self.zone)}"


class DayTimeline(Widget):
    """A line of hours and a line of blocks; what runs beside another fills the lower half of its cells."""

    DEFAULT_CSS = """
    DayTimeline {
        height: 2;
    }
    """

    shown: reactive[DayOfWork | None] = reactive(None)
    today: reactive[date | None] = reactive(None)

    def render_line(self, y: int) -> Strip:
        width, shown = self.size.width, self.shown
        line = Content("") if shown is None or width < _LABEL + 12 else self._line(shown, y, width)
        return present.strip(line, width, self.visual_style)

    def _line(self, shown: DayOfWork, y: int, width: int) -> Content:
        scale = Scale(shown.day, shown.zone, seen_hours((shown,)), width - _LABEL - 2)
        label = work_text.day_name(shown.day, self.today or shown.day) if y == 0 else shown.hours
        drawn = scale.hours_line() if y == 0 else Content.assemble(*lanes(shown.blocks, scale))
        return Content.assemble(" ", (present.fit(label, _LABEL), "$foreground 60%" if y else "bold"), drawn)


class Scale:
    """Instants of a day as cells, from the first hour that is seen to the last."""

    def __init__(self, day: date, zone: tzinfo, seen: tuple[int, int], cells: int) -> None:
        self.cells = cells
        self._day, self._zone = day, zone
        self._first, self._last = seen

    def hours_line(self) -> Content:
        """«08   09   10», as many as have room."""
        line = [" "] * self.cells
        hours = self._last - self._first
        step = next(step for step in (1, 2, 3, 4, 6, 12, 24) if step * self.cells / hours >= 5)
        for hour in range(self._first, self._last, step):
            at = int((hour - self._first) * self.cells / hours)
            line[at : at + 2] = f"{hour if hour <= 24 else hour - 24:02}"
        return Content.styled("".join(line[: self.cells]), "$foreground 60%")

    def cell(self, when: datetime) -> int:
        hours = _hours_of(when, self._day, self._zone) - self._first
        return int(hours * self.cells / (self._last - self._first))

    def reach(self, start: datetime, end: datetime) -> range:
        """The cells from one instant to another, at least one."""
        first, last = self.cell(start), self.cell(end)
        return range(max(0, first), min(self.cells, max(first + 1, last)))


def seen_hours(days: Iterable[DayOfWork]) -> tuple[int, int]:
    """The hours that are seen: as far as the work of all the days reaches."""
    blocks = [
        (_hours_of(one.start, day.day, day.zone), _hours_of(one.end, day.day, day.zone))
        for day in days
        for one in day.blocks
    ]
    first = max(0, int(min([_EARLY, *(start for start, _ in blocks)])))
    return first, min(37, int(max([_LATE, *(end + 0.999 for _, end in blocks)])))


def lanes(blocks: tuple[Block, ...], scale: Scale) -> list[tuple[str, str]]:
    """A cell and its style for each cell of the scale."""
    filled: list[list[SessionCategory | None]] = [[None] * scale.cells for _ in range(_LANES)]
    for block, lane in _in_lanes(blocks):
        for cell in scale.reach(block.start, block.end):
            filled[lane][cell] = block.category
    return [_cell(upper, lower) for upper, lower in zip(*filled, strict=True)]


def _hours_of(when: datetime, day: date, zone: tzinfo) -> float:
    """By the clock on the wall; what lies on the next day counts on."""
    return (when.astimezone(zone).replace(tzinfo=None) - datetime.combine(day, time())).total_seconds() / 3600


def _cell(upper: SessionCategory | None, lower: SessionCategory | None) -> tuple[str, str]:
    colours = work_text.CATEGORY_COLOURS
    if upper and lower:
        return "▀", f"{colours[upper]} on {colours[lower]}"
    if upper:
        return "█", colours[upper]
    return ("▄", colours[lower]) if lower else ("·", "$foreground 25%")


def _in_lanes(blocks: tuple[Block, ...]) -> list[tuple[Block, int]]:
    """Each block with the first lane that is free when it begins; the last lane takes what finds none."""
    free: list[datetime | None] = [None] * _LANES
    placed = []
    for block in sorted(blocks, key=lambda one: one.start):
        lane = next((n for n, end in enumerate(free) if end is None or end <= block.start), _LANES - 1)
        free[lane] = max(block.end, free[lane] or block.end)
        placed.append((block, lane))
    return placed
