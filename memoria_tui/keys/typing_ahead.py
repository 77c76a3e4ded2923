"""Keys typed faster than the screen follows: each waits until the one before it has had its effect.

A key travels from the focused widget up to the app before a binding acts on it, while the next one would already be on
its way to the widget that has the focus now. So `/` and the words after it, or a key that opens a dialog and what is
typed into it, would go to the list. Text typed into a field needs no waiting: its keys arrive in order. But the next
key that is no text waits until the text is there: ctrl+s acts before the field has taken the letter in front of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

from textual import events
from textual.app import App, ReturnType
from textual.dom import DOMNode
from textual.driver import Driver
from textual.screen import ModalScreen, Screen
from textual.timer import Timer, TimerCallback
from textual.widgets import Input, TextArea

from memoria_tui.keys.dialog_actions import Opening
from memoria_tui.keys.waiting_keys import Act, Typed, WaitingKeys
from memoria_tui.terminal.driver import EscAnd, KeysTogether, TerminalDriver, TextTogether, has_lines, is_of_text
from memoria_tui.terminal.textual_internals import bindings_of, sure

_PATIENCE, _LOOKS = 2.0, 50
"""Seconds, and looks within them, after which the effect of a key is no longer waited for, unless it opens a dialog.

Between two looks all that is under way goes on a step: where the machine stands still, seconds alone say nothing.
"""
_GLANCE = 0.01
_DOUBLE = 0.4
"""Seconds within which the key that answered a dialog is taken as pressed twice by mistake."""
_BURST = 0.5
"""Seconds between two keys that are typed in one go."""
_APART = 0.3
"""Seconds between two keys from which on they are not of one text."""
_PIECES = 0.05
"""Seconds within which what arrives behind a text of several lines is still of it."""
_WONDERING = 0.5
"""Seconds after which a person is told what keys wait for."""


@dataclass(frozen=True, slots=True)
class _Wait:
    """Something that keys wait for."""

    what: str
    """As a person is told it."""
    holds: Callable[[TypingAhead[Any], Typed | None], bool]
    """Whether this key waits for it now; None: whichever comes."""
    endless: bool = False
    """Until esc; otherwise no longer than `_PATIENCE` and `_LOOKS`."""


_SAVES = _Wait("the stores", lambda app, _: app.saves(app.screen), endless=True)
_BEHIND_A_KEY = (
    # The key itself, on its way to what acts on it, and the drawing of what it did.
    _Wait("the screen", lambda app, _: app.travels is not None or app.draws is app.screen),
    # A dialog that an action is about to open: keys are meant for it, not for what is below.
    _Wait("what opens", lambda app, _: app.is_opening, endless=True),
    # What is saved, and what the screen was asked for: keys act on what is there then.
    _SAVES,
    _Wait("the stores", lambda app, _: not app.is_in_field and app.owes_answer(app.screen), endless=True),
    # A dialog that is there without its focus, or a screen with nothing to act on yet: keys would go nowhere.
    _Wait("the dialog", lambda app, _: _is_unready(app.screen)),
    _Wait("the screen", lambda app, _: app.screen is not app.pressed_on and app.begins(app.screen)),
    # Messages under way on the screen, of which one may change what the next key acts on.
    _Wait("the screen", lambda app, _: _talks(app.screen)),
)
_BEHIND_TEXT = (
    # Text on its way to the field: ctrl+s would save without it.
    _Wait("the text", lambda app, key: app.typed > 0 and not app.is_text(key)),
    # Whether a letter that would answer a question begins a text.
    _Wait("what follows", lambda app, key: key is not None and app.may_begin_text(key), endless=True),
    # In a dialog the answer to what was typed: enter takes what is found, and what edits the text goes on.
    _Wait("the search", lambda app, key: app.owes_search and not app.is_text(key) and not app.edits(key), endless=True),
)


def _apart(event: EscAnd) -> tuple[events.Key, events.Key]:
    return events.Key("escape", "\x1b"), events.Key(event.key, event.character)


def _is_unready(screen: Screen[object]) -> bool:
    return isinstance(screen, ModalScreen) and (
        not screen.is_running or (screen.focused is None and bool(screen.focus_chain))
    )


def _talks(screen: Screen[object]) -> bool:
    return any(node.message_queue_size for node in screen.walk_children(with_self=True))


class TypingAhead(App[ReturnType]):
    """An app whose keys are meant for what the keys before them opened."""

    def __init__(self, driver_class: type[Driver] | None = None) -> None:
        super().__init__(driver_class=driver_class)
        self._waiting = WaitingKeys()
        self._acts = False
        """Whether a key has its effect now."""
        self.since = 0.0
        """Since when that is waited for, in monotonic seconds."""
        self._looks = 0
        """How often that was looked for since."""
        self.travels: object | None = None
        """The key while it is on its way to what acts on it."""
        self.draws: Screen[object] | None = None
        """The screen that draws what it did."""
        self.pressed_at = 0.0
        """When the key was pressed that has its effect now, in monotonic seconds."""
        self._pressed: events.Key | None = None
        """The key that has its effect now."""
        self.pressed_on: Screen[object] | None = None
        """The screen that it was pressed on."""
        self._answer: events.Key | None = None
        """The key that answered the last dialog."""
        self.typed: int = 0
        """Texts on their way to the field that has the focus."""
        self._glance: Timer | None = None
        """The next look at what keys wait for."""
        self.opening = Opening()
        self._ignored_until = 0.0
        self._told_ignored = self._lets_open = False
        self._text_until = 0.0
        """Until when keys are of the text of several lines that arrives."""
        self._gave_up = False
        """Whether the person gave up what waits for a save, which is still on the screen."""
        self._saved_at = 0.0
        """When what the key that has its effect now began to save was last under way; 0: it saves nothing."""

    def set_timer(
        self, delay: float, callback: TimerCallback | None = None, *, name: str | None = None, pause: bool = False
    ) -> Timer:
        return sure(super().set_timer(delay, callback, name=name, pause=pause))

    def on_mount(self) -> None:
        self.screen_change_signal.subscribe(self, self.opening.screen_changed, immediate=True)

    @property
    def keys_under_way(self) -> bool:
        """True while a key that was pressed has not had its effect."""
        return self._acts or bool(self._waiting)

    # dialogs

    @property
    def is_opening(self) -> bool:
        """Whether some action is about to open a dialog."""
        return self.opening.is_under_way(self.screen_stack)

    def answered(self) -> None:
        """A dialog was answered by the key that has its effect now."""
        self._answer = self._pressed

    def _answers_again(self, event: Typed) -> bool:
        """Whether it is the key that answered the last dialog, pressed twice; a letter may begin a text instead."""
        answer = self._answer
        if answer is None or not isinstance(event, events.Key) or event.key != answer.key:
            self._answer = None
            return False
        letter = event.is_printable and not (event.key.isalpha() and self.is_text(event))
        return letter and event.time - answer.time < _DOUBLE

    def _give_up(self) -> None:
        self.drop_waiting()
        if self._acts and not self.is_opening:
            self.give_up(self.screen)
            self._acts, self.travels = False, None
        self.opening.give_up(self.screen_stack)
        self._gave_up, self._told_ignored, self._lets_open = self.saves(self.screen), False, False

    def give_up(self, screen: Screen[object]) -> None:
        """The person waits no longer for what was asked for on a screen."""

    # keys

    def hold_keys(self, seconds: float) -> None:
        """Lets keys wait until `release_keys`, but not longer than that."""
        self._acts, self.travels = True, self
        self._wait_from(monotonic() + seconds - _PATIENCE)

    def wait_for_what_opens(self) -> None:
        """Lets keys wait for a dialog that no key opens, or for its end."""
        self._acts, self._pressed = True, None
        self._wait_from(monotonic())

    def release_keys(self) -> None:
        self.travels = None

    def _wait_from(self, since: float) -> None:
        self.since, self._looks = since, 0
        self._look_soon()

    @property
    def _is_patient(self) -> bool:
        """Whether the effect of the last key is still waited for."""
        return monotonic() < self.since + _PATIENCE or self._looks < _LOOKS

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, KeysTogether):
            await self._take_together(event.keys)
        elif not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif is_of_text(event) and event.time < self._text_until:
            await self._take_lines([event])
        elif isinstance(event, EscAnd) and self._gives_up(event):
            for one in _apart(event):
                await self.on_event(one)
        elif self._is_ignored(event):
            self._ignored_until = event.time + _BURST
            self._notify_ignored()
        elif not self._waiting and not self._acts and self._wait_of(event) is None:
            await self._send(event)
        elif isinstance(event, events.Key) and event.key == "escape" and (wait := self._wait_of(endless=True)):
            if (self.waiting_text or self._waiting.is_saved) and not self._insists(event):
                self._wait(event)  # it may be meant for what that text is for
                self.notify(f"Keys wait for {wait.what}: esc again gives up", markup=False)
            else:
                self._give_up()
        else:
            self._wait(event)

    async def _take_together(self, keys: Sequence[events.Key]) -> None:
        """A text that nothing asked for is a paste into nothing: no letter of it acts."""
        at = next((at for at, key in enumerate(keys) if not key.key.isdecimal()), None)  # a number goes to a mode
        below = len(self.screen_stack) == 1  # what a dialog has is not for a text from nowhere
        opens = below and at is not None and self.act_of(keys[at]) is Act.TAKES_TEXT
        typing = (
            self.is_in_field or self._opens_field or any(self.act_of(one) is Act.TAKES_TEXT for one in self._waiting)
        )
        if typing or self._waiting or opens or self._is_ignored(keys[0]):
            opening = 0 if typing or at is None or not opens else at + 1
            lines = (typing or opens) and (has_lines(keys[opening:]) or keys[0].time < self._text_until)
            for key in keys[:opening] if lines else keys:
                await self.on_event(key)
            if lines:
                await self._take_lines(keys[opening:])
        else:
            self._notify_nowhere()

    async def _take_lines(self, keys: Sequence[events.Key]) -> None:
        """Keys of a text of several lines: a line end would close the field, and what is behind it would act."""
        self._text_until = keys[-1].time + _PIECES
        text = TextTogether(keys)
        if isinstance(last := self._waiting.last, TextTogether):
            last.text += text.text
        else:
            await self.on_event(text)

    def _notify_nowhere(self) -> None:
        """Without how long it is: where the terminal does not mark it, it comes in pieces."""
        self._ignored_until, self._told_ignored, self._lets_open = monotonic() + _BURST, True, False
        self.notify("A text came where none is typed: it went nowhere", markup=False)

    def _wait(self, event: Typed) -> None:
        self._waiting.append(event)
        if self._leaves(event):
            self.set_timer(_PATIENCE, partial(self._leave_at_last, event))
        self._look_soon()

    @property
    def waiting_text(self) -> str:
        """The text that is typed and waits for what it is to be typed into."""
        typing = not self.saves(self.screen) and (self._opens_field or self.is_in_field)
        return self._waiting.text(self.act_of, typing=typing)

    @property
    def _opens_field(self) -> bool:
        """Whether the key that has its effect now, or what it opens, may be what text is typed into."""
        opened = self._acts and self._pressed is not None and self.act_of(self._pressed) is Act.TAKES_TEXT
        return opened or self.is_opening

    def act_of(self, key: Typed) -> Act:
        """What a key does on the screen below all dialogs, where no text is typed."""
        screen = self.screen_stack[0]
        nodes = screen.focused.ancestors_with_self if screen.focused is not None else [screen, self]
        for node in nodes:
            for binding in () if isinstance(node, Input | TextArea) else bindings_of(node):
                if binding.key == getattr(key, "key", ""):
                    action = getattr(node, f"action_{binding.action.partition('(')[0].rpartition('.')[2]}", None)
                    return Act.TAKES_TEXT if getattr(action, "takes_text", False) else Act.ACTS
        return Act.NOTHING

    @property
    def owes_keys(self) -> bool:
        """Whether something that was typed has not had its effect, or is not read yet."""
        if isinstance(self._driver, TerminalDriver) and self._driver.is_lent:
            return False  # the key that lent the terminal has its effect until the other program ends
        return self._has_unread or self.keys_under_way or self.typed > 0

    @property
    def _has_unread(self) -> bool:
        """Whether something that was typed may not be read yet."""
        unread = isinstance(self._driver, TerminalDriver) and self._driver.is_unread
        return unread or self.message_queue_size > 0

    def keep_text(self, text: str) -> None:
        """Keeps what was typed and went nowhere."""

    def _insists(self, event: events.Key) -> bool:
        """Whether a key that waits was pressed before, and not in one go with this."""
        return any(event.time > one.time + _BURST for one in self._waiting if getattr(one, "key", "") == event.key)

    def drop_waiting(self) -> None:
        """Forgets the keys that wait, since what they waited for did not come about; not the text among them."""
        if text := self.waiting_text:
            self.keep_text(text)
        self._waiting.clear()
        self.notify_wait("")

    def ignore_burst(self, *, but_opening: bool = False) -> None:
        """Lets what is typed behind the key that has its effect, without a pause, go nowhere.

        `but_opening`: not when it begins with a key that opens a field, which was meant for nothing else.
        """
        self._told_ignored, self._lets_open = False, but_opening
        if self._opens(self._waiting.first):
            return
        if self._waiting:
            self._notify_ignored()
            self._waiting.clear()
        self.notify_wait("")
        self._ignored_until = monotonic() + _BURST

    def _opens(self, event: Typed | None) -> bool:
        """Whether what is typed from this key on is not ignored."""
        lets = self._lets_open and not self._told_ignored
        return lets and event is not None and self.act_of(event) is Act.TAKES_TEXT

    def _notify_ignored(self) -> None:
        if not self._told_ignored:
            self._told_ignored = True
            when = "before that is saved" if self._gave_up else "right behind that"
            self.notify(f"What was typed {when} went nowhere", markup=False)

    def _gives_up(self, event: EscAnd) -> bool:
        """Whether the esc is for what is waited for, and comes before all that waits."""
        return not self.is_in_field and not self._is_ignored(event) and self._wait_of(endless=True) is not None

    def _is_ignored(self, event: Typed) -> bool:
        leaves = self._leaves(event) or (isinstance(event, events.Key) and event.key == "escape")
        self._gave_up &= self.saves(self.screen)
        if event.time < self._ignored_until and self._opens(event):
            self._ignored_until = 0.0
        return (self._gave_up or event.time < self._ignored_until) and not leaves

    def notify_wait(self, what: str) -> None:
        """Tells a person what keys wait for; "": for nothing any more."""

    def notify_leaving(self) -> None:
        """Tells a person what leaving waits for."""

    def _wait_of(self, key: Typed | None = None, *, endless: bool = False) -> _Wait | None:
        """What this key waits for behind another one, or whichever comes; `endless`: without an end but esc."""
        endless |= not self._is_patient
        waits = _BEHIND_A_KEY if self._acts else _BEHIND_TEXT
        return next((wait for wait in waits if wait.endless >= endless and wait.holds(self, key)), None)

    @property
    def _next_wait(self) -> _Wait | None:
        return self._wait_of(self._waiting.first)

    def _leaves(self, event: events.Event) -> bool:
        return isinstance(event, events.Key) and any(
            one.action == "quit" and one.key == event.key for one in bindings_of(self)
        )

    async def _leave_at_last(self, event: Typed) -> None:
        """Lets the key to leave through when nothing goes on before it: what is waited for may never come.

        Leaving waits for what is saved, too, and what was typed before it is not to be lost.
        """
        if event not in self._waiting:
            return
        if (saves := self._next_wait is _SAVES) or self._is_patient:
            if saves:
                self.notify_leaving()
            self.set_timer(_PATIENCE, partial(self._leave_at_last, event))
        else:
            self._give_up()
            await self._send(event)

    async def _send(self, event: Typed) -> None:
        if isinstance(event, EscAnd):
            alt, in_field = event.alt, self.is_in_field
            if alt and (alt.key in self.screen.active_bindings or (in_field and not alt.is_printable)):
                event = alt
            elif in_field:  # where other programs have keys with alt
                self.notify(f"esc and {event.key} came in one go, which is alt and {event.key}: press them apart")
                return
            else:
                event, behind = _apart(event)
                self._waiting.put_back(behind)
        if isinstance(event, TextTogether):
            if not self.is_in_field:
                self._notify_nowhere()
                return
            event = events.Paste(event.text)
        if self._answers_again(event):
            return
        before, self.pressed_at = self.pressed_at, event.time
        if self.makes_way(event):
            self._waiting.put_back(event)
            self.wait_for_what_opens()
            return
        if self._is_letter_for_a_question(event) and self._is_of_text(event, before):
            self.notify_no_answer()
            return
        self._pressed = event if isinstance(event, events.Key) else None
        self.pressed_on = self.screen
        self.since, self._looks = monotonic(), 0
        start, then = self.focused or self.screen, self._took_text
        if self.is_text(event):
            self.typed += 1
        else:
            self._acts, self.travels, self.typed = True, event, 0
            then = partial(self._arrived, event)
            self._look_soon()
        await super().on_event(event)
        self._follow(start, then)

    # questions

    @property
    def is_asked(self) -> bool:
        """Whether a question is on the screen, which letters answer."""
        return False

    def notify_no_answer(self) -> None:
        """Tells a person that letters typed in one go answer no question."""

    def makes_way(self, event: Typed) -> bool:
        """Whether a dialog that nobody asked for closes, since this key was meant for what is below."""
        return False

    def _is_letter_for_a_question(self, event: Typed) -> bool:
        return self.is_asked and isinstance(event, events.Key) and event.is_printable

    def _is_of_text(self, event: Typed, before: float) -> bool:
        """Whether keys came right before it, where the last one is from `before`, or behind it."""
        behind = self._waiting.first
        return event.time < before + _APART or (behind is not None and behind.time < event.time + _APART)

    def may_begin_text(self, event: Typed) -> bool:
        """Whether it would answer a question, and it is not known yet whether something comes right behind it."""
        alone = not any(one is not event for one in self._waiting)
        comes = monotonic() < event.time + _APART or self._has_unread
        return alone and self._is_letter_for_a_question(event) and comes

    @property
    def is_in_field(self) -> bool:
        """Whether a field has the focus."""
        return isinstance(self.focused, Input | TextArea)

    def is_text(self, key: Typed | None) -> bool:
        """Whether the field that has the focus takes it as text."""
        return self.is_in_field and (isinstance(key, events.Paste) or (key is not None and key.is_printable))

    def edits(self, key: Typed | None) -> bool:
        """Whether it is a key of the field that has the focus, or leaves it."""
        own = bindings_of(self.focused) if self.focused is not None else ()
        return getattr(key, "key", "") in {"escape", *(one.key for one in own if one.action != "submit")}

    @property
    def owes_search(self) -> bool:
        """Whether a dialog does not show yet what the text in its field finds."""
        screen = self.screen
        return self.is_in_field and isinstance(screen, ModalScreen) and (self.owes_answer(screen) or _talks(screen))

    def _follow(self, node: DOMNode | None, then: Callable[[], object]) -> None:
        """Goes behind the key through the queues of all nodes up to the app."""
        while node is not None and node is not self:
            if node.call_later(self._follow, node.parent, then):
                return
            node = node.parent
        # Once more to the end of the app's queue: the key may have put a change of focus there.
        self.call_later(then)

    def _took_text(self) -> None:
        self.typed = max(0, self.typed - 1)

    def _arrived(self, key: Typed) -> None:
        if key is self.travels:
            self.travels, self.draws = None, self.screen
            self.screen.call_after_refresh(self._drawn, self.screen)

    def _drawn(self, screen: Screen[object]) -> None:
        if screen is self.draws:
            self.draws = None
            self.call_later(self._look)

    def _drop_repeated(self) -> None:
        """Forgets a key that saved something and was pressed again before it was saved."""
        saved_at, self._saved_at = self._saved_at, 0.0
        repeated = self._pressed if saved_at else None
        while (key := self._waiting.first) and repeated and getattr(key, "key", "") == repeated.key:
            if key.time > saved_at:
                break
            self._waiting.take()
            if repeated.key not in ("enter", "ctrl+s"):  # who presses these twice means it once
                name = (repeated.is_printable and (repeated.character or "").strip()) or repeated.key
                self.notify(f"{name} came again before that was done, and did nothing", markup=False)

    def begins(self, screen: Screen[object]) -> bool:
        """Whether a screen still waits for what its keys act on."""
        return False

    def owes_answer(self, screen: Screen[object]) -> bool:
        """Whether a screen still shows something else than what was asked for."""
        return False

    def saves(self, screen: Screen[object]) -> bool:
        """Whether a screen saves what was typed there, before what the next key is meant for."""
        return False

    async def _look(self) -> None:
        """Lets keys through until one of them has something to wait for."""
        if self._glance is not None:
            self._glance.stop()
            self._glance = None
        while self.screen_stack and (self._acts or self._waiting):
            wait = self._next_wait
            if wait is None and self._acts:
                await asyncio.sleep(0)  # a worker that the key made just now says in its first turn what it saves
                wait = self._next_wait if self.screen_stack else None
            if wait is not None:
                self._saved_at = monotonic() if wait is _SAVES else self._saved_at
                if self._waiting.first is not None and monotonic() > self._waiting.first.time + _WONDERING:
                    self.notify_wait(wait.what)
                self._look_soon()
                return
            if self._acts:
                self._acts = False
                self._drop_repeated()
            elif self._waiting:
                await self._send(self._waiting.take())
        if not self._waiting:
            self.notify_wait("")

    async def _look_again(self) -> None:
        self._looks += 1
        await self._look()

    def _look_soon(self) -> None:
        if self._glance is None:
            self._glance = self.set_timer(_GLANCE, self._look_again, name="glance")
