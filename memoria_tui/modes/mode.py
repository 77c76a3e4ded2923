"""What every mode has in common: the lines above, the keys below, how it learns of the stores, and how it is built.

A mode is one class in one file, `modes/<mode>/screen.py`: its keys with the action of each, what it composes, `load`,
which asks the stores, and `draw`, which shows the answer. What is drawn is one value, `state`, a `Loadable` of a type
in its `state.py`. A topic that would fill the screen is a controller, not a base class: a plain object made in
`__init__` that knows the screen as a `ModeScreen` alone. It is given values, asks in dialogs, writes and tells, and
leaves drawing to the screen. Textual ties `action_…`, `@on` and `@work` to nodes, so they stay on the screen:

    @asks
    async def action_unlink(self) -> None:
        await self._relations.unlink(self.around, self.node)
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.back_and_forward import Place
from memoria_tui.idle import Away
from memoria_tui.modes.notices import BEGINNING, failing_line, failure, opening
from memoria_tui.modes.registry import MODES
from memoria_tui.terminal.textual_internals import LowestScreen, begin_at_size, bindings_of
from memoria_tui.text.present import escape_control, with_titles
from memoria_tui.user_files.drafts import Draft
from memoria_tui.user_files.program_log import refused
from memoria_tui.widgets.footer import KeysFooter
from memoria_tui.widgets.header import StatusHeader
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.mode_strip import ModeStrip, ModeTab
from memoria_tui.widgets.part import Part
from memoria_tui.write_queue import UnderWay, not_done, pressed_before, write, writes_of
from services.concurrency import together
from services.errors import MemoriaError
from services.model import StatusSnapshot, Subject

if TYPE_CHECKING:
    from memoria_tui.keys.typing_ahead import TypingAhead
    from memoria_tui.setup import Setup
    from memoria_tui.widgets.preview import Details
    from services.container import Services
    from services.work.report_values import SessionFilter

Answer = TypeVar("Answer")
Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True)
class Idle:
    """The stores are being opened; nothing can be asked yet."""


@dataclass(frozen=True, slots=True)
class Loading:
    """An answer is on its way; what was there before stays on screen."""


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Shown]):
    """The answer is on screen."""

    value: Shown


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no answer, and this is why."""

    error: MemoriaError


Loadable = Idle | Loading | Loaded[Shown] | Failed
"""What a screen shows that it must ask the stores for: one of four states, each with all that is drawn."""


