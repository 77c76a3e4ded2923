"""The embedder that needs nothing installed or started: one model in the store daemon for all programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from services.adapters.daemon.wire import MODEL as OF_MODEL
from services.adapters.daemon.wire import Connection
from services.adapters.kept_queries import KeptQueries
from services.batches import sized_batches
from services.errors import EmbeddingFailed, StoreUnavailable
from services.model import StoreKind, StoreStatus
from services.points import Vector
from services.ports import Nearness

MODEL = "wordllama-l2-supercat-256"
DIMENSIONS = 256
_BATCH_CHARACTERS = 100_000
"""Text embedded in one call: bounds the memory of a call and how long another program's waits."""


class BundledEmbedder:
    """WordLlama (256 numbers, mean of static token vectors, unit length).

    Every text gives a unit vector: lone surrogates are read as "?".
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._kept = KeptQueries()

    @property
    def model(self) -> str:
        return MODEL

    @property
    def dimensions(self) -> int:
        return DIMENSIONS

    async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        """One unit vector of 256 numbers a text, in order.

        Raises EmbeddingFailed when the weights cannot be read, StoreUnavailable when the daemon cannot be reached.
        """
        vectors: list[Vector] = []
        for batch in sized_batches(map(_readable, texts), len, _BATCH_CHARACTERS, sys.maxsize):
            vectors += await self._ask("embed", batch)
        return vectors

    async def embed_query(self, text: str) -> Vector:
        """The vector of a question; the last 512 are kept. Raises as `embed_documents`."""
        if (vector := self._kept.get(text)) is None:
            (vector,) = await self._ask("embed", [_readable(text)])
            self._kept.keep(text, vector)
        return vector

    async def embed_words(self, weights: Mapping[str, float]) -> Vector:
        """The vector of a question: the sum of its words' vectors by their weights, at unit length."""
        vector: Vector = await self._ask("embed_words", _readable_keys(weights))
        return vector

    async def closeness(self, weights: Mapping[str, float], passages: Sequence[str]) -> list[Nearness]:
        """For each passage how near it comes to the words of a question."""
        found = await self._ask("closeness", _readable_keys(weights), list(map(_readable, passages)))
        return [Nearness._make(one) for one in found]

    async def status(self) -> StoreStatus:
        """Whether the weights are there, and how long one question takes."""
        start = time.perf_counter()
        try:
            await self._ask("embed", ["how are you"])
        except (EmbeddingFailed, StoreUnavailable) as error:
            return StoreStatus(StoreKind.EMBEDDER, ok=False, label="bundled", problems=(str(error),))
        latency = (time.perf_counter() - start) * 1000
        return StoreStatus(StoreKind.EMBEDDER, ok=True, label="bundled", version=MODEL, latency_ms=latency)

    async def close(self) -> None:
        self._kept.clear()
        await self._connection.close()

    async def _ask(self, method: str, *arguments: object) -> Any:
        return await self._connection.call(OF_MODEL, method, *arguments)


def _readable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _readable_keys(weights: Mapping[str, float]) -> dict[str, float]:
    return {_readable(word): float(weight) for word, weight in weights.items()}
