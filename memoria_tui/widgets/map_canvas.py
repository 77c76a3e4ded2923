"""A map as cells: boxes and labelled arrows painted on a grid, ready to be drawn line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len, split_graphemes

from memoria_tui import present
from memoria_tui.neighbor_tree import arrow_label, kind_of, name, sign
from memoria_tui.widgets.map_layout import BESIDE_LABEL, Box, Layout
from services.model import MemoryType, Relation, RelationType

Tone = MemoryType | RelationType | str
"""What a cell is coloured by: a type, or «text», «line», «strong», «warning»."""
Cell = tuple[str, Tone]

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_LINES = dict(
    zip(
        (3, 12, 9, 5, 10, 6, 11, 7, 13, 14, 15, 1, 2, 4, 8),
        "│─╰╯╭╮├┤┴┬┼││──",
        strict=True,
    )
)
"""Directions that a line leaves a cell by → the character."""


@dataclass
class Canvas:
    """A sparse grid; what is painted later covers what was there."""

    width: int
    height: int
    cells: dict[int, dict[int, Cell]] = field(default_factory=dict)

    def put(self, x: int, y: int, text: str, tone: Tone) -> None:
        """Text from `x` on, one grapheme a cell; what is wider than a cell covers the next."""
        row = self.cells.setdefault(y, {})
        for start, end, width in split_graphemes(text)[0]:
            if width:
                row[x] = (text[start:end], tone)
                for covered in range(x + 1, x + width):
                    row[covered] = ("", tone)
            x += width


def paint(layout: Layout) -> Canvas:
    """The whole map without a selection."""
    canvas = Canvas(layout.width, layout.height)
    boxes = {box.id: box for box in layout.boxes}
    for box in layout.boxes:
        _paint_arrows(canvas, box, [boxes[child.id] for child in box.branch.children])
    for box in layout.boxes:
        paint_box(canvas, box, "line")
    return canvas


def paint_box(canvas: Canvas, box: Box, border: Tone, note: str = "") -> None:
    """One box; `note` stands in its upper border."""
    node = box.branch.node
    kind: Tone = kind_of(node) or "warning"
    tone: Tone = "text" if node.memory is not None else "warning"
    if box.height == 1:
        canvas.put(box.x, box.y, f" {sign(node)} ", kind)
        canvas.put(box.x + 3, box.y, present.fit(name(node), box.width - 4) + " ", tone)
        return
    inner = box.width - 2
    head = present.clip(f" {note} ", inner - 1) if note else ""
    canvas.put(box.x, box.y, f"╭{head and '─'}{head}{'─' * (inner - cell_len(head) - bool(head))}╮", border)
    texts = _wrapped(name(node), inner - 3, box.height - 2)
    for line, text in enumerate(texts, box.y + 1):
        canvas.put(box.x, line, "│", border)
        canvas.put(box.x + 1, line, f"{sign(node) if line == box.y + 1 else ' '} ", kind)
        canvas.put(box.x + 3, line, present.fit(text, inner - 2), tone)
        canvas.put(box.right - 1, line, "│", border)
    canvas.put(box.x, box.y + box.height - 1, f"╰{'─' * inner}╯", border)


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
        forward, back = (_RIGHT, _LEFT) if side > 0 else (_LEFT, _RIGHT)
        ways: dict[int, int] = {parent.middle: back}
        for child in fitting:
            ways[child.middle] = ways.get(child.middle, 0) | forward
        top, bottom = min(ways), max(ways)
        for y in range(top, bottom + 1):
            way = ways.get(y, 0) | (_UP if y > top else 0) | (_DOWN if y < bottom else 0)
            canvas.put(bus, y, _LINES[way], "line")
        canvas.put(start, parent.middle, "─", "line")
        for child in fitting:
            _paint_arrow(canvas, bus, child, side)


def _paint_arrow(canvas: Canvas, bus: int, child: Box, side: int) -> None:
    """The part of a relation that is a child's own: line, heads and the name of its type."""
    branch, y = child.branch, child.middle
    kind = branch.type or RelationType.RELATED
    end = child.x - 1 if side > 0 else child.right
    start = bus + side
    left, right = min(start, end), max(start, end)
    canvas.put(left, y, "─" * (right - left + 1), kind)
    label = arrow_label(branch, right - left + 3 - BESIDE_LABEL)
    at = start + 2 if side > 0 else start - 1 - cell_len(label)
    canvas.put(at - 1, y, f" {label} ", kind)
    if _points_to(branch.relations, branch.id) or not branch.relations:
        canvas.put(end, y, "▶" if side > 0 else "◀", kind)
    if branch.parent_id is not None and _points_to(branch.relations, branch.parent_id):
        canvas.put(start, y, "◀" if side > 0 else "▶", kind)


def _points_to(relations: Sequence[Relation], memory_id: str) -> bool:
    return any(relation.target_id == memory_id for relation in relations)


def selection(layout: Layout, selected: str, among: Sequence[Relation]) -> Mapping[int, Mapping[int, Cell]]:
    """The cells that a selection changes: its own box, and boxes that it has relations with which are not drawn."""
    canvas = Canvas(layout.width, layout.height)
    boxes = {box.id: box for box in layout.boxes}
    here = boxes.get(selected)
    if here is None:
        return {}
    drawn = {here.branch.parent_id} | {child.id for child in here.branch.children}
    for relation in among:
        if selected not in (relation.source_id, relation.target_id):
            continue
        outgoing = relation.source_id == selected
        other = relation.target_id if outgoing else relation.source_id
        if other in boxes and other not in drawn:
            paint_box(canvas, boxes[other], relation.type, present.direction(relation.type, outgoing))
    paint_box(canvas, here, "strong")
    for line in range(here.y + (here.height > 1), here.y + here.height - (here.height > 1)):
        canvas.put(here.x, line, "▌", "strong")
        canvas.put(here.right - 1, line, "▐", "strong")
    return canvas.cells
