"""What is told of the stores: memories by asking in turns, the rest by the feed, many at once as one, and silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast
from uuid import uuid4

from services.adapters.edge.edge_store import EdgeVectorStore
from services.errors import StoreUnavailable
from services.model import MemoryChanges, MemoryDraft, MemoryType, StatusSnapshot, StoreKind, StoreStatus, Subject
from services.points import EVERYTHING, CollectionInfo, Filter, Point, Scroll
from services.ports import Embedder, Pulse, Tell, VectorStore
from services.records import Records
from services.settings import Settings
from services.store_watching import LiveService, Rhythm
from tests.services.edge_here import edge_here, services_here

FAST = Rhythm(
    gather=0.01, rest=0.01, busy=0.002, idle=0.002, postgres=0.01, embedder=0.01, away=0.01, patience=0.1, start=20
)
MEMORIES = frozenset({Subject.MEMORIES})


@dataclass
class HeldFeed:
    """Tells when the test says so."""

    tell: Tell = field(default=lambda _: None)
    ended: bool = False

    async def watch(self, tell: Tell) -> None:
        self.tell = tell
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


@dataclass
class HeldVectors:
    """One collection whose newest date and number of points the test sets."""

    points: int = 0
    newest: str | None = None
    sortable: bool = True
    away: bool = False
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    """Not set: it takes questions and does not answer."""
    asked: int = 0

    def __post_init__(self) -> None:
        self.answers.set()

    async def _answer(self) -> None:
        self.asked += 1
        await self.answers.wait()
        if self.away:
            raise StoreUnavailable("away")

    async def status(self) -> StoreStatus:
        await self._answer()
        return StoreStatus(StoreKind.QDRANT, True, "here")

    async def info(self) -> dict[MemoryType, CollectionInfo]:
        return {MemoryType.SEMANTIC: CollectionInfo(self.points, 4, () if self.sortable else ("updated_at",))}

    async def count(self, collection: MemoryType, where: Filter = EVERYTHING) -> int:
        await self._answer()
        return self.points if collection is MemoryType.SEMANTIC else 0

    async def scroll(self, request: Scroll) -> list[Point]:
        assert self.sortable
        await self._answer()
        return [Point("a", {"updated_at": self.newest})] if self.newest else []


class ToldVectors(HeldVectors):
    """A store of which only is asked whether it answers."""

    async def model(self) -> str:
        await self._answer()
        return "m"

    async def count(self, collection: MemoryType, where: Filter = EVERYTHING) -> int:
        raise AssertionError(collection)

    async def scroll(self, request: Scroll) -> list[Point]:
        raise AssertionError(request)


@dataclass
class HeldStore:
    """PostgreSQL and the embedder, which answer until the test holds them."""

    kind: StoreKind
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0

    def __post_init__(self) -> None:
        self.answers.set()

    async def status(self) -> StoreStatus:
        self.asked += 1
        await self.answers.wait()
        return StoreStatus(self.kind, True, "here")

    async def pulse(self, now: datetime) -> Pulse:
        self.asked += 1
        await self.answers.wait()
        return Pulse(2, False, ())


@dataclass
class Followed:
    """A service that follows stores of the test, and what it told."""

    vectors: HeldVectors | EdgeVectorStore
    records: HeldStore = field(default_factory=lambda: HeldStore(StoreKind.POSTGRES))
    embedder: HeldStore = field(default_factory=lambda: HeldStore(StoreKind.EMBEDDER))
    feed: HeldFeed = field(default_factory=lambda: HeldFeed())
    status: StatusSnapshot = field(default_factory=StatusSnapshot)
    changes: asyncio.Queue[frozenset[Subject]] = field(default_factory=asyncio.Queue)
    _told: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def running(self, rhythm: Rhythm = FAST, *, told: bool = False) -> AsyncIterator[LiveService]:
        live = LiveService(
            self.feed,
            cast("VectorStore", self.vectors),
            cast("Records", self.records),
            cast("Embedder", self.embedder),
            lambda: datetime.now(UTC),
            rhythm,
            told=told,
        )
        self.live = live
        watching = asyncio.create_task(live.watch(self._on_status, self.changes.put_nowait))
        try:
            yield live
        finally:
            watching.cancel()
            await asyncio.wait({watching}, timeout=60)
            assert watching.done()

    def _on_status(self, status: StatusSnapshot) -> None:
        self.status = status
        self._told.set()

    async def until(self, kind: StoreKind, *, ok: bool) -> StoreStatus:
        """The store's state once it is told as wanted."""
        async with asyncio.timeout(60):
            while not (found := [one for one in self.status.stores if one.kind is kind and one.ok is ok]):
                self._told.clear()
                await self._told.wait()
        return found[0]

    async def following(self) -> frozenset[Subject]:
        async with asyncio.timeout(60):
            return await self.changes.get()

    async def rounds(self) -> None:
        """Waits until each number was asked for a few times: what stands in the store now was then seen."""
        await self.until(StoreKind.QDRANT, ok=True)
        changes = self.live._changes
        assert changes is not None
        enough = changes.turns + 16
        async with asyncio.timeout(60):
            while changes.turns < enough:  # noqa: ASYNC110  # nothing tells of a question
                await asyncio.sleep(0.01)


