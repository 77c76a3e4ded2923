"""The line that is always there: where we are, the three stores, pending work, running timers."""

from __future__ import annotations

from textual.reactive import reactive
from textual.widget import Widget

from services.model import StoreStatus, WorkSession
from services.ports import Clock


class TopLine(Widget):
    """One line; only its timers repaint while they run."""

    where: reactive[str] = reactive("")
    stores: reactive[tuple[StoreStatus, ...]] = reactive(())
    pending: reactive[int] = reactive(0)
    sessions: reactive[tuple[WorkSession, ...]] = reactive(())

    def __init__(self, clock: Clock, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._clock = clock
