"""A week of work: seven days as lanes, a cursor in them; what is wrong or missing is set right there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING

from textual import getters, on
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.dialogs.add_session import add_session
from memoria_tui.dialogs.changing_dialog import ChangingDialog
from memoria_tui.dialogs.edit_session import edit_session
from memoria_tui.keys.dialog_actions import asks
from memoria_tui.text import present, work_text
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.week_grid import Week, WeekGrid
from services.errors import MemoriaError
from services.model import SessionDraft, Subject, WorkSession
from services.ports import Clock
from services.times import Period, day_of, duration, first_weekday, week_start, work_zone
from services.work.days_off import left_of_week
from services.work.report_values import SessionFilter
from services.work.rules import describe_overlaps, overlaps
from services.work.week import Piece, days_of

if TYPE_CHECKING:
    from services.container import Services

_MOST = 2_000
"""Sessions of a week that are asked for."""


class WeekDialog(ChangingDialog):
    """Seven days as lanes; the answer says whether something was changed."""

    KEYS = (("← → ↑ ↓", "piece"), ("enter", "open or fill"), ("[ ]", "week"), ("u", "undo"), ("esc", "close"))
    FOLLOWS = frozenset({Subject.SESSIONS, Subject.NAMES, Subject.SETTINGS})
    HELP = "Week: seven days of work"
    BINDINGS = [
        Binding("left_square_bracket", "shift(-1)", "Earlier", id="week.earlier", tooltip="Previous week"),
        Binding("right_square_bracket", "shift(1)", "Later", id="week.later", tooltip="Next week"),
        Binding("u", "app.undo", "Undo", id="week.undo", tooltip="Undo the last change"),
        Binding("question_mark", "app.help", "Help", id="week.help", tooltip="What can be done here"),
    ]

    grid = getters.query_one(WeekGrid)

    def __init__(self, services: Services, clock: Clock, day: date) -> None:
        """The week in which a day is."""
        super().__init__("Week")
        self._services = services
        self._clock = clock
        self._zone = work_zone(services.settings)
        self._first = self._seen = week_start(day, first_weekday(services.settings))
        """The first day that is wanted, and that of the week which is on screen."""
        self._aim = (day - self._first).days
        self._shown = False
        """Whether the cursor was put on the day."""
        self._goal = 0.0
        self._sessions: tuple[WorkSession, ...] = ()

    def compose_body(self) -> Iterable[Widget]:
        yield LazyStatic("", id="facts", classes="facts")
        yield WeekGrid()
        yield LazyStatic("", id="piece", classes="facts")
        yield LazyStatic("", id="hint")

    async def _show(self) -> None:
        first = self._first
        span = Period(first, first + timedelta(days=6))
        try:
            where = SessionFilter(span.first, span.last)
            page = await self._services.reports.log(where, descending=False, limit=_MOST)
            off = await self._services.work.days_off(span)
            self._goal = (await self._services.work.preferences()).week_hours * left_of_week(off)
        except MemoriaError as error:
            self.say(str(error), wrong=True)
            self._first = self._seen
            return
        self._seen = first
        self._sessions = tuple({part.session.id: part.session for part in page.parts}.values())
        now = self._clock()
        days = days_of(self._sessions, span, self._zone, now)
        if not self._shown:
            self.grid.set_reactive(WeekGrid.cursor, (min(self._aim, len(days) - 1), 0))
        self._shown = True
        self.grid.shown = Week(days, self._zone, day_of(now, self._zone))
        title = f"‹ {span.first:%-d %b} – {span.last:%-d %b %Y}, week {span.last:%V} ›"
        seconds = sum(day.seconds for day in days)
        facts = Content.assemble(
            (title, "bold $primary"),
            "   ",
            work_text.goal_line(seconds, self._goal),
            (work_text.days_off_line(off), "$text-muted"),
        )
        self.query_one("#facts", Static).update(facts)

    @on(WeekGrid.Moved)
    def follow(self) -> None:
        self.query_one("#piece", Static).update(self._describe_piece())

    def _describe_piece(self) -> Content:
        """The piece under the cursor in words, and what enter does."""
        day, piece = self.grid.day, self.grid.current
        if day is None:
            return Content("")
        if piece is None:
            return Content.styled(f"{day.day:%a %-d %b}: no work", "$foreground 60%")
        start, end = work_text.clock_time(piece.start, self._zone), work_text.end_of_piece(piece.end, self._zone)
        length = duration((piece.end - piece.start).total_seconds())
        span = f"{day.day:%a %-d %b}  {start} – {end}  {length}"
        if piece.session is None:
            return Content.assemble((span, "bold"), "  a gap: enter fills it")
        place = work_text.place(piece.session)
        about = "  ".join([work_text.name(piece.session), *([place] if place else [])])
        overlap = describe_overlaps(overlaps(piece.session, self._sessions, self._clock()))
        odd = (f"  {present.line(overlap)}" if overlap else "", "$warning")
        return Content.assemble((span, "bold"), f"  {about}", odd)

    def action_shift(self, weeks: int) -> None:
        self._first += timedelta(days=7 * weeks)
        self._load()

    @on(WeekGrid.Opened)
    def open_piece(self, event: WeekGrid.Opened) -> None:
        self._open(event.piece)

    @asks
    async def _open(self, piece: Piece) -> None:
        """Opens the session, or asks what was done in the gap."""
        if (session := piece.session) is not None:
            form = edit_session(self._services, self._clock, session, self._zone)
            saved = await self.app.push_screen_wait(form)
            if saved is not None and saved.session != session:
                await self._show_done(f"Changed {work_text.named(saved.session)}{saved.news}")
            return
        about = SessionDraft("", start=piece.start, end=piece.end)
        if (added := await self.app.push_screen_wait(add_session(self._services, self._clock, about))) is not None:
            await self._show_done(f"Added {work_text.named(added.session)}{added.news}")
