"""Counts the calls of each agent and writes them to the stores from time to time, so that a person sees who works."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from memoria_tui.user_files.program_log import refused
from services.errors import MemoriaError
from services.records.connected_agents import Calls

if TYPE_CHECKING:
    from services.connected_agents import ConnectedAgentService

_MOST = 100
"""Agents of one program that are told; those that called last."""
_GATHER, _HEARTBEAT = 3.0, 30.0
"""Seconds between two tellings while agents call, and while they do not."""


class Tally:
    """Counts calls. A store that is away is told later."""

    def __init__(self) -> None:
        self._calls: dict[str, Calls] = {}
        """By name, who called last at the end; their times are those of the clock."""
        self._more = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None
        self._service: ConnectedAgentService | None = None

    def add(self, service: ConnectedAgentService, name: str, call: str, *, failed: bool) -> None:
        now = time.monotonic()
        known = self._calls.pop(name, Calls(name, now, now, call, 0, 0))
        calls, errors = known.calls + 1, known.errors + failed
        self._calls[name] = replace(known, last=now, last_call=call, calls=calls, errors=errors)
        while len(self._calls) > _MOST:
            del self._calls[next(iter(self._calls))]
        self._more.set()
        if self._telling is None:
            self._service = service
            self._telling = asyncio.create_task(self._report(service))

    async def close(self) -> None:
        """Says that the agents are gone."""
        if self._telling is not None and self._service is not None:
            self._telling.cancel()
            await asyncio.wait([self._telling])
            with contextlib.suppress(MemoriaError):
                await self._service.leave()

    async def _report(self, service: ConnectedAgentService) -> None:
        while True:
            self._more.clear()
            now = time.monotonic()
            agents = [replace(one, since=now - one.since, last=now - one.last) for one in self._calls.values()]
            try:
                await service.tell(agents)
            except MemoriaError as error:
                refused(error)
            await asyncio.sleep(_GATHER)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_HEARTBEAT):
                    await self._more.wait()
