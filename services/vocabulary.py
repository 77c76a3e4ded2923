"""Words that occur in the memories, to complete the one that is being typed."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import re
from collections import Counter

from services.errors import MemoriaError
from services.model import MemoryType
from services.points import Scroll
from services.ports import VectorStore

_SAMPLE = 1000
"""Points of a collection that are read: ids are random, so they are a fair sample, and common words are among them."""
_PAGE = 200
_MOST_CHARACTERS = 2000
_COMPLETIONS = 4
_SHORTEST = 2
_WORD = re.compile(r"[^\W\d_]{3,}")
_UNFINISHED = re.compile(rf"(?<!\S)[^\W\d_]{{{_SHORTEST},}}$")


class Vocabulary:
    """Words of a sample of the memories, read once, at the first question."""

    def __init__(self, vectors: VectorStore) -> None:
        self._vectors = vectors
        self._counts: Counter[str] = Counter()
        self._words: list[str] | None = None
        self._turn = asyncio.Lock()

    async def completions(self, text: str) -> tuple[str, ...]:
        """The most frequent words that begin like the last one of `text`; none when that is finished or is a word."""
        unfinished = _UNFINISHED.search(text)
        if not unfinished:
            return ()
        async with self._turn:
            if self._words is None:
                await self._read()
        prefix = unfinished[0].casefold()
        words = self._words or []
        if prefix in self._counts:
            return ()
        start = bisect.bisect_left(words, prefix)
        end = bisect.bisect_left(words, prefix + "\U0010ffff")
        return tuple(sorted(words[start:end], key=lambda word: (-self._counts[word], word))[:_COMPLETIONS])

    async def _read(self) -> None:
        with contextlib.suppress(MemoriaError):  # the search itself says what is wrong
            for collection in MemoryType:
                await self._read_collection(collection)
            self._words = sorted(self._counts)

    async def _read_collection(self, collection: MemoryType) -> None:
        after: str | None = None
        for _ in range(_SAMPLE // _PAGE):
            page = await self._vectors.scroll(Scroll(collection, _PAGE, after_id=after, payload_keys=("content",)))
            for point in page:
                text = str(point.payload.get("content", ""))[:_MOST_CHARACTERS]
                self._counts.update(_WORD.findall(text.casefold()))
            if len(page) < _PAGE:
                return
            after = page[-1].id
