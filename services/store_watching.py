"""Follows the stores while a program is open: whether they answer, and what changed in them, whoever changed it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import cycle

from services.errors import MemoriaError, StoreTimeout
from services.model import MemoryType, StatusSnapshot, StoreKind, StoreStatus, Subject
from services.points import Scroll
from services.ports import Clock, Embedder, Feed, Pulse, VectorStore
from services.records import Records

_DATE = "updated_at"
_TURNS = 120
"""Questions after which it is looked again which collections can be sorted by date."""

_MEMORIES = frozenset({Subject.MEMORIES})

OnStatus = Callable[[StatusSnapshot], None]
OnChange = Callable[[frozenset[Subject]], None]
Question = Callable[[StoreStatus | None], Coroutine[None, None, StoreStatus]]
"""Asks a store how it is; is given what it last answered, None while that is not known or it did not work."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds."""

    gather: float = 0.05
    """For what is written together to be told together."""
    rest: float = 0.8
    """Between two tellings, so that a thousand writes are a few, and each is seen within a second."""
    busy: float = 0.5
    """Between two questions to Qdrant while somebody works with the program or others write."""
    idle: float = 3.5
    """Between two such questions otherwise."""
    attention: float = 30.0
    """After a key or a change, for which the first of the two holds."""
    postgres: float = 4.5
    """Between two questions to PostgreSQL, which tells by itself of changes."""
    embedder: float = 15.0
    away: float = 2.0
    """Between two questions to a store that does not work."""
    patience: float = 3.0
    """After which a store that was asked is said not to answer."""
    start: float = 120.0
    """The same for the first answer of a store that this program starts."""
    thorough: float = 600.0
    """After which all is asked again that rarely changes, such as rights."""


TOLD = Rhythm(busy=10.0, idle=10.0)
"""For memories whose every writer tells by the database: the store is only asked whether it answers."""


class StoreWatch:
    """One store that is asked again and again, one question at a time.

    A question without an answer is left to finish, for it tells at once when the store is back: nothing is asked beside
    it, and nobody waits for it longer than `patience` seconds.
    """

    def __init__(self, kind: StoreKind, ask: Question, clock: Clock, *, patience: float, first: float) -> None:
        """`first`: seconds for the first answer, which may come after the store was started."""
        self.status: StoreStatus | None = None
        """None until it first answers, or does not."""
        self._kind = kind
        self._ask = ask
        self._clock = clock
        self._patience = patience
        self._first = first
        self._question: asyncio.Task[StoreStatus] | None = None
        self._asked_at = clock()

    @property
    def works(self) -> bool:
        return self.status is not None and self.status.ok

    @property
    def owes_answer(self) -> bool:
        """Whether a question is under way."""
        return self._question is not None

    async def poll(self) -> None:
        """Asks, or goes on waiting for what was asked before."""
        if self._question is None:
            self._asked_at = self._clock()
            self._question = asyncio.create_task(self._ask(self.status if self.works else None))
        question = self._question
        await asyncio.wait({question}, timeout=self._patience if self.status else self._first)
        if self._question is not question:
            return  # somebody else waited for the same answer
        if question.done():
            self._question = None
            self._note(await self._answer(question))
        else:
            self._note(self._without_answer())

    async def poll_again(self) -> None:
        """Asks now, also where the answer to an earlier question is still to come."""
        if self._question is not None:
            await self.poll()
        await self.poll()

    def close(self) -> None:
        """Waits for no answer any more."""
        question, self._question = self._question, None
        if question is not None:
            question.cancel()

    async def _answer(self, question: asyncio.Task[StoreStatus]) -> StoreStatus:
        try:
            return await question
        except MemoriaError as error:
            silent = isinstance(error, StoreTimeout)
            return replace(self._without_answer(), problems=(str(error),), silent=silent)

    def _without_answer(self) -> StoreStatus:
        before = self.status or StoreStatus(self._kind, False, "")
        return replace(before, ok=False, latency_ms=None, problems=("it does not answer",), silent=True)

    def _note(self, status: StoreStatus) -> None:
        before, now = self.status, self._clock()
        if status.ok:
            self.status = replace(status, failing_since=None, answered_at=now)
            return
        since = before.failing_since if before and before.failing_since else self._asked_at
        self.status = replace(status, failing_since=since, answered_at=before.answered_at if before else None)


