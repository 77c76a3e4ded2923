"""Two more pictures of a neighbourhood, with a line or a cell for each memory: the overview and the timeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

from rich.cells import cell_len

from memoria_tui.text import present
from memoria_tui.text.neighbor_tree import Branch, name, sign
from memoria_tui.widgets.map_canvas import Canvas, Cell, Colouring, labelled
from memoria_tui.widgets.map_layout import Box, Frame, Layout
from memoria_tui.widgets.map_spots import Spot
from services.model import Relation

_TITLED = 36
"""Cells of a side of the overview in which there are titles."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_A_BREAK = 30
"""Days without a memory after which the timeline says how long nothing was."""


def overview(root: Branch, width: int, height: int, colouring: Colouring) -> tuple[Layout, Canvas]:
    """Every memory as its sign: a line for each neighbour of the centre, with all that is behind it.

    Where that does not fit, neighbours have no titles and share lines.
    """
    sides = [[one for one in root.children if one.outgoing is side] for side in (False, True)]
    present_sides = [some for some in sides if some]
    half = width // max(1, len(present_sides)) - 1
    lines = max((len(some) + len(_groups(some)) for some in sides), default=0)
    cells = _title_cells([one for some in sides for one in some], half)
    titled = lines + 2 <= height and half >= _TITLED
    canvas, boxes = Canvas(width, height), [Box(_dot(root), 0, 0, width, 1, 0)]
    canvas.put(0, 0, f"{sign(root.node)} ", colouring(root.node))
    canvas.put(2, 0, present.clip(name(root.node), width - 2), "text")
    bottom = 1
    for place, some in enumerate(present_sides):
        pen = _Pen(canvas, boxes, place * (half + 1), half, colouring, 1 if some[0].outgoing else -1)
        for group in _groups(some):
            pen.group(group, cells if titled else 0)
        bottom = max(bottom, pen.y)
    canvas.height = max(height, bottom)
    return Layout(tuple(boxes), width, canvas.height, Frame(1, 1, 0, 0), {}), canvas


