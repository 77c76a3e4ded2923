"""What the points of a store say about memories and their chunks, read in one pass."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.integrity.check import Check, Scan
from services.memories.stored_memories import chunk_index, memory_id_of
from services.model import MemoryType, Progress
from services.points import EVERYTHING


@dataclass(slots=True)
class Places:
    """Which memories and chunks there are."""

    failed: dict[Check, set[str]]
    """By check with a test of single points: the memories that failed."""
    memories: set[str] = field(default_factory=set)
    chunks: dict[str, str] = field(default_factory=dict)
    """Id of a chunk → its memory."""
    counts: dict[str, int] = field(default_factory=dict)
    """Of a chunked memory, the place of its last chunk."""
    headless: list[str] = field(default_factory=list)


async def read_places(scan: Scan) -> Places:
    places, done = Places({check: set() for check in scan.tests}), 0
    keys = ("parent_id", "chunk_index", *(test.key for test in scan.tests.values()))
    for type_ in MemoryType:
        first: set[str] = set()
        later: set[str] = set()
        async for page in scan.points(type_, EVERYTHING, keys):
            for point in page:
                memory_id = memory_id_of(point)
                for check, test in scan.tests.items():
                    if test.fails(point.payload):
                        places.failed[check].add(memory_id)
                index = chunk_index(point) or 0
                (later if index > 0 else first).add(memory_id)
                if point.id != memory_id:
                    places.chunks[point.id] = memory_id
                    places.counts[memory_id] = max(index, places.counts.get(memory_id, 0))
            done += len(page)
            scan.progress(Progress(done, None, "Checking memories"))
        places.memories |= first | later
        places.headless += sorted(later - first)
    return places
