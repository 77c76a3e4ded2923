"""The map: every box in its place, every arrow pointing the right way, at any size and for any graph."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from memoria_tui.text.neighbor_tree import Surroundings, kind_of
from memoria_tui.widgets.map_canvas import Canvas
from memoria_tui.widgets.map_colours import ColourBy, colouring
from memoria_tui.widgets.map_picture import Folds, Picture, View, drawn
from memoria_tui.widgets.map_routes import trace
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


def picture(
    around: Neighborhood,
    width: int = 120,
    height: int = 40,
    *,
    view: View = View.BOXES,
    folds: Folds | None = None,
    before: Picture | None = None,
) -> Picture:
    shown = Surroundings.of(around)
    return drawn(shown, view, (width, height), lambda node: kind_of(node) or "warning", folds or Folds(), before)


def with_relations(around: Neighborhood, *pairs: tuple[int, int]) -> Neighborhood:
    """With relations between memories that lie on nobody's way from the centre."""
    more = [
        Relation(f"beside {place}", str(source), str(target), RelationType.SUPPORTS, 0.25)
        for place, (source, target) in enumerate(pairs)
    ]
    return replace(around, edges=(*around.edges, *more))


def test_the_overview_has_titles_as_long_as_there_is_room_and_what_is_behind_in_their_line() -> None:
    parents = [0, 0, 1, 1, 1, 2]
    around = neighborhood(parents, [RelationType.FIXES] * 6, [True] * 6)
    title = "memory 1 日本語 of some length"
    wide = lines(picture(around, 60, 20, view=View.OVERVIEW).canvas)
    assert f"  ● {title} ● ● ●" in wide
    narrow = lines(picture(around, 38, 20, view=View.OVERVIEW).canvas)
    assert "  ● memory 1 日本語 of some… ● ● ●" in narrow


def flat(number: int, kind: RelationType = RelationType.FIXES) -> Neighborhood:
    return neighborhood([0] * number, [kind] * number, [True] * number)


@settings(max_examples=60, deadline=None)
@given(
    around=GRAPHS,
    pairs=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=12),
    view=st.sampled_from(View),
    width=st.integers(20, 200),
    height=st.integers(5, 60),
)
def test_boxes_never_overlap_keys_reach_each_and_every_memory_is_in_one(
    around: Neighborhood, pairs: list[tuple[int, int]], view: View, width: int, height: int
) -> None:
    known = len(around.nodes)
    around = with_relations(around, *((one, other) for one, other in pairs if max(one, other) < known))
    seen = picture(around, width, height, view=view)
    assert {node.id for node in around.nodes} <= set(seen.by_id)
    taken = [
        (x, y) for box in seen.layout.boxes for x in range(box.x, box.right) for y in range(box.y, box.y + box.height)
    ]
    if view is View.BOXES:
        assert len(taken) == len(set(taken))
        assert all(0 <= x < seen.layout.width for x, _ in taken)
    assert all(0 <= y < seen.layout.height for _, y in taken)
    reached, waiting = {"0"}, ["0"]
    while waiting:
        here = waiting.pop()
        for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            found = seen.step(here, dx, dy)
            if found is not None and found not in reached:
                reached.add(found)
                waiting.append(found)
    assert reached == {box.id for box in seen.layout.boxes}


@settings(max_examples=60, deadline=None)
@given(
    around=GRAPHS,
    pairs=st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20)), max_size=20),
    width=st.integers(40, 160),
    height=st.integers(10, 60),
)
def test_relations_beside_the_tree_go_between_boxes_and_on_the_canvas(
    around: Neighborhood, pairs: list[tuple[int, int]], width: int, height: int
) -> None:
    around = with_relations(around, *((one, other) for one, other in pairs if max(one, other) < len(around.nodes)))
    seen = picture(around, width, height)
    boxes = {box.id: box for box in seen.layout.boxes}
    for route in seen.routes:
        cells = trace(route, seen.layout, boxes)
        assert not any(box.has(x, y) for x, y in cells for box in seen.layout.boxes)
        assert all(0 <= x < seen.layout.width and 0 <= y < seen.layout.height for x, y in cells)
    assert all(
        0 <= x < seen.canvas.width and 0 <= y < seen.canvas.height for y, row in seen.canvas.cells.items() for x in row
    )


def test_arrows_point_from_source_to_target_and_say_type_and_weight() -> None:
    around = neighborhood(
        [0, 0, 1], [RelationType.FIXES, RelationType.DERIVES, RelationType.CAUSES], [True, False, False]
    )
    around = replace(around, edges=tuple(replace(one, weight=0.5) for one in around.edges))
    drawn_lines = "\n".join(lines(picture(around, 120, 9).canvas))
    for arrow in ("─▶│● memory 1", "──▶", "◀─+│● memory 3", "╭─ fixes 0.5 ─", "─ derives 0.5 ─╮"):
        assert re.search(arrow, drawn_lines), arrow


def test_titles_have_the_room_that_there_is() -> None:
    widths = {width: picture(flat(3), width).layout.frame.width for width in (60, 93, 150)}
    assert widths[150] > widths[93] > widths[60] > 20


