"""How a memory is laid out in points: one under its own id, or one a chunk. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.memories.chunking import MOST_COPIED, chunk_id
from services.memories.payload import State, logical
from services.memories.reading import Stored
from services.points import Point

_OF_POINTS = ("content", "has_relations")
"""Keys that each point has for itself: MCP Memoria marks single chunks as related, and never takes that back."""


def points_of(memory_id: str, state: State, texts: Sequence[str | None]) -> list[Point]:
    """The points, without vectors, that hold the memory when it is indexed by these texts; None makes no point."""
    if len(texts) == 1:
        return [Point(memory_id, {**state.payload, "is_chunk": False, "parent_id": memory_id})]
    # More only where a text is still cut as another program, or this one formerly, cut it.
    copied = len(state.content) * len(texts) <= MOST_COPIED
    first = next((index for index, text in enumerate(texts) if text is not None), 0)
    return [
        Point(
            chunk_id(memory_id, index),
            {
                **state.payload,
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


def key_changes(stored: Stored, state: State) -> tuple[dict[str, object], list[str]]:
    """Keys to set and keys to remove so that every point has the state's; the text is not looked at."""
    wanted = {key: value for key, value in state.payload.items() if key not in _OF_POINTS}
    to_set: dict[str, object] = {}
    to_remove: dict[str, None] = {}
    for point in stored.points:
        present = logical(point.payload)
        to_set |= {key: value for key, value in wanted.items() if key not in present or present[key] != value}
        to_remove |= dict.fromkeys(key for key in present if key not in wanted and key not in _OF_POINTS)
    return to_set, list(to_remove)


def vectors_by_text(stored: Sequence[Stored]) -> Mapping[str, Sequence[float]]:
    """The vectors that the points have, by the text that they were made of."""
    return {
        str(point.payload.get("content", "")): point.vector
        for one in stored
        for point in one.points
        if point.vector is not None
    }
