"""Where the boxes of a map are: what points to the centre at its left, what the centre points to at its right.

Columns by depth on both sides of the centre, for which the two to four best-connected memories of the demo were drawn
by three layouts. The general ones (netext 0.5, grandalf 0.8) put On-call guide with its 26 neighbours on 555 cells of
width, three screens, lose which one is the centre, and move everything after one change. Here it takes three columns,
each box as wide as there is room, and a box that is there already stays where it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from memoria_tui.widgets.map_spots import Spot

GAP = 5
"""Cells between two columns without lanes: the parent's stub, the bus, an arrowhead at each end and a line."""
_NARROWEST, _WIDEST = 16, 52
_WIDE = 60
"""Cells of a view in which three columns are seen at once; two in less."""
_HEIGHTS = (5, 4, 3)
"""Lines of a box: three, two or one of text in a border; 1 is a bare line, where even those of three do not fit."""


@dataclass(frozen=True, slots=True)
class Box:
    """A spot on the map. A box of one line has no border."""

    spot: Spot
    x: int
    y: int
    width: int
    height: int
    column: int
    """0 for the centre; negative at its left."""

    @property
    def id(self) -> str:
        return self.spot.id

    @property
    def middle(self) -> int:
        """The line at which the relation that leads to it meets it."""
        return self.y + (self.height > 1)

    @property
    def right(self) -> int:
        """The first cell behind it."""
        return self.x + self.width

    def has(self, x: int, y: int) -> bool:
        return self.x <= x < self.right and self.y <= y < self.y + self.height


@dataclass(frozen=True, slots=True)
class Place:
    """Where a box is, in columns and in slots of a box's height."""

    column: int
    slot: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What stays as it is while one looks at one centre in one view."""

    width: int
    """Of a box."""
    height: int
    """Of a box, and so of a slot."""
    left: int
    """Where the centre's column begins."""
    top: int
    """The first line of the first slot."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes on a canvas that is at least as large as the view."""

    boxes: tuple[Box, ...]
    """The centre first."""
    width: int
    height: int
    frame: Frame
    places: Mapping[str, Place]
    """By id; also of boxes that were there before and may come back."""


_SCROLLED = 1.6
"""Times the height of the view that boxes with a border may take before they become bare lines."""


