"""All points of a store, memory by memory, as they belong to one instant of the history though others go on writing.

Points cannot be read at one instant. So they are read before the snapshot of the tables, and what changed since is read
once more after it. What was changed later than the snapshot is taken from its history instead. So each memory is as the
history of the archive leaves it, or as somebody without a history (MCP Memoria) left it; none is half written; no
memory is missing that a relation names.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.batches import batches
from services.memories.chunking import chunks
from services.memories.payload import State
from services.memories.point_layout import keeping, kept_own_keys, points_of, vectors_by_text
from services.memories.stored_memories import (
    ONE_EACH,
    Stored,
    all_points,
    canonical,
    headless_ids,
    memory_id_of,
    pages,
    read_stored,
)
from services.model import MemoryType
from services.points import Point, Scroll

if TYPE_CHECKING:
    from services.ports import VectorStore
    from services.records.archive_tables import LastChange
    from services.records.backup_tables import BackupSnapshot, BackupTables
    from services.settings import Settings

_PAGE = 1000
_MARKED = ("updated_at", "parent_id", "chunk_index", "chunk_count")
"""Keys of a point that the second pass reads."""
_MEMORIES = 200
"""Memories that are read once more together."""
_UNDER_WAY = 2000
"""More rows of the history than programs write in one moment: those may be under way, their points not yet written."""
_WAITS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds before each further reading of a memory that somebody was just writing."""
GONE = -1
"""Pass of memories that were deleted meanwhile."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Points of one collection, seen in one pass."""

    pass_number: int
    type: MemoryType
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class LateEntry:
    """A memory whose state in the archive comes from the history and still lacks vectors."""

    memory_id: str
    change_id: int


