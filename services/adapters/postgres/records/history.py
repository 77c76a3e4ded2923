"""The history: `memoria_tui.audit_log` and the vectors kept with it."""

from __future__ import annotations

import sys
from array import array
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.adapters.postgres.records.base import Reads, Writes
from services.adapters.postgres.records.text import exact_json, storable
from services.model import Act, Action, Change, Entity, Kind
from services.ports import KeptVectors, NewChange

if TYPE_CHECKING:
    from sqlalchemy import Row

_LOG = "memoria_tui.audit_log"
_EARLIER_LOG = f"""(SELECT id, change_group, position, entity, entity_id, action, actor, program, changed_at, before,
    after, content_hash, undoes, summary, ends,
    CASE WHEN undoes IS NULL THEN 'edit' ELSE 'undo' END AS kind, false AS imported FROM {_LOG})"""
"""What to read in a database that was not yet brought to the revision which has the last two columns."""
_BATCH = 100
"""Rows read or written in one statement: few enough that turning them into values does not hold up the event loop."""
_COLUMNS = """id, change_group, entity, entity_id, action, actor, program, changed_at, before, after, content_hash,
    undoes, summary, kind, imported"""

_APPEND = """
INSERT INTO memoria_tui.audit_log
    (change_group, position, entity, entity_id, action, actor, program, before, after, content_hash, undoes, summary,
     ends, kind)
SELECT :change_group, :first + n - 1, entity, entity_id, action, :actor, :program, before::json, after::json,
       content_hash, CAST(:undoes AS text), summary, ends::uuid[], :kind
FROM unnest(CAST(:entities AS text[]), CAST(:ids AS uuid[]), CAST(:actions AS text[]), CAST(:befores AS text[]),
            CAST(:afters AS text[]), CAST(:hashes AS text[]), CAST(:summaries AS text[]), CAST(:ends AS text[]))
     WITH ORDINALITY AS new (entity, entity_id, action, before, after, content_hash, summary, ends, n)
ORDER BY n
RETURNING id, position
"""
_IMPORT = """
INSERT INTO memoria_tui.audit_log
    (change_group, position, entity, entity_id, action, actor, program, changed_at, before, after, content_hash, undoes,
     summary, ends, kind, imported)
SELECT change_group, row_number() OVER (PARTITION BY change_group ORDER BY n) - 1, entity, entity_id, action, actor,
       program, changed_at, before::json, after::json, content_hash, undoes, summary, ends::uuid[], kind, true
FROM unnest(CAST(:groups AS text[]), CAST(:entities AS text[]), CAST(:ids AS uuid[]), CAST(:actions AS text[]),
            CAST(:actors AS text[]), CAST(:programs AS text[]), CAST(:times AS timestamptz[]), CAST(:befores AS text[]),
            CAST(:afters AS text[]), CAST(:hashes AS text[]), CAST(:undoes AS text[]), CAST(:summaries AS text[]),
            CAST(:ends AS text[]), CAST(:kinds AS text[]))
     WITH ORDINALITY AS new (change_group, entity, entity_id, action, actor, program, changed_at, before, after,
                             content_hash, undoes, summary, ends, kind, n)
WHERE NOT EXISTS (
    SELECT 1 FROM memoria_tui.audit_log old
    WHERE old.entity_id = new.entity_id AND old.change_group = new.change_group AND old.changed_at = new.changed_at
      AND old.entity = new.entity AND old.action = new.action)
ORDER BY n
RETURNING id
"""
_VECTORS_OF = 100_000
"""Changes, counted from the newest, whose vectors are kept; those of older ones are made again when they are needed."""
_KEEP_VECTORS = """
WITH outdated AS (DELETE FROM memoria_tui.kept_vectors WHERE change_id < :oldest)
INSERT INTO memoria_tui.kept_vectors (change_id, model, dimensions, vectors)
SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:models AS text[]), CAST(:dimensions AS integer[]),
                     CAST(:vectors AS bytea[]))
"""
_NO_ACT = "('outside', 'purge')"
"""Kinds of changes that nobody undoes: what others did, and what is gone for good."""
_UNDOABLE = f"""
SELECT change_group FROM {{log}} done
WHERE actor = :actor AND position = 0 AND NOT imported AND kind <> 'undo' AND kind NOT IN {_NO_ACT}
  AND NOT EXISTS (SELECT 1 FROM memoria_tui.audit_log undo WHERE undo.undoes = done.change_group)
  AND change_group <> ALL(CAST(:skip AS text[]))
ORDER BY id DESC LIMIT 1
"""
_REDOABLE = f"""
SELECT change_group FROM {{log}} undone
WHERE actor = :actor AND position = 0 AND NOT imported AND kind = 'undo'
  AND NOT EXISTS (SELECT 1 FROM memoria_tui.audit_log redo WHERE redo.undoes = undone.change_group)
  AND NOT EXISTS (SELECT 1 FROM {{log}} act WHERE act.actor = undone.actor AND act.id > undone.id AND act.position = 0
                    AND NOT act.imported AND act.kind NOT IN ('undo', 'redo') AND act.kind NOT IN {_NO_ACT})
ORDER BY id DESC LIMIT 1
"""
_IN_TRASH = """entity = 'memory' AND action = 'deleted' AND kind <> 'purge'
  AND NOT EXISTS (SELECT 1 FROM memoria_tui.audit_log later
                  WHERE later.entity_id = gone.entity_id AND later.id > gone.id AND later.entity = 'memory')"""
