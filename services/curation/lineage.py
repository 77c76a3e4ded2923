"""What a memory replaced, and what replaced it: the chain of `supersedes` through it. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.acting import permitted_projects, seeing_all
from services.memories.stored_memories import newest, owners, read_stored
from services.model import Memory, Relation
from services.ports import VectorStore
from services.records import Records
from services.settings import Settings
from services.times import writer_zone
from services.unknown_ids import MEMORY_ID, unknown_id

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LineageStep:
    """A memory of a chain."""

    memory: Memory
    superseded_at: datetime | None
    """Since when another one of the chain supersedes it; None: none does."""
    replaced: tuple[Memory, ...]
    """Those that it supersedes itself."""


class LineageService:
    """Raises StoreUnavailable."""

    def __init__(self, vectors: VectorStore, records: Records, settings: Settings) -> None:
        self._vectors = vectors
        self._records = records
        self._zone = writer_zone(settings)

    async def chain(self, memory_id: str) -> tuple[LineageStep, ...]:
        """The newest first; the memory alone where it superseded nothing and nothing supersedes it.

        Raises NotFound.
        """
        stored = await read_stored(self._vectors, [memory_id], embeddings=False)
        if memory_id not in stored:
            raise unknown_id(MEMORY_ID, memory_id)
        own = {memory_id, *(one.id for one in stored[memory_id][0].points)}
        with seeing_all():
            relations = await self._records.relations.lineage(sorted(own))
        ends = {end for one in relations for end in (one.source_id, one.target_id)} - own
        owned = (await owners(self._vectors, sorted(ends)) if ends else {}) | dict.fromkeys(own, memory_id)
        stored |= await read_stored(self._vectors, {*owned.values()} - {memory_id}, embeddings=False)
        memories = {id_: newest(states)[0].memory(self._zone) for id_, states in stored.items()}
        if permitted_projects() is not None:
            memories = {id_: memories[id_] for id_ in _reached(memory_id, relations, owned, memories)}
        return _steps(relations, owned, memories)


def _reached(
    start: str, relations: Sequence[Relation], owned: Mapping[str, str], seen: Collection[str]
) -> Iterable[str]:
    """The memories to which the chain leads over none that is not seen: such a one tells nobody what it joins."""
    older: dict[str, list[str]] = {}
    newer: dict[str, list[str]] = {}
    for one in relations:
        source, target = owned.get(one.source_id, ""), owned.get(one.target_id, "")
        if source in seen and target in seen:
            older.setdefault(source, []).append(target)
            newer.setdefault(target, []).append(source)
    return {start} | _closure(start, older) | _closure(start, newer)


def _steps(
    relations: Sequence[Relation], owned: Mapping[str, str], memories: Mapping[str, Memory]
) -> tuple[LineageStep, ...]:
    replaced: dict[str, dict[str, Memory]] = {id_: {} for id_ in memories}
    since: dict[str, datetime] = {}
    for one in relations:
        newer, older = owned.get(one.source_id, ""), owned.get(one.target_id, "")
        if newer in memories and older in memories and newer != older:
            replaced[newer][older] = memories[older]
            if one.created_at is not None:  # the relations come the oldest first
                since.setdefault(older, one.created_at)
    steps = [LineageStep(one, since.get(one.id), tuple(replaced[one.id].values())) for one in memories.values()]
    return _ordered(steps)


def _ordered(steps: Sequence[LineageStep]) -> tuple[LineageStep, ...]:
    """None before what superseded it, but for those of one circle; of the others the newest first.

    The same from whichever memory it was asked: of a circle, too, the newest comes first.
    """
    left = {one.memory.id: one for one in steps}
    replaced = {id_: [old.id for old in one.replaced] for id_, one in left.items()}
    behind = {id_: _closure(id_, replaced) for id_ in left}
    ordered = []
    while left:
        free = [one for id_, one in left.items() if all(newer in behind[id_] for newer in left if id_ in behind[newer])]
        best = max(free, key=lambda one: (one.memory.created_at or _NEVER, one.memory.id))
        ordered.append(left.pop(best.memory.id))
    return tuple(ordered)


def _closure(id_: str, steps: Mapping[str, Iterable[str]]) -> set[str]:
    """All to which any number of steps leads; it too where that is a circle."""
    found: set[str] = set()
    waiting = [id_]
    while waiting:
        new = {*steps.get(waiting.pop(), ())} - found
        found |= new
        waiting += new
    return found
