"""What agents wait for: a recall over HTTP beside the service that it calls, /health beside an empty route, the slowest
of many clients beside the median, a bulk store beside an import of other texts of that kind.

Server, client and service are in one process and take turns; the client is bare, so that it adds next to nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import statistics
import time
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from math import inf
from pathlib import Path

from memoria_tui.agents.http import http_server
from memoria_tui.agents.listen_address import Listening, bound
from memoria_tui.agents.tool_calls import Door
from services.container import Services, open_services
from services.model import MemoryDraft, Query
from tests.benchmarks.figures import Figure, compared, percentile, ratio_figure
from tests.benchmarks.search import timed
from tests.benchmarks.seeded import memories, questions
from tests.benchmarks.stores import empty_stores

_FIVE = 5
"""Hits that a recall gives where nothing else is said."""
_BULK = 1000
"""Memories of one bulk store."""
_RECALLS = 0.8
"""Share of the calls of many clients; the others store."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=5_000)
    parser.add_argument("--home", type=Path, help="keep the stores here for the next run; else in a temporary folder")
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--clients", type=int, default=50, help="at once (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60, help="of many clients (default: %(default)s)")
    parser.add_argument("--bulks", type=int, default=7, help="bulk stores of 1,000 (default: %(default)s)")


async def run(args: Namespace) -> list[Figure]:
    async with empty_stores(args.home) as stores, open_services(stores.settings) as services:
        if not (await services.search.search(Query(limit=1))).total:
            await stores.write(list(memories(args.memories)))
        async with _serving(services) as address:

            async def service(text: str) -> None:
                await services.search.search(Query(text, text, limit=_FIVE))

            asked, client = questions(args.questions), await _Client.connected(*address)
            over_http, own = await _in_turns((client.recall, service), asked, args.rounds)
            health, empty = await _in_turns((client.get, client.get), ["/health", "/health/live"], args.rounds * 10)
            many = await _many(address, args.clients, args.seconds, questions(1000))
            client.writer.close()
            bulk, imported = await _bulks(await _Client.connected(*address), services, args.bulks)
    what = f"recall of {args.memories:,} memories over HTTP, least of {args.rounds}, p50"
    half, most, slow = (percentile(many, share) for share in (0.5, 0.99, 1))
    return [
        compared(what, percentile(over_http, 0.5), "ms", "the service", percentile(own, 0.5), 1.3),
        compared("/health, least", health[0], "ms", "an empty route", empty[1], 2),
        compared(f"{args.clients} clients, {len(many):,} calls, p99", most, "ms", "p50", half, 10),
        Figure(f"{args.clients} clients, the slowest call", slow, "ms"),
        ratio_figure("bulk store", _BULK / bulk, "memories/s", "import, in time", bulk / imported, 1 / 0.8),
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


async def _many(address: tuple[str, int], clients: int, seconds: float, asked: list[str]) -> list[float]:
    """Milliseconds of each call of clients that recall and store for so long. An answer that is an error ends it."""
    until, taken = time.monotonic() + seconds, list[float]()

    async def one(number: int) -> None:
        client, dice = await _Client.connected(*address), random.Random(number)
        while time.monotonic() < until:
            text = dice.choice(asked)
            call = client.recall(text) if dice.random() < _RECALLS else client.store(f"{text} {dice.random()}")
            taken.append((await timed(call))[0])
        client.writer.close()

    await asyncio.gather(*map(one, range(clients)))
    return taken


async def _bulks(client: _Client, services: Services, rounds: int) -> tuple[float, float]:
    """Seconds of a bulk store and of an import of as many texts, medians of some that take turns to be the first."""
    bulk, imported = list[float](), list[float]()

    async def store() -> None:
        bulk.append((await timed(client.bulk(list(memories(_BULK, seed=time.time_ns())))))[0] / 1000)

    async def bring() -> None:
        texts = memories(_BULK, seed=time.time_ns())
        lines = "\n".join(json.dumps({"collection": str(one.type), "payload": _new(one)}) for one in texts)
        took, report = await timed(services.importing.import_stream(str(time.time_ns()), BytesIO(lines.encode())))
        assert report.memories == _BULK, report
        imported.append(took / 1000)

    for number in range(rounds):
        for act in (store, bring) if number % 2 else (bring, store):
            await act()
    return statistics.median(bulk), statistics.median(imported)


def _new(draft: MemoryDraft) -> dict[str, object]:
    """A memory as both a bulk store and an import take it."""
    return {
        "content": draft.content,
        "memory_type": str(draft.type),
        "tags": draft.tags,
        "importance": draft.importance,
        "project": draft.project,
    }


@dataclass(frozen=True, slots=True)
class _Client:
    """One connection that is kept."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    host: str

    @classmethod
    async def connected(cls, address: str, port: int) -> _Client:
        return cls(*await asyncio.open_connection(address, port), f"{address}:{port}")

    async def recall(self, text: str) -> None:
        await self._call("memoria_recall", query=text)

    async def store(self, text: str) -> None:
        await self._call("memoria_store", content=text)

    async def bulk(self, drafts: list[MemoryDraft]) -> None:
        body = json.dumps({"memories": [_new(one) for one in drafts]}).encode()
        await self._ask("POST /api/v1/memories/bulk", body, 201)

    async def get(self, path: str) -> None:
        await self._ask(f"GET {path}")

    async def _call(self, tool: str, **arguments: str) -> None:
        call = {"name": tool, "arguments": arguments}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode()
        answer = await self._ask("POST /mcp", body)
        assert b'"structuredContent"' in answer, answer

    async def _ask(self, what: str, body: bytes = b"", status: int = 200) -> bytes:
        kinds = "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
        version = "MCP-Protocol-Version: 2025-06-18\r\n"
        head = f"{what} HTTP/1.1\r\nHost: {self.host}\r\n{kinds}{version}Content-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        assert f" {status} ".encode() in answer.splitlines()[0], answer
        (length,) = (int(line.split(b":")[1]) for line in answer.splitlines() if line.startswith(b"content-length:"))
        return await self.reader.readexactly(length)


@asynccontextmanager
async def _serving(services: Services) -> AsyncIterator[tuple[str, int]]:
    """Where the services are served."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        yield services

    logging.getLogger().addHandler(logging.NullHandler())  # else the protocol's library draws its log
    where = Listening(port=0)
    listening, server = bound(where), http_server(Door(opened), where)
    serving = asyncio.create_task(server.serve([listening]))
    yield listening.getsockname()
    server.should_exit = True
    await serving
