"""This program's own export: JSON lines, lossless. The first line tells the version, the last one that all is there."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from services.errors import StoreTooNew
from services.memories.chunking import chunks
from services.memories.stored_memories import canonical
from services.model import MemoryType
from services.points import Vector, packed, unpacked
from services.settings import Settings
from services.storable_text import quoted, storable, storable_text
from services.times import writer_zone, zone_name
from services.transfer.reader_parts.imported_records import BadRecord, MemoryRecord, Record, RowRecord
from services.transfer.reader_parts.own_rows import misfit
from services.transfer.reader_parts.record_reading import checked, relation_record, vector_of

FORMAT = "memoria-tui"
VERSION = 1
TABLES = ("clients", "projects", "rejected_suggestions", "user_settings")
"""Small tables that are exported whole; `work_sessions` and `history` have ways of their own."""


def encode(line: Mapping[str, object]) -> bytes:
    """One line of the file; lone surrogates are escaped, so any text survives."""
    return json.dumps(line, ensure_ascii=True, separators=(",", ":"), default=_text).encode("ascii") + b"\n"


def header(exported_at: datetime, model: str | None, settings: Settings, *, part: bool) -> dict[str, object]:
    """The first line. `part` tells that only chosen memories follow, not a whole store."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": exported_at.isoformat(),
        "model": model,
        "chunk_size": settings.chunk_size,
        "chunk_overlap": settings.chunk_overlap,
        "part": part,
        "zone": zone_name(writer_zone(settings)),
    }


def pack(vector: Vector) -> str:
    """A vector as base64 of little-endian 32-bit floats: exact, and a fifth of the digits."""
    return base64.b64encode(packed(vector)).decode("ascii")


def unpack(text: object) -> Vector | None:
    """The vector that was packed, None when it is damaged."""
    try:
        return vector_of(unpacked(base64.b64decode(str(text), validate=True)).tolist())
    except ValueError:
        return None


def is_header(line: Mapping[str, object]) -> bool:
    return line.get("format") == FORMAT


def read_lines(lines: Iterator[tuple[str, dict[str, object]] | BadRecord]) -> Iterator[Record]:
    """Records of a file whose first line is the header. Raises StoreTooNew for a version that is not known."""
    first = next(lines)
    head = {} if isinstance(first, BadRecord) else first[1]
    version = head.get("version")
    if version != VERSION:
        raise StoreTooNew(
            f"the export has version {quoted(version)}, this program reads {VERSION}: use a newer memoria-tui"
        )
    ended, zone = False, str(head["zone"]) if "zone" in head else None
    for line in lines:
        if isinstance(line, BadRecord):
            yield line
            continue
        where, value = line
        kind, body = next(iter(value.items()), ("", None))
        if kind == "memory" and isinstance(body, dict):
            read = _memory(where, body, head)
            yield read if isinstance(read, BadRecord) else replace(read, zone=zone)
        elif kind == "relation":
            yield relation_record(where, body, verbatim=True)
        elif kind == "history" and isinstance(body, dict):
            yield RowRecord(where, kind, body, zone)
        elif kind in (*TABLES, "work_sessions") and isinstance(body, dict):
            reason = misfit(kind, row := storable(body))
            yield BadRecord(where, reason) if reason else RowRecord(where, kind, row, zone)
        elif kind == "end":
            ended = True
        else:
            yield BadRecord(where, f"a record of unknown kind {quoted(kind)}")
    if not ended:
        yield BadRecord("end of file", "the last line is missing: the export was cut off", damaged=True)


def _memory(where: str, body: Mapping[str, object], head: Mapping[str, object]) -> MemoryRecord | BadRecord:
    memory_id, payload = canonical(body.get("id")), body.get("payload")
    if memory_id is None or not isinstance(payload, dict) or not isinstance(payload.get("content"), str):
        return BadRecord(where, "a memory without id, payload or text")
    try:
        kind = MemoryType(str(body.get("type")))
    except ValueError:
        return BadRecord(where, f"its type is {quoted(body.get('type'))}; known are {', '.join(MemoryType)}")
    record = checked(MemoryRecord(where, memory_id, kind, payload), copied=True)
    if isinstance(record, BadRecord):
        return record
    given = body.get("texts")
    texts = tuple(map(str, given)) if isinstance(given, list) else _cut(payload["content"], head)
    packed = body.get("vectors")
    vectors = tuple(vector for text in packed if (vector := unpack(text))) if isinstance(packed, list) else ()
    if len(vectors) != len(texts):
        return record
    model = storable_text(str(head.get("model") or "")) or None
    return replace(record, vectors=vectors, texts=tuple(texts), model=model)


def _cut(text: str, head: Mapping[str, object]) -> Sequence[str]:
    size, overlap = head.get("chunk_size"), head.get("chunk_overlap")
    if not isinstance(size, int) or not isinstance(overlap, int) or not 0 <= overlap < size:
        return ()
    return chunks(text, size, overlap)


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
