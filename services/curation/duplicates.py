"""Near-identical memories that a scan found, merged or kept apart by a person.

That two memories are both to stay is a relation between them, as that one supersedes the other is: it has its history
and its undo, and goes with them wherever they go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import combinations

from services.batches import batches
from services.curation.text_likeness import DUPLICATES, Alike, Duplicate, compare, is_in_capitals
from services.distinctive_words import says_the_same
from services.graph.graph_service import GraphService
from services.memories.memory_service import MemoryService
from services.memories.merging import Merge
from services.memories.stored_memories import Stored, newest, read_stored
from services.model import Memory, RelationType
from services.ports import NewRelation, VectorStore
from services.records import Records
from services.records.duplicates import KEPT_APART, StoredPair
from services.settings import Settings
from services.times import writer_zone

_MOST_PAIRS = 2_000
"""Pairs that are put into clusters at once: the most alike."""
_AT_ONCE = 200
"""Memories that are read in one request, so that it does not hold up the event loop."""
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Memories that are nearly the same; each of the others is like the one that would be kept."""

    kept: Memory
    others: tuple[Duplicate, ...]
    """The most alike first."""


class DuplicateService:
    """Shows and resolves what scans found. Raises StoreUnavailable."""

    def __init__(
        self,
        vectors: VectorStore,
        records: Records,
        memories: MemoryService,
        graph: GraphService,
        settings: Settings,
    ) -> None:
        self._vectors = vectors
        self._records = records
        self._memories = memories
        self._graph = graph
        self._zone = writer_zone(settings)

    async def counts(self) -> Mapping[Alike, int]:
        """Pairs on which nobody decided, as the last scan found them; some may be gone by now."""
        return {Alike(kind): number for kind, number in (await self._records.duplicates.counts()).items()}

    async def clusters(self, above: float = 0.0) -> tuple[Cluster, ...]:
        """The most alike first, of pairs that share at least so much of their words; of 2,000 pairs at most.

        No memory is in two clusters as one of the others.
        """
        pairs = [one for one in await self._records.duplicates.pairs(DUPLICATES, _MOST_PAIRS) if one.shared >= above]
        stored: dict[str, list[Stored]] = {}
        for some in batches(sorted({id_ for one in pairs for id_ in (one.one, one.other)}), _AT_ONCE):
            stored |= await read_stored(self._vectors, some, embeddings=False)
        return await asyncio.to_thread(self._clustered, pairs, stored)

    def _clustered(self, pairs: Sequence[StoredPair], stored: Mapping[str, Sequence[Stored]]) -> tuple[Cluster, ...]:
        """Takes its time: not for the event loop."""
        memories = {id_: newest(states)[0].memory(self._zone) for id_, states in stored.items()}
        return _clusters([one for one in pairs if one.one in memories and one.other in memories], memories)

    async def among(self, ids: Sequence[str]) -> tuple[Cluster, ...]:
        """Those of these memories that are there as one cluster, however little they are alike; none of one alone."""
        stored = await read_stored(self._vectors, ids, embeddings=False)
        memories = [newest(states)[0].memory(self._zone) for states in stored.values()]
        return (await asyncio.to_thread(one_cluster, memories),) if len(memories) > 1 else ()

    # deciding

    async def merge(self, merges: Sequence[tuple[Memory, Sequence[Memory]]], text: str | None = None) -> int:
        """Each first one stays with its text, or with `text`, and gets what the others have: tags, relations, sessions.

        One act; gives how many memories went to the trash. Raises Conflict when one is not as it was looked at.
        """
        ids = [one.id for kept, others in merges for one in (kept, *others)]
        stored = await read_stored(self._vectors, ids, embeddings=False)
        ends = {id_: _ends(id_, stored.get(id_, ())) for id_ in ids}
        return await self._memories.merge(
            [
                Merge(kept, tuple(others), {one.id: ends[one.id] for one in (kept, *others)}, text or kept.content)
                for kept, others in merges
            ]
        )

    async def keep_apart(self, memories: Sequence[Memory]) -> int:
        """Remembers in one act that all of them are to stay: they are related, and no longer called duplicates."""
        made = await self._graph.link_many(
            [
                NewRelation(one.id, other.id, RelationType.RELATED, metadata={KEPT_APART: True})
                for one, other in combinations(memories, 2)
            ],
            marking=True,
        )
        return len(made)


def one_cluster(memories: Sequence[Memory]) -> Cluster:
    """Two memories or more, each beside the one that would be kept."""
    kept, *others = sorted(memories, key=_rank)
    alike = ((one, compare(kept.content, one.content, 1.0)) for one in others)
    return Cluster(kept, tuple(Duplicate(one, 0.0, *(found or (0.0, Alike.MEANING))) for one, found in alike))


def _clusters(pairs: Sequence[StoredPair], memories: Mapping[str, Memory]) -> tuple[Cluster, ...]:
    """Around the best of each pair, all that are like it and in no other cluster."""
    near: dict[str, dict[str, StoredPair]] = {}
    for pair in pairs:
        near.setdefault(pair.one, {})[pair.other] = pair
        near.setdefault(pair.other, {})[pair.one] = pair
    taken: set[str] = set()
    found = []
    for pair in pairs:
        if pair.one in taken or pair.other in taken:
            continue
        kept = min((memories[pair.one], memories[pair.other]), key=_rank)
        others = sorted((it for id_, it in near[kept.id].items() if id_ not in taken), key=lambda it: -it.shared)
        ids = [it.other if it.one == kept.id else it.one for it in others]
        taken |= {kept.id, *ids}
        told = (
            Duplicate(memories[id_], it.cosine, it.shared, Alike(it.kind)) for id_, it in zip(ids, others, strict=True)
        )
        found.append(Cluster(kept, tuple(told)))
    return tuple(found)


def _rank(memory: Memory) -> tuple[object, ...]:
    """The most important one stays; of equal ones the most used, then one that is not in capitals, then the oldest."""
    loud = is_in_capitals(memory.content)
    return -memory.importance, -memory.access_count, loud, memory.created_at or _NEVER, memory.id


def _ends(memory_id: str, states: Sequence[Stored]) -> tuple[str, ...]:
    """Ids by which relations may name it."""
    return tuple(dict.fromkeys((memory_id, *(point.id for one in states for point in one.points))))


LEAST_UNSEEN = 0.9
"""Share of their words from which memories can be merged without a look at each."""


def mergeable(clusters: Sequence[Cluster]) -> tuple[Cluster, ...]:
    """What of them can be merged without looking at each: of one type and project, with the same distinctive words.

    As the texts are now: what a scan found may be of other ones.
    """
    sure = []
    for one in clusters:
        fit = tuple(
            other
            for other in one.others
            if other.kind in (Alike.SAME, Alike.NEAR)
            and other.shared >= LEAST_UNSEEN
            and (other.memory.project, other.memory.type) == (one.kept.project, one.kept.type)
            and says_the_same(other.memory.content, one.kept.content)
        )
        if fit:
            sure.append(replace(one, others=fit))
    return tuple(sure)
