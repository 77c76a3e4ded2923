"""`import_sources` and `imported_items`: what was imported from where."""

from __future__ import annotations

import platform
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from services.errors import MemoriaError
from services.files import make_private, write_file
from services.ports import SqlConnection, SqlDatabase
from services.records.columns import storable

_PAGE = 5000
_MACHINE = "machine"
"""The file of the home that keeps the name of the computer."""


UNDECIDED = "undecided"
"""The hash of a memory that was changed both here and in its source."""
IMPORT_UNDONE = "import undone"
"""The same, where the import of what the source says was undone here."""


AS_KNOWN = -2
"""Instead of a change: the memory was not compared, and is known as far as it was."""


class Fate(StrEnum):
    """What became of a memory since it was imported."""

    THERE = "there"
    DELETED = "deleted"
    """Here, by a person, an agent or another program, and not by an undo or a restore; or erased for good."""
    UNDONE = "undone"
    """With the act that made it."""
    AS_BEFORE = "as before"
    """It is there, but what the import made of it was undone."""


@dataclass(frozen=True, slots=True)
class ImportSource:
    """A file or folder that was imported."""

    id: int
    path: str
    """Absolute."""
    fingerprint: str | None
    """Of all that the last complete import read; None while one is not complete."""
    records: int
    """Memories, relations and other records that the last complete import found."""
    remarks: int
    """What was told of that import."""
    conflicts: int
    """Memories that were changed both here and there, and stayed as they were."""
    imported_at: datetime | None
    """When the last complete import ended."""
    sync: str | None = None
    """`in`: it is imported again by itself; `both`: and edits here are written back."""
    reading: str = "{}"
    """How it is read, as JSON."""


@dataclass(frozen=True, slots=True)
class ImportedItem:
    """One memory of a source, as the last import found it there."""

    memory_id: str
    hash: str
    """Of what the source says of it; "" while its file is as this program wrote it."""
    file: str | None = None
    """Of a note: its path below the folder, with #section where it has some."""
    file_hash: str | None = None
    """Of a note: of the bytes of its file."""
    fate: Fate = Fate.THERE
    change_group: str = ""
    """The act of the import, or that whose text was written back."""
    said: str | None = None
    """What the source says of the memory, as JSON, where the memory was changed here and is not so.

    While that is undecided, what it said before.
    """
    unwritten: bool = False
    """Whether the text of the memory is to be written back."""
    edited_in: str = ""
    """The act that changed the memory last, where that is asked for."""
    seen: int | None = None
    """The newest change of the memory that it was compared with, or AS_KNOWN; None: all that there are."""


@dataclass(frozen=True, slots=True)
class NotePlace:
    """Where a source has the note of a memory."""

    memory_id: str
    source: int
    path: str
    """Of the file or folder that was imported, absolute."""
    file: str
    """As of an ImportedItem."""


