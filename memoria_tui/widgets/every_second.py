"""A beat a second while something runs, and none otherwise: an idle program draws nothing."""

from __future__ import annotations

from collections.abc import Callable

from textual.dom import DOMNode
from textual.timer import Timer


class EverySecond:
    """Calls `tick` once a second, as long as it runs."""

    def __init__(self, node: DOMNode, tick: Callable[[], object]) -> None:
        self._node, self._tick = node, tick
        self._timer: Timer | None = None

    @property
    def runs(self) -> bool:
        return self._timer is not None

    def run(self, *, runs: bool) -> None:
        """Begins or ends; as it is already, it changes nothing."""
        if runs and self._timer is None:
            self._timer = self._node.set_interval(1.0, self._tick)
        elif not runs and self._timer is not None:
            self._timer.stop()
            self._timer = None
