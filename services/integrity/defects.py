"""Defects of the data, and what a repair makes of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from services.model import Memory, Relation, counted

if TYPE_CHECKING:
    from services.integrity.check import Check


class Keep(StrEnum):
    """Which values a memory keeps where its chunks differ, or it and its history; the command line takes these words.

    Where it differs from its history, any but STORED is the newest state of the history.
    """

    FIRST = "first"
    """Those of its first chunk, by which the memory goes now."""
    NEWEST = "newest"
    """Those of the chunk that was changed last."""
    UNION = "union"
    """All tags and the highest importance; the rest of the first chunk."""
    STORED = "stored"
    """What is stored, also where the history has a newer state; of chunks that differ as FIRST."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that is wrong with one memory or relation."""

    check: Check
    """That found it."""
    id: str
    """Of the memory or the relation."""
    relation: Relation | None = None
    """None: it is about a memory."""
    former: Mapping[str, str] = field(default_factory=dict)
    """Ends that were chunks once, or belong to a chunk that is missing, and their memory."""


@dataclass(frozen=True, slots=True)
class Survey:
    """All defects that a look at everything found."""

    found: Mapping[Check, tuple[Defect, ...]]
    """Every check is a key."""
    memories: int
    relations: int
    """How many were read."""

    @property
    def total(self) -> int:
        """Defects that are repaired with all others."""
        return len(self.repairable())

    @property
    def by_name(self) -> tuple[Check, ...]:
        """Checks that found something which is repaired only where a person names it."""
        return tuple(check for check, found in self.found.items() if found and check.by_name)

    def repairable(self, checks: Collection[Check] | None = None) -> tuple[Defect, ...]:
        """Those of some checks, None for all, as `IntegrityService.repair` takes them."""
        wanted = (
            check
            for check in self.found
            if check.repairable and (not check.by_name if checks is None else check in checks)
        )
        return tuple(defect for check in wanted for defect in self.found[check])


@dataclass(frozen=True, slots=True)
class DescribedDefect:
    """A defect with what a person needs to decide about it."""

    defect: Defect
    memories: tuple[Memory | None, ...]
    """The memory, or those at the source and the target of the relation; None is no memory."""
    what: str
    """What is wrong, in one line."""
    repair: str
    """What a repair does, in one line; "" when there is none."""
    outcomes: Mapping[Keep, str] = field(default_factory=dict)
    """What the memory would have, in one line, where a person has to choose; else empty."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did; `group` is the act by which undo knows it."""

    group: str
    memories: int = 0
    deleted: int = 0
    """Memories that are in the trash now."""
    moved: int = 0
    """Relations that now end in memories."""
    removed: int = 0
    """Relations that were removed; the history has them."""

    @property
    def total(self) -> int:
        return self.memories + self.deleted + self.moved + self.removed

    @property
    def summary(self) -> str:
        """«repaired 12 memories, deleted 1 memory, moved 24 relations, removed 33 relations»."""
        return self._counted("repaired", "deleted", "moved", "removed") or "nothing was left to repair"

    @property
    def intent(self) -> str:
        """«repair 12 memories, delete 1 memory, move 24 relations, remove 33 relations»: before it is done."""
        return self._counted("repair", "delete", "move", "remove") or "nothing"

    def _counted(self, *verbs: str) -> str:
        memories = ((self.memories, "memory"), (self.deleted, "memory"))
        counts = (*memories, (self.moved, "relation"), (self.removed, "relation"))
        return ", ".join(f"{verb} {counted(*one)}" for verb, one in zip(verbs, counts, strict=True) if one[0])
