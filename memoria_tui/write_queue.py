"""One queue for what the app writes: in the order of the keys, cancelled by none of them, waited for at the end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from services.errors import MemoriaError, NotFound

if TYPE_CHECKING:
    from textual.app import App

    from memoria_tui.keys.dialog_actions import Opening

Answer = TypeVar("Answer")

_MOMENT = 3.0
"""Seconds in which a screen has seen what was written."""
_REMEMBERED = 100

NOTHING_CHANGED = "Nothing was changed: it was so already"

Permit = Callable[[bool], Awaitable[None]]
"""Asks a person before stores of others are written, True: of vectors too. Raises SchemaMissing on a no."""


class UnderWay(MemoriaError):
    """The same thing is being written already: a key was pressed twice."""


@dataclass(frozen=True, eq=False, slots=True)
class Write:
    """One act of a person that is not finished."""

    what: str
    """What is done, as an error would name it: «delete "the first line"»."""
    once: frozenset[str]
    """What must not be done a second time meanwhile."""
    about: frozenset[str]
    """Ids of what it changes; none: that is not known."""


class Writes:
    """Runs writes one after the other.

    A write that was asked for is carried out, also when whoever waits for its answer is cancelled or gone.
    """

    def __init__(
        self,
        *,
        changed: Callable[[], None],
        unheard: Callable[[str, BaseException], None],
        permit: Permit | None = None,
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`changed` is called when a write begins to wait and when it ended; `unheard` when one failed that nobody
        waits for any more. `permit` is awaited before a write is queued, while nothing is locked; `before` before it is
        carried out.
        """
        self._changed = changed
        self._unheard = unheard
        self._permit = permit
        self._before = before
        self._turn = asyncio.Lock()
        self._open: list[Write] = []
        self._unanswered: set[float] = set()
        """When writes were asked for whose answer nobody has taken yet, in monotonic seconds."""
        self.long_run: str | None = None
        """The long run that is under way, which can be stopped."""
        self._tasks: set[asyncio.Task[object]] = set()
        self._done: deque[tuple[float, frozenset[str]]] = deque(maxlen=_REMEMBERED)
        """When the last ones ended, in monotonic seconds, and what they were about."""
        self.failures = 0
        """Writes that failed so far."""

    @property
    def waiting(self) -> tuple[str, ...]:
        """What is not written yet, in order; the first is under way."""
        return tuple(write.what for write in self._open)

    @property
    def busy(self) -> frozenset[str]:
        """What must not be begun a second time now."""
        return frozenset().union(*(write.once for write in self._open))

    def may_have_taken(self, what: str) -> bool:
        """Whether this left the screen by an act of this app, under way or of a moment ago.

        By one about it, or of which that is not known, as an undo. Own writes are heard of as those of others are.
        """
        done = (about for ended, about in self._done if ended > monotonic() - _MOMENT)
        return any(not about or what in about for about in (*(one.about for one in self._open), *done))

    def is_asked_since(self, moment: float) -> bool:
        """Whether a write that was asked for since then, in monotonic seconds, is not answered yet."""
        return any(asked >= moment for asked in self._unanswered)

    async def run(
        self,
        what: str,
        act: Coroutine[object, object, Answer],
        *,
        once: Iterable[str] = (),
        about: Iterable[str] = (),
        vectors: bool = False,
    ) -> Answer:
        """The answer of `act` after its turn came; its errors are raised here.

        `once`: raises UnderWay while all of this is being written already. `about`: ids of what it changes, beside
        those of `once`. `vectors`: memories are written.
        """
        keys = frozenset(once)
        if keys and keys <= self.busy:
            act.close()
            raise UnderWay(f"under way already: {what}")
        write = Write(what, keys, keys.union(about))
        self._open.append(write)
        self._unanswered.add(asked := monotonic())
        self._changed()
        task: asyncio.Task[Answer] = asyncio.create_task(self._in_turn(write, act, vectors=vectors), name=what)
        self._tasks.add(cast("asyncio.Task[object]", task))
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(lambda done: self._report_unawaited(what, done))
            raise
        finally:
            self._unanswered.discard(asked)

    async def _in_turn(self, write: Write, act: Coroutine[object, object, Answer], *, vectors: bool) -> Answer:
        try:
            async with self._turn:
                if self._permit is not None:
                    await self._permit(vectors)
                if self._before is not None:
                    await self._before()
                return await act
        except BaseException:
            self.failures += 1
            raise
        finally:
            act.close()  # it was never begun when it was not permitted
            self._open.remove(write)
            self._done.append((monotonic(), write.about))
            self._changed()

    def _ended(self, task: asyncio.Task[Answer]) -> None:
        self._tasks.discard(cast("asyncio.Task[object]", task))

    def _report_unawaited(self, what: str, task: asyncio.Task[Answer]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._unheard(what, error)

    async def run_long(self, what: str, act: Coroutine[object, object, Answer]) -> Answer:
        """A long run with a progress and a stop of its own: no write waits for it, and cancelling it stops it.

        Raises UnderWay while another one is under way, and the errors of the act.
        """
        if self.long_run is not None:
            act.close()
            raise UnderWay(f"not begun: {what}; {self.long_run} is under way")
        self.long_run = what
        try:
            if self._permit is not None:
                await self._permit(True)
            return await act
        finally:
            act.close()  # it was never begun when it was not permitted
            self.long_run = None

    async def finish(self, seconds: float | None = None) -> tuple[str, ...]:
        """Waits until all is written, or so many seconds; gives what is not written then."""
        while self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            if late and seconds is not None:
                break
            await asyncio.sleep(0)  # whoever waited for them may write more
        return self.waiting


def not_done(what: str, error: BaseException) -> str:
    """«Not done: delete "the first line" · the database is away»."""
    return f"Not done: {what} · {error}"


async def on_what_is_seen(named: str, act: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer of an act on something that is on the screen. Raises NotFound in plain words where others deleted it.

    `named`: as a message calls it, «"fix login"».
    """
    try:
        return await act()
    except NotFound as gone:
        raise NotFound(f"{named} was deleted by another program") from gone


class Writing(Protocol):
    """What screens need of the app."""

    writes: Writes
    pressed_at: float
    opening: Opening


def writes_of(app: App[object]) -> Writes:
    """The queue of the app."""
    return cast("Writing", app).writes


def pressed_before(app: App[object], moment: float) -> bool:
    """Whether the key that has its effect now was pressed before this moment, on what was seen then."""
    return cast("Writing", app).pressed_at < moment


async def written(app: App[object]) -> bool:
    """Waits until all that was asked for is written; whether anything was under way."""
    writes = writes_of(app)
    waited = bool(writes.waiting)
    await writes.finish()
    return waited


async def write(
    app: App[object],
    what: str,
    act: Coroutine[object, object, Answer],
    *,
    once: Iterable[str] = (),
    about: Iterable[str] = (),
    vectors: bool = False,
    then_asks: bool = False,
) -> Answer:
    """`Writes.run` on the queue of the app; `esc` no longer cancels the action that writes, unless it `then_asks`."""
    writing = cast("Writing", app)
    if not then_asks:
        writing.opening.no_more()
    return await writing.writes.run(what, act, once=once, about=about, vectors=vectors)


async def run_long(app: App[object], what: str, act: Coroutine[object, object, Answer]) -> Answer:
    """`Writes.run_long` on the queue of the app; keys wait for the action that runs no longer."""
    writing = cast("Writing", app)
    writing.opening.no_more()
    return await writing.writes.run_long(what, act)
