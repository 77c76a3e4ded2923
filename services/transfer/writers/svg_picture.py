"""The graph as a picture: boxes by their distance from the first memory, arrows between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import NamedTuple

from services.model import Memory, Relation, RelationType
from services.model.colours import ON_WHITE
from services.transfer.export_source import ExportSource
from services.transfer.writers.graphml import xml_text
from services.transfer.writers.unique_names import short_title
from services.transfer.writers.writer import FileWriter

_MOST = 500
"""Memories that are drawn."""
_WIDTH, _HEIGHT, _GAP, _STEP, _MARGIN = 260, 48, 130, 66, 24
"""Of a box, between columns, from row to row and around all, in pixels."""
_LINE = 33
"""Characters of a line in a box, of which it has two."""


class _At(NamedTuple):
    """The upper left corner of a box."""

    x: int
    y: int
    column: int


async def _pieces(source: ExportSource) -> AsyncIterator[bytes]:
    drawn: dict[str, Memory] = {}
    async for page in source.memories():
        taken = page[: _MOST - len(drawn)]
        drawn |= {memory.id: memory for memory in taken}
        if left := len(page) - len(taken):
            source.leave_out("memory", f"beyond the first {_MOST}", left)
    found = [one async for some in source.relations() for one in some]
    among = [one for one in found if one.source_id in drawn and one.target_id in drawn]
    if undrawn := len(found) - len(among):
        source.leave_out("relation", "of those", undrawn)
    places = _placed(list(drawn), among)
    yield "\n".join(_svg(drawn, among, places)).encode("utf-8", "replace")


def _placed(ids: Sequence[str], relations: Sequence[Relation]) -> dict[str, _At]:
    """Columns by the relations to the first memory; each later memory that none leads to begins a picture below."""
    adjacent: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for one in relations:
        adjacent[one.source_id].append((one.target_id, 1))
        adjacent[one.target_id].append((one.source_id, -1))
    places: dict[str, _At] = {}
    top = _MARGIN
    for start in ids:
        if start in places:
            continue
        columns = _columns(start, adjacent)
        rows: dict[int, list[str]] = defaultdict(list)
        for memory_id, column in columns.items():
            rows[column].append(memory_id)
        tallest = max(map(len, rows.values()))
        for column, some in rows.items():
            drop = (tallest - len(some)) * _STEP // 2
            for row, memory_id in enumerate(some):
                places[memory_id] = _At(column * (_WIDTH + _GAP), top + drop + row * _STEP, column)
        top += tallest * _STEP
    first = min((place.x for place in places.values()), default=0)
    return {one: place._replace(x=place.x - first + _MARGIN) for one, place in places.items()}


def _columns(start: str, adjacent: Mapping[str, Sequence[tuple[str, int]]]) -> dict[str, int]:
    columns = {start: 0}
    queue = [start]
    for here in queue:
        for other, way in adjacent.get(here, ()):
            if other not in columns:
                side = way if not columns[here] else (1 if columns[here] > 0 else -1)
                columns[other] = columns[here] + side
                queue.append(other)
    return columns


def _svg(memories: Mapping[str, Memory], relations: Sequence[Relation], places: Mapping[str, _At]) -> Iterator[str]:
    width = max((place.x for place in places.values()), default=0) + _WIDTH + 3 * _MARGIN
    height = max((place.y for place in places.values()), default=0) + _STEP + _MARGIN
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="13">'
    )
    yield '<rect width="100%" height="100%" fill="#ffffff"/>'
    for kind in RelationType:
        yield (
            f'<marker id="{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" fill="{ON_WHITE[kind]}"/></marker>'
        )
    for one in relations:
        yield from _arrow(one, places[one.source_id], places[one.target_id])
    for memory_id, memory in memories.items():
        yield _box(memory, places[memory_id])
    yield "</svg>\n"


def _box(memory: Memory, at: _At) -> str:
    title = short_title(memory)
    colour = ON_WHITE[memory.type]
    lines = "".join(
        f'<text x="{at.x + 12}" y="{at.y + 20 + 17 * number}" fill="#1c2030">{xml_text(line)}</text>'
        for number, line in enumerate(_lines(title or "(empty)"))
    )
    return (
        f'<g class="memory"><title>{xml_text(title)}</title>'
        f'<rect x="{at.x}" y="{at.y}" width="{_WIDTH}" height="{_HEIGHT}" rx="7" fill="#f7f8fb" stroke="{colour}"/>'
        f"{lines}</g>"
    )


def _lines(title: str) -> list[str]:
    """Two lines at most, broken between words where that is possible."""
    if len(title) <= _LINE:
        return [title]
    first = title[:_LINE].rsplit(" ", 1)[0]
    rest = title[len(first) :].strip()
    return [first, rest if len(rest) <= _LINE else f"{rest[: _LINE - 1]}…"]


def _arrow(one: Relation, start: _At, end: _At) -> Iterator[str]:
    """A curve from side to side; within a column it goes around the right side of the boxes."""
    y, to_y = start.y + _HEIGHT // 2, end.y + _HEIGHT // 2
    if start.column == end.column:
        x, to_x = start.x + _WIDTH, end.x + _WIDTH
        bend, to_bend = x + _GAP // 2, to_x + _GAP // 2
    elif start.column < end.column:
        x, to_x = start.x + _WIDTH, end.x
        bend, to_bend = x + _GAP // 2, to_x - _GAP // 2
    else:
        x, to_x = start.x, end.x + _WIDTH
        bend, to_bend = x - _GAP // 2, to_x + _GAP // 2
    colour = ON_WHITE[one.type]
    weight = "" if one.weight == 1 else f" {one.weight:g}"
    yield (
        f'<path class="relation" d="M{x} {y}C{bend} {y} {to_bend} {to_y} {to_x} {to_y}" fill="none" stroke="{colour}" '
        f'stroke-width="{0.8 + one.weight:.2f}" marker-end="url(#{one.type})"/>'
    )
    at, to = (x + 3 * bend + 3 * to_bend + to_x) / 8, (y + to_y) / 2 - 4
    yield (
        f'<text x="{at:.0f}" y="{to:.0f}" text-anchor="middle" font-size="11" fill="{colour}" stroke="#ffffff" '
        f'stroke-width="3" paint-order="stroke">{one.type.label}{weight}</text>'
    )


WRITER = FileWriter(
    ".svg",
    f"texts, ids, tags, projects, importance, dates, metadata, work time, history and vectors; memories beyond {_MOST}",
    _pieces,
)
