"""Keys typed faster than the screen follows: each waits until the one before it has had its effect.

A key travels from the focused widget up to the app before a binding acts on it, while the next one would already be on
its way to the widget that has the focus now. So `/` and the words after it, or a key that opens a dialog and what is
typed into it, would go to the list. Text typed into a field needs no waiting: its keys arrive in order. But the next
key that is no text waits until the text is there: ctrl+s acts before the field has taken the letter in front of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from textual import events, work
from textual.app import App, ReturnType
from textual.dom import DOMNode
from textual.driver import Driver
from textual.screen import ModalScreen, Screen
from textual.timer import Timer
from textual.widgets import Input, TextArea
from textual.worker import Worker

from memoria_tui.textual_internals import bindings_of

DIALOG_GROUP = "dialog"
"""The group of workers that may open a dialog."""
_PATIENCE = 2.0
"""Seconds after which the effect of a key is no longer waited for, unless it opens a dialog."""
_GLANCE = 0.01
_DOUBLE = 0.4
"""Seconds within which the key that answered a dialog is taken as pressed twice by mistake."""
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
        self.pressed_at = 0.0
        """When the key was pressed that has its effect now, in monotonic seconds."""
        self._pressed: events.Key | None = None
        """The key that has its effect now."""
        self._pressed_on: Screen[object] | None = None
        """The screen that it was pressed on."""
        self._answer: events.Key | None = None
        """The key that answered the last dialog."""
        self._typed = 0
        """Texts on their way to the field that has the focus."""
        self._asking: list[_Asking] = []
        self._repeated = False
        """Whether the key that has its effect now began to save something in a dialog."""

    def on_mount(self) -> None:
        self.screen_change_signal.subscribe(self, self._screen_changed, immediate=True)

    @property
    def keys_under_way(self) -> bool:
        """True while a key that was pressed has not had its effect."""
        return self._acts or bool(self._waiting)

    @property
    def _acts(self) -> bool:
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

    def answered(self) -> None:
        """A dialog was answered by the key that has its effect now."""
        self._answer = self._pressed

    def _answers_again(self, event: events.Key | events.Paste) -> bool:
        """Whether it is the key that answered the last dialog, pressed twice; a letter may begin a text instead."""
        answer = self._answer
        if answer is None or not isinstance(event, events.Key) or event.key != answer.key:
            self._answer = None
            return False
        letter = event.is_printable and not (event.key.isalpha() and self._is_text(event))
        return letter and event.time - answer.time < _DOUBLE

    async def _give_up(self) -> None:
        self.drop_waiting()
        if not self.is_opening:
            await self._go_on()
        for asking in self._asking:
            if asking.worker is not None and asking.is_opening(self.screen_stack):
                asking.worker.cancel()

    # keys

    def hold_keys(self, seconds: float) -> None:
        """Lets keys wait until `release_keys`, but not longer than that."""
        self._patience = self.set_timer(seconds, self._go_on)

    def release_keys(self) -> None:
        self.call_later(self._go_on)

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif not self._acts and not self._waiting and not (self._typed and not self._is_text(event)):
            await self._send(event)
        elif isinstance(event, events.Key) and event.key == "escape" and (self.is_opening or self._owes_answer):
            await self._give_up()
        else:
            self._waiting.append(event)
            self.set_timer(_PATIENCE, self._give_up_text)
            if self._leaves(event):
                self.set_timer(_PATIENCE, partial(self._leave_at_last, event))

    def drop_waiting(self) -> None:
        """Forgets the keys that wait, since what they waited for did not come about."""
        self._waiting.clear()

    def _leaves(self, event: events.Event) -> bool:
        return isinstance(event, events.Key) and any(
            one.action == "quit" and one.key == event.key for one in bindings_of(self)
        )

    async def _leave_at_last(self, event: events.Key | events.Paste) -> None:
        """Lets the key to leave through that has waited long enough: what is waited for may never come."""
        if event in self._waiting:
            await self._give_up()
            await self._send(event)

    async def _send(self, event: events.Key | events.Paste) -> None:
        if self._answers_again(event):
            return
        self.pressed_at = event.time
        self._pressed = event if isinstance(event, events.Key) else None
        self._pressed_on = self.screen
        start = self.focused or self.screen
        if self._is_text(event):
            self._typed += 1
            await super().on_event(event)
            self._follow(start, self._took_text)
            return
        self._patience = patience = self.set_timer(_PATIENCE, self._go_on_unless_opening)
        await super().on_event(event)
        self._follow(start, partial(self._acted, patience))

    def _is_text(self, event: events.Key | events.Paste) -> bool:
        """Whether the field that has the focus takes it as text."""
        field = self.focused
        if isinstance(event, events.Paste):
            return isinstance(field, Input | TextArea)
        shortcuts = getattr(field, "SHORTCUTS", "")
        return event.is_printable and isinstance(field, Input | TextArea) and (event.character or "") not in shortcuts

    def _follow(self, node: DOMNode | None, then: Callable[[], object]) -> None:
        """Goes behind the key through the queues of all nodes up to the app."""
        while node is not None and node is not self:
            if node.call_later(self._follow, node.parent, then):
                return
            node = node.parent
        # Once more to the end of the app's queue: the key may have put a change of focus there.
        self.call_later(then)

    async def _give_up_text(self) -> None:
        """What waits for text goes on when the field went away before it took it."""
        if self._waiting and self._typed and not self._acts:
            self._typed = 0
            await self._go_on()

    async def _took_text(self) -> None:
        self._typed = max(0, self._typed - 1)
        if not self._acts:
            await self._go_on()

    def _acted(self, key: Timer) -> None:
        """`key`, here and below: the patience with one key, by which news of an earlier one is told apart."""
        screen = self.screen
        screen.call_after_refresh(self._look_whether_ready, key)
        self.set_timer(_SLOW_FRAME, partial(self._look_if_left, key, screen))

    async def _look_if_left(self, key: Timer, screen: Screen[object]) -> None:
        """A screen that is no longer shown draws nothing, and tells nobody that it did."""
        if self.screen_stack and screen is not self.screen:
            await self._look_whether_ready(key)

    async def _look_whether_ready(self, key: Timer) -> None:
        if key is not self._patience or not self.screen_stack:
            return
        if self.is_opening or self._dialog_begins or self._screen_begins or self._talks or self._owes_answer:
            self._repeated |= isinstance(self.screen, ModalScreen) and self._owes_answer
            self.set_timer(_GLANCE, partial(self._look_whether_ready, key))
            return
        if self._repeated:
            self._repeated = False
            self._drop_repeated()
        await self._go_on()

    def _drop_repeated(self) -> None:
        """Forgets a key that saved what stands in a dialog and was pressed again before it was saved."""
        while self._waiting and self._pressed is not None and getattr(self._waiting[0], "key", "") == self._pressed.key:
            self._waiting.popleft()

    @property
    def _dialog_begins(self) -> bool:
        """Whether a dialog is there but not yet ready for keys."""
        screen = self.screen
        return isinstance(screen, ModalScreen) and (
            not screen.is_running or (screen.focused is None and bool(screen.focus_chain))
        )

    @property
    def _screen_begins(self) -> bool:
        """Whether the key brought a screen that has nothing to act on yet; it is waited for as long as for a key."""
        return self.screen is not self._pressed_on and self.begins(self.screen)

    def begins(self, screen: Screen[object]) -> bool:
        """Whether a screen still waits for what its keys act on."""
        return False

    @property
    def _talks(self) -> bool:
        """Whether messages are under way on the screen, of which one may change what the next key acts on."""
        return any(node.message_queue_size for node in self.screen.walk_children(with_self=True))

    @property
    def _owes_answer(self) -> bool:
        """Whether the key asked for something that other keys act on, and that is not there yet."""
        return not isinstance(self.focused, Input | TextArea) and self.owes_answer(self.screen)

    def owes_answer(self, screen: Screen[object]) -> bool:
        """Whether a screen still shows something else than what was asked for, or saves what keys wait for."""
        return False

    async def _go_on_unless_opening(self) -> None:
        if not self.is_opening and not self._owes_answer:
            await self._go_on()

    async def _go_on(self) -> None:
        """Lets the keys that waited through, until one of them has an effect to wait for."""
        if self._patience is not None:
            self._patience.stop()
            self._patience = None
        while self._waiting and not self._acts:
            if self._typed and not self._is_text(self._waiting[0]):
                return
            await self._send(self._waiting.popleft())
