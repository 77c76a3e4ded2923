"""The vector store on a Qdrant server, from version 1.16."""

from __future__ import annotations

import asyncio
import importlib
import re
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakSet

import httpx

from services.adapters.collections import DRAFT, FORMER, REMEDY
from services.adapters.server.set import ServerSet
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
from services.model import MemoryType
from services.ports import Draft, Room, VectorStore

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient

    from services.adapters.server.collections import ServerCollections
    from services.adapters.server.generations import ServerGenerations

OLDEST = (1, 16)
"""The first version with everything that is asked for here (match any word, metadata of collections)."""
_WRITES = re.compile("(write|manage) access|read-only", re.IGNORECASE)
"""How a server says that a key may read but not do this."""


class ServerVectorStore(ServerSet):
    """A `SwitchableStore` on a server that other programs use too. Connects on first use.

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
        self._url, label = _address(host, port)
        super().__init__(self._in_use, label)
        self._api_key = api_key
        self._layout = (shards, replicas, on_disk)
        self._seconds = seconds
        self._client = client
        self._opening = asyncio.Lock()
        self._collections: ServerCollections | None = None
        self._generations: ServerGenerations | None = None
        self._known: WeakSet[ServerCollections] = WeakSet()
        self._wanted: tuple[int, str] | None = None

    async def ensure(self, dimensions: int, model: str) -> None:
        self._wanted = (dimensions, model)
        async with self._sets() as sets:
            await sets.complete()
        await super().ensure(dimensions, model)

    shared = True

    async def draft(self) -> Draft | None:
        async with self._sets() as sets:
            await sets.complete()
            return await sets.described(DRAFT)

    async def open_draft(self, draft: Draft) -> VectorStore:
        async with self._sets() as sets:
            return self._set(await sets.open_draft(draft))

    async def room(self, dimensions: int) -> Room | None:
        """A server does not tell how full its disk is."""
        return None

    async def complete_draft(self, collection: MemoryType) -> None:
        """A server makes its indexes while it is filled."""

    async def prepare_adoption(self) -> None:
        async with self._sets() as sets:
            await sets.prepare()

    async def adopt_draft(self) -> None:
        async with self._sets() as sets:
            await sets.adopt()
        self._forget()
        if self._wanted is not None:
            async with self._open() as collections:
                await collections.info()
                try:
                    collections.check(*self._wanted)
                    self._mismatch = None
                except ModelMismatch as error:
                    self._mismatch = error

    async def drop_draft(self) -> None:
        async with self._sets() as sets:
            await sets.drop_draft()
        self._forget()

    async def former(self) -> Draft | None:
        async with self._sets() as sets:
            return await sets.described(FORMER)

    async def open_former(self) -> VectorStore | None:
        async with self._sets() as sets:
            opened = await sets.collections(FORMER)
        return self._set(opened) if opened else None

    async def drop_former(self) -> int:
        async with self._sets() as sets:
            await sets.complete()
            count = await sets.drop(FORMER)
        self._forget()
        return count

    async def close(self) -> None:
        self._collections = self._generations = None
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    def _set(self, collections: ServerCollections) -> ServerSet:
        self._known.add(collections)
        return ServerSet(partial(self._translating, collections), self._label)

    def _forget(self) -> None:
        """What is known of collections may be of others now."""
        for collections in self._known:
            collections.forget()

    @asynccontextmanager
    async def _in_use(self) -> AsyncIterator[ServerCollections]:
        async with self._connected():
            assert self._collections is not None
            yield self._collections

    @asynccontextmanager
    async def _sets(self) -> AsyncIterator[ServerGenerations]:
        async with self._connected():
            assert self._generations is not None
            yield self._generations

    @asynccontextmanager
    async def _translating(self, collections: ServerCollections) -> AsyncIterator[ServerCollections]:
        async with self._connected():
            yield collections

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[None]:
        """Connects; failures inside become errors of ours, in one line without secrets."""
        try:
            async with self._opening:
                if self._collections is None:
                    await self._connect()
            yield
        except MemoriaError:
            raise
        except Exception as error:
            raise _translated(error, self._label) from error

    async def _connect(self) -> None:
        await asyncio.to_thread(importlib.import_module, "services.adapters.server.generations")
        from qdrant_client import AsyncQdrantClient

        from services.adapters.server.collections import Layout, ServerCollections
        from services.adapters.server.generations import ServerGenerations

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
        layout = Layout(*self._layout)
        self._generations = ServerGenerations(self._client, layout)
        self._collections = ServerCollections(self._client, layout)
        self._known.add(self._collections)


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
    if status == 400 and "vector dimension" in text.lower():
        return ModelMismatch(f"the vectors on the Qdrant server at {label} have another size now ({text}); {REMEDY}")
    if status == 408 or status == 504:
        return StoreTimeout(f"Qdrant at {label} did not finish in time; try again")
    if status == 507 or "No space left" in text or "Read-only file system" in text:
        return StorageFull(f"the disk of the Qdrant server at {label} is full or read-only; free some space there")
    return StoreUnavailable(f"Qdrant at {label} answered with error {status}: {text}")
