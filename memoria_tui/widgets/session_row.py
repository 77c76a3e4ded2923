"""One line of the log: a day with its total, or a session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from rich.cells import cell_len
from textual.content import Content
from textual.style import Style

from memoria_tui import present, work_text
from services.model import SessionStatus, WorkSession
from services.work.model import Flaw

_WIDE, _NARROW = 110, 90
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


Row = DayRow | SessionRow


@dataclass(frozen=True, slots=True)
class RowInks:
    """Styles of the parts of a row."""

    text: Style
    muted: Style
    faint: Style
    day: Style
    running: Style
    warning: Style
    bar: Style
    variables: dict[str, str]

    def category(self, session: WorkSession) -> Style:
        return Style.parse(work_text.CATEGORY_COLOURS[session.category], self.variables)


def draw_day(row: DayRow, today: date, seconds: float | None, width: int, inks: RowInks) -> Content:
    """«Today ──────── 6:12:03»; dots while the total is not here."""
    name = f" {work_text.day_name(row.day, today)} "
    total = f" {present.duration(seconds) if seconds is not None else '…'} "
    rule = "─" * max(0, width - cell_len(name) - cell_len(total) - 1)
    return Content.assemble((name, inks.day), (rule, inks.faint), (total, inks.day))


def draw_session(
    row: SessionRow, zone: tzinfo, now: datetime, width: int, inks: RowInks, *, dated: bool, under_cursor: bool
) -> Content:
    """Times, worked time, description and place; category and references where there is room."""
    session = row.session
    running = session.status is not SessionStatus.COMPLETED
    where = _place_width(width)
    kind = _CATEGORY if width >= _NARROW else 0
    date_width = _DATE if dated else 0
    room = max(8, width - 4 - date_width - _TIMES - _CLOCK - where - kind)
    start = session.start.astimezone(zone)
    parts = [
        ("▌" if under_cursor else " ", inks.bar),
        (f" {start:%Y-%m-%d}"[:date_width] if dated else "", inks.muted),
        (" " + present.fit(_times(session, zone), _TIMES), inks.muted),
        (present.fit(_worked(session, now), _CLOCK - 1, right=True) + "  ", inks.running if running else inks.text),
        *_description(row, room, inks),
        (present.fit(work_text.place(session), where), inks.muted),
    ]
    if kind:
        parts += [("● ", inks.category(session)), (present.fit(session.category.value, kind - 2), inks.muted)]
    return Content.assemble(*parts)


def _description(row: SessionRow, room: int, inks: RowInks) -> list[tuple[str, Style]]:
    """The description, what is wrong with the session, and at the right its issue, PR and branch."""
    tail = " ".join(work_text.references(row.session)) if room > 40 and not row.flaws else ""
    tail = present.clip(tail, room // 3)
    room -= cell_len(tail) + (2 if tail else 1)
    name = work_text.name(row.session)
    flaw = f" ⚠ {row.flaws[0].value}" if row.flaws else ""
    flaw = present.clip(flaw, max(2, room - min(cell_len(name), room // 2)))
    kept = " ◇" if row.session.memory_id else ""
    named = present.clip(name, room - cell_len(flaw) - cell_len(kept))
    gap = " " * max(0, room - cell_len(named) - cell_len(kept) - cell_len(flaw))
    return [
        (named, inks.text),
        (kept, inks.muted),
        (flaw, inks.warning),
        (gap + (f" {tail} " if tail else " "), inks.faint),
    ]


def _place_width(width: int) -> int:
    return 24 if width >= _WIDE else 18


def _times(session: WorkSession, zone: tzinfo) -> str:
    """«09:30–11:12», «+1» when it ended on a later day."""
    if session.end is None:
        return f"{work_text.clock_time(session.start, zone)}–"
    days = (session.end.astimezone(zone).date() - session.start.astimezone(zone).date()).days
    later = f"+{days}" if 0 < days < 10 else "+…" if days > 0 else ""
    return f"{work_text.clock_time(session.start, zone)}–{work_text.clock_time(session.end, zone)}{later}"


def _worked(session: WorkSession, now: datetime) -> str:
    if session.status is SessionStatus.ACTIVE:
        return "running"
    return present.duration(session.elapsed_seconds(now))
