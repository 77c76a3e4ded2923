"""A readers-writer lock: saves of this process share it, an act that needs the store to stand still has it alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar

_PASSED: ContextVar[bool] = ContextVar("passed", default=False)


class WriteBarrier:
    """Shared by saves, many at a time; while one act has it alone, they wait."""

    def __init__(self) -> None:
        self._inside: list[list[str]] = []
        self._held = False
        self._opened = asyncio.Event()
        self._left = asyncio.Event()
        self._watching: list[set[str]] = []

    @contextlib.contextmanager
    def watched(self) -> Iterator[set[str]]:
        """Grows by the memories that are saved while it is entered, and begins with those under way."""
        seen: set[str] = {one for ids in self._inside for one in ids}
        self._watching.append(seen)
        try:
            yield seen
        finally:
            self._watching.remove(seen)

    @contextlib.asynccontextmanager
    async def shared(self, ids: list[str]) -> AsyncIterator[None]:
        """A save of these memories; one within another does not wait."""
        nested = _PASSED.get()
        while self._held and not nested:
            await self._opened.wait()
        for seen in self._watching:
            seen.update(ids)
        self._inside.append(ids)
        token = _PASSED.set(True)
        try:
            yield
        finally:
            _PASSED.reset(token)
            self._inside.remove(ids)
            self._left.set()

    @contextlib.asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        """Waits for the saves under way; the next ones wait until its end."""
        while self._held:
            await self._opened.wait()
        self._held = True
        self._opened.clear()
        try:
            while self._inside:
                self._left.clear()
                await self._left.wait()
            yield
        finally:
            self._held = False
            self._opened.set()
