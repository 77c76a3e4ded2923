"""The protocol over HTTP, for any number of clients; it keeps nothing between requests, so that several may run.

What is no request of ours is refused before anything looks into it: of another host or from a foreign page (DNS
rebinding), too large, or not sent to its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memoria_tui.agents import rest
from memoria_tui.agents.door import Door, Open, told
from memoria_tui.agents.mcp import server
from memoria_tui.agents.metrics import Measured, Metrics
from memoria_tui.agents.rest import problem
from memoria_tui.program_log import crashed
from services.acting import Actor
from services.errors import InvalidInput, MemoriaError
from services.model import StoreKind

LARGEST = 8_000_000
"""Bytes of a request; more than a memory has at most."""
LONGEST = 120.0
"""Seconds that a call may take."""
_HEALTH = "/health"
_PUBLIC = (_HEALTH, "/openapi.json", "/docs")
"""What tells nothing of the memories."""
_THROWN_AWAY = 8 * LARGEST
"""Bytes that are read of what is too large, since a client that is cut off while it writes reads no answer."""
_SENDING = 30.0
_ENDING = 30
"""Seconds that requests under way have when the server is to end; what is being written has any number."""
_IDLE = 75
"""Seconds for which a connection is kept without a request."""
_MOST_CONNECTIONS = 1000
_FRESH, _PATIENCE = 2.0, 5.0
"""Seconds for which an answer about the stores is good, and in which it has to come."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the server listens."""

    host: str = "127.0.0.1"
    port: int = 8765
    """0: any that is free."""
    certificate: Path | None = None
    """File with the certificate, and those that it was signed with; None: no TLS."""
    key: Path | None = None
    """File with its key, where that is not in the same one."""
    names: Sequence[str] = ()
    """Other host names by which it is reached, as of a proxy."""
    tokens: bool = False
    """Whether every client needs an access token, also where it listens on this machine alone."""

    @property
    def open(self) -> bool:
        """Whether programs of this machine, which alone reach it, need no token."""
        return not self.tokens and not self.names and self.is_local

    @property
    def is_local(self) -> bool:
        with contextlib.suppress(ValueError):
            return ip_address(self.host).is_loopback
        return self.host == "localhost"


def serve_http(open_services: Open, where: Listening, announce: Callable[[str], None]) -> None:
    """Serves until a signal ends it; what is being written then is finished. `announce` gets the address.

    Raises InvalidInput for an address, port or certificate that cannot be used.
    """
    logging.getLogger().addHandler(logging.NullHandler())
    running = http_server(Door(open_services, LONGEST), where)
    with bound(where) as listening:
        address, port, *_ = listening.getsockname()
        host = f"[{address}]" if ":" in address else address
        announce(f"{'https' if where.certificate else 'http'}://{host}:{port}")
        for number in (signal.SIGINT, signal.SIGTERM):  # it takes them while it runs, and raises them again at its end
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, running.handle_exit)
        running.run([listening])


