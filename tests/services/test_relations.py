"""Relations as PostgreSQL keeps them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from services.errors import Conflict, InvalidInput
from services.model import Relation, RelationCreator, RelationType
from services.ports import NewRelation, RelationSummary
from services.records import Records

A, B, C, D = (str(UUID(int=number)) for number in range(1, 5))


async def insert(records: Records, *relations: NewRelation) -> list[Relation]:
    async with records.transaction() as transaction:
        return await transaction.relations.insert(relations)


async def test_relations_keep_all_they_were_made_with(records: Records) -> None:
    new = NewRelation(
        A,
        B,
        RelationType.PART_OF,
        weight=0.25,
        created_by=RelationCreator.AUTO,
        id=str(uuid4()),
        created_at=datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC),
        metadata={"reason": "said \x00 so", "n": [1, None]},
    )
    (made,) = await insert(records, new)
    assert made == Relation(
        new.id or "",
        A,
        B,
        RelationType.PART_OF,
        0.25,
        RelationCreator.AUTO,
        new.created_at,
        {"reason": "said � so", "n": [1, None]},
    )
    assert await records.relations.touching([B]) == [made]


async def test_what_exists_is_left_out_and_left_alone(records: Records) -> None:
    (first,) = await insert(records, NewRelation(A, B, RelationType.CAUSES, weight=0.5))
    again = await insert(
        records,
        NewRelation(A, B, RelationType.CAUSES, weight=0.9),
        NewRelation(A, B, RelationType.FIXES),
        NewRelation(A, B, RelationType.FIXES),
        NewRelation(C, D, RelationType.CAUSES, id=first.id),
    )
    assert [(relation.source_id, relation.target_id, relation.type) for relation in again] == [
        (A, B, RelationType.FIXES)
    ]
    assert first in await records.relations.touching([A])


@pytest.mark.parametrize(
    "wrong",
    [
        NewRelation(A, A, RelationType.CAUSES),
        NewRelation(A, B, RelationType.CAUSES, weight=1.5),
        NewRelation("x", B, RelationType.CAUSES),
    ],
)
async def test_self_loops_weights_beyond_one_and_bad_ids_are_refused(records: Records, wrong: NewRelation) -> None:
    with pytest.raises(InvalidInput):
        await insert(records, NewRelation(C, D, RelationType.CAUSES), wrong)
    assert await records.relations.related_ids() == frozenset()


async def test_relations_are_found_and_counted_from_both_ends(records: Records) -> None:
    await insert(
        records,
        NewRelation(A, B, RelationType.CAUSES),
        NewRelation(B, C, RelationType.FIXES),
        NewRelation(C, A, RelationType.FOLLOWS),
    )
    assert len(await records.relations.touching([A, B])) == 3
    assert len(await records.relations.touching([A])) == 2
    assert await records.relations.summaries([A, B, D]) == {A: RelationSummary(2), B: RelationSummary(2)}
    assert await records.relations.touching([]) == []
    assert await records.relations.counts([A, B, D]) == {A: 2, B: 2}
    assert await records.relations.related_ids() == frozenset({A, B, C})
    batches = [batch async for batch in records.relations.all(batch=2)]
    assert [len(batch) for batch in batches] == [2, 1]
    assert len({relation.id for batch in batches for relation in batch}) == 3


async def test_links_reach_over_the_neighbours_to_which_most_of_a_score_would_come(records: Records) -> None:
    near, far = [str(uuid4()) for _ in range(4)], str(uuid4())
    await insert(
        records,
        *(NewRelation(A, one, RelationType.CAUSES, weight=0.2 + 0.2 * place) for place, one in enumerate(near)),
        NewRelation(far, near[3], RelationType.SUPERSEDES),
        NewRelation(far, near[0], RelationType.FIXES),
        NewRelation(B, near[2], RelationType.CAUSES, weight=0.1),
    )
    found = await records.relations.links_around({A: 0.9, B: 0.3}, free_fan=2, middles=2)
    assert {one.memory_id for one in found} == {A, B, near[3], near[2]}
    assert {(one.neighbour_id, one.weight) for one in found if one.memory_id == near[3]} == {(A, 0.8), (far, 1.0)}
    assert len([one for one in found if one.memory_id == A]) == len(near)
    assert (await records.relations.summaries([near[3], far]))[near[3]] == RelationSummary(2, superseded=True)


async def test_deleting_gives_back_what_was_there(records: Records) -> None:
    made = await insert(records, NewRelation(A, B, RelationType.CAUSES), NewRelation(B, C, RelationType.CAUSES))
    async with records.transaction() as transaction:
        gone = await transaction.relations.delete([made[0].id, str(uuid4())])
    assert gone == [made[0]]
    assert await records.relations.touching([A, B, C]) == [made[1]]


async def test_a_relation_can_be_turned_unless_it_would_double_another(records: Records) -> None:
    made = await insert(records, NewRelation(A, B, RelationType.CAUSES), NewRelation(A, C, RelationType.CAUSES))
    turned = replace(made[0], source_id=B, target_id=A, type=RelationType.SUPPORTS, weight=0.1, metadata={"k": 1})
    async with records.transaction() as transaction:
        await transaction.relations.update([turned])
    assert await records.relations.touching([B]) == [turned]

    async def double() -> None:
        async with records.transaction() as transaction:
            await transaction.relations.update(
                [replace(made[1], target_id=D), replace(made[0], source_id=A, target_id=D)]
            )

    with pytest.raises(Conflict):
        await double()
    assert await records.relations.touching([B]) == [turned]
