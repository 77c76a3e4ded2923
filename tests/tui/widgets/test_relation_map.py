"""The map: every box in its place, every arrow pointing the right way, at any size and for any graph."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from memoria_tui.neighbor_tree import branch_out
from memoria_tui.widgets.map_canvas import Canvas, paint, selection
from memoria_tui.widgets.map_layout import lay_out, neighbour
from services.graph.graph_values import Neighborhood, Node
from services.model import Memory, MemoryType, Relation, RelationType


def neighborhood(parents: list[int], types: list[RelationType], outgoing: list[bool]) -> Neighborhood:
    """Memory n + 1 hangs on memory parents[n]."""
    nodes = [Node("0", 0, ("0",), None, Memory("0", MemoryType.SEMANTIC, "the centre"))]
    edges = []
    for number, (parent, kind, out) in enumerate(zip(parents, types, outgoing, strict=False), 1):
        above, one = nodes[parent % number], str(number)
        memory = Memory(one, MemoryType.EPISODIC, f"memory {number} 日本語 of some length")
        nodes.append(Node(one, above.depth + 1, (*above.path, one), kind, memory))
        source, target = (above.id, one) if out else (one, above.id)
        edges.append(Relation(f"r{number}", source, target, kind))
    return Neighborhood("0", 9, (), tuple(sorted(nodes, key=lambda node: node.depth)), tuple(edges))


def lines(canvas: Canvas) -> list[str]:
    return [
        "".join(canvas.cells.get(y, {}).get(x, (" ", ""))[0] for x in range(canvas.width)).rstrip()
        for y in range(canvas.height)
    ]


GRAPHS = st.builds(
    neighborhood,
    st.lists(st.integers(0, 60), max_size=40),
    st.lists(st.sampled_from(RelationType), min_size=40, max_size=40),
    st.lists(st.booleans(), min_size=40, max_size=40),
)


@settings(max_examples=60, deadline=None)
@given(around=GRAPHS, width=st.integers(20, 200), height=st.integers(5, 60))
def test_boxes_never_overlap_and_keys_reach_each_of_them(around: Neighborhood, width: int, height: int) -> None:
    layout = lay_out(branch_out(around), width, height)
    assert {box.id for box in layout.boxes} == {node.id for node in around.nodes}
    taken = [(x, y) for box in layout.boxes for x in range(box.x, box.right) for y in range(box.y, box.y + box.height)]
    assert len(taken) == len(set(taken))
    assert all(0 <= x < layout.width and 0 <= y < layout.height for x, y in taken)
    reached, waiting = {"0"}, ["0"]
    while waiting:
        here = waiting.pop()
        for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            found = neighbour(layout, here, dx, dy)
            if found is not None and found not in reached:
                reached.add(found)
                waiting.append(found)
    assert reached == {box.id for box in layout.boxes}


@settings(max_examples=40, deadline=None)
@given(around=GRAPHS, width=st.integers(40, 160), height=st.integers(10, 50))
def test_what_is_painted_stays_on_the_canvas_and_names_every_relation(
    around: Neighborhood, width: int, height: int
) -> None:
    layout = lay_out(branch_out(around), width, height)
    canvas = paint(layout)
    assert all(0 <= y < canvas.height and 0 <= x < canvas.width for y, row in canvas.cells.items() for x in row)
    heads = sum(line.count("▶") + line.count("◀") for line in lines(canvas))
    assert heads == len(around.edges)


def test_arrows_point_from_source_to_target() -> None:
    around = neighborhood(
        [0, 0, 1], [RelationType.FIXES, RelationType.DERIVES, RelationType.CAUSES], [True, False, False]
    )
    drawn = "\n".join(lines(paint(lay_out(branch_out(around), 120, 9))))
    for arrow in ("─ fixes ─+▶", "─+ derives ▶", "◀ causes ─+"):
        assert re.search(arrow, drawn), arrow


def test_a_relation_beside_the_tree_is_told_on_the_other_box() -> None:
    around = neighborhood([0, 0], [RelationType.FIXES, RelationType.CAUSES], [True, True])
    beside = Relation("beside", "1", "2", RelationType.SUPPORTS)
    layout = lay_out(branch_out(around), 100, 20)
    marks = selection(layout, "1", (*around.edges, beside))
    told = "".join(text for row in marks.values() for text, _ in row.values())
    assert "→ supports" in told
    assert selection(layout, "nobody", around.edges) == {}
