"""The outbox, `memoria_tui.embedding_schedule`: changes whose points are still to be written.

Its entries stay as they are under locks of memories: advisory ones, which PostgreSQL drops with the transaction. They
need no session, so they hold behind PgBouncer in transaction mode too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from services.ports import Mark, OutboxEntry, SqlConnection, Waiting
from services.records.columns import storable

_MOST_LOCKS = 200
"""Memories that are locked one by one; for more, all are locked at once: PostgreSQL's table of locks is bounded."""
_LOCK_TIMEOUT = "30s"
"""How long a writer waits for another program that holds a memory."""
_LOCK = f"""
SELECT set_config('lock_timeout', '{_LOCK_TIMEOUT}', true),
       CASE WHEN :repeatable THEN set_config('synchronous_commit', 'off', true) END,
       CASE WHEN n = 1 OR :shared THEN pg_advisory_xact_lock_shared(key) ELSE pg_advisory_xact_lock(key) END
FROM unnest(CAST(:keys AS bigint[])) WITH ORDINALITY AS wanted (key, n)
"""
_LOCK_EVERYTHING = f"""
SELECT set_config('lock_timeout', '{_LOCK_TIMEOUT}', true), pg_advisory_xact_lock(:key)
"""
_PUT = """
INSERT INTO memoria_tui.embedding_schedule AS entry (memory_id, change_id)
SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:changes AS bigint[]))
ON CONFLICT (memory_id) DO UPDATE
SET change_id = excluded.change_id, since = COALESCE(entry.since, entry.change_id), attempts = 0, last_error = NULL,
    next_attempt = now()
"""
_ENTRIES = """
SELECT memory_id, change_id, attempts, last_error, next_attempt FROM memoria_tui.embedding_schedule
WHERE (CAST(:due AS timestamptz) IS NULL OR next_attempt < :due)
  AND (attempts = 0 OR NOT CAST(:untried AS boolean))
ORDER BY attempts, change_id LIMIT :limit
"""
TELL_POINTS = """pg_notify('memoria_tui', '{"table": "points"}')"""
"""What is written in the same transaction is told to the programs that listen, at its commit."""
_AND_TELL = f"SELECT id, {TELL_POINTS} FROM applied"
_REMOVE = f"""
WITH applied AS (
    DELETE FROM memoria_tui.embedding_schedule entry
    USING unnest(CAST(:ids AS uuid[]), CAST(:changes AS bigint[])) AS applied (memory_id, change_id)
    WHERE entry.memory_id = applied.memory_id AND entry.change_id = applied.change_id
    RETURNING entry.memory_id::text AS id
)
{_AND_TELL}
"""
_POSTPONE = f"""
WITH applied AS (
    UPDATE memoria_tui.embedding_schedule entry
    SET attempts = attempts + 1, last_error = :error, next_attempt = later.next_attempt,
        since = CASE WHEN :written THEN entry.change_id + 1 ELSE entry.since END
    FROM unnest(CAST(:ids AS uuid[]), CAST(:changes AS bigint[]), CAST(:times AS timestamptz[]))
         AS later (memory_id, change_id, next_attempt)
    WHERE entry.memory_id = later.memory_id AND entry.change_id = later.change_id
    RETURNING entry.memory_id::text AS id
)
{_AND_TELL}
"""
_WAITING = """
SELECT entry.memory_id::text AS id, entry.attempts, COALESCE(entry.since > entry.change_id, false) AS written,
       ARRAY(SELECT change.id FROM memoria_tui.audit_log change
             WHERE change.entity_id = entry.memory_id AND change.entity = 'memory'
               AND change.id BETWEEN LEAST(entry.since, entry.change_id) AND entry.change_id
             ORDER BY change.id) AS changes
FROM memoria_tui.embedding_schedule entry WHERE entry.memory_id = ANY(CAST(:ids AS uuid[]))
"""
_MARKS = """
SELECT wanted.id::text AS id, COALESCE(newest.id, 0) AS newest, COALESCE(entry.change_id, 0) AS waiting,
       COALESCE(newest.action = 'deleted', false) AS deleted
FROM unnest(CAST(:ids AS uuid[])) AS wanted (id)
LEFT JOIN LATERAL (SELECT change.id, change.action FROM memoria_tui.audit_log change
                   WHERE change.entity_id = wanted.id AND change.entity = 'memory'
                   ORDER BY change.id DESC LIMIT 1) AS newest ON true
LEFT JOIN memoria_tui.embedding_schedule entry ON entry.memory_id = wanted.id
WHERE newest.id IS NOT NULL OR entry.change_id IS NOT NULL
"""
_LEFT_BEHIND = """
SELECT (SELECT count(*) FROM memoria_tui.embedding_schedule) AS entries,
       (SELECT note FROM memoria_tui.unfinished_restore) AS note
"""


