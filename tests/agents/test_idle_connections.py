"""Connections that bring no request: they end, and keep nobody out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from memoria_tui.agents.idle_connections import BoundedProtocol
from memoria_tui.agents.listen_address import bound
from tests.agents.world import ANYWHERE

pytestmark = pytest.mark.asyncio
MOST = 10


class _Hurried(BoundedProtocol):
    head = 0.2


async def _refused(_: Request) -> Response:
    return Response("refused", 403)


@contextlib.asynccontextmanager
async def _served(protocol: type[BoundedProtocol]) -> AsyncIterator[int]:
    """The port of a server that reads no bodies and has room for ten connections."""
    app = Starlette(routes=[Route("/", _refused, methods=["GET", "POST"])])
    config = uvicorn.Config(app, log_config=None, http=protocol, limit_concurrency=MOST, lifespan="off")
    server, listening = uvicorn.Server(config), bound(ANYWHERE)
    running = asyncio.create_task(server.serve([listening]))
    yield listening.getsockname()[1]
    server.should_exit = True
    await running


@pytest_asyncio.fixture
async def hurried() -> AsyncIterator[int]:
    async with _served(_Hurried) as port:
        yield port


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _sent(port: int, data: bytes) -> Streams:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    await writer.drain()
    return reader, writer


async def _status(streams: Streams) -> bytes:
    async with asyncio.timeout(60):
        line = await streams[0].readline()
        await streams[0].readuntil(b"refused" if b"403" in line else b"\r\n\r\n")
        return line.split()[1]


async def _ended(streams: Streams) -> None:
    with contextlib.suppress(ConnectionResetError):
        async with asyncio.timeout(60):
            await streams[0].read()


@contextlib.contextmanager
def _trickled(streams: Streams) -> Iterator[None]:
    """A byte now and then, as long as it is taken."""

    async def write() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                streams[1].write(b"x")
                await streams[1].drain()
                await asyncio.sleep(0.02)

    writing = asyncio.create_task(write())
    yield
    writing.cancel()


@pytest.mark.parametrize("data", [b"", b"GET /", b"GET / HTTP/1.1\r\nhost: a\r\n"])
async def test_a_connection_without_the_head_of_a_request_ends(hurried: int, data: bytes) -> None:
    streams = await _sent(hurried, data)
    with _trickled(streams) if data else contextlib.nullcontext():
        await _ended(streams)


async def test_a_second_request_that_does_not_end_and_a_body_that_nobody_reads_end_too(hurried: int) -> None:
    for data in (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999\r\n\r\n"):
        streams = await _sent(hurried, data)
        assert await _status(streams) == b"403"
        with _trickled(streams):
            await _ended(streams)


async def test_connections_that_wait_make_room_for_one_that_asks() -> None:
    async with _served(BoundedProtocol) as port:
        asking = await _sent(port, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert await _status(asking) == b"403"
        asking[1].close()
        waiting = [await _sent(port, b"GET /") for _ in range(3 * MOST)]
        one = await _sent(port, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert await _status(one) == b"403"
        for streams in waiting[:MOST]:
            await _ended(streams)
        for streams in (*waiting, one):
            streams[1].close()
