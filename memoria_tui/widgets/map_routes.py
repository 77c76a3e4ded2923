"""Lines between the boxes of a map, for relations on no shortest path from the centre; never through a box.

A gap between two columns has lanes, in which they go up and down; a free slot of the columns between lets them pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from memoria_tui.widgets.map_layout import Box, Layout, Place
from services.model import Relation

_MOST_LANES = 6
"""In one gap; what has no lane is told on the other box when its end is selected."""
_BORDER, _ENTRY = 0, 2
"""Lines of a slot: where relations pass by, and where they meet a box; what comes from the centre meets it between."""
_NOMINAL = 4
"""Lines of a slot, to compare heights before they are known."""

UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class Route:
    """How one relation goes from the left one of its ends to the other."""

    relation: Relation
    start: str
    end: str
    lanes: tuple[tuple[int, int], ...]
    """Gap and lane of each way up or down, from the left."""
    passing: int | None = None
    """The slot along whose upper line it goes from the first lane to the second."""


def plan(relations: Sequence[Relation], places: Mapping[str, Place]) -> tuple[tuple[Route, ...], dict[int, int]]:
    """Routes for those whose ends have places, and how many lanes each gap needs; short ones get theirs first."""
    taken: dict[int, set[int]] = defaultdict(set)
    for place in places.values():
        taken[place.column].add(place.slot)
    lanes: dict[int, list[list[tuple[int, int]]]] = defaultdict(list)
    routes = []
    ends = [(one, *_ordered(one, places)) for one in relations]
    for relation, start, end in sorted(ends, key=lambda one: _length(places[one[1]], places[one[2]])):
        first, last = places[start], places[end]
        passing = _passing(first, last, taken)
        entry = tuple(place.slot * _NOMINAL + _ENTRY for place in (first, last))
        if passing is None:
            gap = first.column - (first.column == last.column and first.column < 0)
            stretches = [(gap, *sorted(entry))]
        else:
            row = passing * _NOMINAL + _BORDER
            stretches = [(first.column, *sorted((entry[0], row))), (last.column - 1, *sorted((row, entry[1])))]
        found = [(gap, _lane(lanes[gap], low, high)) for gap, low, high in stretches]
        if any(lane >= _MOST_LANES for _, lane in found):
            continue
        for (gap, lane), (_, low, high) in zip(found, stretches, strict=True):
            lanes[gap] += [[] for _ in range(lane + 1 - len(lanes[gap]))]
            lanes[gap][lane].append((low, high))
        if passing is not None:
            for column in range(first.column + 1, last.column):
                taken[column].add(passing)
        routes.append(Route(relation, start, end, tuple(found), passing))
    outer = {min(place.column for place in places.values()) - 1, max(place.column for place in places.values())}
    return tuple(routes), {gap: len(used) + (gap in outer) for gap, used in lanes.items() if used}


def _ordered(relation: Relation, places: Mapping[str, Place]) -> tuple[str, str]:
    first, last = sorted(
        (relation.source_id, relation.target_id), key=lambda one: (places[one].column, places[one].slot)
    )
    return first, last


def _length(first: Place, last: Place) -> tuple[int, int, int, int]:
    return abs(first.column - last.column), abs(first.slot - last.slot), first.slot, last.slot


def _passing(first: Place, last: Place, taken: Mapping[int, set[int]]) -> int | None:
    """The slot nearest to both ends that is free in all columns between; None where there are none between."""
    between = range(first.column + 1, last.column)
    if not between:
        return None
    occupied = set().union(*(taken.get(column, set()) for column in between))
    free = set(range(max(occupied | {first.slot, last.slot}) + 2)) - occupied
    return min(free, key=lambda slot: (abs(2 * slot - first.slot - last.slot), slot))


def _lane(lanes: Sequence[Sequence[tuple[int, int]]], low: int, high: int) -> int:
    """The first lane in which nothing is between these heights."""
    free = (place for place, used in enumerate(lanes) if all(high < a or b < low for a, b in used))
    return next(free, len(lanes))


def trace(route: Route, layout: Layout, boxes: Mapping[str, Box]) -> dict[tuple[int, int], int]:
    """The cells of a route, each with the directions by which its line leaves it, from box to box."""
    start, end = boxes[route.start], boxes[route.end]
    frame = layout.frame
    first = (_entry_x(start, route.lanes[0][0]), start.y + _ENTRY)
    last = (_entry_x(end, route.lanes[-1][0]), end.y + _ENTRY)
    xs = [_lane_x(layout, gap, lane) for gap, lane in route.lanes]
    points = [first, (xs[0], first[1])]
    if route.passing is not None:
        row = frame.top + route.passing * frame.height + _BORDER
        points += [(xs[0], row), (xs[-1], row)]
    points += [(xs[-1], last[1]), last]
    cells: dict[tuple[int, int], int] = defaultdict(int)
    for (x, y), (to_x, to_y) in pairwise(points):
        step = ((to_x > x) - (to_x < x), (to_y > y) - (to_y < y))
        leave, enter = _WAYS[step]
        while (x, y) != (to_x, to_y):
            cells[x, y] |= leave
            x, y = x + step[0], y + step[1]
            cells[x, y] |= enter
    for at, box in ((first, start), (last, end)):
        cells[at] |= RIGHT if at[0] < box.x else LEFT
    return dict(cells)


_WAYS = {(0, 0): (0, 0), (1, 0): (RIGHT, LEFT), (-1, 0): (LEFT, RIGHT), (0, 1): (DOWN, UP), (0, -1): (UP, DOWN)}


def _entry_x(box: Box, gap: int) -> int:
    """The cell at which a line from a gap meets a box."""
    return box.right if gap == box.column else box.x - 1


def _lane_x(layout: Layout, gap: int, lane: int) -> int:
    """Lanes are beyond the bus of the gap, seen from the centre."""
    left = next((box.right for box in layout.boxes if box.column == gap), None)
    right = next((box.x for box in layout.boxes if box.column == gap + 1), None)
    if gap >= 0 and left is not None:
        return left + (2 if right is not None else 1) + lane
    assert right is not None  # a gap has a column beside it
    return right - 1 - (2 if left is not None else 1) - lane
