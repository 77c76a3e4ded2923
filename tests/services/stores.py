"""Points for tests of the stores."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from services.adapters.daemon.client import DaemonClient
from services.adapters.daemon.daemon_paths import DaemonPaths
from services.adapters.edge.edge_store import EdgeVectorStore
from services.points import Point
from services.ports import SwitchableStore
from tests.qdrant_server import running_qdrant
from tests.services.edge_here import edge_here

DIMENSIONS = 4
MODEL = "test-model"


def ident(number: int) -> str:
    """The same id for the same number; ids sort as their numbers do."""
    return str(uuid.UUID(int=number))


def point(number: int, content: object = "text", vector: list[float] | None = None, **payload: object) -> Point:
    """A point as upstream writes a plain memory, with what the test cares about."""
    name = ident(number)
    base: dict[str, object] = {"content": content, "parent_id": name, "is_chunk": False, "chunk_index": 0}
    return Point(name, {**base, **payload}, vector)


@contextlib.asynccontextmanager
async def opened_store(
    kind: str, folder: Path, edge: Callable[[Path], EdgeVectorStore] = edge_here
) -> AsyncIterator[SwitchableStore]:
    """A store without collections: «edge», in the folder, or «server»."""
    with contextlib.ExitStack() as servers:
        store: SwitchableStore = edge(folder) if kind == "edge" else servers.enter_context(running_qdrant()).store()
        try:
            yield store
        finally:
            await store.close()
            DaemonPaths(folder.parent).wait_for_end()  # its folder may be that of the next test


def daemon_store(folder: Path) -> EdgeVectorStore:
    """An embedded store that a daemon serves, which ends with its last program; the folder is a home's `qdrant`."""
    assert folder.name == "qdrant"
    return EdgeVectorStore(DaemonClient(folder.parent, linger=0, program="test"))
