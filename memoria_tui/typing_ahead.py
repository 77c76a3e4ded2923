"""Keys typed faster than the screen follows: each waits until the one before it has had its effect.

A key travels from the focused widget up to the app before a binding acts on it, while the next one would already be on
its way to the widget that has the focus now. So `/` and the words after it, or a key that opens a dialog and what is
typed into it, would go to the list. Text typed into a field needs no waiting: its keys arrive in order.
"""

from __future__ import annotations

from collections import deque

from textual import events
from textual.app import App, ReturnType
from textual.message_pump import MessagePump
from textual.screen import ModalScreen, Screen
from textual.timer import Timer
from textual.widgets import Input, TextArea
from textual.worker import Worker

DIALOG_GROUP = "dialog"
"""The group of workers that open a dialog."""
_PATIENCE = 2.0
"""Seconds after which the effect of a key is no longer waited for."""
_GLANCE = 0.01


class TypingAhead(App[ReturnType]):
    """An app whose keys are meant for what the keys before them opened."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[events.Key | events.Paste] = deque()
        self._patience: Timer | None = None
        self._below: Screen[object] | None = None
        """The screen on which the key under way was pressed."""
        self._dialogs: set[Worker[object]] = set()
        """Workers that had a dialog open before it."""

    @property
    def keys_under_way(self) -> bool:
        """True while a key that was pressed has not had its effect."""
        return self._patience is not None

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif self.keys_under_way:
            self._waiting.append(event)
        else:
            await self._send(event)

    async def _send(self, event: events.Key | events.Paste) -> None:
        text = isinstance(event, events.Paste) or event.is_printable
        if text and isinstance(self.focused, Input | TextArea):
            await super().on_event(event)
            return
        start = self.focused or self.screen
        self._below, self._dialogs = self.screen, self._running_dialogs
        self._patience = self.set_timer(_PATIENCE, self._go_on)
        await super().on_event(event)
        self._follow(start)

    def _follow(self, node: MessagePump | None) -> None:
        """Goes behind the key through the queues of all nodes up to the app."""
        while node is not None and node is not self:
            if node.call_later(self._follow, node._parent):
                return
            node = node._parent
        # Once more to the end of the app's queue: the key may have put a change of focus there.
        self.call_later(self._acted)

    def _acted(self) -> None:
        self.screen.call_after_refresh(self._look_whether_ready)

    async def _look_whether_ready(self) -> None:
        if self.keys_under_way and self._is_opening:
            self.set_timer(_GLANCE, self._look_whether_ready)
        else:
            await self._go_on()

    @property
    def _running_dialogs(self) -> set[Worker[object]]:
        return {worker for worker in self.workers if worker.group == DIALOG_GROUP and not worker.is_finished}

    @property
    def _is_opening(self) -> bool:
        """Whether a dialog is about to open, or is there but not yet ready for keys."""
        screen = self.screen
        if isinstance(screen, ModalScreen):
            return not screen.is_running or (screen.focused is None and bool(screen.focus_chain))
        return screen is self._below and bool(self._running_dialogs - self._dialogs)

    async def _go_on(self) -> None:
        """Lets the keys that waited through, until one of them has an effect to wait for."""
        if self._patience is not None:
            self._patience.stop()
            self._patience = None
        while self._waiting and not self.keys_under_way:
            await self._send(self._waiting.popleft())
