"""How the program ends: what was asked for is written first, and the terminal is as it was before."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from services.model import counted

if TYPE_CHECKING:
    from textual.app import App

    from memoria_tui.write_queue import Writes

_LOOKS, _GLANCE = 25, 0.02
"""How often, and how many seconds apart, what is about to happen is looked for."""
_CALM = 5
"""Looks one after the other at which no key was under way, after which none comes."""
_BOUND = 5.0
"""Seconds for which a signal waits for keys and writes."""
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


async def _soon(happened: Callable[[], bool]) -> None:
    """Waits a moment for something that is about to happen, if it is."""
    for _ in range(_LOOKS):
        if happened():
            return
        await asyncio.sleep(_GLANCE)


class Leaving:
    """Waits for the writes of the app, then ends it."""

    def __init__(
        self,
        app: App[None],
        writes: Writes,
        say: Callable[[str], None],
        keep_drafts: Callable[[], None],
        owes_keys: Callable[[], bool],
    ) -> None:
        """`say` shows a person one line, `keep_drafts` writes what was typed and not saved to its file.

        `owes_keys`: whether something that was typed has not had its effect.
        """
        self._owes_keys = owes_keys
        self._app = app
        self._writes = writes
        self._say = say
        self._keep_drafts = keep_drafts
        self._under_way = False
        self._warned_of: tuple[str, ...] = ()
        self.is_signalled = False
        """Whether a signal came that ends the app once what was asked for before is done."""
        self.lost: tuple[str, ...] = ()
        """What was asked for and not written when the app ended."""

    async def leave(self, unsaved: Callable[[], tuple[str, ...]]) -> None:
        """Ends the app once all is written; stays when something of it failed, which was said then.

        `unsaved`: what was typed and not saved. It and long runs are given up at the second request.
        """
        if self._under_way:
            self.say_what_waits()
            return
        failures = self._writes.failures
        if unsaved():
            await _soon(lambda: bool(self._writes.waiting))  # the key before may have been the one that saves
        if self._writes.waiting:
            self.say_what_waits()
            await self._finish(None)
            await _soon(lambda: not unsaved())  # the field whose text was written closes
        if self._writes.failures != failures:
            return
        running = self._writes.long_run
        given_up = (*unsaved(), *([f"{running}, which is under way"] if running else []))
        if given_up and given_up != self._warned_of:
            self._warned_of = given_up
            self._say(f"ctrl+q again leaves without: {', '.join(given_up)}")
            return
        self.end()

    def forget_warning(self) -> None:
        """Something else was done since: who leaves is warned again."""
        self._warned_of = ()

    def say_what_waits(self) -> None:
        """Says what is waited for."""
        if waiting := self._writes.waiting:
            self._say(f"Saving {counted(len(waiting), 'change')}, then leaving: {waiting[0]}")

    async def _finish(self, seconds: float | None) -> tuple[str, ...]:
        self._under_way = True
        try:
            return await self._writes.finish(seconds)
        finally:
            self._under_way = False

    def end(self, status: int = 0) -> None:
        """Ends the app at once; no worker may look for widgets that are gone."""
        self._keep_drafts()
        self._app.workers.cancel_all()
        self._app.exit(return_code=status)

    # signals

    def watch_signals(self) -> None:
        """Lets SIGTERM, SIGHUP and SIGQUIT end the app as a key does, within seconds."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            with suppress(NotImplementedError, RuntimeError, ValueError):  # no such signals here, or no main thread
                loop.add_signal_handler(number, self._signalled, number)

    def _signalled(self, number: signal.Signals) -> None:
        self.is_signalled = True
        self._keep_drafts()
        self._app.run_worker(partial(self._end_by, number), group="signal", exclusive=True)  # type: ignore[arg-type]

    async def _end_by(self, number: signal.Signals) -> None:
        deadline = monotonic() + _BOUND
        await self._let_keys_act(deadline)
        await self.finish_in_time(max(_GLANCE, deadline - monotonic()))
        await asyncio.sleep(_GLANCE)  # the field whose text was written closes
        self.end(128 + number)

    async def _let_keys_act(self, deadline: float) -> None:
        """Lets what was typed before the signal arrive where it was meant for; a key may still be on its way here."""
        calm = 0
        while calm < _CALM and monotonic() < deadline:
            await asyncio.sleep(_GLANCE)
            calm = 0 if self._owes_keys() else calm + 1

    async def finish_in_time(self, seconds: float = _BOUND) -> None:
        """Waits for writes, but not for ever; what was left is in `lost`."""
        self.lost = await self._finish(seconds)
