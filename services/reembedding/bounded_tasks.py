"""Work that goes on while the next piece of it is prepared."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine


class Prefetch:
    """Lets a few pieces of work be under way while the next one is prepared."""

    def __init__(self, together: int) -> None:
        self._together = together
        self._tasks: deque[asyncio.Task[None]] = deque()

    async def __aenter__(self) -> Prefetch:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            while self._tasks and error is None:
                await self._tasks.popleft()
        finally:
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)

    async def start(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Waits until few enough are under way; those before have ended well."""
        if len(self._tasks) == self._together:
            await self._tasks.popleft()
        self._tasks.append(asyncio.create_task(work()))
