"""The terminal of the app: pastes arrive as they were, and when it goes away the app ends."""

from __future__ import annotations

import os
import select
import selectors
import signal
import sys
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TextIO, TypeGuard, cast

from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from memoria_tui.terminal.textual_internals import XTermParser

if TYPE_CHECKING:
    from io import TextIOWrapper

    from textual.app import App

_BEGIN, _END = "\x1b[200~", "\x1b[201~"
AT_ONCE = 4096
_TEXT, _LETTERS = 24, 8
"""Keys, and different ones among them, from which on what arrives together is no keys pressed one by one."""
_LINE_ENDS = frozenset({"enter", "ctrl+j"})
_OF_TEXT = _LINE_ENDS | {"tab"}
"""Keys that a text has beside letters, as line ends are read."""
_MOMENT = 0.1
"""Seconds in which signals that came together have all arrived."""


class EscAnd(events.Key):
    """A key that came so quickly behind esc that most terminals, and tmux for half a second, make one of them."""

    def __init__(self, key: events.Key, both: events.Key) -> None:
        """`both`: what Textual takes them for."""
        super().__init__(key.key, key.character)
        self.alt = both if both.key != key.key and (both.key.startswith("alt+") or not both.is_printable) else None
        """The key of its own that they are to such a terminal, as alt+n, or ctrl+left, which alt and b are."""


class KeysTogether(events.InputEvent):
    """Keys that arrived together and look like a text: of a paste without marks, or typed while nothing was read."""

    def __init__(self, keys: Sequence[events.Key]) -> None:
        super().__init__()
        self.keys = keys


class TextTogether(events.Paste):
    """What of keys that arrived together is text, whatever their line ends do as keys."""

    def __init__(self, keys: Sequence[events.Key]) -> None:
        super().__init__("".join(key.character or "" for key in keys))
        self.time = keys[-1].time


def has_lines(keys: Sequence[events.Key]) -> bool:
    """Whether anything but line ends is behind the first line end."""
    ends = [key.key in _LINE_ENDS for key in keys]
    return True in ends and not all(ends[ends.index(True) :])


def is_of_text(message: Message) -> TypeGuard[events.Key]:
    """Whether it is a key that a text can have."""
    return isinstance(message, events.Key) and (message.is_printable or message.key in _OF_TEXT)


def _is_like_text(messages: Sequence[Message]) -> TypeGuard[Sequence[events.Key]]:
    letters = {one.character for one in messages if isinstance(one, events.Key) and one.is_printable}
    return all(map(is_of_text, messages)) and len(messages) >= _TEXT and len(letters) >= _LETTERS


class KeyParser(XTermParser):
    """Takes what is between the marks of a paste as text, whatever is in it, and tells of a key right behind esc and of
    keys that look like a paste without marks; the rest as Textual does.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pasted: list[str] | None = None
        """What of a paste is here; None outside of one."""
        self._tail = ""
        """The end of what was read, which may hold a part of a mark."""

    def feed(self, data: str) -> Iterable[Message]:
        if not data:
            yield from super().feed(data)
            return
        while data:
            known = self._tail
            at = (known + data).find(_BEGIN if self._pasted is None else _END)
            if at < 0:
                self._tail = (known + data)[-len(_END) + 1 :]
                yield from self._take(data)
                return
            end = at + len(_BEGIN) - len(known)
            before, data, self._tail = data[:end], data[end:], ""
            yield from self._take(before)
            yield from self._turn()

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        made = list(super()._sequence_to_key_events(sequence, alt))
        if not (made and (alt or (len(sequence) == 2 and sequence.startswith("\x1b")))):
            return made
        return [EscAnd(key, made[0]) for key in super()._sequence_to_key_events(sequence[-1])]

    def _take(self, data: str) -> Iterable[Message]:
        if self._pasted is not None:
            self._pasted.append(data)
        elif _is_like_text(messages := list(super().feed(data))):
            yield KeysTogether(messages)
        else:
            yield from messages

    def _turn(self) -> Iterable[Message]:
        """A mark was read: a paste begins or ends. Textual's parser sees the marks, and nothing between them."""
        if self._pasted is None:
            self._pasted = []
            return
        text = "".join(self._pasted).removesuffix(_END)
        self._pasted = None
        yield from (message for message in super().feed(_END) if not isinstance(message, events.Paste))
        yield events.Paste(text)


