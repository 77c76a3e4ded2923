"""The embedder that runs a model in ONNX in this process, in threads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from services.adapters.kept_queries import KeptQueries
from services.batches import sized_batches
from services.errors import EmbeddingFailed
from services.model import StoreKind, StoreStatus
from services.points import Vector
from services.reembedding.onnx_models import OnnxModel

_BATCH_CHARACTERS, _BATCH_TEXTS = 64_000, 64

Run = Callable[[Sequence[str]], list[Vector]]
"""Gives one unit vector a text, in order. Blocking; raises EmbeddingFailed."""


class OnnxEmbedder:
    """Vectors of `model`, made by `run`, with the prefixes that it was trained with."""

    def __init__(self, model: OnnxModel, run: Run) -> None:
        self._model, self._run = model, run
        self._kept = KeptQueries()

    @property
    def model(self) -> str:
        return self._model.stored_as

    @property
    def dimensions(self) -> int:
        return self._model.dimensions

    async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        """One vector a text, in order. Raises EmbeddingFailed when the model is not here or cannot be loaded."""
        vectors: list[Vector] = []
        read = [self._model.document + _readable(text) for text in texts]
        for batch in sized_batches(read, len, _BATCH_CHARACTERS, _BATCH_TEXTS):
            vectors += await asyncio.to_thread(self._run, batch)
        return vectors

    async def embed_query(self, text: str) -> Vector:
        """The vector of a question; the last 512 are kept. Raises as `embed_documents`."""
        if (vector := self._kept.get(text)) is None:
            (vector,) = await asyncio.to_thread(self._run, [self._model.query + _readable(text)])
            self._kept.keep(text, vector)
        return vector

    async def status(self) -> StoreStatus:
        """Whether the model is here and can be loaded, and how long one question takes."""
        start = time.perf_counter()
        try:
            await asyncio.to_thread(self._run, ["how are you"])
        except EmbeddingFailed as error:
            return StoreStatus(StoreKind.EMBEDDER, ok=False, label="onnx", problems=(str(error),))
        latency = (time.perf_counter() - start) * 1000
        return StoreStatus(StoreKind.EMBEDDER, ok=True, label="onnx", version=self._model.name, latency_ms=latency)

    async def close(self) -> None:
        self._kept.clear()


def _readable(text: str) -> str:
    return text.encode("utf-8", "replace").decode() or " "
