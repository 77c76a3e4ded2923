"""Records as MCP Memoria writes them: exported memories, raw points with chunks, REST backups, relations."""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple, TypeVar

from services.errors import InvalidInput
from services.memories.editing import checked_payload, checked_text
from services.memories.payload import CHUNK_KEYS
from services.memories.stored_memories import canonical
from services.model import MISSING_IMPORTANCE, MemoryType, RelationCreator, RelationType
from services.points import Vector
from services.ports import NewRelation
from services.storable_text import quoted, storable
from services.times import read_iso
from services.transfer.formats.imported_records import BadRecord, MemoryRecord, Record, RelationRecord

_NOT_STORED = frozenset({"id", "type", "chunks", "headless", "pending", "relations"})
"""Keys of `show --json` that are told about a memory and not part of it."""
_DATES = ("created_at", "updated_at", "accessed_at")
Member = TypeVar("Member", bound=StrEnum)


def memory_record(
    where: str,
    given_id: object,
    payload: object,
    *,
    collection: object = None,
    vector: object = None,
    whole: bool = True,
    copied: bool = False,
) -> MemoryRecord | BadRecord:
    """A logical memory out of a payload of unknown quality; wrongly typed details give way, a missing text does not.

    `copied`: the record is the copy of a memory that a store has, which may have an empty text.
    """
    if not isinstance(payload, Mapping):
        return BadRecord(where, "it has no payload")
    flat = _flattened_top_wins(payload)
    content = flat.get("content")
    if not isinstance(content, str):
        return BadRecord(where, "its content is missing" if content is None else "its content is no text")
    kind = collection or flat.get("memory_type") or MemoryType.SEMANTIC
    if (memory_type := _member(MemoryType, kind)) is None:
        return BadRecord(where, f"its type is {quoted(kind)}; known are {', '.join(MemoryType)}")
    if given_id is None:
        memory_id = id_of(f"{memory_type}\0{content}")
    elif (known_id := canonical(given_id)) is None:
        return BadRecord(where, f"its id {quoted(given_id)} is no UUID")
    else:
        memory_id = known_id
    clean, notes = _typed({key: value for key, value in flat.items() if key not in CHUNK_KEYS})
    vectors = (found,) if (found := vector_of(vector)) is not None else ()
    texts = (content,) if vectors else ()
    clean["memory_type"] = memory_type.value
    return checked(MemoryRecord(where, memory_id, memory_type, clean, vectors, texts, whole=whole, notes=notes), copied)


def checked(record: MemoryRecord, copied: bool) -> MemoryRecord | BadRecord:
    """The record with values that every store takes; the reason when a memory cannot be so."""
    payload = storable(record.payload)
    try:
        if not (copied and payload["content"] == ""):
            checked_text(str(payload["content"]))
        checked_payload(payload)
    except InvalidInput as error:
        return BadRecord(record.where, str(error))
    empty = () if payload["content"] else ("its text is empty",)
    return replace(record, payload=payload, notes=record.notes + empty)


def _flattened_top_wins(payload: Mapping[str, object]) -> dict[str, object]:
    """The payload with a nested `metadata` brought back to the top, where upstream's update buried it.

    What stands at the top already was written later and wins, unless it is empty.
    """
    flat = dict(payload)
    nested = flat.get("metadata")
    if isinstance(nested, Mapping):
        del flat["metadata"]
        for key, value in nested.items():
            if flat.get(str(key)) in (None, [], ""):
                flat[str(key)] = value
        flat.pop("id", None)
    return flat


def id_of(origin: str) -> str:
    """An id that is always the same for one origin. Not a version 5: those are ids of chunks."""
    return str(uuid.UUID(bytes=hashlib.sha256(origin.encode("utf-8", "surrogatepass")).digest()[:16], version=4))


class RawPoint(NamedTuple):
    """`{id, payload, vector?}` as it stands in the file."""

    where: str
    record: object
    collection: str | None


@dataclass(slots=True)
class _Group:
    """The chunks of one memory that were read so far; the whole text is kept once."""

    payload: Mapping[str, object]
    where: str
    expected: int
    first: int
    """Place of the first chunk that was read, whose payload this is."""
    chunks: dict[int, tuple[str, Vector | None]] = field(default_factory=dict)


def assembled(records: Iterable[RawPoint | Record]) -> Iterator[Record]:
    """Memories out of raw points, their chunks put together; what is a record already passes through.

    A memory goes out as soon as its last chunk came in; what stays incomplete (headless groups) follows at the end.
    """
    groups: dict[tuple[str, str], _Group] = {}
    for item in records:
        if not isinstance(item, RawPoint):
            yield item
            continue
        where, record, collection = item
        if not isinstance(record, Mapping):
            yield BadRecord(where, "it is no object")
            continue
        payload = record.get("payload")
        index = payload.get("chunk_index") if isinstance(payload, Mapping) and payload.get("is_chunk") is True else None
        parent = canonical(payload.get("parent_id")) if isinstance(payload, Mapping) else None
        if not isinstance(index, int) or parent is None or not isinstance(payload, Mapping):
            given, vector = record.get("id"), record.get("vector")
            yield memory_record(where, given, payload, collection=collection, vector=vector, copied=True)
            continue
        key = (str(collection or payload.get("memory_type")), parent)
        group = groups.setdefault(key, _Group(payload, where, _count(payload), index))
        group.chunks[index] = (str(payload.get("content", "")), vector_of(record.get("vector")))
        if index <= group.first:
            group.payload, group.where, group.first = payload, where, index
        if len(group.chunks) == group.expected:
            yield _memory_of(parent, groups.pop(key), collection)
    for (collection_key, parent), group in groups.items():
        yield _memory_of(parent, group, collection_key)


