"""The tools that walk, draw and remove relations."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from memoria_tui.agents.tool import Agent, Id, Number, Relations, Share
from memoria_tui.agents.tool_answers import Brief, brief
from memoria_tui.agents.tools.history import known_id
from services.errors import NotFound
from services.model import Relation, RelationType

if TYPE_CHECKING:
    from services.graph.graph_values import Neighborhood

_MOST = 50
"""Memories in one answer."""

Direction = Literal["out", "in", "both"]


@dataclass(frozen=True, slots=True)
class Edge:
    """A relation, read from source to target."""

    id: str
    source_id: str
    type: RelationType
    target_id: str
    weight: float


async def link(
    agent: Agent,
    source_id: Id,
    target_id: Id,
    relation_type: Annotated[RelationType, Field(description="Read from source to target: the fix fixes the bug")],
    weight: Share = 1.0,
) -> Edge:
    """Relate two memories: what causes, fixes, supports, opposes, follows, supersedes, derives from or is part of the
    other. Related memories are found together."""
    source, target = [(await agent.services.memories.get(one)).id for one in (source_id, target_id)]
    return _edge(await agent.services.graph.link(source, target, relation_type, weight))


@dataclass(frozen=True, slots=True)
class Removed:
    removed: tuple[Edge, ...]
    undo: str = "memoria_undo brings them back"


async def unlink(
    agent: Agent,
    source_id: Id,
    target_id: Id,
    relation_type: Annotated[RelationType | None, Field(description="Only this type; all if omitted")] = None,
) -> Removed:
    """Remove the relations that lead from one memory to another; memoria_undo brings them back."""
    source, target = [await known_id(agent, one) for one in (source_id, target_id)]
    between = await agent.services.graph.between(source, target)
    there = [one for one in between if one.source_id != target and relation_type in (None, one.type)]
    if not there:
        what = f"relation of type {relation_type}" if relation_type else "relation"
        raise NotFound(f"no {what} leads from {source_id} to {target_id}; memoria_related lists those that there are")
    gone = await agent.services.graph.unlink([one.id for one in there], there)
    return Removed(tuple(map(_edge, gone)))


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A memory that relations lead to."""

    memory: Brief
    depth: int
    """Relations between it and the memory that was asked about."""
    relation: RelationType
    direction: str
    """Of the last relation on the way: «out» when it is walked as it points."""
    over: str
    """Id of the memory from which that relation leads here."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    neighbours: tuple[Neighbour, ...]
    """Nearest first."""
    more: str = ""


async def related(
    agent: Agent,
    memory_id: Id,
    depth: Annotated[int, Field(ge=1, le=5, description="Relations to follow"), Number] = 1,
    relation_types: Relations = None,
    direction: Annotated[
        Direction, Field(description="Follow relations as they point, against that, or both")
    ] = "both",
) -> Neighbours:
    """List the memories that relations join to one, nearest first."""
    center = (await agent.services.memories.get(memory_id)).id
    around = await agent.services.graph.neighborhood(center, depth, tuple(relation_types or ()))
    found = _walked(around, direction)
    more = len(found) > _MOST or around.more
    told = f"only the nearest {_MOST} are listed: choose relation_types, or ask about one of them" if more else ""
    return Neighbours(tuple(found[:_MOST]), told)


@dataclass(frozen=True, slots=True)
class Step:
    memory: Brief
    relation: RelationType | None
    """To the next memory; None at the end."""
    direction: str | None
    """«out» when that relation points to the next memory."""


@dataclass(frozen=True, slots=True)
class Steps:
    steps: tuple[Step, ...]


async def path(
    agent: Agent, from_id: Id, to_id: Id, max_depth: Annotated[int, Field(ge=1, le=10), Number] = 5
) -> Steps:
    """Find the shortest path of relations between two memories, whichever way the relations point."""
    start, goal = [(await agent.services.memories.get(one)).id for one in (from_id, to_id)]
    steps = await agent.services.graph.path(start, goal, max_depth)
    directions = {None: None, True: "out", False: "in"}
    return Steps(tuple(Step(brief(one.id, one.memory), one.relation, directions[one.outgoing]) for one in steps))


@dataclass(frozen=True, slots=True)
class Suggested:
    """A relation that may be meant; memoria_link draws it."""

    source: Brief
    relation_type: RelationType
    target: Brief
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class Suggestions:
    suggestions: tuple[Suggested, ...]


async def suggest_links(
    agent: Agent, memory_id: Id, limit: Annotated[int, Field(ge=1, le=20), Number] = 5
) -> Suggestions:
    """Suggest relations of a memory to others that are like it; nothing is drawn."""
    memory = await agent.services.memories.get(memory_id)
    found = await agent.services.suggestions.suggest(memory.id, limit)
    return Suggestions(
        tuple(
            Suggested(
                brief(one.source.id, one.source),
                one.type,
                brief(one.target.id, one.target),
                round(one.confidence, 2),
                one.reason,
            )
            for one in found
        )
    )


def _edge(relation: Relation) -> Edge:
    return Edge(relation.id, relation.source_id, relation.type, relation.target_id, relation.weight)


def _walked(around: Neighborhood, direction: Direction) -> list[Neighbour]:
    """What can be reached from the centre over relations in one direction, or in both; breadth first."""
    memories = {node.id: node.memory or node.chunk_of for node in around.nodes}
    steps = _steps(around.edges, direction)
    found: list[Neighbour] = []
    seen, waiting = {around.center}, deque([(around.center, 0)])
    while waiting:
        here, depth = waiting.popleft()
        for there, relation, way in steps.get(here, ()) if depth < around.depth else ():
            if there not in seen and there in memories:
                seen.add(there)
                waiting.append((there, depth + 1))
                found.append(Neighbour(brief(there, memories[there]), depth + 1, relation, way, here))
    return found


def _steps(edges: Iterable[Relation], direction: Direction) -> Mapping[str, Sequence[tuple[str, RelationType, str]]]:
    steps = defaultdict(list)
    for edge in edges:
        if direction != "in":
            steps[edge.source_id].append((edge.target_id, edge.type, "out"))
        if direction != "out":
            steps[edge.target_id].append((edge.source_id, edge.type, "in"))
    return steps
