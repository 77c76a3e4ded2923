"""`memoria-tui serve`: many clients over sockets, what is no request of theirs, and how it starts and ends."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio
import uvicorn
from mcp import Client
from mcp.types import Implementation
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memoria_tui.agents.http import http_server
from memoria_tui.agents.listen_address import PREFIX, Listening, bound
from memoria_tui.agents.request_limits import LARGEST, Complete, Limited, rates_used
from memoria_tui.agents.tool import Agent, Tool
from memoria_tui.agents.tool_calls import Door
from memoria_tui.agents.tracing import ENDPOINT
from memoria_tui.cli.agents_server import wants_traces
from memoria_tui.cli.terminal import Terminal
from services.acting import Actor
from services.container import Services
from services.errors import InvalidInput, StoreInUse, StoreTimeout
from tests.agents.world import ANYWHERE, World, answered, served, text_of
from tests.forking import forked

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(world: World) -> AsyncIterator[str]:
    async with served(Door(world.opened)) as url:
        yield url


def called(tool: str, **arguments: object) -> dict[str, object]:
    """A call as an old client sends it."""
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


def head(size: int, **more: str) -> bytes:
    """What a client sends before a body of so many bytes."""
    headers = {**HEADERS, "host": "localhost", "content-length": str(size), **more}
    return "".join(["POST /mcp HTTP/1.1\r\n", *(f"{key}: {one}\r\n" for key, one in headers.items()), "\r\n"]).encode()


async def post(url: str, **more: Any) -> httpx.Response:
    async with httpx.AsyncClient(timeout=60) as client:
        return await client.post(url, **{"headers": HEADERS, **more})


@pytest.mark.parametrize(("mode", "name"), [("auto", "agent:tester"), ("legacy", "agent:python-httpx2")])
async def test_clients_of_both_protocols_store_recall_and_undo(
    world: World, address: str, mode: str, name: str
) -> None:
    async with Client(f"{address}/mcp", mode=mode, client_info=Implementation(name="tester", version="1")) as client:
        assert len((await client.list_tools()).tools) > 25
        stored = answered(await client.call_tool("memoria_store", {"content": f"Over HTTP, {mode}."}))
        found = answered(await client.call_tool("memoria_recall", {"query": f"over http {mode}"}))
        assert stored["id"] in [hit["id"] for hit in found["hits"]]
        (change,) = await world.services.memories.history(stored["id"])
        assert change.actor == name
        assert stored["title"] in answered(await client.call_tool("memoria_undo", {}))["what"]


async def test_nothing_is_kept_between_calls_and_a_project_comes_with_the_address(world: World, address: str) -> None:
    async with Client(f"{address}/mcp?project=pier") as client:
        refused = await client.call_tool("memoria_set_context", {"project": "other"})
        stored = answered(await client.call_tool("memoria_store", {"content": "With the address's project."}))
    assert refused.is_error
    assert "?project=NAME" in text_of(refused)
    assert (await world.services.memories.get(stored["id"])).project == "pier"
    async with Client(f"{address}/mcp") as client:
        stored = answered(await client.call_tool("memoria_store", {"content": "With none."}))
    assert (await world.services.memories.get(stored["id"])).project is None


async def test_many_clients_at_once_are_served_and_none_is_taken_for_another(world: World, address: str) -> None:
    async def store(http: httpx.AsyncClient, number: int) -> tuple[str, str]:
        body = called("memoria_store", content=f"Fact of client {number}.")
        answer = await http.post(f"{address}/mcp", json=body, headers={**HEADERS, "user-agent": f"many-{number}/1"})
        result = answer.json()["result"]
        assert not result["isError"], result
        return f"agent:many-{number}", result["structuredContent"]["id"]

    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=None)) as http:
        stored = dict(await asyncio.gather(*(store(http, number) for number in range(40))))
    acts = (await world.services.memories.acts.page(40)).acts
    assert {act.actor: act.titles[0] for act in acts} == {
        name: f"Fact of client {number}." for number, name in enumerate(stored)
    }


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:8765"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:3000"}, 403),
        ({"origin": "http://localhost:3000", "host": "localhost"}, 403),
    ],
)
async def test_a_foreign_host_or_page_is_refused_everywhere(address: str, headers: dict[str, str], status: int) -> None:
    for path in ("mcp", "nothing"):
        answer = await post(f"{address}/{path}", json=called("memoria_stats"), headers={**HEADERS, **headers})
        assert (answer.status_code, answer.json()["status"]) == (status, status)
    port = address.rpartition(":")[2]
    own = {"host": f"localhost:{port}", "origin": f"http://localhost:{port}"}
    for near in ({"host": f"localhost:{port}"}, {"host": "[::1]"}, {"origin": address}, own):
        answer = await post(f"{address}/mcp", json=called("memoria_stats"), headers={**HEADERS, **near})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{not json", 400, "Invalid JSON: key must be a string"),
        (b"\xff\xfe", 400, "in UTF-8"),
        (b'{"id": "\\x"', 400, "Invalid JSON: invalid escape"),
        (b'{"id": "a\\"b", no json', 400, '"id":"a\\"b"'),
        (b"[]", 400, "that is no JSON-RPC request"),
        (b"7", 400, "that is no JSON-RPC request"),
        (b"{" * 100_000, 400, "Invalid JSON"),
        (b"x" * (LARGEST + 1), 413, f"at most {LARGEST:,} bytes"),
        (json.dumps(called("memoria_store", content="x" * 10_000_000)).encode(), 413, "send less at once"),
        (json.dumps(called("memoria_store", content="x" * 5_000_000)).encode(), 200, "at most 4,000,000"),
        (json.dumps(called("no_tool")).encode(), 200, "there is no tool 'no_tool'"),
        (json.dumps(called("memoria_recall", query=7)).encode(), 200, "query must be text"),
    ],
)
async def test_what_is_no_call_is_refused_in_clear_words(address: str, body: bytes, status: int, said: str) -> None:
    for version in ({}, {"mcp-protocol-version": "2026-07-28"}) if status == 400 else ({},):
        answer = await post(f"{address}/mcp", content=body, headers={**HEADERS, **version})
        assert answer.status_code == status
        assert said in answer.text
        assert "pydantic" not in answer.text


async def test_what_is_not_served_is_told_as_a_problem(address: str) -> None:
    async with httpx.AsyncClient() as client:
        for method, path, status in (("GET", "mcp", 405), ("DELETE", "mcp", 405), ("GET", "none", 404)):
            answer = await client.request(method, f"{address}/{path}")
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
            assert f"/{path}" in answer.json()["detail"]


class Request:
    """A request by hand: what its client sends, and what it gets."""

    def __init__(self, *parts: Message) -> None:
        self._parts = list(parts)
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        await asyncio.sleep(0.01)
        return self._parts.pop(0) if len(self._parts) > 1 else self._parts[0]

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def come_to(self, app: ASGIApp, sending: float = 60) -> None:
        scope: Scope = {"type": "http", "path": "/mcp", "method": "POST", "headers": [(b"host", b"localhost")]}
        await Complete(app, sending=sending)(scope, self.receive, self.send)


async def test_clients_together_hold_no_more_than_there_is_room_for() -> None:
    """However many send at once: the others are told to come again, and nothing of theirs is kept."""
    going, answered = asyncio.Event(), []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answered.append(len((await receive())["body"]))
        await going.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def asked() -> Message:
        request = Request({"type": "http.request", "body": b"x" * 10, "more_body": True}, {"type": "http.request"})
        await complete({"type": "http", "path": "/mcp"}, request.receive, request.send)
        return request.sent[0]

    complete = Complete(app, most=35)
    asking = [asyncio.create_task(asked()) for _ in range(10)]
    done: set[asyncio.Task[Message]] = set()
    while len(done) < 7:
        done, _ = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        done = {one for one in asking if one.done()}
    for one in done:
        message = await one
        assert (message["status"], (b"retry-after", b"5") in message["headers"]) == (503, True)
    going.set()
    assert [(await one)["status"] for one in asking if one not in done] == [200] * 3
    assert answered == [10] * 3
    assert (await asked())["status"] == 200


async def test_who_asks_too_often_is_told_by_every_worker_when_to_ask_again() -> None:
    now, asked = 100.0, []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope["state"]["actor"].name)

    used = rates_used()
    workers = cycle([Limited(app, 3, used, lambda: now) for _ in range(2)])

    async def ask(name: str, path: str = "/mcp") -> list[Message]:
        request = Request()
        scope = {"type": "http", "path": path, "headers": [], "query_string": b"", "state": {"actor": Actor(name)}}
        await next(workers)(scope, request.receive, request.send)
        return request.sent

    assert [await ask("one") for _ in range(3)] == [[], [], []]
    (start, body) = await ask("one")
    assert (start["status"], (b"retry-after", b"20") in start["headers"]) == (429, True)
    assert "more than 3 requests a minute; try again in 20 seconds" in body["body"].decode()
    assert await ask("two") == []
    now += 20
    assert await ask("one") == []
    assert (await ask("one"))[0]["status"] == 429
    assert asked == ["one"] * 3 + ["two", "one"]


@pytest.mark.parametrize(
    ("where", "rate"),
    [(Listening(), 0), (Listening(tokens=True), 6000), (Listening(rate=5), 5), (Listening(tokens=True, rate=0), 0)],
)
async def test_who_needs_a_token_has_a_limit_unless_it_is_set(where: Listening, rate: int) -> None:
    assert where.most_a_minute == rate


async def test_a_limit_holds_over_http_and_never_for_health(world: World) -> None:
    async with served(Door(world.opened), Listening(port=0, rate=2)) as url:
        answers = [await post(f"{url}/mcp", json=called("memoria_stats")) for _ in range(3)]
        assert [one.status_code for one in answers] == [200, 200, 429]
        assert answers[2].headers["content-type"] == "application/problem+json"
        other = await post(f"{url}/mcp", json=called("memoria_stats"), headers={**HEADERS, "user-agent": "other"})
        assert other.status_code == 200
        async with httpx.AsyncClient() as client:
            assert {(await client.get(f"{url}/health/live")).status_code for _ in range(5)} == {200}


async def test_a_page_may_use_the_server_where_that_is_set_and_nowhere_else(world: World, address: str) -> None:
    page = {"origin": "https://pages.example"}
    asks = {**page, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    async with served(Door(world.opened), Listening(port=0, origins=[page["origin"]])) as url:
        async with httpx.AsyncClient() as client:
            before = await client.options(f"{url}/mcp", headers=asks)
            assert before.headers["access-control-allow-origin"] == page["origin"]
            foreign = await client.options(f"{url}/mcp", headers={**asks, "origin": "https://evil.example"})
            assert "access-control-allow-origin" not in foreign.headers
            made = await client.post(f"{url}{PREFIX}/memories", json={"content": "a page's"}, headers=page)
            own = made.headers.keys() - {"date", "server", "content-length", "content-type", "vary"}
            read = set(made.headers["access-control-expose-headers"].split(", "))
            assert {"etag", "location"} <= {one for one in own if not one.startswith("access-control")} <= read
        answer = await post(f"{url}/mcp", json=called("memoria_stats"), headers={**HEADERS, **page})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, page["origin"])
        answer = await post(f"{url}/mcp", json=called("memoria_stats"), headers={**HEADERS, "origin": "https://e.x"})
        assert answer.status_code == 403
    async with httpx.AsyncClient() as client:
        assert "access-control-allow-origin" not in (await client.options(f"{address}/mcp", headers=asks)).headers


async def test_a_request_that_does_not_end_is_given_up() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("it was not complete")

    request = Request({"type": "http.request", "body": b"x", "more_body": True})
    await request.come_to(app, sending=0.1)
    assert request.sent[0]["status"] == 408


async def test_what_nobody_waits_for_any_more_is_not_read_on() -> None:
    ended = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["body"] == b"x"
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    request = Request({"type": "http.request", "body": b"x"}, {"type": "http.disconnect"})
    await request.come_to(app)
    assert (ended, request.sent) == ([True], [])


async def test_a_client_that_goes_away_in_the_middle_of_a_write_loses_nothing(world: World) -> None:
    body = json.dumps(called("memoria_store", content="Sent over HTTP and gone. " * 200)).encode()
    door = Door(world.opened)
    async with served(door) as address, asyncio.timeout(60):
        for cut in (len(body) - 10, len(body)):
            _, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
            writer.write(head(len(body)) + body[:cut])
            await writer.drain()
            while cut == len(body) and not door.writing:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0)
            writer.transport.abort()
        while not (hits := (await world.call("memoria_search", text_match="and gone"))["hits"]):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert len(hits) == 1


@dataclass
class Slow:
    """A tool that takes its time."""

    ended: bool = False

    async def act(self, agent: Agent) -> str:
        await asyncio.sleep(0.2)
        self.ended = True
        return "done"


async def test_a_call_that_takes_too_long_is_given_up_but_a_write_is_finished(world: World) -> None:
    reading, writing = Slow(), Slow()
    async with Door(world.opened, longest=0.05) as door:
        await door.services()
        with pytest.raises(StoreTimeout, match=r"slow took longer than 0\.05 seconds; ask for less"):
            await door.call(Tool("slow", reading.act, "", writes=False), Actor("agent"), {})
        with pytest.raises(StoreTimeout, match="it is being finished: look for it in memoria_history"):
            await door.call(Tool("slow", writing.act, ""), Actor("agent"), {})
    assert (reading.ended, writing.ended) == (False, True)


async def test_a_write_that_waits_for_the_stores_to_open_is_not_said_to_be_under_way(world: World) -> None:
    ready, writing = asyncio.Event(), Slow()

    @asynccontextmanager
    async def slowly() -> AsyncIterator[Services]:
        await ready.wait()
        yield world.services

    async with Door(slowly, longest=0) as door:
        with pytest.raises(StoreTimeout, match="still being opened: nothing was written, try again"):
            await door.call(Tool("slow", writing.act, ""), Actor("agent"), {})
        ready.set()
    assert not writing.ended


async def test_health_tells_whether_it_runs_and_whether_the_stores_answer(address: str) -> None:
    async with httpx.AsyncClient() as client, served(Door(world_that_is_not_there)) as broken:
        for path in ("health", "health/ready", "health/live"):
            answer = await client.get(f"{address}/{path}", headers={"host": "10.1.2.3:8765"})
            assert answer.status_code == 200
        assert (await client.get(f"{broken}/health/live")).status_code == 200
        answer = await client.get(f"{broken}/health")
        assert (answer.status_code, answer.json()["detail"]) == (503, "away: stores")
        refused = await client.post(f"{broken}/mcp", json=called("memoria_stats"), headers=HEADERS)
        assert "the store is in use" in refused.text


SERVE = ("-m", "memoria_tui", "serve", "--port", "0")


@asynccontextmanager
async def process(
    variables: Mapping[str, str], command: Sequence[str]
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A server of its own process, and its address."""
    pipe = asyncio.subprocess.PIPE
    started = await asyncio.create_subprocess_exec(*command, stderr=pipe, stdout=pipe, env=variables)
    try:
        async with asyncio.timeout(120):
            assert started.stderr is not None
            line = (await started.stderr.readline()).decode()
        assert line.startswith("serving MCP at http"), line
        yield started, line.split()[3].removesuffix("/mcp")
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[dict[str, str], dict[str, list[Any]]]]:
    """One of OpenTelemetry: the variables that name it, and the spans that it was sent, by name."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    spans: dict[str, list[Any]] = {}

    async def collect(request: StarletteRequest) -> Response:
        sent = ExportTraceServiceRequest.FromString(await request.body())
        for resource in sent.resource_spans:
            for scope in resource.scope_spans:
                for one in scope.spans:
                    spans.setdefault(one.name, []).append(one)
        return Response()

    app = Starlette(routes=[Route("/v1/traces", collect, methods=["POST"])])
    server, listening = uvicorn.Server(uvicorn.Config(app, log_config=None)), bound(ANYWHERE)
    running = asyncio.create_task(server.serve([listening]))
    yield {ENDPOINT: f"http://127.0.0.1:{listening.getsockname()[1]}"}, spans
    server.should_exit = True
    await running


async def ask_traced(url: str) -> None:
    """Asks over both protocols for what no trace may tell."""
    parent = f"00-{'7' * 32}-{'5' * 16}-01"
    async with httpx.AsyncClient(timeout=60) as client:
        await client.get(f"{url}/api/v1/memories", params={"query": "secret"}, headers={"traceparent": parent})
    await post(f"{url}/mcp", json=called("memoria_recall", query="secret"))


def assert_told(spans: Mapping[str, list[Any]]) -> None:
    """The spans of `ask_traced`."""
    (request,) = spans["GET /api/v1/memories"]
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == ("7" * 32, "5" * 16)
    ((call,),) = (found for name, found in spans.items() if "memoria_recall" in name)
    assert call.trace_id in {one.trace_id for one in spans["POST /mcp"]}
    assert "secret" not in str(spans)


async def test_a_signal_ends_it_and_its_events_once_a_request_under_way_is_answered_and_traces_are_sent(
    variables: Mapping[str, str],
) -> None:
    body = json.dumps(called("memoria_store", content="At the end.")).encode()
    async with collector() as (place, spans), process({**variables, **place}, forked(*SERVE)) as (server, url):
        await ask_traced(url)
        async with httpx.AsyncClient(timeout=60) as client, client.stream("GET", f"{url}/api/v1/events") as events:
            assert events.status_code == 200
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            writer.write(head(len(body), expect="100-continue"))
            assert b"100" in await reader.readuntil(b"\r\n\r\n")  # it waits for the rest
            server.send_signal(signal.SIGTERM)
            async for _ in events.aiter_bytes():
                pass
        writer.write(body)
        assert b"structuredContent" in await reader.read()
        writer.close()
        out, said = await server.communicate()
    assert (out, said, server.returncode) == (b"", b"", 0)
    assert_told(spans)


async def two_workers(server: int, dead: int = 0) -> set[int]:
    """Waits for them: a number of their own each, and none of them the dead one."""
    async with asyncio.timeout(300):
        while True:
            found = set()
            for one in psutil.Process(server).children():
                with contextlib.suppress(psutil.Error):
                    found |= {one.pid} if "spawn_main" in " ".join(one.cmdline()) else set()
            if len(found) == 2 and dead not in found:
                return found
            await asyncio.sleep(0.1)


async def test_several_workers_serve_one_store_and_one_that_dies_is_started_again(variables: Mapping[str, str]) -> None:
    command = (sys.executable, *SERVE, "--workers", "2", "--rate", "6000")
    async with collector() as (place, spans), process({**variables, **place}, command) as (server, url):

        async def ask() -> int:
            async with httpx.AsyncClient(timeout=60) as client:
                return (await client.get(f"{url}/api/v1/tags")).status_code

        assert await asyncio.gather(*(ask() for _ in range(8))) == [200] * 8
        first = await two_workers(server.pid)
        stored = await post(f"{url}/mcp", json=called("memoria_store", content="By one of several."))
        assert "structuredContent" in stored.text
        async with httpx.AsyncClient(timeout=60) as client:
            told = (await client.get(f"{url}/metrics")).text
        assert 'memoria_requests_total{method="GET",route="/api/v1/tags",status="200"} 8.0' in told
        os.kill(dead := next(iter(first)), signal.SIGKILL)
        again = await two_workers(server.pid, dead)
        await ask_traced(url)
        server.send_signal(signal.SIGTERM)
        out, said = await server.communicate()
    assert (out, said, server.returncode) == (b"", b"", 0)
    assert not [one for one in again if psutil.pid_exists(one)]
    assert_told(spans)


_STARTS_A_WORKER = """
import multiprocessing, os, time
from memoria_tui.agents import http
from memoria_tui.agents.listen_address import Listening
from memoria_tui.agents.request_limits import rates_used
def work():
    http._application_of_worker(None, Listening(), rates_used())
    print(os.getpid(), flush=True)
    time.sleep(60)