class _Lasting:
    """A stream whose other end may go away; what is written then is dropped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            return 0

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            return

    def fileno(self) -> int:
        return self._stream.fileno()


def has_shell() -> bool:
    """Whether a shell is there that takes the terminal when the app is stopped, and can let it go on."""
    import psutil  # later: it takes longer than the first picture

    for one in psutil.Process().parents():
        try:
            if os.getpgid(one.pid) != os.getpgrp():
                return os.getsid(one.pid) == os.getsid(0)
        except OSError:
            return False
    return False


class TerminalDriver(LinuxDriver):
    """Textual's driver with these differences."""

    def __init__(
        self, app: App[object], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._file = cast("TextIOWrapper", _Lasting(sys.__stderr__ or sys.stderr))
        self._has_terminal = False
        self._will_resume = False
        self._given_back = False
        self.is_ending: Callable[[], bool] = lambda: False
        """Whether a signal came that ends the app, which does first what was asked for before."""

    @property
    def is_unread(self) -> bool:
        """Whether keys are there that the thread that reads them has not taken."""
        asked = select.poll()
        asked.register(self.fileno, select.POLLIN)
        gone = select.POLLHUP | select.POLLERR | select.POLLNVAL  # a terminal that hung up is read without end
        return any(found & select.POLLIN and not found & gone for _, found in asked.poll(0))

    @property
    def is_lent(self) -> bool:
        """Whether another program has the terminal for a while, as an editor: what is typed is for that one."""
        return self._will_resume

    @property
    def _is_in_background(self) -> bool:
        """Whether the terminal is there and others have it."""
        try:
            return os.tcgetpgrp(self.fileno) != os.getpgrp()
        except OSError:  # the terminal is gone, or there was none
            return False

    def give_back(self, line: str) -> None:
        """Ends the app's use of the terminal before the app has ended, and says why that takes longer."""
        self.stop_application_mode()
        self._given_back = True
        self.write(f"{line}\r\n")
        self.flush()

    def start_application_mode(self) -> None:
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._has_terminal = True

    def stop_application_mode(self) -> None:
        if self._given_back:
            return
        self._has_terminal = False
        self._will_resume = False  # the app may end while another program has the terminal
        super().stop_application_mode()

    def suspend_application_mode(self) -> None:
        super().suspend_application_mode()
        self._will_resume = True

    def _sigtstp_application(self, *_: object) -> None:
        """Stops what the shell started as one with the app, too, as a script: else it waits, and the shell for it."""
        if self._auto_restart:
            self.suspend_application_mode()
            self._must_signal_resume = True
        before = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        os.killpg(0, signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, before)
        os.kill(os.getpid(), signal.SIGSTOP)

    def resume_application_mode(self) -> None:
        """Takes the terminal again, and once only.

        SIGCONT also comes with SIGHUP when the terminal goes away, and after a SIGSTOP that nobody sees coming. A
        second reader of the keys would never be ended, and the program with it. While the shell has the terminal, as
        after its `bg`, the app stops once more: there is a SIGCONT when it gets the terminal.
        """
        if self._is_in_background:
            self._loop.call_later(_MOMENT, self._stop_in_background)
            return
        if self._has_terminal:
            self.suspend_application_mode()
            self._must_signal_resume = True  # what was drawn may be gone
        if self._will_resume:
            self._will_resume = False
            super().resume_application_mode()

    def _stop_in_background(self) -> None:
        """Not at once: a shell's `kill` sends SIGTERM with the SIGCONT, and that ends the app."""
        if self._is_in_background and not self.is_ending():
            os.kill(os.getpid(), signal.SIGSTOP)

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except OSError:  # nobody is there to type any more
            os.kill(os.getpid(), signal.SIGHUP)

    def run_input_thread(self) -> None:
        """Reads until the driver stops; bytes that are no text come as replacement characters."""
        parser = KeyParser()
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                for _ in selector.select(0.1):
                    if text := decode(os.read(self.fileno, AT_ONCE)):
                        self._post(parser.feed(text))
                    else:
                        self.exit_event.wait(0.1)  # the end of the input, which would be told without a rest
                self._post(parser.tick())

    def _post(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.process_message(message)
