"""One line of the log: a day with its total, or a session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from rich.cells import cell_len
from textual.content import Content

from memoria_tui.text import present, work_text
from services.model import Flaw, SessionStatus, WorkSession
from services.times import calendar_day, duration
from services.work.report_values import DayPart

_WIDE, _NARROW = 110, 90
_MUTED, _FAINT = "$foreground 60%", "$foreground 40%"
_DATE, _TIMES, _CLOCK, _CATEGORY = 11, 14, 10, 16


@dataclass(frozen=True, slots=True)
class DayRow:
    """The head of a day."""

    day: date


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session with what cannot be true of it."""

    session: WorkSession
    flaws: tuple[Flaw, ...] = ()
    part: DayPart | None = None
    """What of it falls into the day above; None: the row is about all of it."""

    @property
    def is_running(self) -> bool:
        """Whether the time of this row goes on."""
        return self.session.status is SessionStatus.ACTIVE and (self.part is None or self.part.end is None)

    def seconds_at(self, now: datetime) -> float:
        """Worked time of the row."""
        return self.part.seconds_at(now) if self.part else self.session.elapsed_seconds(now)


Row = DayRow | SessionRow


def draw_day(row: DayRow, today: date, seconds: float | None, width: int) -> Content:
    """«Today ──────── 6:12:03»; dots while the total is not here."""
    name = f" {work_text.day_name(row.day, today)} "
    total = f" {duration(seconds) if seconds is not None else '…'} "
    rule = "─" * max(0, width - cell_len(name) - cell_len(total) - 1)
    return Content.assemble((name, "$primary"), (rule, _FAINT), (total, "$primary"))


def draw_session(
    row: SessionRow,
    zone: tzinfo,
    now: datetime,
    width: int,
    *,
    place: str,
    dated: bool,
    bar: tuple[str, str],
    overlap: str,
) -> Content:
    """Times, worked time, description and place; category and references where there is room.

    `place`: client and project in `place_width` cells; `bar`: the cursor; `overlap`: with what the session overlaps.
    """
    session = row.session
    is_open = session.status is not SessionStatus.COMPLETED and (row.part is None or row.part.end is None)
    where = place_width(width) + 1
    kind = _CATEGORY if width >= _NARROW else 0
    date_width = _DATE if dated else 0
    room = max(8, width - 4 - date_width - _TIMES - _CLOCK - where - kind)
    start = session.start.astimezone(zone)
    parts = [
        bar,
        (f" {start:%Y-%m-%d}"[:date_width] if dated else "", _MUTED),
        (" " + present.fit(_times(row, zone), _TIMES), _MUTED),
        (_worked(row, now), "$accent" if is_open else ""),
        *_description(row, room, row.flaws[0].value if row.flaws else overlap),
        (present.fit(place, where), _MUTED),
    ]
    if kind:
        parts += [
            ("● ", work_text.CATEGORY_COLOURS[session.category]),
            (present.fit(session.category.value, kind - 2), _MUTED),
        ]
    return Content.assemble(*parts)


def _description(row: SessionRow, room: int, odd: str) -> list[tuple[str, str]]:
    """The description, what is odd about the session, and at the right its issue, PR and branch."""
    tail = " ".join(work_text.references(row.session)) if room > 40 and not odd else ""
    tail = present.clip(tail, room // 3)
    room -= cell_len(tail) + (2 if tail else 1)
    name = work_text.name(row.session)
    flaw = f" ⚠ {present.line(odd)}" if odd else ""
    flaw = present.clip(flaw, max(2, room - min(cell_len(name), room // 2)))
    kept = " ◇" if row.session.memory_id else ""
    named = present.clip(name, room - cell_len(flaw) - cell_len(kept))
    gap = " " * max(0, room - cell_len(named) - cell_len(kept) - cell_len(flaw))
    return [
        (named, ""),
        (kept, _MUTED),
        (flaw, "$warning"),
        (gap + (f" {tail} " if tail else " "), _FAINT),
    ]


def place_width(width: int) -> int:
    """Cells for client and project, with one more to what follows."""
    return 23 if width >= _WIDE else 17


def _times(row: SessionRow, zone: tzinfo) -> str:
    """«09:30–11:12», «+1» when it ended on a later day; of a day's part «22:00–24:00 →» when it goes on."""
    session, part = row.session, row.part
    if part is not None and not part.is_complete:
        return _times_of_part(part, zone)
    if session.end is None:
        return f"{work_text.clock_time(session.start, zone)}–"
    days = (calendar_day(session.end, zone) - calendar_day(session.start, zone)).days
    later = f"+{days}" if 0 < days < 10 else "+…" if days > 0 else ""
    return f"{work_text.clock_time(session.start, zone)}–{work_text.clock_time(session.end, zone)}{later}"


def _times_of_part(part: DayPart, zone: tzinfo) -> str:
    """With an arrow to the days on which the session was worked too."""
    goes_on = part.end is not None and part.end != part.session.end
    told = work_text.end_of_piece if goes_on else work_text.clock_time
    until = "" if part.end is None else told(part.end, zone)
    arrow = {(True, True): "↔", (True, False): "←", (False, True): "→"}[part.start != part.session.start, goes_on]
    return f"{work_text.clock_time(part.start, zone)}–{until} {arrow}"


def _worked(row: SessionRow, now: datetime) -> str:
    return present.fit(duration(row.seconds_at(now)), _CLOCK - 1, right=True) + "  "
