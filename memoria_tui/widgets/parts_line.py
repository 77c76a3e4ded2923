"""A line of parts; where there is no room for all, the least important ones are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

GAP = "   "


@dataclass(frozen=True, slots=True)
class Part:
    """Something that the line says."""

    text: Content
    weight: int = 0
    """Of those for which there is no room, the least goes first; 0: it stays, cut at the end if need be."""
    follows: str = GAP
    """What stands before it, unless it is the first."""


class PartsLine(Widget):
    """The parts in their order, as far as there is room."""

    DEFAULT_CSS = "PartsLine { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    parts: reactive[Sequence[Part]] = reactive(())

    def render(self) -> Content:
        return fitting(self.parts, self.content_size.width)


def fitting(parts: Sequence[Part], cells: int) -> Content:
    """A line of at most so many cells, unless what stays is longer."""
    kept = list(parts)
    while (line := _joined(kept)).cell_length > cells and any(part.weight for part in kept):
        kept.remove(min((part for part in kept if part.weight), key=lambda part: part.weight))
    return line


def _joined(parts: Sequence[Part]) -> Content:
    return Content.assemble(
        *(piece for place, part in enumerate(parts) for piece in (part.follows * bool(place), part.text))
    )
