"""One world a module: its tests share the stores."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from memoria_tui.agents.tool_calls import Door
from tests.agents.world import World, open_world, served
from tests.services.servers import create_database, drop_database


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(postgres_server: str, request: object) -> AsyncIterator[World]:
    name = f"agents_{id(request)}"
    url = create_database(postgres_server, name, "template")
    async with open_world(url) as opened:
        yield opened
    drop_database(postgres_server, name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        served(Door(world.opened)) as url,
        httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60, headers={"user-agent": "script/2"}) as client,
    ):
        yield client
