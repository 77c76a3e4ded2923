"""The draft as the program sees it: three collections, each in a process of its own, so that both cores fill them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from services.adapters.edge.set import EdgeSet
from services.model import MemoryType
from services.points import CollectionInfo, ScoredPoint, Scroll, SearchRequest

FIRST_INDEXES = ("parent_id",)
"""Those that filling a draft asks for; the others are made at its end, once a point instead of twice."""


class EdgeDraftSet(EdgeSet):
    """A `VectorStore` over `ask`, which takes a collection, a method's name and arguments."""

    def __init__(self, ask: Callable[..., Awaitable[Any]]) -> None:
        super().__init__(self._call_one)
        self._ask = ask

    async def ensure(self, dimensions: int, model: str) -> None:
        await self._ask_all("ensure", dimensions, model, FIRST_INDEXES)

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
        answers = await asyncio.gather(*(self._ask(one.collection, "search", [one]) for one in requests))
        return [hits for answer in answers for hits in answer]

    async def _call_one(self, method: str, about: MemoryType | Scroll, *arguments: object) -> Any:
        collection = about.collection if isinstance(about, Scroll) else about
        return await self._ask(collection, method, about, *arguments)

    async def _ask_all(self, method: str, *arguments: object) -> list[Any]:
        return await asyncio.gather(*(self._ask(collection, method, *arguments) for collection in MemoryType))
