"""Walks over the relations: by functions of this program, or step by step where those are missing or closed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from services.model import Relation, RelationType
from services.ports import FoundNode, FoundStep, SqlDatabase
from services.records.relations import Relations, type_names

_Reached = Mapping[str, Relation]
"""By id, the relation that leads to it."""
_NEIGHBOURS = """
SELECT memory_id::text AS id, depth, path::text[] AS path, relation
FROM memoria_tui.neighborhood(CAST(:center AS uuid), :depth, CAST(:types AS public.relation_type[]), :limit)
ORDER BY depth, memory_id
"""
_SHORTEST_PATH = """
SELECT memory_id::text AS id, relation, direction
FROM public.find_path(CAST(:start AS uuid), CAST(:goal AS uuid), :depth) ORDER BY step
"""


class GraphWalks:
    """What is around a memory and between two."""

    def __init__(self, database: SqlDatabase, relations: Relations) -> None:
        self._database = database
        self._relations = relations

    async def neighbours(self, center: str, depth: int, types: Sequence[RelationType], limit: int) -> list[FoundNode]:
        """At most `limit` - 1 ids around the centre, nearest first, each once; () walks all types."""
        if (await self._database.features()).bare:
            return await self._neighbours(center, depth, types, limit)
        rows = await self._database.fetch(_NEIGHBOURS, center=center, depth=depth, types=type_names(types), limit=limit)
        return [FoundNode(row.id, row.depth, tuple(row.path), RelationType(row.relation)) for row in rows]

    async def shortest_path(self, start: str, goal: str, depth: int) -> list[FoundStep]:
        """One shortest path of at most `depth` relations, both ends included; [] when there is none."""
        features = await self._database.features()
        if features.bare or not features.own_paths:
            return await self._shortest_path(start, goal, depth)
        rows = await self._database.fetch(_SHORTEST_PATH, start=start, goal=goal, depth=depth)
        return [
            FoundStep(row.id, RelationType(row.relation) if row.relation else None, row.direction == "out")
            for row in rows
        ]

    async def _neighbours(self, center: str, depth: int, types: Sequence[RelationType], limit: int) -> list[FoundNode]:
        """One round trip a depth."""
        ways: dict[str, tuple[str, ...]] = {center: (center,)}
        found: list[FoundNode] = []
        frontier = [center]
        for step in range(1, depth + 1):
            reached = await self._step(frontier, ways.keys(), types)
            frontier = sorted(reached)[: limit - len(ways)]
            for node in frontier:
                relation = reached[node]
                ways[node] = (*ways[_other(relation, node)], node)
                found.append(FoundNode(node, step, ways[node], relation.type))
            if not frontier or len(ways) >= limit:
                break
        return found

    async def _shortest_path(self, start: str, goal: str, depth: int) -> list[FoundStep]:
        """From the start on, one round trip a depth, until the goal is met."""
        came: dict[str, Relation | None] = {start: None}
        frontier = [start]
        for _ in range(depth):
            if goal in came or not frontier:
                break
            reached = await self._step(frontier, came.keys(), ())
            came.update(reached)
            frontier = sorted(reached)
        if goal not in came:
            return []
        steps = [FoundStep(goal, None, False)]
        while (relation := came[steps[-1].id]) is not None:
            before = _other(relation, steps[-1].id)
            steps.append(FoundStep(before, relation.type, relation.source_id == before))
        return steps[::-1]

    async def _step(self, frontier: Sequence[str], visited: Collection[str], types: Sequence[RelationType]) -> _Reached:
        """What is one relation beyond the frontier; of several ways the heaviest."""
        known, here = set(visited), set(frontier)
        best: defaultdict[str, list[Relation]] = defaultdict(list)
        for relation in await self._relations.touching(frontier):
            if types and relation.type not in types:
                continue
            for end, other in ((relation.source_id, relation.target_id), (relation.target_id, relation.source_id)):
                if end in here and other not in known:
                    best[other].append(relation)
        return {node: min(ways, key=lambda one: (-one.weight, one.type.value, one.id)) for node, ways in best.items()}


def _other(relation: Relation, node: str) -> str:
    return relation.source_id if relation.target_id == node else relation.target_id
