"""The embedder behind Ollama's HTTP API (`POST /api/embed`, `GET /api/version`, `GET /api/tags`)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import httpx
import tenacity

from services.adapters.kept_queries import KeptQueries
from services.adapters.ollama_server import OllamaServer, Transient, not_pulled
from services.batches import sized_batches
from services.errors import (
    EmbeddingFailed,
    MemoriaError,
    ModelMismatch,
    StoreTimeout,
    StoreUnavailable,
)
from services.model import StoreKind, StoreStatus
from services.points import Vector

_BATCH_TEXTS = 32
_BATCH_CHARACTERS = 64_000
_CONCURRENT_REQUESTS = 4
_DOCUMENT_ATTEMPTS = 4
_QUERY_ATTEMPTS = 2
_DOCUMENT_TIMEOUT = httpx.Timeout(120, connect=5)
_QUERY_TIMEOUT = httpx.Timeout(10, connect=2)
_STATUS_TIMEOUT = httpx.Timeout(2)
_SILENCE = 5.0
"""Seconds for which questions fail at once after the server could not be reached: a person goes on typing."""


@dataclass(frozen=True, slots=True)
class _Prefixes:
    """What a model was trained to see before a document and before a question."""

    document: str = ""
    query: str = ""


_NO_PREFIXES = _Prefixes()
_PREFIXES: Mapping[str, _Prefixes] = MappingProxyType(
    {
        "nomic-embed-text": _Prefixes("search_document: ", "search_query: "),
        "mxbai-embed-large": _Prefixes(query="Represent this sentence for searching relevant passages: "),
        "bge-large": _Prefixes(query="Represent this query for retrieving relevant documents: "),
    }
)


class OllamaEmbedder:
    """Vectors from a model that Ollama serves; `host` is a URL, or a name with or without a port."""

    def __init__(
        self,
        host: str,
        model: str,
        dimensions: int,
        transport: httpx.AsyncBaseTransport | None = None,
        first_wait: float = 0.25,
    ) -> None:
        """`first_wait` is the pause in seconds before the first retry; it doubles with each one.

        With 0 `dimensions` the first vector tells their number.
        """
        self._server = OllamaServer(host, transport)
        self._label = self._server.label
        self._model = model.removesuffix(":latest")
        self._dimensions = dimensions
        self._prefixes = _PREFIXES.get(self._model.rpartition("/")[2].partition(":")[0], _NO_PREFIXES)
        self._free = asyncio.Semaphore(_CONCURRENT_REQUESTS)
        self._kept = KeptQueries()
        self._away: tuple[float, StoreUnavailable] | None = None
        self._first_wait = first_wait
        self._version = ""
        """Asked once for as long as it is there."""

    @property
    def model(self) -> str:
        return self._model

    @property
    def dimensions(self) -> int:
        return self._dimensions

    async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        """One vector a text, in order.

        Raises StoreUnavailable while Ollama cannot be reached, EmbeddingFailed when it refuses (the model is not
        pulled) and ModelMismatch when the vectors have another size than the settings say.
        """
        inputs = [self._prefixes.document + _sendable(text) for text in texts]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._batch(batch))
                for batch in sized_batches(inputs, len, _BATCH_CHARACTERS, _BATCH_TEXTS)
            ]
        found: list[Vector] = []
        for task in tasks:
            vectors = task.result()
            if isinstance(vectors, MemoriaError):
                raise vectors
            found += vectors
        return found

    async def embed_query(self, text: str) -> Vector:
        """The vector of a question; the last 512 are kept. Raises as `embed_documents`."""
        if (kept := self._kept.get(text)) is not None:
            return kept
        if self._away and time.monotonic() < self._away[0]:
            raise self._away[1]
        question = self._prefixes.query + _sendable(text)
        try:
            [vector] = await self._embed([question], _QUERY_ATTEMPTS, _QUERY_TIMEOUT)
        except StoreUnavailable as error:
            self._away = (time.monotonic() + _SILENCE, error)
            raise
        self._away = None
        self._kept.keep(text, vector)
        return vector

    async def status(self) -> StoreStatus:
        """Whether Ollama answers, its version, and whether it has the model."""
        start = time.perf_counter()
        try:
            models = (await self._server.send("GET", "/api/tags", _STATUS_TIMEOUT)).get("models") or []
            latency = (time.perf_counter() - start) * 1000
            if not self._version:
                answer = await self._server.send("GET", "/api/version", _STATUS_TIMEOUT)
                self._version = str(answer.get("version", ""))
        except Transient as failure:
            return self._broken(failure.error)
        except MemoriaError as error:
            return self._broken(error)
        self._away = None
        pulled = {str(model.get("name", "")).removesuffix(":latest") for model in models}
        problems = () if self._model in pulled else (not_pulled(self._label, self._model),)
        return StoreStatus(
            StoreKind.EMBEDDER,
            not problems,
            self._label,
            f"{self._version} · {self._model}",
            latency,
            problems=problems,
        )

    async def close(self) -> None:
        await self._server.close()

    def _broken(self, error: MemoriaError) -> StoreStatus:
        self._version = ""  # it may come back as another one
        return StoreStatus(
            StoreKind.EMBEDDER,
            ok=False,
            label=self._label,
            problems=(str(error),),
            silent=isinstance(error, StoreTimeout),
        )

    async def _batch(self, texts: Sequence[str]) -> list[Vector] | MemoriaError:
        """An error is given back, not raised: in a task group it would come out wrapped."""
        try:
            async with self._free:
                return await self._embed(texts, _DOCUMENT_ATTEMPTS, _DOCUMENT_TIMEOUT)
        except MemoriaError as error:
            return error

    async def _embed(self, texts: Sequence[str], attempts: int, patience: httpx.Timeout) -> list[Vector]:
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(Transient),
            stop=tenacity.stop_after_attempt(attempts),
            wait=tenacity.wait_exponential_jitter(multiplier=self._first_wait, max=8, jitter=self._first_wait),
            reraise=True,
        )
        body = {"model": self._model, "input": list(texts)}
        try:
            answer: dict[str, Any] = await retrying(self._server.send, "POST", "/api/embed", patience, body)
        except Transient as failure:
            raise failure.error from failure
        return self._checked(answer.get("embeddings"), len(texts))

    def _checked(self, vectors: object, expected: int) -> list[Vector]:
        if not (isinstance(vectors, list) and len(vectors) == expected and all(isinstance(v, list) for v in vectors)):
            raise EmbeddingFailed(f"Ollama at {self._label} did not answer with one vector a text")
        for vector in vectors:
            self._dimensions = self._dimensions or len(vector)
            if len(vector) != self._dimensions:
                raise ModelMismatch(
                    f"{self._model} makes vectors of {len(vector)} numbers, "
                    f"MEMORIA_EMBEDDING_DIMENSIONS says {self._dimensions}"
                )
            if not any(vector):
                raise EmbeddingFailed(f"{self._model} answered with a vector of zeros, which no search can find")
        return vectors


def _sendable(text: str) -> str:
    """JSON cannot carry a lone surrogate, and an empty text has no tokens to make a vector of."""
    return text.encode("utf-8", "replace").decode() or " "
