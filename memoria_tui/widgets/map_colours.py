"""What the signs of memories on the map are coloured by: type, project or age."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from enum import StrEnum

from memoria_tui.text.neighbor_tree import kind_of
from memoria_tui.widgets.map_canvas import Colouring, Tone
from services.graph.graph_values import Neighborhood, Node

_SERIES = 8
"""Colours that can be told apart; what is beyond has one together."""
_AGES = ((7, "strong"), (31, "series-2"), (183, "series-1"))
"""Days up to which a colour is used; what is older is dim."""


class ColourBy(StrEnum):
    """What the signs of memories are coloured by."""

    TYPE = "type"
    PROJECT = "project"
    AGE = "age"


def colouring(by: ColourBy, around: Neighborhood, now: datetime) -> Colouring:
    """The colour of each memory's sign. A project's is the same wherever the same projects are around."""
    if by is ColourBy.TYPE:
        return lambda node: kind_of(node) or "warning"
    if by is ColourBy.AGE:
        return lambda node: _by_age(node, now)
    projects = Counter(node.memory.project for node in around.nodes if node.memory is not None and node.memory.project)
    tones = {project: f"series-{place}" for place, project in enumerate(sorted(projects)[:_SERIES], 1)}
    return lambda node: tones.get((node.memory and node.memory.project) or "", "series-rest")


def legend(by: ColourBy, around: Neighborhood) -> list[tuple[str, Tone]]:
    """Names with their colours; of types none is needed, whose signs differ."""
    if by is ColourBy.TYPE:
        return []
    if by is ColourBy.AGE:
        return [("a week", "strong"), ("a month", "series-2"), ("half a year", "series-1"), ("older", "line")]
    projects = sorted({node.memory.project for node in around.nodes if node.memory is not None and node.memory.project})
    named: list[tuple[str, Tone]] = [(name, f"series-{place}") for place, name in enumerate(projects[:_SERIES], 1)]
    return [*named, ("others", "series-rest")] if len(projects) > _SERIES else named


def _by_age(node: Node, now: datetime) -> Tone:
    made = node.memory.created_at if node.memory is not None else None
    days = (now - made).total_seconds() / 86400 if made is not None else None
    return next((tone for most, tone in _AGES if days is not None and days <= most), "line")
