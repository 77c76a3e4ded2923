"""What the store daemon has open: the sets of Qdrant Edge, the bundled model, and the processes that fill a draft."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.adapters.bundled_model import BundledModel
from services.adapters.daemon.wire import DRAFT, FORMER, IN_USE, LENGTH, MODEL, SETS, Reply, Request, frame, read_reply
from services.adapters.edge.edge_store import EdgeSet
from services.errors import InvalidInput, MemoriaError, StoreUnavailable
from services.model import MemoryType
from services.search.vocabulary import Vocabulary

if TYPE_CHECKING:
    from services.adapters.edge.edge_folder import EdgeFolder

_DRAFTS = {f"{DRAFT} {collection}": collection for collection in MemoryType}
_OF_SETS = ("draft", "former", "open_draft", "room", "adopt_draft", "drop_draft", "drop_former")
_OF_MODEL = ("embed", "embed_words", "closeness")
_OF_WORDS = ("completions", "weights")
_NOT_EDGES = (*_OF_MODEL, *_OF_WORDS)
_SWITCHING = ("adopt_draft", "drop_draft")
"""For these nobody may write the draft."""
_FORGETTING = ("delete_points", "adopt_draft")
"""After these a word may be in no memory any more."""
_TOGETHER = 2
"""Computations of the model at once: a short one passes a long one."""
_END_SECONDS = 20.0
"""For a process to bring its writes to disk; the write-ahead log has them anyway."""


class Panic(StoreUnavailable):
    """Edge gave up in a way that may have left its locks taken: the daemon ends, and the next one starts afresh."""


class OpenStores:
    """Opens each when it is first asked for; what cannot be opened is tried again at the next request."""

    def __init__(self, folder: Path) -> None:
        """`folder` is that of the vectors."""
        self._folder = folder
        self._sets: EdgeFolder | None = None
        self._lock: int | None = None
        self._model: BundledModel | None = None
        self._threads = ThreadPoolExecutor(_TOGETHER, "model")
        self._drafts: dict[str, _DraftProcess] = {}
        self._words = Vocabulary(EdgeSet(self._of_the_daemon), folder / "words.json")

    async def open_ahead(self, wanted: Collection[str]) -> None:
        """Opens Edge, and begins to load the model; the first request to what cannot be opened says so."""
        if MODEL in wanted:
            self._model = BundledModel()
            self._threads.submit(self._model.load)
        if IN_USE in wanted:
            with suppress(MemoriaError):
                await self.edge(IN_USE, "info", ())
                self._reading_ahead = asyncio.create_task(self._words.weights("memory"))

    async def edge(self, target: str, method: str, arguments: Sequence[Any]) -> Any:
        """The answer of one set or of all. Raises MemoriaError; Panic when nothing more may be asked of it."""
        if target not in (IN_USE, FORMER, SETS) or (target == SETS) != (method in _OF_SETS) or method in _NOT_EDGES:
            raise InvalidInput(f"there is no {method!r} of {target!r}")
        if method in _SWITCHING:
            await self._end_drafts()
        if method in _FORGETTING:
            self._words.forget()
        from services.adapters.edge.edge_errors import translated

        try:
            sets = self._opened()
            return getattr(sets.of(target), method)(*arguments)
        except Exception as error:
            raise translated(error, self._folder) from error
        except BaseException as error:
            self._sets = None  # not closed, which may never end
            raise Panic(str(translated(error, self._folder))) from error

    async def model(self, method: str, arguments: Sequence[Any]) -> Any:
        """The answer of the bundled model. Raises EmbeddingFailed."""
        if method not in _OF_MODEL:
            raise InvalidInput(f"the model has no {method!r}")
        if self._model is None:
            self._model = BundledModel()
        ask = getattr(self._model, method)
        if self._model.is_quick(*arguments):
            return ask(*arguments)
        return await asyncio.get_running_loop().run_in_executor(self._threads, ask, *arguments)

    async def words(self, method: str, arguments: Sequence[Any]) -> Any:
        """What is known of the words of the memories."""
        if method not in _OF_WORDS:
            raise InvalidInput(f"words have no {method!r}")
        return await getattr(self._words, method)(*arguments)

    async def _of_the_daemon(self, method: str, *arguments: Any) -> Any:
        await asyncio.sleep(0)  # requests of programs pass between
        return await self.edge(IN_USE, method, arguments)

    async def draft(self, request: Request) -> AsyncIterator[Reply]:
        """The reply, in its parts, of the process that fills one collection of the draft."""
        collection = _DRAFTS.get(request.target)
        if collection is None or request.method in (*_OF_SETS, *_NOT_EDGES):
            raise InvalidInput(f"there is no {request.method!r} of {request.target!r}")
        if (found := self._drafts.get(request.target)) is None or found.ended:
            found = self._drafts[request.target] = _DraftProcess(self._folder, collection)
        async for reply in found.ask(request):
            yield reply

    def tidy(self) -> None:
        """Moves points of a long run of writes into finished segments, where that is due."""
        if self._sets is not None:
            with suppress(Exception):  # a full disk is told by the next write
                self._sets.tidy()

    def flush(self) -> None:
        """Brings what was written to disk, when nothing else is to be done."""
        if self._sets is not None:
            with suppress(Exception):
                self._sets.flush()

    def memory(self) -> int:
        """Bytes, with those of the processes that fill a draft."""
        import psutil

        this = psutil.Process()
        return sum(one.memory_info().rss for one in (this, *this.children()))

    async def close(self, *, keep: bool = True) -> None:
        """Brings all to disk, unless it is not to be kept: the folder is another daemon's by now."""
        if not keep:
            import psutil

            for draft in psutil.Process().children():
                draft.kill()
            return
        await self._end_drafts()
        self._threads.shutdown(cancel_futures=True)
        if self._sets is not None:
            with suppress(Exception):
                self._sets.close()
        if self._lock is not None:
            os.close(self._lock)

    def _opened(self) -> EdgeFolder:
        if self._sets is None:
            from services.adapters.edge.copy_before_upgrade import keep_for_other_wheel
            from services.adapters.edge.edge_folder import EdgeFolder
            from services.adapters.edge.folder_locks import take_folder

            if self._lock is None:
                self._lock = take_folder(self._folder)
            keep_for_other_wheel(self._folder)
            gc.collect()  # what an attempt that failed had opened holds its own locks
            self._sets = EdgeFolder(self._folder)
        return self._sets

    async def _end_drafts(self) -> None:
        there, self._drafts = list(self._drafts.values()), {}
        await asyncio.gather(*(one.close() for one in there))