_NEWEST = """
LEFT JOIN LATERAL (SELECT id, action, undoes, change_group FROM memoria_tui.audit_log log
                   WHERE log.entity_id = item.memory_id AND log.entity = 'memory'
                     AND NOT (log.kind = 'restore' AND log.action = 'deleted')
                   ORDER BY log.id DESC LIMIT 1) AS newest ON true
"""
_FATE = (
    """CASE WHEN newest.action <> 'deleted' THEN 'there' WHEN newest.undoes IS NULL THEN 'deleted' ELSE 'undone' END"""
)
_COLUMNS = f"""
item.memory_id::text AS memory_id, item.hash, item.file, item.file_hash, {_FATE} AS fate, item.change_group,
item.said::text AS said
"""
_SOURCES = "0010"
"""The revision that added the tables."""
_FIND = """
SELECT id, path, fingerprint, records, remarks, conflicts, imported_at, sync, reading FROM memoria_tui.import_sources
WHERE machine = :machine AND (path = :path OR (CAST(:path AS text) IS NULL AND sync IS NOT NULL)) ORDER BY path
"""
_ITEMS = f"""
SELECT {_COLUMNS} FROM memoria_tui.imported_items item {_NEWEST}
WHERE item.source_id = :source AND item.memory_id = ANY(CAST(:ids AS uuid[]))
UNION
SELECT {_COLUMNS} FROM memoria_tui.imported_items item {_NEWEST}
WHERE item.source_id = :source AND item.file = ANY(CAST(:files AS text[]))
"""
_PAGE_OF = f"""
SELECT {_COLUMNS} FROM memoria_tui.imported_items item {_NEWEST}
WHERE item.source_id = :source AND item.memory_id > CAST(:after AS uuid) ORDER BY item.memory_id LIMIT {_PAGE}
"""
_SAME_FILES = f"""
SELECT source.id AS source_id, source.path, {_COLUMNS} FROM memoria_tui.imported_items item
JOIN memoria_tui.import_sources source ON source.id = item.source_id {_NEWEST}
WHERE source.machine = :machine AND item.file_hash = ANY(CAST(:hashes AS text[]))
ORDER BY item.imported_at DESC
"""
_PLACES = """
SELECT item.memory_id::text AS memory_id, source.id AS source_id, source.path, item.file
FROM memoria_tui.imported_items item JOIN memoria_tui.import_sources source ON source.id = item.source_id
WHERE item.file IS NOT NULL AND item.memory_id = ANY(CAST(:ids AS uuid[]))
"""
_EDITED = f"""
SELECT {_COLUMNS}, newest.change_group AS edited_in, newest.id AS seen FROM memoria_tui.imported_items item {_NEWEST}
WHERE item.source_id = :source AND item.file IS NOT NULL AND newest.action <> 'deleted'
  AND item.hash NOT IN ('{UNDECIDED}', '{IMPORT_UNDONE}')
  AND newest.id > item.change_id AND (item.change_id < 0 OR newest.change_group <> item.change_group)
"""
_AS_BEFORE = """
WITH RECURSIVE line (act, change_group, place) AS (
    SELECT DISTINCT name, name, 1 FROM unnest(CAST(:groups AS text[])) AS name
    UNION
    SELECT line.act, next.change_group, line.place + 1
    FROM line JOIN memoria_tui.audit_log next ON next.undoes = line.change_group AND next.position = 0)
SELECT item.id::text AS memory_id
FROM unnest(CAST(:ids AS uuid[]), CAST(:groups AS text[])) AS item (id, act)
JOIN line ON line.act = item.act AND line.place > 1
JOIN memoria_tui.audit_log log ON log.entity_id = item.id AND log.change_group = line.change_group
WHERE log.entity = 'memory' GROUP BY item.id HAVING max(line.place) % 2 = 0
"""
_SYNC = """
INSERT INTO memoria_tui.import_sources (machine, path, sync, reading) VALUES (:machine, :path, :sync, :reading)
ON CONFLICT (machine, path) DO UPDATE SET sync = excluded.sync, reading = excluded.reading
"""
_ADD = """
INSERT INTO memoria_tui.import_sources (machine, path) VALUES (:machine, :path)
ON CONFLICT (machine, path) DO UPDATE SET fingerprint = NULL RETURNING id
"""
_PUT = f"""
INSERT INTO memoria_tui.imported_items AS known
    (source_id, memory_id, hash, file, file_hash, change_group, said, change_id)
SELECT :source, one.memory_id, one.hash, one.file, one.file_hash, :change_group, one.said::json,
       CASE WHEN one.unwritten THEN -1 WHEN one.seen = {AS_KNOWN} THEN {AS_KNOWN} ELSE COALESCE(newest.id, 0) END
FROM unnest(CAST(:ids AS uuid[]), CAST(:hashes AS text[]), CAST(:files AS text[]), CAST(:file_hashes AS text[]),
            CAST(:said AS text[]), CAST(:unwritten AS boolean[]), CAST(:seen AS bigint[]))
     AS one (memory_id, hash, file, file_hash, said, unwritten, seen)
CROSS JOIN LATERAL (SELECT max(log.id) AS id FROM memoria_tui.audit_log log
                    WHERE log.entity_id = one.memory_id AND log.entity = 'memory'
                      AND (log.change_group = :change_group
                           OR (one.hash <> '' AND (one.seen IS NULL OR log.id <= one.seen)))) AS newest
ON CONFLICT (source_id, memory_id) DO UPDATE SET hash = excluded.hash, file = excluded.file,
    file_hash = excluded.file_hash, change_group = excluded.change_group, imported_at = now(),
    said = CASE WHEN excluded.hash IN ('', known.hash) THEN known.said ELSE excluded.said END,
    change_id = CASE WHEN excluded.change_id = {AS_KNOWN}
                       OR (excluded.hash <> '' AND excluded.hash = known.hash
                           AND excluded.change_group <> known.change_group)
                     THEN known.change_id ELSE excluded.change_id END
"""
"""A text that was written back is that of its act, whatever was changed since; a note that only moved says the same."""
_SETTLE = """
UPDATE memoria_tui.import_sources
SET fingerprint = :fingerprint, records = :records, remarks = :remarks, conflicts = :conflicts, imported_at = now()
WHERE id = :source
"""
_DROP = "DELETE FROM memoria_tui.imported_items WHERE source_id = :source AND memory_id = ANY(CAST(:ids AS uuid[]))"
_ERASE = (
    "UPDATE memoria_tui.imported_items SET said = NULL WHERE memory_id = ANY(CAST(:ids AS uuid[])) AND said IS NOT NULL"
)