class Outbox:
    """What is still to be applied, and how far the history of each memory has come."""

    def __init__(self, database: SqlConnection) -> None:
        self._database = database

    async def entries(
        self, *, due_before: datetime | None = None, untried: bool = False, limit: int = 1000
    ) -> list[OutboxEntry]:
        """Outbox entries, least tried and oldest first: what is due before an instant, or all.

        With `untried` only those that nobody tried to apply yet: their points are not there.
        """
        return [
            OutboxEntry(str(row.memory_id), row.change_id, row.attempts, row.last_error, row.next_attempt)
            for row in await self._database.fetch(_ENTRIES, due=due_before, untried=untried, limit=limit)
        ]

    async def count(self) -> int:
        rows = await self._database.fetch("SELECT count(*) AS entries FROM memoria_tui.embedding_schedule")
        return rows[0].entries if rows else 0

    async def left_behind(self) -> tuple[int, str | None]:
        """How many entries there are, and the note of a restore that is not finished, in one round trip."""
        rows = await self._database.fetch(_LEFT_BEHIND)
        return (rows[0].entries, rows[0].note) if rows else (0, None)

    async def waiting(self, memory_ids: Sequence[str]) -> dict[str, Waiting]:
        """What waits to be applied to these memories; those of which everything is applied are left out."""
        rows = await self._database.fetch(_WAITING, ids=list(memory_ids))
        return {row.id: Waiting(tuple(row.changes), row.attempts, row.written) for row in rows}

    async def marks(self, memory_ids: Sequence[str]) -> dict[str, Mark]:
        """How far the history of each memory has come; those without history or outbox entry are left out."""
        rows = await self._database.fetch(_MARKS, ids=list(memory_ids))
        return {row.id: Mark(row.newest, row.waiting, row.deleted) for row in rows}


class OutboxWriter(Outbox):
    """Outbox entries in one transaction, memory id → number of the change whose `after` is the state to reach.

    Under the lock of a memory its mark stays as it is.
    """

    async def lock(self, memory_ids: Iterable[str], *, shared: bool = False, repeatable: bool = False) -> None:
        """Waits until no other transaction holds these memories, then holds them to the end of this one.

        Of more than 200 all memories there are. Who draws relations to memories that it does not change locks them
        `shared`: then they are not deleted meanwhile. `repeatable`: what is done in this one is done again should a
        power cut undo it, so nobody waits for the disk. Raises StoreTimeout after 30 s.
        """
        wanted = set(memory_ids)
        if len(wanted) > _MOST_LOCKS:
            await self._database.fetch(_LOCK_EVERYTHING, key=_EVERYTHING)
        elif wanted:
            keys = [_EVERYTHING, *sorted(map(_key, wanted))]
            await self._database.fetch(_LOCK, keys=keys, shared=shared, repeatable=repeatable)

    async def put(self, entries: Mapping[str, int]) -> None:
        """Writes entries; one of the same memory is replaced."""
        if entries:
            await self._database.fetch(_PUT, ids=list(entries), changes=list(entries.values()))

    async def remove(self, entries: Mapping[str, int]) -> set[str]:
        """Removes entries; gives the memories whose entry was this one."""
        if not entries:
            return set()
        rows = await self._database.fetch(_REMOVE, ids=list(entries), changes=list(entries.values()))
        return {row.id for row in rows}

    async def postpone(
        self, entries: Mapping[str, int], error: str, next_attempts: Sequence[datetime], *, written: bool
    ) -> set[str]:
        """Counts a failed attempt at these entries; gives the memories whose entry was this one.

        `written`: the points get the state in this transaction, and will lack vectors only.
        """
        if not entries:
            return set()
        rows = await self._database.fetch(
            _POSTPONE,
            ids=list(entries),
            changes=list(entries.values()),
            times=list(next_attempts),
            error=storable(error),
            written=written,
        )
        return {row.id for row in rows}


def _key(name: str) -> int:
    """A number of 64 bits for an advisory lock, the same in every program."""
    digest = hashlib.blake2b(name.encode(), digest_size=8, person=b"memoria_tui").digest()
    return int.from_bytes(digest, signed=True)


_EVERYTHING = _key("every memory")
"""Held by all who write memories: shared by those who lock some, alone by who locks all."""
