"""The app in a tab: of a client that speaks textual-serve's protocol, or of Chromium, driven over its DevTools."""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

PATIENCE = 90.0
"""Seconds."""
CONTROL = 2
_STYLE = re.compile(rb"\x1b\[[\d;?]*[a-zA-Z]")
_KEYS = {"\r": ("Enter", 13), "\x1b": ("Escape", 27)}


class Drawn:
    """What an app drew so far, and a way to wait for more."""

    def __init__(self) -> None:
        self.seen = bytearray()
        self._more = asyncio.Event()

    def add(self, data: bytes) -> None:
        self.seen += data
        self._more.set()

    async def until(self, text: str, since: int = 0) -> None:
        """Waits until the app has drawn this text."""
        try:
            async with asyncio.timeout(PATIENCE):
                while text not in self._text(since):
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError as error:
            raise AssertionError(f"{text!r} never came: {self._text(since)[-4000:]}") from error

    def _text(self, since: int) -> str:
        return _STYLE.sub(b"", self.seen[since:]).decode("utf-8", "replace")


class Tab(Drawn):
    """A tab without a browser."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        super().__init__()
        self._socket = socket
        self._reading = asyncio.create_task(self._read())

    async def type(self, keys: str) -> None:
        await self._socket.send_json(["stdin", keys])

    async def _read(self) -> None:
        """Takes what is drawn, to the end of the app."""
        async for message in self._socket:
            if message.type is WSMsgType.BINARY:
                self.add(message.data)

    async def ended(self) -> None:
        """Waits for the end of the app."""
        async with asyncio.timeout(PATIENCE):
            await self._reading


@asynccontextmanager
async def tab(address: str) -> AsyncIterator[Tab]:
    """A tab of 120×40 at the address that the server printed."""
    async with ClientSession() as session, session.ws_connect(f"{address}ws?width=120&height=40") as socket:
        made = Tab(socket)
        await socket.send_json(["focus"])
        try:
            yield made
        finally:
            await socket.close()
            await made.ended()


class Chromium(Drawn):
    """The page of a headless Chromium; drawn is what came through the page's own socket."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        super().__init__()
        self._socket = socket
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self.problems: list[str] = []
        """What the browser refused to load or to run."""

    async def read(self) -> None:
        async for message in self._socket:
            told = message.json()
            if "id" in told:
                self._asked.pop(told["id"]).set_result(told)
            elif told["method"] == "Network.webSocketFrameReceived" and told["params"]["response"]["opcode"] == 2:
                self.add(base64.b64decode(told["params"]["response"]["payloadData"]))
            elif told["method"] in ("Runtime.exceptionThrown", "Network.loadingFailed"):
                self.problems.append(str(told["params"]))

    async def ask(self, method: str, **parameters: object) -> Any:
        number = next(self._numbers)
        self._asked[number] = answer = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(PATIENCE):
            return (await answer)["result"]

    async def type(self, keys: str) -> None:
        for one in keys:
            name, code = _KEYS.get(one, (one, 0))
            await self._press(key=name, windowsVirtualKeyCode=code, text=one)

    async def control(self, letter: str) -> None:
        await self._press(key=letter, windowsVirtualKeyCode=ord(letter.upper()), modifiers=CONTROL)

    async def _press(self, **key: object) -> None:
        await self.ask("Input.dispatchKeyEvent", type="keyDown", **key)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", **{**key, "text": ""})


@asynccontextmanager
async def chromium(address: str, profile: Path) -> AsyncIterator[Chromium]:
    """A headless Chromium at this address; skips the test where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no Chromium here; Debian's package is chromium")
    flags = (
        "--headless=new",
        "--no-sandbox",
        "--no-first-run",
        "--enable-unsafe-swiftshader",
        "--disable-dev-shm-usage",
    )
    nothing = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        program, *flags, "--remote-debugging-port=0", f"--user-data-dir={profile}", "--window-size=1280,800",
        "about:blank", stdout=nothing, stderr=nothing,
    )  # fmt: skip
    try:
        port = await _port_of(profile / "DevToolsActivePort")
        async with ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                page = next(one for one in await answer.json() if one["type"] == "page")
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                browser = Chromium(socket)
                reading = asyncio.create_task(browser.read())
                for domain in ("Network", "Runtime", "Page"):
                    await browser.ask(f"{domain}.enable")
                await browser.ask("Page.navigate", url=address)
                yield browser
            await reading
    finally:
        process.kill()
        await process.wait()


async def _port_of(file: Path) -> str:
    async with asyncio.timeout(PATIENCE):
        while not (file.exists() and file.read_text().count("\n")):  # noqa: ASYNC110, ASYNC240  # nobody tells
            await asyncio.sleep(0.05)
    return file.read_text().split()[0]  # noqa: ASYNC240
