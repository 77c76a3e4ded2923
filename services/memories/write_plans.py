"""What one act is to write: a plan a memory, however many: few as they are, very many on the disk."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from services.memories.payload import State
from services.memories.point_layout import OwnKeys
from services.memories.stored_memories import Stored
from services.model import Action, Entity, MemoryType
from services.points import Vector
from services.ports import UNMARKED, KeptVectors, Mark, NewChange
from services.spool import Spool


@dataclass(frozen=True, slots=True)
class Plan:
    """One memory that is to be brought from one state to another; None is a memory that does not exist."""

    memory_id: str
    before: State | None
    after: State | None
    action: Action
    summary: str
    stored: Sequence[Stored] = ()
    """What the points hold now."""
    known: Mapping[str, Vector] = field(default_factory=dict)
    """Vectors by text that need not be made again."""
    texts: tuple[str | None, ...] | None = None
    """What to index the memory by when that is not what the chunker gives; None for a chunk that shall be missing."""
    own: OwnKeys = field(default_factory=dict)
    """What single chunks shall have otherwise than the memory."""
    attempts: int = 0
    """How often embedding was tried in vain."""
    mark: Mark = UNMARKED
    """How far the history of the memory had come before its points were read."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with the row that it gives the history."""

    plan: Plan
    row: NewChange
    ends: tuple[str, ...] = ()
    """Ids by which relations can name the memory: its own, and those of its points."""


class Plans:
    """Plans by memory, in the order in which they came; one for a memory that has one already takes its place."""

    def __init__(self, folder: Path, most: int) -> None:
        """More than `most` go to the disk, in `folder`, without what their points hold."""
        self.marks: dict[str, Mark] = {}
        """Of each memory that has a plan."""
        self._new: set[str] = set()
        self._folder = folder
        self._most = most
        self._few: dict[str, Planned] = {}
        self._spool: Spool[tuple[Any, ...]] | None = None
        self._places: dict[str, int] = {}
        self._vectors: Spool[list[tuple[str, array[float]]]] = Spool(folder)
        self._vector_places: dict[str, int] = {}
        self.deletes = False
        """True when a plan deletes a memory."""

    @property
    def created(self) -> int:
        """How many of the memories did not exist before."""
        return len(self._new)

    @property
    def large(self) -> bool:
        """True when they are on the disk."""
        return self._spool is not None

    def add(self, planned: Planned) -> None:
        plan = planned.plan
        points = (point.id for stored in plan.stored for point in stored.points)
        planned = replace(planned, ends=tuple(dict.fromkeys((plan.memory_id, *points))))
        self.marks[plan.memory_id] = plan.mark
        self.deletes |= plan.after is None
        (self._new.add if plan.before is None else self._new.discard)(plan.memory_id)
        if self._spool is not None:
            self._places[plan.memory_id] = self._spool.append(_packed(planned))
            return
        self._few[plan.memory_id] = planned
        if len(self._few) > self._most:
            self._spool = Spool(self._folder)
            self._places = {one: self._spool.append(_packed(planned)) for one, planned in self._few.items()}
            self._few.clear()

    def drop(self, ids: Iterable[str]) -> None:
        for one in ids:
            del self.marks[one]
            self._new.discard(one)
            self._few.pop(one, None)
            self._places.pop(one, None)
            self._vector_places.pop(one, None)

    def of(self, ids: Iterable[str]) -> dict[str, Planned]:
        """Those of these memories."""
        wanted = [one for one in ids if one in self.marks]
        if self._spool is None:
            return {one: self._few[one] for one in wanted}
        return {one: _unpacked(self._spool.at(self._places[one])) for one in wanted}

    def batches(self) -> Iterator[Sequence[Planned]]:
        """All, `most` at once."""
        if self._spool is None:
            if self._few:
                yield list(self._few.values())
            return
        batch: list[Planned] = []
        for place, packed in self._spool.placed():
            if self._places.get(packed[0]) == place:
                batch.append(_unpacked(packed))
            if len(batch) == self._most:
                yield batch
                batch = []
        if batch:
            yield batch

    def keep_vectors(self, vectors: Mapping[str, Mapping[str, Vector]]) -> None:
        """Keeps vectors by memory and text, for `vectors`."""
        for one, known in vectors.items():
            if known and one in self.marks:
                self._vector_places[one] = self._vectors.append(_arrays(known))

    def vectors(self, memory_id: str) -> dict[str, Vector]:
        """By text: what was kept for the memory."""
        place = self._vector_places.get(memory_id)
        return {} if place is None else dict(self._vectors.at(place))

    def close(self) -> None:
        self._vectors.close()
        if self._spool is not None:
            self._spool.close()


def _packed(planned: Planned) -> tuple[Any, ...]:
    """Plain values, which pickle ten times as fast as frozen dataclasses do."""
    plan, row = planned.plan, planned.row
    kept = row.kept_vectors
    return (
        plan.memory_id,
        row.before,
        row.after,
        plan.action.value,
        plan.summary,
        _arrays(plan.known),
        plan.texts,
        plan.own,
        tuple(plan.mark),
        row.content_hash,
        None if kept is None else (kept.model, [array("f", vector) for vector in kept.vectors]),
        planned.ends,
    )


def _unpacked(packed: tuple[Any, ...]) -> Planned:
    memory_id, before, after, action, summary, known, texts, own, mark, digest, kept, ends = packed
    vectors = None if kept is None else KeptVectors(kept[0], tuple(vector.tolist() for vector in kept[1]))
    row = NewChange(Entity.MEMORY, memory_id, Action(action), before, after, digest, summary, vectors)
    plan = Plan(
        memory_id,
        _state(before),
        _state(after),
        Action(action),
        summary,
        known=dict(known),
        texts=texts,
        own=own,
        mark=Mark(*mark),
    )
    return Planned(plan, row, ends)


def _arrays(vectors: Mapping[str, Vector]) -> list[tuple[str, array[float]]]:
    return [(text, array("f", vector)) for text, vector in vectors.items()]


def _state(row: Mapping[str, Any] | None) -> State | None:
    return None if row is None else State(MemoryType(row["type"]), row["payload"])
