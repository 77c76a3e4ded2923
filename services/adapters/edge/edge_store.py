"""The embedded vector store: Qdrant Edge in the store daemon, so that any number of programs have it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from services.adapters.collections import under_way
from services.adapters.daemon.wire import DRAFT, FORMER, IN_USE, SETS, WORDS
from services.adapters.edge.edge_set import EdgeDraftSet, EdgeSet
from services.model import MemoryType
from services.ports import Draft, Room, VectorStore
from services.together import together


class Connection(Protocol):
    """The way to who holds Edge."""

    async def call(self, target: str, method: str, *arguments: object) -> Any: ...

    async def close(self) -> None: ...


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
