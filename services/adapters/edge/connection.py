"""The way to the process that holds Qdrant Edge: starts it, sends requests, gives each its reply."""

from __future__ import annotations

import asyncio
import pickle
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from services.adapters.edge.frames import LENGTH, Reply, Request, frame
from services.errors import MemoriaError, StorageFull, StoreUnavailable
from services.model import MemoryType

_END_SECONDS = 20.0
"""How long closing waits for the process to bring its writes to disk; the write-ahead log has them anyway."""


@dataclass(slots=True)
class _Waiting:
    """A request under way, with the parts of a long answer that are here already."""

    answer: asyncio.Future[Any]
    parts: list[object] = field(default_factory=list)


class EdgeConnection:
    """One life of a process; when `ended`, close it and make another."""

    def __init__(self, folder: Path, collection: MemoryType | None = None) -> None:
        """To the sets in the folder, or to one collection of its draft."""
        self._folder = folder
        self._collection = collection
        self._numbers = count(1)
        self._waiting: dict[int, _Waiting] = {}
        self._starting: asyncio.Task[asyncio.subprocess.Process] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._refusal: MemoriaError | None = None
        self.ended = False

    async def call(self, which: str, method: str, *arguments: object) -> Any:
        """The method's answer. Raises what it raised, or StoreUnavailable when the process ends before.

        A cancelled call is not taken back: once sent it is carried out, whole.
        """
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        process = await asyncio.shield(self._starting)
        if self.ended or process.stdin is None:
            raise self._refusal or StoreUnavailable(f"the store in {self._folder} has just been closed")
        request = Request(next(self._numbers), which, method, arguments)
        waiting = self._waiting[request.number] = _Waiting(asyncio.get_running_loop().create_future())
        try:
            process.stdin.write(frame(request))
            with suppress(ConnectionError):  # the reader will say why the process ended
                await process.stdin.drain()
            return await waiting.answer
        finally:
            del self._waiting[request.number]

    async def close(self) -> None:
        """Lets the process finish what was asked, and waits for its end."""
        if self._starting is None:
            return
        try:
            process = await asyncio.shield(self._starting)  # asyncio never ends a start that is cancelled in its middle
        except StoreUnavailable:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
        if self._reading is not None:
            await self._reading

    async def _start(self) -> asyncio.subprocess.Process:
        """`-P`: a folder named `services` where the person stands must not be taken for ours."""
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "services.adapters.edge.process", str(self._folder)),
                *([self._collection] if self._collection else []),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            self.ended = True
            raise StoreUnavailable(f"the process of the embedded store cannot be started: {error}") from error
        self._reading = asyncio.create_task(self._read(process))
        return process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Hands out replies until the process ends, then fails what is still waiting."""
        assert process.stdout is not None
        with suppress(asyncio.IncompleteReadError):
            while True:
                (size,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
                self._hand_out(Reply(*pickle.loads(await process.stdout.readexactly(size))))
                await asyncio.sleep(0)
        self.ended = True
        end = self._end(await process.wait())
        for waiting in self._waiting.values():
            if not waiting.answer.done():
                waiting.answer.set_exception(end)

    def _hand_out(self, reply: Reply) -> None:
        if reply.ending and isinstance(reply.value, MemoriaError):
            self.ended, self._refusal = True, reply.value
        waiting = self._waiting.get(reply.number)
        if waiting is None or waiting.answer.done():
            return
        if isinstance(reply.value, MemoriaError):
            waiting.answer.set_exception(reply.value)
        elif not reply.last or waiting.parts:
            waiting.parts += reply.value if isinstance(reply.value, list) else ()
            if reply.last:
                waiting.answer.set_result(waiting.parts)
        else:
            waiting.answer.set_result(reply.value)

    def _end(self, status: int) -> MemoriaError:
        """Why the process ended."""
        if self._refusal is not None:
            return self._refusal
        if status == -signal.SIGBUS:
            return StorageFull(f"the disk that holds {self._folder} is full; free some space")
        return StoreUnavailable(
            f"the process of the embedded store ended unexpectedly (status {status}, see {self._folder / 'edge.log'}); "
            "nothing written is lost, try again"
        )