async def test_a_memory_that_is_written_changed_or_deleted_in_the_store_is_told(tmp_path: Path) -> None:
    store = edge_here(tmp_path / "edge")
    await store.ensure(4, "m")
    one, other = str(uuid4()), str(uuid4())

    async def write(id_: str, date: str, type_: MemoryType = MemoryType.SEMANTIC) -> None:
        await store.upsert(type_, [Point(id_, {"content": "x", "updated_at": date}, (1.0, 0, 0, 0))])

    await write(one, "2026-11-20T12:00:00")
    followed = Followed(store)
    async with followed.running():
        for change in (
            partial(write, other, "2026-11-19T12:00:00"),
            partial(write, other, "2026-11-20T13:00:00"),
            partial(write, str(uuid4()), "2020-01-01T00:00:00", MemoryType.EPISODIC),
            partial(store.delete_points, MemoryType.SEMANTIC, [one]),
        ):
            await followed.rounds()
            await change()
            assert await followed.following() >= MEMORIES
    assert followed.feed.ended
    await store.close()


async def test_another_programs_change_of_an_embedded_store_is_told_at_once(tmp_path: Path, postgres_url: str) -> None:
    settings = Settings(home=tmp_path, database_url=postgres_url, zone="UTC")
    vectors = edge_here(settings.vectors_dir)
    told: asyncio.Queue[frozenset[Subject]] = asyncio.Queue()
    async with services_here(settings, vectors=vectors) as app, services_here(settings, vectors=vectors) as other:
        memory = await other.memories.create(MemoryDraft("before"))
        watching = asyncio.create_task(app.live.watch(lambda _: None, told.put_nowait))
        async with asyncio.timeout(60):
            while Subject.HISTORY not in await told.get():
                pass
        await other.memories.update(memory, MemoryChanges(content="after"))
        async with asyncio.timeout(60):
            while Subject.MEMORIES not in await told.get():
                pass
        assert (await app.memories.get(memory.id)).content == "after"
        watching.cancel()
        await asyncio.wait({watching})


async def test_points_are_not_looked_at_where_every_writer_tells() -> None:
    vectors = ToldVectors(3, "2026-11-20")
    followed = Followed(vectors)
    async with followed.running(told=True):
        async with asyncio.timeout(60):
            while vectors.asked < 16:  # noqa: ASYNC110  # nothing tells of a question
                await asyncio.sleep(0.01)
        assert followed.changes.empty()
        vectors.away = True
        await followed.until(StoreKind.QDRANT, ok=False)
        vectors.away = False
        assert await followed.following() == MEMORIES


async def test_nothing_is_told_while_nothing_changes() -> None:
    vectors = HeldVectors(3, "2026-11-20")
    followed = Followed(vectors)
    async with followed.running():
        await followed.rounds()
        assert followed.changes.empty()
        vectors.points = 4
        assert await followed.following() == MEMORIES


