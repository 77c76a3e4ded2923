"""`memoria-tui mcp` as a process of its own, as clients start it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from services.container import open_services
from services.search.query import parse_query
from services.settings import load_settings
from tests.forking import forked

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMMAND = ("-m", "memoria_tui", "mcp")
HELLO = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "by hand", "version": "1"},
    },
}


class Process:
    """A server whose standard input is written by hand."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout

    async def write(self, line: bytes) -> None:
        self._in.write(line + b"\n")
        await self._in.drain()

    async def send(self, message: dict[str, object]) -> None:
        await self.write(json.dumps(message).encode())

    async def read(self) -> Any:
        return json.loads(await self._out.readline())

    async def ask(self, number: int, method: str, params: dict[str, object]) -> Any:
        """The answer; whatever else the server writes is no answer to it."""
        await self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        while (answer := await self.read()).get("id") != number:
            pass
        return answer

    async def end(self) -> tuple[bytes, int]:
        """Closes its input; what else it wrote, and its exit status."""
        self._in.close()
        rest = await self._out.read()
        return rest, await self.process.wait()


@asynccontextmanager
async def started(variables: Mapping[str, str]) -> AsyncIterator[Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *forked(*COMMAND), stdin=pipe, stdout=pipe, stderr=pipe, env=variables, limit=1 << 25
    )
    try:
        async with asyncio.timeout(60):
            yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_client_stores_and_recalls_through_a_process(variables: Mapping[str, str]) -> None:
    parameters = StdioServerParameters(command=sys.executable, args=[*COMMAND], env=dict(variables))
    async with Client(parameters) as client:
        stored = await client.call_tool("memoria_store", {"content": "Through a pipe.", "tags": ["pipe"]})
        found = await client.call_tool("memoria_recall", {"query": "pipe"})
    assert stored.structured_content
    assert found.structured_content
    assert [hit["id"] for hit in found.structured_content["hits"]] == [stored.structured_content["id"]]


async def test_what_is_no_call_is_refused_and_the_next_one_is_served(variables: Mapping[str, str]) -> None:
    async with started(variables) as server:
        await server.send(HELLO)
        assert (await server.read())["result"]["serverInfo"]["name"] == "memoria"
        await server.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        for line, code in {
            b"{not json": -32700,
            b"\xff\xfe": -32700,
            b"{" * 100_000: -32700,
            b'{"id": "\\ud800", no json': -32700,
            b'{"id": "\\x"': -32700,
            b'{"id": %s, no json' % (b"1" * 5_000): -32700,
            b"[]": -32600,
            b"null": -32600,
            b'{"jsonrpc": "2.0"}': -32600,
        }.items():
            await server.write(line)
            refused = await server.read()
            assert (refused["id"], refused["error"]["code"]) == (None, code)
        await server.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": [1]}})
        assert (await server.ask(1, "no/method", {}))["error"]["code"] == -32601
        assert "error" in await server.ask(2, "tools/call", {"name": 7})
        surrogate = b'"name":"memoria_store","arguments":{"content":"\\ud800"}'
        await server.write(b'{"jsonrpc":"2.0","id":"three","method":"tools/call","params":{%s}}' % surrogate)
        refused = await server.read()
        assert refused["id"] == "three"
        assert "halves of characters" in refused["error"]["message"]
        huge: dict[str, object] = {"name": "memoria_store", "arguments": {"content": "x" * 10_000_000}}
        refused = (await server.ask(4, "tools/call", huge))["result"]
        assert refused["isError"]
        assert "at most 4,000,000" in refused["content"][0]["text"]
        listed = (await server.ask(5, "tools/call", {"name": "memoria_search", "arguments": {"limit": 1}}))["result"]
        assert not listed["isError"]
        rest, status = await server.end()
        assert server.process.stderr is not None
        said = (await server.process.stderr.read()).decode()
    assert rest == b""
    assert status == 0
    assert "Traceback" not in said
    assert said == ""


async def test_a_client_that_goes_away_in_the_middle_of_a_write_loses_nothing(variables: Mapping[str, str]) -> None:
    async with started(variables) as server:
        await server.send(HELLO)
        await server.read()
        await server.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        text = "Sent and gone. " * 500
        call = {"name": "memoria_store", "arguments": {"content": text}}
        await server.send({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call})
        rest, status = await server.end()
    answers = [json.loads(line) for line in rest.splitlines()]
    assert [answer["id"] for answer in answers if "result" in answer] == [2]
    assert status == 0
    async with open_services(load_settings(variables)) as services:
        listing = await services.search.listing(parse_query('"and gone"', now=services.clock(), week_begins=0))
        hits = await listing.page(0, 9)
    assert [hit.memory.title[:13] for hit in hits] == ["Sent and gone"]


async def test_answers_that_nobody_reads_any_more_end_it_without_a_word(variables: Mapping[str, str]) -> None:
    async with started(variables) as server:
        await server.send(HELLO)
        await server.read()
        server.process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
        await asyncio.sleep(0)  # the pipe is closed in the next turn of the loop
        await server.send({"jsonrpc": "2.0", "id": 1, "method": "ping"})
        assert server.process.stderr is not None
        assert await server.process.stderr.read() == b""
        assert await server.process.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_signal_ends_it_without_a_traceback(variables: Mapping[str, str], number: int) -> None:
    async with started(variables) as server:
        await server.send(HELLO)
        await server.read()
        server.process.send_signal(number)
        out, said = await server.process.communicate()
    assert (out, said) == (b"", b"")
    assert server.process.returncode == 0


async def test_the_commands_and_the_app_do_not_load_the_protocol(variables: Mapping[str, str]) -> None:
    code = (
        "import sys\n"
        "from memoria_tui.cli.program import program\n"
        "import memoria_tui.app, services.container\n"
        "program()\n"
        "print(sorted(name for name in sys.modules if name.partition('.')[0] in ('mcp', 'mcp_types', 'starlette')))"
    )
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=pipe, env=variables)
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"
