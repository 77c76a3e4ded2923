"""What is known of a source from earlier imports: which of its records are as they were, and where notes were moved."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.memories.payload import COUNTERS
from services.memories.stored_memories import present
from services.ports import VectorStore
from services.records import Records
from services.records.import_sources import IMPORT_UNDONE, Fate, ImportedItem, ImportSource
from services.spool import SpooledSet
from services.transfer.reader_parts.folders import file_and_section
from services.transfer.reader_parts.imported_records import BadRecord, MemoryRecord, RelationRecord
from services.transfer.reader_parts.source_ids import file_id, id_of

if TYPE_CHECKING:
    from services.transfer.reader_parts.source import Origin


_HERE = (Fate.THERE, Fate.AS_BEFORE)


def record_hash(record: MemoryRecord) -> str:
    """Of what a source says of a memory; counters and the date of the last change say nothing."""
    payload = {key: value for key, value in record.payload.items() if key not in COUNTERS}
    said = json.dumps([record.type, payload], sort_keys=True, default=str)
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Move:
    """A note that is the one of a file which is gone."""

    item: ImportedItem
    source: int
    """The source that the file was in."""


class KnownSource:
    """What is known of one source while it is imported."""

    def __init__(
        self,
        records: Records,
        vectors: VectorStore,
        name: str,
        origin: Origin,
        known: ImportSource | None,
        *,
        synced: bool = False,
    ) -> None:
        self.name = name
        """As it is reported."""
        self.origin = origin
        self.known = known
        """As the last import left it; None for a new one."""
        self.deleted = 0
        """How many of its memories are as they were there, and were deleted here."""
        self.unchanged: set[str] = set()
        """Ids of the records of notes that are as they were, of a source that was imported completely."""
        self.complete = False
        """True once all of it was read."""
        self.passed = False
        """True when it is not read, because it is as it was imported."""
        self.left_out = False
        """True when it has records that may not be taken as they are."""
        self.settled = False
        """True when nothing of it waits for a person, so that it need not be read again while it stays as it is."""
        self.has_sessions = False
        """True where it has tracked time: only the history of its sessions tells whether they were undone."""
        self.moved = 0
        """Notes of which it was told that they were moved."""
        self.records = self.remarks = self.conflicts = 0
        """What was found in it, told of it, and changed both here and there."""
        self.written: dict[str, str] = {}
        """By memories of the batch that is looked at: the acts whose texts were written back into their notes."""
        self.said: dict[str, str] = {}
        """By memories of the batch that are not as the source says: what it said, as JSON."""
        self.as_before: set[str] = set()
        """Memories of the batch that are as they were before an import that was undone."""
        self.import_undone: set[str] = set()
        """Those whose keys were all changed here: what the source says was undone, beside edits."""
        self.waiting: dict[str, MemoryRecord] = {}
        """By their ids: notes of which only the rest of the source tells what they are."""
        self.taken: set[str] = set()
        """Ids of notes whose memories are those of other notes, as they were renamed."""
        self._synced = synced
        self._records = records
        self._vectors = vectors
        self._seen = SpooledSet()
        self._places = SpooledSet()
        """Of notes that were read."""
        self._by_hash: dict[str, list[str]] | None = None
        self._taken: set[str] = set()
        self._unread: set[str] = set()
        """Files of notes that could not be read, or not all of them."""
        self._has_unread = False
        """Whether that holds of records that are no notes."""

    @classmethod
    async def of(
        cls, records: Records, vectors: VectorStore, name: str, origin: Origin | None, *, synced: bool
    ) -> KnownSource | None:
        """None for a stream or a database, of which nothing is written down.

        `synced`: it is imported by itself, so that what was undone stays so until it changes.
        """
        if origin is None:
            return None
        known = await records.sources.find(records.sources.machine(), origin.path)
        return cls(records, vectors, name, origin, known, synced=synced)

    async def is_unchanged(self) -> bool:
        """Whether all of it is as it was imported, and nothing of it was undone or lost since."""
        if self.known is None or self.known.fingerprint != self.origin.fingerprint:
            return False
        deleted = 0
        async for items in self._records.sources.all_items(self.known.id):
            deleted += sum(one.fate is Fate.DELETED for one in items)
            there = {one.memory_id for one in items if one.fate in _HERE}
            undone = any(one.fate in (Fate.UNDONE, Fate.AS_BEFORE) for one in items)
            if (undone and not self._synced) or there != await present(self._vectors, there):
                return False
        self.deleted = deleted
        return True

    async def items(self, records: Sequence[MemoryRecord], *, last: bool) -> dict[str, ImportedItem]:
        """By ids of records: what the last import of this source made of them.

        A note that has another id than before, or none any more, is the memory that its file was, unless the store has
        one of its own id, or another note of the source is that memory. Where only the rest of the source tells, the
        note waits in `waiting`, but for the `last` ones.
        """
        if self.known is None or not records:
            return {}
        self._places.add([hash(one.file) for one in records])
        by_id = {one.id: one for one in records}
        by_place = {one.file: one for one in records if one.file is not None and not one.exported}
        found = await self._records.sources.items(self.known.id, list(by_id), list(by_place))
        moved = await self._moved_on(found)
        items: dict[str, ImportedItem] = {}
        for item in found:
            if (own := by_id.get(item.memory_id)) is not None:
                if own.by_file and (own.file != item.file or item.memory_id in moved):
                    self.taken.add(own.id)
                else:
                    items[own.id] = item
        others = {by_place[one.file].id: one for one in found if one.file in by_place and one.memory_id not in moved}
        others = {key: item for key, item in others.items() if key not in items and item.memory_id not in items}
        here = await present(self._vectors, [key for key in others if not by_id[key].by_file])
        for key, item in others.items():
            if key in here or (last and self._seen.among([number_of(item.memory_id)])):
                continue
            if last or self._is_certain(item):
                items[key] = item
            else:
                self.waiting[key] = by_id[key]
        return items

    async def _moved_on(self, items: Sequence[ImportedItem]) -> set[str]:
        """Those memories whose notes lie elsewhere in the source now, as they were, while others have their places."""
        if self._by_hash is None:
            self._by_hash = {}
            for file, hash_ in self.origin.files_there.items():
                self._by_hash.setdefault(hash_, []).append(file)
        places: dict[str, str] = {}
        for item in items:
            if item.file is not None and item.file_hash and item.file_hash != self._file_hash(item.file):
                section = item.file.removeprefix(file_and_section(item.file)[0])
                places |= {f"{file}{section}": item.memory_id for file in self._by_hash.get(item.file_hash, ())}
        if not places or self.known is None:
            return set()
        known = await self._records.sources.items(self.known.id, [], list(places))
        return {places[one] for one in places.keys() - {one.file for one in known}}

    def _is_certain(self, item: ImportedItem) -> bool:
        """Whether no other note of the source can be the memory of one: its file made it, or is as it was."""
        root = Path(self.origin.path)
        folder = root if root.is_dir() else root.parent
        same_bytes = item.file_hash is not None and item.file_hash == self._file_hash(item.file)
        return same_bytes or item.memory_id == file_id(folder.as_posix(), item.file or "")

    def look_at(self, items: Sequence[ImportedItem]) -> None:
        """Takes these for the batch that is looked at."""
        self.as_before = {one.memory_id for one in items if one.fate is Fate.AS_BEFORE}
        self.import_undone = {one.memory_id for one in items if one.hash == IMPORT_UNDONE}
        self.said = {one.memory_id: one.said for one in items if one.said and one.memory_id not in self.as_before}
        self.written = {one.memory_id: one.change_group for one in items if not one.hash}

    def comes_again(self, item: ImportedItem, hash_: str) -> bool:
        """Whether what an undo took away is to be imported again."""
        undone = item.fate in (Fate.UNDONE, Fate.AS_BEFORE)
        return undone and not (self._synced and self._was_complete and item.hash == hash_)

    def is_same(self, item: ImportedItem, record: MemoryRecord, hashes: Mapping[str, str]) -> bool:
        """Whether a memory that is there is as its record says: the same as before, or as this program wrote it."""
        written = not item.hash and item.file_hash is not None and item.file_hash == self._file_hash(record.file)
        return item.fate is Fate.THERE and (written or item.hash == hashes[record.id])

    def is_in(self, item: ImportedItem, record: MemoryRecord) -> bool:
        """Whether the file of a note is written down as it is now."""
        return (item.file, item.file_hash) == (record.file, self._file_hash(record.file))

    async def moves(self, records: Sequence[MemoryRecord]) -> dict[str, Move]:
        """By ids of records: the memories of new notes whose files had another name, here or in another folder."""
        new = {one.id: one for one in records if one.by_file and one.file is not None}
        hashes = {key: hash_ for key, one in new.items() if (hash_ := self._file_hash(one.file))}
        same = await self._records.sources.same_files(self._records.sources.machine(), list(set(hashes.values())))
        moves: dict[str, Move] = {}
        for source, path, item in same:
            if item.fate not in _HERE or item.memory_id in self._taken or item.file is None:
                continue
            place = (item.file_hash, _section(item.file))
            fits = (
                key for key, one in new.items() if key not in moves and (hashes.get(key), _section(one.file)) == place
            )
            if path == self.origin.path:
                gone = self._file_hash(item.file) != item.file_hash
            else:
                gone = not await asyncio.to_thread(_exists, path, item.file)
            if gone and (key := next(fits, None)):
                self._taken.add(item.memory_id)
                moves[key] = Move(item, source)
        return moves

    def item(self, record: MemoryRecord, memory_id: str, hash_: str) -> ImportedItem:
        """What is to be written down of a record."""
        return ImportedItem(memory_id, hash_, record.file, self._file_hash(record.file))

    def knew(self, record: RelationRecord) -> bool:
        """Whether a relation was in notes that are as they were imported: one that is not here was deleted here."""
        ends = (record.relation.source_id, record.relation.target_id)
        return self._was_complete and record.of_notes and self.unchanged.issuperset(ends)

    def ended(self, records: int, remarks: int) -> None:
        """All of it was read."""
        self.complete, self.records, self.remarks = True, records, remarks

    async def leave_out(self, records: Sequence[MemoryRecord]) -> None:
        """Records that may not be taken as they are: their memories are in the source all the same."""
        self.left_out = True
        if self.known is not None:
            files = [one.file for one in records if one.file is not None]
            found = await self._records.sources.items(self.known.id, [one.id for one in records], files)
            self.see([one.memory_id for one in found])

    def as_found(self, records: Sequence[MemoryRecord]) -> list[MemoryRecord]:
        """Without notes whose files came or changed after all files were looked at, so that it is not known which of
        them were moved: only the next import tells what they are."""
        found = [one for one in records if not self._changed_since(one)]
        if len(found) < len(records):
            self.left_out = True
            self._unread |= {file_and_section(one.file or "")[0] for one in records if self._changed_since(one)}
        return found

    def _changed_since(self, record: MemoryRecord) -> bool:
        if record.file is None or record.file_hash is None:
            return False
        return self.origin.files_there.get(file_and_section(record.file)[0]) != record.file_hash

    def could_not_read(self, records: Sequence[BadRecord]) -> None:
        """Any of these may be a memory that the source still has."""
        files = {file_and_section(one.where)[0] for one in records}
        self._unread |= files & self.origin.files_there.keys()
        self._has_unread |= bool(files - self.origin.files_there.keys())

    def see(self, memory_ids: Sequence[str]) -> None:
        """Notes that the source has these memories."""
        self._seen.add([number_of(one) for one in memory_ids])

    def close(self) -> None:
        """Gives the disk its room back."""
        self._seen.close()
        self._places.close()

    def other_id(self, record: MemoryRecord) -> str:
        """Of a new note where one was that is another file's now, which has the id of the place."""
        return id_of(f"{record.id}\0{self._file_hash(record.file)}")

    async def missing(self) -> AsyncIterator[ImportedItem]:
        """Memories that an earlier import found in the source, and that it has no longer."""
        if self.known is None:
            return
        async for items in self._records.sources.all_items(self.known.id):
            seen = self._seen.among([number_of(one.memory_id) for one in items])
            for one in items:
                if one.fate in _HERE and number_of(one.memory_id) not in seen and self._is_gone(one):
                    yield one

    @property
    def _was_complete(self) -> bool:
        """Whether the last import read all of it."""
        return self.known is not None and self.known.fingerprint is not None

    def _is_gone(self, item: ImportedItem) -> bool:
        """What is still there may have been left out: a template, or a file that cannot be read."""
        if item.file is None:
            return not self.passed and not self._has_unread
        file, section = file_and_section(item.file)
        now = self.origin.files_there.get(file)
        is_other = bool(self._places.among([hash(item.file)]))
        return now is None or is_other or (bool(section) and now != item.file_hash and file not in self._unread)

    def _file_hash(self, file: str | None) -> str | None:
        return None if file is None else self.origin.files_there.get(file_and_section(file)[0]) or None


def _section(file: str | None) -> str:
    return file_and_section(file or "")[1]


def number_of(memory_id: str) -> int:
    """64 bits of an id."""
    return int(memory_id.replace("-", "")[:16], 16) - (1 << 63)


def _exists(path: str, file: str) -> bool:
    """Whether the file of a note is still where it was, or may be: its disk is not there."""
    root = Path(path)
    if not root.exists() and not (root.parent.is_dir() and any(root.parent.iterdir())):
        return True
    name = file_and_section(file)[0]
    return Path(path).exists() if path.endswith(f"/{name}") and not Path(path).is_dir() else Path(path, name).exists()
