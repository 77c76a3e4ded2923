"""The embedded vector store: Qdrant Edge in the store daemon, so that any number of programs have it at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from services.adapters.collection_set import CollectionSet
from services.adapters.collections import under_way
from services.adapters.daemon.wire import DRAFT, FORMER, IN_USE, SETS, WORDS, Connection
from services.concurrency import together
from services.errors import MemoriaError
from services.model import MemoryType, StoreKind, StoreStatus
from services.points import CollectionInfo, Point, ScoredPoint, Scroll, SearchRequest
from services.ports import Draft, Room, VectorStore

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


class EdgeVectorStore(EdgeSet):
    """A `SwitchableStore` in a folder of this machine."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(partial(connection.call, IN_USE))
        self._connection, self._ask = connection, connection.call
        self._draft = EdgeDraftSet(self._ask_draft)

    shared = False

    async def draft(self) -> Draft | None:
        answer: Draft | None = await self._ask(SETS, "draft")
        return answer

    async def open_draft(self, draft: Draft) -> VectorStore:
        there = await self._ask(SETS, "open_draft", draft)
        if there != draft:
            raise under_way(there)
        await self._draft.ensure(draft.dimensions, draft.model)
        return self._draft

    async def room(self, dimensions: int) -> Room | None:
        answer: Room = await self._ask(SETS, "room", dimensions)
        return answer

    async def complete_draft(self, collection: MemoryType) -> None:
        await self._draft.complete(collection)

    async def prepare_adoption(self) -> None:
        if await self.draft():
            await together(*map(self.complete_draft, MemoryType))

    async def adopt_draft(self) -> None:
        await self._ask(SETS, "adopt_draft")
        await self._check_again()

    async def drop_draft(self) -> None:
        await self._ask(SETS, "drop_draft")

    async def former(self) -> Draft | None:
        answer: Draft | None = await self._ask(SETS, "former")
        return answer

    async def open_former(self) -> VectorStore | None:
        return EdgeSet(partial(self._ask, FORMER)) if await self.former() else None

    async def drop_former(self) -> int:
        answer: int = await self._ask(SETS, "drop_former")
        return answer

    async def completions(self, text: str) -> Sequence[str]:
        answer: Sequence[str] = await self._ask(WORDS, "completions", text)
        return answer

    async def weights(self, text: str) -> Mapping[str, float]:
        answer: Mapping[str, float] = await self._ask(WORDS, "weights", text)
        return answer

    async def close(self) -> None:
        """Refuses later calls."""
        await self._connection.close()

    async def _ask_draft(self, collection: MemoryType, method: str, *arguments: object) -> Any:
        return await self._ask(f"{DRAFT} {collection}", method, *arguments)