class LiveService:
    """What happens in the stores. Own writes are told as well: whoever is told looks, and may find nothing new."""

    def __init__(
        self,
        feed: Feed,
        vectors: VectorStore,
        records: Records,
        embedder: Embedder,
        clock: Clock,
        rhythm: Rhythm | None = None,
        *,
        started: frozenset[StoreKind] = frozenset(),
        told: bool = False,
    ) -> None:
        """`started`: stores that the first question starts; `told`: who writes memories tells by the database."""
        self._feed = feed
        self._vectors = vectors
        self._records = records
        self._clock = clock
        self._rhythm = rhythm or Rhythm()
        self._pulse = Pulse(0, False, ())
        self._changes = None if told else PointChanges(vectors)
        self._news: set[Subject] = set()
        self._some_news = asyncio.Event()
        self._last_snapshot: StatusSnapshot | None = None
        self._attended_until = 0.0
        self._attended = asyncio.Event()
        self._thorough_at: dict[StoreKind, float] = {}
        questions = {
            StoreKind.QDRANT: self._ask_vectors,
            StoreKind.POSTGRES: self._ask_records,
            StoreKind.EMBEDDER: lambda _: embedder.status(),
        }
        patience, start = self._rhythm.patience, self._rhythm.start
        self._watches = {
            kind: StoreWatch(kind, ask, clock, patience=patience, first=start if kind in started else patience)
            for kind, ask in questions.items()
        }

    async def watch(self, on_status: OnStatus, on_change: OnChange) -> None:
        """Tells how the stores are as soon as that is another, and what was written since it was last told.

        After a time in which a store was away, all that it holds counts as written. Never ends, and raises nothing but
        cancellation: stores that are away are asked until they are back.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._feed.watch(self._hear))
                group.create_task(self._report_changes(on_change))
                for kind in StoreKind:
                    group.create_task(self._follow(kind, on_status))
        finally:
            for watch in self._watches.values():
                watch.close()

    async def poll_work(self) -> StatusSnapshot:
        """What PostgreSQL says now of work and of what waits, after a change that should be seen at once."""
        await self._watches[StoreKind.POSTGRES].poll_again()
        return self._snapshot

    def attend(self) -> None:
        """Somebody works with the program: what others write is looked for more often for a while."""
        self._attended_until = time.monotonic() + self._rhythm.attention
        self._attended.set()

    @property
    def _snapshot(self) -> StatusSnapshot:
        stores = tuple(watch.status for watch in self._watches.values() if watch.status is not None)
        return StatusSnapshot(
            stores, self._pulse.pending, self._pulse.due, self._pulse.sessions, self._pulse.unreviewed
        )

    async def _follow(self, kind: StoreKind, on_status: OnStatus) -> None:
        watch = self._watches[kind]
        while True:
            was_away = watch.status is not None and not watch.works
            await watch.poll()
            if was_away and watch.works and kind is StoreKind.QDRANT:
                self._hear(_MEMORIES)
            if (snapshot := self._snapshot) != self._last_snapshot:
                self._last_snapshot = snapshot
                on_status(snapshot)
            await self._rest(kind, watch)

    async def _rest(self, kind: StoreKind, watch: StoreWatch) -> None:
        """Until the store is to be asked again; not at all where it still owes an answer."""
        if not watch.works:
            await asyncio.sleep(0 if watch.owes_answer else self._rhythm.away)
        elif kind is not StoreKind.QDRANT:
            await asyncio.sleep(self._rhythm.postgres if kind is StoreKind.POSTGRES else self._rhythm.embedder)
        elif time.monotonic() < self._attended_until:
            await asyncio.sleep(self._rhythm.busy)
        else:
            self._attended.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._rhythm.idle):
                    await self._attended.wait()

    # what is asked

    async def _ask_vectors(self, known: StoreStatus | None) -> StoreStatus:
        if self._is_due(StoreKind.QDRANT) or known is None:
            return await self._vectors.status()
        if self._changes is None:
            await self._vectors.model()
        else:
            self._hear(await self._changes.next())
        return known

    async def _ask_records(self, known: StoreStatus | None) -> StoreStatus:
        if self._is_due(StoreKind.POSTGRES) or known is None:
            known = await self._records.status()
        if known.ok:
            self._pulse = await self._records.pulse(self._clock())
        return known

    def _is_due(self, kind: StoreKind) -> bool:
        """Whether all is to be asked again; it then is."""
        now = time.monotonic()
        due = now >= self._thorough_at.get(kind, 0.0)
        if due:
            self._thorough_at[kind] = now + self._rhythm.thorough
        return due

    # what is told

    def _hear(self, subjects: frozenset[Subject]) -> None:
        if subjects:
            self._news |= subjects
            self._some_news.set()

    async def _report_changes(self, on_change: OnChange) -> None:
        while True:
            await self._some_news.wait()
            await asyncio.sleep(self._rhythm.gather)
            self._some_news.clear()
            news, self._news = frozenset(self._news), set()
            if Subject.MEMORIES in news:
                self.attend()
            on_change(news)
            await asyncio.sleep(self._rhythm.rest)


class PointChanges:
    """Notices what is written to the points, which nothing tells: one cheap request at a time, in turns.

    The date of the last update tells of what is written, the number of points of what is deleted, which is rarer.
    """

    def __init__(self, vectors: VectorStore) -> None:
        self._vectors = vectors
        self._counted = cycle(MemoryType)
        self._dates: dict[MemoryType, object] = {}
        self._points: dict[MemoryType, int] = {}
        self.turns = 0
        """Questions asked so far."""
        self._dated: tuple[MemoryType, ...] = ()

    async def next(self) -> frozenset[Subject]:
        """Asks for the next number or date in turn; what it tells when it is another than the last time."""
        if self.turns % _TURNS == 0:
            info = await self._vectors.info()
            self._dated = tuple(one for one, found in info.items() if _DATE not in found.missing_indexes)
        place = self.turns % (len(self._dated) + 1)
        self.turns += 1
        if place < len(self._dated):
            dated = self._dated[place]
            newest = await self._newest(dated)
            before = self._dates.get(dated, newest)
            self._dates[dated] = newest
            return _MEMORIES if newest != before else frozenset()
        collection = next(self._counted)
        points = await self._vectors.count(collection)
        were = self._points.get(collection, points)
        self._points[collection] = points
        if points == were:
            return frozenset()
        return _MEMORIES | {Subject.DELETIONS} if points < were else _MEMORIES

    async def _newest(self, collection: MemoryType) -> object:
        page = await self._vectors.scroll(Scroll(collection, 1, order_by=_DATE, payload_keys=(_DATE,)))
        return page[0].payload.get(_DATE) if page else None
