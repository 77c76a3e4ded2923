"""The agents that work with the memories now, whichever program serves them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from services.acting import Scope, require
from services.records import Records
from services.records.connected_agents import Calls, ConnectedAgent
from services.settings import Settings


class ConnectedAgentService:
    """Tells who works with the memories, and lets a program say it of those that it serves."""

    def __init__(self, records: Records, settings: Settings) -> None:
        self._records = records
        self._program = settings.program
        self._process = str(uuid.uuid4())

    async def all(self) -> list[ConnectedAgent]:
        """Who called last first; what they asked of a program is some seconds old. Raises Forbidden."""
        require(Scope.ADMIN, "see who else is connected")
        return await self._records.agents.all()

    async def tell(self, agents: Sequence[Calls]) -> None:
        """Says that this program runs, which is to be said every minute, and what agents asked of it."""
        await self._records.agents.put(self._process, self._program, agents)

    async def leave(self) -> None:
        """This program ends."""
        await self._records.agents.forget(self._process)
