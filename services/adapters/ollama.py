"""The embedder behind Ollama's HTTP API (`POST /api/embed`, `GET /api/version`, `GET /api/tags`)."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import httpx
import tenacity

from services.batches import sized_batches
from services.errors import (
    AuthenticationFailed,
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
_KEPT_QUERIES = 512
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


class _Transient(Exception):
    """The request may succeed when it is sent again; carries what to raise when it never does."""

    def __init__(self, error: MemoriaError) -> None:
        super().__init__(str(error))
        self.error = error


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
        url = httpx.URL(host if "://" in host else f"http://{host}")
        if url.port is None and "://" not in host:
            url = url.copy_with(port=11434)
        self._client = httpx.AsyncClient(base_url=url, transport=transport, timeout=_DOCUMENT_TIMEOUT)
        self._label = f"{url.host}:{url.port}" if url.port else url.host
        self._model = model.removesuffix(":latest")
        self._dimensions = dimensions
        self._prefixes = _PREFIXES.get(self._model.rpartition("/")[2].partition(":")[0], _NO_PREFIXES)
        self._free = asyncio.Semaphore(_CONCURRENT_REQUESTS)
        self._kept: OrderedDict[str, Vector] = OrderedDict()
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
            self._kept.move_to_end(text)
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
        self._kept[text] = vector
        if len(self._kept) > _KEPT_QUERIES:
            self._kept.popitem(last=False)
        return vector

    async def status(self) -> StoreStatus:
        """Whether Ollama answers, its version, and whether it has the model."""
        start = time.perf_counter()
        try:
            models = (await self._send("GET", "/api/tags", _STATUS_TIMEOUT)).get("models") or []
            latency = (time.perf_counter() - start) * 1000
            if not self._version:
                answer = await self._send("GET", "/api/version", _STATUS_TIMEOUT)
                self._version = str(answer.get("version", ""))
        except _Transient as failure:
            return self._broken(failure.error)
        except MemoriaError as error:
            return self._broken(error)
        self._away = None
        pulled = {str(model.get("name", "")).removesuffix(":latest") for model in models}
        problems = () if self._model in pulled else (self._not_pulled(),)
        return StoreStatus(
            StoreKind.EMBEDDER,
            not problems,
            self._label,
            f"{self._version} · {self._model}",
            latency,
            problems=problems,
        )

    async def close(self) -> None:
        await self._client.aclose()

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
            retry=tenacity.retry_if_exception_type(_Transient),
            stop=tenacity.stop_after_attempt(attempts),
            wait=tenacity.wait_exponential_jitter(multiplier=self._first_wait, max=8, jitter=self._first_wait),
            reraise=True,
        )
        body = {"model": self._model, "input": list(texts)}
        try:
            answer: dict[str, Any] = await retrying(self._send, "POST", "/api/embed", patience, body)
        except _Transient as failure:
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

    async def _send(
        self, method: str, path: str, patience: httpx.Timeout, body: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        try:
            response = await self._client.request(method, path, json=body, timeout=patience)
        except httpx.TimeoutException as error:
            raise _Transient(StoreTimeout(f"Ollama at {self._label} did not answer in time")) from error
        except httpx.TransportError as error:
            hint = "start it with `ollama serve` or correct MEMORIA_OLLAMA_HOST"
            raise _Transient(StoreUnavailable(f"Ollama at {self._label} cannot be reached; {hint}")) from error
        self._raise_for_status(response)
        try:
            answer = response.json()
        except ValueError as error:
            raise EmbeddingFailed(
                f"What answers at {self._label} is not Ollama; correct MEMORIA_OLLAMA_HOST"
            ) from error
        return answer if isinstance(answer, dict) else {}

    def _raise_for_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == httpx.codes.OK:
            return
        reason = _reason(response)
        if status == httpx.codes.TOO_MANY_REQUESTS or status >= 500:
            raise _Transient(StoreUnavailable(f"Ollama at {self._label} is in trouble ({status}): {reason}"))
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise AuthenticationFailed(f"Ollama at {self._label} refused access ({status})")
        if status == httpx.codes.NOT_FOUND:
            if "model" in reason:
                raise EmbeddingFailed(self._not_pulled())
            raise EmbeddingFailed(f"Ollama at {self._label} has no {response.url.path}; it needs version 0.3 or newer")
        raise EmbeddingFailed(f"Ollama at {self._label} refused the text ({status}): {reason}")

    def _not_pulled(self) -> str:
        return f"Ollama at {self._label} does not have the model; run: ollama pull {self._model}"


def _reason(response: httpx.Response) -> str:
    try:
        answer = response.json()
    except ValueError:
        answer = response.text
    reason = answer.get("error", "") if isinstance(answer, dict) else answer
    return " ".join(str(reason).split())[:200]


def _sendable(text: str) -> str:
    """JSON cannot carry a lone surrogate, and an empty text has no tokens to make a vector of."""
    return text.encode("utf-8", "replace").decode() or " "
