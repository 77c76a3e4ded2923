"""One world a module: its tests share the stores."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
import pytest_asyncio

from memoria_tui.agents.tool_calls import Door
from services.adapters.daemon.client import DaemonClient
from services.adapters.daemon.wire import DAEMON
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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def variables(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[str, str]]:
    """The environment of processes: one home for all of a module, whose stores are warm."""
    home, name = tmp_path_factory.mktemp("agents") / "home", f"processes_{os.getpid()}"
    url = create_database(postgres_server, name, "template")
    daemon = DaemonClient(home, program="tests")  # it stays for as long as this is connected
    await daemon.call(DAEMON, "status")
    yield {**os.environ, "MEMORIA_HOME": str(home), "MEMORIA_LINGER": "0", "MEMORIA_DATABASE_URL": url}
    await daemon.stop(force=True)
    await daemon.close()
    drop_database(postgres_server, name)
