"""Memories in the form of MCP Memoria's export, for what it, or another program, shall read; their relations beside."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial

from services.memories.stored_memories import Stored
from services.model import MemoryType
from services.records.relation_states import relation_state
from services.transfer.export_source import ExportSource
from services.transfer.writers.writer import FileWriter


async def _document(source: ExportSource, *, embeddings: bool = False) -> AsyncIterator[bytes]:
    """`{"collections": {type: [{id, payload}]}, "relations": [...]}`."""
    head = {"version": "1.0", "exported_at": source.exported_at.isoformat(), "include_vectors": embeddings}
    yield _encoded(head)[:-1] + b', "collections": {'
    for number, type_ in enumerate(source.selection.types or MemoryType):
        yield b"%s\n%s: [" % (b"," * bool(number), _encoded(type_))
        comma = b""
        async for page in source.stored(type_, embeddings=embeddings):
            for one in page:
                yield b"%s\n%s" % (comma, _encoded(_record(one, embeddings)))
                comma = b","
        yield b"]"
    yield b'},\n"relations": ['
    comma = b""
    async for relations in source.relations():
        for relation in relations:
            yield b"%s\n%s" % (comma, _encoded(relation_state(relation)))
            comma = b","
    yield b"]}\n"


async def _lines(source: ExportSource, *, embeddings: bool = False) -> AsyncIterator[bytes]:
    """One memory a line; no relations, which MCP Memoria would take for memories."""
    async for page in source.stored(embeddings=embeddings):
        for one in page:
            yield _encoded({**_record(one, embeddings), "_collection": one.state.type}) + b"\n"


def _record(stored: Stored, embeddings: bool) -> dict[str, object]:
    """With the vector of a memory that has one alone: an import makes those of the others again."""
    vectors = [point.vector for point in stored.points] if embeddings else []
    vector = {"vector": list(vectors[0])} if len(vectors) == 1 and vectors[0] else {}
    return {"id": stored.id, "payload": dict(stored.state.payload), **vector}


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, default=str).encode("ascii")


def document(*, embeddings: bool = False) -> FileWriter:
    """All in one JSON document."""
    return FileWriter(".json", _lost(embeddings), partial(_document, embeddings=embeddings))


def lines(*, embeddings: bool = False) -> FileWriter:
    """One memory a line."""
    return FileWriter(".jsonl", f"relations, {_lost(embeddings)}", partial(_lines, embeddings=embeddings))


def _lost(embeddings: bool) -> str:
    return "work time and history" if embeddings else "work time, history and vectors, which an import makes again"


WRITER = document()
