"""Tells open screens what changed meanwhile, whoever changed it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from services.errors import MemoriaError
from services.model import MemoryType, Subject
from services.points import Scroll
from services.ports import Feed, Tell, VectorStore

_DATE = "updated_at"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds."""

    gather: float = 0.05
    """For what is written together to be told together."""
    rest: float = 1.0
    """Between two tellings, so that a thousand writes are a few."""
    look: float = 2.0
    """Between two looks at the memories."""
    longest: float = 30.0
    """Between two such looks while their store is away."""


ALONE = Rhythm(look=10.0)
"""For memories that no other program can write meanwhile: they are only looked at to see them come back."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What differs after a collection was written."""

    points: int
    newest: object
    """The date of the last update, as it is written; None where none is, or where the store cannot sort by it."""


class LiveService:
    """What happens in the stores. Own writes are told as well: whoever is told looks, and may find nothing new."""

    def __init__(self, feed: Feed, vectors: VectorStore, rhythm: Rhythm | None = None) -> None:
        self._feed = feed
        self._vectors = vectors
        self._rhythm = rhythm or Rhythm()

    async def changes(self) -> AsyncGenerator[frozenset[Subject], None]:
        """What was written since the last time; everything after a time in which a store was away.

        Goes on until it is closed, and raises nothing: stores that are away are looked for.
        """
        news: set[Subject] = set()
        some = asyncio.Event()

        def tell(subjects: frozenset[Subject]) -> None:
            news.update(subjects)
            some.set()

        watching = [asyncio.create_task(self._feed.watch(tell)), asyncio.create_task(self._watch_memories(tell))]
        try:
            while True:
                await asyncio.sleep(self._rhythm.rest)
                await some.wait()
                await asyncio.sleep(self._rhythm.gather)
                some.clear()
                told = frozenset(news)
                news.clear()
                yield told
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)

    async def _watch_memories(self, tell: Tell) -> None:
        """Nothing tells of memories: they are looked at, as cheaply as it can be."""
        seen: Mapping[MemoryType, Glance] | None = None
        away = False
        wait = self._rhythm.look
        while True:
            try:
                glance = await self.glance()
            except MemoriaError:
                away = True
                wait = min(2 * wait, self._rhythm.longest)
            else:
                if away or (seen is not None and glance != seen):
                    tell(frozenset((Subject.MEMORIES,)))
                seen, away, wait = glance, False, self._rhythm.look
            await asyncio.sleep(wait)

    async def glance(self) -> Mapping[MemoryType, Glance]:
        """How the memories stand, told from any other state by what differs. Raises StoreUnavailable."""
        info = await self._vectors.info()
        dated = [collection for collection, found in info.items() if _DATE not in found.missing_indexes]
        scrolls = (Scroll(collection, 1, order_by=_DATE, payload_keys=(_DATE,)) for collection in dated)
        pages = await asyncio.gather(*(self._vectors.scroll(scroll) for scroll in scrolls))
        newest = {collection: page[0].payload.get(_DATE) for collection, page in zip(dated, pages, strict=True) if page}
        return {collection: Glance(found.points, newest.get(collection)) for collection, found in info.items()}