def test_a_relation_beside_the_tree_is_a_line_with_its_name_at_its_target() -> None:
    around = with_relations(flat(2), (1, 2))
    seen = picture(around, 100, 20)
    assert [route.relation.id for route in seen.routes] == ["beside 0"]
    text = "\n".join(lines(seen.canvas))
    assert "╎" in text, "a light relation is dashed"
    assert "─ supports 0.25 ─" in text
    marks = seen.marks("1")
    assert "→ supports 0.25" in "".join(text for row in marks.values() for text, _ in row.values())
    assert seen.marks("nobody") == {}
    assert "beside 0" in seen.canvas.relations.values()


def test_a_hub_has_groups_that_open_and_fold_again() -> None:
    around = flat(30)
    seen = picture(around, 93, 42)
    assert [box.spot.is_group for box in seen.layout.boxes] == [False, True]
    assert any("fixes ×30" in line for line in lines(seen.canvas))
    group = seen.layout.boxes[1].id
    opened = picture(around, 93, 42, folds=Folds(opened=frozenset({group})), before=seen)
    assert len(opened.layout.boxes) == 31
    again = picture(around, 93, 42, folds=Folds(folded=frozenset({group})), before=opened)
    assert len(again.layout.boxes) == 2


def test_what_a_filter_leaves_is_not_in_a_group_where_there_is_room_for_it() -> None:
    around = flat(30)
    few = {str(number) for number in range(4)}
    left = replace(
        around,
        nodes=tuple(one for one in around.nodes if one.id in few),
        edges=tuple(one for one in around.edges if {one.source_id, one.target_id} <= few),
        narrowed_by="weight ≥ 0.5",
    )
    seen = picture(left, 93, 42, before=picture(around, 93, 42))
    assert [box.spot.is_group for box in seen.layout.boxes] == [False] * 4


def test_what_is_seen_keeps_its_place_when_a_relation_changes_goes_and_comes_back() -> None:
    around = neighborhood(
        [0, 0, 0, 0, 1, 2], [RelationType.FIXES, RelationType.CAUSES] * 3, [True, True, False, False, True, True]
    )
    first = picture(around)

    def places(seen: Picture, without: str = "") -> dict[str, tuple[int, int]]:
        return {box.id: (box.x, box.y) for box in seen.layout.boxes if box.id != without}

    edges = tuple(
        replace(one, type=RelationType.RELATED, source_id=one.target_id, target_id=one.source_id)
        if one.id == "r1"
        else one
        for one in around.edges
    )
    nodes = tuple(replace(one, relation=RelationType.RELATED) if one.id == "1" else one for one in around.nodes)
    retyped = picture(replace(around, nodes=nodes, edges=edges), before=first)
    assert places(retyped) == places(first)
    gone = replace(
        around,
        nodes=tuple(one for one in around.nodes if one.id != "3"),
        edges=tuple(one for one in around.edges if one.id != "r3"),
    )
    unlinked = picture(gone, before=first)
    assert places(unlinked) == places(first, "3")
    assert places(picture(around, before=unlinked)) == places(first)


def test_an_overview_shows_500_memories_at_once() -> None:
    around = neighborhood(
        [0] * 30 + list(range(500)), [RelationType.FIXES, RelationType.CAUSES] * 250, [True, False] * 250
    )
    seen = picture(around, 93, 42, view=View.OVERVIEW)
    assert len(around.nodes) > 490
    assert seen.layout.height == 42
    assert {node.id for node in around.nodes} == {box.id for box in seen.layout.boxes}


def test_a_timeline_has_the_newest_first_and_says_where_nothing_was() -> None:
    around = flat(3)
    days = {"0": (2026, 3, 1), "1": (2026, 9, 1), "2": (2026, 3, 2)}
    nodes = tuple(
        replace(node, memory=replace(node.memory, created_at=datetime(*days[node.id], tzinfo=UTC)))
        if node.memory is not None and node.id in days
        else node
        for node in around.nodes
    )
    told = lines(picture(replace(around, nodes=nodes), view=View.TIMELINE).canvas)
    assert [line[:10].rstrip() for line in told[:5]] == ["2026-09-01", "", "2026-03-02", "2026-03-01", "no date"]
    assert "6 mo" in told[1]
    assert "→ fixes" in told[0]


def test_colours_by_project_and_by_age() -> None:
    around = flat(2)
    now = datetime(2026, 6, 30, tzinfo=UTC)
    nodes = tuple(
        replace(node, memory=Memory(node.id, MemoryType.SEMANTIC, "x", project=project, created_at=made))
        for node, project, made in zip(
            around.nodes, ("api", "web", None), (now, datetime(2026, 6, 10, tzinfo=UTC), None), strict=True
        )
    )
    around = replace(around, nodes=nodes)
    by_project = colouring(ColourBy.PROJECT, around, now)
    assert [by_project(node) for node in nodes] == ["series-1", "series-2", "series-rest"]
    by_age = colouring(ColourBy.AGE, around, now)
    assert len({by_age(node) for node in nodes}) == 3