_LINE = """
WITH RECURSIVE line (change_group, place) AS (
    (SELECT change_group, 1 FROM memoria_tui.audit_log WHERE change_group = :group LIMIT 1)
    UNION
    SELECT next.change_group, line.place + 1
    FROM line JOIN memoria_tui.audit_log next ON next.undoes = line.change_group AND next.position = 0)
SELECT change_group FROM line ORDER BY place
"""
_BEGINNING = """
SELECT DISTINCT change_group FROM memoria_tui.audit_log WHERE starts_with(change_group, :prefix) LIMIT 2
"""
_ACTS = """
SELECT id, change_group, kind, actor, program, changed_at, undoes FROM {log} act
WHERE position = 0 AND NOT imported
  AND NOT EXISTS (SELECT 1 FROM memoria_tui.audit_log first
                  WHERE first.change_group = act.change_group AND first.position = 0 AND first.id < act.id)
ORDER BY id DESC LIMIT :limit
"""
_COUNTS = """
SELECT change_group, entity, count(DISTINCT entity_id) AS things FROM memoria_tui.audit_log
WHERE change_group = ANY(CAST(:groups AS text[])) GROUP BY change_group, entity
"""
_UNDONE = """
WITH RECURSIVE line (act, change_group, place) AS (
    SELECT name, name, 1 FROM unnest(CAST(:groups AS text[])) AS name
    UNION
    SELECT line.act, next.change_group, line.place + 1
    FROM line JOIN memoria_tui.audit_log next ON next.undoes = line.change_group AND next.position = 0)
SELECT act FROM line GROUP BY act HAVING max(place) % 2 = 0
"""
_FIRST = """
SELECT change.id FROM unnest(CAST(:groups AS text[])) AS act (name)
CROSS JOIN LATERAL (SELECT id FROM memoria_tui.audit_log WHERE change_group = act.name ORDER BY id LIMIT :limit) change
ORDER BY change.id
"""
_DELETED_MEMORIES = f"""
SELECT {_COLUMNS} FROM {{log}} gone
WHERE {_IN_TRASH}
ORDER BY id DESC LIMIT :limit OFFSET :offset
"""
_DELETED_IDS = f"""
SELECT entity_id::text AS id FROM {{log}} gone
WHERE {_IN_TRASH} AND (CAST(:before AS timestamptz) IS NULL OR changed_at < :before) ORDER BY gone.id DESC
"""
_PURGE = "SELECT memoria_tui.purge_memories(CAST(:ids AS uuid[]), CAST(:ends AS uuid[])) AS changes"
_RELATIONS_GONE = f"""
SELECT {_COLUMNS}
FROM (SELECT DISTINCT ON (entity_id) * FROM {{log}} AS log
      WHERE ends && CAST(:ends AS uuid[]) ORDER BY entity_id, id DESC) AS newest
WHERE action = 'deleted'
  AND EXISTS (SELECT 1 FROM memoria_tui.audit_log memory WHERE memory.change_group = newest.change_group
                AND memory.entity = 'memory' AND memory.action = 'deleted')
ORDER BY id
"""
_KNOWN_HASHES = """
SELECT id, content_hash
FROM (SELECT DISTINCT ON (entity_id) entity_id, entity_id::text AS id, content_hash, action FROM memoria_tui.audit_log
      WHERE entity_id = ANY(CAST(:ids AS uuid[])) AND entity = 'memory' ORDER BY entity_id, audit_log.id DESC) AS newest
WHERE action <> 'deleted' AND content_hash IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM memoria_tui.embedding_schedule promise WHERE promise.memory_id = newest.entity_id)
"""
_LAST_IMPORTS = """
SELECT DISTINCT ON (entity_id) entity_id::text AS memory_id, after FROM {log} AS log
WHERE entity_id = ANY(CAST(:ids AS uuid[])) AND entity = 'memory' AND kind = 'import' AND NOT imported
  AND after IS NOT NULL
ORDER BY entity_id, log.id DESC
"""
_LIVING = """
SELECT id
FROM (SELECT DISTINCT ON (entity_id) entity_id, entity_id::text AS id, action FROM {log} AS log
      WHERE entity = 'memory' AND NOT imported AND entity_id > CAST(:after AS uuid)
      ORDER BY entity_id, log.id DESC) AS newest
WHERE action <> 'deleted'
  AND NOT EXISTS (SELECT 1 FROM memoria_tui.embedding_schedule waits WHERE waits.memory_id = newest.entity_id)
ORDER BY entity_id LIMIT :limit
"""
_DELETED_HERE = """
SELECT id
FROM (SELECT DISTINCT ON (entity, entity_id) entity_id::text AS id, action, undoes FROM memoria_tui.audit_log
      WHERE entity_id = ANY(CAST(:ids AS uuid[])) AND entity IN ('memory', 'relation')
      ORDER BY entity, entity_id, audit_log.id DESC) AS newest
WHERE action = 'deleted' AND undoes IS NULL
"""


