"""`memory.jsonl` of the official MCP memory server: an entity a memory, its text as the observation, and relations."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from services.transfer.export_source import ExportSource
from services.transfer.writers.unique_names import short_title, unique_names
from services.transfer.writers.writer import FileWriter


async def _lines(source: ExportSource) -> AsyncIterator[bytes]:
    names = await unique_names(source, short_title)
    async for page in source.memories():
        for memory in page:
            name = names.get(memory.id, memory.id)  # written since the names were read
            yield _line(type="entity", name=name, entityType=memory.type, observations=[memory.content])
    async for relations in source.relations():
        for one in relations:
            ends = (names.get(end, end) for end in (one.source_id, one.target_id))
            yield _line(type="relation", **dict(zip(("from", "to"), ends, strict=True)), relationType=one.type)


def _line(**fields: object) -> bytes:
    return json.dumps(fields, ensure_ascii=True).encode("ascii") + b"\n"


WRITER = FileWriter(
    ".jsonl",
    "ids, tags, projects, importance, dates, metadata, weights, work time, history and vectors",
    _lines,
)
