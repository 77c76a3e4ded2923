"""Qdrant Edge in the very process that is killed; what writes is a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.adapters.edge.edge_folder import EdgeFolder
from services.adapters.edge.edge_store import EdgeVectorStore
from services.adapters.edge.shards import FIRST_INDEXES, EdgeShards
from tests.services.edge_here import Here

_WRITES = {
    *("ensure", "begin", "upsert", "set_payloads", "delete_payload", "delete_points"),
    *("open_draft", "adopt_draft", "drop_draft", "drop_former"),
}


class FewIndexes(EdgeShards):
    """A set that opens quickly: most of what each life of a program takes is mapping the files of indexes."""

    def ensure(self, dimensions: int, model: str, _: Iterable[str] = ()) -> None:
        super().ensure(dimensions, model, FIRST_INDEXES)


class QuickSets(EdgeFolder):
    """A folder of such sets."""

    shards_of = FewIndexes


class EdgeHere(EdgeVectorStore):
    """An embedded store whose sets and whose draft are served by this process."""

    reading = False
    """True while each page that is read is a step, too."""

    def __init__(
        self, folder: Path, step: Callable[[], None], open_sets: Callable[[Path], EdgeFolder] = QuickSets
    ) -> None:
        super().__init__(_Stepped(self, Here(folder, open_sets), step))


@dataclass
class _Stepped:
    """The way to what this process serves, with a step before each write."""

    store: EdgeHere
    here: Here
    step: Callable[[], None]

    async def call(self, target: str, method: str, *arguments: object) -> Any:
        if method in _WRITES or (method == "scroll" and self.store.reading):
            self.step()
        return await self.here.call(target, method, *arguments)

    async def close(self) -> None:
        await self.here.close()
