"""Which relations and memories of a neighbourhood a person wants to see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime

from services.graph.graph_values import Neighborhood, Node
from services.model import Relation, RelationCreator, RelationType


@dataclass(frozen=True, slots=True)
class GraphFilter:
    """What is followed from the centre; as it stands, everything."""

    types: tuple[RelationType, ...] = ()
    """Relations of these types; () for all."""
    least_weight: float = 0.0
    """Relations of at least this weight, 0..1."""
    since: datetime | None = None
    """Memories made since then; those without a date are not."""
    author: RelationCreator | None = None
    """Relations made by a person, by accepting a suggestion, or by a program."""
    hides_superseded: bool = False
    """Leaves out memories that another one supersedes."""

    @property
    def is_more_than_types(self) -> bool:
        return replace(self, types=()) != GraphFilter()

    def __str__(self) -> str:
        """«fixes, causes, weight ≥ 0.5»; "" for everything."""
        parts = [kind.label for kind in self.types]
        parts += [f"weight ≥ {self.least_weight:g}"] if self.least_weight else []
        parts += [f"since {self.since:%Y-%m-%d}"] if self.since is not None else []
        parts += [f"by {AUTHORS[self.author]}"] if self.author is not None else []
        parts += ["without superseded"] if self.hides_superseded else []
        return ", ".join(parts)


PARTS: Mapping[str, str] = {
    "types": "type",
    "least_weight": "weight",
    "since": "age",
    "author": "author",
    "hides_superseded": "replaced",
}
"""What its fields are about, each in a word."""
AUTHORS = {
    RelationCreator.USER: "a person",
    RelationCreator.AUTO: "suggestion",
    RelationCreator.SYSTEM: "a program",
}
"""Who made a relation, as a person reads it."""


def filtered(around: Neighborhood, where: GraphFilter, superseded: Set[str] = frozenset()) -> Neighborhood:
    """What of a neighbourhood is reached over what is wanted, on the shortest way; the centre always is."""
    edges = [one for one in around.edges if _is_wanted(one, where)]
    edges_of: dict[str, list[Relation]] = defaultdict(list)
    for edge in edges:
        edges_of[edge.source_id].append(edge)
        edges_of[edge.target_id].append(edge)
    known = {node.id: node for node in around.nodes}
    reached = {around.center: around.nodes[0]}
    for memory_id in (queue := [around.center]):
        here = reached[memory_id]
        for edge in edges_of[memory_id] if here.depth < around.depth else ():
            other = edge.target_id if edge.source_id == memory_id else edge.source_id
            if other in reached or other not in known or not _is_shown(known[other], where, superseded):
                continue
            depth, path = here.depth + 1, (*here.path, other)
            reached[other] = replace(known[other], depth=depth, path=path, relation=edge.type)
            queue.append(other)
    among = tuple(edge for edge in edges if edge.source_id in reached and edge.target_id in reached)
    return replace(around, nodes=tuple(reached.values()), edges=among, narrowed_by=str(where))


def _is_wanted(relation: Relation, where: GraphFilter) -> bool:
    typed = not where.types or relation.type in where.types
    return typed and relation.weight >= where.least_weight and where.author in (None, relation.created_by)


def _is_shown(node: Node, where: GraphFilter, superseded: Set[str]) -> bool:
    if where.hides_superseded and node.id in superseded:
        return False
    made = node.memory.created_at if node.memory is not None else None
    return where.since is None or (made is not None and made >= where.since)
