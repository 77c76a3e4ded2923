"""What the Graph screen draws beside tree and map: where one is, and what is to be said of a memory."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from memoria_tui import present
from memoria_tui.modes.notices import key
from memoria_tui.neighbor_tree import name, sign
from services.graph.graph_values import Neighborhood, Node
from services.model import RelationType


@dataclass(frozen=True, slots=True)
class Nowhere:
    """There is no relation yet, and so nothing to stand on."""

    empty_store: bool
    """True when there is no memory at all."""


def nowhere(state: Nowhere) -> Content:
    """What to do when there is no relation yet."""
    if state.empty_store:
        headline, ways = "No memories.", [key("1", "go to Memories, to write one or see the trash")]
    else:
        headline = "No memory is related to another yet."
        ways = [
            key("/", "find a memory, then l links it"),
            key("Q", "review what might be related"),
        ]
    return Content("\n").join([Content.styled(headline, "bold $foreground"), Content(""), *ways])


def trail_facts(around: Neighborhood) -> str:
    """«depth 2   types all   12 memories»."""
    types = ", ".join(kind.label for kind in around.types) or "all"
    number = f"{len(around.nodes):,}{'+' if around.more else ''}"
    return f"depth {around.depth}   types {types}   {number} {'memory' if len(around.nodes) == 1 else 'memories'}"


def map_facts(around: Neighborhood | None, node: Node | None, left_out: int) -> Content:
    """Under the map: how many are not drawn, what is wrong with the selected end, its relations without an arrow."""
    parts: list[Content] = []
    if left_out:
        parts.append(Content.styled(f"{left_out:,} more in the tree", "$warning"))
    if around is not None and node is not None:
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
    return Content("   ").join(parts)


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
