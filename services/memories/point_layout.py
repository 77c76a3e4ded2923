"""How a memory is laid out in points: one under its own id, or one a chunk. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from services.memories.chunking import MOST_COPIED, chunk_id
from services.memories.editing import changed_keys, value_under
from services.memories.payload import CHUNK_KEYS, COUNTERS, State, logical
from services.memories.stored_memories import Stored, chunk_index
from services.points import Point

_OF_POINTS = ("content", "has_relations")
"""Keys that each point has for itself: MCP Memoria marks single chunks as related, and never takes that back."""
_PLACE_DIGITS = 7
_NOT_OWN = frozenset({*CHUNK_KEYS, "content"})

_IN_HISTORY = "chunk_keys"
"""Where a state of the history has the keys of single chunks."""

OwnKeys = Mapping[int, Mapping[str, Sequence[object]]]
"""What single chunks have otherwise than their memory, by their place: key → (value,), or () where a chunk lacks it.

A memory of exactly one chunk has `is_chunk` here, for nothing else tells it from a plain one.
"""
NOTHING_OWN: OwnKeys = {}
ONE_CHUNK: OwnKeys = {0: {"is_chunk": (True,)}}


def own_keys(stored: Stored) -> OwnKeys:
    """What the chunks have for themselves; empty where their places cannot be told."""
    if stored.pieces is None:
        return {}
    own: dict[int, dict[str, Sequence[object]]] = {}
    for point in stored.points:
        present = logical(point.payload)
        keys = [key for key in changed_keys(stored.state.payload, present) if key != "content"]
        own[chunk_index(point) or 0] = {key: value_under(present, key) for key in keys}
    if len(stored.pieces) == 1 and chunk_index(stored.points[0]) == 0 and stored.points[0].id != stored.id:
        own[0] |= ONE_CHUNK[0]
    return {place: keys for place, keys in own.items() if keys}


def is_one_chunk(own: OwnKeys) -> bool:
    """True for a memory whose only point is a chunk."""
    return "is_chunk" in own.get(0, {})


def keeping(stored: Iterable[Stored]) -> OwnKeys:
    """What the points keep when the memory is written again: one chunk stays one."""
    return ONE_CHUNK if any(is_one_chunk(own_keys(one)) for one in stored) else {}


def with_own_keys(state: dict[str, object], own: OwnKeys) -> dict[str, object]:
    """The state for the history, with what single chunks have for themselves; older programs pass it over."""
    if not own:
        return state
    kept = {str(place): {key: list(value) for key, value in keys.items()} for place, keys in own.items()}
    return {**state, _IN_HISTORY: kept}


def kept_own_keys(state: Mapping[str, object] | None) -> OwnKeys:
    """What single chunks had by a state of the history, which may have come with a file."""
    kept = (state or {}).get(_IN_HISTORY)
    own: dict[int, dict[str, Sequence[object]]] = {}
    for place, keys in kept.items() if isinstance(kept, Mapping) else ():
        if isinstance(place, str) and place.isdecimal() and len(place) < _PLACE_DIGITS and isinstance(keys, Mapping):
            own[int(place)] = {
                key: tuple(value[:1])
                for key, value in keys.items()
                if isinstance(value, list) and (key == "is_chunk" or key not in _NOT_OWN)
            }
    return {place: keys for place, keys in own.items() if keys}


def own_changes(
    before: Mapping[str, object] | None, after: Mapping[str, object] | None
) -> dict[tuple[str, int], tuple[object, object]]:
    """Values of single chunks that differ between two states of the history, by key and place; None where absent.

    Without those that agents count by looking.
    """
    own = [kept_own_keys(state) for state in (before, after)]
    read = [(state or {}).get("payload") for state in (before, after)]
    payloads = [payload if isinstance(payload, Mapping) else {} for payload in read]
    places = sorted({(key, place) for one in own for place, keys in one.items() for key in keys})
    changes = {}
    for key, place in places:
        values = [
            (*one.get(place, {}).get(key, value_under(payload, key)), None)[0]
            for one, payload in zip(own, payloads, strict=True)
        ]
        if values[0] != values[1] and key not in COUNTERS and key not in CHUNK_KEYS:
            changes[key, place] = (values[0], values[1])
    return changes


def _with(payload: Mapping[str, object], own: Mapping[str, Sequence[object]]) -> dict[str, object]:
    """The payload as a chunk with keys of its own has it."""
    kept = {key: value for key, value in payload.items() if key not in own}
    return kept | {key: value[0] for key, value in own.items() if value and key not in CHUNK_KEYS}


def points_of(memory_id: str, state: State, texts: Sequence[str | None], own: OwnKeys = NOTHING_OWN) -> list[Point]:
    """The points, without vectors, that hold the memory when it is indexed by these texts; None makes no point."""
    if len(texts) == 1 and not is_one_chunk(own):
        return [Point(memory_id, {**state.payload, "is_chunk": False, "parent_id": memory_id})]
    # More only where a text is still cut as another program, or this one formerly, cut it.
    copied = len(state.content) * len(texts) <= MOST_COPIED
    first = next((index for index, text in enumerate(texts) if text is not None), 0)
    return [
        Point(
            chunk_id(memory_id, index),
            {
                **_with(state.payload, own.get(index, {})),
                "content": text,
                **({"full_content": state.content} if copied or index == first else {}),
                "is_chunk": True,
                "parent_id": memory_id,
                "chunk_index": index,
                "chunk_count": len(texts),
            },
        )
        for index, text in enumerate(texts)
        if text is not None
    ]


def moved(point: Point) -> Point:
    """The same chunk under another id, as deterministic as its own."""
    return Point(chunk_id(point.id, 0), point.payload, point.vector)


def only_keys_differ(stored: Stored, state: State) -> bool:
    """True when the points need other keys, but neither other texts nor vectors nor another collection."""
    return stored.state.type is state.type and stored.state.content == state.content and not stored.pending


def key_changes(stored: Stored, state: State, own: OwnKeys) -> dict[str, list[str]]:
    """Ids of points by what brings them to the state: [keys to set, keys to remove] as JSON.

    The text is not looked at; points that have all of it already are left out.
    """
    changes: defaultdict[str, list[str]] = defaultdict(list)
    for point in stored.points:
        there = _with(state.payload, own.get(chunk_index(point) or 0, {}))
        wanted = {key: value for key, value in there.items() if key not in _OF_POINTS}
        present = logical(point.payload)
        to_set = {key: value for key, value in wanted.items() if key not in present or present[key] != value}
        to_remove = sorted(key for key in present if key not in wanted and key not in _OF_POINTS)
        if to_set or to_remove:
            changes[json.dumps([to_set, to_remove], sort_keys=True)].append(point.id)
    return dict(changes)


def vectors_by_text(stored: Sequence[Stored]) -> Mapping[str, Sequence[float]]:
    """The vectors that the points have, by the text that they were made of."""
    return {
        str(point.payload.get("content", "")): point.vector
        for one in stored
        for point in one.points
        if point.vector is not None
    }