class _DraftProcess:
    """One life of a process that fills a collection of the draft: there, long work holds nobody up."""

    def __init__(self, folder: Path, collection: MemoryType) -> None:
        self._arguments = (str(folder), collection.value)
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Queue[Reply | None]] = {}
        self._starting = asyncio.create_task(self._start())
        self._reading: asyncio.Task[None] | None = None
        self.ended = False

    async def ask(self, request: Request) -> AsyncIterator[Reply]:
        """The reply as it is for who asked. Raises StoreUnavailable when the process ends before."""
        process = await asyncio.shield(self._starting)
        if self.ended or process.stdin is None:
            raise _gone()
        number = next(self._numbers)
        replies = self._waiting[number] = asyncio.Queue()
        try:
            process.stdin.write(frame(Request(number, request.target, request.method, request.arguments)))
            last = False
            while not last:
                if (reply := await replies.get()) is None:
                    raise _gone()
                last = reply.last
                yield Reply(request.number, reply.value, last, reply.failure)
        finally:
            del self._waiting[number]

    async def close(self) -> None:
        """Lets it finish what was asked, and waits for its end."""
        with suppress(MemoriaError):
            process = await self._starting
            assert process.stdin is not None
            process.stdin.close()
            try:
                async with asyncio.timeout(_END_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
            if self._reading is not None:
                await self._reading

    async def _start(self) -> asyncio.subprocess.Process:
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "services.adapters.daemon.draft_process", *self._arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            self.ended = True
            raise StoreUnavailable(f"the process that fills a draft cannot be started: {error}") from error
        self._reading = asyncio.create_task(self._read(process))
        return process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        with suppress(asyncio.IncompleteReadError):
            while True:
                (size,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
                reply = read_reply(await process.stdout.readexactly(size))
                if waiting := self._waiting.get(reply.number):
                    waiting.put_nowait(reply)
        self.ended = True
        await process.wait()
        for waiting in self._waiting.values():
            waiting.put_nowait(None)


def _gone() -> StoreUnavailable:
    return StoreUnavailable("the process that fills the draft ended unexpectedly; nothing written is lost, try again")
