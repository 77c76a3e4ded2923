"""What waits in the outbox is finished while a program is open, whoever left it there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial

from services.errors import MemoriaError
from services.memories.memory_service import MemoryService
from services.model import StatusSnapshot, StoreKind

Run = Callable[[Callable[[], Coroutine[None, None, None]]], object]
"""Has something run beside what else is done."""


class Recovery:
    """Finishes vectors that are missing and saves that a crash cut short, one run at a time.

    All of it at the start and when the embedder answers again, else what is due.
    """

    def __init__(self, memories: MemoryService, run: Run, on_applied: Callable[[], None] = lambda: None) -> None:
        """`on_applied` is called after a run that finished something."""
        self._memories = memories
        self._run = run
        self._on_applied = on_applied
        self._status = StatusSnapshot()
        self._idle = asyncio.Event()
        self._idle.set()

    def start(self, *, due_only: bool = False) -> None:
        """Begins a run unless one is under way."""
        if self._idle.is_set():
            self._idle.clear()
            self._run(partial(self._finish, due_only=due_only))

    def on_status(self, status: StatusSnapshot) -> None:
        """Begins what another status of the stores gives reason to."""
        again = StoreKind.EMBEDDER in status.answering_again(self._status)
        self._status = status
        if again or status.due:
            self.start(due_only=not again)

    async def idle(self) -> None:
        """Waits for the run that is under way."""
        await self._idle.wait()

    async def follow(self, every: float) -> None:
        """Does it for a program that has no status to show, and looks itself each `every` seconds; never ends."""
        self.start()
        while True:
            await asyncio.sleep(every)
            with suppress(MemoriaError):
                self.on_status(await self._memories.waiting_status())

    async def _finish(self, *, due_only: bool) -> None:
        try:
            applied = await self._memories.recover(due_only=due_only)
        except MemoriaError:
            return  # it stays in the outbox, is counted and tried again
        finally:
            self._idle.set()
        if applied:
            self._on_applied()
