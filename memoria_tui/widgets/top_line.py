"""The line that is always there: where we are, the three stores, pending work, running timers."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from memoria_tui import present
from memoria_tui.widgets.ink import ink
from services.model import SessionStatus, StoreKind, StoreStatus, WorkSession
from services.ports import Clock

_NAMES_FROM = 100
"""Cells from which on the stores have room for their names."""
_LONGEST_NAME = 28
_GAP = "   "


class TopLine(Widget):
    """One line; only its timers repaint while they run, and without running ones nothing ticks."""

    DEFAULT_CSS = """
    TopLine {
        height: 1;
        & > .top-line--name { color: $primary; text-style: bold; }
        & > .top-line--text { color: $foreground; }
        & > .top-line--muted { color: $foreground 60%; }
        & > .top-line--ok { color: $success; }
        & > .top-line--failed { color: $error; text-style: bold; }
        & > .top-line--unknown { color: $foreground 35%; }
        & > .top-line--running { color: $accent; text-style: bold; }
        & > .top-line--warning { color: $warning; }
    }
    """
    COMPONENT_CLASSES = {
        f"top-line--{part}" for part in ("name", "text", "muted", "ok", "failed", "unknown", "running", "warning")
    }

    where: reactive[str] = reactive("")
    stores: reactive[tuple[StoreStatus, ...]] = reactive(())
    pending: reactive[int] = reactive(0)
    sessions: reactive[tuple[WorkSession, ...]] = reactive(())
    busy: reactive[str] = reactive("")
    """What a person waits for; "" for nothing."""

    def __init__(self, clock: Clock, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._clock = clock
        self._ticking: Timer | None = None

    def watch_sessions(self) -> None:
        """Ticks once a second while a timer runs, and not at all otherwise."""
        running = any(session.status is SessionStatus.ACTIVE for session in self.sessions)
        if running and self._ticking is None:
            self._ticking = self.set_interval(1.0, self._tick)
        elif not running and self._ticking is not None:
            self._ticking.stop()
            self._ticking = None

    @property
    def ticking(self) -> bool:
        """Whether a timer runs."""
        return self._ticking is not None

    def _tick(self) -> None:
        width = self._running_timers().cell_length + 1
        self.refresh(Region(max(0, self.size.width - width), 0, width, 1))

    def render_line(self, y: int) -> Strip:
        """Where at the left, stores and timers at the right; the stores' names give way, then where."""
        width = self.size.width
        where, timers = self._where(), self._running_timers()
        for named in (width >= _NAMES_FROM, False):
            right = Content.assemble(self._busy(), self._stores(named=named), timers, " ")
            if where.cell_length <= width - right.cell_length - 2:
                break
        else:
            where = Content("")
        gap = " " * max(0, width - right.cell_length - where.cell_length - 1)
        line = Content.assemble(" ", where, gap, right)
        style = self.visual_style
        strip = Strip(line.render_segments(style), line.cell_length)
        return strip.adjust_cell_length(width, style.rich_style)

    def _where(self) -> Content:
        place = f" · {present.clip(present.line(self.where), 2 * _LONGEST_NAME)}" if self.where else ""
        return Content.assemble(("memoria", ink(self, "top-line--name")), (place, ink(self, "top-line--muted")))

    def _busy(self) -> Content:
        return Content.styled(f"{self.busy}{_GAP}", ink(self, "top-line--warning")) if self.busy else Content("")

    def _stores(self, *, named: bool) -> Content:
        parts = []
        by_kind = {status.kind: status for status in self.stores}
        for kind in StoreKind:
            status = by_kind.get(kind)
            sign, state = ("○", "unknown") if status is None else ("●", "ok") if status.ok else ("✖", "failed")
            name = f" {_store_name(kind, status)}" if named else ""
            parts.append(
                Content.assemble((sign, ink(self, f"top-line--{state}")), (name, ink(self, "top-line--muted")))
            )
        if any(status.read_only for status in self.stores):
            parts.append(Content.styled("read-only", ink(self, "top-line--warning")))
        if self.pending:
            pending = f"◌ {present.count(self.pending)}{' pending' if named else ''}"
            parts.append(Content.styled(pending, ink(self, "top-line--warning")))
        return Content("  " if named else " ").join(parts)

    def _running_timers(self) -> Content:
        """«⏱ 1:23:45 fix login · acme/api», as many as have room beside the stores; paused ones muted and still."""
        now = self._clock()
        room = max(0, self.size.width - 16)
        timers = Content("")
        for number, session in enumerate(self.sessions):
            timer = self._timer(session, now)
            left = len(self.sessions) - number
            if timers.cell_length + timer.cell_length + (6 if left > 1 else 0) > room:
                return timers + Content.styled(f"{_GAP}+{left}", ink(self, "top-line--muted"))
            timers += timer
        return timers

    def _timer(self, session: WorkSession, now: datetime) -> Content:
        running = session.status is SessionStatus.ACTIVE
        muted = ink(self, "top-line--muted")
        place = "/".join(present.line(name) for name in (session.client, session.project) if name)
        clock = f"{_GAP}{'⏱' if running else '⏸'} {present.duration(session.elapsed_seconds(now))}"
        what = f" {present.clip(present.line(session.description), _LONGEST_NAME)}"
        return Content.assemble(
            (clock, ink(self, "top-line--running") if running else muted),
            (what, ink(self, "top-line--text") if running else muted),
            (f" · {present.clip(place, _LONGEST_NAME)}" if place else "", muted),
        )


def _store_name(kind: StoreKind, status: StoreStatus | None) -> str:
    """«qdrant», «postgres»; the embedder goes by what it is."""
    if kind is not StoreKind.EMBEDDER or status is None:
        return kind.value
    return present.clip(present.line(status.label), 20)
