"""Several things at once, of which none outlives the others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar, overload

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
T = TypeVar("T")


@overload
async def together(first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B], /) -> tuple[A, B]: ...
@overload
async def together(
    first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B], third: Coroutine[Any, Any, C], /
) -> tuple[A, B, C]: ...
@overload
async def together(
    first: Coroutine[Any, Any, A],
    second: Coroutine[Any, Any, B],
    third: Coroutine[Any, Any, C],
    fourth: Coroutine[Any, Any, D],
    /,
) -> tuple[A, B, C, D]: ...
@overload
async def together(*works: Coroutine[Any, Any, A]) -> tuple[A, ...]: ...
async def together(*works: Coroutine[Any, Any, Any]) -> tuple[Any, ...]:
    """The results in order. As `asyncio.gather`, but when one fails the others are cancelled and waited for.

    So nobody asks a store any more that is being closed because of the failure. Raises the first error.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return tuple(task.result() for task in tasks)


async def prefetched(
    read: Callable[[], T], in_thread: Callable[[Callable[[], T]], Awaitable[T]] = asyncio.to_thread
) -> AsyncGenerator[T, None]:
    """What `read` gives each time, until that is empty or None; the next one is read in a thread meanwhile."""

    async def reading() -> T:
        return await in_thread(read)

    coming = asyncio.create_task(reading())
    try:
        while found := await coming:
            coming = asyncio.create_task(reading())
            yield found
    finally:
        coming.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody wants it any more
        coming.cancel()


class BoundedTasks:
    """Lets a few pieces of work be under way while the next one is prepared."""

    def __init__(self, together: int) -> None:
        self._together = together
        self._tasks: deque[asyncio.Task[None]] = deque()

    async def __aenter__(self) -> BoundedTasks:
        return self

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
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