multiprocessing.get_context("fork").Process(target=work).start()
time.sleep(60)
"""


async def test_a_worker_ends_with_the_process_that_started_it() -> None:
    command = forked("-c", _STARTS_A_WORKER, "serve")
    starting = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert starting.stdout is not None
    worker = int(await starting.stdout.readline())
    starting.kill()
    async with asyncio.timeout(60):
        while psutil.pid_exists(worker):  # noqa: ASYNC110 - its turn
            await asyncio.sleep(0.02)
    await starting.communicate()


async def test_traces_that_cannot_be_sent_are_told_in_one_line() -> None:
    terminal = Terminal({ENDPOINT: "http://127.0.0.1:1"}, io.BytesIO(), io.StringIO(), io.StringIO())
    assert wants_traces(terminal, installed=False) is False
    assert terminal.stderr.getvalue().count("\n") == 1  # type: ignore[attr-defined]
    assert "pip install 'memoria-tui[otel]'" in terminal.stderr.getvalue()  # type: ignore[attr-defined]
    assert wants_traces(terminal, installed=True) is True


async def test_tls_by_certificate_files(world: World, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    name = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    files = ("-keyout", str(key), "-out", str(certificate))
    command = ["openssl", "req", "-x509", "-nodes", *curve, *name, *files]
    await asyncio.to_thread(subprocess.run, command, check=True, stderr=subprocess.DEVNULL)
    async with (
        served(Door(world.opened), Listening(port=0, certificate=certificate, key=key)) as url,
        httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(certificate))) as client,
    ):
        assert (await client.get(f"{url}/health/live")).status_code == 200


async def test_no_answer_waits_for_the_client_to_acknowledge_its_beginning() -> None:
    with bound(ANYWHERE) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_what_it_cannot_be_started_with_is_told(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        for where, said in {
            Listening("203.0.113.1", 0): "cannot listen on 203.0.113.1, port 0",
            Listening(port=port): f"cannot listen on 127.0.0.1, port {port}: Address already in use",
            Listening(port=0, certificate=Path("/nowhere/cert.pem")): "cert.pem cannot be used: No such file",
            Listening(port=0, certificate=pipe): "pipe is a pipe, a socket or a device, no file",
            Listening(port=0, certificate=Path(__file__), key=pipe): "pipe is a pipe, a socket or a device, no file",
            Listening(port=0, key=Path("/nowhere/key.pem")): "--tls-key needs --tls-cert",
            Listening(port=0, origins=("https://a.example/path",)): "give scheme and host alone",
            Listening(port=0, origins=("*",)): "give scheme and host alone",
        }.items():
            with pytest.raises(InvalidInput, match=said):
                both(where)


@asynccontextmanager
async def world_that_is_not_there() -> AsyncIterator[Services]:
    raise StoreInUse("the store is in use")
    yield


def both(where: Listening) -> None:
    """All that a start needs."""
    http_server(Door(world_that_is_not_there), where)
    bound(where).close()
