"""One set of the three collections on a Qdrant server, as a vector store."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from services.errors import AuthenticationFailed, MemoriaError, ModelMismatch, StoreReadOnly, StoreTimeout
from services.model import MemoryType, StoreKind, StoreStatus
from services.points import (
    EVERYTHING,
    CollectionInfo,
    DenseSearch,
    Filter,
    Point,
    ScoredPoint,
    Scroll,
    SearchRequest,
)

if TYPE_CHECKING:
    from services.adapters.server.collections import ServerCollections


class ServerSet:
    """A `VectorStore` of one set of collections; `opened` connects."""

    def __init__(self, opened: Callable[[], Awaitable[ServerCollections]], label: str) -> None:
        self._open = opened
        self._label = label
        self._version = ""
        self._mismatch: ModelMismatch | None = None
        self._read_only: str | None = None

    async def ensure(self, dimensions: int, model: str) -> None:
        self._mismatch = None
        collections = await self._open()
        try:
            await collections.ensure(dimensions, model)
        except ModelMismatch as error:
            self._mismatch = error
            raise

    async def model(self) -> str | None:
        return await (await self._open()).model()

    async def info(self) -> dict[MemoryType, CollectionInfo]:
        return await (await self._open()).info()

    async def upsert(self, collection: MemoryType, points: Sequence[Point]) -> None:
        if any(point.vector is not None for point in points):
            self._check_model()
        await (await self._open()).upsert(collection, points)

    async def set_payload(self, collection: MemoryType, ids: Sequence[str], payload: Mapping[str, object]) -> None:
        await (await self._open()).set_payload(collection, ids, payload)

    async def delete_payload(self, collection: MemoryType, ids: Sequence[str], keys: Sequence[str]) -> None:
        await (await self._open()).delete_payload(collection, ids, keys)

    async def delete_points(self, collection: MemoryType, ids: Sequence[str]) -> None:
        await (await self._open()).delete_points(collection, ids)

    async def retrieve(self, collection: MemoryType, ids: Sequence[str], *, vectors: bool = False) -> list[Point]:
        return await (await self._open()).retrieve(collection, ids, vectors)

    async def scroll(self, request: Scroll) -> list[Point]:
        return await (await self._open()).scroll(request)

    async def search(self, requests: Sequence[SearchRequest]) -> list[list[ScoredPoint]]:
        if any(isinstance(request, DenseSearch) for request in requests):
            self._check_model()
        return await (await self._open()).search(requests)

    async def count(self, collection: MemoryType, where: Filter = EVERYTHING) -> int:
        return await (await self._open()).count(collection, where)

    async def facet(
        self, collection: MemoryType, key: str, where: Filter = EVERYTHING, limit: int = 1000
    ) -> dict[str, int]:
        return await (await self._open()).facet(collection, key, where, limit)

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
            await (await self._open()).try_key()
        except StoreReadOnly as error:
            return str(error)
        except AuthenticationFailed:
            return ""  # a key for named collections alone, which nothing can be asked of beside them
        return ""

    async def close(self) -> None:
        """The store that the set belongs to is closed, not the set."""

    def _check_model(self) -> None:
        if self._mismatch is not None:
            raise self._mismatch
