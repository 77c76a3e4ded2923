"""Many things, some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

Thing = TypeVar("Thing")


def batches(things: Sequence[Thing], size: int) -> Iterator[Sequence[Thing]]:
    """The things in order, `size` at once."""
    return (things[start : start + size] for start in range(0, len(things), size))


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
