"""Sets of collections of the embedded vector store as the program sees them."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from services.adapters.collection_set import CollectionSet
from services.errors import MemoriaError
from services.model import MemoryType, StoreKind, StoreStatus
from services.points import CollectionInfo, Point, ScoredPoint, Scroll, SearchRequest
from services.together import together

_PAGE = 1000
"""Points a scroll asks for at once: bounds how long one reply keeps other requests waiting."""


class EdgeSet(CollectionSet):
    """A set that the store daemon holds."""

    async def scroll(self, request: Scroll) -> list[Point]:
        """Long pages in the order of the id come in several calls, so that other requests pass between them."""
        if request.order_by is not None:
            return await super().scroll(request)
        points: list[Point] = []
        after = request.after_id
        while (wanted := min(_PAGE, request.limit - len(points))) > 0:
            page = await super().scroll(replace(request, limit=wanted, after_id=after))
            points += page
            if len(page) < wanted:
                break
            after = page[-1].id
        return points

    async def status(self) -> StoreStatus:
        start = time.perf_counter()
        try:
            info = await self.info()
        except MemoriaError as error:
            return StoreStatus(StoreKind.QDRANT, False, "embedded", _edge_version(), problems=(str(error),))
        return StoreStatus(
            kind=StoreKind.QDRANT,
            ok=True,
            label="embedded",
            version=_edge_version(),
            latency_ms=(time.perf_counter() - start) * 1000,
            counts={collection: found.points for collection, found in info.items()},
            problems=(str(self._mismatch),) if self._mismatch else (),
        )


def _edge_version() -> str:
    from importlib.metadata import version

    return version("qdrant-edge-py")


class EdgeDraftSet(EdgeSet):
    """A `VectorStore` over `ask`, which takes a collection, a method's name and arguments."""

    def __init__(self, ask: Callable[..., Coroutine[Any, Any, Any]]) -> None:
        super().__init__(self._call_one)
        self._ask = ask

    async def ensure(self, dimensions: int, model: str) -> None:
        await self._ask_all("begin", dimensions, model)

    async def complete(self, collection: MemoryType) -> None:
        """Makes the indexes that are missing, one a call, so that other requests pass between them."""
        while await self._ask(collection, "complete"):
            pass

    async def model(self) -> str | None:
        models: list[str | None] = await self._ask_all("model")
        return models[0]

    async def info(self) -> dict[MemoryType, CollectionInfo]:
        parts: list[dict[MemoryType, CollectionInfo]] = await self._ask_all("info")
        return {collection: found for part in parts for collection, found in part.items()}

    async def search(self, requests: Sequence[SearchRequest]) -> list[list[ScoredPoint]]:
        answers = await together(*(self._ask(one.collection, "search", [one]) for one in requests))
        return [hits for answer in answers for hits in answer]

    async def _call_one(self, method: str, about: MemoryType | Scroll, *arguments: object) -> Any:
        collection = about.collection if isinstance(about, Scroll) else about
        return await self._ask(collection, method, about, *arguments)

    async def _ask_all(self, method: str, *arguments: object) -> list[Any]:
        return list(await together(*(self._ask(collection, method, *arguments) for collection in MemoryType)))
