"""A neighbourhood as a tree from its centre, and how its memories and relations are told; knows no widget."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from textual.content import Content

from memoria_tui.text import present
from services.graph.graph_values import Neighborhood, Node
from services.model import MemoryType, Relation, RelationType

END = 60
"""Cells of a title in a dialog."""
_ORDER = {kind: place for place, kind in enumerate(RelationType)}


@dataclass(frozen=True, slots=True)
class Branch:
    """A memory, the relations that lead to it, and what lies behind it."""

    node: Node
    relations: tuple[Relation, ...] = ()
    """All between the memory before and this one; the first is the one it was reached by. Empty for the centre."""
    children: tuple[Branch, ...] = ()

    @property
    def id(self) -> str:
        return self.node.id

    @property
    def parent_id(self) -> str | None:
        """The memory before it on the way from the centre."""
        return self.node.path[-2] if len(self.node.path) > 1 else None

    @property
    def type(self) -> RelationType | None:
        """Of the relation it was reached by."""
        return self.node.relation

    @property
    def outgoing(self) -> bool:
        """True when that relation points to it."""
        return not self.relations or self.relations[0].target_id == self.id

    def walk(self) -> Iterator[Branch]:
        """It and all behind it, from the top down."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A neighbourhood with the tree that it is seen as."""

    around: Neighborhood
    root: Branch

    @classmethod
    def of(cls, around: Neighborhood) -> Surroundings:
        """Reads every title, so that of hundreds of memories it is made in a thread."""
        return cls(around, branch_out(around))


def branch_out(around: Neighborhood) -> Branch:
    """The centre with everything behind it."""
    between: dict[frozenset[str], list[Relation]] = defaultdict(list)
    for relation in around.edges:
        between[frozenset((relation.source_id, relation.target_id))].append(relation)
    behind: dict[str, list[Node]] = defaultdict(list)
    for node in around.nodes[1:]:
        behind[node.path[-2]].append(node)
    return _branch(around.nodes[0], between, behind)


def _branch(
    node: Node, between: Mapping[frozenset[str], Sequence[Relation]], behind: Mapping[str, Sequence[Node]]
) -> Branch:
    relations = between.get(frozenset(node.path[-2:]), ())
    if len(relations) > 1:
        relations = sorted(relations, key=lambda relation: relation.type is not node.relation)
    children = [_branch(child, between, behind) for child in behind.get(node.id, ())]
    if len(children) > 1:
        children.sort(key=_by_relation)
    return Branch(node, tuple(relations), tuple(children))


def _by_relation(branch: Branch) -> tuple[bool, int, str]:
    return not branch.outgoing, _ORDER[branch.type] if branch.type else 0, name(branch.node)


def name(node: Node) -> str:
    """First line of the memory, safe; what it is when it is none."""
    if node.memory is not None:
        return present.title(node.memory)
    return f"chunk of {present.title(node.chunk_of)}" if node.chunk_of is not None else "missing memory"


def arrow_label(branch: Branch) -> str:
    """«part of», «fixes +1» when there is more than one relation."""
    kind = (branch.type or RelationType.RELATED).label
    more = f" +{len(branch.relations) - 1}" if len(branch.relations) > 1 else ""
    return kind + more


def sign(node: Node) -> str:
    """One cell: the glyph of its type, or «?» for an end that is no memory."""
    kind = kind_of(node)
    return present.glyph(kind) if kind is not None else "?"


def kind_of(node: Node) -> MemoryType | None:
    """Type of the memory, also of one of which only a chunk is meant; None when it is missing."""
    memory = node.memory or node.chunk_of
    return memory.type if memory is not None else None


def node_end(node: Node) -> Content:
    """A node as one end of a relation in a dialog: glyph and title."""
    kind = kind_of(node)
    return Content.assemble(
        (f"{sign(node)} ", present.colour(kind) if kind else "$warning"), present.clip(name(node), END)
    )
