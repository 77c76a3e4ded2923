"""The log of work of any length: days with their totals, drawn as they are seen, asked for a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from memoria_tui.terminal.textual_internals import StillScrollView, resize_content
from memoria_tui.text import present, work_text
from memoria_tui.widgets.session_row import DayRow, Row, SessionRow, draw_day, draw_session, place_width
from services.model import WorkSession
from services.ports import Clock
from services.times import day_of
from services.work.report_values import LogPage, Report

_NEAR = 40
"""Rows from the end at which the next page is asked for."""


class SessionLog(StillScrollView, can_focus=True):
    """Sessions under their days, with a cursor that rests on sessions only."""

    DEFAULT_CSS = """
    SessionLog {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        & > .log--cursor { background: $block-cursor-blurred-background; }
        &:focus > .log--cursor { background: $block-cursor-background; }
    }
    """
    COMPONENT_CLASSES = {"log--cursor"}
    BINDINGS = [
        Binding("up,k", "move(-1)", "Up", show=False, id="log.up", tooltip="Go to the session above"),
        Binding("down,j", "move(1)", "Down", show=False, id="log.down", tooltip="Go to the session below"),
        Binding("ctrl+u,pageup", "move_pages(-1)", "Page up", show=False, id="log.page_up", tooltip="A page up"),
        Binding("ctrl+d,pagedown", "move_pages(1)", "Page down", show=False, id="log.page_down", tooltip="A page down"),
        Binding("home,g", "first", "Top", show=False, id="log.first", tooltip="Go to the newest session"),
        Binding("end,G", "last", "Bottom", show=False, id="log.last", tooltip="Go to the last session that is here"),
        Binding("enter", "select", "Details", show=False, id="log.select", tooltip="Details and edit"),
    ]

    cursor: reactive[int] = reactive(0, repaint=False, init=False)

    @dataclass
    class MoreWanted(Message):
        """The rows after those that are here will be seen soon."""

    @dataclass
    class Highlighted(Message):
        """The cursor stands on another session, or on none."""

        session: WorkSession | None

    @dataclass
    class Selected(Message):
        """Enter, or a click on the current session."""

        session: WorkSession

    @dataclass
    class Left(Message):
        """The cursor was moved above the first session."""

    def __init__(self, clock: Clock, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._clock = clock
        self._zone: tzinfo = UTC
        self._rows: list[Row] = []
        self._totals: dict[date, float] = {}
        self._places: frozenset[str] = frozenset()
        """Clients and projects that are listed."""
        self._overlaps: dict[str, str] = {}
        self._now = clock()
        """Of what is drawn."""
        self._of: Report | None = None
        """What the totals are of."""
        self._by_day = True
        self._next: str | None = None
        self._asked = False
        self._empty = ""
        self._aim = ""
        """A session that is coming, for the cursor."""

    def aim_at(self, session_id: str) -> None:
        """Puts the cursor on this session once it is in the log."""
        self._aim = session_id

    # what is shown

    @property
    def current(self) -> WorkSession | None:
        """The session under the cursor."""
        row = self._rows[self.cursor] if self.cursor < len(self._rows) else None
        return row.session if isinstance(row, SessionRow) else None

    @property
    def sessions(self) -> tuple[WorkSession, ...]:
        """All that are here, in order, each once."""
        return tuple({row.session.id: row.session for row in self._rows if isinstance(row, SessionRow)}.values())

    @property
    def day(self) -> date | None:
        """The day of the row under the cursor."""
        row = self._rows[self.cursor] if self.cursor < len(self._rows) else None
        return self._day(row) if isinstance(row, SessionRow) else None

    def show(self, page: LogPage, zone: tzinfo, *, by_day: bool, keep: bool, empty: str) -> None:
        """Shows the first page; with `keep` the cursor stays on its session. `empty` is said when there is none."""
        held, held_day = (self.current.id if keep and self.current is not None else ""), self.day
        if any(session.id == self._aim for session in page.sessions):
            held, held_day, self._aim = self._aim, None, ""
        height = self.cursor - self.scroll_offset.y
        self._rows, self._zone, self._by_day, self._empty = [], zone, by_day, empty
        self.add(page)
        listed = [(place, row) for place, row in enumerate(self._rows) if isinstance(row, SessionRow)]
        same = [place for place, row in listed if row.session.id == held]
        same = [place for place, row in listed if row.session.id == held and self._day(row) == held_day] or same
        place = same[0] if same else min(self.cursor, len(self._rows) - 1) if keep else 0
        self.set_reactive(SessionLog.cursor, self.validate_cursor(max(0, place)))
        # Who looks at the top wants to see what comes in there.
        at_top = not self.scroll_offset.y and self.cursor < self.size.height
        top = max(0, self.cursor - height) if keep and not at_top else 0
        self.scroll_to(y=top, animate=False, force=True, immediate=True)
        self.post_message(self.Highlighted(self.current))

    def add(self, page: LogPage) -> None:
        """Appends the next page."""
        last = self._rows[-1] if self._rows else None
        day = self._day(last) if isinstance(last, SessionRow) else None
        rows = [SessionRow(part.session, page.flaws.get(part.session.id, ()), part) for part in page.parts]
        for row in rows or [SessionRow(session, page.flaws.get(session.id, ())) for session in page.sessions]:
            if self._by_day and self._day(row) != day:
                day = self._day(row)
                self._rows.append(DayRow(day))
            self._rows.append(row)
        self._places = frozenset(work_text.place(one.session) for one in self._rows if isinstance(one, SessionRow))
        self._next, self._asked = page.next, False
        resize_content(self, Size(0, len(self._rows)))
        self.refresh()
        self._ask_when_near()

    def show_totals(self, totals: Mapping[date, float], of: Report) -> None:
        """Seconds worked in each day, as a report has them."""
        self._totals |= totals
        if self._today in totals:
            self._of = of
        self.refresh()

    def show_overlaps(self, overlaps: Mapping[str, str], of: Set[str]) -> None:
        """By the id of a session: with what it overlaps; `of`: all that were looked at."""
        found = {id_: told for id_, told in self._overlaps.items() if id_ not in of} | dict(overlaps)
        if found != self._overlaps:
            self._overlaps = found
            self.refresh()

    @property
    def days(self) -> Sequence[date]:
        """The days that have a head."""
        return [row.day for row in self._rows if isinstance(row, DayRow)]

    @property
    def cursor_for_more(self) -> str | None:
        """Where the next page begins."""
        return self._next

    def tick(self, now: datetime) -> None:
        """Draws today's total and the times of what runs again."""
        self._now = now
        today, top = self._today, self.scroll_offset.y
        for place, row in enumerate(self._rows[top : top + self.size.height], top):
            if row.day == today if isinstance(row, DayRow) else row.is_running:
                self.refresh_lines(place, 1)

    def _day(self, row: SessionRow) -> date:
        return row.part.day if row.part else day_of(row.session.start, self._zone)

    @property
    def _today(self) -> date:
        return day_of(self._clock(), self._zone)

    def _total(self, day: date) -> float | None:
        """The day's total; today's goes on with what ran when it was added up."""
        total = self._totals.get(day)
        return total if total is None or day != self._today or self._of is None else total + self._of.since(self._now)

    # drawing

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        place = y + self.scroll_offset.y
        style = self.visual_style
        if place < len(self._rows):
            under_cursor = place == self.cursor
            if under_cursor:
                style = self.get_visual_style("log--cursor")
            line = self._row(self._rows[place], width, under_cursor)
        else:
            line = Content.assemble("  ", (self._empty if not self._rows and y == 1 else "", "$foreground 60%"))
        return present.strip(line, width, style)

    def _row(self, row: Row, width: int, under_cursor: bool) -> Content:
        if isinstance(row, DayRow):
            return draw_day(row, self._today, self._total(row.day), width)
        bar = ("▌" if under_cursor else " ", "$accent" if self.has_focus else "$foreground 30%")
        overlap = self._overlaps.get(row.session.id, "")
        place = _shortened(self._places, place_width(width)).get(work_text.place(row.session), "")
        return draw_session(
            row, self._zone, self._clock(), width, place=place, dated=not self._by_day, bar=bar, overlap=overlap
        )

    # the cursor

    def validate_cursor(self, cursor: int) -> int:
        """A place with a session: the next one below, or above at the end."""
        cursor = max(0, min(cursor, len(self._rows) - 1))
        if cursor < len(self._rows) and isinstance(self._rows[cursor], DayRow):
            cursor += 1
        return cursor

    def watch_cursor(self, old: int, new: int) -> None:
        self.refresh_lines(old, 1)
        self.refresh_lines(new, 1)
        first = self._by_day and new == 1
        region = Region(0, 0 if first else new, self.scrollable_content_region.width, 2 if first else 1)
        self.scroll_to_region(region, animate=False, force=True, immediate=True, x_axis=False)
        self.post_message(self.Highlighted(self.current))
        self._ask_when_near()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._ask_when_near()

    def _ask_when_near(self) -> None:
        seen = max(self.cursor, self.scroll_offset.y + self.size.height)
        if self._next is not None and not self._asked and seen + _NEAR >= len(self._rows):
            self._asked = True
            self.post_message(self.MoreWanted())

    def action_move(self, by: int) -> None:
        place = self.cursor + by
        if place <= 0 and by < 0 and (self._by_day or self.cursor == 0):
            self.post_message(self.Left())
            return
        over_a_head = 0 <= place < len(self._rows) and isinstance(self._rows[place], DayRow)
        self.cursor = place + by if over_a_head else place

    def action_move_pages(self, pages: int) -> None:
        self.cursor += pages * max(1, self.size.height - 1)

    def action_first(self) -> None:
        self.cursor = 0

    def action_last(self) -> None:
        self.cursor = len(self._rows) - 1

    def action_select(self) -> None:
        if self.current is not None:
            self.post_message(self.Selected(self.current))

    def on_click(self, event: events.Click) -> None:
        place = event.y + self.scroll_offset.y
        if place < len(self._rows) and isinstance(self._rows[place], SessionRow):
            if place == self.cursor and event.chain > 1:
                self.action_select()
            self.cursor = place


@lru_cache(16)
def _shortened(places: frozenset[str], cells: int) -> Mapping[str, str]:
    """How each is shown in so many cells, so that those that begin alike differ."""
    names = sorted(places)
    return dict(zip(names, present.shortened(names, cells, "/"), strict=True))
