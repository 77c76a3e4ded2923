"""What every mode of the app has in common: the line above, the keys below, and how it learns of the stores."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Coroutine, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import getters
from textual.app import ComposeResult
from textual.message import Message
from textual.reactive import var
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.drafts import Draft
from memoria_tui.log import refused
from memoria_tui.present import safe
from memoria_tui.screens.states import Idle, failing_line, opening
from memoria_tui.widgets.key_line import KeyLine
from memoria_tui.widgets.top_line import TopLine
from memoria_tui.writes import UnderWay, not_done, write
from services.errors import MemoriaError
from services.model import StatusSnapshot, Subject
from services.ports import Clock

if TYPE_CHECKING:
    from services.container import Services

Answer = TypeVar("Answer")

_MEMORY_ID = re.compile(r"['\"]?(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})['\"]?")


class ModeScreen(Screen[None]):
    """A mode: it is on screen before the stores are open, and is told when they are, or why they are not."""

    DEFAULT_CSS = """
    ModeScreen #failing { display: none; height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]
    AUTO_FOCUS = ""
    FOLLOWS: ClassVar[frozenset[Subject]] = frozenset()
    """What the mode shows of what others write while it is on screen."""

    class Reopen(Message):
        """The person asks to open the stores again."""

    class Opened(Message):
        """The mode is on screen for the first time; the stores may be open long since."""

        def __init__(self, screen: ModeScreen) -> None:
            super().__init__()
            self.screen = screen

    class GraphWanted(Message):
        """The person asks to see a memory in the graph."""

        def __init__(self, memory_id: str) -> None:
            super().__init__()
            self.memory_id = memory_id

    status: var[StatusSnapshot] = var(StatusSnapshot, init=False)
    """How the stores are, as far as it is known."""
    state: object
    """What is shown, a union of each mode's own; `Idle` while the stores are being opened."""
    busy: var[str] = var("", init=False)
    """What a person waits for: «saving …»."""
    top_line = getters.query_one(TopLine)

    def __init__(self, where: str, clock: Clock) -> None:
        super().__init__()
        self._where = where
        self._clock = clock
        self._unseen: frozenset[Subject] = frozenset()
        self._shown_at: datetime | None = None
        self.services: Services | None = None

    def compose(self) -> ComposeResult:
        line = TopLine(self._clock)
        line.where = self._where
        yield line
        yield Static(id="failing")
        yield from self.compose_body()
        yield KeyLine()

    def compose_body(self) -> Iterable[Widget]:
        """What stands between the two lines."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.post_message(self.Opened(self))

    def watch_status(self, status: StatusSnapshot) -> None:
        for line in self.query(TopLine):  # none before the screen is composed and after it was taken down
            line.stores, line.pending, line.sessions = status.stores, status.pending, status.sessions
        for failing in self.query("#failing").results(Static):
            told = failing_line(status, self._shown_at, self._clock().tzinfo)
            failing.display = told is not None
            failing.update(told or "")
        if self.services is not None and self._shown_at is None and self.is_waiting:
            for notice in self.query("#notice").results(Static):
                notice.update(opening(status, self.services.settings, self._clock().tzinfo))

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is on its way."""
        return isinstance(self.state, Idle)

    def shown(self) -> None:
        """What is on screen was read from the stores just now."""
        self._shown_at = self._clock()

    @property
    def unsaved(self) -> tuple[str, ...]:
        """What was typed here and is not saved, each named."""
        return ()

    @property
    def draft(self) -> Draft | None:
        """What was typed here and is not saved, for the next start."""
        return None

    def watch_busy(self, busy: str) -> None:
        for line in self.query(TopLine):
            line.busy = busy

    def connected(self, services: Services) -> None:
        """The stores are open."""
        self.services = services
        self.watch_status(self.status)

    def failed(self, error: MemoriaError) -> None:
        """The stores cannot be opened."""
        raise NotImplementedError

    def changed(self) -> None:
        """Something was written by another part of the app: show what stands there now."""
        raise NotImplementedError

    def heard(self, subjects: frozenset[Subject]) -> None:
        """Others wrote this. It waits while a dialog lies above: what that one asks about must not move."""
        self._unseen |= subjects & self.FOLLOWS
        self._see()

    def on_screen_resume(self) -> None:
        self._see()

    def _see(self) -> None:
        if self._unseen and self.is_active and self.services is not None:
            unseen, self._unseen = self._unseen, frozenset()
            self.changed_outside(unseen)

    def changed_outside(self, subjects: frozenset[Subject]) -> None:
        """Others wrote some of what the mode follows: show it, and leave eyes and hands where they are."""
        self.changed()

    def tell(self, message: str, *, wrong: bool = False) -> None:
        """Says in a toast, in place of the last one, what was done; memory text in it is no markup.

        A memory that is known here is told by its title.
        """
        self.app.clear_notifications()
        told = _MEMORY_ID.sub(lambda found: self.title_of(found["id"]) or found[0], message)
        self.notify(safe(told), severity="error" if wrong else "information", markup=False)

    def title_of(self, memory_id: str) -> str | None:
        """«the first line» of a memory; None when it is not known here."""
        return None

    async def write(
        self,
        what: str,
        act: Coroutine[object, object, Answer],
        *,
        once: Iterable[str] = (),
        vectors: bool = False,
    ) -> Answer | None:
        """The answer of an act that writes, see `Writes.run`; None after telling what was not done and why."""
        try:
            return await write(self.app, what, act, once=once, vectors=vectors)
        except UnderWay as under_way:
            self.tell(str(under_way))
        except MemoriaError as error:
            refused(error)
            self.tell(not_done(what, error), wrong=True)
        return None

    async def attempt(self, act: Awaitable[Answer]) -> Answer | None:
        """The answer of a service that reads, or None after telling why there is none."""
        try:
            return await act
        except MemoriaError as error:
            refused(error)
            self.tell(str(error), wrong=True)
            return None

    @property
    def _services(self) -> Services:
        assert self.services is not None, "asked before the stores were open"
        return self.services
