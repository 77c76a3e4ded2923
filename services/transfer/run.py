"""One import on its way: what it did so far, and what it still waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from services.memories.chunking import chunk_id, chunks
from services.memories.storing import Incoming, StoringAct
from services.model import Change
from services.ports import NewRelation, Transaction
from services.settings import Settings
from services.spool import Spool
from services.transfer.ends import Ends, derived_ids
from services.transfer.formats.records import RelationRecord

_MARKS = 5000
"""Marks read at once."""


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


Rows = tuple[dict[str, list[Mapping[str, object]]], list[Change]]
"""Rows by table, and changes of the history."""


class ImportRun:
    """One import on its way: what it will write, and what it still waits for. To be closed."""

    def __init__(self, act: StoringAct, ends: Ends, folder: Path) -> None:
        """`folder` is where the disk has room for what does not fit into memory."""
        self.act = act
        self.report = ImportReport()
        self.source = ""
        self.several = False
        self.lasting = False
        self.models: dict[str, str | None] = {}
        """By source: the model in use, if the vectors of the file come from it."""
        self.waiting: list[RelationRecord] = []
        self.relations: Spool[Sequence[NewRelation]] = Spool(folder)
        self.rows: Spool[Rows] = Spool(folder)
        self.known_rows = 0
        """Relations and sessions that were there already."""
        self._ends = ends
        self._chunks: dict[str, str] = {}
        self._related: set[str] = set()
        self._seen: set[int] = set()

    def __enter__(self) -> ImportRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.relations.close()
        self.rows.close()

    async def known(self, ids: Sequence[str]) -> dict[str, str]:
        """The memory of each id that is, or will be, one of a memory or of its chunk."""
        planned = {one: self._chunks.get(one, one) for one in ids if one in self._chunks or one in self.act}
        return await self._ends.known(ids) | planned

    async def all(self, ids: Sequence[str]) -> dict[str, str]:
        """As `known`, also by ids that chunks of the texts could have had."""
        found = await self.known(ids)
        lost = {one for one in ids if one not in found}
        for batch in self.act.planned() if lost else ():
            for plan in batch:
                if plan.after is not None:
                    derived = derived_ids(plan.memory_id, plan.after.content)
                    found |= {one: plan.memory_id for one in derived if one in lost}
        return await self._ends.all([one for one in ids if one not in found]) | found

    def note_chunks(self, items: Sequence[Incoming], settings: Settings) -> None:
        """Remembers by which ids of chunks relations can name memories that are going to be written."""
        for item in items:
            count = len(chunks(item.memory.content, settings.chunk_size, settings.chunk_overlap))
            if count > 1:
                self._chunks |= {chunk_id(item.memory.id, index): item.memory.id for index in range(count)}

    def keep(self, relations: Sequence[NewRelation]) -> None:
        """Relations to be written with the act."""
        if relations:
            self.relations.append(relations)
            self._related.update(end for one in relations for end in (one.source_id, one.target_id))

    @property
    def other_ends(self) -> set[str]:
        """Memories that relations of the import end in, which it does not write."""
        return {one for one in self._related if one not in self.act}

    async def deleted_ends(self, transaction: Transaction) -> set[str]:
        """Those that were deleted since they were looked at."""
        ends = sorted(self.other_ends)
        marks = [await transaction.marks(ends[start : start + _MARKS]) for start in range(0, len(ends), _MARKS)]
        return {one for some in marks for one, mark in some.items() if mark.deleted}

    def fail(self, where: str, reason: str) -> None:
        self.report.failed.append(Failure(f"{self.source}: {where}" if self.several else where, reason))

    def first(self, relation: NewRelation) -> bool:
        """True when no relation of these ends and this type came before."""
        key = hash((relation.source_id, relation.target_id, relation.type))
        new = key not in self._seen
        self._seen.add(key)
        return new
