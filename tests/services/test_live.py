"""What is told of changes: memories by looking, the rest by the feed, many at once as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast
from uuid import uuid4

from services.adapters.edge.store import EdgeVectorStore
from services.errors import StoreUnavailable
from services.live import LiveService, Rhythm
from services.model import MemoryType, Subject
from services.points import CollectionInfo, Point, Scroll
from services.ports import Tell, VectorStore

FAST = Rhythm(gather=0.01, rest=0.01, look=0.01, longest=0.02)
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


class Looks:
    """Counts how often a store was looked at."""

    def __init__(self) -> None:
        self.number = 0
        self._news = asyncio.Condition()

    async def add(self) -> None:
        async with self._news:
            self.number += 1
            self._news.notify_all()

    async def more(self, times: int = 5) -> None:
        """Waits for so many further ones: what stands in the store now was then seen, and told if it was new."""
        enough = self.number + times
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: self.number >= enough)


@dataclass
class HeldVectors:
    """One collection whose newest date and number of points the test sets."""

    points: int = 0
    newest: str | None = None
    sortable: bool = True
    away: bool = False
    looks: Looks = field(default_factory=Looks)

    async def info(self) -> dict[MemoryType, CollectionInfo]:
        await self.looks.add()
        if self.away:
            raise StoreUnavailable("away")
        return {MemoryType.SEMANTIC: CollectionInfo(self.points, 4, () if self.sortable else ("updated_at",))}

    async def scroll(self, request: Scroll) -> list[Point]:
        assert self.sortable
        return [Point("a", {"updated_at": self.newest})] if self.newest else []


class LookedAt(EdgeVectorStore):
    """The embedded store, with a count of looks."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.looks = Looks()

    async def info(self) -> dict[MemoryType, CollectionInfo]:
        await self.looks.add()
        return await super().info()


def live(feed: HeldFeed, vectors: HeldVectors | VectorStore, rhythm: Rhythm = FAST) -> LiveService:
    return LiveService(feed, cast("VectorStore", vectors), rhythm)


async def following(changes: AsyncGenerator[frozenset[Subject], None]) -> frozenset[Subject]:
    async with asyncio.timeout(20):
        return await anext(changes)


async def test_a_memory_that_is_written_changed_or_deleted_in_the_store_is_told(tmp_path: Path) -> None:
    store = LookedAt(tmp_path / "edge")
    await store.ensure(4, "m")
    one, other = str(uuid4()), str(uuid4())

    async def write(id_: str, date: str, type_: MemoryType = MemoryType.SEMANTIC) -> None:
        await store.upsert(type_, [Point(id_, {"content": "x", "updated_at": date}, (1.0, 0, 0, 0))])

    await write(one, "2026-11-20T12:00:00")
    feed = HeldFeed()
    async with aclosing(live(feed, store).changes()) as changes:
        for change in (
            partial(write, other, "2026-11-19T12:00:00"),
            partial(write, other, "2026-11-20T13:00:00"),
            partial(write, str(uuid4()), "2020-01-01T00:00:00", MemoryType.EPISODIC),
            partial(store.delete_points, MemoryType.SEMANTIC, [one]),
        ):
            told = asyncio.create_task(following(changes))
            await store.looks.more()
            await change()
            assert await told == MEMORIES
    assert feed.ended
    await store.close()


async def test_nothing_is_told_while_nothing_changes() -> None:
    vectors = HeldVectors(3, "2026-11-20")
    async with aclosing(live(HeldFeed(), vectors).changes()) as changes:
        told = asyncio.create_task(following(changes))
        await vectors.looks.more()
        assert not told.done()
        vectors.points = 4
        assert await told == MEMORIES


async def test_a_thousand_writes_at_once_are_told_in_one_go_and_none_is_forgotten() -> None:
    feed, vectors = HeldFeed(), HeldVectors()
    async with aclosing(live(feed, vectors).changes()) as changes:
        told = asyncio.create_task(following(changes))
        await vectors.looks.more()
        for _ in range(1000):
            feed.tell(frozenset({Subject.RELATIONS}))
        feed.tell(frozenset({Subject.NAMES, Subject.SETTINGS}))
        assert await told == {Subject.RELATIONS, Subject.NAMES, Subject.SETTINGS}
        told = asyncio.create_task(following(changes))
        await vectors.looks.more()
        assert not told.done()
        feed.tell(frozenset({Subject.SESSIONS}))
        assert await told == {Subject.SESSIONS}


async def test_a_store_that_was_away_is_told_as_changed_when_it_is_back() -> None:
    vectors = HeldVectors(3, "2026-11-20", away=True)
    async with aclosing(live(HeldFeed(), vectors).changes()) as changes:
        told = asyncio.create_task(following(changes))
        await vectors.looks.more()
        assert not told.done()
        vectors.away = False
        assert await told == MEMORIES


async def test_a_store_that_cannot_sort_by_date_is_counted() -> None:
    vectors = HeldVectors(3, "2026-11-20", sortable=False)
    async with aclosing(live(HeldFeed(), vectors).changes()) as changes:
        told = asyncio.create_task(following(changes))
        await vectors.looks.more()
        vectors.points = 2
        assert await told == MEMORIES
