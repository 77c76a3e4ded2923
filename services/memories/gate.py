"""Holds back the saves of this process for a moment in which the store must stand still."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextvars import ContextVar

_PASSED: ContextVar[bool] = ContextVar("passed", default=False)


class Gate:
    """Saves pass it, many at a time; while it is held they wait before it."""

    def __init__(self) -> None:
        self._inside = 0
        self._held = False
        self._opened = asyncio.Event()
        self._left = asyncio.Event()

    @contextlib.asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        """A save; one within another does not wait."""
        if _PASSED.get():
            yield
            return
        while self._held:
            await self._opened.wait()
        self._inside += 1
        token = _PASSED.set(True)
        try:
            yield
        finally:
            _PASSED.reset(token)
            self._inside -= 1
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
