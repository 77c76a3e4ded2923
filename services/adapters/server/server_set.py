"""One set of the three collections on a Qdrant server, as a vector store."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from services.adapters.collection_set import CollectionSet
from services.errors import AuthenticationFailed, MemoriaError, StoreReadOnly, StoreTimeout
from services.model import StoreKind, StoreStatus

if TYPE_CHECKING:
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

    async def _refusal(self) -> str:
        """Why the key may not write, "" when it may: asked with a change of nothing."""
        try:
            await self._call("try_key")
        except StoreReadOnly as error:
            return str(error)
        except AuthenticationFailed:
            return ""  # a key for named collections alone, which nothing can be asked of beside them
        return ""
