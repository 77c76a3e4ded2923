"""A neighbourhood is narrowed to what a person wants to see, by type, weight, author, age and what is superseded."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from services.graph.graph_filter import GraphFilter, filtered
from services.graph.graph_values import Neighborhood, Node
from services.model import Memory, MemoryType, Relation, RelationCreator, RelationType

_SPRING, _AUTUMN = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)


def node(name: str, path: str, made: datetime = _AUTUMN) -> Node:
    memory = Memory(name, MemoryType.SEMANTIC, name, created_at=made)
    return Node(name, len(path) - 1, tuple(path), RelationType.FIXES if len(path) > 1 else None, memory)


AROUND = Neighborhood(
    "a",
    2,
    (),
    (node("a", "a", _SPRING), node("b", "ab"), node("c", "ac", _SPRING), node("d", "abd")),
    (
        Relation("1", "a", "b", RelationType.FIXES, 0.3),
        Relation("2", "c", "a", RelationType.CAUSES, 1.0, RelationCreator.AUTO),
        Relation("3", "b", "d", RelationType.FIXES, 0.9),
        Relation("4", "c", "d", RelationType.RELATED, 0.9, RelationCreator.SYSTEM),
    ),
)


@pytest.mark.parametrize(
    ("where", "seen", "relations"),
    [
        (GraphFilter(), "abcd", "1234"),
        (GraphFilter(types=(RelationType.FIXES,)), "abd", "13"),
        (GraphFilter(least_weight=0.5), "acd", "24"),
        (GraphFilter(author=RelationCreator.AUTO), "ac", "2"),
        (GraphFilter(since=datetime(2026, 9, 1, tzinfo=UTC)), "abd", "13"),
        (GraphFilter(hides_superseded=True), "acd", "24"),
    ],
    ids=str,
)
def test_what_is_left_is_reached_over_what_is_wanted(where: GraphFilter, seen: str, relations: str) -> None:
    left = filtered(AROUND, where, superseded={"b"})
    assert "".join(sorted(one.id for one in left.nodes)) == seen
    assert "".join(one.id for one in left.edges) == relations
    assert left.nodes[0].id == "a"


def test_every_part_of_a_filter_is_told() -> None:
    since = datetime(2026, 9, 1, tzinfo=UTC)
    full = GraphFilter((RelationType.FIXES,), 0.5, since, RelationCreator.USER, hides_superseded=True)
    none: dict[str, Any] = {one.name: getattr(GraphFilter(), one.name) for one in fields(GraphFilter)}
    less = [replace(full, **{name: value}) for name, value in none.items()]
    assert len({str(one) for one in (full, *less)}) == len(less) + 1


def test_the_way_to_what_is_left_is_the_one_that_is_left() -> None:
    (found,) = [one for one in filtered(AROUND, GraphFilter(least_weight=0.5)).nodes if one.id == "d"]
    assert (found.path, found.relation) == (("a", "c", "d"), RelationType.RELATED)
