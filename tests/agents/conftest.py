"""One world a module: its tests share the stores."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.agents.world import World, open_world
from tests.services.servers import create_database, drop_database


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(postgres_server: str, request: object) -> AsyncIterator[World]:
    name = f"agents_{id(request)}"
    url = create_database(postgres_server, name, "template")
    async with open_world(url) as opened:
        yield opened
    drop_database(postgres_server, name)