class ImportSources:
    def __init__(self, database: SqlDatabase, home: Path) -> None:
        self._database = database
        self._home = home

    def machine(self) -> str:
        """The computer, as the same path is another file on another one: the name that it had at the first import.

        The home keeps it, so that a computer with a new name, or a container that is made again, is the same one.
        """
        kept = self._home / _MACHINE
        name = platform.node() or str(uuid.uuid4())
        try:
            if not kept.exists():
                make_private(self._home)
                write_file(kept, name, replace=False)
            return kept.read_text("utf-8", "replace").strip() or name
        except FileExistsError:  # another program wrote it meanwhile
            return kept.read_text("utf-8", "replace").strip()
        except (OSError, MemoriaError):  # a home that may only be read
            return name

    async def find(self, machine: str, path: str) -> ImportSource | None:
        """The file or folder of a machine; None when nothing was imported from it, or nobody wrote down that it was."""
        rows = await self._read(_FIND, machine=storable(machine), path=storable(path))
        return ImportSource(*rows[0]) if rows else None

    async def synced(self, machine: str) -> list[ImportSource]:
        """Those of a machine that are imported again by themselves."""
        return [ImportSource(*row) for row in await self._read(_FIND, machine=storable(machine), path=None)]

    async def sync(self, machine: str, path: str, mode: str | None, reading: str) -> None:
        """Has a file or folder imported again by itself; no longer, when `mode` is None."""
        names = {"machine": storable(machine), "path": storable(path)}
        await self._database.write(_SYNC, **names, sync=mode, reading=storable(reading))

    async def edited(self, source: int) -> list[ImportedItem]:
        """Notes whose memories were changed here since they were imported, with the act that did so last."""
        rows = await self._database.fetch(_EDITED, source=source)
        return [replace(_item(row), edited_in=row.edited_in, seen=row.seen) for row in rows]

    async def items(self, source: int, ids: Sequence[str], files: Sequence[str]) -> list[ImportedItem]:
        """Those of a source that are these memories, or came from these files."""
        rows = await self._database.fetch(_ITEMS, source=source, ids=list(ids), files=list(map(storable, files)))
        return await self._items(rows)

    async def all_items(self, source: int) -> AsyncIterator[list[ImportedItem]]:
        """All of a source, page by page."""
        last = "00000000-0000-0000-0000-000000000000"
        while rows := await self._database.fetch(_PAGE_OF, source=source, after=last):
            last = rows[-1].memory_id
            yield await self._items(rows)

    async def same_files(self, machine: str, hashes: Sequence[str]) -> list[tuple[int, str, ImportedItem]]:
        """Notes whose files had these bytes, with the id and path of their sources, the last imported first."""
        if not hashes:
            return []
        rows = await self._read(_SAME_FILES, machine=storable(machine), hashes=list(hashes))
        items = await self._items(rows)
        return [(row.source_id, row.path, item) for row, item in zip(rows, items, strict=True)]

    async def note_places(self, ids: Sequence[str]) -> list[NotePlace]:
        """Where the notes of these memories lie, in every source that has one."""
        rows = await self._read(_PLACES, ids=list(ids))
        return [NotePlace(row.memory_id, row.source_id, row.path, row.file) for row in rows]

    async def _read(self, sql: str, **parameters: object) -> Sequence[Any]:
        """No rows in a database that was not brought to the revision which added the tables."""
        known = (await self._database.features()).since(_SOURCES)
        return await self._database.fetch(sql, **parameters) if known else ()

    async def _items(self, rows: Sequence[Any]) -> list[ImportedItem]:
        """With the fate of those whose import was undone; a text that was written back is that of no import."""
        asked = [row for row in rows if row.fate == Fate.THERE and row.hash]
        acts = {"ids": [row.memory_id for row in asked], "groups": [row.change_group for row in asked]}
        found = await self._database.fetch(_AS_BEFORE, **acts) if asked else ()
        undone = {row.memory_id for row in found}
        items = [_item(row) for row in rows]
        return [replace(one, fate=Fate.AS_BEFORE) if one.memory_id in undone and one.hash else one for one in items]


class ImportSourceWriter:
    """What an import writes down of its sources, in its transaction."""

    def __init__(self, connection: SqlConnection) -> None:
        self._connection = connection

    async def begin(self, machine: str, path: str) -> int:
        """The id of a source, which counts as not completely imported until it is settled."""
        rows = await self._connection.fetch(_ADD, machine=storable(machine), path=storable(path))
        return int(rows[0].id)

    async def put(self, source: int, group: str, items: Sequence[ImportedItem]) -> None:
        """Items, each memory once; those that are known are replaced."""
        await self._connection.fetch(
            _PUT,
            source=source,
            change_group=group,
            ids=[one.memory_id for one in items],
            hashes=[one.hash for one in items],
            files=[None if one.file is None else storable(one.file) for one in items],
            file_hashes=[one.file_hash for one in items],
            said=[one.said for one in items],
            unwritten=[one.unwritten for one in items],
            seen=[one.seen for one in items],
        )

    async def drop(self, source: int, ids: Sequence[str]) -> None:
        """Forgets that these memories came from the source."""
        await self._connection.fetch(_DROP, source=source, ids=list(ids))

    async def erase(self, ids: Sequence[str]) -> None:
        """Erases what sources said of memories that are purged; that they came from there stays known."""
        await self._connection.fetch(_ERASE, ids=list(ids))

    async def settle(self, source: int, fingerprint: str, *, records: int, remarks: int, conflicts: int) -> None:
        """The import of a source is complete; it is read again as long as the fingerprint is ""."""
        await self._connection.fetch(
            _SETTLE, source=source, fingerprint=fingerprint, records=records, remarks=remarks, conflicts=conflicts
        )


def _item(row: Any) -> ImportedItem:
    return ImportedItem(row.memory_id, row.hash, row.file, row.file_hash, Fate(row.fate), row.change_group, row.said)
