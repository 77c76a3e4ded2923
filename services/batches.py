"""Many things, some at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import TypeVar

Thing = TypeVar("Thing")
_RUN = 25
"""Things that take a moment each, after which the others have the event loop."""


def batches(things: Sequence[Thing], size: int) -> Iterator[Sequence[Thing]]:
    """The things in order, `size` at once."""
    return (things[start : start + size] for start in range(0, len(things), size))


async def unhurried(things: Iterable[Thing]) -> AsyncIterator[Thing]:
    """The things in order, of which each takes a moment; after some of them the others have the event loop."""
    for number, thing in enumerate(things, 1):
        yield thing
        if number % _RUN == 0:
            await asyncio.sleep(0)


def sized_batches(
    things: Iterable[Thing], size_of: Callable[[Thing], int], most_size: int, most: int
) -> Iterator[list[Thing]]:
    """The things in order, at most `most` at once and of at most `most_size` together; a larger one comes alone."""
    batch: list[Thing] = []
    size = 0
    for thing in things:
        if batch and (len(batch) == most or size + size_of(thing) > most_size):
            yield batch
            batch, size = [], 0
        batch.append(thing)
        size += size_of(thing)
    if batch:
        yield batch
