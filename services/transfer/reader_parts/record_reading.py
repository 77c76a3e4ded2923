"""Records as MCP Memoria writes them, and as other programs do: memories, raw points with chunks, relations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple, TypeVar

from services.errors import InvalidInput
from services.memories.editing import checked_payload, checked_text
from services.memories.payload import CHUNK_KEYS
from services.memories.stored_memories import canonical
from services.model import MISSING_IMPORTANCE, MemoryType, RelationCreator
from services.points import Vector
from services.storable_text import is_blank, quoted, storable
from services.tags import read_tags
from services.times import read_iso
from services.transfer.reader_parts import type_names
from services.transfer.reader_parts.dates import read_date
from services.transfer.reader_parts.imported_records import BadRecord, MemoryRecord, Record, RelationRecord
from services.transfer.reader_parts.source_ids import ORIGINAL_ID, id_of, memory_id

_NOT_STORED = frozenset({"id", "type", "chunks", "headless", "pending", "relations"})
"""Keys of `show --json` that are told about a memory and not part of it."""
DATES = ("created_at", "updated_at", "accessed_at")
Member = TypeVar("Member", bound=StrEnum)


def memory_record(
    where: str,
    given_id: object,
    payload: object,
    *,
    source: str = "",
    collection: object,
    vector: object = None,
    whole: bool = True,
    copied: bool = False,
) -> MemoryRecord | BadRecord:
    """A logical memory out of a payload of unknown quality; wrongly typed details give way, a missing text does not.

    `copied`: the record is the copy of a memory that a store has, which may have an empty text. `source` names the file
    or folder in which a short id counts.
    """
    if not isinstance(payload, Mapping):
        return BadRecord(where, "it has no payload")
    flat = _flattened_top_wins(payload)
    content = flat.get("content")
    if not isinstance(content, str):
        return BadRecord(where, "its content is missing" if content is None else "its content is no text")
    memory_type, named_type = _type_of(flat, collection)
    notes: tuple[str, ...] = ()
    if isinstance(given_id, (str, int, float)) and not isinstance(given_id, bool) and str(given_id).strip():
        found_id = memory_id(given_id, source)
        if canonical(given_id) is None:
            flat.setdefault(ORIGINAL_ID, str(given_id))
    else:
        found_id = id_of(f"{memory_type}\0{content}")
        if given_id is not None:
            notes = (f"its id {quoted(given_id)} is no id; one is made of the text",)
    clean, doubts = _checked_types({key: value for key, value in flat.items() if key not in CHUNK_KEYS}, copied)
    vectors = (found,) if (found := vector_of(vector)) is not None else ()
    texts = (content,) if vectors else ()
    if not copied and isinstance(name := clean.get(type_names.ORIGINAL_TYPE), str):
        clean["tags"] = read_tags([clean["tags"], name])
    clean["memory_type"] = memory_type.value
    record = MemoryRecord(where, found_id, memory_type, clean, vectors, texts, whole=whole, notes=notes + doubts)
    record = replace(record, named_type=named_type)
    return checked(record, copied)


def _type_of(payload: dict[str, object], collection: object) -> tuple[MemoryType, str]:
    """The type of the memory, and a word of another program for it, which stays in the payload; else ""."""
    given = next((one for one in (collection, payload.get("memory_type")) if one), None)
    names = read_tags(given)
    known = _member(MemoryType, names[0]) if names else MemoryType.SEMANTIC
    if known is not None and len(names) < 2:
        return known, ""
    payload.setdefault(type_names.ORIGINAL_TYPE, word := ", ".join(names))
    return known or type_names.memory_type(names[0]), word


def checked(record: MemoryRecord, copied: bool) -> MemoryRecord | BadRecord:
    """The record with values that every store takes; the reason when a memory cannot be so."""
    payload = storable(record.payload)
    if is_blank(text := str(payload["content"])) and not (copied and not text):
        return BadRecord(record.where, "its text is empty")
    try:
        if text:
            checked_text(text)
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


def assembled(records: Iterable[RawPoint | Record], source: str) -> Iterator[Record]:
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
            yield memory_record(where, given, payload, source=source, collection=collection, vector=vector, copied=True)
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


def memory_of_object(where: str, record: object, *, source: str, copied: bool = False) -> MemoryRecord | BadRecord:
    """One object of a REST backup (`copied`), or one row of a list: keys that it lacks may have been dropped before."""
    if not isinstance(record, Mapping):
        return BadRecord(where, "it is no object")
    payload = {key: value for key, value in record.items() if not _is_derived(key, value) and value is not None}
    given, kind = record.get("id"), record.get("type")
    copy = copied and given is not None
    return memory_record(where, given, payload, source=source, collection=kind, whole=False, copied=copy)


def _is_derived(key: object, value: object) -> bool:
    """Also who wrote it, which has the form that `show` gives it."""
    return key in _NOT_STORED or (key == "provenance" and isinstance(value, Mapping) and "versions" in value)


def relation_record(
    where: str, record: object, *, source: str = "", verbatim: bool = False
) -> RelationRecord | BadRecord:
    """A relation, with its ends as they stand in the file."""
    if not isinstance(record, Mapping):
        return BadRecord(where, "it is no object")
    ends = [record.get(end) for end in ("source_id", "target_id")]
    named = [memory_id(end, source) for end in ends if isinstance(end, (str, int)) and (canonical(end) or not verbatim)]
    if len(named) < 2:
        return BadRecord(where, "an end of the relation is missing or no UUID", may_be_known=False)
    kind = record.get("relation_type", record.get("type"))
    if not isinstance(kind, str) or not kind:
        return BadRecord(where, f"its relation type is {quoted(kind)}; a word is expected", may_be_known=False)
    relation = type_names.typed_relation(named[0], named[1], kind)
    metadata = record.get("metadata")
    relation = replace(
        relation,
        weight=_number(record.get("weight"), 1.0),
        created_by=_member(RelationCreator, record.get("created_by")) or RelationCreator.USER,
        id=canonical(record.get("id")),
        created_at=_instant(record.get("created_at")),
        metadata=storable({**(metadata if isinstance(metadata, Mapping) else {}), **relation.metadata}),
    )
    return RelationRecord(where, relation, verbatim)


def _instant(value: object) -> datetime | None:
    read = read_iso(read_date(value).iso)
    return read and (read if read.tzinfo else read.replace(tzinfo=UTC))


def _checked_types(payload: dict[str, object], copied: bool) -> tuple[dict[str, object], tuple[str, ...]]:
    """The keys that upstream checks, in the types that it checks, and what a person must know about them.

    A value of another type counts as absent.
    """
    notes = []
    tags = payload.get("tags")
    exact = copied and isinstance(tags, list) and all(isinstance(tag, str) and tag for tag in tags)
    payload["tags"] = list(dict.fromkeys(tags)) if exact and isinstance(tags, list) else read_tags(tags)
    given = payload.get("importance")
    payload["importance"] = _number(given, MISSING_IMPORTANCE)
    if given is not None and not _is_share(given):
        notes.append(f"its importance {quoted(given)} is no number from 0 to 1; {payload['importance']:g} is taken")
    count = payload.get("access_count")
    payload["access_count"] = count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else 0
    match payload.get("project"):
        case None | str():
            pass
        case int() | float() as number:
            payload["project"] = quoted(number)
        case other:
            del payload["project"]
            notes.append(f"its project is {quoted(other)} and no name; it is left out")
    for key in DATES:
        if key not in payload or read_iso(payload[key]) is not None:
            continue
        value = payload.pop(key)
        if (found := read_date(value)).iso is not None:
            payload[key] = found.iso
        if found.doubt:
            notes.append(f"its {key} {found.doubt}")
        elif found.iso is None and value is not None:
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
