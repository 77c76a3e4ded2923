"""The stores that MCP Memoria left, raw: its database from the dump, its points with vectors of the bundled model."""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Container, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient, models

from services.adapters.edge.edge_store import EdgeVectorStore
from services.adapters.server.server_store import ServerVectorStore
from services.container import Services
from services.model import MemoryType
from services.model.database import Ask
from services.points import EVERYTHING, Point, Scroll, Vector
from services.settings import Settings
from tests.qdrant_server import running_qdrant
from tests.services.edge_here import edge_here, model_here, services_here
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
        embedder = model_here()
        made = await embedder.embed_documents([str(one["payload"]["content"]) for one in records])
        _vectors.update(zip((one["id"] for one in records), made, strict=True))
    found: defaultdict[MemoryType, list[Point]] = defaultdict(list)
    for one in records:
        found[MemoryType(one["collection"])].append(Point(one["id"], one["payload"], _vectors[one["id"]]))
    return found


_SHARED: Mapping[str, models.PayloadSchemaType | models.TextIndexParams] = {
    "tags": models.PayloadSchemaType.KEYWORD,
    "parent_id": models.PayloadSchemaType.KEYWORD,
    "is_chunk": models.PayloadSchemaType.BOOL,
    "chunk_index": models.PayloadSchemaType.INTEGER,
    "content": models.TextIndexParams(
        type=models.TextIndexType.TEXT,
        tokenizer=models.TokenizerType.WORD,
        min_token_len=2,
        max_token_len=20,
        lowercase=True,
    ),
}
INDEXES: Mapping[MemoryType, Mapping[str, models.PayloadSchemaType | models.TextIndexParams]] = {
    MemoryType.EPISODIC: {
        **_SHARED,
        "project": models.PayloadSchemaType.KEYWORD,
        "session_id": models.PayloadSchemaType.KEYWORD,
        "importance": models.PayloadSchemaType.FLOAT,
        "timestamp": models.PayloadSchemaType.DATETIME,
    },
    MemoryType.SEMANTIC: {
        **_SHARED,
        "domain": models.PayloadSchemaType.KEYWORD,
        "source": models.PayloadSchemaType.KEYWORD,
        "confidence": models.PayloadSchemaType.FLOAT,
    },
    MemoryType.PROCEDURAL: {
        **_SHARED,
        "category": models.PayloadSchemaType.KEYWORD,
        "success_rate": models.PayloadSchemaType.FLOAT,
        "frequency": models.PayloadSchemaType.INTEGER,
    },
}
"""The indexes that MCP Memoria makes."""


async def fill(client: AsyncQdrantClient, kept: Container[str]) -> None:
    """Makes the three collections as MCP Memoria does, which name no model, with those of its indexes that are kept."""
    for collection, some in (await points()).items():
        size = models.VectorParams(size=model_here().dimensions, distance=models.Distance.COSINE)
        await client.create_collection(collection, vectors_config=size)
        structs = [
            models.PointStruct(id=one.id, vector=list(one.vector or ()), payload=dict(one.payload)) for one in some
        ]
        await client.upsert(collection, structs)
        for key, schema in INDEXES[collection].items():
            if key in kept:
                await client.create_payload_index(collection, key, schema)


async def edge(folder: Path) -> EdgeVectorStore:
    """The same points in an embedded store."""
    store, embedder = edge_here(folder), model_here()
    await store.ensure(embedder.dimensions, embedder.model)
    for collection, some in (await points()).items():
        await store.upsert(collection, some)
    return store


KEPT: Mapping[str, Container[str]] = {
    "server": {key for keys in INDEXES.values() for key in keys},
    "half-indexed server": {"tags", "content"},
    "server without indexes": (),
}
"""Kinds of servers, and which of its indexes MCP Memoria had made in each."""


@contextlib.asynccontextmanager
async def opened(kind: str, url: str, folder: Path, ask: Ask | None = None) -> AsyncIterator[Services]:
    """The program's services on these points and this database; `kind` is «edge» or one of `KEPT`."""
    settings = Settings(home=folder, database_url=url, zone="UTC")
    with contextlib.ExitStack() as servers:
        vectors: EdgeVectorStore | ServerVectorStore
        if kind == "edge":
            vectors = await edge(settings.vectors_dir)
        else:
            qdrant = servers.enter_context(running_qdrant())
            client = qdrant.client()
            await fill(client, KEPT[kind])
            await client.close()
            vectors, settings = qdrant.store(), replace(settings, qdrant_host=qdrant.url)
        async with services_here(settings, vectors=vectors, ask=ask) as services:
            yield services


async def everything(services: Services) -> dict[str, tuple[Mapping[str, object], int]]:
    """All points by id, with payload and size of the vector, whose numbers the client in this process scales again."""
    return {
        point.id: (point.payload, len(point.vector or ()))
        for type_ in MemoryType
        for point in await services.vectors.scroll(Scroll(type_, 10_000, EVERYTHING, with_vectors=True))
    }
