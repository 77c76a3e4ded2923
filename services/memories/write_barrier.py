"""A readers-writer lock: saves share it, an act that needs the store to stand still has it alone.

Of embedded stores it holds the other programs of the home too, by kernel locks on two files: `writes.lock` is held by
each save and alone by the act, and who wants it alone takes `switch.lock` before, past which no new save comes, and
writes into it what for.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from contextvars import ContextVar
from pathlib import Path

from services.errors import StoreUnavailable
from services.file_locks import held_lock, take_lock
from services.files import make_private, storage_error, storage_errors
from services.waiting_notice import Waits

_PASSED: ContextVar[bool] = ContextVar("passed", default=False)
_PATIENCE = 120.0
"""Seconds for which a save waits for an act of another program that has the store alone; such an act for half of it."""
_AGAIN_SECONDS = 0.02
_WRITES_LOCK, _SWITCH_LOCK = "writes.lock", "switch.lock"
_SAVES = "waiting until other programs have saved what they are saving"
_REPLACES = "another program is replacing all memories and takes long; nothing was written, try again"
_WRITES = "another program is writing many memories; nothing was replaced, try again when it has finished"


class WriteBarrier:
    """Shared by saves, many at a time; while one act has it alone, they wait."""

    def __init__(self, folder: Path | None = None, waits: Waits | None = None, patience: float = _PATIENCE) -> None:
        """`folder` is that of embedded vectors, which the programs of one machine write alone."""
        self._folder = folder
        self._waits = waits or Waits()
        self._patience = patience
        self._inside = 0
        self._held = False
        self._opened = asyncio.Event()
        self._left = asyncio.Event()

    @contextlib.asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """A save; one within another does not wait.

        Raises StoreUnavailable when another program has the store alone for long.
        """
        if _PASSED.get():
            yield
            return
        while self._held:
            await self._opened.wait()
        self._inside += 1
        token = _PASSED.set(True)
        try:
            async with self._among_programs(shared=True):
                yield
        finally:
            _PASSED.reset(token)
            self._inside -= 1
            self._left.set()

    @contextlib.asynccontextmanager
    async def exclusive(self, what: str) -> AsyncIterator[None]:
        """Waits for the saves under way; the next ones wait until its end, and say `what` this program does.

        Raises StoreUnavailable when another program writes for long.
        """
        while self._held:
            await self._opened.wait()
        self._held = True
        self._opened.clear()
        try:
            while self._inside:
                self._left.clear()
                await self._left.wait()
            async with self._among_programs(shared=False, what=what):
                yield
        finally:
            self._held = False
            self._opened.set()

    def others_write(self) -> bool:
        """Whether another program is in the middle of a save, as far as that can be known: of embedded stores."""
        if self._folder is None or not self._folder.is_dir():
            return False
        try:
            with held_lock(self._folder / _WRITES_LOCK):
                return False
        except BlockingIOError:
            return not self._inside
        except OSError:
            return False

    @contextlib.asynccontextmanager
    async def _among_programs(self, *, shared: bool, what: str = "") -> AsyncIterator[None]:
        if self._folder is None:
            yield
            return
        with storage_errors(self._folder):
            make_private(self._folder)
        with contextlib.ExitStack() as held:
            with contextlib.ExitStack() as passing:
                switch = await self._taken(_SWITCH_LOCK, shared)
                (passing if shared else held).callback(os.close, switch)
                if what:
                    _sign(switch, what)
                held.callback(os.close, await self._taken(_WRITES_LOCK, shared))
            yield

    async def _taken(self, name: str, shared: bool) -> int:
        assert self._folder is not None
        path = self._folder / name
        deadline = time.monotonic() + (self._patience if shared else self._patience / 2)
        async with self._waits.maybe(self._who_has_it_alone if name == _SWITCH_LOCK else lambda: _SAVES):
            while True:
                try:
                    return take_lock(path, shared=shared)
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise StoreUnavailable(_REPLACES if shared else _WRITES) from None
                except OSError as error:
                    raise storage_error(error, path) from error
                await asyncio.sleep(_AGAIN_SECONDS)

    def _who_has_it_alone(self) -> str:
        assert self._folder is not None
        with contextlib.suppress(OSError):
            pid, _, what = (self._folder / _SWITCH_LOCK).read_text("utf-8", "replace").partition(" ")
            return f"waiting for process {pid}, which {what or 'replaces memories'}"
        return "waiting for another program, which replaces memories"


def _sign(lock: int, what: str) -> None:
    """Leaves in the lock's file who has it and why, for those that wait."""
    with contextlib.suppress(OSError):  # on a full disk they are not told
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()} {what}".encode(), 0)
