"""One set of collections of the embedded vector store, as the program sees it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from services.adapters.collections import batches
from services.errors import MemoriaError, ModelMismatch
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

_PAGE = 1000
"""Points a scroll asks for at once: bounds how long one reply keeps other requests waiting."""


class EdgeSet:
    """A `VectorStore` of one set of collections, asked over `call`, which takes a method's name and arguments."""

    def __init__(self, call: Callable[..., Awaitable[Any]]) -> None:
        self._call = call
        self._mismatch: ModelMismatch | None = None

    async def ensure(self, dimensions: int, model: str) -> None:
        self._mismatch = None
        try:
            await self._call("ensure", dimensions, model)
        except ModelMismatch as error:
            self._mismatch = error
            raise

    async def model(self) -> str | None:
        answer = await self._call("model")
        return answer if isinstance(answer, str) else None

    async def info(self) -> dict[MemoryType, CollectionInfo]:
        answer: dict[MemoryType, CollectionInfo] = await self._call("info")
        return answer

    async def upsert(self, collection: MemoryType, points: Sequence[Point]) -> None:
        if any(point.vector is not None for point in points):
            self._check_model()
        for batch in batches(points):
            await self._call("upsert", collection, batch)

    async def set_payload(self, collection: MemoryType, ids: Sequence[str], payload: Mapping[str, object]) -> None:
        await self._call("set_payload", collection, list(ids), dict(payload))

    async def delete_payload(self, collection: MemoryType, ids: Sequence[str], keys: Sequence[str]) -> None:
        await self._call("delete_payload", collection, list(ids), list(keys))

    async def delete_points(self, collection: MemoryType, ids: Sequence[str]) -> None:
        await self._call("delete_points", collection, list(ids))

    async def retrieve(self, collection: MemoryType, ids: Sequence[str], *, vectors: bool = False) -> list[Point]:
        answer: list[Point] = await self._call("retrieve", collection, list(ids), vectors)
        return answer

    async def scroll(self, request: Scroll) -> list[Point]:
        """Long pages in the order of the id come in several calls, so that other requests pass between them."""
        points: list[Point] = []
        if request.order_by is not None:
            points += await self._call("scroll", request)
            return points
        after = request.after_id
        while (wanted := min(_PAGE, request.limit - len(points))) > 0:
            page = await self._call("scroll", replace(request, limit=wanted, after_id=after))
            points += page
            if len(page) < wanted:
                break
            after = page[-1].id
        return points

    async def search(self, requests: Sequence[SearchRequest]) -> list[list[ScoredPoint]]:
        if any(isinstance(request, DenseSearch) for request in requests):
            self._check_model()
        answer: list[list[ScoredPoint]] = await self._call("search", list(requests))
        return answer

    async def count(self, collection: MemoryType, where: Filter = EVERYTHING) -> int:
        answer: int = await self._call("count", collection, where)
        return answer

    async def facet(
        self, collection: MemoryType, key: str, where: Filter = EVERYTHING, limit: int = 1000
    ) -> dict[str, int]:
        answer: dict[str, int] = await self._call("facet", collection, key, where, limit)
        return answer

    async def status(self) -> StoreStatus:
        start = time.perf_counter()
        try:
            info = await self.info()
        except MemoriaError as error:
            return StoreStatus(StoreKind.QDRANT, False, "embedded", _edge_version(), problems=(str(error),))
        problems = (str(self._mismatch),) if self._mismatch else ()
        return StoreStatus(
            kind=StoreKind.QDRANT,
            ok=True,
            label="embedded",
            version=_edge_version(),
            latency_ms=(time.perf_counter() - start) * 1000,
            counts={collection: found.points for collection, found in info.items()},
            problems=problems,
        )

    async def close(self) -> None:
        """The store that the set belongs to is closed, not the set."""

    def _check_model(self) -> None:
        if self._mismatch is not None:
            raise self._mismatch


def _edge_version() -> str:
    return version("qdrant-edge-py")