class HistoryReads(Reads):
    """What was changed."""

    async def history(self, entity: Entity, entity_id: str, limit: int = 100) -> list[Change]:
        rows = await self._read_log(
            f"SELECT {_COLUMNS} FROM {{log}} AS log "
            "WHERE entity_id = CAST(:id AS uuid) AND entity = :entity ORDER BY id DESC LIMIT :limit",
            id=entity_id,
            entity=entity.value,
            limit=limit,
        )
        return [_change(row) for row in rows]

    async def changes(self, ids: Sequence[int]) -> list[Change]:
        rows = await self._read_log(
            f"SELECT {_COLUMNS} FROM {{log}} AS log WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id",
            ids=list(ids),
        )
        return [_change(row) for row in rows]

    async def known_hashes(self, memory_ids: Sequence[str]) -> dict[str, str]:
        return {row.id: row.content_hash for row in await self._read(_KNOWN_HASHES, ids=list(memory_ids))}

    async def kept_vectors(self, change_ids: Sequence[int]) -> dict[int, KeptVectors]:
        rows = await self._read(
            "SELECT change_id, model, dimensions, vectors FROM memoria_tui.kept_vectors "
            "WHERE change_id = ANY(CAST(:ids AS bigint[]))",
            ids=list(change_ids),
        )
        return {row.change_id: KeptVectors(row.model, _unpacked(row.vectors, row.dimensions)) for row in rows}

    async def group(self, group: str) -> list[Change]:
        rows = await self._read(
            "SELECT string_agg(id::text, ' ' ORDER BY id) AS ids FROM memoria_tui.audit_log WHERE change_group = :name",
            name=group,
        )
        ids = [int(one) for one in (rows[0].ids or "").split()] if rows else []
        changes: list[Change] = []
        for start in range(0, len(ids), _BATCH):
            changes += await self.changes(ids[start : start + _BATCH])
        return changes

    async def last_undoable_group(self, actor: str, skip: Sequence[str] = ()) -> str | None:
        rows = await self._read_log(_UNDOABLE, actor=storable(actor), skip=list(skip))
        return str(rows[0].change_group) if rows else None

    async def last_redoable_group(self, actor: str) -> str | None:
        rows = await self._read_log(_REDOABLE, actor=storable(actor))
        return str(rows[0].change_group) if rows else None

    async def line_of(self, group: str) -> list[str]:
        return [row.change_group for row in await self._read(_LINE, group=group)]

    async def groups_beginning(self, prefix: str) -> list[str]:
        rows = await self._read(_BEGINNING, prefix=storable(prefix))
        return [row.change_group for row in rows]

    async def acts(self, limit: int) -> list[Act]:
        acts = await self._read_log(_ACTS, limit=limit)
        groups = [row.change_group for row in acts]
        counts: dict[str, dict[Entity, int]] = {}
        for row in await self._read(_COUNTS, groups=groups):
            counts.setdefault(row.change_group, {})[Entity(row.entity)] = row.things
        undone = {row.act for row in await self._read(_UNDONE, groups=groups)}
        return [
            Act(
                group=row.change_group,
                change_id=row.id,
                kind=Kind(row.kind),
                actor=row.actor,
                program=row.program,
                at=row.changed_at,
                summary="",
                counts=counts[row.change_group],
                undone=row.change_group in undone,
                undoes=row.undoes,
            )
            for row in acts
        ]

    async def first_changes(self, groups: Sequence[str], limit: int) -> dict[str, list[Change]]:
        rows = await self._read(_FIRST, groups=list(groups), limit=limit)
        ids = [row.id for row in rows]
        found: dict[str, list[Change]] = {}
        for start in range(0, len(ids), _BATCH):
            for change in await self.changes(ids[start : start + _BATCH]):
                found.setdefault(change.group, []).append(change)
        return found

    async def living_memories(self, after: str, limit: int) -> list[str]:
        return [row.id for row in await self._read_log(_LIVING, after=after, limit=limit)]

    async def deleted_memories(self, limit: int, offset: int = 0) -> list[Change]:
        return [_change(row) for row in await self._read_log(_DELETED_MEMORIES, limit=limit, offset=offset)]

    async def deleted_ids(self, before: datetime | None = None) -> list[str]:
        return [row.id for row in await self._read_log(_DELETED_IDS, before=before)]

    async def reclaim(self) -> None:
        await self._write("VACUUM memoria_tui.audit_log, memoria_tui.kept_vectors")

    async def last_imports(self, memory_ids: Sequence[str]) -> dict[str, Mapping[str, object]]:
        found: dict[str, Mapping[str, object]] = {}
        for start in range(0, len(memory_ids), _BATCH):
            rows = await self._read_log(_LAST_IMPORTS, ids=list(memory_ids[start : start + _BATCH]))
            found |= {row.memory_id: row.after for row in rows}
        return found

    async def deleted_here(self, ids: Sequence[str]) -> set[str]:
        return {row.id for row in await self._read(_DELETED_HERE, ids=list(ids))} if ids else set()

    async def relations_gone(self, ends: Sequence[str]) -> list[Change]:
        return [_change(row) for row in await self._read_log(_RELATIONS_GONE, ends=list(ends))]

    async def all_changes(self, batch: int = 1000) -> AsyncIterator[list[Change]]:
        last = 0
        while rows := await self._read_log(
            f"SELECT {_COLUMNS} FROM {{log}} AS log WHERE id > :last ORDER BY id LIMIT :batch",
            last=last,
            batch=batch,
        ):
            last = rows[-1].id
            yield [_change(row) for row in rows]

    async def _read_log(self, sql: str, **parameters: object) -> Sequence[Row[Any]]:
        """As `_read`, with `{log}` in the place of the history."""
        await self._require_readable()
        return await self._read(sql.format(log=_LOG if self.kinds else _EARLIER_LOG), **parameters)


class HistoryWrites(Writes):
    """Changes to write down."""

    async def is_undone(self, group: str) -> bool:
        rows = await self._fetch("SELECT 1 FROM memoria_tui.audit_log WHERE undoes = :group LIMIT 1", {"group": group})
        return bool(rows)

    async def append_history(
        self, group: str, changes: Sequence[NewChange], *, kind: Kind = Kind.EDIT, undoes: str | None = None
    ) -> list[int]:
        who = {"actor": storable(self._settings.actor), "program": self._settings.program}
        act = {"change_group": group, **who, "kind": kind.value, "undoes": undoes}
        numbers: list[int] = []
        for first in range(0, len(changes), _BATCH):
            batch = changes[first : first + _BATCH]
            rows = await self._fetch(_APPEND, {**act, "first": first, **_columns(batch)})
            ids = [row.id for row in sorted(rows, key=lambda row: row.position)]
            kept = zip(ids, batch, strict=True)
            await self._keep_vectors([(id_, one.kept_vectors) for id_, one in kept if one.kept_vectors])
            numbers += ids
        return numbers

    async def import_history(self, changes: Sequence[Change]) -> int:
        """Appends changes of an export with their own group, actor, program and time; gives how many were new."""
        if not changes:
            return 0
        rows = await self._fetch(
            _IMPORT,
            {
                "groups": [change.group for change in changes],
                "actors": [storable(change.actor) for change in changes],
                "programs": [storable(change.program) for change in changes],
                "times": [change.at for change in changes],
                "undoes": [change.undoes for change in changes],
                "kinds": [change.kind.value for change in changes],
                **_columns(changes),
            },
        )
        return len(rows)

    async def purge_memories(self, ids: Sequence[str], ends: Sequence[str]) -> int:
        (row,) = await self._fetch(_PURGE, {"ids": list(ids), "ends": list(ends)})
        return int(row.changes)

    async def _keep_vectors(self, kept: Sequence[tuple[int, KeptVectors]]) -> None:
        kept = [(id_, vectors) for id_, vectors in kept if vectors.vectors]
        if kept:
            await self._fetch(
                _KEEP_VECTORS,
                {
                    "oldest": kept[-1][0] - _VECTORS_OF,
                    "ids": [id_ for id_, _ in kept],
                    "models": [vectors.model for _, vectors in kept],
                    "dimensions": [len(vectors.vectors[0]) for _, vectors in kept],
                    "vectors": [_packed(vectors) for _, vectors in kept],
                },
            )


