"""Vectors of new texts made while a large act is still planned, so that its applying finds them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.memories.outbox_applying import Applier
from services.memories.write_plans import Plan, Plans

_TOGETHER = 2
"""Batches that are embedded at once."""
_MOST = 20
"""Batches under way or waiting; where the embedder is slower than the planning, the others are left to the applying."""


class Prefetch:
    """Vectors of new texts, kept beside the plans; those that are missing are made when the plans are applied."""

    def __init__(self, applier: Applier, plans: Plans) -> None:
        self._applier = applier
        self._plans = plans
        self._places = asyncio.Semaphore(_TOGETHER)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, batch: Sequence[Plan]) -> None:
        """Begins to embed a batch, unless many wait already. Raises what went wrong with an earlier one."""
        done = {task for task in self._tasks if task.done()}
        self._tasks -= done
        for task in done:
            task.result()
        if len(self._tasks) < _MOST:
            self._tasks.add(asyncio.create_task(self._embed(batch)))

    async def finish(self) -> None:
        """Waits for what was begun. Raises what an embedder raises that is no failure to embed."""
        await asyncio.gather(*self._tasks)

    def cancel(self) -> None:
        """Embeds no more."""
        for task in self._tasks:
            task.cancel()

    async def _embed(self, batch: Sequence[Plan]) -> None:
        async with self._places:
            self._plans.keep_vectors(await self._applier.new_vectors(batch))
