"""The history: `memoria_tui.audit_log`, and the vectors kept with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.acting import actor_of, note_act
from services.batches import batches
from services.model import AGENT, Action, Change, Entity, Kind
from services.points import packed, unpacked
from services.ports import KeptVectors, NewChange, NewRelation, SqlConnection, SqlDatabase
from services.records.columns import exact_json, storable
from services.records.reviews import ReviewWriter, decided
from services.settings import Settings
from services.times import read_iso
from services.work.writer_zone import Stamp

LOG = "memoria_tui.audit_log"
_KINDS = "0003"
"""The revision that added the kind of each act, and what an import wrote."""
_EARLIER_LOG = f"""(SELECT id, change_group, position, entity, entity_id, action, actor, program, changed_at, before,
    after, content_hash, undoes, summary, ends,
    CASE WHEN undoes IS NULL THEN '{Kind.EDIT}' ELSE '{Kind.UNDO}' END AS kind, false AS imported FROM {LOG})"""
"""What to read in a database without the last two columns."""
_OF_WORK = frozenset({Entity.SESSION, Entity.CLIENT, Entity.PROJECT})
BATCH = 100
"""Rows read or written in one statement: few enough that turning them into values does not hold up the event loop."""
COLUMNS = """id, change_group, entity, entity_id, action, actor, program, changed_at, before, after, content_hash,
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
_PURGE = "SELECT memoria_tui.purge_memories(CAST(:ids AS uuid[]), CAST(:ends AS uuid[])) AS changes"
_NUMBERS = """
SELECT DISTINCT ON (entity_id) entity_id::text AS id, log.id AS number FROM {log} AS log
WHERE entity_id = ANY(CAST(:ids AS uuid[])) AND entity = 'memory' ORDER BY entity_id, log.id DESC
"""
_KNOWN_HASHES = """
SELECT id, content_hash
FROM (SELECT DISTINCT ON (entity_id) entity_id, entity_id::text AS id, content_hash, action FROM memoria_tui.audit_log
      WHERE entity_id = ANY(CAST(:ids AS uuid[])) AND entity = 'memory' ORDER BY entity_id, audit_log.id DESC) AS newest
WHERE action <> 'deleted' AND content_hash IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM memoria_tui.embedding_schedule entry WHERE entry.memory_id = newest.entity_id)
"""
_STALE = """
SELECT point.id, newest.id AS newest
FROM unnest(CAST(:ids AS text[]), CAST(:stamps AS text[])) AS point (id, stamp)
CROSS JOIN LATERAL (SELECT * FROM {log} AS log WHERE entity_id = point.id::uuid AND entity = 'memory'
                    ORDER BY log.id DESC LIMIT 1) AS newest
WHERE NOT newest.imported AND NOT (newest.action = 'deleted' AND newest.kind = 'outside')
  AND (newest.after IS NULL OR strpos(newest.after::text, stamp) = 0)
  AND NOT EXISTS (SELECT 1 FROM memoria_tui.embedding_schedule waits WHERE waits.memory_id = newest.entity_id)
  AND EXISTS (SELECT 1 FROM {log} AS older WHERE older.entity_id = newest.entity_id AND older.entity = 'memory'
                AND older.id < newest.id AND NOT older.imported AND strpos(older.after::text, stamp) > 0)
"""
"""The states are compared as texts: to look into them is not for SQL."""
_LAST_IMPORTS = """
SELECT memory_id, after
FROM (SELECT DISTINCT ON (entity_id) entity_id::text AS memory_id, after, kind FROM {log} AS log
      WHERE entity_id = ANY(CAST(:ids AS uuid[])) AND entity = 'memory' AND kind IN ('import', 'restore')
        AND NOT imported AND after IS NOT NULL
      ORDER BY entity_id, log.id DESC) AS newest
WHERE kind = 'import'
"""
_LINES = """
SELECT entity_id::text AS memory_id, change_group, undoes, kind, after FROM {log} AS log
WHERE entity_id = ANY(CAST(:ids AS uuid[])) AND entity = 'memory' AND NOT imported ORDER BY log.id
"""
_NEWEST_CREATED = """
SELECT changed_at, after FROM {log} AS log
WHERE entity = 'memory' AND action = 'created' AND kind = 'edit' AND NOT imported AND after IS NOT NULL
ORDER BY id DESC LIMIT 50
"""
_TEXTS_AFTER = """
SELECT entity_id::text AS memory_id, after FROM {log} AS log
JOIN unnest(CAST(:ids AS uuid[]), CAST(:groups AS text[])) AS wanted (id, act) ON wanted.id = entity_id
WHERE entity = 'memory' AND log.change_group = wanted.act AND after IS NOT NULL ORDER BY log.id
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
FROM (SELECT DISTINCT ON (entity, entity_id) entity_id::text AS id, action, undoes FROM {log} AS log
      WHERE entity_id = ANY(CAST(:ids AS uuid[])) AND entity IN ('memory', 'relation')
        AND NOT (kind = 'restore' AND action = 'deleted')
      ORDER BY entity, entity_id, log.id DESC) AS newest
WHERE action = 'deleted' AND undoes IS NULL
"""
_RELATIONS_ENDED = f"""
WITH sides AS (
    SELECT log.id, change_group, kind, action, is_after, state ->> 'source_id' AS source,
           state ->> 'target_id' AS target, state ->> 'type' AS type
    FROM {{log}} AS log CROSS JOIN LATERAL (VALUES (before, false), (after, true)) AS side (state, is_after)
    WHERE entity = 'relation' AND ends && CAST(:ends AS uuid[]) AND state IS NOT NULL
)
SELECT source, target, type, action
FROM (SELECT DISTINCT ON (source, target, type) sides.* FROM sides
      JOIN unnest(CAST(:sources AS text[]), CAST(:targets AS text[]), CAST(:types AS text[]))
           AS wanted (source, target, type) USING (source, target, type)
      ORDER BY source, target, type, sides.id DESC, is_after DESC) AS newest
WHERE NOT is_after AND kind IN ('{Kind.EDIT}', '{Kind.REDO}')
  AND NOT EXISTS (SELECT 1 FROM memoria_tui.audit_log memory WHERE memory.change_group = newest.change_group
                    AND memory.entity = 'memory' AND memory.action = 'deleted')
"""


