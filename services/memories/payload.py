"""Payloads as MCP Memoria writes them, and memories, in both directions, without losing a key.

A *logical* payload has the whole text in `content` and none of the keys that only tell how it is stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.model import MISSING_IMPORTANCE, Memory, MemoryDraft, MemoryType
from services.storable_text import storable
from services.times import WriterZone, read_stamp, to_stamp

CHUNK_KEYS = ("full_content", "is_chunk", "parent_id", "chunk_index", "chunk_count")
"""Keys that tell how a memory is stored."""
LOOKED_AT_KEYS = frozenset({"accessed_at", "access_count", "importance", "has_relations", "updated_at"})
"""Keys that agents set by looking or linking; a difference in these alone is no edit."""
COUNTERS = ("accessed_at", "access_count", "has_relations", "updated_at")
"""Keys in which two copies of a memory may differ without being different memories."""
_DEFAULTS: Mapping[MemoryType, Mapping[str, object]] = {
    MemoryType.EPISODIC: {},
    MemoryType.SEMANTIC: {"confidence": 0.8},
    MemoryType.PROCEDURAL: {"success_rate": 1.0, "execution_count": 0, "frequency": 0},
}
"""Keys that upstream always writes for a type."""


@dataclass(frozen=True, slots=True)
class State:
    """What a memory is, apart from how it is stored: the `before` and `after` of the history."""

    type: MemoryType
    payload: Mapping[str, object]
    """Logical."""

    @property
    def content(self) -> str:
        """The whole text."""
        return _text(self.payload.get("content"))

    def storable(self) -> State:
        """The state as the vector store will give it back: lone surrogates, NaN and the like have no place there."""
        return State(self.type, storable(self.payload))

    def as_json(self) -> dict[str, object]:
        return {"type": str(self.type), "payload": dict(self.payload)}

    @classmethod
    def from_json(cls, state: Mapping[str, object]) -> State:
        """Reads a state of the history. Raises ValueError when it is not one of a memory."""
        payload = state.get("payload")
        if not isinstance(payload, Mapping):
            raise ValueError(f"no payload in {sorted(state)}")
        return cls(MemoryType(str(state.get("type"))), payload)


def logical(payload: Mapping[str, object]) -> dict[str, object]:
    """The logical payload of a point's payload."""
    kept = {key: value for key, value in payload.items() if key not in CHUNK_KEYS}
    if isinstance(whole := payload.get("full_content"), str):
        kept["content"] = whole
    return kept


def read_memory(memory_id: str, state: State, zone: WriterZone) -> Memory:
    """The memory of a state. Never fails: what cannot be read takes the field's default.

    A known key whose value is not in upstream's form is read as well as can be, and stays in `metadata` as it is.
    """
    payload = logical(state.payload)
    values = {key: field.read(payload.get(key), zone) for key, field in _FIELDS.items()}
    metadata = {
        key: value
        for key, value in payload.items()
        if key != "memory_type" and not (key in _FIELDS and _in_form(_FIELDS[key], values[key], value, zone))
    }
    return Memory(id=memory_id, type=state.type, metadata=metadata, **values)  # type: ignore[arg-type]  # by _FIELDS


def write_payload(memory: Memory, zone: WriterZone) -> dict[str, object]:
    """The logical payload of a memory. `read_memory` gives the same memory back."""
    payload: dict[str, object] = {"content": memory.content, "memory_type": str(memory.type)}
    for key, field in _FIELDS.items():
        value: object = getattr(memory, key)
        if value is not None:
            payload[key] = field.write(value, zone)
    for key, value in memory.metadata.items():
        known = _FIELDS.get(key)
        if key in CHUNK_KEYS or key == "memory_type":
            continue
        if known is None or known.read(value, zone) == getattr(memory, key):
            payload[key] = value
    return payload


def without_blanks(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags, each once, without blanks around them: a tag with some is found by nobody who does not know of them."""
    return tuple(dict.fromkeys(filter(None, map(str.strip, tags))))


def drafted(draft: MemoryDraft, memory_id: str, now: datetime, zone: WriterZone) -> State:
    """The first state of a memory that is to be made, with the keys that upstream always writes."""
    memory = Memory(
        id=memory_id,
        type=draft.type,
        content=draft.content,
        created_at=draft.created_at or now,
        updated_at=now,
        accessed_at=now,
        importance=draft.importance,
        tags=without_blanks(draft.tags),
        project=(draft.project or "").strip() or None,
        metadata=draft.metadata,
    )
    return with_defaults(State(draft.type, write_payload(memory, zone)))


def with_defaults(state: State) -> State:
    """The state with the keys that upstream always writes for its type; those that are there stay."""
    return replace(state, payload={**_DEFAULTS[state.type], **state.payload, "memory_type": str(state.type)})


def still_related(state: State, before: State | None) -> State:
    """The state with the mark of relations if it was there before: links set it, the history may not know of it."""
    if before is None or before.payload.get("has_relations") is not True:
        return state
    return replace(state, payload={**state.payload, "has_relations": True})


def same_state(one: State, other: State, memory_id: str, zone: WriterZone) -> bool:
    """True when both states are the same memory, whatever the form their values are written in."""
    return one == other or read_memory(memory_id, one, zone) == read_memory(memory_id, other, zone)


def same_but_for_looks(one: State, other: State, memory_id: str, zone: WriterZone) -> bool:
    """As `same_state`, whatever agents counted by looking and whenever the memory was touched."""
    return same_state(_unlooked(one), _unlooked(other), memory_id, zone)


def _unlooked(state: State) -> State:
    return State(state.type, {key: value for key, value in state.payload.items() if key not in COUNTERS})


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _optional_text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def tags_of(value: object) -> tuple[str, ...]:
    """The tags of what stands under their key."""
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(tag for tag in value if isinstance(tag, str)) if isinstance(value, list) else ()


def _count(value: object) -> int:
    number = _number(value)
    return int(number) if number is not None and number >= 0 else 0


def _share(value: object) -> float:
    number = _number(value)
    return MISSING_IMPORTANCE if number is None else min(1.0, max(0.0, number))


def _number(value: object) -> float | int | None:
    """A finite number, also one that stands as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    return value if isinstance(value, int) else number


@dataclass(frozen=True, slots=True)
class _Field:
    """How one field of a memory is read from its key, and written."""

    read: Callable[[object, WriterZone], object]
    write: Callable[[object, WriterZone], object]


def _in_form(field: _Field, read: object, raw: object, zone: WriterZone) -> bool:
    """True when writing what was read gives the raw value again."""
    return read is not None and field.write(read, zone) == raw


def _plain(read: Callable[[object], object]) -> _Field:
    return _Field(lambda value, _: read(value), lambda value, _: value)


_DATE = _Field(read_stamp, lambda value, zone: to_stamp(value, zone) if isinstance(value, datetime) else None)
_FIELDS: Mapping[str, _Field] = {
    "content": _plain(_text),
    "created_at": _DATE,
    "updated_at": _DATE,
    "accessed_at": _DATE,
    "access_count": _plain(_count),
    "importance": _plain(_share),
    "tags": _Field(lambda value, _: tags_of(value), lambda value, _: list(value) if isinstance(value, tuple) else []),
    "project": _plain(_optional_text),
}