def rows_in(height: int) -> int:
    """How many boxes one above the other are wanted in a view of so many lines: those of two lines of text, or nine."""
    return max(9, height // _HEIGHTS[1])


def framed(places: Mapping[str, Place], lanes: Mapping[int, int], width: int, height: int) -> Frame:
    """Boxes as large as lets those of the three nearest columns be seen, all in the middle of the view."""
    columns = range(min(place.column for place in places.values()), max(place.column for place in places.values()) + 1)
    rows = max(place.slot for place in places.values()) + 1
    in_sight = min(len(columns), 3 if width >= _WIDE else 2)
    beside = sum(lanes.values()) if len(columns) == in_sight else 2 * max(lanes.values(), default=0)
    box_width = max(_NARROWEST, min(_WIDEST, (width - (in_sight - 1) * GAP - beside) // in_sight))
    scrolled = _HEIGHTS[-1] if rows * _HEIGHTS[-1] <= _SCROLLED * height else 1
    box_height = next((one for one in _HEIGHTS if rows * one <= height), scrolled)
    frame = Frame(box_width, box_height, 0, max(0, height - rows * box_height) // 2)
    first, end = _lefts(columns, frame, lanes)[columns[0]], _lefts(columns, frame, lanes)[columns[-1]] + box_width
    outside = lanes.get(columns[0] - 1, 0), lanes.get(columns[-1], 0)
    needed = end - first + sum(outside)
    return Frame(box_width, box_height, max(0, width - needed) // 2 + outside[0] - first, frame.top)


def _lefts(columns: range, frame: Frame, lanes: Mapping[int, int]) -> dict[int, int]:
    """The first cell of each column's boxes, where the centre's is `frame.left`."""
    left = {0: frame.left}
    for column in range(1, columns[-1] + 1):
        left[column] = left[column - 1] + frame.width + GAP + lanes.get(column - 1, 0)
    for column in range(-1, columns[0] - 1, -1):
        left[column] = left[column + 1] - frame.width - GAP - lanes.get(column, 0)
    return left


def stacked(root: Spot, before: Mapping[str, Place] | None) -> dict[str, Place]:
    """Each spot beside the middle of what is behind it, the centre between both sides.

    What was at a side `before` stays there, whatever the direction of its relation is now.
    """
    sides = {one: (1 if place.column > 0 else -1) for one, place in (before or {}).items() if place.column}
    places: dict[str, Place] = {}
    used: dict[int, int] = {}
    for side in (-1, 1):
        bottom = 0
        for spot in root.children:
            if sides.get(spot.id, 1 if spot.branch.outgoing else -1) == side:
                bottom = _stack(spot, side, side, bottom, places)
        used[side] = bottom
    rows = max(1, *used.values())
    for memory_id, place in places.items():
        side = 1 if place.column > 0 else -1
        places[memory_id] = Place(place.column, place.slot + (rows - used[side]) // 2)
    return {root.id: Place(0, (rows - 1) // 2), **places}


def _stack(spot: Spot, side: int, column: int, top: int, places: dict[str, Place]) -> int:
    below = top
    for child in spot.children:
        below = _stack(child, side, column + side, below, places)
    places[spot.id] = Place(column, top + max(0, below - top - 1) // 2)
    return max(below, top + 1)


def settled(root: Spot, before: Mapping[str, Place]) -> dict[str, Place]:
    """Each spot where it was before, as far as it was; a new one in the free slot nearest to the one it hangs on."""
    wanted = stacked(root, before)
    places: dict[str, Place] = {}
    taken: dict[int, set[int]] = defaultdict(set)
    for spot in root.walk():
        place = before.get(spot.id)
        if place is not None and place.column == wanted[spot.id].column and place.slot not in taken[place.column]:
            places[spot.id] = place
            taken[place.column].add(place.slot)
    for spot in root.walk():
        if spot.id not in places:
            column = wanted[spot.id].column
            beside = places[spot.parent_id].slot if spot.parent_id in places else 0
            slot = min(set(range(beside + len(taken[column]) + 2)) - taken[column], key=lambda one: abs(one - beside))
            places[spot.id] = Place(column, slot)
            taken[column].add(slot)
    return places


def lay_out(
    root: Spot, places: Mapping[str, Place], frame: Frame, lanes: Mapping[int, int], width: int, height: int
) -> Layout:
    """The boxes of a tree at their places; `lanes`: cells for them in each gap, by the column at its left."""
    spots = list(root.walk())
    columns = range(min(places[spot.id].column for spot in spots), max(places[spot.id].column for spot in spots) + 1)
    left = _lefts(columns, frame, lanes)
    shift = max(0, lanes.get(columns[0] - 1, 0) - left[columns[0]])
    boxes = []
    for spot in spots:
        place = places[spot.id]
        y = frame.top + place.slot * frame.height
        boxes.append(Box(spot, left[place.column] + shift, y, frame.width, frame.height, place.column))
    right = left[columns[-1]] + shift + frame.width + lanes.get(columns[-1], 0)
    bottom = max(box.y for box in boxes) + frame.height
    return Layout(tuple(boxes), max(width, right), max(height, bottom), frame, places)


def neighbour(layout: Layout, selected: str, dx: int, dy: int) -> str | None:
    """The box that an arrow key leads to from the selected one."""
    here = next((box for box in layout.boxes if box.id == selected), None)
    if here is None:
        return None
    if dy:
        ahead = [box for box in layout.boxes if box.column == here.column and (box.y - here.y) * dy > 0]
    else:
        beside = [box.column for box in layout.boxes if (box.column - here.column) * dx > 0]
        nearest = min(beside, key=lambda column: abs(column - here.column), default=None)
        ahead = [box for box in layout.boxes if box.column == nearest]
    related = {child.id for child in here.spot.children} | {here.spot.parent_id}
    best = min(ahead, key=lambda box: (bool(dx) and box.id not in related, abs(box.middle - here.middle)), default=None)
    return best.id if best is not None else None