_WRITTEN_BY = f"""
SELECT string_agg(DISTINCT entity_id::text, ' ') AS ids FROM {{log}} AS log
WHERE entity = 'memory' AND action IN ('created', 'updated') AND kind <> 'outside'
  AND (actor = ANY(CAST(:names AS text[])) OR CAST(:any AS boolean) AND starts_with(actor, '{AGENT}'))
"""


class History:
    """What was changed."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def changes_of(
        self, entity: Entity, entity_id: str, limit: int = 100, *, before: int | None = None
    ) -> list[Change]:
        """Newest first; `before`: only those of a lower number."""
        rows = await self.read(
            f"SELECT {COLUMNS} FROM {{log}} AS log WHERE entity_id = CAST(:id AS uuid) AND entity = :entity "
            "AND id < COALESCE(CAST(:before AS bigint), 9223372036854775807) ORDER BY id DESC LIMIT :limit",
            id=entity_id,
            entity=entity.value,
            limit=limit,
            before=before,
        )
        return [change_of(row) for row in rows]

    async def count_of(self, entity: Entity, entity_id: str) -> int:
        """How many changes it has."""
        rows = await self.read(
            "SELECT count(*) AS number FROM {log} AS log WHERE entity_id = CAST(:id AS uuid) AND entity = :entity",
            id=entity_id,
            entity=entity.value,
        )
        return rows[0].number if rows else 0

    async def written_by(self, names: Sequence[str]) -> frozenset[str]:
        """Ids of the memories that somebody of these names, or an agent of one, made or changed; `agent`: any agent.

        All in one value, as for relations.
        """
        agents = [f"{AGENT}{name}" for name in names]
        rows = await self.read(
            _WRITTEN_BY, names=[*map(storable, names), *map(storable, agents)], any=AGENT[:-1] in names
        )
        return frozenset((rows[0].ids or "").split()) if rows else frozenset()

    async def agents_since(self, since: datetime) -> tuple[str, ...]:
        """Agents that made or changed memories since then, by name."""
        rows = await self.read(
            "SELECT DISTINCT actor FROM {log} AS log WHERE entity = 'memory' AND action IN ('created', 'updated') "
            f"AND kind <> 'outside' AND starts_with(actor, '{AGENT}') AND changed_at >= :since ORDER BY actor",
            since=since,
        )
        return tuple(row.actor for row in rows)

    async def authors(self) -> tuple[str, ...]:
        """Whoever made or changed a memory, also by the history of another machine, as `written_by` finds them."""
        rows = await self.read(
            "SELECT DISTINCT actor FROM {log} AS log WHERE entity = 'memory' AND action IN ('created', 'updated') "
            "AND kind <> 'outside' ORDER BY actor"
        )
        return tuple(row.actor for row in rows)

    async def changes(self, ids: Sequence[int]) -> list[Change]:
        rows = await self.read(
            f"SELECT {COLUMNS} FROM {{log}} AS log WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id",
            ids=list(ids),
        )
        return [change_of(row) for row in rows]

    async def numbers(self, memory_ids: Sequence[str]) -> dict[str, int]:
        """The number of the newest change of each memory; those without any are left out."""
        return {row.id: row.number for row in await self.read(_NUMBERS, ids=list(memory_ids))}

    async def known_hashes(self, memory_ids: Sequence[str]) -> dict[str, str]:
        """The hash of the text that the newest change of each memory left; not of those deleted or in the outbox."""
        return {row.id: row.content_hash for row in await self._database.fetch(_KNOWN_HASHES, ids=list(memory_ids))}

    async def stale(self, stamps: Mapping[str, str]) -> dict[str, int]:
        """The memories whose `updated_at`, as given, an older change than the newest left, with the newest's number.

        Not those of which something waits in the outbox, nor what another program deleted or an import tells of.
        """
        texts = [exact_json({"updated_at": stamp})[1:-1] for stamp in stamps.values()]
        rows = await self.read(_STALE, ids=list(stamps), stamps=texts)
        return {row.id: row.newest for row in rows}

    async def kept_vectors(self, change_ids: Sequence[int]) -> dict[int, KeptVectors]:
        """By the number of the change; those of which none were kept are left out."""
        rows = await self._database.fetch(
            "SELECT change_id, model, dimensions, vectors FROM memoria_tui.kept_vectors "
            "WHERE change_id = ANY(CAST(:ids AS bigint[]))",
            ids=list(change_ids),
        )
        return {row.change_id: KeptVectors(row.model, _vectors(row.vectors, row.dimensions)) for row in rows}

    async def living_memories(self, after: str, limit: int) -> list[str]:
        """Ids, in order from the one after `after`, of memories whose newest change is no deletion and is applied.

        History that came with an import does not count: what it tells of may have happened in another store.
        """
        return [row.id for row in await self.read(_LIVING, after=after, limit=limit)]

    async def last_imports(self, memory_ids: Sequence[str]) -> dict[str, Mapping[str, object]]:
        """What the newest import that changed each memory here made of it, unless a restore changed it since."""
        found: dict[str, Mapping[str, object]] = {}
        for some in batches(memory_ids, BATCH):
            rows = await self.read(_LAST_IMPORTS, ids=list(some))
            found |= {row.memory_id: row.after for row in rows}
        return found

    async def imports_before(self, memory_ids: Sequence[str]) -> dict[str, tuple[Mapping[str, object] | None, bool]]:
        """As `last_imports`, but for imports that are undone; and whether a memory was ever changed otherwise."""
        found: dict[str, tuple[Mapping[str, object] | None, bool]] = {}
        undone: dict[str, set[str]] = {one: set() for one in memory_ids}
        rows = await self.read(_LINES, ids=list(memory_ids)) if memory_ids else ()
        for row in reversed(rows):
            if row.change_group in undone[row.memory_id]:
                continue
            if row.undoes is not None:
                undone[row.memory_id].add(row.undoes)
            after, edited = found.get(row.memory_id, (None, False))
            if row.kind == Kind.IMPORT and after is None:
                after = row.after
            found[row.memory_id] = after, edited or row.kind not in (Kind.IMPORT, Kind.UNDO, Kind.REDO)
        return found

    async def texts_after(self, acts: Mapping[str, str]) -> dict[str, str]:
        """The text that each memory had after an act; `acts` are by memory."""
        rows = await self.read(_TEXTS_AFTER, ids=list(acts), groups=list(acts.values())) if acts else ()
        return {row.memory_id: text for row in rows if isinstance(text := row.after["payload"].get("content"), str)}

    async def deleted_here(self, ids: Sequence[str]) -> set[str]:
        """Of these memories and relations, those that were deleted and did not come back.

        An undo and a restore delete nothing.
        """
        return {row.id for row in await self.read(_DELETED_HERE, ids=list(ids))} if ids else set()

    async def relations_ended(self, relations: Sequence[NewRelation]) -> dict[tuple[str, str, str], Action]:
        """Source, target and type of those that somebody removed, or made another one, and what was done.

        Not of those that went with a memory, or by an undo, a restore or a repair.
        """
        if not relations:
            return {}
        rows = await self.read(
            _RELATIONS_ENDED,
            ends=list({one.source_id for one in relations}),
            sources=[one.source_id for one in relations],
            targets=[one.target_id for one in relations],
            types=[one.type.value for one in relations],
        )
        return {(row.source, row.target, row.type): Action(row.action) for row in rows}

    async def all(self, batch: int = 1000) -> AsyncIterator[list[Change]]:
        """The whole history in order, for an export."""
        last = 0
        while rows := await self.read(
            f"SELECT {COLUMNS} FROM {{log}} AS log WHERE id > :last ORDER BY id LIMIT :batch",
            last=last,
            batch=batch,
        ):
            last = rows[-1].id
            yield [change_of(row) for row in rows]

    async def newest_number(self) -> int:
        """The number of the newest change, 0 while there is none."""
        rows = await self.read("SELECT COALESCE(max(id), 0) AS newest FROM {log} AS log")
        return rows[0].newest if rows else 0

    async def began(self) -> datetime | None:
        """The instant of the first change that was written down; None while there is none."""
        rows = await self.read("SELECT changed_at FROM {log} AS log ORDER BY id LIMIT 1")
        return rows[0].changed_at if rows else None

    async def read(self, sql: str, **parameters: object) -> Sequence[Any]:
        """The rows of a statement that has `{log}` in the place of the history."""
        return await _read(self._database, sql, **parameters)

    async def reclaim(self) -> None:
        """Gives the room of what was purged back to the database, which then writes over it."""
        await self._database.write("VACUUM memoria_tui.audit_log, memoria_tui.kept_vectors")


async def created_stamps(database: SqlDatabase) -> list[Stamp]:
    """When the newest memories say that they were made, beside the instant in which that was written down."""
    rows = await _read(database, _NEWEST_CREATED)
    read = [(read_iso(row.after.get("payload", {}).get("created_at")), row.changed_at) for row in rows]
    return [Stamp(made, [at]) for made, at in read if made is not None and made.tzinfo is None]


async def _read(database: SqlDatabase, sql: str, **parameters: object) -> Sequence[Any]:
    log = LOG if (await database.features()).since(_KINDS) else _EARLIER_LOG
    return await database.fetch(sql.format(log=log), **parameters)


class HistoryWriter:
    """Changes to write down, in one transaction."""

    def __init__(self, connection: SqlConnection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self.touches_work = False
        """Whether sessions, clients or projects are among the changes."""

    async def is_undone(self, group: str) -> bool:
        """Whether some group undoes this one."""
        rows = await self._connection.fetch(
            "SELECT 1 FROM memoria_tui.audit_log WHERE undoes = :group LIMIT 1", group=group
        )
        return bool(rows)

    async def newest_number_of(self, group: str) -> int:
        """The number of the last change of an act, 0 for none."""
        rows = await self._connection.fetch(
            "SELECT COALESCE(max(id), 0) AS newest FROM memoria_tui.audit_log WHERE change_group = :group", group=group
        )
        return int(rows[0].newest)

    async def append(
        self, group: str, changes: Sequence[NewChange], *, kind: Kind = Kind.EDIT, undoes: str | None = None
    ) -> list[int]:
        """Appends rows under one change group; gives their numbers in order.

        What a person decides about memories that wait for their review reviews them, in the same group.
        """
        self.touches_work |= any(one.entity in _OF_WORK for one in changes)
        note_act(group)
        actor = storable(actor_of(self._settings))
        act = {"change_group": group, "actor": actor, "program": self._settings.program, "kind": kind.value}
        numbers: list[int] = []
        rows = [*changes, *await self._reviewed(changes, kind, actor)]
        for first in range(0, len(rows), BATCH):
            batch = rows[first : first + BATCH]
            written = await self._connection.fetch(_APPEND, **act, undoes=undoes, first=first, **_columns(batch))
            ids = [row.id for row in sorted(written, key=lambda row: row.position)]
            kept = zip(ids, batch, strict=True)
            await self._keep_vectors([(id_, one.kept_vectors) for id_, one in kept if one.kept_vectors])
            numbers += ids
        return numbers[: len(changes)]

    async def _reviewed(self, changes: Sequence[NewChange], kind: Kind, actor: str) -> list[NewChange]:
        if actor.startswith(AGENT) or not (seen := decided(changes, kind)):
            return []
        return await ReviewWriter(self._connection).review(seen, actor)

    async def append_imported(self, changes: Sequence[Change]) -> int:
        """Appends changes of an export with their own group, actor, program and time, as new numbers.

        Those that are there already are left out; gives how many were new.
        """
        if not changes:
            return 0
        rows = await self._connection.fetch(
            _IMPORT,
            groups=[change.group for change in changes],
            actors=[storable(change.actor) for change in changes],
            programs=[storable(change.program) for change in changes],
            times=[change.at for change in changes],
            undoes=[change.undoes for change in changes],
            kinds=[change.kind.value for change in changes],
            **_columns(changes),
        )
        return len(rows)

    async def numbers(self, memory_ids: Sequence[str]) -> dict[str, int]:
        """As `History.numbers`."""
        rows = await self._connection.fetch(_NUMBERS.format(log=LOG), ids=list(memory_ids))
        return {row.id: row.number for row in rows}

    async def purge(self, ids: Sequence[str], ends: Sequence[str]) -> int:
        """Erases the history of memories, and with it all relations whose end is one of `ends`.

        Gives how many changes are gone.
        """
        (row,) = await self._connection.fetch(_PURGE, ids=list(ids), ends=list(ends))
        return int(row.changes)

    async def relations_gone(self, ends: Sequence[str]) -> list[Change]:
        """As `TrashedMemories.relations`."""
        rows = await self._connection.fetch(RELATIONS_GONE.format(log=LOG), ends=list(ends))
        return [change_of(row) for row in rows]

    async def _keep_vectors(self, kept: Sequence[tuple[int, KeptVectors]]) -> None:
        kept = [(id_, vectors) for id_, vectors in kept if vectors.vectors]
        if kept:
            await self._connection.fetch(
                _KEEP_VECTORS,
                oldest=kept[-1][0] - _VECTORS_OF,
                ids=[id_ for id_, _ in kept],
                models=[vectors.model for _, vectors in kept],
                dimensions=[len(vectors.vectors[0]) for _, vectors in kept],
                vectors=[packed(number for one in vectors.vectors for number in one) for _, vectors in kept],
            )


def _columns(changes: Sequence[NewChange] | Sequence[Change]) -> dict[str, object]:
    return {
        "entities": [change.entity.value for change in changes],
        "ids": [change.entity_id for change in changes],
        "actions": [change.action.value for change in changes],
        "befores": _states([change.before for change in changes]),
        "afters": _states([change.after for change in changes]),
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


def _states(states: Sequence[Mapping[str, object] | None]) -> str:
    """An array as PostgreSQL reads it: psycopg makes one of a list a character at a time, and the lock is held then."""
    texts = (None if one is None else exact_json(one).replace("\\", r"\\").replace('"', r"\"") for one in states)
    return "{" + ",".join("NULL" if one is None else f'"{one}"' for one in texts) + "}"


def _vectors(data: bytes, dimensions: int) -> tuple[list[float], ...]:
    numbers = unpacked(data)
    return tuple(numbers[start : start + dimensions].tolist() for start in range(0, len(numbers), dimensions))


def change_of(row: Any) -> Change:
    """The value of a row that has all COLUMNS."""
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


RELATIONS_GONE = f"""
SELECT {COLUMNS}
FROM (SELECT DISTINCT ON (entity_id) * FROM {{log}} AS log
      WHERE ends && CAST(:ends AS uuid[]) ORDER BY entity_id, id DESC) AS newest
WHERE action = 'deleted'
  AND EXISTS (SELECT 1 FROM memoria_tui.audit_log memory WHERE memory.change_group = newest.change_group
                AND memory.entity = 'memory' AND memory.action = 'deleted')
ORDER BY id
"""
