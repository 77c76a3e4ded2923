"""The store daemon: many programs at once, one request to Qdrant Edge at a time, in turns.

Edge keeps Python's interpreter lock in every call, so that a thread for it would win nothing: its calls run in the
event loop, each of them short, and between two of them all sockets are read. So a search of one program waits for at
most one call of another, however many that one has sent; a request whose program cancels it, or is gone, is dropped
unless it has begun; and who does not read the answers is not served until then, and holds up nobody else. The model
computes in threads, and a draft in processes of its own.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from services import __version__
from services.adapters.daemon.daemon_paths import DaemonPaths, is_trusted, peer_of
from services.adapters.daemon.open_stores import OpenStores, Panic
from services.adapters.daemon.wire import (
    DAEMON,
    DRAFT,
    LONGEST,
    METHODS,
    MODEL,
    NOTHING,
    PROTOCOL,
    WORDS,
    Frames,
    Hello,
    Malformed,
    Reply,
    Request,
    Welcome,
    failure,
    frame,
    is_newer,
    read_hello,
    read_request,
)
from services.errors import MemoriaError, StoreUnavailable
from services.model import DaemonStatus

_log = logging.getLogger(__name__)
_QUIET_SECONDS = 0.5
"""Without a request, after which written points are flushed."""
_FIRST_SECONDS = 30.0
"""In which the program that started the daemon has to say hello."""
_DRAIN_SECONDS = 5.0
"""For programs to read their answers when the daemon ends."""
_MOST_WAITING = 64
"""Requests of one program after which no more of its are read."""
_UNREAD = 4 << 20
"""Bytes that a program has not read after which it is not served."""
_LONGEST_HELLO = 10_000
"""Bytes."""
_WELCOME = Welcome(PROTOCOL, __version__)


class _Client(asyncio.Protocol):
    """One connection of a program."""

    def __init__(self, server: DaemonServer) -> None:
        self._server = server
        self._frames = Frames()
        self._paused = False
        self.hello: Hello | None = None
        self.pid = 0
        self.waiting: deque[Request] = deque()
        """Requests to Edge that have not begun."""
        self.concurrent = 0
        """Requests to others that are under way."""
        self.blocked = False
        """True while it reads too slowly."""
        self.in_turn = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=_UNREAD)
        self.pid, user = peer_of(transport.get_extra_info("socket"))
        if not is_trusted(user, self._server.paths.folder):
            _log.warning("refused process %d of user %d", self.pid, user)
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self._frames.add(data)
        try:
            while (message := self._frames.next(LONGEST if self.hello else _LONGEST_HELLO)) is not None:
                self._take(message)
        except Malformed as error:
            self.refuse(error)

    def _take(self, message: bytes) -> None:
        if self.hello is None:
            hello = read_hello(message)
            self.transport.write(frame(_WELCOME))
            self._server.greet(self, hello)
            return
        request = read_request(message)
        if not request.method:
            self.waiting = deque(one for one in self.waiting if one.number != request.number)
        else:
            self._server.take(self, request)
        self.regulate()

    def regulate(self) -> None:
        """Reads no more of a program that has sent much."""
        much = len(self.waiting) + self.concurrent >= _MOST_WAITING
        if much != self._paused and not self.transport.is_closing():
            self._paused = much
            (self.transport.pause_reading if much else self.transport.resume_reading)()

    def refuse(self, error: Exception) -> None:
        """Ends the connection of a program that sends what is no message."""
        _log.warning("refused what process %d sent: %s", self.pid, error)
        self.transport.abort()

    def pause_writing(self) -> None:
        self.blocked = True

    def resume_writing(self) -> None:
        self.blocked = False
        self._server.queue(self)

    def connection_lost(self, _: Exception | None) -> None:
        self.waiting.clear()
        self._server.leave(self)


@dataclass(slots=True)
class _Rest:
    """When the daemon ends for want of programs: each that leaves wants it for so many seconds more."""

    until: float = 0.0
    """By the clock of the event loop, the latest of what those that left wanted."""
    timer: asyncio.TimerHandle | None = None

    def prolong(self, seconds: float) -> None:
        self.until = max(self.until, asyncio.get_running_loop().time() + seconds)

    def begin(self, end: Callable[[], None]) -> None:
        self.stop()
        self.timer = asyncio.get_running_loop().call_at(self.until, end)

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class DaemonServer:
    """Serves until nobody needs it any more, it is asked to end, or a newer program comes."""

    def __init__(self, paths: DaemonPaths, stores: OpenStores, patience: float = _FIRST_SECONDS) -> None:
        """`patience`: seconds in which the first program has to come."""
        self.paths = paths
        self._patience = patience
        self._stores = stores
        self._clients: set[_Client] = set()
        self._turns: deque[_Client] = deque()
        self._work = asyncio.Event()
        self._rest = _Rest()
        self._quiet: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._began = time.monotonic()
        self._ending = ""

    async def run(self, listening: Any, ahead: Sequence[str] = ()) -> None:
        """Returns when all is written down and the socket is gone; `ahead` is opened before anybody asks for it."""
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(lambda: _Client(self), sock=listening)
        self._rest.timer = loop.call_later(self._patience, self.end, "nobody came")
        await self._stores.open_ahead(ahead)
        try:
            await self._serve()
            server.close()
            self.paths.leave()
            if self.paths.is_ours:
                await self._drain()
        finally:
            self._rest.stop()
            for client in self._clients.copy():
                client.transport.abort()
            await self._stores.close(keep=self.paths.is_ours)
        _log.info("ended: %s", self._ending)

    def end(self, reason: str) -> None:
        """Finishes what was asked, then ends."""
        if not self._ending:
            self._ending = reason
            self._work.set()

    # programs

    def greet(self, client: _Client, hello: Hello) -> None:
        if (hello.protocol, hello.release) == (PROTOCOL, __version__) and not self._ending:
            client.hello = hello
            self._clients.add(client)
            self._rest.stop()
            return
        client.transport.close()
        if is_newer(hello, _WELCOME):
            self.end(f"hands over to {hello.release}")

    def leave(self, client: _Client) -> None:
        self._clients.discard(client)
        if client.hello is not None:
            self._rest.prolong(client.hello.linger)
            if not self._clients:
                self._rest.begin(lambda: self.end("nobody needs it"))

    def _programs(self, but: _Client) -> tuple[tuple[int, str], ...]:
        """Those that are connected, without the one that asks."""
        return tuple(
            sorted({(one.pid, one.hello.program) for one in self._clients if one.hello and one.pid != but.pid})
        )

    # requests

    def take(self, client: _Client, request: Request) -> None:
        """Edge's wait for their turn; the others are carried out beside it. Raises Malformed for what is none."""
        if request.method not in METHODS:
            raise Malformed(f"no method {request.method!r}")
        if request.target in (MODEL, WORDS) or request.target.startswith(DRAFT):
            client.concurrent += 1
            task = asyncio.create_task(self._answer_concurrently(client, request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif request.target == DAEMON:
            self._about_itself(client, request)
        else:
            client.waiting.append(request)
            self.queue(client)

    def queue(self, client: _Client) -> None:
        """Gives the program its turn, after the others that have one."""
        if client.waiting and not client.in_turn and not client.blocked:
            client.in_turn = True
            self._turns.append(client)
            self._work.set()

    async def _serve(self) -> None:
        while True:
            while self._turns:
                client = self._turns.popleft()
                client.in_turn = False
                if client.waiting and not client.blocked:
                    request = client.waiting.popleft()
                    client.regulate()
                    self.queue(client)
                    await self._answer(client, request)
                await asyncio.sleep(0)  # sockets are read
            if self._ending:
                return
            self._work.clear()
            await self._work.wait()

    async def _answer(self, client: _Client, request: Request) -> None:
        if not self.paths.is_ours:
            self._leave_to_next("its home was removed")
            return
        with self._failures(client, request):
            arguments = METHODS[request.method].read_arguments(request.arguments)
            self._reply(client, request, await self._stores.edge(request.target, request.method, arguments))
        self._stores.tidy()
        self._flush_later()

    async def _answer_concurrently(self, client: _Client, request: Request) -> None:
        """What the model computes, the words of the memories, or another process."""
        with self._failures(client, request):
            if request.target in (MODEL, WORDS):
                ask = self._stores.model if request.target == MODEL else self._stores.words
                arguments = METHODS[request.method].read_arguments(request.arguments)
                self._reply(client, request, await ask(request.method, arguments))
            else:
                async for part in self._stores.draft(request):
                    self._send(client, part)
        client.concurrent -= 1
        client.regulate()

    @contextmanager
    def _failures(self, client: _Client, request: Request) -> Iterator[None]:
        """Each request gets an answer, whatever happens; who sends no request is sent away."""
        try:
            yield
        except Malformed as error:
            client.refuse(error)
        except MemoriaError as error:
            self._send(client, Reply(request.number, NOTHING, failure=failure(error)))
            if isinstance(error, Panic):
                self._leave_to_next(str(error))
        except Exception as error:
            _log.exception("%s of %s failed", request.method, request.target)
            told = StoreUnavailable(f"the store daemon failed, see {self.paths.log}: {type(error).__name__}")
            self._send(client, Reply(request.number, NOTHING, failure=failure(told)))

    def _leave_to_next(self, reason: str) -> None:
        """Ends; what waits is asked of the next daemon."""
        for one in self._clients:
            one.waiting.clear()
        self.end(reason)

    def _about_itself(self, client: _Client, request: Request) -> None:
        if request.method == "status":
            age, memory = time.monotonic() - self._began, self._stores.memory()
            status = DaemonStatus(os.getpid(), __version__, age, memory, self._programs(client))
            self._reply(client, request, status)
        elif request.method == "stop":
            self._reply(client, request, None)
            self.end("asked to")
        else:
            raise Malformed(f"the daemon has no method {request.method!r}")

    def _reply(self, client: _Client, request: Request, answer: object) -> None:
        parts = list(METHODS[request.method].write_answer(answer))
        for place, part in enumerate(parts):
            self._send(client, Reply(request.number, part, place == len(parts) - 1))

    def _send(self, client: _Client, reply: Reply) -> None:
        if not client.transport.is_closing():
            client.transport.write(frame(reply))

    def _flush_later(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = asyncio.get_running_loop().call_later(_QUIET_SECONDS, self._flush)

    def _flush(self) -> None:
        if self.paths.is_ours:
            self._stores.flush()

    async def _drain(self) -> None:
        """Until all answers are read, for a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                if self._tasks:
                    await asyncio.wait(self._tasks)
                for client in self._clients.copy():
                    client.transport.close()
                while self._clients:  # noqa: ASYNC110 - each leaves when its buffer is empty
                    await asyncio.sleep(0.01)
