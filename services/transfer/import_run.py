"""One import on its way: what it did so far, what it waits for, and which memory an id of a file stands for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from services.memories.chunking import chunk_id, chunks
from services.memories.payload import State
from services.memories.stored_memories import fold, owners, pages
from services.memories.storing_many import Incoming, StoringAct
from services.model import Action, Change, Entity, Memory, MemoryType, content_hash, counted
from services.points import Scroll
from services.ports import NewChange, NewRelation, VectorStore
from services.records import Transaction
from services.records.import_sources import AS_KNOWN, ImportedItem
from services.settings import Settings
from services.spool import Spool, SpooledSet
from services.storable_text import quoted
from services.transfer.former_notes import FormerNotes
from services.transfer.import_outcome import Side
from services.transfer.known_source import KnownSource, number_of
from services.transfer.reader_parts.imported_records import MemoryRecord, RelationRecord

if TYPE_CHECKING:
    from services.transfer.tracked_sessions import TrackedRow

_PAGE = 1000
_SHORTEST_STEP = 50
"""Characters by which a chunk advances at least, under any setting that is in use."""
_MOST_CHUNKS = 4000


class RelationEnds:
    """Finds the memory of an id: of a memory, of a chunk that is stored, or of one that once was cut from its text."""

    def __init__(self, vectors: VectorStore) -> None:
        self._vectors = vectors
        self._derived: dict[str, str] | None = None

    async def known(self, ids: Sequence[str]) -> dict[str, str]:
        """By stored points alone; ids of nothing are left out."""
        return await owners(self._vectors, list(dict.fromkeys(ids))) if ids else {}

    async def all(self, ids: Sequence[str]) -> dict[str, str]:
        """Also by ids that chunks of the stored texts could have had; reads the whole store once when it must."""
        found = await self.known(ids)
        lost = [one for one in ids if one not in found]
        if lost and self._derived is None:
            self._derived = await self._derive()
        derived = self._derived or {}
        return found | {one: derived[one] for one in lost if one in derived}

    async def _derive(self) -> dict[str, str]:
        derived: dict[str, str] = {}
        for type_ in MemoryType:
            async for points in pages(self._vectors, Scroll(type_, _PAGE)):
                for stored in fold(type_, points):
                    derived |= dict.fromkeys(derived_ids(stored.id, stored.state.content), stored.id)
        return derived


def derived_ids(memory_id: str, content: str) -> list[str]:
    """The ids that chunks of the text could have under any setting that is in use."""
    return [chunk_id(memory_id, index) for index in range(min(_MOST_CHUNKS, len(content) // _SHORTEST_STEP + 2))]


_MOST_ENDS = 1000
"""Memories that are locked one by one for relations; of more, all are locked."""


_TITLE = 60
"""Most characters of a title in a remark."""


def remark_title(memory: Memory) -> str:
    """The title, cut where a remark would become long."""
    return memory.title if len(memory.title) <= _TITLE else f"{memory.title[:_TITLE]}…"


@dataclass(frozen=True, slots=True)
class Remark:
    """What must be known about one record, or about a whole source."""

    source: str
    """The file, folder, stream or database."""
    record: str
    """Its place there, the line or number; "" for the whole source."""
    reason: str
    texts: tuple[str, str] | None = None
    """Where both changed the same: what a person compares, as it is here and in the source."""
    memory_id: str = ""
    """Where both changed the same."""

    def __str__(self) -> str:
        place = ": ".join(filter(None, (self.source, self.record)))
        return self.reason if self.reason.startswith(place) else f"{place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Sample:
    """A memory that an import makes or changes."""

    source: str
    record: str
    id: str
    type: MemoryType
    title: str
    is_new: bool


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do."""

    memories: int = 0
    """New or changed."""
    created: int = 0
    """Those of them that are new."""
    relations: int = 0
    sessions: int = 0
    clients: int = 0
    """Those that the source has as such; also of `projects`."""
    projects: int = 0
    unchanged: int = 0
    """Records of any kind that were here already, or are newer here."""
    failed: list[Remark] = field(default_factory=list)
    """What was left out."""
    kept: list[Remark] = field(default_factory=list)
    """Memories that stay as they are because both they and their source changed."""
    notes: list[Remark] = field(default_factory=list)
    """What is not imported as the source has it."""
    broken: str | None = None
    """One line when a source could not be read, or not to its end."""
    missing: list[Remark] = field(default_factory=list)
    """Memories that an earlier import found in a source, and that it has no longer."""
    retired: int = 0
    """Those of them that went to the trash, as a person wished."""
    samples: list[Sample] = field(default_factory=list)
    """The first memories that are new or change."""
    barren: list[str] = field(default_factory=list)
    """Sources that have records of which none could be imported."""

    def summary(self) -> str:
        """What was imported, in one line."""
        imported = [
            (self.created, "memory"),
            (self.relations, "relation"),
            (self.sessions, "work session"),
            (self.clients, "client"),
            (self.projects, "project"),
        ]
        others = [
            (self.unchanged, "record unchanged" if self.unchanged == 1 else "records unchanged"),
            (len(self.kept), "kept"),
            (len(self.failed), "left out"),
            (len(self.missing) - self.retired, "no longer in the source"),
            (self.retired, "moved to the trash"),
        ]
        parts = [counted(number, name) for number, name in imported if number]
        changed = [f"{counted(number, 'memory')} changed"] if (number := self.memories - self.created) else []
        done = [f"{', '.join(parts) or 'nothing'} imported"] if parts or not changed else []
        return " · ".join([*done, *changed, *(f"{number:,} {word}" for number, word in others if number)])


