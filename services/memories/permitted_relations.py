"""Relations as who acts may know of them: those both of whose ends they see; everything else is as if it were not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from services.acting import permitted_projects, seeing_all
from services.batches import batches
from services.memories.stored_memories import owners
from services.model import Relation, RelationType
from services.ports import FoundNode, FoundStep, Link, RelationSummary, VectorStore
from services.records import Records
from services.records.graph_walks import StepwiseWalks

_AT_ONCE = 1000


class SeenRelations:
    """Reads relations and walks over them. To who sees all memories it gives what the database has.

    Who is kept to projects is not told, nor by an order or a path, of a relation to a memory that they do not see.
    """

    def __init__(self, vectors: VectorStore, records: Records) -> None:
        self._vectors, self._records = vectors, records

    async def touching(self, ids: Sequence[str]) -> list[Relation]:
        """All that touch one of these ids, the oldest first."""
        with seeing_all():
            found = await self._records.relations.touching(ids)
        if permitted_projects() is None or not found:
            return found
        seen = await owners(self._vectors, sorted({end for one in found for end in (one.source_id, one.target_id)}))
        return [one for one in found if one.source_id in seen and one.target_id in seen]

    async def links_around(self, scores: Mapping[str, float], free_fan: int, middles: int) -> list[Link]:
        """As `Relations.links_around`."""
        if permitted_projects() is None:
            return await self._records.relations.links_around(scores, free_fan, middles)
        first = list(_links(await self.touching(list(scores)), scores))
        fans, reached = Counter(one.memory_id for one in first), dict[str, float]()
        for one in first:
            if one.neighbour_id not in scores:
                passed = scores[one.memory_id] * one.weight / math.sqrt(max(free_fan, fans[one.memory_id]))
                reached[one.neighbour_id] = max(passed, reached.get(one.neighbour_id, 0.0))
        most = sorted(reached, key=lambda id_: -reached[id_])[:middles]
        return [*first, *_links(await self.touching(most), most)]

    async def summaries(self, ids: Sequence[str]) -> dict[str, RelationSummary]:
        """As `Relations.summaries`."""
        if permitted_projects() is None:
            return await self._records.relations.summaries(ids)
        relations = await self.touching(ids)
        numbers = Counter(link.memory_id for link in _links(relations, ids))
        superseded = {one.target_id for one in relations if one.type is RelationType.SUPERSEDES}
        return {one: RelationSummary(number, one in superseded) for one, number in numbers.items()}

    async def related_ids(self) -> frozenset[str]:
        """As `Relations.related_ids`."""
        with seeing_all():
            found = await self._records.relations.related_ids()
        relations = await self._of(found) if permitted_projects() is not None else ()
        return found if permitted_projects() is None else frozenset(end for one in relations for end in _ends(one))

    async def superseded_ids(self, before: datetime | None = None) -> frozenset[str]:
        """As `Relations.superseded_ids`."""
        with seeing_all():
            found = await self._records.relations.superseded_ids(before)
        if permitted_projects() is None:
            return found
        return frozenset(
            one.target_id
            for one in await self._of(found)
            if one.type is RelationType.SUPERSEDES
            and (before is None or (one.created_at is not None and one.created_at < before))
        )

    async def neighbours(self, center: str, depth: int, types: Sequence[RelationType], limit: int) -> list[FoundNode]:
        """As `GraphWalks.neighbours`."""
        walks = self._records.graph if permitted_projects() is None else StepwiseWalks(self)
        return await walks.neighbours(center, depth, types, limit)

    async def shortest_path(self, start: str, goal: str, depth: int) -> list[FoundStep]:
        """As `GraphWalks.shortest_path`."""
        walks = self._records.graph if permitted_projects() is None else StepwiseWalks(self)
        return await walks.shortest_path(start, goal, depth)

    async def _of(self, ids: Collection[str]) -> list[Relation]:
        seen = await owners(self._vectors, sorted(ids))
        return [one for some in batches(sorted(seen), _AT_ONCE) for one in await self.touching(some)]


def _links(relations: Sequence[Relation], ids: Collection[str]) -> Iterator[Link]:
    """Each relation as those of its ends have it that are among the ids."""
    among = set(ids)
    for one in relations:
        for end, other in (_ends(one), _ends(one)[::-1]):
            if end in among:
                yield Link(end, other, one.weight)


def _ends(relation: Relation) -> tuple[str, str]:
    return relation.source_id, relation.target_id
