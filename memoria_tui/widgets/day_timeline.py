"""A day as a timeline: when was worked, in the colours of the categories; what ran at once lies one under the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from textual.content import Content
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from memoria_tui import present, work_text
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
        scale = _Scale(shown, width - _LABEL - 2)
        label = work_text.day_name(shown.day, self.today or shown.day) if y == 0 else shown.hours
        drawn = self._hours(scale) if y == 0 else self._lanes(shown, scale)
        return Content.assemble(" ", (present.fit(label, _LABEL), "$foreground 60%" if y else "bold"), drawn)

    def _hours(self, scale: _Scale) -> Content:
        line = [" "] * scale.cells
        step = next(step for step in (1, 2, 3, 4, 6, 12, 24) if step * scale.cells / scale.hours >= 5)
        for hour in range(scale.first, scale.last, step):
            at = scale.cell(scale.hour(hour))
            line[at : at + 2] = f"{hour:02}"
        return Content.styled("".join(line[: scale.cells]), "$foreground 60%")

    def _lanes(self, shown: DayOfWork, scale: _Scale) -> Content:
        lanes: list[list[SessionCategory | None]] = [[None] * scale.cells for _ in range(_LANES)]
        for block, lane in _in_lanes(shown.blocks):
            first, last = scale.cell(block.start), scale.cell(block.end)
            for cell in range(max(0, first), min(scale.cells, max(first + 1, last))):
                lanes[lane][cell] = block.category
        return Content.assemble(*(_cell(upper, lower) for upper, lower in zip(*lanes, strict=True)))


class _Scale:
    """Instants as cells; the hours that are seen reach as far as the work does."""

    def __init__(self, shown: DayOfWork, cells: int) -> None:
        self.cells = cells
        self._midnight = datetime.combine(shown.day, time(), shown.zone)
        starts = [self._hours_of(block.start) for block in shown.blocks]
        ends = [self._hours_of(block.end) for block in shown.blocks]
        self.first = max(0, int(min([_EARLY, *starts])))
        self.last = min(25, int(max([_LATE, *(end + 0.999 for end in ends)])))
        self.hours = self.last - self.first

    def hour(self, hour: int) -> datetime:
        return self._midnight + timedelta(hours=hour)

    def cell(self, when: datetime) -> int:
        return int((self._hours_of(when) - self.first) * self.cells / self.hours)

    def _hours_of(self, when: datetime) -> float:
        """By the clock on the wall; what lies on the next day counts on."""
        local = when.astimezone(self._midnight.tzinfo)
        return (local.replace(tzinfo=None) - self._midnight.replace(tzinfo=None)).total_seconds() / 3600


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
