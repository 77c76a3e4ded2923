"""Qdrant Edge in the process of the tests: a process of its own, which some tests are about, takes a while to start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from services.adapters.edge.edge_errors import translated
from services.adapters.edge.edge_sets import EdgeDraft, EdgeSets
from services.adapters.edge.edge_store import EdgeVectorStore
from services.adapters.edge.locks import take_draft, take_folder
from services.model import MemoryType


class Here:
    """Stands where the connection to a process stands."""

    ended = False

    def __init__(
        self, open_sets: Callable[[Path], EdgeSets], folder: Path, collection: MemoryType | None = None
    ) -> None:
        self._folder = folder
        with ExitStack() as opened:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._lock = opened.enter_context(take_draft(folder, collection) if collection else take_folder(folder))
                self._served = EdgeDraft(folder, collection) if collection else open_sets(folder)
            except Exception as error:
                raise translated(error, folder) from error
            opened.pop_all()

    async def call(self, which: str, method: str, *arguments: object) -> Any:
        await asyncio.sleep(0)
        try:
            value = getattr(self._served.of(which), method)(*arguments)
        except Exception as error:
            raise translated(error, self._folder) from error
        self._served.tidy()
        return value

    async def close(self) -> None:
        self._served.close()
        self._lock.close()


def edge_here(folder: Path) -> EdgeVectorStore:
    """An embedded store that this process serves."""
    return EdgeVectorStore(folder, partial(Here, EdgeSets))
