"""Walks over the relations step by step, where the functions of this program are missing or closed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from services.model import Relation, RelationType
from services.ports import FoundNode, FoundStep

RelationsOf = Callable[[Sequence[str]], Awaitable[list[Relation]]]
Reached = Mapping[str, Relation]
"""By id, the relation that leads to it."""


async def around(
    relations_of: RelationsOf, center: str, depth: int, types: Sequence[RelationType], limit: int
) -> list[FoundNode]:
    """As `Records.around`: one round trip a depth, each id once, nearest first."""
    ways: dict[str, tuple[str, ...]] = {center: (center,)}
    found: list[FoundNode] = []
    frontier = [center]
    for step in range(1, depth + 1):
        reached = await _step(relations_of, frontier, ways.keys(), types)
        frontier = sorted(reached)[: limit - len(ways)]
        for node in frontier:
            relation = reached[node]
            ways[node] = (*ways[_other(relation, node)], node)
            found.append(FoundNode(node, step, ways[node], relation.type))
        if not frontier or len(ways) >= limit:
            break
    return found


async def way(relations_of: RelationsOf, start: str, goal: str, depth: int) -> list[FoundStep]:
    """As `Records.way`: from the start on, one round trip a depth, until the goal is met."""
    came: dict[str, Relation | None] = {start: None}
    frontier = [start]
    for _ in range(depth):
        if goal in came or not frontier:
            break
        reached = await _step(relations_of, frontier, came.keys(), ())
        came.update(reached)
        frontier = sorted(reached)
    if goal not in came:
        return []
    steps = [FoundStep(goal, None, False)]
    while (relation := came[steps[-1].id]) is not None:
        before = _other(relation, steps[-1].id)
        steps.append(FoundStep(before, relation.type, relation.source_id == before))
    return steps[::-1]


async def _step(
    relations_of: RelationsOf, frontier: Sequence[str], visited: Collection[str], types: Sequence[RelationType]
) -> Reached:
    """What lies one relation beyond the frontier; of several ways the heaviest."""
    known, here = set(visited), set(frontier)
    best: defaultdict[str, list[Relation]] = defaultdict(list)
    for relation in await relations_of(frontier):
        if types and relation.type not in types:
            continue
        for end, other in ((relation.source_id, relation.target_id), (relation.target_id, relation.source_id)):
            if end in here and other not in known:
                best[other].append(relation)
    return {node: min(ways, key=lambda one: (-one.weight, one.type.value, one.id)) for node, ways in best.items()}


def _other(relation: Relation, node: str) -> str:
    return relation.source_id if relation.target_id == node else relation.target_id
