"""What the server counts and measures, for Prometheus: of requests and stores, never of what they are about."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Iterator
from http import HTTPMethod

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memoria_tui.agents.callers import caller
from memoria_tui.agents.listen_address import HEALTH
from memoria_tui.agents.tool_calls import Door
from services.acting import acting_as
from services.model import StoreKind
from services.temporary_folders import held_folder

_OTHER = "other"
"""The route of what is served by none, and a method that is none, so that nobody makes new lines by asking."""
_FIXED = frozenset({"/mcp", HEALTH, f"{HEALTH}/live", f"{HEALTH}/ready", "/metrics", "/docs", "/openapi.json"})
"""Routes that the framework does not name to who measures them."""
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Names to Prometheus's client the folder by which several processes have their figures together."""


class Metrics:
    """The figures of one server since its start; servers that do not know of each other have each their own."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._registry = every = CollectorRegistry()
        self.requests = Counter("memoria_requests", "Requests answered", ["method", "route", "status"], registry=every)
        self.seconds = Histogram("memoria_request_seconds", "Time to an answer", ["route"], registry=every)
        self.under_way = _each(every, "memoria_requests_under_way", "Requests being answered")
        self._working = _each(every, "memoria_calls_working", "Calls of tools being worked on")
        self._waiting = _each(every, "memoria_calls_waiting", "Calls of tools that wait for others")
        self._writing = _each(every, "memoria_calls_writing", "Calls that write, being worked on or waiting")
        self._connections = _each(every, "memoria_database_connections", "Connections to PostgreSQL", "state")
        self._pending = _newest(every, "memoria_memories_pending", "Saved memories that wait for their vectors")
        self._up = _newest(every, "memoria_store_up", "Whether a store answers", "store")

    async def answer(self, request: Request, away: Collection[str]) -> Response:
        """All figures; `away` are the stores that do not answer. Raises Forbidden to who is kept to some projects."""
        actor, _ = caller(request)
        with acting_as(actor):
            if not away:
                services = await self._door.services()
                self._pending.set(await services.memories.pending_count())
                for state, number in services.database.connections().items():
                    self._connections.labels(state).set(number)
        for kind in (StoreKind.QDRANT, StoreKind.POSTGRES):
            self._up.labels(kind.value).set(kind.value not in away and "stores" not in away)
        self._working.set(self._door.working)
        self._waiting.set(self._door.waiting)
        self._writing.set(self._door.writing)
        shared = self._registry
        if _FOLDER in os.environ:
            MultiProcessCollector(shared := CollectorRegistry())  # type: ignore[no-untyped-call]
        return Response(generate_latest(shared), media_type=CONTENT_TYPE_LATEST)


def _each(registry: CollectorRegistry, name: str, what: str, *labels: str) -> Gauge:
    """A number of which each process has its own; together they have the sum."""
    return Gauge(name, what, labels, registry=registry, multiprocess_mode="livesum")


def _newest(registry: CollectorRegistry, name: str, what: str, *labels: str) -> Gauge:
    """A number that is the same for all processes."""
    return Gauge(name, what, labels, registry=registry, multiprocess_mode="mostrecent")


@contextlib.contextmanager
def figures_of_all() -> Iterator[None]:
    """Has the processes that are started meanwhile tell the figures of all of them, whichever is asked."""
    with held_folder("figures") as folder:
        os.environ[_FOLDER] = str(folder)
        yield


class Measured:
    """Counts and times each request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, begin = "gone", time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        method = scope["method"] if scope["method"] in HTTPMethod.__members__ else _OTHER
        with self._metrics.under_way.track_inprogress():
            try:
                await self._app(scope, receive, sending)
            finally:
                fixed = scope["path"] if scope["path"] in _FIXED else _OTHER
                route = getattr(scope.get("route"), "path", fixed)
                self._metrics.requests.labels(method, route, status).inc()
                self._metrics.seconds.labels(route).observe(time.perf_counter() - begin)
