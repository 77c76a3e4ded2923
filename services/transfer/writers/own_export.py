"""This program's own export, lossless: JSON lines, from which an import makes the same store again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from services.memories.chunking import chunks
from services.memories.stored_memories import Stored
from services.model import Relation
from services.records.relation_states import relation_state
from services.settings import Settings
from services.transfer.export_source import ExportSource
from services.transfer.reader_parts import own_export
from services.transfer.reader_parts.own_rows import change_row
from services.transfer.writers.writer import FileWriter


async def _lines(source: ExportSource) -> AsyncIterator[bytes]:
    model, part = await source.vectors.model(), source.selection.ids is not None
    yield own_export.encode(own_export.header(source.exported_at, model, source.settings, part=part))
    if not part:
        async for kind, name, value in _around(source):
            source.counts[name] += 1
            yield own_export.encode({kind: value})
    async for page in source.stored(embeddings=True):
        for stored in page:
            yield own_export.encode({"memory": _memory(stored, source.settings)})
    async for relation in _relations(source):
        source.counts["relations"] += 1
        yield own_export.encode({"relation": relation_state(relation)})
    yield own_export.encode({"end": dict(source.counts)})


async def _around(source: ExportSource) -> AsyncIterator[tuple[str, str, Mapping[str, object]]]:
    """What is neither memory nor relation. The history comes first, so that an import adds to it at its end."""
    records = source.records
    async for changes in records.history.all():
        for change in changes:
            yield "history", "changes", change_row(change)
    for table in own_export.TABLES:
        async for rows in records.rows.of(table):
            for row in rows:
                yield table, table, row
    async for sessions in records.rows.sessions():
        for session in sessions:
            yield "work_sessions", "sessions", session


def _memory(stored: Stored, settings: Settings) -> dict[str, object]:
    line: dict[str, object] = {
        "id": stored.id,
        "type": str(stored.state.type),
        "payload": dict(stored.state.payload),
    }
    vectors = [own_export.pack(point.vector) for point in stored.points if point.vector is not None]
    if stored.texts and len(vectors) == len(stored.texts):
        line["vectors"] = vectors
        if stored.texts != chunks(stored.state.content, settings.chunk_size, settings.chunk_overlap):
            line["texts"] = list(stored.texts)
    return line


async def _relations(source: ExportSource) -> AsyncIterator[Relation]:
    """As they are stored, also those of which an end is a chunk, or nothing any more."""
    relations, ids = source.records.relations, source.selection.ids
    if ids is None:
        async for batch in relations.all():
            for relation in batch:
                yield relation
        return
    inside = frozenset(ids)
    for relation in await relations.touching(ids):
        if relation.source_id in inside and relation.target_id in inside:
            yield relation


WRITER = FileWriter(
    ".jsonl",
    "",
    _lines,
)
