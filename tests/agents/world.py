"""Agents on real stores: PostgreSQL and Qdrant Edge, with the bundled model, over the SDK's own client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.types import CallToolResult, Implementation

from memoria_tui.agents.http import http_server
from memoria_tui.agents.listen_address import Listening, bound
from memoria_tui.agents.mcp import server
from memoria_tui.agents.tool_calls import Door
from services.container import Services, open_services
from services.settings import Settings
from tests.services.edge_here import edge_here, model_here
from tests.services.memory_world import quick_folder

NAME = "tester"
ANYWHERE = Listening(port=0)


class FakeChat:
    """Answers the same to everything, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str | None]] = []
        self.text = "They all tell of one queue."

    async def answer(self, instruction: str, question: str, model: str | None = None) -> str:
        self.asked.append((instruction, question, model))
        return self.text

    async def close(self) -> None:
        """Holds nothing."""


class Staying:
    """A client that stays connected from its first call on, in a task of its own, for those of tests come and go.

    To connect takes longer than a call.
    """

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[Client]]) -> None:
        self._connect = connect
        self._task: asyncio.Task[None] | None = None
        self._connected: asyncio.Future[Client]
        self._end = asyncio.Event()

    async def client(self) -> Client:
        if self._task is None:
            self._connected = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._stay())
        return await asyncio.shield(self._connected)

    async def _stay(self) -> None:
        try:
            async with self._connect() as client:
                self._connected.set_result(client)
                await self._end.wait()
        except BaseException as error:
            if not self._connected.done():
                self._connected.set_exception(error)
            raise

    async def close(self) -> None:
        if self._task is not None:
            self._end.set()
            await self._task


@dataclass(frozen=True, slots=True)
class World:
    """Stores as a person has them open, and the way in for agents."""

    services: Services
    chat: FakeChat
    session: list[str] = field(default_factory=list)
    """The acts of all calls that are no client's of their own."""
    staying: list[Staying] = field(default_factory=list)
    """At most one, which makes them."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Services]:
        """The stores as a server opens them."""
        yield self.services

    @asynccontextmanager
    async def client(
        self, name: str = NAME, mode: str = "auto", session: list[str] | None = None
    ) -> AsyncIterator[Client]:
        """A client of its own connection, and session unless one is given."""

        @asynccontextmanager
        async def opened() -> AsyncIterator[Services]:
            yield self.services

        door = Door(opened)
        door.session = [] if session is None else session
        async with Client(server(door), mode=mode, client_info=Implementation(name=name, version="1")) as client:
            yield client

    async def call(self, tool: str, **arguments: object) -> Any:
        """What a tool answers, as data."""
        return answered(await self._answer(tool, arguments))

    async def refused(self, tool: str, **arguments: object) -> str:
        """The line with which a tool refuses."""
        answer = await self._answer(tool, arguments)
        assert answer.is_error
        return text_of(answer)

    async def _answer(self, tool: str, arguments: dict[str, object]) -> CallToolResult:
        if not self.staying:
            self.staying.append(Staying(lambda: self.client(session=self.session)))
        client = await self.staying[0].client()
        return await client.call_tool(tool, arguments)

    async def close(self) -> None:
        for one in self.staying:
            await one.close()

    async def store(self, content: str, **more: object) -> str:
        """The id of a new memory of an agent."""
        return str((await self.call("memoria_store", content=content, **more))["id"])


@asynccontextmanager
async def open_world(database_url: str) -> AsyncIterator[World]:
    """Empty stores in a database with our schema; the person is «anna»."""
    chat = FakeChat()
    with quick_folder() as folder:
        settings = Settings(home=Path(folder), database_url=database_url, actor="anna", zone="Europe/Rome")
        vectors = edge_here(settings.vectors_dir)
        async with open_services(settings, vectors=vectors, embedder=model_here(), chat=chat) as services:
            world = World(services, chat)
            yield world
            await world.close()


@asynccontextmanager
async def served(door: Door, where: Listening = ANYWHERE) -> AsyncIterator[str]:
    """The address of a server that runs in this process."""
    server, listening = http_server(door, where), bound(where)
    running = asyncio.create_task(server.serve([listening]))
    yield f"{'https' if where.certificate else 'http'}://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await running


def answered(answer: CallToolResult) -> Any:
    """The data of an answer that is no error; its text says the same."""
    assert not answer.is_error, text_of(answer)
    return answer.structured_content


def text_of(answer: CallToolResult) -> str:
    (content,) = answer.content
    assert content.type == "text"
    return content.text
