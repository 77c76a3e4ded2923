"""A map as cells: boxes and labelled arrows painted on a grid, ready to be drawn line by line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rich.cells import cell_len, split_graphemes

from memoria_tui.text import present
from memoria_tui.text.neighbor_tree import arrow_label, kind_of, name, sign
from memoria_tui.widgets.map_layout import Box, Layout
from memoria_tui.widgets.map_routes import DOWN, LEFT, RIGHT, UP, Route, trace
from memoria_tui.widgets.map_spots import Spot
from services.graph.graph_values import Node
from services.model import MemoryType, Relation, RelationType

Tone = MemoryType | RelationType | str
"""What a cell is coloured by: a type, or a name like «text», «line», «strong», «warning»."""
Colouring = Callable[[Node], Tone]
"""What the sign of a memory is coloured by."""
Cell = tuple[str, Tone]

_LINES = dict(
    zip(
        (3, 12, 9, 5, 10, 6, 11, 7, 13, 14, 15, 1, 2, 4, 8),
        "│─╰╯╭╮├┤┴┬┼││──",
        strict=True,
    )
)
"""Directions that a line leaves a cell by → the character."""
_DASHED = {"─": "╌", "│": "╎"}
_LIGHT = 0.5
"""Weight below which a relation is drawn dashed."""
_ROW_LABEL = 11
"""Cells of a relation's name in a box that is a bare line."""


@dataclass
class Canvas:
    """A sparse grid; what is painted later covers what was there, but for lines that cross: what goes up stays."""

    width: int
    height: int
    cells: dict[int, dict[int, Cell]] = field(default_factory=dict)
    relations: dict[tuple[int, int], str] = field(default_factory=dict)
    """Id of the relation that a cell belongs to, for clicks."""

    def put(self, x: int, y: int, text: str, tone: Tone) -> None:
        """Text from `x` on, one grapheme a cell; what is wider than a cell covers the next."""
        row = self.cells.setdefault(y, {})
        for at, cell in enumerate(_cells(text), x):
            row[at] = (cell, tone)

    def line(self, cells: Mapping[tuple[int, int], int], tone: Tone, relation: Relation | None) -> None:
        """A line through cells, each with the directions by which it leaves them."""
        for (x, y), ways in cells.items():
            character = _LINES[ways]
            row = self.cells.setdefault(y, {})
            there = row[x][0] if x in row else ""
            if relation is not None:
                self.relations[x, y] = relation.id
                if relation.weight < _LIGHT:
                    character = _DASHED.get(character, character)
            if not (character in "─╌" and there in ("│", "╎", "├", "┤")):
                row[x] = (character, tone)


@lru_cache(2048)
def _cells(text: str) -> tuple[str, ...]:
    """What stands in each cell of a text; "" behind the first one of what is wider."""
    cells: list[str] = []
    for start, end, width in split_graphemes(text)[0]:
        cells += [text[start:end], *("",) * (width - 1)][:width]
    return tuple(cells)


def named(spot: Spot) -> str:
    """What stands in a box: the title, or «follows ×11» for a group."""
    if not spot.is_group:
        return name(spot.branch.node)
    return f"{spot.type.label} ×{len(spot.members)}" if spot.type is not None else f"{len(spot.members)} more"


def labelled(relations: Sequence[Relation], label: str) -> str:
    """«fixes +1 0.5»: the name with the weight of the first, where it is not 1."""
    weight = relations[0].weight if relations else 1.0
    return label if weight == 1 else f"{label} {weight:g}"


def paint(layout: Layout, routes: Sequence[Route], colouring: Colouring) -> Canvas:
    """The whole map without a selection."""
    canvas = Canvas(layout.width, layout.height)
    boxes = {box.id: box for box in layout.boxes}
    for route in routes:
        _paint_route(canvas, route, layout, boxes, route.relation.type)
    for box in layout.boxes:
        _paint_arrows(canvas, box, [boxes[child.id] for child in box.spot.children])
    for box in layout.boxes:
        paint_box(canvas, box, "line", colouring)
    for route in routes:
        _label_end(canvas, route, boxes)
    return canvas


