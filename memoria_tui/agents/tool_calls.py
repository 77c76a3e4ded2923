"""The way from a client's call of a tool to the services, whatever the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from memoria_tui.agents.own_words import in_tools
from memoria_tui.agents.tool import Agent, Context, Tool
from memoria_tui.agents.usage_counts import Tally
from memoria_tui.user_files.program_log import crashed, refused
from services.acting import Actor, acting_as
from services.errors import InvalidInput, MemoriaError, StoreTimeout
from services.storable_text import broken_text

if TYPE_CHECKING:
    from services.container import Services

Open = Callable[[], AbstractAsyncContextManager["Services"]]

_FIRST_ANSWER = 0.5
"""Seconds after which the stores are opened though nobody has asked yet; before, they would delay the first answer."""


_AT_ONCE = 8
"""Calls that are worked on at once; the others wait for these, instead of for one of the ten connections, in vain."""


class Door:
    """The way from a client's calls to the services, which are opened once, and again where that failed."""

    def __init__(self, open_services: Open, longest: float | None = None, look_every: float = 15.0) -> None:
        """`longest`: seconds that a call may take; None: any number. `look_every`: between two looks at what waits."""
        self._open_services = open_services
        self._longest = longest
        self._look_every = look_every
        self._opened = AsyncExitStack()
        self._opening: asyncio.Task[Services] | None = None
        self._context = Context()
        self.session: list[str] = []
        """The acts of the client, where there is one alone."""
        self._places = asyncio.Semaphore(_AT_ONCE)
        self.working = self.waiting = 0
        """Calls that are worked on, and those that wait for a place."""
        self._writing: set[asyncio.Task[object]] = set()
        self._tally = Tally()

    async def __aenter__(self) -> Self:
        timer = asyncio.get_running_loop().call_later(_FIRST_ANSWER, self._open)
        self._opened.callback(timer.cancel)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Waits for what is being written: a client that goes away in the middle loses nothing of it."""
        while self._writing:
            await asyncio.wait(self._writing)
        if self._opening is not None:
            await asyncio.wait([self._opening])
        await self._tally.close()
        await self._opened.aclose()

    @property
    def writing(self) -> int:
        """Calls that write: those that are worked on, and those that wait for a place."""
        return len(self._writing)

    async def services(self) -> Services:
        """The open services. Raises what kept them from being opened."""
        return await asyncio.shield(self._open())

    async def call(
        self, tool: Tool, actor: Actor, arguments: Mapping[str, object], context: Context | None = None
    ) -> object:
        """What a tool answers to a client. A write is not broken off when that goes away.

        `context` where there are several clients; else one is kept. Raises InvalidInput for half a character,
        StoreTimeout.
        """
        if (place := broken_text(arguments)) is not None:
            raise InvalidInput(f"{place} has half a character (a lone surrogate); send whole ones: nothing was written")
        call: asyncio.Task[object] | None = None
        try:
            async with asyncio.timeout(self._longest) as limit:
                agent = Agent(await self.services(), actor.name, context or self._context)
                with acting_as(actor):
                    call = asyncio.ensure_future(self._work(tool, agent, arguments))
                call.add_done_callback(partial(self._count, agent, tool))
                return await (self._finished(call) if tool.writes else call)
        except TimeoutError as error:
            if not limit.expired():
                raise
            if call is None:
                said = "the stores are still being opened: nothing was written, try again"
            else:
                said = "it is being finished: look for it in memoria_history" if tool.writes else "ask for less"
            raise StoreTimeout(f"{tool.name} took longer than {self._longest:g} seconds; {said}") from error

    async def _work(self, tool: Tool, agent: Agent, arguments: Mapping[str, object]) -> object:
        self.waiting += 1
        try:
            await self._places.acquire()
        finally:
            self.waiting -= 1
        self.working += 1
        try:
            return await tool.act(agent, **arguments)
        finally:
            self.working -= 1
            self._places.release()

    async def _finished(self, call: asyncio.Task[object]) -> object:
        self._writing.add(call)
        call.add_done_callback(self._writing.discard)
        call.add_done_callback(_forgiven)
        return await asyncio.shield(call)

    def _count(self, agent: Agent, tool: Tool, call: asyncio.Task[object]) -> None:
        failed = call.cancelled() or call.exception() is not None
        self._tally.add(agent.services.agents, agent.name, tool.name, failed=failed)

    async def _begin(self) -> Services:
        services = await self._opened.enter_async_context(self._open_services())
        await self._opened.enter_async_context(_what_waits_finished(services, self._look_every))
        return services

    def _open(self) -> asyncio.Task[Services]:
        failed = self._opening and self._opening.done() and self._opening.exception()
        if self._opening is None or failed:
            self._opening = asyncio.ensure_future(self._begin())
            self._opening.add_done_callback(_forgiven)
        return self._opening


@asynccontextmanager
async def _what_waits_finished(services: Services, every: float) -> AsyncIterator[None]:
    """As long as the stores are open: nobody else may be there who would."""
    from services.memories.outbox_recovery import Recovery

    tasks: set[asyncio.Task[None]] = set()

    def run(work: Callable[[], Coroutine[None, None, None]]) -> None:
        tasks.add(task := asyncio.create_task(work()))
        task.add_done_callback(tasks.discard)
        task.add_done_callback(_forgiven)

    run(partial(Recovery(services.memories, run).follow, every))
    run(partial(services.syncing.watch, lambda _: None))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _forgiven(task: asyncio.Task[Any]) -> None:
    """Nobody may be there any more to get what it raised."""
    if not task.cancelled():
        task.exception()


def error_line(error: BaseException) -> str:
    """What went wrong, in one line; a bug leaves its traceback in the log file."""
    if isinstance(error, MemoriaError):
        refused(error)
        return in_tools(str(error))
    return crashed(error)
