"""What agents wait for: a recall over HTTP beside the service that it calls, and /health beside an empty route.

Server, client and service are in one process and take turns; the client is bare, so that it adds next to nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf

from memoria_tui.agents.door import Door
from memoria_tui.agents.http import http_server
from memoria_tui.agents.listening import Listening, bound
from services.container import Services, open_services
from services.model import Query
from tests.benchmarks.figures import Figure, compared, percentile
from tests.benchmarks.search import timed
from tests.benchmarks.seeded import memories, questions
from tests.benchmarks.stores import empty_stores

_FIVE = 5
"""Hits that a recall gives where nothing else is said."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=5_000)
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=7)


async def run(args: Namespace) -> list[Figure]:
    async with empty_stores() as stores:
        await stores.write(list(memories(args.memories)))
        async with open_services(stores.settings) as services, _serving(services) as client:

            async def service(text: str) -> None:
                await services.search.search(Query(text, text, limit=_FIVE))

            asked = questions(args.questions)
            over_http, own = await _in_turns((client.recall, service), asked, args.rounds)
            health, empty = await _in_turns((client.get, client.get), ["/health", "/health/live"], args.rounds * 10)
    what = f"recall of {args.memories:,} memories over HTTP, least of {args.rounds}, p50"
    return [
        compared(what, percentile(over_http, 0.5), "ms", "the service", percentile(own, 0.5), 1.3),
        compared("/health, least", health[0], "ms", "an empty route", empty[1], 2),
    ]


async def _in_turns(
    acts: tuple[Callable[[str], Awaitable[None]], ...], asked: list[str], rounds: int
) -> list[list[float]]:
    """The least milliseconds of each act for each text; the first round warms up."""
    least = [[inf] * len(asked) for _ in acts]
    for turn in range(rounds + 1):
        for place, text in enumerate(asked):
            for act, times in zip(acts, least, strict=True):
                taken = (await timed(act(text)))[0]
                times[place] = min(times[place], taken) if turn else inf
    return least


@dataclass(frozen=True, slots=True)
class _Client:
    """One connection that is kept."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    host: str

    async def recall(self, text: str) -> None:
        call = {"name": "memoria_recall", "arguments": {"query": text}}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode()
        answer = await self._ask("POST /mcp", body)
        assert b'"structuredContent"' in answer, answer

    async def get(self, path: str) -> None:
        await self._ask(f"GET {path}")

    async def _ask(self, what: str, body: bytes = b"") -> bytes:
        kinds = "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
        version = "MCP-Protocol-Version: 2025-06-18\r\n"
        head = f"{what} HTTP/1.1\r\nHost: {self.host}\r\n{kinds}{version}Content-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        assert b" 200 " in answer.splitlines()[0], answer
        (length,) = (int(line.split(b":")[1]) for line in answer.splitlines() if line.startswith(b"content-length:"))
        return await self.reader.readexactly(length)


@asynccontextmanager
async def _serving(services: Services) -> AsyncIterator[_Client]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        yield services

    logging.getLogger().addHandler(logging.NullHandler())  # else the protocol's library draws its log
    where = Listening(port=0)
    listening, server = bound(where), http_server(Door(opened), where)
    address, port = listening.getsockname()
    serving = asyncio.create_task(server.serve([listening]))
    reader, writer = await asyncio.open_connection(address, port)
    yield _Client(reader, writer, f"{address}:{port}")
    server.should_exit = True
    writer.close()
    await serving
