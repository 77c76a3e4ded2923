"""The modes in the order of their keys: a new one is its folder and one object here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memoria_tui.modes.mode import ModeScreen


@dataclass(frozen=True, slots=True)
class Mode:
    """A mode as the app, the help and the settings know it."""

    name: str
    """Also the first part of the ids of its keys."""
    key: str
    title: str
    tooltip: str
    screen: Callable[[], type[ModeScreen]]
    """Imports it: no screen is imported before the first paint."""


def _memories() -> type[ModeScreen]:
    from memoria_tui.modes.memories.screen import MemoriesScreen

    return MemoriesScreen


def _graph() -> type[ModeScreen]:
    from memoria_tui.modes.graph.screen import GraphScreen

    return GraphScreen


def _work() -> type[ModeScreen]:
    from memoria_tui.modes.work.screen import WorkScreen

    return WorkScreen


def _summary() -> type[ModeScreen]:
    from memoria_tui.modes.summary.screen import SummaryScreen

    return SummaryScreen


def _health() -> type[ModeScreen]:
    from memoria_tui.modes.health.screen import HealthScreen

    return HealthScreen


MEMORIES = Mode("memories", "1", "Memories", "Go to Memories", _memories)
GRAPH = Mode("graph", "2", "Graph", "Go to the Graph", _graph)
MODES = (
    MEMORIES,
    GRAPH,
    Mode("work", "3", "Work", "Go to Work", _work),
    Mode("summary", "4", "Summary", "Go to the Summary", _summary),
    Mode("health", "5", "Health", "Go to Health", _health),
)
