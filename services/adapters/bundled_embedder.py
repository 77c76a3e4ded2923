"""The embedder that needs nothing installed or started: WordLlama, whose weights come inside its wheel."""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from services.batches import sized_batches
from services.errors import EmbeddingFailed
from services.model import StoreKind, StoreStatus
from services.points import Vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from wordllama import WordLlamaInference

    Vectors = NDArray[np.float32]

A = TypeVar("A")
MODEL = "wordllama-l2-supercat-256"
DIMENSIONS = 256
_BATCH_CHARACTERS = 100_000
"""Text tokenised in one call: bounds the memory of a call and the time for which the interpreter is busy."""
_PIECE_CHARACTERS = 10_000
"""Longer texts are tokenised in pieces: the tokenizer's time grows faster than the text."""
_QUESTION_CHARACTERS = 1000
_KEPT_QUERIES = 512


class BundledEmbedder:
    """WordLlama (256 numbers, mean of static token vectors, unit length), loaded at the first use, run in threads.

    Every text gives a unit vector: lone surrogates are read as "?", and a text without any token as a space, since a
    zero vector has no direction and would never be found.
    """

    def __init__(self) -> None:
        self._model: WordLlamaInference | None = None
        self._loading = threading.Lock()
        self._query = functools.lru_cache(maxsize=_KEPT_QUERIES)(self._embed_one)

    @property
    def model(self) -> str:
        return MODEL

    @property
    def dimensions(self) -> int:
        return DIMENSIONS

    async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        """One unit vector of 256 numbers a text, in order. Raises EmbeddingFailed when the weights cannot be read."""
        vectors: list[Vector] = []
        for batch in sized_batches(texts, len, _BATCH_CHARACTERS, sys.maxsize):
            vectors += await asyncio.to_thread(self._embed, batch)
        return vectors

    async def embed_query(self, text: str) -> Vector:
        """The vector of a question; the last 512 are kept. Raises as `embed_documents`."""
        return await self._asked(self._query, text, len(text))

    async def embed_words(self, weights: Mapping[str, float]) -> Vector:
        """The vector of a question: the sum of its words' vectors by their weights, at unit length."""
        return await self._asked(self._embed_words, weights, sum(map(len, weights)))

    async def closeness(self, weights: Mapping[str, float], passages: Sequence[str]) -> list[float]:
        """Late interaction (Khattab and Zaharia, ColBERT, 2020) with static vectors.

        For each word of the question the highest cosine with a token of the passage; the mean of them, 0..1, by the
        squares of the weights, since a telling word tells on both sides.
        """
        return await asyncio.to_thread(self._closeness, weights, passages)

    async def status(self) -> StoreStatus:
        """Whether the weights are there, and how long one question takes."""
        start = time.perf_counter()
        try:
            await asyncio.to_thread(self._embed_one, "how are you")
        except EmbeddingFailed as error:
            return StoreStatus(StoreKind.EMBEDDER, ok=False, label="bundled", problems=(str(error),))
        latency = (time.perf_counter() - start) * 1000
        return StoreStatus(StoreKind.EMBEDDER, ok=True, label="bundled", version=MODEL, latency_ms=latency)

    async def close(self) -> None:
        """Lets go of the weights; the next use loads them again."""
        self._query.cache_clear()
        self._model = None

    async def _asked(self, embed: Callable[[A], Vector], question: A, characters: int) -> Vector:
        """A question of ordinary length takes less time than the way to a thread."""
        if self._model is None or characters > _QUESTION_CHARACTERS:
            return await asyncio.to_thread(embed, question)
        return embed(question)

    def _embed_one(self, text: str) -> Vector:
        return self._embed([text])[0]

    def _embed(self, texts: Sequence[str]) -> list[Vector]:
        import numpy as np

        model = self._loaded()
        pieces = [(row, piece) for row, text in enumerate(texts) for piece in _pieces(text)]
        encoded = model.tokenizer.encode_batch([piece for _, piece in pieces], add_special_tokens=False)
        sums = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for (row, _), tokens in zip(pieces, encoded, strict=True):
            sums[row] += model.embedding[tokens.ids].sum(axis=0)
        vectors: list[Vector] = _unit(sums).tolist()
        return vectors

    def _embed_words(self, weights: Mapping[str, float]) -> Vector:
        import numpy as np

        total = np.array(list(weights.values()), dtype=np.float32) @ self._word_vectors(list(weights))
        vector: list[float] = _unit(total).tolist()
        return vector

    def _closeness(self, weights: Mapping[str, float], passages: Sequence[str]) -> list[float]:
        import numpy as np

        model = self._loaded()
        question = _unit(self._word_vectors(list(weights)))
        shares = np.square(np.array(list(weights.values()), dtype=np.float32))
        shares /= shares.sum()
        begins = [next(_pieces(passage.lower())) for passage in passages]
        encoded = [tokens.ids for tokens in model.tokenizer.encode_batch_fast(begins, add_special_tokens=False)]
        tokens, places = np.unique(np.concatenate([*encoded, []]).astype(np.int32), return_inverse=True)
        # Not `@`: its threads would wait in a busy loop for longer than the whole takes.
        cosines = np.einsum("td,wd->tw", _unit(model.embedding[tokens]), question)
        ends = np.cumsum([len(ids) for ids in encoded])
        return [float(cosines[mine].max(axis=0, initial=0.0) @ shares) for mine in np.split(places, ends)[:-1]]

    def _word_vectors(self, words: Sequence[str]) -> Vectors:
        """One row a word, the sum of its tokens."""
        import numpy as np

        model = self._loaded()
        encoded = model.tokenizer.encode_batch(list(words), add_special_tokens=False)
        return np.stack([model.embedding[tokens.ids].sum(axis=0) for tokens in encoded])

    def _loaded(self) -> WordLlamaInference:
        with self._loading:
            if self._model is None:
                self._model = _load()
            return self._model


def _unit(vectors: Vectors) -> Vectors:
    import numpy as np

    unit: Vectors = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit


def _load() -> WordLlamaInference:
    root = logging.getLogger()
    if not root.handlers and logging.lastResort is not None:
        # Importing it sends every program's log to standard error, where the screen is drawn, if nobody set that up.
        root.addHandler(logging.lastResort)
    try:
        import wordllama

        model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    except (ImportError, OSError, ValueError) as error:
        raise EmbeddingFailed(f"The bundled model cannot be loaded: {error}; install wordllama again") from error
    model.tokenizer.no_padding()
    return model


def _pieces(text: str) -> Iterator[str]:
    whole = text.encode("utf-8", "replace").decode() or " "
    for start in range(0, len(whole), _PIECE_CHARACTERS):
        yield whole[start : start + _PIECE_CHARACTERS]
