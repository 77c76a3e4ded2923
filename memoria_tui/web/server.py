"""The app in a browser: a page of this machine whose address holds a token, and one process of the app a tab.

The page and what draws a terminal in it are those of textual-serve. The token stands in the path, so that whatever the
page asks for has it; a cookie would go to every server of this machine, whatever its port.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hmac import compare_digest
from pathlib import Path
from string import Template
from typing import TypeVar

import textual_serve
from aiohttp import WSCloseCode, WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from services.errors import InvalidInput

_HOST = "127.0.0.1"
_LOCAL = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
"""Names by which a browser of this machine asks, also through a tunnel; another one is that of a foreign page."""
_HEARTBEAT = 15.0
"""Seconds after which a tab is asked whether it is still there."""
_ENDING = 30.0
"""Seconds that the apps have to save what was asked for when the server ends."""
_SECURITY = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
_LOADS = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self' {host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page loads nothing from elsewhere, and stands in no other page."""
_STATIC = Path(textual_serve.__file__).parent / "static"
_PAGE = Template((Path(__file__).parent / "page.html").read_text(encoding="utf-8"))

Sent = TypeVar("Sent", bytes, str)


def serve_in_browser(command: str, port: int, announce: Callable[[str], None]) -> None:
    """Serves until a signal ends it, and the apps of all tabs with it. `command` starts the app, in a shell.

    `port` 0: any that is free. `announce` gets the address. Raises InvalidInput when the port cannot be used.
    """
    asyncio.run(_serve(command, port, announce))


async def _serve(command: str, port: int, announce: Callable[[str], None]) -> None:
    ended, loop, token = asyncio.Event(), asyncio.get_running_loop(), secrets.token_urlsafe(32)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, ended.set)
    runner = web.AppRunner(application(command, token), access_log=None, shutdown_timeout=_ENDING)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, _HOST, port).start()
        except OSError as error:
            raise InvalidInput(f"cannot listen on {_HOST}, port {port}: {os.strerror(error.errno or 0)}") from error
        announce(f"http://{_HOST}:{runner.addresses[0][1]}/{token}/")
        await ended.wait()
        for number in numbers:
            loop.remove_signal_handler(number)  # the next one ends it at once
    finally:
        await runner.cleanup()


def application(command: str, token: str) -> web.Application:
    """The page, what it loads, and the way to the app, for those who know the token."""

    @web.middleware
    async def guarded(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if not _LOCAL.fullmatch(request.host):
            raise web.HTTPForbidden(text="this server is reached as 127.0.0.1 or localhost\n")
        if request.headers.get("origin", _origin(request)) != _origin(request):
            raise web.HTTPForbidden(text="that is asked by a page of another server\n")
        if not compare_digest(request.path.split("/")[1].encode(), token.encode()):
            raise web.HTTPForbidden(text="the token in the address is wrong: open the one that the server printed\n")
        return await handler(request)

    tabs: set[web.WebSocketResponse] = set()

    async def tab(request: web.Request) -> web.WebSocketResponse:
        made = web.WebSocketResponse(heartbeat=_HEARTBEAT)
        await made.prepare(request)
        tabs.add(made)
        try:
            await _run_app(command, request, made)
        finally:
            tabs.discard(made)
        return made

    async def close_tabs(_: web.Application) -> None:
        for one in list(tabs):
            await one.close(code=WSCloseCode.GOING_AWAY)

    made = web.Application(middlewares=[guarded])
    made.add_routes(
        [
            web.get(f"/{token}/", _page),
            web.get(f"/{token}/ws", tab),
            web.static(f"/{token}/static", _STATIC),
        ]
    )
    made.on_response_prepare.append(_secure)
    made.on_shutdown.append(close_tabs)
    return made


def _origin(request: web.Request) -> str:
    return f"http://{request.host}"


async def _page(request: web.Request) -> web.Response:
    host, nonce = f"ws://{request.host}", secrets.token_urlsafe(16)
    return web.Response(
        text=_PAGE.substitute(socket=f"{host}{request.path}ws", nonce=nonce),
        content_type="text/html",
        charset="utf-8",
        headers={"content-security-policy": _LOADS.format(host=host, nonce=nonce)},
    )


async def _secure(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_SECURITY)


class _TabApp(AppService):
    """The app of a tab; once it has ended, or did not start, the tab is told."""

    async def run(self) -> None:
        assert self._process is not None
        try:
            await super().run()
            await self._process.communicate()
        finally:
            await self.remote_close()


async def _run_app(command: str, request: web.Request, tab: web.WebSocketResponse) -> None:
    """Starts the app of a tab, and hands on what is typed until either is gone; then waits for the end of the app."""
    app = _TabApp(
        command,
        write_bytes=_while_open(tab.send_bytes),
        write_str=_while_open(tab.send_str),
        close=lambda: _ignore_answer(tab.close()),
        download_manager=DownloadManager(),
    )
    await app.start(_cells(request, "width", 80), _cells(request, "height", 24))
    try:
        async for message in tab:
            if message.type is WSMsgType.TEXT:
                await _hand_on(message.json(), tab, app)
    finally:
        await app.stop()


async def _hand_on(message: list[object], tab: web.WebSocketResponse, app: AppService) -> None:
    """Does what the page asks for."""
    match message:
        case ["stdin", str(keys)]:
            await app.send_bytes(keys.encode("utf-8", "replace"))
        case ["resize", {"width": int(width), "height": int(height)}]:
            await app.set_terminal_size(width, height)
        case ["ping", sent]:
            await _while_open(tab.send_str)(f'["pong", {sent!s}]')
        case ["focus", *_]:
            await app.focus()
        case ["blur", *_]:
            await app.blur()


def _cells(request: web.Request, name: str, usual: int) -> int:
    given = request.query.get(name, "")
    return int(given) if given.isdecimal() else usual


def _while_open(send: Callable[[Sent], Awaitable[None]]) -> Callable[[Sent], Awaitable[None]]:
    """What an app draws after its tab has gone is read and dropped, so that the app can go on to its end."""

    async def sending(data: Sent) -> None:
        with suppress(ConnectionError):
            await send(data)

    return sending


async def _ignore_answer(asked: Awaitable[object]) -> None:
    await asked
