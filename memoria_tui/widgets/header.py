"""The header, which is always there: where we are, the three stores, pending work, running timers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from textual.content import Content
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from memoria_tui.text import present
from memoria_tui.widgets.every_second import EverySecond
from services.model import SessionStatus, StatusSnapshot, StoreKind, StoreStatus, WorkSession
from services.ports import Clock
from services.times import duration

_GAP, _SMALL_GAP = "   ", "  "
_ALL = 1000
_NAME, _MUTED = "bold $primary", "$foreground 60%"


class _Stores(Enum):
    """How much is shown of the stores."""

    NAMED = "all of them with their names"
    SIGNS = "names of those that are not well, signs of the others"
    TROUBLE = "only those that are not well, named, while there are some"
    BARE = "signs"


@dataclass(frozen=True, slots=True)
class _Form:
    """How much of each part is shown; lengths in cells."""

    stores: _Stores
    title: bool
    """The program's name before the place."""
    place: int
    timers: int
    """The others are counted."""
    text: int
    """Of a timer's description."""
    project: int
    """Of its client and project."""


_FORMS = (
    _Form(stores=_Stores.NAMED, title=True, place=56, timers=_ALL, text=28, project=28),
    _Form(stores=_Stores.NAMED, title=True, place=28, timers=_ALL, text=20, project=16),
    _Form(stores=_Stores.SIGNS, title=True, place=56, timers=_ALL, text=28, project=28),
    _Form(stores=_Stores.SIGNS, title=True, place=28, timers=_ALL, text=20, project=16),
    _Form(stores=_Stores.SIGNS, title=True, place=28, timers=_ALL, text=20, project=0),
    _Form(stores=_Stores.SIGNS, title=True, place=28, timers=_ALL, text=10, project=0),
    _Form(stores=_Stores.SIGNS, title=True, place=16, timers=_ALL, text=0, project=0),
    _Form(stores=_Stores.SIGNS, title=False, place=28, timers=_ALL, text=0, project=0),
    _Form(stores=_Stores.SIGNS, title=False, place=12, timers=_ALL, text=0, project=0),
    _Form(stores=_Stores.SIGNS, title=False, place=12, timers=3, text=0, project=0),
    _Form(stores=_Stores.SIGNS, title=False, place=12, timers=2, text=0, project=0),
    _Form(stores=_Stores.SIGNS, title=False, place=12, timers=1, text=0, project=0),
    _Form(stores=_Stores.TROUBLE, title=False, place=12, timers=1, text=0, project=0),
    _Form(stores=_Stores.BARE, title=False, place=12, timers=1, text=0, project=0),
)
"""From the fullest to the least: the place and the time of a running timer are in all of them."""


