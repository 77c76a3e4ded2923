"""One set of the three collections as the program sees it, whatever holds it: the store daemon or a server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from services.adapters.collections import MOST_VALUES, change_batches, point_batches
from services.concurrency import together
from services.errors import ModelMismatch
from services.model import MemoryType
from services.points import (
    EVERYTHING,
    CollectionInfo,
    DatedBetween,
    DenseSearch,
    Filter,
    Point,
    ScoredPoint,
    Scroll,
    SearchRequest,
    Tally,
)


class CollectionSet:
    """A `VectorStore` but for its `status`; `call` takes the name of a method of the adapter and its arguments."""

    def __init__(self, call: Callable[..., Awaitable[Any]]) -> None:
        self._call = call
        self._wanted: tuple[int, str] | None = None
        self._mismatch: ModelMismatch | None = None

    async def ensure(self, dimensions: int, model: str) -> None:
        self._wanted, self._mismatch = (dimensions, model), None
        try:
            await self._call("ensure", dimensions, model)
        except ModelMismatch as error:
            self._mismatch = error
            raise

    async def model(self) -> str | None:
        answer: str | None = await self._call("model")
        return answer

    async def info(self) -> dict[MemoryType, CollectionInfo]:
        answer: dict[MemoryType, CollectionInfo] = await self._call("info")
        return answer

    async def upsert(self, collection: MemoryType, points: Sequence[Point]) -> None:
        if any(point.vector is not None for point in points):
            self._check_model()
        for batch in point_batches(points):
            await self._call("upsert", collection, batch)

    async def set_payload(self, collection: MemoryType, ids: Sequence[str], payload: Mapping[str, object]) -> None:
        await self.set_payloads(collection, [(ids, payload)])

    async def set_payloads(
        self, collection: MemoryType, changes: Sequence[tuple[Sequence[str], Mapping[str, object]]]
    ) -> None:
        for batch in change_batches(changes):
            await self._call("set_payloads", collection, [(list(ids), dict(payload)) for ids, payload in batch])

    async def delete_payload(self, collection: MemoryType, ids: Sequence[str], keys: Sequence[str]) -> None:
        await self._call("delete_payload", collection, list(ids), list(keys))

    async def delete_points(self, collection: MemoryType, ids: Sequence[str]) -> None:
        await self._call("delete_points", collection, list(ids))

    async def retrieve(self, collection: MemoryType, ids: Sequence[str], *, vectors: bool = False) -> list[Point]:
        answer: list[Point] = await self._call("retrieve", collection, list(ids), vectors)
        return answer

    async def scroll(self, request: Scroll) -> list[Point]:
        answer: list[Point] = await self._call("scroll", request)
        return answer

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

    async def tally(
        self, collection: MemoryType, where: Filter, keys: Sequence[str], spans: Sequence[DatedBetween]
    ) -> Tally:
        total, values, counts = await together(
            self.count(collection, where),
            together(*(self.facet(collection, key, where, MOST_VALUES) for key in keys)),
            together(*(self.count(collection, Filter((where, span))) for span in spans)),
        )
        return Tally(total, dict(zip(keys, values, strict=True)), tuple(counts))

    async def close(self) -> None:
        """The store that the set belongs to is closed, not the set."""

    def _check_model(self) -> None:
        if self._mismatch is not None:
            raise self._mismatch

    async def _check_again(self) -> None:
        """Looks whether the vectors are those of the model that was asked for last; another set took their place."""
        if self._wanted is not None:
            try:
                await self._call("check", *self._wanted)
                self._mismatch = None
            except ModelMismatch as error:
                self._mismatch = error
