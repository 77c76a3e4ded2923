"""What is asked of curation, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from services.model import Memory

if TYPE_CHECKING:
    from services.memories.merging import Merge


class GroupBy(StrEnum):
    """What the inbox is grouped by, and how it is said that something is in a group."""

    here: str

    def __new__(cls, word: str, here: str) -> GroupBy:
        made = str.__new__(cls, word)
        made._value_, made.here = word, here
        return made

    SESSION = "session", "in this session"
    AGENT = "agent", "by this agent"
    PROJECT = "project", "in this project"
    FINDING = "finding", "in this group"
    """What is to be looked at first, and at the end all of which nothing was found."""


class Naming(StrEnum):
    """What is named."""

    TAG = "tag"
    PROJECT = "project"

    @property
    def key(self) -> str:
        """The key of payloads."""
        return "tags" if self is Naming.TAG else "project"


class Style(StrEnum):
    """How an answer is put together."""

    SYNTHESIS = "synthesis"
    TIMELINE = "timeline"
    COMPARISON = "comparison"
    ANALYSIS = "analysis"


class Depth(StrEnum):
    """From how many memories an answer is made."""

    QUICK = "quick"
    THOROUGH = "thorough"
    DEEP = "deep"


@dataclass(frozen=True, slots=True)
class Reflection:
    """An answer, with the memories that it was made from, in the order of their numbers."""

    text: str
    sources: tuple[Memory, ...]


@dataclass(frozen=True, slots=True)
class Observation:
    """What a cluster of memories tells together."""

    text: str
    sources: tuple[Memory, ...]
    memory_id: str | None = None
    """None where it was not stored."""


@dataclass(frozen=True, slots=True)
class Consolidation:
    """What is to be done, or was."""

    merges: tuple[Merge, ...]
    forgotten: tuple[Memory, ...]
    looked_at: int
    """Memories, those passed over included."""
    complete: bool
    """False when the time was over before all were looked at."""
