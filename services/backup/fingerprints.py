"""Fingerprints of memories, in 24 bytes each, so that a second pass finds what was changed since the first."""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from uuid import UUID

from services.memories.stored_memories import memory_id_of
from services.points import Point

MARKED = ("updated_at", "parent_id", "chunk_index", "chunk_count")
"""Keys of a point that the second pass reads."""
_RUN = 4096
_LOW = (1 << 64) - 1
_NUMBERED = _LOW
"""High half for ids that are plain numbers, which other programs may have chosen."""


class Fingerprints:
    """Filled by `add`, closed by `seal`, then asked."""

    def __init__(self) -> None:
        self._high, self._low, self._marks = array("Q"), array("Q"), array("q")
        self._found = bytearray()

    def __len__(self) -> int:
        return len(self._low)

    def add(self, point: Point) -> None:
        """Notes the memory of its first point."""
        high, low = _halves(memory_id_of(point))
        self._high.append(high)
        self._low.append(low)
        self._marks.append(_mark(point))

    def seal(self) -> None:
        """Ends the first pass; for a thread, for it takes a second for a million memories."""
        # Merged from short runs: one sort of all would not let other threads go on meanwhile.
        size, low = len(self._low), self._low.__getitem__
        runs = [sorted(range(start, min(start + _RUN, size)), key=low) for start in range(0, size, _RUN)]
        order = array("Q", heapq.merge(*runs, key=low))
        self._high = array("Q", map(self._high.__getitem__, order))
        self._marks = array("q", map(self._marks.__getitem__, order))
        self._low = array("Q", map(self._low.__getitem__, order))
        self._found = bytearray(len(order))

    def knows(self, memory_id: str) -> bool:
        """Whether the memory was seen."""
        return next(self._places(memory_id), None) is not None

    def unchanged(self, point: Point) -> bool:
        """Whether the memory was seen as this first point has it; from now on it counts as found again."""
        same = False
        for place in self._places(memory_id_of(point)):
            self._found[place] = 1
            same = same or self._marks[place] == _mark(point)
        return same

    def vanished(self) -> Iterator[str]:
        """Ids of memories that were seen and not found again."""
        for place, found in enumerate(self._found):
            if not found:
                high, low = self._high[place], self._low[place]
                yield str(low) if high == _NUMBERED else str(UUID(int=high << 64 | low))

    def _places(self, memory_id: str) -> Iterator[int]:
        high, low = _halves(memory_id)
        place = bisect_left(self._low, low)
        while place < len(self._low) and self._low[place] == low:
            if self._high[place] == high:
                yield place
            place += 1


def _halves(memory_id: str) -> tuple[int, int]:
    if memory_id.isdigit():
        return _NUMBERED, int(memory_id)
    number = UUID(memory_id).int
    return number >> 64, number & _LOW


def _mark(point: Point) -> int:
    payload = point.payload
    return hash((point.id, str(payload.get("updated_at")), str(payload.get("chunk_count"))))