def http_server(door: Door, where: Listening) -> uvicorn.Server:
    """A server that is to be run on a socket. Raises InvalidInput for a certificate that cannot be used."""
    if where.key and not where.certificate:
        raise InvalidInput("--tls-key needs --tls-cert, the file of the certificate that the key belongs to")
    config = uvicorn.Config(
        application(door, where),
        log_config=None,
        access_log=False,
        http="h11",
        ws="none",
        lifespan="on",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_ENDING,
        ssl_certfile=where.certificate,
        ssl_keyfile=where.key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(f"the certificate or key cannot be used: {error}; both are files in PEM format") from error
    return uvicorn.Server(config)


def bound(where: Listening) -> socket.socket:
    """The socket of a server. Raises InvalidInput when there can be none."""
    try:
        (family, *_, address), *_ = socket.getaddrinfo(
            where.host, where.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listening = socket.create_server(address, family=family)
    except OSError as error:
        raise InvalidInput(f"cannot listen on {where.host}, port {where.port}: {error.strerror or error}") from error
    # asyncio sees to that only for sockets it made itself; else the end of an answer waits 40 ms for the client
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def application(door: Door, where: Listening) -> FastAPI:
    """All that is answered: `/mcp`, the routes of REST, and how the server is."""
    over_mcp = server(door)
    # the check is ours, and for all routes
    unchecked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    over_mcp.streamable_http_app(
        stateless_http=True, json_response=True, transport_security=unchecked, max_request_body_size=LARGEST
    )
    stores, metrics = Stores(door), Metrics(door)

    async def figures(request: Request) -> Response:
        return await metrics.answer(request, await stores.away())

    made = FastAPI(
        title="Memories",
        version=version("memoria-tui"),
        description="Memories of AI agents, shared with a person who reads, edits and undoes what is written.",
        redoc_url=None,
        routes=[
            Route("/mcp", StreamableHTTPASGIApp(over_mcp.session_manager), methods=["POST"]),
            Route(f"{_HEALTH}/live", _live),
            Route(_HEALTH, stores.ready),
            Route(f"{_HEALTH}/ready", stores.ready),
            Route("/metrics", figures),
        ],
        middleware=[Middleware(Measured, metrics), Middleware(Identified, door, where), Middleware(Checked, where)],
        exception_handlers={
            HTTPException: _refused,
            RequestValidationError: rest.wrong,
            MemoriaError: rest.refused,
            Exception: _crashed,
        },
        lifespan=lambda _: over_mcp.session_manager.run(),
    )
    made.include_router(rest.router(door))
    return made


class Checked:
    """Lets only complete requests of a decent size through, to a name of the server, by a program or its own page."""

    def __init__(self, app: ASGIApp, where: Listening, sending: float = _SENDING) -> None:
        """`sending`: seconds in which a request has to be there to its end."""
        names = ("127.0.0.1", "localhost", "[::1]", where.host, *where.names)
        hosts = [name + port for name in names for port in ("", ":*")]
        origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts]
        self._app, self._sending = app, sending
        self._any_name, self._open = not where.is_local and not where.names, where.open
        self._names = TransportSecurityMiddleware(
            TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = None if scope["path"].startswith(_HEALTH) else await self._foreign(Request(scope))
        try:
            async with asyncio.timeout(self._sending):
                body = await _body(receive)
        except TimeoutError:
            refused = problem(408, f"the request was not complete after {self._sending:g} seconds")
        except _TooLarge:
            refused = refused or problem(413, f"a request has at most {LARGEST:,} bytes; send less at once")
        if refused:
            await refused(scope, receive, send)
        elif body is not None:
            await _until_gone(self._app, body, scope, receive, send)

    async def _foreign(self, request: Request) -> Response | None:
        if self._any_name:  # then everybody needs a token, which no page knows
            others = [one for one in request.headers.raw if one[0] != b"host"]
            request = Request({**request.scope, "headers": [*others, (b"host", b"localhost")]})
        refused = await self._names.validate_request(request)
        if refused is None and not (self._open and _is_of_another_port(request)):
            return None
        status = refused.status_code if refused else HTTPStatus.FORBIDDEN
        name = "Origin" if status == HTTPStatus.FORBIDDEN else "Host"
        return problem(status, f"the header {name} names no address at which this server may be used")


class Identified:
    """Finds out for whom a request is: the holder of a token, or, where none is needed, a program of this machine."""

    def __init__(self, app: ASGIApp, door: Door, where: Listening) -> None:
        self._app, self._door, self._where = app, door, where

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_PUBLIC):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get("authorization")
        try:
            actor = await self._actor(given) if given else None
        except MemoriaError as error:
            told(error)
            await problem(503, "the stores are away, so nobody's token can be looked up")(scope, receive, send)
            return
        if actor is None and (given or not self._where.open):
            said = "the token is wrong, expired or revoked" if given else "this server wants an access token"
            refused = problem(401, f"{said}: send «Authorization: Bearer …»; `memoria-tui token create` makes one")
            refused.headers["www-authenticate"] = "Bearer"
            await refused(scope, receive, send)
            return
        request.state.actor = actor
        await self._app(scope, receive, send)

    async def _actor(self, given: str) -> Actor | None:
        kind, _, token = given.partition(" ")
        tokens = (await self._door.services()).tokens
        return await tokens.actor(token.strip()) if kind.lower() == "bearer" else None


class Stores:
    """Whether the stores answer, asked once in two seconds however many want to know."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._asking = asyncio.Lock()
        self._away: Sequence[str] = ()
        self._until = 0.0

    async def ready(self, request: Request) -> Response:
        """200, or 503 with the stores that are away."""
        if away := await self.away():
            return problem(503, f"away: {', '.join(away)}")
        return JSONResponse({"status": "ready"})

    async def away(self) -> Sequence[str]:
        """The stores that are away. The embedder may be: words are searched without it."""
        loop = asyncio.get_running_loop()
        async with self._asking:
            if loop.time() >= self._until:
                self._away = await self._look()
                self._until = loop.time() + _FRESH
        return self._away

    async def _look(self) -> Sequence[str]:
        try:
            async with asyncio.timeout(_PATIENCE):
                stores = await (await self._door.services()).health.status()
        except (MemoriaError, TimeoutError):
            return ("stores",)
        return [store.kind.value for store in stores if not store.ok and store.kind is not StoreKind.EMBEDDER]


def _is_of_another_port(request: Request) -> bool:
    """Whether a page asks that another server of this machine gave: nobody's token keeps that out."""
    origin = request.headers.get("origin")
    return origin is not None and origin.partition("://")[2] != request.headers["host"]


async def _live(request: Request) -> Response:
    return JSONResponse({"status": "live"})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    details = {404: f"there is nothing at {request.url.path}", 405: f"{request.url.path} takes no {request.method}"}
    answer = problem(error.status_code, details.get(error.status_code, error.detail))
    answer.headers.update(error.headers or {})
    return answer


async def _crashed(request: Request, error: Exception) -> Response:
    return problem(500, crashed(error))


class _TooLarge(Exception):
    """More bytes than a request may have."""


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when the client went away. Raises _TooLarge once it was read and thrown away."""
    body, size, more = bytearray(), 0, True
    while more and size < _THROWN_AWAY:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        if size > LARGEST:
            body.clear()
        else:
            body += part
    if size > LARGEST:
        raise _TooLarge
    return bytes(body)


async def _until_gone(app: ASGIApp, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
    """Has a request of this body answered as long as there is somebody who wants the answer."""
    answered = False

    async def sending(message: Message) -> None:
        nonlocal answered
        answered = message["type"] == "http.response.body" and not message.get("more_body", False)
        await send(message)

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    answering, gone = asyncio.ensure_future(app(scope, _again(body, receive), sending)), asyncio.ensure_future(watch())
    try:
        await asyncio.wait((answering, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        if not answered:
            answering.cancel()
        await asyncio.wait([answering])
    if not answering.cancelled():
        answering.result()


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read, and then what comes after it."""
    given: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Message:
        return given.pop() if given else await receive()

    return give
