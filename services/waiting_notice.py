"""Says what the program waits for of other programs, as long as it waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

TellWait = Callable[[str], None]
"""Is told in one line what is waited for; "" once nothing is."""
_PATIENCE = 0.5


class Waits:
    """All that one program waits for; the newest is told."""

    def __init__(self, tell: TellWait = lambda _: None, patience: float = _PATIENCE) -> None:
        """`patience`: seconds that a wait lasts before it is told."""
        self._tell = tell
        self.patience = patience
        self._lines: list[str] = []
        self._shown = ""

    @contextmanager
    def waiting_for(self, line: str) -> Iterator[None]:
        """For as long as the wait lasts."""
        self._lines.append(line)
        self._show_newest()
        try:
            yield
        finally:
            self._lines.remove(line)
            self._show_newest()

    @asynccontextmanager
    async def maybe(self, line: Callable[[], str]) -> AsyncIterator[None]:
        """For what may be a wait: told when it lasts, `line` is asked for then."""
        with ExitStack() as telling:
            begin = asyncio.get_running_loop().call_later(
                self.patience, lambda: telling.enter_context(self.waiting_for(line()))
            )
            try:
                yield
            finally:
                begin.cancel()

    def _show_newest(self) -> None:
        newest = self._lines[-1] if self._lines else ""
        if newest != self._shown:
            self._shown = newest
            self._tell(newest)
