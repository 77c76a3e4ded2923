"""The way to the store daemon: starts it where there is none, sends requests, gives each its reply."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services import __version__
from services.adapters.daemon.answer_timeout import AnswerTimeout
from services.adapters.daemon.daemon_paths import DaemonPaths, peer_of
from services.adapters.daemon.wire import (
    DAEMON,
    METHODS,
    NOTHING,
    PROTOCOL,
    Frames,
    Hello,
    Malformed,
    Reply,
    Request,
    Welcome,
    error_of,
    frame,
    is_newer,
    read_reply,
    read_welcome,
)
from services.errors import StoreInUse, StoreTooNew, StoreUnavailable
from services.model import DaemonStatus
from services.waiting_notice import Waits

if TYPE_CHECKING:
    import socket

    import msgspec

_PATIENCE = 120.0
"""Seconds to reach a daemon, while others end and start."""
_SECONDS_TO_ANSWER = 30.0
"""For a daemon that is asked to end."""
_SECONDS_TO_OBEY = 2.5
"""For one that is killed otherwise, to say how it is, and then to end by a signal."""
_SECONDS_TO_END = 10.0
"""For one that answered and is killed otherwise, to bring everything to disk."""
_AGAIN_SECONDS = 0.02
_CLOSED = "the embedded store has just been closed"


class _Ended(Exception):
    """The daemon went away before it answered."""


@dataclass(slots=True)
class _Waiting:
    """A request under way, with the parts of a long answer that are here already."""

    answer: asyncio.Future[list[msgspec.Raw]]
    parts: list[msgspec.Raw] = field(default_factory=list)


class _Connection(asyncio.Protocol):
    """One connection to one daemon, until either ends."""

    def __init__(self, hello: Hello, timeout: AnswerTimeout) -> None:
        loop = asyncio.get_running_loop()
        self.welcome: asyncio.Future[Welcome] = loop.create_future()
        """What the daemon says first; _Ended when it says nothing."""
        self._hello, self._timeout = hello, timeout
        self._watching: asyncio.Task[None] | None = None
        self._numbers = count(1)
        self._waiting: dict[int, _Waiting] = {}
        self._frames = Frames()
        self._lost: asyncio.Future[None] = loop.create_future()
        self._transport: asyncio.WriteTransport

    @property
    def ended(self) -> bool:
        return self._lost.done()

    async def ask(self, target: str, method: str, arguments: msgspec.Raw) -> list[msgspec.Raw]:
        """The parts of the answer. Raises the error that the daemon answers with, or _Ended."""
        if self.ended:
            raise _Ended
        number = next(self._numbers)
        waiting = self._waiting[number] = _Waiting(asyncio.get_running_loop().create_future())
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._timeout.watch(lambda: bool(self._waiting), self._ask_how_it_is))
        try:
            self._transport.write(frame(Request(number, target, method, arguments)))
            return await waiting.answer
        except asyncio.CancelledError:
            self._transport.write(frame(Request(number, "", "", NOTHING)))
            raise
        finally:
            del self._waiting[number]

    def abort(self) -> None:
        self._transport.abort()

    async def close(self) -> None:
        self._transport.close()
        await asyncio.wait([self._lost])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(frame(self._hello))

    def data_received(self, data: bytes) -> None:
        self._timeout.answered()
        self._frames.add(data)
        try:
            while (message := self._frames.next()) is not None:
                if self.welcome.done():
                    self._hand_out(read_reply(message))
                else:
                    self.welcome.set_result(read_welcome(message))
        except (Malformed, ValueError):  # msgspec's own errors are such
            self.abort()

    def connection_lost(self, _: Exception | None) -> None:
        """Fails what is still waiting."""
        self._lost.set_result(None)
        waited_for: list[asyncio.Future[Any]] = [self.welcome, *(one.answer for one in self._waiting.values())]
        for one in waited_for:
            if not one.done():
                one.set_exception(_Ended())
        if self._watching is not None:
            self._watching.cancel()

    def _ask_how_it_is(self) -> None:
        question = Request(next(self._numbers), DAEMON, "status", METHODS["status"].write_arguments(()))
        self._transport.write(frame(question))

    def _hand_out(self, reply: Reply) -> None:
        waiting = self._waiting.get(reply.number)
        if waiting is None or waiting.answer.done():
            return
        if reply.failure is not None:
            waiting.answer.set_exception(error_of(reply.failure))
            return
        waiting.parts.append(reply.value)
        if reply.last:
            waiting.answer.set_result(waiting.parts)


class DaemonClient:
    """One program's use of the daemon of a home. Reaches it, and starts it where there is none, at the first call."""

    def __init__(
        self,
        home: Path,
        *,
        linger: float = 0.0,
        program: str = "",
        waits: Waits | None = None,
        release: str = __version__,
        protocol: int = PROTOCOL,
    ) -> None:
        """The daemon stays for `linger` seconds after this program at least; `program` is what it calls this one."""
        self._paths = DaemonPaths(home)
        self._waits = waits or Waits()
        self._hello = Hello(protocol, release, program, linger)
        self._connection: _Connection | None = None
        self._connecting = asyncio.Lock()
        self._closed = False

    async def call(self, target: str, method: str, *arguments: object) -> Any:
        """The method's answer. Raises what it raised, StoreUnavailable, StorageFull or StoreTooNew.

        Once more where the daemon ends meanwhile: all that can be asked may be asked twice. A cancelled call that has
        begun is carried out, one that has not is dropped.
        """
        known = METHODS[method]
        given = known.write_arguments(arguments)
        for _ in range(2):
            connection = await self._connected(start=True)
            assert connection is not None
            with suppress(_Ended):
                return known.read_answer(await connection.ask(target, method, given))
        from services.adapters.daemon.starting import ended

        raise await asyncio.to_thread(ended, self._paths)

    async def call_running(self, target: str, method: str, *arguments: object) -> Any:
        """As `call`, but None when no daemon runs."""
        with suppress(_Ended):
            if connection := await self._connected(start=False):
                known = METHODS[method]
                return known.read_answer(await connection.ask(target, method, known.write_arguments(arguments)))
        return None

    async def status(self) -> DaemonStatus | None:
        """How the daemon is; None when none runs."""
        found: DaemonStatus | None = await self.call_running(DAEMON, "status")
        return found

    async def stop(self, *, force: bool = False) -> int | None:
        """Ends the daemon, and waits until it has; gives its process id, None when none runs.

        Raises StoreInUse while other programs use it, StoreUnavailable when it does not answer, both unless `force`.
        """
        try:
            async with asyncio.timeout(_SECONDS_TO_OBEY if force else _SECONDS_TO_ANSWER) as limit:
                if (found := await self.status()) is None:
                    await asyncio.to_thread(self._paths.wait_for_end)  # of one that ends already
                    return None
                if found.clients and not force:
                    names = ", ".join(f'"{name}" (process {pid})' for pid, name in found.clients)
                    raise StoreInUse(
                        f"{self._paths.home} is in use by {names}; close it first, or use: memoria-tui stop --force"
                    )
                if force:
                    limit.reschedule(asyncio.get_running_loop().time() + _SECONDS_TO_END)
                await self.call_running(DAEMON, "stop")
                await self.close()
                await asyncio.to_thread(self._paths.wait_for_end)
                return found.pid
        except (TimeoutError, StoreTooNew) as error:
            if force:
                told = str(error) or f"the store daemon of {self._paths.home} does not answer"
                with self._waits.waiting_for(f"{told}; it is killed"):
                    return await asyncio.to_thread(self._paths.kill, _SECONDS_TO_OBEY)
            reason = str(error) or f"the store daemon of {self._paths.home} does not answer; end it with --force"
            raise StoreUnavailable(reason) from error

    async def close(self) -> None:
        """Ends the connection, also one that is being made; refuses later calls."""
        self._closed = True
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()

    async def _connected(self, *, start: bool) -> _Connection | None:
        async with self._connecting:
            if self._connection is None or self._connection.ended:
                made = await self._connect(start)
                if made is not None and self._closed:
                    await made.close()
                    raise StoreUnavailable(_CLOSED)
                self._connection = made
            return self._connection

    async def _connect(self, start: bool) -> _Connection | None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if self._closed:
                raise StoreUnavailable(_CLOSED)
            with suppress(_Ended, BlockingIOError):
                if (made := self._paths.connect()) is not None:
                    if found := await self._greeted(made):
                        return found
                elif not start:
                    return None
                else:
                    from services.adapters.daemon.starting import start_daemon

                    await asyncio.to_thread(start_daemon, self._paths)
                    continue
            await asyncio.sleep(_AGAIN_SECONDS)
        raise StoreUnavailable(f"the store daemon of {self._paths.home} does not answer; end it with: memoria-tui stop")

    async def _greeted(self, made: socket.socket) -> _Connection | None:
        """None when the daemon hands over to one of our version. Raises StoreTooNew when it is a newer one."""
        timeout = AnswerTimeout(self._paths.home, peer_of(made)[0], self._waits)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_unix_connection(lambda: _Connection(self._hello, timeout), sock=made)
        watching = asyncio.create_task(timeout.watch(lambda: True, lambda: None))
        try:
            welcome = await connection.welcome
        except BaseException:
            connection.abort()
            raise
        finally:
            watching.cancel()
        if (welcome.protocol, welcome.release) == (self._hello.protocol, self._hello.release):
            return connection
        connection.abort()
        if is_newer(welcome, self._hello):
            raise StoreTooNew(
                f"a newer memoria-tui ({welcome.release}, this one is {self._hello.release}) uses the stores in "
                f"{self._paths.home}: end this program and start the newer one"
            )
        return None
