"""The open app beside an agent: it shows what the agent writes, and undoes it after a question that names the agent."""

from __future__ import annotations

import os
from pathlib import Path

from mcp import Client, StdioServerParameters
from mcp.types import Implementation
from textual.pilot import Pilot
from textual.widgets import Static

from memoria_tui.dialogs.last_changes import ChangesDialog
from memoria_tui.dialogs.undo_preview import UndoDialog
from memoria_tui.modes.memories.screen import MemoriesScreen
from services.container import open_services
from services.settings import APP, Settings
from services.times import machine_clock
from tests.agents.world import answered
from tests.forking import forked
from tests.tui.conftest import press, quick_apps, settle, titles, until
from tests.tui.plain_app import plain_app

__all__ = ["quick_apps"]
_STORED, _UPDATED = "The agent was here.", "The agent was here twice."


async def undone(pilot: Pilot[None], before: list[str]) -> None:
    """Undoes the newest of the last changes, after the question that names its agent; the list is as it was before."""
    await press(pilot, "H")
    await until(pilot, lambda: isinstance(pilot.app.screen, ChangesDialog))
    await settle(pilot)
    await press(pilot, "u")
    await until(pilot, lambda: isinstance(pilot.app.screen, UndoDialog))
    await settle(pilot)
    (asked,) = pilot.app.screen.query(".text").results(Static)
    assert "it was done by agent:visitor" in str(asked.render())
    await press(pilot, "y")
    await until(pilot, lambda: isinstance(pilot.app.screen, MemoriesScreen) and titles(pilot) == before)


async def test_the_open_app_shows_what_an_agent_stores_changes_and_deletes_and_undoes_it(
    tmp_path: Path, postgres_url: str
) -> None:
    settings = Settings(home=tmp_path / "home", database_url=postgres_url, actor="anna", linger=0, program=APP)
    variables = {**os.environ, "MEMORIA_HOME": str(settings.home), "MEMORIA_DATABASE_URL": postgres_url}
    command, *arguments = forked("-m", "memoria_tui", "mcp")
    started = StdioServerParameters(command=command, args=arguments, env={**variables, "MEMORIA_LINGER": "0"})
    app = plain_app(lambda: open_services(settings), clock=machine_clock)
    async with (
        app.run_test(size=(120, 40)) as pilot,
        Client(started, client_info=Implementation(name="visitor", version="1")) as agent,
    ):
        await until(pilot, lambda: isinstance(app.screen, MemoriesScreen) and app.services is not None)
        stored = answered(await agent.call_tool("memoria_store", {"content": _STORED}))
        await until(pilot, lambda: titles(pilot) == [_STORED])
        answered(
            await agent.call_tool(
                "memoria_update", {"memory_id": stored["id"], "memory_type": stored["type"], "content": _UPDATED}
            )
        )
        await until(pilot, lambda: titles(pilot) == [_UPDATED])
        await undone(pilot, [_STORED])
        answered(await agent.call_tool("memoria_delete", {"memory_ids": [stored["id"]]}))
        await until(pilot, lambda: titles(pilot) == [])
        await undone(pilot, [_STORED])
