"""mcp-memory-service: its JSON export, and its SQLite file, which is only read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from services.errors import UnreadableFile
from services.storable_text import quoted
from services.transfer.reader_parts.field_aliases import with_fields
from services.transfer.reader_parts.imported_records import BadRecord, Record, RelationRecord
from services.transfer.reader_parts.json_items import json_items
from services.transfer.reader_parts.json_reading import DECODER
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.record_reading import memory_of_object
from services.transfer.reader_parts.source_ids import memory_id
from services.transfer.reader_parts.type_names import typed_relation

_MAGIC = b"SQLite format 3\0"
_DOUBLED = ("created_at_iso", "updated_at_iso", "embedding")
"""What other columns say too, or no metadata holds."""


def _recognises(opened: Opened) -> bool:
    if opened.head.startswith(_MAGIC) and opened.path is not None:
        try:
            with closing(_connected(opened.path)) as database:
                return {"content_hash", "content"} <= set(_columns(database, "memories"))
        except sqlite3.Error:
            return False
    return "export_metadata" in opened.shape.keys or opened.shape.has("content_hash")


def _records(opened: Opened) -> Iterator[Record]:
    if opened.head.startswith(_MAGIC) and opened.path is not None:
        try:
            with closing(_connected(opened.path)) as database:
                yield from _of_database(database, opened.source)
        except sqlite3.Error as error:
            raise UnreadableFile(f"{opened.name}: cannot be read: {error}") from error
        return
    for item in json_items(opened, lambda name, _: name == "memories"):
        yield item if isinstance(item, BadRecord) else _memory(item.where, item.value, opened.source)


def _memory(where: str, given: Mapping[str, object], source: str) -> Record:
    """A memory; one that was deleted is left out."""
    if given.get("deleted_at"):
        return BadRecord(where, "it is deleted in its source", may_be_known=False)
    value = {key: one for key, one in given.items() if key not in _DOUBLED and one is not None}
    if given.get("content_hash"):
        value["id"] = value.pop("content_hash")
    return memory_of_object(where, with_fields(value), source=source)


def _connected(path: Path) -> sqlite3.Connection:
    """The file, in a mode that writes nothing beside it either, unless a log beside it has what was written last."""
    path = path.resolve()
    logged = path.with_name(f"{path.name}-wal").exists()
    return sqlite3.connect(f"{path.as_uri()}?mode=ro{'' if logged else '&immutable=1'}", uri=True)


def _columns(database: sqlite3.Connection, table: str) -> list[str]:
    return [str(row[1]) for row in database.execute(f"PRAGMA table_info({table})")]


def _of_database(database: sqlite3.Connection, source: str) -> Iterator[Record]:
    database.row_factory = sqlite3.Row
    for row in database.execute("SELECT * FROM memories ORDER BY id"):
        value = {key: row[key] for key in row.keys()}  # noqa: SIM118 - a Row's items are its values
        metadata = value.pop("metadata", None)
        value["metadata"] = _decoded(metadata) if isinstance(metadata, str) else {}
        yield _memory(f"memories {value.pop('id')}", value, source)
    if "source_hash" in (columns := _columns(database, "memory_graph")):
        for row in database.execute("SELECT * FROM memory_graph"):
            kind = row["relationship_type"] if "relationship_type" in columns else ""
            ends = [row["source_hash"], row["target_hash"]]
            if not all(isinstance(end, str) and end for end in ends) or ends[0] == ends[1]:
                what = f"a relation from {quoted(ends[0])} to {quoted(ends[1])}"
                yield BadRecord("memory_graph", what, may_be_known=False)
            else:
                first, second = (memory_id(end, source) for end in ends)
                relation = typed_relation(first, second, str(kind or ""))
                yield RelationRecord("memory_graph", relation)


def _decoded(text: str) -> Mapping[str, object]:
    try:
        value = DECODER.decode(text)
    except (ValueError, RecursionError):
        return {"source_metadata": text} if text else {}
    return value if isinstance(value, dict) else {"source_metadata": value}


READER = Reader(
    "mcp-memory-service",
    "a JSON export of mcp-memory-service, or its SQLite file",
    "text, tags, dates, type as `original_type` and tag, metadata; relations of its graph, typed",
    "deleted ones (reported), vectors, which are made again",
    _recognises,
    _records,
)
