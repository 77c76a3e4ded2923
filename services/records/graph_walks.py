"""Walks over the relations: by functions of this program, or step by step where those are missing or closed."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from typing import Protocol

from services.model import Relation, RelationType
from services.ports import FoundNode, FoundStep, SqlDatabase
from services.records.relations import Relations, type_names

_Reached = Mapping[str, Relation]
"""By id, the relation that leads to it."""
_TYPES = {type_.value: type_ for type_ in RelationType}
"""Quicker than a call of the class, where rows are many."""
_NEIGHBOURS = """
SELECT string_agg(memory_id::text, ' ') AS ids, string_agg(path[depth]::text, ' ') AS before,
       string_agg(relation::text, ' ') AS types
FROM memoria_tui.neighborhood(CAST(:center AS uuid), :depth, CAST(:types AS public.relation_type[]), :limit)
"""
"""All in one row: to read a row each of hundreds takes half as long as the walk."""
_SHORTEST_PATH = """
SELECT memory_id::text AS id, relation, direction
FROM public.find_path(CAST(:start AS uuid), CAST(:goal AS uuid), :depth) ORDER BY step
"""


class GraphWalks:
    """What is around a memory and between two."""

    def __init__(self, database: SqlDatabase, relations: Relations) -> None:
        self._database = database
        self._stepwise = StepwiseWalks(relations)

    async def neighbours(self, center: str, depth: int, types: Sequence[RelationType], limit: int) -> list[FoundNode]:
        """At most `limit` - 1 ids around the centre, nearest first, each once; () walks all types."""
        if not (await self._database.features()).revision:
            return await self._stepwise.neighbours(center, depth, types, limit)
        asked = {"center": center, "depth": depth, "types": type_names(types), "limit": limit}
        rows = await self._database.fetch(_NEIGHBOURS, **asked)
        if not rows or rows[0].ids is None:
            return []
        ids, before, relations = (values.split() for values in rows[0])
        paths: dict[str, tuple[str, ...]] = {}
        for node, nearer in zip(ids, before, strict=True):
            paths[node] = (*paths.get(nearer, (nearer,)), node)
        return [FoundNode(path, _TYPES[relation]) for path, relation in zip(paths.values(), relations, strict=True)]

    async def shortest_path(self, start: str, goal: str, depth: int) -> list[FoundStep]:
        """One shortest path of at most `depth` relations, both ends included; [] when there is none."""
        features = await self._database.features()
        if not (features.revision and features.own_paths):
            return await self._stepwise.shortest_path(start, goal, depth)
        rows = await self._database.fetch(_SHORTEST_PATH, start=start, goal=goal, depth=depth)
        return [
            FoundStep(row.id, RelationType(row.relation) if row.relation else None, row.direction == "out")
            for row in rows
        ]


class Touching(Protocol):
    """Where relations are read."""

    async def touching(self, memory_ids: Sequence[str], /) -> list[Relation]: ...


class StepwiseWalks:
    """The same by reading the relations of all that was reached, one round trip a depth."""

    def __init__(self, relations: Touching) -> None:
        self._relations = relations

    async def neighbours(self, center: str, depth: int, types: Sequence[RelationType], limit: int) -> list[FoundNode]:
        paths: dict[str, tuple[str, ...]] = {center: (center,)}
        found = []
        for node, relation in (await self._walk(center, depth, types, limit)).items():
            paths[node] = (*paths[_other(relation, node)], node)
            found.append(FoundNode(paths[node], relation.type))
        return found

    async def shortest_path(self, start: str, goal: str, depth: int) -> list[FoundStep]:
        came = await self._walk(start, depth, goal=goal)
        if goal not in (start, *came):
            return []
        steps = [FoundStep(goal, None, False)]
        while relation := came.get(steps[-1].id):
            before = _other(relation, steps[-1].id)
            steps.append(FoundStep(before, relation.type, relation.source_id == before))
        return steps[::-1]

    async def _walk(
        self, start: str, depth: int, types: Sequence[RelationType] = (), limit: int = sys.maxsize, goal: str = ""
    ) -> _Reached:
        """What is reached, by depth; one round trip a depth, up to `limit` or the goal."""
        found: dict[str, Relation] = {}
        known, frontier = {start}, [start]
        for _ in range(depth):
            if goal in known or not frontier or len(known) >= limit:
                break
            reached = await self._step(frontier, known, types)
            frontier = sorted(reached)[: limit - len(known)]
            known.update(frontier)
            found |= {node: reached[node] for node in frontier}
        return found

    async def _step(self, frontier: Sequence[str], known: Set[str], types: Sequence[RelationType]) -> _Reached:
        """What is one relation beyond the frontier; of several relations the heaviest."""
        here = set(frontier)
        best: defaultdict[str, list[Relation]] = defaultdict(list)
        for relation in await self._relations.touching(frontier):
            if types and relation.type not in types:
                continue
            for end, other in ((relation.source_id, relation.target_id), (relation.target_id, relation.source_id)):
                if end in here and other not in known:
                    best[other].append(relation)
        return {node: min(some, key=lambda one: (-one.weight, one.type.value, one.id)) for node, some in best.items()}


def _other(relation: Relation, node: str) -> str:
    return relation.source_id if relation.target_id == node else relation.target_id
