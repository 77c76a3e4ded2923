"""Watches the saves of this process, and holds them back for a moment in which the store must stand still."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar

_PASSED: ContextVar[bool] = ContextVar("passed", default=False)


class Gate:
    """Saves pass it, many at a time; while it is held they wait before it."""

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
    async def passing(self, ids: list[str]) -> AsyncIterator[None]:
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
    async def held(self) -> AsyncIterator[None]:
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
