"""What the Graph screen is doing: one of four states, and how each is told."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from memoria_tui.screens.states import Idle, failure, key
from services.errors import MemoriaError
from services.graph.model import Neighborhood


@dataclass(frozen=True, slots=True)
class Walking:
    """A neighbourhood is on its way; what was there before stays on screen."""

    center: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """A neighbourhood is on screen; None when there is nothing to stand on yet."""

    around: Neighborhood | None
    empty_store: bool = False
    """True when there is no memory at all."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The neighbourhood could not be read."""

    error: MemoriaError


State = Idle | Walking | Loaded | Failed


def notice(state: State) -> Content | None:
    """What stands in place of tree and map; None while they are there."""
    match state:
        case Idle():
            return Content.styled("Opening the stores …", "$foreground 60%")
        case Loaded(None, True):
            return _calm("Nothing is remembered here yet.", key("1", "go to Memories and write one"))
        case Loaded(None):
            return _calm(
                "No memory is related to another yet.",
                key("/", "find a memory to stand on, then l links it"),
                key("S", "review what might be related"),
            )
        case Failed(error):
            return failure(error)
    return None


def _calm(headline: str, *ways: Content) -> Content:
    return Content("\n").join([Content.styled(headline, "bold $foreground"), Content(""), *ways])
