"""What the server counts and measures, for Prometheus: of requests and stores, never of what they are about."""

from __future__ import annotations

import time
from collections.abc import Collection
from http import HTTPMethod

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memoria_tui.agents.callers import caller
from memoria_tui.agents.door import Door
from services.acting import acting_as
from services.model import StoreKind

_OTHER = "other"
"""The route of what is served by none, and a method that is none, so that nobody makes new lines by asking."""


class Metrics:
    """The figures of one server since its start; each server of several has its own."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._registry = every = CollectorRegistry()
        self.requests = Counter("memoria_requests", "Requests answered", ["method", "route", "status"], registry=every)
        self.seconds = Histogram("memoria_request_seconds", "Time to an answer", ["route"], registry=every)
        self.under_way = Gauge("memoria_requests_under_way", "Requests being answered", registry=every)
        self._working = Gauge("memoria_calls_working", "Calls of tools being worked on", registry=every)
        self._waiting = Gauge("memoria_calls_waiting", "Calls of tools that wait for others", registry=every)
        self._pending = Gauge("memoria_memories_pending", "Saved memories that wait for their vectors", registry=every)
        self._up = Gauge("memoria_store_up", "Whether a store answers", ["store"], registry=every)

    async def answer(self, request: Request, away: Collection[str]) -> Response:
        """All figures; `away` are the stores that do not answer. Raises Forbidden to who is kept to some projects."""
        actor, _ = caller(request)
        with acting_as(actor):
            if not away:
                self._pending.set(await (await self._door.services()).memories.pending_count())
        for kind in (StoreKind.QDRANT, StoreKind.POSTGRES):
            self._up.labels(kind.value).set(kind.value not in away and "stores" not in away)
        self._working.set(self._door.working)
        self._waiting.set(self._door.waiting)
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)


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

        with self._metrics.under_way.track_inprogress():
            try:
                await self._app(scope, receive, sending)
            finally:
                route = getattr(scope.get("route"), "path", _OTHER)
                method = scope["method"] if scope["method"] in HTTPMethod.__members__ else _OTHER
                self._metrics.requests.labels(method, route, status).inc()
                self._metrics.seconds.labels(route).observe(time.perf_counter() - begin)
