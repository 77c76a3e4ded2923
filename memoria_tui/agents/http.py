"""The protocol over HTTP, for any number of clients; it keeps nothing between requests, so that several may run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import multiprocessing
import os
import signal
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator, MutableSequence, Sequence
from functools import partial
from importlib.metadata import version
from multiprocessing.process import BaseProcess
from typing import Any

import uvicorn
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.transport_security import TransportSecuritySettings
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.supervisors.multiprocess import Multiprocess

from memoria_tui.agents import http_problems, rest, streams
from memoria_tui.agents.http_problems import problem
from memoria_tui.agents.idle_connections import BoundedProtocol
from memoria_tui.agents.invalid_messages import Explained
from memoria_tui.agents.listen_address import HEALTH, PUBLIC, Listening, bound
from memoria_tui.agents.mcp import server
from memoria_tui.agents.metrics import Measured, Metrics, figures_of_all
from memoria_tui.agents.openapi_page import documentation
from memoria_tui.agents.request_limits import LARGEST, Checked, Complete, Limited, rates_used
from memoria_tui.agents.tool_calls import Door, Open, error_line
from memoria_tui.agents.tracing import traces_sent
from services.acting import Actor
from services.errors import InvalidInput, MemoriaError
from services.files import read_regular
from services.model import StoreKind

LONGEST = 120.0
"""Seconds that a call may take."""
_ENDING = 30
"""Seconds that requests under way have when the server is to end; what is being written has any number."""
_IDLE = 75
"""Seconds for which a connection is kept without a request."""
_MOST_CONNECTIONS = 1000
_SILENT = 60
"""Seconds without a sign after which a worker is started again."""
_FRESH, _PATIENCE = 2.0, 5.0
"""Seconds for which an answer about the stores is good, and in which it has to come."""


def serve_http(open_services: Open, where: Listening, announce: Callable[[str], None], workers: int = 1) -> None:
    """Serves until a signal ends it; what is being written then is finished. `announce` gets the address.

    Of several `workers`, each a process with services of its own, those that end otherwise are started again;
    `open_services` is then a function of a module. Raises InvalidInput for an address, port or certificate that cannot
    be used.
    """
    logging.getLogger().addHandler(logging.NullHandler())
    with bound(where) as listening, contextlib.ExitStack() as stack:
        if workers == 1:
            running = http_server(Door(open_services, LONGEST), where)
        else:
            make = partial(_application_of_worker, open_services, where, rates_used())
            made = _config(make, where, workers)
            stack.enter_context(figures_of_all())
        address, port, *_ = listening.getsockname()
        host = f"[{address}]" if ":" in address else address
        announce(f"{'https' if where.certificate else 'http'}://{host}:{port}")
        if workers > 1:
            _Workers(made, [listening]).run()
            return
        for number in (signal.SIGINT, signal.SIGTERM):  # it takes them while it runs, and raises them again at its end
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, running.handle_exit)
        running.run([listening])


def http_server(door: Door, where: Listening) -> uvicorn.Server:
    """A server that is to be run on a socket. Raises InvalidInput for a certificate that cannot be used."""
    config = _config(partial(application, door, where, rates_used()), where)
    config.load()
    return uvicorn.Server(config)


def _config(make: Callable[[], FastAPI], where: Listening, workers: int = 1) -> uvicorn.Config:
    """Raises InvalidInput for a certificate that cannot be used."""
    where.check()
    if where.certificate:
        try:
            for file in filter(None, (where.certificate, where.key)):
                read_regular(file)  # opening a pipe waits for who writes into it
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(where.certificate, where.key)
        except OSError as error:
            files = " and ".join(str(one) for one in (where.certificate, where.key) if one)
            why = "they are not PEM, or of each other" if isinstance(error, ssl.SSLError) else error.strerror or error
            said = f"the certificate and its key in {files} cannot be used: {why}"
            raise InvalidInput(said) from error
    return uvicorn.Config(
        make,
        factory=True,
        workers=workers,
        log_config=None,
        access_log=False,
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_ENDING,
        timeout_worker_healthcheck=_SILENT,
        ssl_certfile=where.certificate,
        ssl_keyfile=where.key,
    )


class _Workers(Multiprocess):
    """A terminal that is closed ends them, as it ends a single one."""

    def handle_hup(self) -> None:
        self.handle_term()


def _application_of_worker(open_services: Open, where: Listening, used: MutableSequence[float]) -> FastAPI:
    logging.getLogger().addHandler(logging.NullHandler())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the process that started it ends it
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()
    return application(Door(open_services, LONGEST), where, used)


def _end_with(parent: BaseProcess | None) -> None:
    """Ends this process, as a signal does, once the one that started it was killed."""
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def application(door: Door, where: Listening, used: MutableSequence[float]) -> FastAPI:
    """All that is answered: `/mcp`, the routes of REST, and how the server is. `used`: see `rates_used`."""
    over_mcp = server(door)
    # the check is ours, and for all routes
    unchecked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    over_mcp.streamable_http_app(
        stateless_http=True, json_response=True, transport_security=unchecked, max_request_body_size=LARGEST
    )
    stores, metrics = Stores(door), Metrics(door)

    async def figures(request: Request) -> Response:
        return await metrics.answer(request, await stores.away())

    async def docs(request: Request) -> Response:
        return documentation(made.openapi())

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with traces_sent() if where.traces else contextlib.nullcontext(), over_mcp.session_manager.run():
            yield

    made = FastAPI(
        title="Memories",
        version=version("memoria-tui"),
        description="Memories of AI agents, shared with a person who reads, edits and undoes what is written.",
        docs_url=None,
        redoc_url=None,
        routes=[
            Route("/mcp", Explained(StreamableHTTPASGIApp(over_mcp.session_manager)), methods=["POST"]),
            Route(f"{HEALTH}/live", _live),
            Route(HEALTH, stores.ready),
            Route(f"{HEALTH}/ready", stores.ready),
            Route("/metrics", figures),
            Route("/docs", docs),
        ],
        middleware=[Middleware(Measured, metrics), *_admission(door, where, used)],
        exception_handlers={
            HTTPException: http_problems.unknown,
            RequestValidationError: http_problems.wrong,
            MemoriaError: rest.refused,
            Exception: http_problems.broken,
        },
        lifespan=lifespan,
        telemetry={"tracing": where.traces, "metrics": False, "logs": False, "operation_spans": False},
    )
    described = made.openapi

    def openapi() -> dict[str, Any]:
        if made.openapi_schema is None:
            made.openapi_schema = json.loads(rest.in_routes(json.dumps(described())))
        return made.openapi_schema

    made.openapi = openapi  # type: ignore[method-assign]
    for routes in (rest, streams):
        known = [Depends(http_problems.only_known)]
        made.include_router(routes.router(door, tokens=not where.open), dependencies=known)
    return made


def _admission(door: Door, where: Listening, used: MutableSequence[float]) -> Iterator[Middleware]:
    """What a request has to pass, in its order."""
    if where.origins:
        yield Middleware(
            CORSMiddleware,
            allow_origins=where.origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["etag", "location", "retry-after"],
        )
    yield Middleware(Checked, where)
    yield Middleware(Identified, door, where)
    if where.most_a_minute:
        yield Middleware(Limited, where.most_a_minute, used)
    yield Middleware(Complete)


class Identified:
    """Finds out for whom a request is: the holder of a token, or, where none is needed, a program of this machine."""

    def __init__(self, app: ASGIApp, door: Door, where: Listening) -> None:
        self._app, self._door, self._where = app, door, where

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(PUBLIC):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get("authorization")
        try:
            actor = await self._actor(given) if given else None
        except MemoriaError as error:
            error_line(error)
            await problem(503, "the stores are away, so nobody's token can be looked up")(scope, receive, send)
            return
        if actor is None and (given or not self._where.open):
            said = "the token is wrong, expired or revoked" if given else "this server wants an access token"
            said += ": send «Authorization: Bearer …»; `memoria-tui token create` makes one"
            await problem(401, said, **{"www-authenticate": "Bearer"})(scope, receive, send)
            return
        request.state.actor = actor
        request.state.still = partial(self._actor, given) if given else None
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


async def _live(request: Request) -> Response:
    return JSONResponse({"status": "live"})