class StatusHeader(Widget):
    """One line; only its timers repaint while they run, and without running ones nothing ticks."""

    DEFAULT_CSS = """
    StatusHeader {
        height: 1;
    }
    """

    status: reactive[StatusSnapshot] = reactive(StatusSnapshot)
    pomodoro: reactive[int] = reactive(0)
    """Minutes of work at a stretch after which it reminds of a break; 0: never."""
    busy: reactive[str] = reactive("")
    """What a person waits for; "" for nothing."""

    def __init__(self, clock: Clock, where: str = "") -> None:
        super().__init__()
        self._clock = clock
        self.where = where
        self._seconds = EverySecond(self, self._tick)
        self._timers_at = 0
        """The first cell of the timers."""

    def watch_status(self) -> None:
        """Ticks once a second while a timer runs, and not at all otherwise."""
        self._seconds.run(runs=any(one.status is SessionStatus.ACTIVE for one in self.status.sessions))

    @property
    def ticking(self) -> bool:
        """Whether a timer runs."""
        return self._seconds.runs

    def _tick(self) -> None:
        if not self.screen.is_current:
            return
        self.refresh(Region(self._timers_at, 0, max(0, self.size.width - self._timers_at), 1))

    def render_line(self, y: int) -> Strip:
        """Where at the left, stores and timers at the right, in the fullest form that fits."""
        width, now = self.size.width, self._clock()
        for form in _FORMS:
            where, timers = self._where(form), self._shown_timers(form, now)
            stores = Content.assemble(self._busy(), self._stores(form.stores))
            free = width - 2 - where.cell_length - stores.cell_length - timers.cell_length
            if free >= 2:
                break
        self._timers_at = max(0, width - 1 - timers.cell_length)
        line = Content.assemble(" ", where, " " * max(1, free), stores, timers, " ")
        return present.strip(line, width, self.visual_style)

    def _where(self, form: _Form) -> Content:
        place = present.clip(present.line(self.where), form.place)
        if not form.title:
            return Content.styled(place or "memoria", _NAME)
        dotted = f" · {place}" if place else ""
        return Content.assemble(("memoria", _NAME), (dotted, _MUTED))

    def _busy(self) -> Content:
        busy = present.clip(present.line(self.busy), self.size.width * 3 // 5)
        return Content.styled(f"{busy}{_GAP}", "$warning") if busy else Content("")

    def _stores(self, shown: _Stores) -> Content:
        """A sign each, in the order of `StoreKind`, and what is to be known of all."""
        parts, named = [], shown is _Stores.NAMED
        by_kind = {status.kind: status for status in self.status.stores}
        unwell = [kind for kind in StoreKind if (status := by_kind.get(kind)) is None or not status.ok]
        for kind in unwell if unwell and shown is _Stores.TROUBLE else StoreKind:
            status = by_kind.get(kind)
            name = _store_name(kind, status) if named else kind.value if kind in unwell else ""
            sign, state = _sign(status)
            is_told = name and shown is not _Stores.BARE
            parts.append(Content.assemble((sign, state), (f" {name}" if is_told else "", _MUTED)))
        if any(status.read_only for status in self.status.stores):
            parts.append(Content.styled("read-only", "$warning"))
        if self.status.pending and shown is not _Stores.TROUBLE:
            pending = f"◌ {present.count(self.status.pending)}{' pending' if named else ''}"
            parts.append(Content.styled(pending, "$warning"))
        return Content("  " if named else " ").join(parts)

    def _shown_timers(self, form: _Form, now: datetime) -> Content:
        """«⏱ 1:23:45 fix login · acme/api», running ones first; paused ones muted and still."""
        ordered = sorted(self.status.sessions, key=lambda session: session.status is not SessionStatus.ACTIVE)
        timers = [self._timer(session, now, form) for session in ordered[: form.timers]]
        if (more := len(ordered) - len(timers)) > 0:
            timers.append(Content.styled(f" +{more}", _MUTED))
        return Content("").join(timers)

    def _timer(self, session: WorkSession, now: datetime, form: _Form) -> Content:
        running = session.status is SessionStatus.ACTIVE
        place = "/".join(present.line(name) for name in (session.client, session.project) if name)
        gap = _GAP if form.text else _SMALL_GAP
        clock = f"{gap}{'⏱' if running else '⏸'} {duration(session.elapsed_seconds(now))}"
        what = f" {present.clip(present.line(session.description), form.text)}" if form.text else ""
        due = break_due(session, now, self.pomodoro) if running else ""
        if not form.text and not due.startswith("break"):
            due = ""
        return Content.assemble(
            (clock, "bold $accent" if running else _MUTED),
            (f" {due}" if due else "", "$warning" if due.startswith("break") else _MUTED),
            (what, "" if running else _MUTED),
            (f" · {present.clip(place, form.project)}" if place and form.project else "", _MUTED),
        )


def break_due(session: WorkSession, now: datetime, minutes: int) -> str:
    """«12:30 left» until so many minutes of work at a stretch, then «break +3:10»; "" without a limit (0)."""
    if not minutes:
        return ""
    begun = max((pause.end for pause in session.pauses if pause.end is not None), default=session.start)
    left = int(minutes * 60 - (now - begun).total_seconds())
    told = f"{abs(left) // 60}:{abs(left) % 60:02d}"
    return f"{told} left" if left > 0 else f"break +{told}"


def _sign(status: StoreStatus | None) -> tuple[str, str]:
    """A sign and its colour: hollow without an answer, red where something is wrong."""
    if status is None:
        return "○", "$foreground 35%"
    if status.ok:
        return "●", "$success"
    return ("○" if status.silent else "✖"), "bold $error"


def _store_name(kind: StoreKind, status: StoreStatus | None) -> str:
    """«qdrant», «postgres»; the embedder goes by what it is."""
    if kind is not StoreKind.EMBEDDER or status is None:
        return kind.value
    return present.clip(present.line(status.label), 20)
