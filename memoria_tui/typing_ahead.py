"""Keys typed faster than the screen follows: each waits until the one before it has had its effect.

A key travels from the focused widget up to the app before a binding acts on it, while the next one would already be on
its way to the widget that has the focus now. So `/` and the words after it, or a key that opens a dialog and what is
typed into it, would go to the list. Text typed into a field needs no waiting: its keys arrive in order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from textual import events, work
from textual.app import App, ReturnType
from textual.dom import DOMNode
from textual.driver import Driver
from textual.message_pump import MessagePump
from textual.screen import ModalScreen, Screen
from textual.timer import Timer
from textual.widgets import Input, TextArea
from textual.worker import Worker

DIALOG_GROUP = "dialog"
"""The group of workers that may open a dialog."""
_PATIENCE = 2.0
"""Seconds after which the effect of a key is no longer waited for, unless it opens a dialog."""
_GLANCE = 0.01
_SLOW_FRAME = 0.1
"""Seconds after which a screen that was left is no longer waited for to be drawn."""

Node = TypeVar("Node", bound=DOMNode)
Parameters = ParamSpec("Parameters")


@dataclass(eq=False, slots=True)
class _Asking:
    """An action that may open dialogs."""

    worker: Worker[None] | None = None
    task: asyncio.Task[object] | None = None
    screen: Screen[object] | None = None
    """The last dialog that it opened."""

    def is_opening(self, stack: Sequence[Screen[object]]) -> bool:
        """Whether its next dialog is to come, or the end of it."""
        return self.screen not in stack and self.worker is not None and not self.worker.is_finished


def asks(
    action: Callable[Concatenate[Node, Parameters], Coroutine[object, object, None]],
) -> Callable[Concatenate[Node, Parameters], None]:
    """An action that may open dialogs: a worker that no other key cancels; another is not begun while it opens one.

    Keys wait until the dialog is there; esc gives up what is opening.
    """

    @work(group=DIALOG_GROUP)
    async def run(node: Node, asking: _Asking, *args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        asking.task = asyncio.current_task()
        await action(node, *args, **kwargs)

    @wraps(action)
    def begin(node: Node, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        app = cast("TypingAhead[object]", node.app)
        if not app.is_opening:
            asking = _Asking()
            app.opens(asking)
            asking.worker = run(node, asking, *args, **kwargs)

    return begin


class TypingAhead(App[ReturnType]):
    """An app whose keys are meant for what the keys before them opened."""

    def __init__(self, driver_class: type[Driver] | None = None) -> None:
        super().__init__(driver_class=driver_class)
        self._waiting: deque[events.Key | events.Paste] = deque()
        self._patience: Timer | None = None
        self._asking: list[_Asking] = []

    def on_mount(self) -> None:
        self.screen_change_signal.subscribe(self, self._screen_changed, immediate=True)

    @property
    def keys_under_way(self) -> bool:
        """True while a key that was pressed has not had its effect."""
        return self._patience is not None

    # dialogs that are opening

    def opens(self, asking: _Asking) -> None:
        """This action is going to open a dialog, or to find that it need not."""
        self._asking = [one for one in self._asking if one.worker is not None and not one.worker.is_finished]
        self._asking.append(asking)

    def opens_no_more(self) -> None:
        """The running action has asked all that it asks: keys wait for it no longer."""
        task = asyncio.current_task()
        self._asking = [one for one in self._asking if one.task is not task]

    def _screen_changed(self, screen: Screen[object]) -> None:
        task = asyncio.current_task()
        for asking in self._asking:
            if asking.task is task:
                asking.screen = screen

    @property
    def is_opening(self) -> bool:
        """Whether some action is about to open a dialog."""
        stack = self.screen_stack
        return any(asking.is_opening(stack) for asking in self._asking)

    def _give_up(self) -> None:
        for asking in self._asking:
            if asking.worker is not None and asking.is_opening(self.screen_stack):
                asking.worker.cancel()
        self._waiting.clear()

    # keys

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif not self.keys_under_way:
            await self._send(event)
        elif self.is_opening and isinstance(event, events.Key) and event.key == "escape":
            self._give_up()
        else:
            self._waiting.append(event)

    async def _send(self, event: events.Key | events.Paste) -> None:
        text = isinstance(event, events.Paste) or event.is_printable
        if text and isinstance(self.focused, Input | TextArea):
            await super().on_event(event)
            return
        start = self.focused or self.screen
        self._patience = self.set_timer(_PATIENCE, self._go_on_unless_opening)
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
        screen = self.screen
        screen.call_after_refresh(self._look_whether_ready)
        self.set_timer(_SLOW_FRAME, lambda: self._look_if_left(screen))

    async def _look_if_left(self, screen: Screen[object]) -> None:
        """A screen that is no longer shown draws nothing, and tells nobody that it did."""
        if screen is not self.screen:
            await self._look_whether_ready()

    async def _look_whether_ready(self) -> None:
        if self.keys_under_way and (self.is_opening or self._dialog_begins):
            self.set_timer(_GLANCE, self._look_whether_ready)
        else:
            await self._go_on()

    @property
    def _dialog_begins(self) -> bool:
        """Whether a dialog is there but not yet ready for keys."""
        screen = self.screen
        return isinstance(screen, ModalScreen) and (
            not screen.is_running or (screen.focused is None and bool(screen.focus_chain))
        )

    async def _go_on_unless_opening(self) -> None:
        if not self.is_opening:
            await self._go_on()

    async def _go_on(self) -> None:
        """Lets the keys that waited through, until one of them has an effect to wait for."""
        if self._patience is not None:
            self._patience.stop()
            self._patience = None
        while self._waiting and not self.keys_under_way:
            await self._send(self._waiting.popleft())