def _title_cells(branches: Sequence[Branch], width: int) -> int:
    """As many as the longest title has, but for those of the signs of what is behind it, of many a part."""
    signs = max((sum(1 for _ in one.walk()) for one in branches), default=0)
    longest = max((cell_len(name(one.node)) for one in branches), default=0)
    return min(longest, width - 5 - 2 * min(signs, width // 6))


def _groups(branches: Iterable[Branch]) -> list[Sequence[Branch]]:
    return [tuple(members) for _, members in groupby(branches, key=lambda one: one.type)]


class _Pen:
    """Writes one side of the overview, from the top down."""

    def __init__(
        self, canvas: Canvas, boxes: list[Box], left: int, width: int, colouring: Colouring, column: int
    ) -> None:
        self._canvas, self._boxes, self._colouring = canvas, boxes, colouring
        self._left, self._right, self._column = left, left + width, column
        self.x, self.y = left, 2

    def group(self, members: Sequence[Branch], title: int) -> None:
        """Those of one type of relation, under its name; with `title` cells for that of each, or without."""
        first, titled = members[0], title > 0
        if first.type is not None:
            label = f"{present.direction(first.type, first.outgoing)} ×{len(members)}"
            self._canvas.put(self._left, self.y, present.clip(label, self._right - self._left), first.type)
        self._next_line()
        for member in members:
            some = list(member.walk())
            if titled:
                self._title(member, title)
            elif self.x + 2 * len(some) > self._right and self.x > self._left + 2:
                self._next_line()
            for one in some[1:] if titled else some:
                self._sign(one)
            self.x += 1
            if titled:
                self._next_line()
        if not titled:
            self._next_line()

    def _title(self, member: Branch, most: int) -> None:
        at, cells = self.x, min(most, self._right - self.x - 2)
        self._boxes.append(Box(_dot(member), at, self.y, cells + 2, 1, self._column))
        self._canvas.put(at, self.y, f"{sign(member.node)} ", self._colouring(member.node))
        self._canvas.put(at + 2, self.y, present.fit(name(member.node), cells), "text")
        self.x = at + cells + 3

    def _sign(self, one: Branch) -> None:
        if self.x >= self._right - 1:
            self._next_line()
            self.x += 2
        self._boxes.append(Box(_dot(one), self.x, self.y, 1, 1, self._column))
        self._canvas.put(self.x, self.y, sign(one.node), self._colouring(one.node))
        self.x += 2

    def _next_line(self) -> None:
        self.x, self.y = self._left + 2, self.y + 1


def _dot(branch: Branch) -> Spot:
    return Spot(branch.id, branch, branch.parent_id)


def timeline(root: Branch, width: int, height: int, colouring: Colouring) -> tuple[Layout, Canvas]:
    """The memories by the day they were made, the newest first, each with the relation that leads to it."""
    canvas, boxes = Canvas(width, height), list[Box]()
    y, before = 0, None
    for branch in sorted(root.walk(), key=_made, reverse=True):
        made = branch.node.memory.created_at if branch.node.memory is not None else None
        if made is not None and before is not None and (before - made).days > _A_BREAK:
            canvas.put(11, y, f"┆  {present.age(made, before)}", "line")
            y += 1
        if made is None or before is None or made.date() != before.date():
            canvas.put(0, y, f"{made:%Y-%m-%d}" if made is not None else "no date", "line")
        before = made or before
        relation = "" if branch.type is None else present.direction(branch.type, branch.outgoing)
        told = labelled(branch.relations, relation) if relation else "centre"
        canvas.put(11, y, "├─ ", "line")
        canvas.put(14, y, f"{sign(branch.node)} ", colouring(branch.node))
        room = max(8, width - 16 - 18)
        canvas.put(16, y, present.fit(name(branch.node), room), "text")
        canvas.put(17 + room, y, present.clip(told, 17), branch.type or "strong")
        boxes.append(Box(_dot(branch), 13, y, max(1, width - 13), 1, 0))
        y += 1
    boxes.sort(key=lambda box: box.id != root.id)
    canvas.height = max(height, y)
    return Layout(tuple(boxes), width, canvas.height, Frame(width, 1, 0, 0), {}), canvas


def _made(branch: Branch) -> tuple[bool, datetime]:
    made = branch.node.memory.created_at if branch.node.memory is not None else None
    return made is not None, made or _LONG_AGO


def nearest(layout: Layout, selected: str, dx: int, dy: int) -> str | None:
    """The sign that an arrow key leads to: the next one in the line, or the nearest one of the next line."""
    here = next((box for box in layout.boxes if box.id == selected), None)
    if here is None:
        return None
    if dx:
        ahead = [box for box in layout.boxes if box.y == here.y and (box.x - here.x) * dx > 0]
        return min(ahead, key=lambda box: abs(box.x - here.x)).id if ahead else None
    ahead = [box for box in layout.boxes if (box.y - here.y) * dy > 0]
    best = min(ahead, key=lambda box: (abs(box.y - here.y), abs(box.x - here.x)), default=None)
    return best.id if best is not None else None


def marked(
    layout: Layout, canvas: Canvas, selected: str, among: Sequence[Relation]
) -> Mapping[int, Mapping[int, Cell]]:
    """The cells that a selection changes: its own and those of what it is related to, reversed and coloured."""
    boxes = {box.id: box for box in layout.boxes}
    if selected not in boxes:
        return {}
    marks: dict[int, dict[int, Cell]] = {}
    for relation in among:
        if selected in (relation.source_id, relation.target_id):
            other = relation.target_id if relation.source_id == selected else relation.source_id
            for x, y, text in _cells(boxes[other], canvas) if other in boxes else ():
                marks.setdefault(y, {})[x] = (text, relation.type)
    for x, y, text in _cells(boxes[selected], canvas):
        marks.setdefault(y, {})[x] = (text, "cursor")
    return marks


def _cells(box: Box, canvas: Canvas) -> Iterator[tuple[int, int, str]]:
    row = canvas.cells.get(box.y, {})
    for x in range(box.x, box.right):
        yield x, box.y, row.get(x, (" ", ""))[0]