async def test_a_thousand_writes_at_once_are_told_in_one_go_and_none_is_forgotten() -> None:
    followed = Followed(HeldVectors())
    async with followed.running():
        await followed.rounds()
        for _ in range(1000):
            followed.feed.tell(frozenset({Subject.RELATIONS}))
        followed.feed.tell(frozenset({Subject.NAMES, Subject.SETTINGS}))
        assert await followed.following() == {Subject.RELATIONS, Subject.NAMES, Subject.SETTINGS}
        await followed.rounds()
        assert followed.changes.empty()
        followed.feed.tell(frozenset({Subject.SESSIONS}))
        assert await followed.following() == {Subject.SESSIONS}


async def test_a_store_that_was_away_is_told_as_changed_when_it_is_back() -> None:
    vectors = HeldVectors(3, "2026-11-20", away=True)
    followed = Followed(vectors)
    async with followed.running():
        away = await followed.until(StoreKind.QDRANT, ok=False)
        assert (away.silent, away.problems) == (False, ("away",))
        assert followed.changes.empty()
        vectors.away = False
        assert await followed.following() == MEMORIES


async def test_a_store_that_cannot_sort_by_date_is_counted() -> None:
    vectors = HeldVectors(3, "2026-11-20", sortable=False)
    followed = Followed(vectors)
    async with followed.running():
        await followed.rounds()
        vectors.points = 2
        assert await followed.following() == MEMORIES | {Subject.DELETIONS}


async def test_a_store_that_hangs_is_told_by_itself_asked_no_second_time_and_comes_back() -> None:
    vectors = HeldVectors(3, "2026-11-20")
    followed = Followed(vectors)
    hanging: dict[StoreKind, HeldVectors | HeldStore] = {
        StoreKind.QDRANT: vectors,
        StoreKind.POSTGRES: followed.records,
        StoreKind.EMBEDDER: followed.embedder,
    }
    async with followed.running():
        for kind, store in hanging.items():
            for one in StoreKind:
                await followed.until(one, ok=True)
            store.answers.clear()
            silent = await followed.until(kind, ok=False)
            assert silent.silent
            assert silent.answered_at is not None
            assert silent.failing_since is not None
            assert silent.answered_at <= silent.failing_since <= datetime.now(UTC)
            asked = store.asked
            await asyncio.sleep(3 * FAST.patience)
            assert store.asked == asked
            assert [one.ok for one in followed.status.stores if one.kind is not kind] == [True, True]
            assert followed.status.pending == 2
            store.answers.set()
            assert (await followed.until(kind, ok=True)).failing_since is None


async def test_an_idle_program_asks_all_stores_less_than_once_a_second() -> None:
    """Times are a thirtieth of the real ones."""
    real = Rhythm()
    quick = Rhythm(idle=real.idle / 30, busy=real.busy / 30, postgres=real.postgres / 30, embedder=real.embedder / 30)
    followed = Followed(HeldVectors(3, "2026-11-20"))
    async with followed.running(quick) as live:
        for kind in StoreKind:
            await followed.until(kind, ok=True)

        def asked() -> int:
            return followed.vectors.asked + followed.records.asked + followed.embedder.asked  # type: ignore[union-attr]

        before, turns = asked(), asyncio.get_running_loop().time()
        await asyncio.sleep(1)
        idle = asked() - before
        assert idle <= 30 * (asyncio.get_running_loop().time() - turns)
        before = asked()
        live.attend()
        async with asyncio.timeout(60):
            while asked() - before <= max(idle, 10):  # noqa: ASYNC110  # nothing tells of a question
                await asyncio.sleep(0.1)


async def test_who_watches_again_is_told_though_a_question_was_given_up() -> None:
    vectors = HeldVectors()
    vectors.answers.clear()
    followed = Followed(vectors)
    async with followed.running() as live, asyncio.timeout(60):
        while not vectors.asked:  # noqa: ASYNC110  # nothing tells of a question
            await asyncio.sleep(0)
    vectors.answers.set()
    watching = asyncio.create_task(live.watch(followed._on_status, followed.changes.put_nowait))
    await followed.until(StoreKind.QDRANT, ok=True)
    watching.cancel()
    await asyncio.wait({watching})
