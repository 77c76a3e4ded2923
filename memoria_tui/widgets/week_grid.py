"""Seven days as lanes one below the other, with a cursor that goes from piece to piece; gaps and overlaps are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, tzinfo

from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from memoria_tui.text import present, work_text
from memoria_tui.widgets.day_timeline import Block, DayOfWork, Scale, lanes, seen_hours
from services.times import duration
from services.work.week import Piece, WorkDay

_LABEL, _TOTAL = 8, 10
_LINES = 2
"""A day has: its blocks, and what they are below; the latter not where the terminal is lower than `_LOW`."""
_LOW = 24


@dataclass(frozen=True, slots=True)
class Week:
    """What the grid shows."""

    days: tuple[WorkDay, ...]
    zone: tzinfo
    today: date


class WeekGrid(Widget, can_focus=True):
    """Arrows go from piece to piece and from day to day, to what is nearest in time."""

    DEFAULT_CSS = """
    WeekGrid { height: auto; }
    """
    BINDINGS = [
        Binding("left", "piece(-1)", "Before", id="week.left", show=False, tooltip="The piece before"),
        Binding("right", "piece(1)", "After", id="week.right", show=False, tooltip="The next piece"),
        Binding("up,k", "day(-1)", "Up", id="week.up", show=False, tooltip="The day before"),
        Binding("down,j", "day(1)", "Down", id="week.down", show=False, tooltip="The next day"),
        Binding("enter", "open", "Open", id="week.open", show=False, tooltip="Open the session, or fill the gap"),
    ]

    shown: reactive[Week | None] = reactive(None, layout=True)
    cursor: reactive[tuple[int, int]] = reactive((0, 0))
    """Day and piece."""

    class Moved(Message):
        """The cursor is elsewhere."""

    @dataclass
    class Opened(Message):
        """The person wants to do something with a piece."""

        piece: Piece

    @property
    def current(self) -> Piece | None:
        """Under the cursor; None on a day without work."""
        return _current(self.shown, self.cursor)

    @property
    def day(self) -> WorkDay | None:
        """Under the cursor."""
        return self.shown.days[min(self.cursor[0], len(self.shown.days) - 1)] if self.shown else None

    @property
    def _pieces(self) -> Sequence[Piece]:
        return self.day.pieces if self.day is not None else ()

    def watch_shown(self, before: Week | None, after: Week | None) -> None:
        """The cursor stays on its piece."""
        held = _current(before, self.cursor)
        same = [
            (day, place)
            for day, one in enumerate(after.days if after else ())
            for place, piece in enumerate(one.pieces)
            if held and _key(piece) == _key(held)
        ]
        self.cursor = min(same, key=lambda one: abs(one[0] - self.cursor[0]), default=self.cursor)
        self.post_message(self.Moved())

    def watch_cursor(self) -> None:
        self.post_message(self.Moved())

    def get_content_height(self, *_: object) -> int:
        return 1 + self._lines_of_a_day * len(self.shown.days) if self.shown else 1

    @property
    def _lines_of_a_day(self) -> int:
        return _LINES if self.app.size.height >= _LOW else 1

    def action_piece(self, by: int) -> None:
        """Before the first piece of a day and behind its last one are those of the days beside."""
        day, piece = self.cursor
        if self.shown is None:
            return
        piece = min(piece, max(0, len(self._pieces) - 1)) + by
        if 0 <= piece < len(self._pieces):
            self.cursor = (day, piece)
        elif 0 <= day + by < len(self.shown.days):
            self.cursor = (day + by, 0 if by > 0 else max(0, len(self.shown.days[day + by].pieces) - 1))

    def action_day(self, by: int) -> None:
        if self.shown is None or not 0 <= (day := self.cursor[0] + by) < len(self.shown.days):
            return
        pieces, piece = self.shown.days[day].pieces, 0
        if (current := self.current) is not None and pieces:
            zone = self.shown.zone
            at = current.start.astimezone(zone).time()
            nearest = [abs(_minutes(one.start.astimezone(zone).time()) - _minutes(at)) for one in pieces]
            piece = nearest.index(min(nearest))
        self.cursor = (day, piece)

    def action_open(self) -> None:
        if (current := self.current) is not None:
            self.post_message(self.Opened(current))

    def render_line(self, y: int) -> Strip:
        width, shown = self.size.width, self.shown
        if shown is None or width < _LABEL + _TOTAL + 12:
            return present.strip(Content(""), width, self.visual_style)
        return present.strip(self._line(shown, y, width), width, self.visual_style)

    def _line(self, shown: Week, y: int, width: int) -> Content:
        drawn = [DayOfWork(day.day, shown.zone, _blocks(day)) for day in shown.days]
        number, lower = divmod(y - 1, self._lines_of_a_day)
        cells = width - _LABEL - _TOTAL - 2
        if y == 0:
            scale = Scale(shown.days[0].day, shown.zone, seen_hours(drawn), cells)
            return Content.assemble(" " * (_LABEL + 1), scale.hours_line())
        if number >= len(shown.days):
            return Content("")
        day = shown.days[number]
        scale = Scale(day.day, shown.zone, seen_hours(drawn), cells)
        at_cursor = number == self.cursor[0]
        if lower:
            return Content.assemble(" " * (_LABEL + 1), self._names(day, scale, at_cursor=at_cursor))
        label = "bold $accent" if day.day == shown.today else "bold" if at_cursor else "$foreground 60%"
        total = duration(day.seconds) if day.seconds else ""
        return Content.assemble(
            (f" {present.fit(f'{day.day:%a %-d}', _LABEL)}", label),
            *self._blocks_line(day, scale, at_cursor=at_cursor),
            (present.fit(total, _TOTAL, right=True), "$foreground 80%"),
        )

    def _blocks_line(self, day: WorkDay, scale: Scale, *, at_cursor: bool) -> list[tuple[str, str]]:
        drawn = lanes(_blocks(day), scale)
        if at_cursor and (current := self.current) is not None:
            for cell in scale.reach(current.start, current.end):
                sign, style = drawn[cell]
                drawn[cell] = ("▓" if sign != "·" else "─", style if sign != "·" else "bold $accent")
        return drawn

    def _names(self, day: WorkDay, scale: Scale, *, at_cursor: bool) -> Content:
        """What was done below the blocks, as far as it has room; «!» where it overlaps, the length of a gap."""
        line = [" "] * scale.cells
        marked = range(0)
        reaches = [scale.reach(piece.start, piece.end) for piece in day.pieces]
        for number, (piece, reach) in enumerate(zip(day.pieces, reaches, strict=True)):
            room = min([reach.stop, *(one.start for one in reaches[number + 1 : number + 2])]) - reach.start - 1
            sign = "!" if piece.overlaps else ""
            text = sign + (present.clip(_name(piece), room - len(sign)) if room > 2 else "")
            line[reach.start : reach.start + len(text)] = text
            if at_cursor and piece is self.current:
                marked = reach
        text = "".join(line)[: scale.cells]
        content = Content.styled(text, "$foreground 60%")
        return content.stylize("reverse" if self.has_focus else "underline", marked.start, marked.stop)


def _blocks(day: WorkDay) -> tuple[Block, ...]:
    return tuple(Block(one.start, one.end, one.session.category) for one in day.pieces if one.session is not None)


def _current(week: Week | None, cursor: tuple[int, int]) -> Piece | None:
    pieces = week.days[min(cursor[0], len(week.days) - 1)].pieces if week else ()
    return pieces[min(cursor[1], len(pieces) - 1)] if pieces else None


def _key(piece: Piece) -> object:
    """What it is known by when other work is beside it."""
    return piece.session.id if piece.session is not None else piece.start


def _name(piece: Piece) -> str:
    if piece.session is None:
        return duration((piece.end - piece.start).total_seconds()).removesuffix(":00")
    return work_text.name(piece.session)


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute
