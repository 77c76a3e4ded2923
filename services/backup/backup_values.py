"""Values about backups and restores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, tzinfo
from pathlib import Path

from services.records.archive_tables import Difference
from services.times import minute


@dataclass(frozen=True, slots=True)
class Archive:
    """One backup in a file."""

    path: Path
    made_at: datetime | None
    """None when the archive is too damaged to tell."""
    bytes: int
    counts: Mapping[str, int] = field(default_factory=dict, metadata={"read": dict})
    """Records by kind: memories, relations, sessions, clients, projects, settings, rejected suggestions, changes."""
    model: str | None = field(default=None, metadata={"read": lambda told: told and str(told)})
    dimensions: int = field(default=0, metadata={"read": int})
    digest: str = ""
    """SHA-256 of the table of contents, which has those of all parts: the same digest, the same backup."""
    problem: str | None = None
    """One line when the archive cannot be used. Only its ends were looked at unless it was verified."""

    @property
    def records(self) -> int:
        return sum(self.counts.values())


FACTS = {one.name: one.metadata["read"] for one in fields(Archive) if one.metadata}
"""What the table of contents says under their names, and an older one may lack: how each is read."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a restore would do. The archive was verified to its last byte."""

    archive: Archive
    differences: tuple[Difference, ...]
    empty: bool
    """The store holds nothing: all comes as it is in the archive."""
    re_embed: str | None
    """Why the archive's vectors cannot be used here and are made again; None when they can."""
    continues: bool
    """A restore of this archive was begun and not finished; it goes on."""

    @property
    def same(self) -> bool:
        """The store holds exactly what the archive has, and perhaps more history, which stays in any case."""
        differ = (
            one.new or one.newer or one.older or (one.only_here and one.kind != "changes") for one in self.differences
        )
        return not (self.empty or self.re_embed or self.continues or any(differ))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person must know besides the differences, a line each."""
        begun = ("a restore of it was begun and not finished: this finishes it",) if self.continues else ()
        return (*begun, *((f"{self.re_embed}: the memories are embedded again",) if self.re_embed else ()))


@dataclass(frozen=True, slots=True)
class RestoreReport:
    archive: Archive
    counts: Mapping[str, int]
    """Records written by kind; what was the same already is not among them."""
    unchanged: int
    safety: Archive | None
    """The backup that was made of what a replacement replaced."""


@dataclass(frozen=True, slots=True)
class UnfinishedRestore:
    """A restore that was begun and not finished, as the program finds it at its next start."""

    path: Path
    replace: bool
    begun_at: datetime

    def advice(self, zone: tzinfo) -> str:
        """One line for a person who lives in `zone`."""
        how = "as a replacement " if self.replace else ""
        return (
            f"a restore of {self.path} was begun {how}on {minute(self.begun_at, zone)} and is not finished: what is "
            "shown is neither. Unless it still runs, finish it with `memoria-tui restore --resume`, or undo it "
            "with `memoria-tui restore --undo`"
        )
