"""The vector store on a Qdrant server, from version 1.16."""

from __future__ import annotations

import asyncio
import importlib
import re
import time
import warnings
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from services.errors import (
    AuthenticationFailed,
    InvalidInput,
    MemoriaError,
    ModelMismatch,
    StorageFull,
    StoreMismatch,
    StoreReadOnly,
    StoreTimeout,
    StoreUnavailable,
)
from services.model import MemoryType, StoreKind, StoreStatus
from services.points import (
    EVERYTHING,
    CollectionInfo,
    DenseSearch,
    Filter,
    Point,
    ScoredPoint,
    Scroll,
    TextSearch,
)

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient

    from services.adapters.server.collections import ServerCollections

OLDEST = (1, 16)
"""The first version with everything that is asked for here (match any word, metadata of collections)."""
_WRITES = re.compile("(write|manage) access|read-only", re.IGNORECASE)
"""How a server says that a key may read but not do this."""


class ServerVectorStore:
    """A `VectorStore` on a server that other programs use too. Connects on first use.

    `host` is a name, a name with port, or a whole URL; a request may take `seconds`; `client`, when given, is used
    instead of a connection.
    """

    def __init__(
        self,
        host: str = "localhost",
        port: int = 6333,
        api_key: str | None = None,
        *,
        shards: int = 1,
        replicas: int = 1,
        on_disk: bool = False,
        seconds: int = 10,
        client: AsyncQdrantClient | None = None,
    ) -> None:
        self._url, self._label = _address(host, port)
        self._api_key = api_key
        self._layout = (shards, replicas, on_disk)
        self._seconds = seconds
        self._client = client
        self._opening = asyncio.Lock()
        self._collections: ServerCollections | None = None
        self._version = ""
        self._mismatch: ModelMismatch | None = None
        self._read_only: str | None = None

    async def ensure(self, dimensions: int, model: str) -> None:
        self._mismatch = None
        async with self._open() as collections:
            try:
                await collections.ensure(dimensions, model)
            except ModelMismatch as error:
                self._mismatch = error
                raise

    async def model(self) -> str | None:
        async with self._open() as collections:
            return await collections.model()

    async def info(self) -> dict[MemoryType, CollectionInfo]:
        async with self._open() as collections:
            return await collections.info()

    async def upsert(self, collection: MemoryType, points: Sequence[Point]) -> None:
        if any(point.vector is not None for point in points):
            self._check_model()
        async with self._open() as collections:
            await collections.upsert(collection, points)

    async def set_payload(self, collection: MemoryType, ids: Sequence[str], payload: Mapping[str, object]) -> None:
        async with self._open() as collections:
            await collections.set_payload(collection, ids, payload)

    async def delete_payload(self, collection: MemoryType, ids: Sequence[str], keys: Sequence[str]) -> None:
        async with self._open() as collections:
            await collections.delete_payload(collection, ids, keys)

    async def delete_points(self, collection: MemoryType, ids: Sequence[str]) -> None:
        async with self._open() as collections:
            await collections.delete_points(collection, ids)

    async def retrieve(self, collection: MemoryType, ids: Sequence[str], *, vectors: bool = False) -> list[Point]:
        async with self._open() as collections:
            return await collections.retrieve(collection, ids, vectors)

    async def scroll(self, request: Scroll) -> list[Point]:
        async with self._open() as collections:
            return await collections.scroll(request)

    async def search(self, requests: Sequence[DenseSearch | TextSearch]) -> list[list[ScoredPoint]]:
        if any(isinstance(request, DenseSearch) for request in requests):
            self._check_model()
        async with self._open() as collections:
            return await collections.search(requests)

    async def count(self, collection: MemoryType, where: Filter = EVERYTHING) -> int:
        async with self._open() as collections:
            return await collections.count(collection, where)

    async def facet(
        self, collection: MemoryType, key: str, where: Filter = EVERYTHING, limit: int = 1000
    ) -> dict[str, int]:
        async with self._open() as collections:
            return await collections.facet(collection, key, where, limit)

    async def status(self) -> StoreStatus:
        start = time.perf_counter()
        try:
            info = await self.info()
            if self._read_only is None:
                self._read_only = await self._refusal()
        except MemoriaError as error:
            return StoreStatus(StoreKind.QDRANT, False, self._label, self._version, problems=(str(error),))
        problems = [line for line in (self._read_only, self._mismatch and str(self._mismatch)) if line]
        problems += [
            f"{collection} lacks indexes ({', '.join(found.missing_indexes)}): sorting and filtering are slow or fail"
            for collection, found in info.items()
            if found.missing_indexes
        ]
        return StoreStatus(
            kind=StoreKind.QDRANT,
            ok=True,
            label=self._label,
            version=self._version,
            latency_ms=(time.perf_counter() - start) * 1000,
            counts={collection: found.points for collection, found in info.items()},
            problems=tuple(problems),
            read_only=self._read_only,
        )

    async def _refusal(self) -> str:
        """Why the key may not write, "" when it may: asked with a deletion from a collection that nobody has."""
        try:
            async with self._open() as collections:
                await collections.try_key()
        except StoreReadOnly as error:
            return str(error)
        except AuthenticationFailed:
            return ""  # a key for named collections alone, which nothing can be asked of beside them
        return ""

    async def close(self) -> None:
        self._collections = None
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    def _check_model(self) -> None:
        if self._mismatch is not None:
            raise self._mismatch

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[ServerCollections]:
        """The collections, connected; failures inside become errors of ours, in one line without secrets."""
        try:
            async with self._opening:
                if self._collections is None:
                    self._collections = await self._connect()
            yield self._collections
        except MemoriaError:
            raise
        except Exception as error:
            raise _translated(error, self._label) from error

    async def _connect(self) -> ServerCollections:
        await asyncio.to_thread(importlib.import_module, "services.adapters.server.collections")
        from qdrant_client import AsyncQdrantClient

        from services.adapters.server.collections import Layout, ServerCollections

        if self._client is None:
            with warnings.catch_warnings(action="ignore"):
                self._client = AsyncQdrantClient(
                    url=self._url, api_key=self._api_key, timeout=self._seconds, check_compatibility=False
                )
        self._version = (await self._client.info()).version
        if (known := _version_numbers(self._version)) and known < OLDEST:
            raise StoreMismatch(
                f"the Qdrant server at {self._label} has version {self._version}; "
                f"memoria-tui needs {OLDEST[0]}.{OLDEST[1]} or newer, update the server"
            )
        return ServerCollections(self._client, Layout(*self._layout))


