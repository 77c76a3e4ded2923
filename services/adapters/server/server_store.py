"""The vector store on a Qdrant server, from version 1.16."""

from __future__ import annotations

import asyncio
import importlib
import time
import warnings
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakSet

from services.adapters.collection_set import CollectionSet
from services.adapters.collections import DRAFT, FORMER
from services.errors import AuthenticationFailed, InvalidInput, MemoriaError, StoreMismatch, StoreReadOnly, StoreTimeout
from services.model import MemoryType, StoreKind, StoreStatus
from services.points import DatedBetween, Filter, Tally
from services.ports import Draft, Room, VectorStore

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient

    from services.adapters.server.generations import ServerGenerations
    from services.adapters.server.server_collections import ServerCollections


class ServerSet(CollectionSet):
    """A set on a server; `opened` connects."""

    def __init__(self, opened: Callable[[], Awaitable[ServerCollections]], label: str) -> None:
        async def call(method: str, *arguments: object) -> Any:
            return await getattr(await opened(), method)(*arguments)

        super().__init__(call)
        self._label = label
        self._version = ""
        self._read_only: str | None = None

    async def status(self) -> StoreStatus:
        start = time.perf_counter()
        try:
            info = await self.info()
            if self._read_only is None:
                self._read_only = await self._refusal()
        except MemoriaError as error:
            return StoreStatus(
                StoreKind.QDRANT,
                ok=False,
                label=self._label,
                version=self._version,
                problems=(str(error),),
                silent=isinstance(error, StoreTimeout),
            )
        problems = [line for line in (self._read_only, self._mismatch and str(self._mismatch)) if line]
        problems += [
            f"{collection} lacks indexes ({', '.join(found.missing_indexes)}): lists, counts and searches are slower; "
            "`memoria-tui db upgrade` adds them"
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

    async def tally(
        self, collection: MemoryType, where: Filter, keys: Sequence[str], spans: Sequence[DatedBetween]
    ) -> Tally:
        answer: Tally = await self._call("tally", collection, where, keys, spans)
        return answer

    async def _refusal(self) -> str:
        """Why the key may not write, "" when it may: asked with a change of nothing."""
        try:
            await self._call("try_key")
        except StoreReadOnly as error:
            return str(error)
        except AuthenticationFailed:
            return ""  # a key for named collections alone, which nothing can be asked of beside them
        return ""


OLDEST = (1, 16)
"""The first version with everything that is asked for here (match any word, metadata of collections)."""
_KEEP_SECONDS = 2.0
"""How long a connection is kept for the next request, also to this machine; a server closes it after 5 seconds."""


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

    async def ensure(self, dimensions: int, model: str) -> None:
        await (await self._sets()).complete()
        await super().ensure(dimensions, model)

    shared = True

    async def draft(self) -> Draft | None:
        sets = await self._sets()
        await sets.complete()
        return await sets.described(DRAFT)

    async def open_draft(self, draft: Draft) -> VectorStore:
        return self._set(await (await self._sets()).open_draft(draft))

    async def room(self, dimensions: int) -> Room | None:
        """A server does not tell how full its disk is."""
        return None

    async def complete_draft(self, collection: MemoryType) -> None:
        """A server makes its indexes while it is filled."""

    async def prepare_adoption(self) -> None:
        await (await self._sets()).prepare()

    async def adopt_draft(self) -> None:
        await (await self._sets()).adopt()
        self._forget()
        await self._check_again()

    async def drop_draft(self) -> None:
        await (await self._sets()).drop_draft()
        self._forget()

    async def former(self) -> Draft | None:
        return await (await self._sets()).described(FORMER)

    async def open_former(self) -> VectorStore | None:
        opened = await (await self._sets()).collections(FORMER)
        return self._set(opened) if opened else None

    async def drop_former(self) -> int:
        sets = await self._sets()
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

        async def opened() -> ServerCollections:
            return collections

        return ServerSet(opened, self._label)

    def _forget(self) -> None:
        """What is known of collections may be of others now."""
        for collections in self._known:
            collections.forget()

    async def _in_use(self) -> ServerCollections:
        await self._connected()
        assert self._collections is not None
        return self._collections

    async def _sets(self) -> ServerGenerations:
        await self._connected()
        assert self._generations is not None
        return self._generations

    async def _connected(self) -> None:
        async with self._opening:
            if self._collections is None:
                await self._connect()

    async def _connect(self) -> None:
        await asyncio.to_thread(importlib.import_module, "services.adapters.server.generations")
        from httpx import Limits
        from qdrant_client import AsyncQdrantClient

        from services.adapters.server.checked_client import checked
        from services.adapters.server.generations import ServerGenerations
        from services.adapters.server.server_collections import Layout, ServerCollections

        if self._client is None:
            with warnings.catch_warnings(action="ignore"):
                self._client = AsyncQdrantClient(
                    url=self._url,
                    api_key=self._api_key,
                    timeout=self._seconds,
                    check_compatibility=False,
                    limits=Limits(keepalive_expiry=_KEEP_SECONDS),
                )
        client = checked(self._client, self._label)
        self._version = (await client.info()).version
        if (known := _version_numbers(self._version)) and known < OLDEST:
            raise StoreMismatch(
                f"the Qdrant server at {self._label} has version {self._version}; "
                f"memoria-tui needs {OLDEST[0]}.{OLDEST[1]} or newer, update the server"
            )
        layout = Layout(*self._layout)
        self._generations = ServerGenerations(client, layout)
        self._collections = ServerCollections(client, layout)
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
