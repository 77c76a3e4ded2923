"""Where the boxes of a map stand: what points to the centre at its left, what the centre points to at its right."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from rich.cells import cell_len

from memoria_tui.neighbor_tree import Branch, arrow_label

BESIDE_LABEL = 6
"""Cells between two columns beside the name of a relation: bus, arrowhead and blanks."""
_NARROW_GAP = 14
_NARROWEST, _WIDEST = 14, 36
_COLUMNS_IN_SIGHT = 3


@dataclass(frozen=True, slots=True)
class Box:
    """A memory on the map. A box of one line has no border."""

    branch: Branch
    x: int
    y: int
    width: int
    height: int
    column: int
    """0 for the centre; negative at its left."""

    @property
    def id(self) -> str:
        return self.branch.id

    @property
    def middle(self) -> int:
        """The line at which relations meet it."""
        return self.y + self.height // 2 if self.height != 4 else self.y + 1

    @property
    def right(self) -> int:
        """The first cell behind it."""
        return self.x + self.width


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes on a canvas that is at least as large as the view."""

    boxes: tuple[Box, ...]
    """The centre first."""
    width: int
    height: int


def lay_out(root: Branch, width: int, height: int) -> Layout:
    """Places every branch; boxes are as large as lets the nearest ones fit into `width` × `height` cells."""
    sides = {-1: [one for one in root.children if not one.outgoing], 1: [one for one in root.children if one.outgoing]}
    reach = {side: max((_depth(one) for one in branches), default=0) for side, branches in sides.items()}
    columns = min(1 + reach[-1] + reach[1], _COLUMNS_IN_SIGHT)
    longest = max((cell_len(arrow_label(branch)) for branch in root.walk() if branch.type), default=0)
    spare = (width - columns * _NARROWEST) // max(1, columns - 1)
    gap = max(_NARROW_GAP, min(longest + BESIDE_LABEL, spare))
    box_width = max(_NARROWEST, min(_WIDEST, (width - (columns - 1) * gap) // columns))
    box_height = _box_height(max(map(len, sides.values())), height)
    rows: dict[str, tuple[int, int]] = {}
    heights = {side: _stack(branches, side, box_height, rows) for side, branches in sides.items()}
    canvas_height = max(height, *heights.values())
    drift = {side: (canvas_height - heights[side]) // 2 for side in sides}
    step = box_width + gap
    needed = (reach[-1] + reach[1] + 1) * step - gap
    center_x = reach[-1] * step + max(0, width - needed) // 2
    own = max(3, box_height)
    boxes = [Box(root, center_x, (canvas_height - own) // 2, box_width, own, 0)]
    for side, branches in sides.items():
        for branch in (one for top in branches for one in top.walk()):
            column, y = rows[branch.id]
            boxes.append(Box(branch, center_x + column * step, y + drift[side], box_width, box_height, column))
    return Layout(tuple(boxes), max(width, needed), canvas_height)


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
    related = {child.id for child in here.branch.children} | {here.branch.parent_id}
    best = min(ahead, key=lambda box: (bool(dx) and box.id not in related, abs(box.middle - here.middle)), default=None)
    return best.id if best is not None else None


def _depth(branch: Branch) -> int:
    return 1 + max(map(_depth, branch.children), default=0)


def _box_height(stacked: int, height: int) -> int:
    """Two lines of text in a border, one line in a border, or one bare line: the largest that fits."""
    return next((one for one in (4, 3) if stacked * one <= height), 1)


def _stack(branches: list[Branch], side: int, box_height: int, rows: dict[str, tuple[int, int]]) -> int:
    """Gives every branch its column and row, each beside the middle of its children; gives the height used."""
    used: dict[int, int] = defaultdict(int)

    def place(branch: Branch, column: int, top: int) -> int:
        below = top
        for child in branch.children:
            below = place(child, column + side, below)
        own = top + max(0, below - top - box_height) // 2
        rows[branch.id] = (column, own)
        used[column] = max(below, own + box_height)
        return used[column]

    bottom = 0
    for branch in branches:
        bottom = place(branch, side, bottom)
    return bottom
