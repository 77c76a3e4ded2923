"""What the Graph screen draws beside tree and map: where one is, and what is to be said of a memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from memoria_tui.modes.notices import key
from memoria_tui.modes.registry import MEMORIES
from memoria_tui.text import present
from memoria_tui.text.neighbor_tree import name, node_end, sign
from services.graph.graph_filter import GraphFilter
from services.graph.graph_values import Neighborhood, Node
from services.model import Relation, RelationType

if TYPE_CHECKING:
    from memoria_tui.widgets.relation_map import RelationMap

_END = 28
"""Characters of an end of the relation that is chosen."""


@dataclass(frozen=True, slots=True)
class Nowhere:
    """There is no relation yet, and so nothing to stand on."""

    empty_store: bool
    """True when there is no memory at all."""


def nowhere(state: Nowhere) -> Content:
    """What to do when there is no relation yet."""
    if state.empty_store:
        headline = "No memories yet: how they are related is seen here."
        ways = [key(MEMORIES.key, "go to Memories: n writes one, i imports a file, T is the trash")]
    else:
        headline = "No memory is related to another yet."
        ways = [
            key("/", "find a memory, then l links it"),
            key("Q", "review what might be related"),
        ]
    return Content("\n").join([Content.styled(headline, "bold $foreground"), Content(""), *ways])


def trail_facts(around: Neighborhood, where: GraphFilter) -> str:
    """«depth 2   types all   12 memories»."""
    followed = str(where) if where.is_more_than_types else f"types {str(where) or 'all'}"
    number = f"{len(around.nodes):,}{'+' if around.more else ''}"
    return f"depth {around.depth}   {followed}   {number} {'memory' if len(around.nodes) == 1 else 'memories'}"


def map_facts(shown: RelationMap, around: Neighborhood | None, node: Node | None) -> Content:
    """Under the map: the relation that is chosen, the memory that is marked, what is wrong with the selected end.

    Else the relations of the selected memory that lie on nobody's way from the centre.
    """
    if around is None:
        return Content("")
    parts: list[Content] = []
    if (relation := shown.relation) is not None:
        return _chosen(relation, around)
    if shown.marked and (marked := around.node(shown.marked)) is not None:
        parts.append(Content.assemble(("link from ", "$accent"), node_end(marked), (" · l on its target", "$accent")))
    if node is None:
        if shown.selected:
            parts.append(Content.styled("enter opens the group", "$foreground 60%"))
    else:
        if node.memory is None:
            told = "the relation ends at a chunk" if node.chunk_of else "memory not found (deleted)"
            parts.append(Content.styled(f"{told} · L to remove it", "$warning"))
        parts += [
            Content.assemble(
                ("also ", "$foreground 60%"),
                (present.direction(kind, outgoing), present.colour(kind)),
                f" {sign(other)} ",
                present.clip(name(other), 40),
            )
            for kind, outgoing, other in _also(around, node)
        ]
    parts += [Content.assemble(("■ ", style), present.line(label)) for label, style in shown.legend]
    return Content("   ").join(parts)


def _chosen(relation: Relation, around: Neighborhood) -> Content:
    """«● the source → fixes 0.5 → ◆ the target · = sets it · L removes it»."""
    source, target = around.node(relation.source_id), around.node(relation.target_id)
    ends = [node_end(one) if one is not None else Content("? missing memory") for one in (source, target)]
    kind = (f" → {relation.type.label} {relation.weight:g} → ", present.colour(relation.type))
    short = [Content.assemble(end[:_END], "…") if len(end) > _END else end for end in ends]
    return Content.assemble(short[0], kind, short[1], ("  = sets it · L removes it", "$foreground 60%"))


def _also(around: Neighborhood, node: Node) -> list[tuple[RelationType, bool, Node]]:
    """Relations between the node and others around that lie on nobody's way from the centre."""
    nodes = {one.id: one for one in around.nodes}
    found = []
    for edge in around.edges:
        if node.id not in (edge.source_id, edge.target_id):
            continue
        outgoing = edge.source_id == node.id
        other = nodes[edge.target_id if outgoing else edge.source_id]
        if node.path[-2:] != (other.id, node.id) and other.path[-2:] != (node.id, other.id):
            found.append((edge.type, outgoing, other))
    return found
