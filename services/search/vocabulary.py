"""Words that occur in the memories: how telling each is, and how the one that is being typed may go on."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import json
import math
import re
import time
from collections import Counter
from contextvars import Context
from dataclasses import dataclass, field
from pathlib import Path

from services.acting import permitted_projects
from services.errors import MemoriaError
from services.files import write_file
from services.model import MemoryType
from services.points import Scroll
from services.ports import VectorStore, WordStore

_SAMPLE = 1000
"""Points of a collection that are read: ids are random, so they are a fair sample, and common words are among them."""
_PAGE = 200
_MOST_CHARACTERS = 2000
_COMPLETIONS = 4
_SHORTEST = 2
_FRESH_SECONDS = 120.0
"""Age from which the words are read again, in the background of whoever asks."""
_KEPT_SECONDS = 86_400.0
"""Age from which words that an earlier program kept are not used at all."""
_SETTLED_SECONDS = 10.0
"""In which a program that has just begun, and found kept ones, does not read them again: others wait for it."""
_MOST_KEPT, _LARGEST = 50_000, 4 << 20
"""Words that are kept, the most frequent ones, and bytes of a file of them."""
_WORD = re.compile(r"[^\W_]+")
_UNFINISHED = re.compile(rf"(?<!\S)[^\W\d_]{{{_SHORTEST},}}$")


def words_in(text: str) -> list[str]:
    """In order, whatever their case."""
    return _WORD.findall(text.casefold())


class Vocabulary:
    """Words of a sample of the memories, read at the first question and again when they have aged.

    A store that has read them itself is asked instead, until `load` has them here: a command asks once.
    """

    def __init__(self, vectors: VectorStore, file: Path | None = None) -> None:
        """`file` is where they are kept for the next program that begins, which then need not read them first."""
        self._vectors = vectors
        self._file = file
        self._sample = _Sample()
        self._reading: asyncio.Task[None] | None = None
        self._looked, self._forgotten = False, 0

    async def completions(self, text: str) -> tuple[str, ...]:
        """The most frequent words that begin like the last one of `text`; none when that is finished or is a word."""
        unfinished = _UNFINISHED.search(text)
        if not unfinished or permitted_projects() is not None:
            return ()
        if store := self._store:
            with contextlib.suppress(MemoriaError):  # the search itself says what is wrong
                return tuple(await store.completions(text))
        sample = await self._current()
        prefix = unfinished[0].casefold()
        if prefix in sample.counts:
            return ()
        start = bisect.bisect_left(sample.words, prefix)
        end = bisect.bisect_left(sample.words, prefix + "\U0010ffff")
        begun = (word for word in sample.words[start:end] if len(word) > _SHORTEST)
        return tuple(sorted(begun, key=lambda word: (-sample.counts[word], word))[:_COMPLETIONS])

    async def weights(self, text: str) -> dict[str, float]:
        """How telling each word of the text is: its inverse document frequency, as BM25 has it; {} without words."""
        words = words_in(text)
        if not words:
            return {}
        if store := self._store:
            with contextlib.suppress(MemoriaError):
                return dict(await store.weights(text))
        sample = await self._current()
        return {word: sample.weight(word) for word in words}

    async def load(self) -> None:
        """Reads the words, for many questions to come."""
        await self._current()

    def forget(self) -> None:
        """Keeps nothing for later of what was read by now: memories are deleted."""
        self._forgotten += 1
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.unlink()

    @property
    def _store(self) -> WordStore | None:
        return self._vectors if isinstance(self._vectors, WordStore) and not self._sample.texts else None

    async def _current(self) -> _Sample:
        """What is known; only the very first question waits for it, where nothing was kept."""
        if self._file is not None and not self._looked:
            self._looked = True
            self._sample = _Sample.kept_in(self._file) or self._sample
        if self._sample.aged and (self._reading is None or self._reading.done()):
            self._reading = asyncio.create_task(self._read(), context=Context())  # for everybody
        if not self._sample.texts and self._reading is not None:
            await asyncio.shield(self._reading)
        return self._sample

    async def _read(self) -> None:
        sample, forgotten = _Sample(), self._forgotten
        with contextlib.suppress(MemoriaError):  # the search itself says what is wrong
            for collection in MemoryType:
                await self._read_collection(collection, sample)
            sample.words = sorted(sample.counts)
            self._sample = sample
            if self._file is not None and self._forgotten == forgotten:
                await asyncio.to_thread(sample.keep_in, self._file)
            if self._forgotten != forgotten:
                self.forget()

    async def _read_collection(self, collection: MemoryType, sample: _Sample) -> None:
        after: str | None = None
        for _ in range(_SAMPLE // _PAGE):
            page = await self._vectors.scroll(Scroll(collection, _PAGE, after_id=after, payload_keys=("content",)))
            for point in page:
                sample.add(str(point.payload.get("content", ""))[:_MOST_CHARACTERS])
            if len(page) < _PAGE:
                return
            after = page[-1].id


@dataclass(slots=True)
class _Sample:
    """Some texts, as far as their words tell."""

    counts: Counter[str] = field(default_factory=Counter)
    """In how many texts a word occurs."""
    words: list[str] = field(default_factory=list)
    """Sorted."""
    texts: int = 0
    _made: float = field(default_factory=time.monotonic)

    @classmethod
    def kept_in(cls, file: Path) -> _Sample | None:
        """That of an earlier program, to be read again soon; None where there is none, or it is old or damaged."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            found = file.stat()
            if found.st_size > _LARGEST or not 0 <= time.time() - found.st_mtime < _KEPT_SECONDS:
                return None
            told = json.loads(file.read_bytes())
            texts, counts = int(told["texts"]), {str(word): int(count) for word, count in told["counts"].items()}
            if texts > 0 and all(0 < count <= texts for count in counts.values()):
                made = time.monotonic() - _FRESH_SECONDS + _SETTLED_SECONDS
                return cls(Counter(counts), sorted(counts), texts, made)
        return None

    def keep_in(self, file: Path) -> None:
        """For the next program. Blocks. Raises StorageFull, InvalidInput."""
        if self.texts:
            counts = dict(self.counts.most_common(_MOST_KEPT))
            write_file(file, json.dumps({"texts": self.texts, "counts": counts}))

    @property
    def aged(self) -> bool:
        return not self.texts or time.monotonic() - self._made > _FRESH_SECONDS

    def add(self, text: str) -> None:
        self.counts.update(set(words_in(text)))
        self.texts += 1

    def weight(self, word: str) -> float:
        found = self.counts[word]
        return math.log1p((self.texts - found + 0.5) / (found + 0.5))
