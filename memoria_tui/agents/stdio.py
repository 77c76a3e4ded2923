"""The protocol on standard input and output, for one client: until it goes away, or a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import signal
import sys
import threading
from types import TracebackType
from typing import Self, TextIO

import anyio
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError
from pydantic import ValidationError

from memoria_tui.agents.door import Door, Open
from memoria_tui.agents.mcp import server

_BYTES = 1 << 16
_ID = re.compile(r'"id"\s*:\s*(-?\d+|"(?:[^"\\]|\\.)*")')
_log = logging.getLogger(__name__)


def serve_stdio(open_services: Open) -> None:
    """Serves the client; standard output carries nothing but the protocol, and what libraries say goes nowhere."""
    logging.getLogger().addHandler(logging.NullHandler())
    given = EndableInput()
    sys.stdin = given.stream
    asyncio.run(_serve(open_services, given))


async def _serve(open_services: Open, given: EndableInput) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, given.end)
    serving = server(Door(open_services))._lowlevel_server  # what MCPServer.run does, with its streams in sight
    async with stdio_server() as (messages, answers):
        await serving.run(Messages(messages, answers), answers, serving.create_initialization_options())


class EndableInput:
    """Standard input, taken from everybody else; it can be ended, which a thread that waits for it cannot."""

    def __init__(self) -> None:
        given, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        reading, self._writing = os.pipe()
        self.stream: TextIO = os.fdopen(reading, "r", encoding="utf-8")
        threading.Thread(target=self._copy, args=(given,), daemon=True).start()

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


class Messages:
    """What a client sends. What is no message is answered with an error, under its id where that can be told."""

    def __init__(
        self,
        given: anyio.abc.ObjectReceiveStream[SessionMessage | Exception],
        answers: anyio.abc.ObjectSendStream[SessionMessage],
    ) -> None:
        self._given = given
        self._answers = answers

    async def receive(self) -> SessionMessage | Exception:
        while isinstance(item := await self._given.receive(), Exception):
            await self._answers.send(SessionMessage(unreadable(item)))
        return item

    async def aclose(self) -> None:
        await self._given.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def unreadable(error: Exception) -> JSONRPCError:
    """The answer to a line that is no message."""
    code, said, id_ = INVALID_REQUEST, "that is no JSON-RPC request, response or notification", None
    for wrong in error.errors(include_url=False) if isinstance(error, ValidationError) else ():
        if wrong["type"] == "json_invalid":
            code = PARSE_ERROR
            said = f"{wrong['msg']}; send one JSON object a line, in UTF-8, without halves of characters"
            id_ = json.loads(known[1]) if (known := _ID.search(str(wrong["input"]))) else None
    _log.warning("a line of the client was refused: %s", said)
    return JSONRPCError(jsonrpc="2.0", id=id_, error=ErrorData(code=code, message=said))
