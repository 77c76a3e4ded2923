"""Keys typed faster than a dialog opens wait for it, in their order, rather than reach the screen below or nobody."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from textual import events
from textual.app import App, ReturnType
from textual.screen import ModalScreen, Screen
from textual.timer import Timer
from textual.worker import Worker

DIALOG_GROUP = "dialog"
"""The group of workers that open a dialog."""
_LONGEST = 0.6
"""Seconds for which keys wait for a dialog that a worker is about to open."""
_GLANCE = 0.01
_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class _Opening:
    """A worker that a key started and that may open a dialog over `below`."""

    worker: Worker[object]
    below: Screen[object]
    until: float


class TypingAhead(App[ReturnType]):
    """An app whose keys are meant for what the keys before them opened."""

    def __init__(self) -> None:
        super().__init__()
        self._opening: _Opening | None = None
        self._waiting: list[events.Key | events.Paste] = []
        self._sent: deque[tuple[events.Event, Screen[object]]] = deque(maxlen=_REMEMBERED)
        """Keys with the screen that they were sent to: a dialog may have opened before they come back unused."""
        self._glancing: Timer | None = None

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif self._waiting or self._is_opening:
            self._wait(event)
        else:
            await self._send(event)

    async def _send(self, event: events.Key | events.Paste) -> None:
        running = self._dialog_workers
        self._sent.append((event, self.screen))
        await super().on_event(event)
        self._note_opening(running)

    async def _on_key(self, event: events.Key) -> None:
        """A key that no widget took."""
        event.prevent_default()  # Textual would call the handler of the base class too
        meant = next((screen for sent, screen in self._sent if sent is event), self.screen)
        if meant is not self.screen or self._is_opening:
            self._wait(event)
            return
        running = self._dialog_workers
        await super()._on_key(event)
        self._note_opening(running)

    @property
    def _dialog_workers(self) -> set[Worker[object]]:
        return {worker for worker in self.workers if worker.group == DIALOG_GROUP and not worker.is_finished}

    def _note_opening(self, before: set[Worker[object]]) -> None:
        for worker in self._dialog_workers - before:
            self._opening = _Opening(worker, self.screen, time.monotonic() + _LONGEST)

    @property
    def _is_opening(self) -> bool:
        """Whether a dialog is under way, or there but not yet ready for keys."""
        if isinstance(self.screen, ModalScreen) and not self._takes_keys(self.screen):
            return True
        opening = self._opening
        if opening is None or self.screen is not opening.below:
            self._opening = None
        elif opening.worker.is_finished or time.monotonic() > opening.until:
            self._opening = None
        return self._opening is not None

    def _takes_keys(self, screen: Screen[object]) -> bool:
        return screen.is_running and screen.is_mounted and (screen.focused is not None or not screen.focus_chain)

    def _wait(self, event: events.Key | events.Paste) -> None:
        self._waiting.append(event)
        if self._glancing is None:
            self._glancing = self.set_interval(_GLANCE, self._let_through)

    async def _let_through(self) -> None:
        """Sends what waits, the oldest first, until something opens again."""
        self._waiting.sort(key=lambda event: event.time)
        while self._waiting and not self._is_opening:
            event = self._waiting.pop(0)
            again = (
                events.Key(event.key, event.character) if isinstance(event, events.Key) else events.Paste(event.text)
            )
            again.time = event.time
            await self._send(again)
        if not self._waiting and self._glancing is not None:
            self._glancing.stop()
            self._glancing = None