Take = Callable[[str], Side | None]
"""By a memory that was changed here and in the source: which side is taken; None: it stays as it is, and is told."""
_SAMPLES = 20
Rows = tuple[dict[str, list[Mapping[str, object]]], list[Change]]
"""Rows by table, and changes of the history."""


class ImportRun:
    """One import on its way: what it will write, and what it still waits for. To be closed."""

    def __init__(self, begin: Callable[[], StoringAct], ends: RelationEnds, former: FormerNotes, folder: Path) -> None:
        """`begin` gives an act for a part of it, always of the same group; `folder` is where the disk has room."""
        self._begin = begin
        self._folder = folder
        self._acts = ExitStack()
        self.act = self._acts.enter_context(begin())
        self.report = ImportReport()
        self.written: Callable[[ImportReport], None] = lambda _: None
        """Is called after each part that was written."""
        self.source = ""
        self.origins: list[KnownSource] = []
        """Of the sources that are read, but for streams and databases."""
        self.origin: KnownSource | None = None
        """Of the source that is being read."""
        self.accepted = 0
        """Records so far that are, or will be, in the store."""
        self.lasting = self.synced = False
        self.take: Take = lambda _: None
        self.models: dict[str, str | None] = {}
        """By source: the model in use, if the vectors of the file come from it."""
        self.waiting: dict[str, list[RelationRecord]] = {}
        """By source."""
        self.relations: Spool[Sequence[NewRelation]] = Spool(folder)
        self.rows: Spool[Rows] = Spool(folder)
        self.tracked: dict[str, TrackedRow | None] = {}
        """What is to be written of sessions that other programs tracked, by their ids; None: nothing."""
        self.items: Spool[tuple[int, Sequence[ImportedItem]]] = Spool(folder)
        """What is to be written down of sources, by their place in `origins`."""
        self.not_taken: list[NewChange] = []
        """Texts of sources where a person took their own, for the history."""
        self.missing: dict[str, tuple[KnownSource, str | None]] = {}
        """The source, and the file in it, by memories that it has no longer."""
        self.left: list[tuple[int, str]] = []
        """Sources that memories were moved out of."""
        self.known_rows = 0
        """Relations and sessions that were there already."""
        self.former = former
        self._ends = ends
        self.moved: dict[str, str] = {}
        """Memories of notes whose files were renamed, by the ids that their files have now."""
        self._chunks: dict[str, str] = {}
        self._passed = SpooledSet()
        """Ids of memories that a dry run would have written."""
        self.named_types: Counter[tuple[str, MemoryType]] = Counter()
        """Memories of the source that is being read, by what it calls their type, and what that became."""
        self.related: set[str] = set()
        """Memories that relations of the import end in: so many that all are locked, when there are more."""
        self._seen = SpooledSet()

    async def pass_part(self) -> None:
        """Instead of writing a part: what it would have made is there for what follows."""
        for batch in self.act.planned():
            self._passed.add([number_of(plan.memory_id) for plan in batch])
            await asyncio.sleep(0)
        self._begin_part()

    def begin_part(self) -> None:
        """After a part was written: what follows is another one, and finds the chunks of this one in the store."""
        self._chunks.clear()
        self._begin_part()

    def _begin_part(self) -> None:
        self.count_stored()
        self._acts.close()
        self.items.close()
        self.not_taken.clear()
        self.left.clear()
        self.act, self.items = self._acts.enter_context(self._begin()), Spool(self._folder)

    def __enter__(self) -> ImportRun:
        return self

    def __exit__(self, *_: object) -> None:
        self._acts.close()
        self.relations.close()
        self.rows.close()
        self.items.close()
        self._passed.close()
        self._seen.close()
        for one in self.origins:
            one.close()

    async def known(self, ids: Sequence[str]) -> dict[str, str]:
        """The memory of each id that is, or will be, one of a memory or of its chunk."""
        moved = {one: self.moved[one] for one in ids if one in self.moved}
        passed = self._passed.among([number_of(one) for one in ids])
        planned = {
            one: self._chunks.get(one, one)
            for one in ids
            if one in self._chunks or one in self.act or number_of(one) in passed
        } | moved
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

    def count_stored(self) -> None:
        """Counts in the report what the act writes."""
        stored, retired = self.act.stored, self.report.retired
        self.report.memories += stored.created + stored.updated - retired
        self.report.created += stored.created
        self.report.unchanged += stored.unchanged + retired

    def pass_over(self, origin: KnownSource) -> None:
        """A source is as it was imported, so it is not read."""
        if (known := origin.known) is None:
            return
        self.origins.append(origin)
        origin.passed = origin.complete = True
        self.report.unchanged += known.records
        if known.remarks and not self.synced:
            reason = f"unchanged since it was imported; --dry-run repeats its {counted(known.remarks, 'remark')}"
            self.report.notes.append(Remark(self.source, "", reason))

    def note_deleted(self, origin: KnownSource) -> None:
        """Says that some of what did not change in the source is not here any more."""
        if (number := origin.deleted) and not self.synced:
            were = "was" if number == 1 else "were"
            reason = (
                f"{counted(number)} of it {were} deleted here; `memoria-tui restore` brings back what is in the trash"
            )
            self.report.notes.append(Remark(self.source, "", reason))

    def sample(self, where: str, memory: Memory, *, is_new: bool) -> None:
        """Keeps the first memories for a person who wants to see what would come."""
        if len(self.report.samples) < _SAMPLES:
            sample = Sample(self.source, where, memory.id, memory.type, memory.title, is_new)
            self.report.samples.append(sample)

    def write_down(
        self,
        found: Sequence[tuple[str, MemoryRecord]],
        hashes: Mapping[str, str],
        said: Mapping[str, str | None] = MappingProxyType({}),
        unwritten: Container[str] = (),
        seen: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Keeps for the act what records say of memories; `hashes` are by the ids of the records.

        `said` is by memories that are otherwise; `unwritten` are those whose texts are. `seen` is the newest change of
        those that were compared.
        """
        if self.origin is not None and found:
            items = [
                replace(
                    self.origin.item(record, memory_id, hashes[record.id]),
                    said=said.get(memory_id),
                    unwritten=memory_id in unwritten,
                    seen=seen.get(memory_id, AS_KNOWN),
                )
                for memory_id, record in found
            ]
            self.items.append((len(self.origins) - 1, items))
            self.origin.see([one.memory_id for one in items])

    def set_aside(self, memory_id: str, mine: State, theirs: State) -> None:
        """Keeps for the history what the source says of a memory, where a person took what is here."""
        if mine.content != theirs.content:
            sides = (mine, theirs, "the source's text"), (theirs, mine, "mine taken")
            self.not_taken += [
                NewChange(
                    Entity.MEMORY,
                    memory_id,
                    Action.UPDATED,
                    before.as_json(),
                    after.as_json(),
                    content_hash(after.content),
                    what,
                )
                for before, after, what in sides
            ]
            self.related.add(memory_id)

    def note_types(self) -> None:
        """Says which types of the source there are not here."""
        for (name, kind), number in self.named_types.items():
            reason = f"{counted(number)} of the type {quoted(name)}, which is none here: imported as {kind}"
            self.report.notes.append(Remark(self.source, "", f"{reason}; `original_type` keeps the name"))
        self.named_types.clear()

    def note_move(self, where: str, file: str | None) -> None:
        """Tells that a note is the memory of a file that is gone."""
        if self.origin is not None:
            self.origin.moved += 1
        self.report.notes.append(Remark(self.source, where, f"it was {file}; its memory moves along"))

    def note_twice(self, former: str, record: MemoryRecord) -> None:
        """A memory came before with another text, which gives way; `former` is its place, when it is known."""
        place = f" ({former})" if former else ""
        reason = f"{record.id} came before with another text{place}; the one changed last is taken"
        self.report.notes.append(Remark(self.source, record.where, reason))

    def keep(self, relations: Sequence[NewRelation]) -> None:
        """Relations to be written with the act."""
        if relations:
            self.accepted += len(relations)
            self.relations.append(relations)
            if len(self.related) < _MOST_ENDS:
                self.related.update(end for one in relations for end in (one.source_id, one.target_id))

    async def deleted_ends(self, transaction: Transaction, relations: Sequence[NewRelation]) -> set[str]:
        """Memories that the import does not write, and that were deleted since they were looked at."""
        ends = {end for one in relations for end in (one.source_id, one.target_id) if end not in self.act}
        return {one for one, mark in (await transaction.outbox.marks(sorted(ends))).items() if mark.deleted}

    def fail(self, where: str, reason: str) -> None:
        """Tells of a record that is left out."""
        self.report.failed.append(Remark(self.source, where, reason))

    def note(self, where: str, reason: str) -> None:
        """Tells of a record that is not imported as the source has it, as it was changed here."""
        self.report.unchanged += 1
        self.accepted += 1
        self.report.notes.append(Remark(self.source, where, reason))

    def wait(self, record: RelationRecord) -> None:
        """Puts a relation off until all sources are read."""
        self.waiting.setdefault(self.source, []).append(record)

    def first(self, relation: NewRelation) -> bool:
        """True when no relation of these ends and this type came before."""
        return self._seen.add([hash((relation.source_id, relation.target_id, relation.type))]) > 0
