"""This program's own export: JSON lines, lossless. The first line tells the version, the last one that all is there."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator, Mapping
from datetime import datetime

from services.errors import StoreTooNew
from services.formats.records import BadRecord, MemoryRecord, Record, RowRecord
from services.formats.upstream import memory_record, relation_record
from services.points import Vector

FORMAT = "memoria-tui"
VERSION = 1
TABLES = ("clients", "projects", "work_sessions", "history")


def encode(line: Mapping[str, object]) -> bytes:
    """One line of the file; lone surrogates are escaped, so any text survives."""
    return json.dumps(line, ensure_ascii=True, separators=(",", ":"), default=_text).encode("ascii") + b"\n"


def header(exported_at: datetime, model: str | None, *, part: bool) -> dict[str, object]:
    """The first line. `part` tells that only chosen memories follow, not a whole store."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": exported_at.isoformat(),
        "model": model,
        "part": part,
    }


def pack(vector: Vector) -> str:
    """A vector as base64 of little-endian 32-bit floats: exact, and a fifth of the digits."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")


def unpack(text: object) -> Vector | None:
    """The vector that was packed, None when it is damaged."""
    try:
        raw = base64.b64decode(str(text), validate=True)
        return struct.unpack(f"<{len(raw) // 4}f", raw) or None
    except (ValueError, struct.error):
        return None


def is_header(line: Mapping[str, object]) -> bool:
    return line.get("format") == FORMAT


def read_lines(
    head: Mapping[str, object], lines: Iterator[tuple[str, dict[str, object]] | BadRecord]
) -> Iterator[Record]:
    """Records of the lines after the header. Raises StoreTooNew for a version that is not known."""
    version = head.get("version")
    if version != VERSION:
        raise StoreTooNew(f"the export has version {version!r}, this program reads {VERSION}: use a newer memoria-tui")
    model = head.get("model")
    ended = False
    for line in lines:
        if isinstance(line, BadRecord):
            yield line
            continue
        where, value = line
        kind, body = next(iter(value.items()), ("", None))
        if kind == "memory" and isinstance(body, dict):
            yield _memory(where, body, str(model) if model else None)
        elif kind == "relation":
            yield relation_record(where, body, verbatim=True)
        elif kind in TABLES and isinstance(body, dict):
            yield RowRecord(where, kind, body)
        elif kind == "end":
            ended = True
        else:
            yield BadRecord(where, f"a record of unknown kind {kind!r}")
    if not ended:
        yield BadRecord("end of file", "the last line is missing: the export was cut off", damaged=True)


def _memory(where: str, body: Mapping[str, object], model: str | None) -> MemoryRecord | BadRecord:
    record = memory_record(where, body.get("id"), body.get("payload"), collection=body.get("type"))
    packed = body.get("vectors")
    if isinstance(record, BadRecord) or not isinstance(packed, list):
        return record
    vectors = [unpack(text) for text in packed]
    whole = tuple(vector for vector in vectors if vector is not None)
    if len(whole) != len(vectors):
        return record
    return MemoryRecord(record.where, record.id, record.type, record.payload, whole, str(body.get("chunks")), model)


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
