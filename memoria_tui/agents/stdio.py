"""The protocol on standard input and output, for one client: until it goes away, or a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TextIO

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import (
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)

from memoria_tui.agents.invalid_messages import unreadable
from memoria_tui.agents.mcp import server
from memoria_tui.agents.tool_calls import Door, Open

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_BYTES = 1 << 16
_ENDING = 30.0
"""Seconds for what was asked to be answered when the client sends no more."""


def serve_stdio(open_services: Open) -> None:
    """Serves the client; standard output carries nothing but the protocol, and what libraries say goes nowhere."""
    logging.getLogger().addHandler(logging.NullHandler())
    given = EndableInput()
    sys.stdin = given.stream
    asyncio.run(_serve(open_services, given))


async def _serve(open_services: Open, given: EndableInput) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, given.cut)
    sys.stdout = taken_output(partial(loop.call_soon_threadsafe, given.cut))
    serving = server(Door(open_services))._lowlevel_server  # what MCPServer.run does, with its streams in sight
    async with stdio_server() as (messages, answers):
        owed = Owed(given.is_cut)
        given_on = Messages(messages, answers, owed)
        await serving.run(given_on, Answers(answers, owed), serving.create_initialization_options())


class EndableInput:
    """Standard input, taken from everybody else; it can be ended, which a thread that waits for it cannot."""

    def __init__(self) -> None:
        given, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        reading, self._writing = os.pipe()
        self.stream: TextIO = os.fdopen(reading, "r", encoding="utf-8")
        self.is_cut = asyncio.Event()
        threading.Thread(target=self._copy, args=(given,), daemon=True).start()

    def cut(self) -> None:
        """Ends it, and no answer is wanted any more."""
        self.is_cut.set()
        self.end()

    def end(self) -> None:
        """As if the other side had closed it; what still comes in goes nowhere."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._writing)  # not closed: the thread may be about to write to that number
        os.close(nowhere)

    def _copy(self, given: int) -> None:
        with contextlib.suppress(OSError):
            while part := os.read(given, _BYTES):
                while part:
                    part = part[os.write(self._writing, part) :]
        self.end()


def taken_output(gone: Callable[[], object]) -> TextIO:
    """Standard output, taken from everybody else; `gone` is called, in any thread, once nobody reads it any more."""
    return io.TextIOWrapper(io.BufferedWriter(_Output(gone)), "utf-8")


class _Output(io.RawIOBase):
    def __init__(self, gone: Callable[[], object]) -> None:
        self._number, self._gone = os.dup(1), gone
        os.dup2(2, 1)

    def writable(self) -> bool:
        return True

    def write(self, part: Buffer) -> int:
        try:
            return os.write(self._number, part)
        except BrokenPipeError:
            self._gone()
            return memoryview(part).nbytes


class Owed:
    """The requests that were not answered yet."""

    def __init__(self, is_cut: asyncio.Event) -> None:
        """`is_cut` is set where no answer is wanted any more."""
        self._is_cut = is_cut
        self._ids = set[RequestId]()
        self._fewer = asyncio.Event()

    def asked(self, message: JSONRPCMessage) -> None:
        """A client sent it. What it cancels is not owed."""
        if isinstance(message, JSONRPCRequest):
            self._ids.add(message.id)
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            self._drop((message.params or {}).get("requestId"))

    def answered(self, message: JSONRPCMessage) -> None:
        """It was sent to the client."""
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            self._drop(message.id)

    async def all_answered(self) -> None:
        """Returns when nothing is owed, or no answer is wanted any more, after half a minute at most."""
        cut = asyncio.ensure_future(self._is_cut.wait())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ENDING):
                while self._ids and not cut.done():
                    self._fewer.clear()
                    fewer = asyncio.ensure_future(self._fewer.wait())
                    await asyncio.wait((cut, fewer), return_when=asyncio.FIRST_COMPLETED)
                    fewer.cancel()
        cut.cancel()

    def _drop(self, id_: object) -> None:
        if isinstance(id_, str | int):
            self._ids.discard(id_)
            self._fewer.set()


class Answers(ObjectSendStream[SessionMessage]):
    """What a client gets."""

    def __init__(self, answers: ObjectSendStream[SessionMessage], owed: Owed) -> None:
        self._answers, self._owed = answers, owed

    async def send(self, item: SessionMessage) -> None:
        await self._answers.send(item)
        self._owed.answered(item.message)

    async def aclose(self) -> None:
        await self._answers.aclose()


class Messages(ObjectReceiveStream[SessionMessage | Exception]):
    """What a client sends. What is no message is answered with an error, under its id where that can be told.

    It ends when all that was sent before is answered: a client may send all that it wants at once, and close.
    """

    def __init__(
        self,
        given: ObjectReceiveStream[SessionMessage | Exception],
        answers: ObjectSendStream[SessionMessage],
        owed: Owed,
    ) -> None:
        self._given, self._answers, self._owed = given, answers, owed

    async def receive(self) -> SessionMessage | Exception:
        try:
            while isinstance(item := await self._given.receive(), Exception):
                await self._answers.send(SessionMessage(unreadable(item)))
        except anyio.EndOfStream:
            await self._owed.all_answered()
            raise
        self._owed.asked(item.message)
        return item

    async def aclose(self) -> None:
        await self._given.aclose()