def _columns(changes: Sequence[NewChange] | Sequence[Change]) -> dict[str, object]:
    return {
        "entities": [change.entity.value for change in changes],
        "ids": [change.entity_id for change in changes],
        "actions": [change.action.value for change in changes],
        "befores": [_state(change.before) for change in changes],
        "afters": [_state(change.after) for change in changes],
        "hashes": [change.content_hash for change in changes],
        "summaries": [storable(change.summary) for change in changes],
        "ends": [_ends(change) for change in changes],
    }


def _ends(change: NewChange | Change) -> str | None:
    """Source and target of a relation, as PostgreSQL writes an array."""
    state = change.after or change.before
    if change.entity is not Entity.RELATION or state is None:
        return None
    return f"{{{UUID(str(state['source_id']))},{UUID(str(state['target_id']))}}}"


def _state(state: Mapping[str, object] | None) -> str | None:
    return None if state is None else exact_json(state)


def _packed(kept: KeptVectors) -> bytes:
    numbers = array("f", (number for vector in kept.vectors for number in vector))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _unpacked(packed: bytes, dimensions: int) -> tuple[list[float], ...]:
    numbers = array("f", packed)
    if sys.byteorder == "big":
        numbers.byteswap()
    return tuple(numbers[start : start + dimensions].tolist() for start in range(0, len(numbers), dimensions))


def _change(row: Any) -> Change:
    return Change(
        id=row.id,
        group=row.change_group,
        entity=Entity(row.entity),
        entity_id=str(row.entity_id),
        action=Action(row.action),
        actor=row.actor,
        program=row.program,
        at=row.changed_at,
        before=row.before,
        after=row.after,
        content_hash=row.content_hash,
        undoes=row.undoes,
        summary=row.summary,
        kind=Kind(row.kind),
        imported=row.imported,
    )