class Gathering:
    """One reading of all memories: `first_pass`; inside the snapshot `note_changes`; then `second_pass`, `settle`."""

    def __init__(self, vectors: VectorStore, tables: BackupTables, settings: Settings) -> None:
        self._vectors = vectors
        self._tables = tables
        self._settings = settings
        self._seen: dict[MemoryType, dict[str, int]] = {type_: {} for type_ in MemoryType}
        """What tells that a memory was changed, by its id, as the first pass saw it."""
        self._unsettled: set[str] = set()
        self._under_way_after = 0
        self._in_outbox: set[str] = set()
        self._newest = 0
        self._changed: list[tuple[Sequence[str], Mapping[str, LastChange], Set[str]]] = []
        """Memories, their newest changes in the snapshot, and those of them that its relations name."""
        self.superseded: dict[str, int] = {}
        """As `services.backup.archive_parts.Superseded`."""
        self.late_entries: list[LateEntry] = []

    @property
    def memories(self) -> int:
        """How many memories were found."""
        earlier = sum(one in seen for seen in self._seen.values() for one in self.superseded)
        alive = sum(pass_number != GONE for pass_number in self.superseded.values())
        return sum(map(len, self._seen.values())) - earlier + alive

    async def first_pass(self) -> AsyncIterator[Gathered]:
        """Everything, memory by memory: the chunks of one stand together."""
        self._under_way_after = await self._tables.newest_change() - _UNDER_WAY
        for type_, seen in self._seen.items():
            async for points in all_points(self._vectors, type_):
                seen |= {memory_id_of(point): _mark(point) for point in reversed(points)}
                yield Gathered(0, type_, points)

    async def note_changes(self, snapshot: BackupSnapshot) -> None:
        """Finds what changed, came and went since the first pass, whoever did it, and what the snapshot says of it."""
        self._newest = await snapshot.newest_change()
        self._in_outbox = set(await snapshot.waiting_after(self._under_way_after))
        changed = set(await snapshot.changed_after(self._under_way_after))
        for type_, seen in self._seen.items():
            now: dict[str, int] = {}
            async for page in pages(self._vectors, Scroll(type_, _PAGE, ONE_EACH, payload_keys=_MARKED)):
                now |= {memory_id_of(point): _mark(point) for point in page}
            headless = await read_stored(self._vectors, await headless_ids(self._vectors, type_), embeddings=False)
            now |= {one.id: _mark(one.points[0]) for states in headless.values() for one in states}
            changed |= await asyncio.to_thread(_differing, seen, now)
        for batch in batches(sorted(changed), _MEMORIES):
            last = {one.memory_id: one for one in await snapshot.newest_changes_of(_nameable(batch))}
            self._changed.append((batch, last, await snapshot.linked(_nameable(batch))))

    async def second_pass(self) -> AsyncIterator[Gathered]:
        """Those memories as the snapshot's history has them, after the snapshot: a pooler may have one connection."""
        while self._changed:
            ids, last, linked = self._changed.pop(0)
            found, now = await read_stored(self._vectors, ids), await self._tables.newest_changes_of(_nameable(ids))
            settled = []
            for memory_id in ids:
                states, change = found.get(memory_id, []), last.get(memory_id)
                in_outbox, missing = memory_id in self._in_outbox, not states and memory_id in linked
                moved_on = now.get(memory_id, 0) > (change.change_id if change else 0)
                if change is None and (moved_on or missing):
                    if any(memory_id in seen for seen in self._seen.values()):
                        continue  # changed after the snapshot alone: the first pass has it as it was
                    states = []
                elif change is not None and (moved_on or in_outbox or missing):
                    states = self._of_history(change, states, in_outbox=in_outbox)
                self._note(memory_id, states, expected=change.after is not None if change else not moved_on)
                settled.append(states)
            for gathered in _together(1, settled):
                yield gathered

    async def settle(self) -> AsyncIterator[Gathered]:
        """Memories that were caught half written, or between deletion and writing: given some moments to be whole."""
        for wait in _WAITS:
            if not self._unsettled:
                return
            await asyncio.sleep(wait)
            for batch in batches(sorted(self._unsettled), _MEMORIES):
                for gathered in await self._settled(batch, last=wait == _WAITS[-1]):
                    yield gathered

    async def _settled(self, ids: Sequence[str], *, last: bool) -> list[Gathered]:
        found = await read_stored(self._vectors, ids)
        now = await self._tables.newest_changes_of(_nameable(ids))
        taken = []
        for memory_id in ids:
            states = found.get(memory_id, [])
            if now.get(memory_id, 0) > self._newest:
                self._unsettled.discard(memory_id)
            elif states and (last or _whole(states)):
                self._unsettled.discard(memory_id)
                self.superseded[memory_id] = 2
                taken.append(states)
        return _together(2, taken)

    def _note(self, memory_id: str, states: Sequence[Stored], *, expected: bool) -> None:
        self.superseded[memory_id] = 1 if states else GONE
        if _whole(states) or (not states and not expected):
            self._unsettled.discard(memory_id)
        else:
            self._unsettled.add(memory_id)

    def _of_history(self, change: LastChange, states: Sequence[Stored], *, in_outbox: bool) -> list[Stored]:
        """The memory as the change leaves it: as it stands in the store if that is the same, else laid out again."""
        if change.after is None:
            return []
        state = State.from_json(change.after)
        for one in states:
            if one.state == state and one.texts is not None:
                return [one]
        texts = chunks(state.content, self._settings.chunk_size, self._settings.chunk_overlap)
        known, own = vectors_by_text(states), {**keeping(states), **kept_own_keys(change.after)}
        points = [
            Point(point.id, point.payload, known.get(text), text in known)
            for point, text in zip(points_of(change.memory_id, state, texts, own), texts, strict=True)
        ]
        if not in_outbox and any(point.vector is None for point in points):
            self.late_entries.append(LateEntry(change.memory_id, change.change_id))
        return [Stored(change.memory_id, state, tuple(points))]


def _nameable(ids: Sequence[str]) -> list[str]:
    """Those that the history can name: other programs may have given theirs plain numbers."""
    return [one for one in ids if canonical(one) == one]


def _differing(before: Mapping[str, int], now: Mapping[str, int]) -> set[str]:
    """One by one, so that other threads go on meanwhile."""
    return {one for one in (*before, *now) if before.get(one) != now.get(one)}


def _mark(point: Point) -> int:
    """Of the first point of a memory, in this process."""
    payload = point.payload
    return hash((point.id, str(payload.get("updated_at")), str(payload.get("chunk_count"))))


def _whole(states: Sequence[Stored]) -> bool:
    return len(states) == 1 and states[0].texts is not None


def _together(pass_number: int, memories: Iterable[Sequence[Stored]]) -> list[Gathered]:
    """The points of these memories by collection."""
    points: dict[MemoryType, list[Point]] = {}
    for states in memories:
        for stored in states:
            points.setdefault(stored.state.type, []).extend(stored.points)
    return [Gathered(pass_number, type_, found) for type_, found in points.items()]