def _address(host: str, port: int) -> tuple[str, str]:
    """URL for the client, and `host:port` for a person, without user and password. Raises InvalidInput."""
    url = host if "://" in host else f"http://{host}"
    try:
        parts = urlsplit(url)
        name, number = parts.hostname, parts.port or port
    except ValueError as error:
        raise InvalidInput(f"MEMORIA_QDRANT_HOST cannot be read as a host or URL: {error}") from error
    if not name or parts.scheme not in ("http", "https"):
        raise InvalidInput("MEMORIA_QDRANT_HOST must be a host name or a URL such as https://qdrant.example:6333")
    shown = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{shown}:{number}{parts.path.rstrip('/')}", f"{shown}:{number}"


def _version_numbers(version: str) -> tuple[int, ...]:
    numbers = version.split("-")[0].split(".")[:2]
    return tuple(int(number) for number in numbers) if all(number.isdigit() for number in numbers) else ()


def _translated(error: Exception, label: str) -> MemoriaError:
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    source = error.source if isinstance(error, ResponseHandlingException) else error
    if isinstance(source, UnexpectedResponse):
        return _refused(source.status_code, bytes(source.content), label)
    if isinstance(source, httpx.TimeoutException):
        return StoreTimeout(f"Qdrant at {label} did not answer in time; check the server, then try again")
    if isinstance(source, httpx.TransportError):
        reason = str(source).strip() or type(source).__name__
        return StoreUnavailable(
            f"Qdrant at {label} cannot be reached ({reason}); start it, or set MEMORIA_QDRANT_HOST and _PORT"
        )
    return StoreUnavailable(
        f"what answers at {label} does not speak Qdrant's language ({type(source).__name__}); check MEMORIA_QDRANT_HOST"
    )


def _refused(status: int | None, content: bytes, label: str) -> MemoriaError:
    text = " ".join(content.decode("utf-8", "replace").split())[:200]
    if status == 403 and _WRITES.search(text):
        return StoreReadOnly(f"Qdrant at {label} is read-only for this key; set QDRANT_API_KEY to one that may write")
    if status in (401, 403):
        return AuthenticationFailed(f"Qdrant at {label} refused the key; set QDRANT_API_KEY to one that may write")
    if status == 408 or status == 504:
        return StoreTimeout(f"Qdrant at {label} did not finish in time; try again")
    if status == 507 or "No space left" in text or "Read-only file system" in text:
        return StorageFull(f"the disk of the Qdrant server at {label} is full or read-only; free some space there")
    return StoreUnavailable(f"Qdrant at {label} answered with error {status}: {text}")
