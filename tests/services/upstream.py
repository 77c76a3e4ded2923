"""The stores that MCP Memoria left, raw: its database from the dump, its points with vectors of the bundled model."""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient, models

from services.adapters.bundled_embedder import BundledEmbedder
from services.adapters.edge.store import EdgeVectorStore
from services.adapters.server.store import ServerVectorStore
from services.container import Services, open_services
from services.database import Ask
from services.model import MemoryType
from services.points import EVERYTHING, Point, Scroll, Vector
from services.settings import Settings
from tests.services.servers import UPSTREAM_DUMP

FOLDER = UPSTREAM_DUMP.parent
_vectors: dict[str, Vector] = {}


@cache
def truth() -> Any:
    """What a correct client reports; skips where it is absent."""
    if not FOLDER.exists():
        pytest.skip("needs ../shared/data/upstream-dev")
    return json.loads((FOLDER / "truth.json").read_text("utf-8"))


async def points() -> Mapping[MemoryType, list[Point]]:
    """All 800 points; embedded once a run."""
    lines = (FOLDER / "qdrant-points.jsonl").read_text("utf-8").split("\n")
    records = [json.loads(line) for line in lines if line]
    if not _vectors:
        embedder = BundledEmbedder()
        made = await embedder.embed_documents([str(one["payload"]["content"]) for one in records])
        _vectors.update(zip((one["id"] for one in records), made, strict=True))
    found: defaultdict[MemoryType, list[Point]] = defaultdict(list)
    for one in records:
        found[MemoryType(one["collection"])].append(Point(one["id"], one["payload"], _vectors[one["id"]]))
    return found


async def qdrant() -> ServerVectorStore:
    """A Qdrant as MCP Memoria leaves it: its three collections, which name no model."""
    client = AsyncQdrantClient(":memory:")
    for collection, some in (await points()).items():
        size = models.VectorParams(size=BundledEmbedder().dimensions, distance=models.Distance.COSINE)
        await client.create_collection(collection, vectors_config=size)
        structs = [
            models.PointStruct(id=one.id, vector=list(one.vector or ()), payload=dict(one.payload)) for one in some
        ]
        await client.upsert(collection, structs)
    return ServerVectorStore("qdrant.example", client=client)


async def edge(folder: Path) -> EdgeVectorStore:
    """The same points in an embedded store."""
    store, embedder = EdgeVectorStore(folder), BundledEmbedder()
    await store.ensure(embedder.dimensions, embedder.model)
    for collection, some in (await points()).items():
        await store.upsert(collection, some)
    return store


@contextlib.asynccontextmanager
async def opened(kind: str, url: str, folder: Path, ask: Ask | None = None) -> AsyncIterator[Services]:
    """The program's services on these points and this database; `kind` is «edge» or «server»."""
    settings = Settings(
        home=folder, database_url=url, zone="UTC", qdrant_host="qdrant.example" if kind == "server" else None
    )
    vectors = await qdrant() if kind == "server" else await edge(settings.vectors_dir)
    async with open_services(settings, vectors=vectors, ask=ask) as services:
        yield services


async def everything(services: Services) -> dict[str, tuple[Mapping[str, object], int]]:
    """All points by id, with payload and size of the vector, whose numbers the client in this process scales anew."""
    return {
        point.id: (point.payload, len(point.vector or ()))
        for type_ in MemoryType
        for point in await services.vectors.scroll(Scroll(type_, 10_000, EVERYTHING, with_vectors=True))
    }
