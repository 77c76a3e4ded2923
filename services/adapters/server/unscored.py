"""Keyword search where the server cannot rank: candidates are asked for by how many of the words they hold, and ranked
here by BM25. Imports qdrant-client: import this on first use.

The memory that somebody means holds all words, or most of them: those are asked for first, however common each word is.
Only where they are few, points that hold two of the words, and then the rarest ones alone, are read as well.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from qdrant_client import AsyncQdrantClient, models

from services.adapters.collections import TEXT_KEY, selected, storable_text
from services.adapters.server import unindexed
from services.adapters.server.bm25 import bm25, words
from services.adapters.server.collection_info import TextIndex
from services.adapters.server.server_filters import server_filter
from services.concurrency import together
from services.points import Contains, Filter, ScoredPoint, TextSearch
from services.stop_words import STOP_WORDS

_WORDS = 8
"""The rarest words of a question that are looked up."""
_CANDIDATES = 250
"""Points that are read at once: of those that hold as many of the words, whichever come."""
_Texts = dict[models.ExtendedPointId, str]


class UnscoredText:
    """A search in one collection; `where` is what every hit must meet."""

    def __init__(
        self, client: AsyncQdrantClient, name: str, index: TextIndex | None, where: models.Filter | None
    ) -> None:
        self._client = client
        self._name = name
        self._index = index
        self._where = where

    async def search(self, request: TextSearch) -> list[ScoredPoint]:
        """Best first, with scores that are comparable within the collection."""
        sought = [word for word in dict.fromkeys(words(storable_text(request.text))) if word not in STOP_WORDS]
        if not sought:
            return []
        if self._index is None:
            texts, frequencies, total = await self._read_all(sought)
        else:
            frequencies, total = await self._frequencies(sought)
            texts = await self._candidates(frequencies, request.limit)
        found = dict(zip(texts, bm25(list(texts.values()), frequencies, total), strict=True))
        scores = {point: score for point, score in found.items() if score > 0}
        best = sorted(scores, key=lambda point: -scores[point])[: request.limit]
        records = await self._client.retrieve(self._name, best, selected(request.payload_keys)) if best else []
        payloads = {record.id: record.payload or {} for record in records}
        return [ScoredPoint(str(point), payloads[point], scores[point]) for point in best if point in payloads]

    async def _frequencies(self, sought: list[str]) -> tuple[Mapping[str, int], int]:
        """In how many texts each of the rarest words occurs, rarest first, and the number of all."""
        counts = [self._client.count(self._name, count_filter=_filter(_having(word)), exact=True) for word in sought]
        total, *found = [one.count for one in await together(self._client.count(self._name), *counts)]
        known = sorted((count, word) for count, word in zip(found, sought, strict=True) if count)
        return {word: count for count, word in known[:_WORDS]}, total

    async def _candidates(self, known: Mapping[str, int], enough: int) -> _Texts:
        """Texts that hold as many of the words as texts do; `known` are the words with their texts, rarest first.

        What cannot be enough, because the words are too rare for that, is asked for in one request with what follows.
        """
        conditions = [_having(word) for word in known]
        count, held = len(known), sum(known.values())
        texts: _Texts = {}
        asked: list[models.Filter] = []
        shares = {count, math.ceil(2 * count / 3), math.ceil(count / 2), 2}
        for least in sorted((one for one in shares if 1 < one <= count), reverse=True):
            asked.append(models.Filter(min_should=models.MinShould(conditions=conditions, min_count=least)))
            if held >= least * enough:
                texts |= await self._pages(asked)
                asked = []
                if len(texts) >= enough:
                    return texts
        return texts | await self._pages([*asked, *map(_filter, conditions)])

    async def _pages(self, conditions: Sequence[models.Filter]) -> _Texts:
        """Some texts for each condition, all in one request."""
        where = [self._where] if self._where else []
        questions = [
            models.QueryRequest(
                filter=models.Filter(must=[one, *where]), limit=_CANDIDATES, with_payload=[TEXT_KEY], with_vector=False
            )
            for one in conditions
        ]
        pages = await self._client.query_batch_points(self._name, questions) if questions else []
        return {point.id: str((point.payload or {}).get(TEXT_KEY)) for page in pages for point in page.points}

    async def _read_all(self, sought: list[str]) -> tuple[_Texts, Mapping[str, int], int]:
        """Every text with one of the words: without an index there is no quicker way that finds them all."""
        texts: _Texts = {}
        frequencies: Counter[str] = Counter()
        total = 0
        async for record in unindexed.records(self._client, self._name, self._where, TEXT_KEY):
            total += 1
            text = str((record.payload or {}).get(TEXT_KEY))
            if held := set(words(text)).intersection(sought):
                texts[record.id] = text
                frequencies.update(held)
        return texts, frequencies, total


def _having(word: str) -> models.Condition:
    found = server_filter(Filter((Contains(TEXT_KEY, word),)))
    assert found is not None
    return found


def _filter(condition: models.Condition) -> models.Filter:
    return models.Filter(must=[condition])
