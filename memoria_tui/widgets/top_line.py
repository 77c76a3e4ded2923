"""The line that is always there: where we are, the three stores, pending work, running timers."""

from __future__ import annotations

from datetime import datetime

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import reactive
from textual.timer import Timer
from textual.widgets import Static

from memoria_tui import present
from memoria_tui.widgets.ink import ink
from services.model import SessionStatus, StoreKind, StoreStatus, WorkSession
from services.ports import Clock

_NAMES_FROM = 90
"""Cells from which on the stores have room for their names."""
_LONGEST_DESCRIPTION = 28


class TopLine(Horizontal):
    """One line; only its timers repaint while they run."""

    DEFAULT_CSS = """
    TopLine {
        height: 1;
        padding: 0 1;
        & > Static { width: auto; height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > #top-where { width: 1fr; }
        & > #top-timers { max-width: 70%; }
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

    where: reactive[str] = reactive("", layout=False)
    stores: reactive[tuple[StoreStatus, ...]] = reactive(())
    pending: reactive[int] = reactive(0)
    sessions: reactive[tuple[WorkSession, ...]] = reactive(())

    def __init__(self, clock: Clock, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._clock = clock
        self._ticking: Timer | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="top-where")
        yield Static(id="top-stores")
        yield Static(id="top-timers")

    def on_mount(self) -> None:
        self.watch_where()
        self.watch_sessions()

    def on_resize(self) -> None:
        self.watch_stores()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        if self.is_mounted:
            self.watch_where()
            self.watch_stores()
            self._draw_timers()

    def watch_where(self) -> None:
        if self.is_mounted:
            place = f" · {present.line(self.where)}" if self.where else ""
            content = Content.assemble(("memoria", ink(self, "top-line--name")), (place, ink(self, "top-line--muted")))
            self.query_one("#top-where", Static).update(content)

    def watch_pending(self) -> None:
        self.watch_stores()

    def watch_stores(self) -> None:
        if not self.is_mounted:
            return
        parts = []
        named = self.size.width >= _NAMES_FROM
        by_kind = {status.kind: status for status in self.stores}
        for kind in StoreKind:
            status = by_kind.get(kind)
            state = "unknown" if status is None else "ok" if status.ok else "failed"
            dot = Content.styled("○" if status is None else "●" if status.ok else "✖", ink(self, f"top-line--{state}"))
            name = Content.styled(f" {_store_name(kind, status)}", ink(self, "top-line--muted"))
            parts.append(dot + name if named else dot)
        if self.pending:
            pending = f"◌ {present.count(self.pending)}{' pending' if named else ''}"
            parts.append(Content.styled(pending, ink(self, "top-line--warning")))
        self.query_one("#top-stores", Static).update(Content("  " if named else " ").join(parts))

    def watch_sessions(self) -> None:
        """Ticks once a second while a timer runs, and not at all otherwise."""
        running = any(session.status is SessionStatus.ACTIVE for session in self.sessions)
        if running and self._ticking is None:
            self._ticking = self.set_interval(1.0, self._draw_timers)
        elif not running and self._ticking is not None:
            self._ticking.stop()
            self._ticking = None
        if self.is_mounted:
            self._draw_timers()

    def _draw_timers(self) -> None:
        now = self._clock()
        content = Content("").join(self._timer(session, now) for session in self.sessions)
        timers = self.query_one("#top-timers", Static)
        timers.update(content, layout=content.cell_length != timers.size.width)

    def _timer(self, session: WorkSession, now: datetime) -> Content:
        """«   ⏱ 1:23:45 fix login · acme/api», muted while paused."""
        running = session.status is SessionStatus.ACTIVE
        muted = ink(self, "top-line--muted")
        place = "/".join(present.line(name) for name in (session.client, session.project) if name)
        what = present.clip(present.line(session.description), _LONGEST_DESCRIPTION)
        clock = f"   {'⏱' if running else '⏸'} {present.duration(session.elapsed_seconds(now))}"
        return Content.assemble(
            (clock, ink(self, "top-line--running") if running else muted),
            (f" {what}", ink(self, "top-line--text") if running else muted),
            (f" · {present.clip(place, _LONGEST_DESCRIPTION)}" if place else "", muted),
        )


def _store_name(kind: StoreKind, status: StoreStatus | None) -> str:
    """«qdrant», «postgres»; the embedder goes by what it is."""
    if kind is not StoreKind.EMBEDDER or status is None:
        return kind.value
    return present.clip(present.line(status.label), 20)
