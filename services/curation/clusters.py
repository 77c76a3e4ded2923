"""Groups of memories that are alike, found by their vectors. Reads only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from services.batches import batches
from services.memories.stored_memories import Stored, all_stored, chunk_index, memory_id_of, newest, read_stored
from services.model import MemoryType
from services.points import DenseSearch, Filter, HasId, Matches
from services.ports import VectorStore

_MOST_ALIKE = 20
"""Points that are looked at around each memory."""
_BATCH = 16
"""Memories that are asked about in one request."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A few memories that were looked at, and the groups among them and those that are like them."""

    memories: tuple[Stored, ...]
    groups: tuple[tuple[Stored, ...], ...]


async def looked_through(
    vectors: VectorStore,
    collection: MemoryType,
    threshold: float,
    least: int,
    belongs: Callable[[Stored, Stored], bool] = lambda one, other: True,
) -> AsyncIterator[Looked]:
    """All memories of a type, some at a time. No memory is in two groups; each group has at least `least`.

    Alike are those whose first chunks have a cosine of the threshold, as far as `belongs` agrees.
    """
    taken: set[str] = set()
    async for page in all_stored(vectors, collection):
        for batch in batches(page, _BATCH):
            alike = await _alike(vectors, collection, batch, threshold)
            wanted = {one for ids in alike.values() for one in ids} - taken
            others = {id_: newest(states)[0] for id_, states in (await read_stored(vectors, wanted)).items()}
            groups = []
            for one in batch:
                near = [others[id_] for id_ in alike.get(one.id, ()) if id_ in others and id_ not in taken]
                group = (one, *(other for other in near if belongs(one, other)))
                if one.id not in taken and len(group) >= least:
                    taken |= {member.id for member in group}
                    groups.append(group)
            yield Looked(tuple(batch), tuple(groups))


def likeness(one: Stored, other: Stored) -> float:
    """The least cosine of two memories' chunks, one by one; 0 where they have not as many."""
    pairs = list(zip(one.points, other.points, strict=False))
    if len(one.points) != len(other.points) or not all(a.vector and b.vector for a, b in pairs):
        return 0.0
    return min(cosine(a.vector or (), b.vector or ()) for a, b in pairs)


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Of two vectors of one length; 0 where one is empty."""
    lengths = sum(number * number for number in one) * sum(number * number for number in other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths**0.5 if lengths else 0.0


async def _alike(
    vectors: VectorStore, collection: MemoryType, memories: Sequence[Stored], threshold: float
) -> dict[str, list[str]]:
    """Ids of the memories that are like each of these, the nearest first."""
    asked = [(one, one.points[0].vector) for one in memories if one.points[0].vector]
    requests = [
        DenseSearch(
            collection,
            vector,
            _MOST_ALIKE,
            Filter(must_not=(HasId(frozenset({one.id})), Matches("parent_id", (one.id,)))),
            payload_keys=("parent_id", "chunk_index"),
        )
        for one, vector in asked
    ]
    answers = await vectors.search(requests) if requests else []
    return {
        one.id: list(
            dict.fromkeys(memory_id_of(hit) for hit in hits if hit.score >= threshold and not chunk_index(hit))
        )
        for (one, _), hits in zip(asked, answers, strict=True)
    }
