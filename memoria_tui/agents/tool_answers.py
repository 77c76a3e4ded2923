"""What several tools answer with: as little of a memory as an agent needs to decide whether to get it whole."""

from __future__ import annotations

from dataclasses import dataclass

from services.model import Memory, MemoryType

_TITLE, _PASSAGE = 120, 240
"""Characters."""
MOST_TAGS = 20
"""Of a memory in a list."""


@dataclass(frozen=True, slots=True)
class Brief:
    """A memory in one line; `memoria_get` gives all of it."""

    id: str
    type: MemoryType | None
    """None where no memory has the id any more."""
    title: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A memory found, in short; `memoria_get` gives all of it."""

    id: str
    type: MemoryType
    title: str
    score: float = 0.0
    """0..1: 1 is the best hit's; 0 in a list that is not ordered by relevance."""
    passage: str = ""
    """The part that matches best, on one line."""
    why: str = ""
    tags: tuple[str, ...] = ()
    project: str = ""
    superseded_by: str = ""
    """The id of the memory that took its place, if one did: trust that one instead."""


@dataclass(frozen=True, slots=True)
class Found:
    """Hits in their order."""

    hits: tuple[Hit, ...]
    more: str = ""
    """How to get those that come after, if there are any."""
    next: str = ""
    """The same as a cursor, which loses and repeats nothing of a list by date, whatever is written meanwhile."""
    notices: tuple[str, ...] = ()
    """What kept a part of the search from answering, and that nothing answers the question."""


def brief(memory_id: str, memory: Memory | None) -> Brief:
    """`memory` is None where there is none of that id."""
    if memory is None:
        return Brief(memory_id, None, "no such memory; it was deleted, or never was one")
    return Brief(memory.id, memory.type, title(memory))


def title(memory: Memory) -> str:
    return one_line(memory.title, _TITLE)


def passage(text: str) -> str:
    return one_line(text, _PASSAGE)


def one_line(text: str, most: int) -> str:
    """The text on one line, cut to so many characters."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
