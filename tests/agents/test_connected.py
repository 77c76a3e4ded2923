"""Who works with the memories: what a person is told of agents that call, end, or are killed."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

import pytest

from services.acting import Actor, Scope, acting_as
from services.errors import Forbidden
from services.model import AGENT, TOKEN
from services.records.connected_agents import Calls, ConnectedAgent
from tests.agents.world import NAME, World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def until(world: World, so: Callable[[list[ConnectedAgent]], bool]) -> list[ConnectedAgent]:
    """The agents, once that is so of them."""
    async with asyncio.timeout(60):
        while not so(found := await world.services.agents.all()):  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.05)
    return found


async def test_an_agent_is_listed_with_its_calls_while_it_works_and_not_after_its_end(world: World) -> None:
    async with world.client() as client:
        await client.call_tool("memoria_store", {"content": "The gate is open."})
        await client.call_tool("memoria_get", {"memory_id": "nothing"})
        (one,) = await until(world, lambda found: bool(found) and found[0].calls == 2)
        assert (one.name, one.program) == (AGENT + NAME, world.services.settings.program)
        assert (one.calls, one.errors, one.last_call) == (2, 1, "memoria_get")
        assert one.since <= one.last_at <= world.services.clock()
    assert await world.services.agents.all() == []


async def test_two_agents_of_one_program_are_told_apart(world: World) -> None:
    async with world.client("one") as one, world.client("two") as two:
        await one.call_tool("memoria_stats", {})
        await two.call_tool("memoria_tags", {})
        found = await until(world, lambda found: len(found) == 2)
    assert {(each.name, each.last_call) for each in found} == {
        (f"{AGENT}one", "memoria_stats"),
        (f"{AGENT}two", "memoria_tags"),
    }


async def test_what_a_killed_program_left_is_too_old_after_a_while_and_goes_with_the_next_that_ends(
    world: World,
) -> None:
    records = world.services.records
    killed = str(uuid.uuid4())
    await records.agents.put(killed, "memoria-tui mcp", [Calls(f"{AGENT}gone", 500, 400, "memoria_get", 3, 0)])
    assert len(await records.agents.all()) == 1
    async with records.transaction() as transaction:
        await transaction.connection.fetch(
            "UPDATE memoria_tui.connected_agents SET seen_at = now() - interval '3 minutes'"
        )
    assert await records.agents.all() == []
    await records.agents.forget(str(uuid.uuid4()))
    async with records.transaction() as transaction:
        assert not await transaction.connection.fetch("SELECT FROM memoria_tui.connected_agents")


async def test_a_token_tells_when_it_was_used_last_also_after_the_program_has_ended(world: World) -> None:
    await world.services.tokens.create("used", Scope.READ)
    await world.services.tokens.create("unused", Scope.READ)
    process, records = str(uuid.uuid4()), world.services.records
    for ago in (60.0, 20.0):
        await records.agents.put(process, "memoria-tui serve", [Calls(f"{AGENT}{TOKEN}used", 90, ago, "search", 1, 0)])
    await records.agents.forget(process)
    used = {one.name: one.used_at for one in await world.services.tokens.all()}
    assert used["unused"] is None
    assert used["used"] is not None
    assert 20 <= (world.services.clock() - used["used"]).total_seconds() < 60


async def test_an_agent_does_not_see_who_else_is_connected(world: World) -> None:
    with acting_as(Actor(f"{AGENT}nosy", Scope.WRITE)), pytest.raises(Forbidden, match="see who else is connected"):
        await world.services.agents.all()
