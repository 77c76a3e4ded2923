"""What the Memories screen draws, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from memoria_tui.loadable import Failed, Idle, Loadable, Loaded, Loading
from memoria_tui.modes.notices import key
from memoria_tui.present import safe
from services.model import Query


@dataclass(frozen=True, slots=True)
class Found:
    """What answers `query`."""

    query: Query
    total: int
    took_ms: float
    notices: tuple[str, ...] = ()

    @property
    def empty_store(self) -> bool:
        """True when the unfiltered list is empty: a person's first start."""
        return self.total == 0 and not self.query.raw.strip()


def result_line(state: Loadable[Found], marked: int = 0) -> str:
    """«hybrid · 38 hits · 21 ms · 3 marked»."""
    match state:
        case Idle():
            return "opening"
        case Loading():
            return "searching"
        case Failed():
            return "no answer"
        case Loaded(Found(query, total, took_ms, notices)):
            noun = ("hit" if total == 1 else "hits") if query.ranked else ("memory" if total == 1 else "memories")
            mode = [query.mode.value] if query.ranked else []
            marks = [f"{marked:,} marked"] if marked else []
            return " · ".join([*mode, f"{total:,} {noun}", f"{took_ms:.0f} ms", *marks, *map(safe, notices)])


def greeting(*, demo: bool) -> Content:
    """What an empty store says; `demo`: demo data can be loaded."""
    lines = [
        Content.styled("Nothing is remembered here yet.", "bold $foreground"),
        Content(""),
        key("n", "write a memory"),
        key("i", "import a file"),
    ]
    if demo:
        lines.append(key("D", "load the demo data"))
    lines += [Content(""), Content.styled("Everything else is under ?", "$foreground 60%")]
    return Content("\n").join(lines)
