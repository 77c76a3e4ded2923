"""The chain of what a memory replaced and what replaced it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations

import pytest

from services.acting import Actor, Scope, acting_as
from services.curation.lineage import LineageService, LineageStep, _ordered
from services.errors import NotFound
from services.graph.graph_service import GraphService
from services.model import Memory, MemoryDraft, MemoryType, RelationType
from services.permitted_stores import permitted_store
from services.ports import NewRelation
from services.records import Records
from tests.services.memory_world import open_world


async def test_a_chain_is_the_same_from_each_of_it_the_newest_first_and_a_circle_ends(records: Records) -> None:
    async with open_world(records) as world:
        lineage = LineageService(world.vectors, world.records, world.settings)
        graph = GraphService(world.vectors, world.records, world.settings)
        texts = ("It is 10 s", "It is 60 s", "It is 90 s, and that is long enough for several chunks of text", "other")
        first, second, third, other = [await world.service.create(MemoryDraft(text)) for text in texts]
        chain = [(third, second), (second, first)]
        await graph.link_many([NewRelation(new.id, old.id, RelationType.SUPERSEDES) for new, old in chain])
        await graph.link_many([NewRelation(other.id, first.id, RelationType.RELATED)])
        for one in (first, second, third):
            steps = await lineage.chain(one.id)
            assert [step.memory.content for step in steps] == list(texts[2::-1])
            assert [[old.id for old in step.replaced] for step in steps] == [[second.id], [first.id], []]
            assert [step.superseded_at is None for step in steps] == [True, False, False]
        assert [step.memory.id for step in await lineage.chain(other.id)] == [other.id]
        await world.service.delete([second.id])
        assert len(await lineage.chain(first.id)) == 1
        await world.service.undo()
        await graph.link_many([NewRelation(first.id, third.id, RelationType.SUPERSEDES)])
        assert len(await lineage.chain(first.id)) == 3
        with pytest.raises(NotFound):
            await lineage.chain("00000000-0000-4000-8000-000000000009")


async def test_who_is_kept_to_a_project_is_not_led_over_what_they_do_not_see(records: Records) -> None:
    async with open_world(records) as world:
        lineage = LineageService(permitted_store(world.vectors), world.records, world.settings)
        graph = GraphService(world.vectors, world.records, world.settings)
        drafts = [MemoryDraft(f"It is {number} s", project="dock" if number == 2 else "pier") for number in range(5)]
        ids = [(await world.service.create(draft)).id for draft in drafts]
        await graph.link_many([NewRelation(new, old, RelationType.SUPERSEDES) for old, new in pairwise(ids)])
        assert [step.memory.id for step in await lineage.chain(ids[0])] == ids[::-1]
        with acting_as(Actor("agent:kept", Scope.READ, frozenset({"pier"}))):
            for chain in (ids[:2], ids[3:]):
                for one in chain:
                    assert [step.memory.id for step in await lineage.chain(one)] == chain[::-1]


def test_a_circle_has_one_order_and_stands_before_what_it_superseded() -> None:
    began = datetime(2026, 11, 1, tzinfo=UTC)
    days = {
        "first": 1,
        "second": 2,
        "third": 3,
        "old": 9,
    }  # what is imported is the newest
    made = {one: Memory(one, MemoryType.SEMANTIC, one, created_at=began + timedelta(day)) for one, day in days.items()}
    replaced = {"first": ["third"], "second": ["first", "old"], "third": ["second"], "old": []}
    steps = [LineageStep(made[one], None, tuple(made[old] for old in some)) for one, some in replaced.items()]
    orders = {tuple(step.memory.id for step in _ordered(some)) for some in permutations(steps)}
    assert len(orders) == 1
    assert orders.pop()[-1] == "old"