def paint_box(canvas: Canvas, box: Box, border: Tone, colouring: Colouring, note: str = "") -> None:
    """One box, its relation in its upper border, or `note` in its place."""
    spot, node = box.spot, box.spot.branch.node
    mark = "▸" if spot.is_group else sign(node)
    kind: Tone = (spot.type or "line") if spot.is_group else colouring(node) if kind_of(node) else "warning"
    tone: Tone = "text" if spot.is_group or node.memory is not None else "warning"
    label = "" if spot.is_group or spot.parent_id is None else labelled(spot.branch.relations, arrow_label(spot.branch))
    if box.height == 1:
        cells = min(_ROW_LABEL, box.width // 3) if label else 0
        canvas.put(box.x, box.y, present.fit(label, cells) + " " * bool(label), spot.type or "line")
        at = box.x + cells + bool(label)
        canvas.put(at, box.y, f"{mark} ", kind)
        canvas.put(at + 2, box.y, present.fit(named(spot), box.right - at - 2), tone)
        return
    inner = box.width - 2
    texts = _texts(spot, inner - 3, box.height - 2)
    canvas.put(box.x, box.y, f"╭{'─' * inner}╮", border)
    for line, text in enumerate(texts, box.y + 1):
        canvas.put(box.x, line, "│", border)
        canvas.put(box.x + 1, line, f"{mark if line == box.y + 1 else ' '} ", kind)
        canvas.put(
            box.x + 3, line, present.fit(text, inner - 2), tone if line == box.y + 1 or not spot.is_group else "line"
        )
        canvas.put(box.right - 1, line, "│", border)
    canvas.put(box.x, box.y + box.height - 1, f"╰{'─' * inner}╯", border)
    head = present.clip(note or label, inner - 4)
    if head:
        at = box.x + 2 if box.column >= 0 else box.right - 4 - cell_len(head)
        canvas.put(at, box.y, f" {head} ", border if note else spot.type or "line")


def _texts(spot: Spot, cells: int, lines: int) -> list[str]:
    """What a box says; a group's name, and below it who is in it."""
    if not spot.is_group:
        return _wrapped(name(spot.branch.node), cells, lines)
    among = ", ".join(name(member.node) for member in spot.members[:5])
    return [named(spot), *(_wrapped(among, cells, lines - 1) if lines > 1 else ())]


def _wrapped(text: str, cells: int, lines: int) -> list[str]:
    """The text in exactly so many lines, broken between words where that is possible, cut at the end."""
    wrapped: list[str] = []
    while len(wrapped) < lines - 1:
        first = present.clip(text, cells)
        if first == text:
            break
        taken = first[:-1]
        if " " in taken and not text[len(taken) :].startswith(" "):
            taken = taken.rsplit(" ", 1)[0]
        wrapped.append(taken.rstrip())
        text = text[len(taken) :].lstrip()
    wrapped.append(present.clip(text, cells))
    return wrapped + [""] * (lines - len(wrapped))


def _paint_arrows(canvas: Canvas, parent: Box, children: Sequence[Box]) -> None:
    """The relations to what lies behind a box, at each side from one bus."""
    for side in (-1, 1):
        fitting = [child for child in children if (child.column > parent.column) == (side > 0)]
        if not fitting:
            continue
        start = parent.right if side > 0 else parent.x - 1
        bus = start + side
        forward, back = (RIGHT, LEFT) if side > 0 else (LEFT, RIGHT)
        for child in fitting:
            _paint_arrow(canvas, bus, child, side)
        ways: dict[int, int] = {parent.middle: back}
        for child in fitting:
            ways[child.middle] = ways.get(child.middle, 0) | forward
        top, bottom = min(ways), max(ways)
        for y in range(top, bottom + 1):
            way = ways.get(y, 0) | (UP if y > top else 0) | (DOWN if y < bottom else 0)
            canvas.put(bus, y, _LINES[way], "line")
        canvas.put(start, parent.middle, "─", "line")


def _paint_arrow(canvas: Canvas, bus: int, child: Box, side: int) -> None:
    """The part of a relation that is a child's own: line and heads."""
    spot, y = child.spot, child.middle
    kind: Tone = spot.type or "line"
    end = child.x - 1 if side > 0 else child.right
    start = bus + side
    relations = spot.branch.relations
    cells = dict.fromkeys(((x, y) for x in range(min(start, end), max(start, end) + 1)), LEFT | RIGHT)
    canvas.line(cells, kind, relations[0] if relations and not spot.is_group else None)
    if _points_to(relations, spot.branch.id) or not relations:
        canvas.put(end, y, "▶" if side > 0 else "◀", kind)
    if spot.parent_id is not None and _points_to(relations, spot.parent_id):
        canvas.put(start, y, "◀" if side > 0 else "▶", kind)


def _paint_route(canvas: Canvas, route: Route, layout: Layout, boxes: Mapping[str, Box], tone: Tone) -> None:
    """A relation beside the tree, with its head."""
    cells = trace(route, layout, boxes)
    canvas.line(cells, tone, route.relation)
    target = boxes[route.relation.target_id]
    x = next(x for x, y in (next(iter(cells)), _last(cells, route, boxes)) if _is_adjacent(x, y, target))
    canvas.put(x, _entry(target), "▶" if x < target.x else "◀", tone)


def _last(cells: Mapping[tuple[int, int], int], route: Route, boxes: Mapping[str, Box]) -> tuple[int, int]:
    end = boxes[route.end]
    return next((x, y) for x, y in reversed(list(cells)) if _is_adjacent(x, y, end))


def _is_adjacent(x: int, y: int, box: Box) -> bool:
    return y == _entry(box) and x in (box.x - 1, box.right)


def _entry(box: Box) -> int:
    return box.y + 2


def _label_end(canvas: Canvas, route: Route, boxes: Mapping[str, Box]) -> None:
    """The name of a relation beside the tree, in the lower border of its target, as far as there is room."""
    target, relation = boxes[route.relation.target_id], route.relation
    y, inner = target.y + target.height - 1, target.width - 2
    row = canvas.cells[y]
    at = target.x + 2
    while at < target.right - 2 and row[at][0] != "─":
        at += 1
    text = f" {labelled([relation], relation.type.label)} "
    if at + cell_len(text) <= target.x + 1 + inner - 1:
        canvas.put(at, y, text, relation.type)


def _points_to(relations: Sequence[Relation], memory_id: str) -> bool:
    return any(relation.target_id == memory_id for relation in relations)


def selection(
    layout: Layout,
    routes: Sequence[Route],
    selected: str,
    among: Sequence[Relation],
    colouring: Colouring,
    chosen: str,
) -> Mapping[int, Mapping[int, Cell]]:
    """The cells that a selection changes: its own box, its relations, and the boxes at their other ends.

    `chosen`: the id of the relation that is chosen, which stands out alone.
    """
    canvas = Canvas(layout.width, layout.height)
    boxes = {box.id: box for box in layout.boxes}
    here = boxes.get(selected)
    if here is None:
        return {}
    related = {here.spot.parent_id} | {child.id for child in here.spot.children}
    for route in routes:
        if chosen == route.relation.id or (not chosen and selected in (route.start, route.end)):
            _paint_route(canvas, route, layout, boxes, "strong")
    for relation in among:
        if selected not in (relation.source_id, relation.target_id) or (chosen and relation.id != chosen):
            continue
        outgoing = relation.source_id == selected
        other = relation.target_id if outgoing else relation.source_id
        if other in boxes and (other not in related or chosen):
            note = labelled([relation], present.direction(relation.type, outgoing))
            paint_box(canvas, boxes[other], relation.type, colouring, note)
    paint_box(canvas, here, "strong", colouring)
    if here.height == 1:
        canvas.cells[here.y] |= {x: (canvas.cells[here.y][x][0], "cursor") for x in range(here.x, here.right)}
    for line in range(here.y + 1, here.y + here.height - 1):
        canvas.put(here.x, line, "▌", "strong")
        canvas.put(here.right - 1, line, "▐", "strong")
    return canvas.cells
