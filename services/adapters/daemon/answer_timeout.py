"""Notices when a daemon neither answers nor works for some time, suspended or hanging, and says so to the person."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from services.waiting_notice import Waits

_LOOK = 3
"""Between two looks, in patiences: after one without an answer the daemon is asked, then the person is told."""


class AnswerTimeout:
    """How long one connection has waited for an answer of its daemon."""

    def __init__(self, home: Path, pid: int, waits: Waits) -> None:
        self._home, self._pid, self._waits = home, pid, waits
        self._answered = False
        self._notice = ExitStack()

    def answered(self) -> None:
        """The daemon said something."""
        self._answered = True
        self._notice.close()

    async def watch(self, owes: Callable[[], bool], ask: Callable[[], None]) -> None:
        """Until it owes no answer; `ask` sends what a daemon answers at once, whatever it works on."""
        silent, work = 0, math.nan
        with self._notice:
            while owes():
                await asyncio.sleep(_LOOK * self._waits.patience)
                before, work = work, self._work()
                if self._answered or work != before:  # one long computation answers nothing
                    self._notice.close()
                    silent = 0
                else:
                    silent += 1
                    if silent == 1:
                        ask()
                    elif silent == 2:
                        self._notice.enter_context(self._waits.waiting_for(self._line()))
                self._answered = False

    def _work(self) -> float:
        """What differs as long as the daemon does something: the seconds for which it computed."""
        import psutil

        try:
            process = psutil.Process(self._pid)
            spent = process.cpu_times()
            if process.status() == psutil.STATUS_DISK_SLEEP:
                return math.nan
        except psutil.Error:
            return 0.0
        return round(float(spent.user + spent.system), 1)

    def _line(self) -> str:
        return (
            f"the store daemon of {self._home} (process {self._pid}) does not answer; waiting for it, or end "
            "it by: memoria-tui stop --force"
        )
