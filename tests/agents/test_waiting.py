"""What was written while the embedder did not answer is embedded by the agents' server once it answers again."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import httpx
from mcp import Client

from memoria_tui.agents.tool_calls import Door
from services.container import Services
from services.settings import Settings
from tests.agents.world import answered, served
from tests.services.edge_here import edge_here, services_here
from tests.services.test_ollama import Ollama

SOON = 0.02
"""Seconds between two looks of a server."""


class OllamaThatRefuses(Ollama):
    """Nothing listens until it is there."""

    is_there = False

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if not self.is_there:
            raise httpx.ConnectError("connection refused", request=request)
        return await super().__call__(request)


async def test_what_waits_is_embedded_when_the_embedder_answers_again_by_several_servers_at_once(
    tmp_path: Path, postgres_url: str
) -> None:
    settings = Settings(home=tmp_path, database_url=postgres_url, embedding_model="nomic-embed-text", zone="UTC")
    vectors, ollama = edge_here(settings.vectors_dir), OllamaThatRefuses()

    def opened() -> AbstractAsyncContextManager[Services]:
        return services_here(settings, vectors=vectors, embedder=ollama.embedder())

    async with AsyncExitStack() as stack, asyncio.timeout(60):
        person = await stack.enter_async_context(opened())
        urls = [await stack.enter_async_context(served(Door(opened, look_every=SOON))) for _ in range(3)]
        stored = []
        for url in urls:
            async with Client(f"{url}/mcp") as client:
                stored.append(answered(await client.call_tool("memoria_store", {"content": f"Waits, from {url}."})))
        assert await person.memories.pending_count() == len(urls)
        ollama.is_there = True
        while await person.memories.pending_count():  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(SOON)
        for memory in stored:
            assert len(await person.memories.history(memory["id"])) == 1
        embedded = {text for batch in ollama.inputs for text in batch}
        assert all(any(url in text for text in embedded) for url in urls)
