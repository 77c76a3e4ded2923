"""Relations drawn by hand, walked and undone, over a real PostgreSQL and a real vector store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.errors import Conflict, InvalidInput, NotFound
from services.graph.graph_service import GraphService
from services.memories.chunking import chunk_id
from services.model import Entity, MemoryType, Relation, RelationCreator, RelationType
from services.points import Point, Scroll
from services.ports import NewRelation
from services.records import Records
from services.settings import Settings
from tests.services.edge_here import edge_here

A, B, C, D = (str(UUID(int=number)) for number in range(1, 5))
GONE = str(UUID(int=99))


@pytest.fixture
async def graph(records: Records, tmp_path: Path) -> AsyncIterator[GraphService]:
    """Memories A, B and C, and D of two chunks."""
    vectors = edge_here(tmp_path / "qdrant")
    await vectors.ensure(2, "test")
    await vectors.upsert(
        MemoryType.SEMANTIC,
        [Point(id_, {"content": text, "parent_id": id_}, [1.0, 0.0]) for id_, text in ((A, "a"), (B, "b"), (C, "c"))],
    )
    chunks = [
        {
            "content": text,
            "full_content": "d1d2",
            "parent_id": D,
            "is_chunk": True,
            "chunk_index": index,
            "chunk_count": 2,
        }
        for index, text in enumerate(("d1", "d2"))
    ]
    await vectors.upsert(
        MemoryType.EPISODIC, [Point(chunk_id(D, i), payload, [0.0, 1.0]) for i, payload in enumerate(chunks)]
    )
    yield GraphService(vectors, records, Settings(home=tmp_path, zone="Europe/Rome"))
    await vectors.close()


async def test_a_relation_drawn_by_hand_says_so_and_is_in_the_history(graph: GraphService, records: Records) -> None:
    relation = await graph.link(A, B, RelationType.FIXES)
    assert (relation.created_by, relation.weight) == (RelationCreator.USER, 1.0)
    assert await records.relations.touching([B]) == [relation]
    (change,) = await records.history.changes_of(Entity.RELATION, relation.id)
    assert (change.before, change.actor) == (None, "tester")
    assert "fixes" in change.summary


async def test_the_same_relation_twice_is_one_clear_line_and_changes_nothing(
    graph: GraphService, records: Records
) -> None:
    await graph.link(A, B, RelationType.FIXES)
    with pytest.raises(Conflict, match=r'"[^"]+" already fixes "[^"]+";'):
        await graph.link(A, B, RelationType.FIXES)
    assert len(await records.relations.touching([A])) == 1


async def test_a_memory_is_never_related_to_itself_not_even_through_a_chunk(graph: GraphService) -> None:
    with pytest.raises(InvalidInput, match="itself"):
        await graph.link(D, chunk_id(D, 1), RelationType.RELATED)


async def test_an_end_given_as_a_chunk_becomes_its_memory(graph: GraphService) -> None:
    assert (await graph.link(A, chunk_id(D, 1), RelationType.SUPPORTS)).target_id == D


async def test_a_relation_to_nothing_is_refused(graph: GraphService) -> None:
    with pytest.raises(NotFound, match=GONE):
        await graph.link(A, GONE, RelationType.CAUSES)


def turned(relation: Relation) -> Relation:
    return replace(relation, source_id=relation.target_id, target_id=relation.source_id)


async def test_type_direction_and_weight_change_and_each_change_is_in_the_history(
    graph: GraphService, records: Records
) -> None:
    relation = await graph.link(A, B, RelationType.RELATED)
    relation = await graph.change(relation, replace(relation, type=RelationType.CAUSES))
    relation = await graph.change(relation, turned(relation))
    relation = await graph.change(relation, replace(relation, weight=0.25))
    assert await records.relations.touching([A]) == [relation]
    assert (relation.source_id, relation.type, relation.weight) == (B, RelationType.CAUSES, 0.25)
    summaries = [one.summary for one in await records.history.changes_of(Entity.RELATION, relation.id)]
    assert len(summaries) == 4
    assert 'relation "related" became "causes"' in summaries
    with pytest.raises(InvalidInput, match="0 to 1"):
        await graph.change(relation, replace(relation, weight=1.5))


async def test_turning_a_relation_onto_one_that_is_there_is_refused_and_changes_nothing(
    graph: GraphService, records: Records
) -> None:
    there = await graph.link(A, B, RelationType.CAUSES)
    other = await graph.link(B, A, RelationType.CAUSES)
    with pytest.raises(Conflict):
        await graph.change(other, turned(other))
    assert {relation.id for relation in await records.relations.touching([A])} == {there.id, other.id}


async def test_unlinking_takes_the_relation_away_and_keeps_it_in_the_history(
    graph: GraphService, records: Records
) -> None:
    relation = await graph.link(A, B, RelationType.DERIVES)
    assert await graph.unlink([relation.id]) == [relation]
    assert await records.relations.touching([A]) == []
    assert (await records.history.changes_of(Entity.RELATION, relation.id))[0].after is None


async def test_a_neighbourhood_has_each_memory_once_with_its_text_the_way_there_and_the_edges(
    graph: GraphService,
) -> None:
    first = await graph.link(A, B, RelationType.CAUSES)
    second = await graph.link(D, B, RelationType.FIXES)
    third = await graph.link(B, A, RelationType.RELATED)
    around = await graph.neighborhood(A, depth=2)
    assert [(node.id, node.depth, node.path) for node in around.nodes] == [
        (A, 0, (A,)),
        (B, 1, (A, B)),
        (D, 2, (A, B, D)),
    ]
    assert {edge.id for edge in around.edges} == {first.id, second.id, third.id}
    assert [node.memory.content for node in around.nodes if node.memory] == ["a", "b", "d1d2"]
    assert not around.more


async def test_a_neighbourhood_of_some_types_walks_only_those(graph: GraphService) -> None:
    await graph.link(A, B, RelationType.CAUSES)
    await graph.link(A, C, RelationType.FIXES)
    assert [node.id for node in (await graph.neighborhood(A, 3, [RelationType.FIXES])).nodes] == [A, C]


async def test_a_neighbourhood_that_is_cut_says_that_there_is_more(graph: GraphService) -> None:
    await graph.link(A, B, RelationType.CAUSES)
    await graph.link(A, C, RelationType.CAUSES)
    around = await graph.neighborhood(A, 1, limit=2)
    assert (len(around.nodes), around.more) == (2, True)


async def test_orphaned_and_chunk_ended_relations_are_shown_as_such(graph: GraphService, records: Records) -> None:
    async with records.transaction() as transaction:
        await transaction.relations.insert(
            [
                NewRelation(A, GONE, RelationType.RELATED),
                NewRelation(A, chunk_id(D, 1), RelationType.RELATED, created_by=RelationCreator.AUTO),
            ]
        )
    around = await graph.neighborhood(A)
    assert around.node(GONE) is not None
    assert [node.id for node in around.nodes if node.memory is None and node.chunk_of is None] == [GONE]
    assert {node.id: node.chunk_of.id for node in around.nodes if node.chunk_of} == {chunk_id(D, 1): D}
    assert (await graph.neighborhood(GONE)).nodes[1].id == A


async def test_a_path_names_each_memory_with_the_relation_and_direction_to_the_next(graph: GraphService) -> None:
    await graph.link(A, B, RelationType.CAUSES)
    await graph.link(C, B, RelationType.FIXES)
    steps = await graph.path(A, C)
    assert [(step.id, step.relation, step.outgoing) for step in steps] == [
        (A, RelationType.CAUSES, True),
        (B, RelationType.FIXES, False),
        (C, None, None),
    ]


async def test_no_path_is_one_clear_line(graph: GraphService) -> None:
    with pytest.raises(NotFound, match=r'no path of at most 10 relations joins "[^"]+" and "[^"]+"$'):
        await graph.path(A, B)


async def test_the_overview_lists_the_best_connected_memories_first(graph: GraphService) -> None:
    await graph.link(A, B, RelationType.CAUSES)
    await graph.link(C, B, RelationType.FIXES)
    overview = await graph.overview(limit=2)
    assert (overview[0].memory_id, overview[0].degree, len(overview)) == (B, 2, 2)


@given(
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), min_size=1, max_size=40, unique=True),
    st.integers(1, 6),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_neighbours_and_paths_agree_with_networkx_on_any_graph(
    records: Records, edges: list[tuple[int, int]], depth: int
) -> None:
    ids = [str(UUID(int=1000 + number)) for number in range(12)]
    known = nx.Graph((ids[a], ids[b]) for a, b in edges if a != b)
    known.add_nodes_from(ids)
    async with records.transaction() as transaction:
        await transaction.relations.delete([relation.id for relation in await records.relations.touching(ids)])
        await transaction.relations.insert(
            [NewRelation(ids[a], ids[b], RelationType.RELATED) for a, b in edges if a != b]
        )
    reached = nx.single_source_shortest_path_length(known, ids[0], cutoff=depth)
    around = await records.graph.neighbours(ids[0], depth, (), 1000)
    assert {ids[0]: 0} | {node.id: len(node.path) - 1 for node in around} == reached
    for node in around:
        assert all(known.has_edge(a, b) for a, b in pairwise(node.path))
    for goal in ids[1:]:
        way = await records.graph.shortest_path(ids[0], goal, depth)
        assert len(way) == (reached[goal] + 1 if goal in reached else 0)
        assert all(known.has_edge(a.id, b.id) for a, b in pairwise(way))


async def test_a_relation_that_others_changed_or_removed_is_not_written_over(
    graph: GraphService, records: Records
) -> None:
    seen = await graph.link(A, B, RelationType.CAUSES)
    async with records.transaction() as transaction:
        await transaction.relations.update([replace(seen, weight=0.3, metadata={"auto_generated": True})])
    (there,) = await records.relations.touching([A])
    for after in (replace(seen, weight=0.5), replace(seen, type=RelationType.FIXES), turned(seen)):
        with pytest.raises(Conflict, match=r"changed by another program: now .* causes .*, weight 0\.3") as refused:
            await graph.change(seen, after)
        assert refused.value.current == there
    with pytest.raises(Conflict, match="changed by another program"):
        await graph.unlink([seen.id], [seen])
    assert await records.relations.touching([A]) == [there]
    assert (await graph.change(there, replace(there, weight=0.5))).metadata == {"auto_generated": True}
    await graph.unlink([seen.id])
    with pytest.raises(Conflict, match="removed by another program"):
        await graph.change(there, replace(there, weight=0.7))
    assert len(await records.history.changes_of(Entity.RELATION, seen.id)) == 3


async def test_a_link_tells_agents_that_a_semantic_memory_is_related(graph: GraphService) -> None:
    await graph.link(A, D, RelationType.CAUSES)
    keys = [
        {point.id: point.payload.get("has_relations") for point in await graph._vectors.scroll(Scroll(type_, 10))}
        for type_ in (MemoryType.SEMANTIC, MemoryType.EPISODIC)
    ]
    assert keys == [{A: True, B: None, C: None}, {chunk_id(D, 0): None, chunk_id(D, 1): None}]


async def test_the_history_names_a_type_of_two_words_as_a_person_reads_it(
    graph: GraphService, records: Records
) -> None:
    relation = await graph.link(A, B, RelationType.PART_OF)
    relation = await graph.change(relation, turned(relation))
    relation = await graph.change(relation, replace(relation, type=RelationType.OPPOSES))
    told = [one.summary for one in await records.history.changes_of(Entity.RELATION, relation.id)]
    assert sum("part of" in one for one in told) == 3
    assert not any("part_of" in one for one in told)