class ModeScreen(LowestScreen):
    """A mode: it is on screen before the stores are open, and is told when they are, or why they are not."""

    DEFAULT_CSS = """
    ModeScreen {
        layout: vertical;
        #failing { display: none; height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
        #notice { display: none; width: 1fr; height: 1fr; content-align: center middle; padding: 0 4; }
        &.-noticed #notice { display: block; }
    }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]
    AUTO_FOCUS = ""
    MOVED: ClassVar[Mapping[str, str]] = {}
    """Keys of earlier versions, each with where what it did went."""
    FROM_ELSEWHERE: ClassVar[frozenset[str]] = frozenset()
    """Actions on nothing that is under the cursor: the command palette of other modes has them carried out."""
    FOLLOWS: ClassVar[frozenset[Subject]] = frozenset()
    """What the mode shows of what others write while it is on screen."""

    class Reopen(Message):
        """The person asks to open the stores again."""

    @dataclass
    class Opened(Message):
        """The mode is on screen for the first time; the stores may be open long since."""

        screen: ModeScreen

    class TypedElsewhere(Message):
        """What is typed and not saved may have changed without a key that the app saw."""

    @dataclass
    class GraphWanted(Message):
        """The person asks to see a memory in the graph."""

        memory_id: str

    @dataclass
    class SearchWanted(Message):
        """The person asks to see what a search finds."""

        text: str

    @dataclass
    class Visited(Message):
        """A memory is read, or a link is followed to a search: back and forward lead here."""

        place: Place

    class AwayAnswered(Message):
        """The person said what the time was in which nobody was there."""

    @dataclass
    class SessionsWanted(Message):
        """The person asks to see sessions in the log."""

        where: SessionFilter

    status: var[StatusSnapshot] = var(StatusSnapshot, init=False)
    """How the stores are, as far as it is known."""
    away: var[Away | None] = var(None, init=False)
    """When nobody was there while work ran, and the person has not said yet what that was."""
    state: var[Loadable[Any]] = var(Idle, init=False)
    """What is drawn."""
    busy: var[str] = var("", init=False)
    """What a person waits for: «saving …»."""
    tabs: var[tuple[ModeTab, ...]] = var((), init=False)
    """All modes, for the line that names them."""
    header = Part(StatusHeader)

    def __init__(self, mode: str, setup: Setup) -> None:
        """`mode` is its name in the registry."""
        super().__init__(classes="-noticed")
        self._mode = mode
        self._where = setup.where
        self.clock = setup.clock
        self._unseen: frozenset[Subject] = frozenset()
        self._shown_at: datetime | None = None
        self.answered = asyncio.Event()
        """Set when the first answer of the stores is on screen, or that they cannot answer."""
        self._services: Services | None = None
        self._told_moved: set[str] = set()

    def compose(self) -> ComposeResult:
        begin_at_size(self)
        yield StatusHeader(self.clock, self._where).data_bind(ModeScreen.status, ModeScreen.busy)
        yield ModeStrip().data_bind(ModeScreen.tabs)
        yield LazyStatic(id="failing")
        yield from self.compose_body()
        yield LazyStatic(self.notice(Idle()) or "", id="notice")
        yield KeysFooter()

    @abstractmethod
    def compose_body(self) -> Iterable[Widget]:
        """What is between the two lines."""

    def on_mount(self) -> None:
        self._name_modes()
        self.post_message(self.Opened(self))

    def _name_modes(self) -> None:
        """With the keys that they have in the person's keymap."""
        keys = {binding.id: self.app.get_key_display(binding) for binding in bindings_of(self.app)}
        self.tabs = tuple(
            ModeTab(mode.name, keys[f"app.{mode.name}"], mode.title, mode.mark(self.status), mode.name == self._mode)
            for mode in MODES
        )

    def on_key(self, event: events.Key) -> None:
        """Tells where what the key did went: once where it does something else now, else each time."""
        told = {"q": "ctrl+q quits", **self.MOVED}.get(event.key)
        if told is not None and not (event.key in self._told_moved and event.key in self.active_bindings):
            self._told_moved.add(event.key)
            self.notify(told, markup=False)

    # what is drawn

    @abstractmethod
    def load(self) -> object:
        """Asks the stores for what is drawn."""

    @abstractmethod
    def draw(self, shown: Any) -> None:
        """Shows an answer."""

    def notice(self, state: Loadable[Any]) -> Content | None:
        """What is shown in place of everything; None while there is something to see."""
        match state:
            case Idle():
                return BEGINNING
            case Failed(error):
                return failure(error)
        return None

    def watch_state(self, state: Loadable[Any]) -> None:
        if isinstance(state, Loading):
            return
        notice = None if self.is_editing else self.notice(state)
        self.set_class(notice is not None, "-noticed")
        if notice is not None:
            self.query_one("#notice", Static).update(notice)
        if isinstance(state, Loaded):
            self.draw(state.value)
        self.offer_keys()
        self.call_after_refresh(self.answered.set)

    def offer_keys(self) -> None:
        """Lets the footer follow what can be done now."""
        self.refresh_bindings()

    def watch_status(self, status: StatusSnapshot) -> None:
        if self.tabs:
            self._name_modes()
        for failing in self.query("#failing").results(Static):  # none before the screen is composed
            told = failing_line(status, self._shown_at, self.clock().tzinfo)
            failing.display = told is not None
            failing.update(told or "")
        if self._services is not None and self._shown_at is None and self.is_waiting:
            for notice in self.query("#notice").results(Static):
                notice.update(opening(status, self._services.settings, self.clock().tzinfo))

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is on its way."""
        return isinstance(self.state, Idle | Loading)

    def under_way(self, *groups: str) -> bool:
        """Whether a worker of this screen in one of these groups runs."""
        return any(one.node is self and one.group in groups and not one.is_finished for one in self.workers)

    @property
    def owes_answer(self) -> bool:
        """Whether something was asked for that keys act on, and what is on screen is still something else."""
        return False

    def give_up(self) -> None:
        """The person waits no longer for what was asked for: what is on screen is to answer again."""

    @property
    def place(self) -> Place | None:
        """What is read or listed here now; None: nothing that back and forward lead to."""
        return None

    def go_to(self, place: Place) -> None:
        """Shows again what was read or listed here."""

    def shown(self) -> None:
        """What is on screen was read from the stores just now."""
        self._shown_at = self.clock()

    @property
    def unsaved(self) -> tuple[str, ...]:
        """What was typed here and is not saved, each named."""
        return ()

    @property
    def draft(self) -> Draft | None:
        """What was typed here and is not saved, for the next start."""
        return None

    @property
    def is_editing(self) -> bool:
        """Whether a text is open here: it stays on the screen, whatever becomes of the rest."""
        return False

    # the stores

    @property
    def services(self) -> Services:
        """Only to be asked for when the stores are open."""
        assert self._services is not None, "asked before the stores were open"
        return self._services

    @property
    def is_connected(self) -> bool:
        """Whether the stores are open."""
        return self._services is not None

    def connected(self, services: Services) -> None:
        """The stores are open."""
        self._services = services
        self.header.pomodoro = services.settings.pomodoro_minutes
        self.watch_status(self.status)
        self.load()

    def failed(self, error: MemoriaError) -> None:
        """The stores cannot be opened."""
        self.state = Failed(error)

    def changed(self) -> None:
        """Something was written by another part of the app: show what is there now."""
        if self.is_connected:
            self.load()

    def action_retry(self) -> None:
        if self.is_connected:
            self.load()
        else:
            self.post_message(self.Reopen())

    def on_external_change(self, subjects: frozenset[Subject]) -> None:
        """Others wrote this. It waits while a dialog lies above: what that one asks about must not move."""
        self._unseen |= subjects & self.FOLLOWS
        self._see()

    def on_screen_resume(self) -> None:
        self._see()

    def _see(self) -> None:
        if self._unseen and self.is_active and self.is_connected:
            unseen, self._unseen = self._unseen, frozenset()
            self.changed_outside(unseen)

    def changed_outside(self, subjects: frozenset[Subject]) -> None:
        """Others wrote some of what the mode follows: show it, and leave eyes and hands where they are."""
        self.changed()

    def say(self, message: str, *, wrong: bool = False) -> None:
        """Says in a toast, in place of the last one, what was done; memory text in it is no markup.

        A memory that is known here is told by its title.
        """
        self.app.clear_notifications()
        self.notify(
            escape_control(with_titles(message, self.title_of)),
            severity="error" if wrong else "information",
            markup=False,
        )

    def refuse(self, why: str, *, wrong: bool = True) -> None:
        """Says why what a key asked for is not there; what is typed behind it was meant for that, and goes nowhere."""
        self.say(why, wrong=wrong)
        self.keys.ignore_burst()

    @property
    def keys(self) -> TypingAhead[object]:
        """The app as what keys wait in."""
        return cast("TypingAhead[object]", self.app)

    def say_done(self, what: str) -> None:
        """Says what was done, and how to undo it."""
        self.say(f"{what} · u to undo")

    def title_of(self, memory_id: str) -> str | None:
        """«the first line» of a memory; None when it is not known here."""
        return None

    async def read_details(self, memory_id: str) -> Details:
        """Relations, history and review of a memory, for a preview."""
        memories, inbox = self.services.memories, self.services.inbox
        return await together(memories.relations(memory_id), memories.history(memory_id), inbox.review_of(memory_id))

    def was_pressed_on(self, changed_at: float) -> bool:
        """Whether the key was pressed on the list that is there since then, in monotonic seconds; says so when not."""
        if early := pressed_before(self.app, changed_at):
            self.notify("Pressed before the list had changed: it did nothing", markup=False)
            self.keys.ignore_burst()
        return not early

    def say_taken(self, what: str, told: str) -> None:
        """Says that others took away what the cursor stood on, by its id; keys pressed then were not meant for its
        neighbour. Nothing where an act of this app did it."""
        if writes_of(self.app).may_have_taken(what):
            return
        self.say(told)
        self.keys.ignore_burst()

    async def write(
        self,
        what: str,
        act: Coroutine[object, object, Answer],
        *,
        once: Iterable[str] = (),
        about: Iterable[str] = (),
        vectors: bool = False,
        then_asks: bool = False,
    ) -> Answer | None:
        """The answer of an act that writes, see `write`; None after telling what was not done and why."""
        try:
            return await write(self.app, what, act, once=once, about=about, vectors=vectors, then_asks=then_asks)
        except UnderWay as under_way:
            self.say(str(under_way))
        except MemoriaError as error:
            refused(error)
            self.say(not_done(what, error), wrong=True)
            if self.keys.waiting_text:
                self.keys.drop_waiting()  # which keeps it
            self.keys.ignore_burst()
        return None

    async def ask(self, dialog: Screen[Answer]) -> Answer | None:
        """The answer of a dialog, to be awaited in a worker; None when the person left it."""
        return await self.app.push_screen_wait(dialog)

    async def attempt(self, act: Awaitable[Answer]) -> Answer | None:
        """The answer of a service that reads, or None after telling why there is none."""
        try:
            return await act
        except MemoriaError as error:
            refused(error)
            self.refuse(str(error))
            return None
