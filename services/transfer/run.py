"""One import on its way: what it did so far, and what it still waits for."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from dataclasses import dataclass, field

from services.memories.storing import StoredMany
from services.ports import NewRelation
from services.transfer.ends import Ends
from services.transfer.formats.records import RelationRecord


@dataclass(frozen=True, slots=True)
class Failure:
    """A record that was left out."""

    record: str
    """Its place: the file when there are several, and the line or number in it."""
    reason: str


@dataclass(slots=True)
class ImportReport:
    """What an import did."""

    memories: int = 0
    """New or changed."""
    relations: int = 0
    sessions: int = 0
    unchanged: int = 0
    """Records of any kind that were here already, or are newer here."""
    failed: list[Failure] = field(default_factory=list)
    broken: str | None = None
    """One line when a file could not be read, or not to its end."""


@dataclass(slots=True)
class ImportRun:
    """One import on its way."""

    report: ImportReport
    ends: Ends
    source: str = ""
    several: bool = False
    lasting: bool = False
    models: dict[str, str | None] = field(default_factory=dict)
    """By source: the model in use, if the vectors of the file come from it."""
    group: str = field(default_factory=lambda: str(uuid.uuid4()))
    """All that an import does is one act, so that one undo takes it back."""
    waiting: list[RelationRecord] = field(default_factory=list)
    storing: deque[asyncio.Task[StoredMany]] = field(default_factory=deque)
    """The last batches of memories, while they are being stored."""
    _seen: set[int] = field(default_factory=set)

    async def stored(self, beside: int = 0) -> None:
        """Waits until at most `beside` batches are still being stored, and counts the others."""
        while len(self.storing) > beside:
            done = await self.storing.popleft()
            self.report.memories += done.created + done.updated
            self.report.unchanged += done.unchanged
            self.ends.forget()

    def fail(self, where: str, reason: str) -> None:
        self.report.failed.append(Failure(f"{self.source}: {where}" if self.several else where, reason))

    def first(self, relation: NewRelation) -> bool:
        """True when no relation of these ends and this type came before."""
        key = hash((relation.source_id, relation.target_id, relation.type))
        new = key not in self._seen
        self._seen.add(key)
        return new
