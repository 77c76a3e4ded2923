"""A person finds what agents wrote."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.model import MemoryChanges, MemoryDraft
from services.search.filters import MOST_IDS
from services.search.query import parse_query
from tests.agents.world import World, answered

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def found(world: World, text: str) -> list[str]:
    result = await world.services.search.search(parse_query(text, now=datetime.now(UTC), week_begins=0))
    return sorted(hit.memory.content for hit in result.hits)


async def test_memories_are_found_by_who_wrote_them(world: World) -> None:
    memories = world.services.memories
    await memories.create(MemoryDraft("By a person."))
    changed = await memories.create(MemoryDraft("By a person, changed by an agent."))
    for name, text in (("robot", "By a robot."), ("anna", "By an agent called anna.")):
        async with world.client(name) as client:
            answered(await client.call_tool("memoria_store", {"content": text}))
            arguments = {"memory_id": changed.id, "memory_type": "semantic", "tags": [name]}
            answered(await client.call_tool("memoria_update", arguments))
    by_agents = ["By a person, changed by an agent.", "By a robot.", "By an agent called anna."]
    assert await found(world, "by:agent") == by_agents
    assert await found(world, "by:robot") == by_agents[:2]
    assert await found(world, "by:agent:anna") == [by_agents[0], by_agents[2]]
    assert await found(world, "-by:agent") == ["By a person."]
    assert await found(world, "by:anna -by:agent") == ["By a person."]
    assert await found(world, 'by:robot "a robot"') == ["By a robot."]
    assert await found(world, "by:nobody") == []
    assert await world.services.search.complete("by", "") == ("agent", "anna", "robot")
    assert await world.services.search.complete("by", "R") == ("robot",)
    assert await world.services.search.complete("by", "agent:") == ("agent:anna", "agent:robot")


async def test_authors_of_very_many_memories_are_found_too(world: World) -> None:
    drafts = [MemoryDraft(f"Imported {number}.") for number in range(MOST_IDS + 1)]
    await world.services.importing.store_drafts(drafts)
    others = await world.store("Not imported.")
    await world.services.memories.update(await world.services.memories.get(others), MemoryChanges(tags=("seen",)))
    result = await world.services.search.search(parse_query("by:anna", now=datetime.now(UTC), week_begins=0))
    assert result.total >= MOST_IDS + 2
    assert "Not imported." in await found(world, "by:anna not imported")
    assert "Imported 7." not in await found(world, "-by:anna imported")
