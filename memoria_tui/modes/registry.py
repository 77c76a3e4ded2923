"""The modes in the order of their keys: a new one is its folder and one object here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from services.storable_text import quoted

if TYPE_CHECKING:
    from memoria_tui.modes.mode import ModeScreen
    from services.model import StatusSnapshot


def _nothing(_: StatusSnapshot) -> str:
    return ""


def _waiting(status: StatusSnapshot) -> str:
    return status.unreviewed_text


def _failing(status: StatusSnapshot) -> str:
    return "!" if status.failing else ""


@dataclass(frozen=True, slots=True)
class Mode:
    """A mode as the app, the help and the settings know it."""

    name: str
    """Its folder, also the first part of the ids of its keys."""
    key: str
    title: str
    tooltip: str
    mark: Callable[[StatusSnapshot], str] = _nothing
    """What the line of modes says beside the title: a count, «!», or nothing."""

    def screen(self) -> type[ModeScreen]:
        """`MemoriesScreen` of `memories/screen.py`; imported only now: no screen is before the first paint."""
        module = import_module(f"memoria_tui.modes.{self.name}.screen")
        return cast("type[ModeScreen]", getattr(module, f"{self.name.capitalize()}Screen"))


MEMORIES = Mode("memories", "1", "Memories", "Go to Memories")
GRAPH = Mode("graph", "3", "Graph", "Go to the Graph")
WORK = Mode("work", "4", "Work", "Go to Work")
MODES = (
    MEMORIES,
    Mode("inbox", "2", "Inbox", "Review what agents wrote", _waiting),
    GRAPH,
    WORK,
    Mode("summary", "5", "Summary", "Go to the Summary"),
    Mode("health", "6", "Health", "Go to Health", _failing),
)


def wrong_mode(name: str) -> str | None:
    """What is wrong with the name of a mode; None: there is such a one."""
    names = [one.name for one in MODES]
    return None if name in names else f"mode is {quoted(name)}; it must be one of {', '.join(names)}"


def mode_of(name: str) -> Mode:
    """The mode of this name; Memories where none has it."""
    return next((one for one in MODES if one.name == name), MEMORIES)
