"""The hits of a ranked search: all are ranked, and only those that somebody wants to see are read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from services.model import Hit, Query
from services.search import fusion
from services.search.filters import keeps_shown, keeps_text
from services.search.hits import Found, HitReader, Read
from services.storable_text import has_word
from services.together import together

FIRST = fusion.CLOSELY_READ
"""Hits that are read at once: their order is final only when their words are compared, and a screen shows fewer."""

Closeness = Callable[[Sequence[Read]], Awaitable[dict[str, float]]]
"""How near the words of passages come to those of the question, 0..1, by memory."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What the legs and the relations give each memory, by its id."""

    totals: Mapping[str, float]
    """All of it together, best first."""
    dense: Mapping[str, float]
    keyword: Mapping[str, float]
    graph: Mapping[str, float]


class RankedHits:
    """At most `query.limit` hits, best first."""

    def __init__(
        self,
        query: Query,
        scores: Scores,
        found: Mapping[str, Found],
        embedded: frozenset[str],
        relations: Mapping[str, int],
        reader: HitReader,
        closeness: Closeness,
    ) -> None:
        """`found` has the best point of each memory; `embedded` are points known to have their vectors.

        `relations` are the numbers that are known already.
        """
        self.query = query
        self.notices: tuple[str, ...] = ()
        """One line for each part that could not take part and why."""
        self.took_ms = 0.0
        """Milliseconds until the first ones were read."""
        self.corrected: Callable[[], None] | None = None
        """Called when fewer of the others are hits than `total` told."""
        self.hits: tuple[Hit, ...] = ()
        """Those that were read, in order, without a gap."""
        self._scores = scores
        self._found = found
        self._embedded = embedded
        self._reader = reader
        self._closeness_of = closeness
        self._closeness: dict[str, float] | None = None
        self._remaining = [one for one in scores.totals if one in found]
        self._kept: list[Read] = []
        self._relations = dict(relations)
        self._turn = asyncio.Lock()
        self.total = 0
        """Hits, as far as can be told before all are read: the texts of a few may show that they are none."""

    async def open(self) -> None:
        """Reads the first hits; all, where only the texts tell which memories are hits. Raises StoreUnavailable."""
        all_ = self.query.phrases or self.query.excluded_words
        await self._reach(self.query.limit if all_ else min(FIRST, self.query.limit))
        self.total = self._expected

    async def page(self, offset: int, limit: int) -> tuple[Hit, ...]:
        """The hits from `offset` on, at most `limit`; fewer at the end. Raises StoreUnavailable."""
        await self._reach(offset + limit)
        if self._expected != self.total:
            self.total = self._expected
            if self.corrected is not None:
                self.corrected()
        return self.hits[offset : offset + limit]

    @property
    def _expected(self) -> int:
        return min(self.query.limit, len(self._kept) + len(self._remaining))

    async def _reach(self, length: int) -> None:
        async with self._turn:
            if self._closeness is None:
                await self._read(FIRST)
                self._closeness = await self._closeness_of(self._kept[:FIRST])
            await self._read(min(length, self.query.limit))
            if len(self.hits) < min(len(self._kept), self.query.limit):
                self.hits = self._explained(self._closeness)

    async def _read(self, length: int) -> None:
        """Reads on until so many are kept: where one turns out to be no hit, the next takes its place."""
        while len(self._kept) < length and self._remaining:
            some = self._remaining[: max(FIRST, length - len(self._kept))]
            found = [self._found[one] for one in some]
            read, (counts, notices) = await together(
                self._reader.read(found, self._embedded),
                self._reader.relation_counts([one for one in some if one not in self._relations]),
            )
            self._relations |= counts
            self.notices = tuple(dict.fromkeys((*self.notices, *notices)))
            self._kept += [one for one in read if self._keeps(one)]
            del self._remaining[: len(some)]

    def _keeps(self, read: Read) -> bool:
        """What the stores could not tell is told by the texts themselves."""
        memory = read.memory
        return (
            keeps_text(self.query, memory.content)
            and (not read.by_later or keeps_shown(self.query, memory))
            and (memory.id in self._scores.keyword or has_word(read.passage))
        )

    def _explained(self, closeness: Mapping[str, float]) -> tuple[Hit, ...]:
        """The words of the first ones only raise these, so those that are read later come after them."""
        scores, kept = self._scores, {one.memory.id: one for one in self._kept}
        totals = {one: scores.totals[one] for one in kept}
        scored = fusion.explained(totals, closeness, scores.dense, scores.keyword, scores.graph)
        best = [(kept[one], of) for one, of in scored.items()][: self.query.limit]
        return tuple(
            Hit(one.memory, of.score, of.why, one.passage, self._relations.get(one.memory.id, 0)) for one, of in best
        )