def _memory_of(parent: str, group: _Group, collection: str | None) -> MemoryRecord | BadRecord:
    ordered = [group.chunks[index] for index in sorted(group.chunks)]
    whole = group.payload.get("full_content")
    text = whole if isinstance(whole, str) else "\n".join(content for content, _ in ordered)
    record = memory_record(group.where, parent, {**group.payload, "content": text}, collection=collection, copied=True)
    vectors = tuple(vector for _, vector in ordered if vector is not None)
    if isinstance(record, BadRecord) or len(vectors) != group.expected:
        return record
    texts = tuple(content for content, _ in ordered)
    return replace(record, vectors=vectors, texts=texts)


def rest_memory(where: str, record: object, *, copied: bool = False) -> MemoryRecord | BadRecord:
    """A memory of a REST backup (`copied`) or of a list: keys that it lacks may have been dropped before."""
    if not isinstance(record, Mapping):
        return BadRecord(where, "it is no object")
    payload = {key: value for key, value in record.items() if key not in _NOT_STORED and value is not None}
    given, kind = record.get("id"), record.get("type")
    return memory_record(where, given, payload, collection=kind, whole=False, copied=copied and given is not None)


def relation_record(where: str, record: object, *, verbatim: bool = False) -> RelationRecord | BadRecord:
    """A relation, with its ends as they stand in the file."""
    if not isinstance(record, Mapping):
        return BadRecord(where, "it is no object")
    source, target = canonical(record.get("source_id")), canonical(record.get("target_id"))
    if source is None or target is None:
        return BadRecord(where, "an end of the relation is missing or no UUID")
    kind = record.get("relation_type", record.get("type"))
    if (relation_type := _member(RelationType, kind)) is None:
        return BadRecord(where, f"its relation type is {quoted(kind)}; known are {', '.join(RelationType)}")
    metadata = record.get("metadata")
    relation = NewRelation(
        source,
        target,
        relation_type,
        weight=_number(record.get("weight"), 1.0),
        created_by=_member(RelationCreator, record.get("created_by")) or RelationCreator.USER,
        id=canonical(record.get("id")),
        created_at=read_iso(record.get("created_at")),
        metadata=storable(metadata) if isinstance(metadata, Mapping) else {},
    )
    return RelationRecord(where, relation, verbatim)


def _typed(payload: dict[str, object]) -> tuple[dict[str, object], tuple[str, ...]]:
    """The keys that upstream checks, in the types that it checks, and what a person must know about them.

    A value of another type counts as absent.
    """
    notes = []
    tags = payload.get("tags")
    if isinstance(tags, str):
        tags = [tag.strip() for tag in tags.split(",")]
    names = tags if isinstance(tags, (list, tuple)) else ()
    payload["tags"] = list(dict.fromkeys(str(tag) for tag in names if isinstance(tag, (str, int)) and str(tag)))
    given = payload.get("importance")
    payload["importance"] = _number(given, MISSING_IMPORTANCE)
    if given is not None and not _is_share(given):
        notes.append(f"its importance {quoted(given)} is no number from 0 to 1; {payload['importance']:g} is taken")
    count = payload.get("access_count")
    payload["access_count"] = count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else 0
    if not isinstance(payload.get("project", ""), (str, type(None))):
        payload["project"] = quoted(payload["project"])
    for key in _DATES:
        if key in payload and read_iso(payload[key]) is None:
            value = payload.pop(key)
            if value is not None:
                notes.append(f"its {key} {quoted(value)} is no date; it is left out")
    return payload, tuple(notes)


def _member(kind: type[Member], value: object) -> Member | None:
    try:
        return kind(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _is_share(value: object) -> bool:
    try:
        return isinstance(value, (int, float, str)) and not isinstance(value, bool) and 0 <= float(value) <= 1
    except (ValueError, OverflowError):
        return False


def _number(value: object, default: float) -> float:
    """A share of 0 to 1."""
    try:
        number = float(value) if isinstance(value, (int, float, str)) else default
    except (ValueError, OverflowError):
        return default
    return min(1.0, max(0.0, number)) if math.isfinite(number) else default


def _count(payload: Mapping[str, object]) -> int:
    count = payload.get("chunk_count")
    return count if isinstance(count, int) else 0


def vector_of(value: object) -> Vector | None:
    """A vector of finite numbers, None for anything else."""
    if not isinstance(value, (list, tuple)) or not value:
        return None
    try:
        return value if math.isfinite(math.fsum(value)) else None
    except (TypeError, ValueError, OverflowError):
        return None
