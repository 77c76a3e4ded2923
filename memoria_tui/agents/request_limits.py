"""Limits on requests, checked before anything reads them: origin, size, rate, and how many bytes are held at once."""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, MutableSequence
from http import HTTPStatus
from multiprocessing.sharedctypes import RawArray
from typing import cast

from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memoria_tui.agents.callers import caller
from memoria_tui.agents.http_problems import busy, problem
from memoria_tui.agents.listen_address import HEALTH, IMPORT, PUBLIC, Listening

LARGEST = 8_000_000
"""Bytes of a request; more than a memory has at most."""
_HELD = 8 * LARGEST
"""Bytes of the requests of all clients that are in memory at once."""
_THROWN_AWAY = 8 * LARGEST
"""Bytes that are read of what is refused, since a client that is cut off while it writes reads no answer."""
_SENDING = 30.0
_MINUTE = 60.0
_PLACES = 1 << 16
"""For those whose requests are counted; two who fall on one place share their rate."""


class Checked:
    """Lets requests through that are to a name of the server, by a program or a page that may."""

    def __init__(self, app: ASGIApp, where: Listening) -> None:
        names = ("127.0.0.1", "localhost", "[::1]", where.host, *where.names)
        hosts = [name + port for name in names for port in ("", ":*")]
        own = [f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts]
        self._app, self._open, self._origins = app, where.open, where.origins
        self._any_name = not where.is_local and not where.names
        self._names = TransportSecurityMiddleware(
            TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=[*own, *where.origins])
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        foreign = scope["type"] == "http" and not scope["path"].startswith(HEALTH)
        refused = await self._foreign(Request(scope)) if foreign else None
        await (refused or self._app)(scope, receive, send)

    async def _foreign(self, request: Request) -> Response | None:
        if self._any_name:  # then everybody needs a token, which no page knows
            others = [one for one in request.headers.raw if one[0] != b"host"]
            request = Request({**request.scope, "headers": [*others, (b"host", b"localhost")]})
        refused = await self._names.validate_request(request)
        if refused is None and not (self._open and self._is_of_another_port(request)):
            return None
        status = refused.status_code if refused else HTTPStatus.FORBIDDEN
        name = "Origin" if status == HTTPStatus.FORBIDDEN else "Host"
        return problem(status, f"the header {name} names no address at which this server may be used")

    def _is_of_another_port(self, request: Request) -> bool:
        """Whether a page asks that another server of this machine gave: nobody's token keeps that out."""
        origin = request.headers.get("origin")
        return origin not in (None, *self._origins) and str(origin).partition("://")[2] != request.headers["host"]


class Limited:
    """Lets so many requests a minute of each token, or of each client without one, through; all at once if need be."""

    def __init__(
        self, app: ASGIApp, rate: int, used: MutableSequence[float], now: Callable[[], float] = time.monotonic
    ) -> None:
        """`used`: by caller, until when what they asked for is their share; see `rates_used`."""
        self._app, self._rate, self._used, self._now = app, rate, used, now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        known = scope["type"] == "http" and "actor" in scope.get("state", {})
        if known and (wait := self._wait(caller(Request(scope))[0].name)):
            said = f"that is more than {self._rate} requests a minute; try again in {wait} seconds"
            await problem(429, said, **{"retry-after": str(wait)})(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _wait(self, name: str) -> int:
        """Seconds until the caller may ask again; 0 where that is now."""
        place = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8]) % len(self._used)
        now = self._now()
        until = max(self._used[place], now) + _MINUTE / self._rate
        if (over := until - now - _MINUTE) > 0.001:
            return math.ceil(over)
        self._used[place] = until
        return 0


def rates_used() -> MutableSequence[float]:
    """Nobody's share is used yet. The memory is shared with processes that are started with it, without a lock, which
    one that is killed would keep: of two requests in the same microsecond one may not count."""
    return cast("MutableSequence[float]", RawArray("d", _PLACES))


class Complete:
    """Lets requests through that are there to their end, are of a decent size, and for which there is room."""

    def __init__(self, app: ASGIApp, sending: float = _SENDING, most: int = _HELD) -> None:
        """`sending`: seconds in which a request has to be there; `most`: bytes of all that are held at once."""
        self._app, self._sending, self._most = app, sending, most
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # an import is read part by part, and what takes no token has no body for whose end it would wait
        if scope["type"] != "http" or scope["path"] == IMPORT or scope["path"].startswith(PUBLIC):
            await self._app(scope, receive, send)
            return
        body = bytearray()
        try:
            try:
                async with asyncio.timeout(self._sending):
                    refused = await self._read(body, receive)
            except TimeoutError:
                refused = problem(408, f"the request was not complete after {self._sending:g} seconds")
            except _Gone:
                return
            if refused:
                await refused(scope, receive, send)
            else:
                await _until_gone(self._app, bytes(body), scope, receive, send)
        finally:
            self._held -= len(body)

    async def _read(self, body: bytearray, receive: Receive) -> Response | None:
        """Fills the body; an answer where it is refused, read to its end and thrown away. Raises _Gone."""
        size, more, full = 0, True, False
        while more and size < _THROWN_AWAY:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            part, more = message.get("body", b""), message.get("more_body", False)
            size += len(part)
            full = full or self._held + len(part) > self._most
            if size > LARGEST or full:
                self._held -= len(body)
                body.clear()
            else:
                self._held += len(part)
                body += part
        if size > LARGEST:
            return problem(413, f"a request has at most {LARGEST:,} bytes; send less at once")
        return busy("other clients send too much at the moment") if full else None


class _Gone(Exception):
    """The client went away in the middle of a request."""


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
