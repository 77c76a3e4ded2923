"""The embedded vector store: Qdrant Edge in processes of its own, so that no call holds up the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from services.adapters.collections import under_way
from services.adapters.edge.connection import EdgeConnection
from services.adapters.edge.edge_set import EdgeDraftSet, EdgeSet
from services.adapters.edge.frames import DRAFT, FORMER, IN_USE, SETS
from services.errors import StoreUnavailable
from services.model import MemoryType
from services.ports import Draft, Room, VectorStore


class Connection(Protocol):
    """The way to a process; when `ended`, close it and make another."""

    ended: bool

    async def call(self, which: str, method: str, *arguments: object) -> Any: ...

    async def close(self) -> None: ...


class EdgeVectorStore(EdgeSet):
    """A `SwitchableStore` in a folder of this machine, for one program at a time. Starts processes on first use."""

    def __init__(self, folder: Path, connect: Callable[[Path, MemoryType | None], Connection] = EdgeConnection) -> None:
        """`connect` opens the way to the sets in the folder, or to one collection of its draft."""
        super().__init__(partial(self._ask, IN_USE))
        self._folder = folder
        self._connect = connect
        self._connections: dict[MemoryType | None, Connection] = {}
        self._closed = False
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
            await asyncio.gather(*map(self.complete_draft, MemoryType))

    async def adopt_draft(self) -> None:
        await self._disconnect(*MemoryType)
        await self._ask(SETS, "adopt_draft")
        await self._check_again()

    async def drop_draft(self) -> None:
        await self._disconnect(*MemoryType)
        await self._ask(SETS, "drop_draft")

    async def former(self) -> Draft | None:
        answer: Draft | None = await self._ask(SETS, "former")
        return answer

    async def open_former(self) -> VectorStore | None:
        return EdgeSet(partial(self._ask, FORMER)) if await self.former() else None

    async def drop_former(self) -> int:
        answer: int = await self._ask(SETS, "drop_former")
        return answer

    async def close(self) -> None:
        """Waits until everything written is on disk and the folder is free for other programs; refuses later calls."""
        self._closed = True
        await self._disconnect(*MemoryType)
        await self._disconnect(None)

    async def _ask(self, which: str, method: str, *arguments: object) -> Any:
        return await (await self._connected(None)).call(which, method, *arguments)

    async def _ask_draft(self, collection: MemoryType, method: str, *arguments: object) -> Any:
        return await (await self._connected(collection)).call(DRAFT, method, *arguments)

    async def _connected(self, collection: MemoryType | None) -> Connection:
        """A connection whose former life has ended wholly."""
        if self._closed:
            raise StoreUnavailable(f"the store in {self._folder} has just been closed")
        while (found := self._connections.get(collection)) is None or found.ended:
            if found is not None:
                await found.close()
            if self._connections.get(collection) is found:
                self._connections[collection] = self._connect(self._folder, collection)
        return found

    async def _disconnect(self, *collections: MemoryType | None) -> None:
        there = [self._connections.pop(one) for one in collections if one in self._connections]
        await asyncio.gather(*(connection.close() for connection in there))
